"""Our evaluation of ESPnet's Transformer language model against ESPnet's own forward."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.cli.main import main
from sslse.errors import ConfigError
from sslse.search.load_lm import load_word_lm
from sslse.search.transformer_lm import TransformerWordLM

WORDS = ["<blank>", "<unk>", *(f"w{i}" for i in range(20)), "<sos/eos>"]
END = len(WORDS) - 1


def espnet_and_ours(pos_enc, dtype="float32"):
    from espnet2.lm.transformer_lm import TransformerLM

    torch.manual_seed(0)
    config = {"pos_enc": pos_enc, "head": 4, "layer": 3}
    net = TransformerLM(len(WORDS), embed_unit=12, att_unit=32, unit=48, **config).eval()
    for parameter in net.parameters():  # far from the nearly uniform beginning
        torch.nn.init.normal_(parameter, std=0.3)
    return net, TransformerWordLM(net.state_dict(), config, WORDS, dtype=dtype)


def full_forward(net, ids):
    """Return log-probabilities (L + 1, V) of the word after each beginning of a sentence."""
    with torch.no_grad():
        return net(torch.tensor([[END, *ids]]), None)[0][0].log_softmax(-1).double().numpy()


SENTENCES = st.lists(
    st.lists(st.integers(1, END - 1), max_size=9), min_size=1, max_size=6, unique_by=tuple
)


@settings(max_examples=25)
@given(sentences=SENTENCES, pos_enc=st.sampled_from([None, "sinusoidal"]))
def test_equals_the_full_forward_whatever_is_in_a_batch(sentences, pos_enc):
    net, lm = espnet_and_ours(pos_enc)
    ends = []
    for ids in sentences:  # nothing is computed until all histories are there
        state = np.array([lm.initial_state])
        for word in ids:
            state = lm.advance(state, np.array([word]))
        ends.append(int(state[0]))
    assert not lm.is_known(np.array(ends)).any()
    table = lm.score_table(np.array(ends), np.arange(len(WORDS)))
    for ids, row in zip(sentences, table, strict=True):
        np.testing.assert_allclose(row, full_forward(net, ids)[-1], atol=1e-5)
        words = [WORDS[i] if i > 1 else "unheard" for i in ids]
        expected = full_forward(net, ids)[range(len(ids) + 1), [*ids, END]].sum()
        assert lm.score_sentence(words) == pytest.approx(expected, abs=1e-4)
    np.testing.assert_allclose(lm.score_end(np.array(ends)), table[:, END], atol=1e-5)


def test_equal_histories_are_computed_once():
    _, lm = espnet_and_ours(None)
    start = np.zeros(3, np.int64)
    scores, states = lm.score_words(start, np.array([5, 6, 5]))
    assert states[0] == states[2] != states[1] and scores[0] == scores[2]
    assert lm.num_slots == 1  # the beginning
    lm.score_words(np.tile(states, 50), np.resize([7, 8], 150))
    assert lm.num_slots == 3 and lm.is_known(states).all()
    lm.reset()
    assert lm.num_slots == 0 and not lm.is_known(np.zeros(1, np.int64)).any()


def test_many_histories_outgrow_the_first_store():
    net, lm = espnet_and_ours("sinusoidal")
    first = lm.advance(np.zeros(20, np.int64), np.arange(2, 22))
    second = lm.advance(np.repeat(first, 20), np.tile(np.arange(2, 22), 20))
    early = lm.score_end(first)
    lm.score_end(second)
    assert lm.num_slots > 256
    np.testing.assert_array_equal(lm.score_end(first), early)
    np.testing.assert_allclose(early[3], full_forward(net, [5])[-1, END], atol=1e-5)


def test_bfloat16_is_near():
    net, lm = espnet_and_ours(None, "bfloat16")
    found = lm.score_sentence(["w1", "w2", "w3"])
    expected = full_forward(net, [3, 4, 5])[range(4), [3, 4, 5, END]].sum()
    assert found == pytest.approx(expected, abs=0.2) and found != expected


def test_bad_folders_are_one_sentence(tmp_path):
    net, _ = espnet_and_ours(None)
    weights = {f"lm.{name}": value for name, value in net.state_dict().items()}
    config = {
        "lm": "transformer",
        "token_type": "word",
        "token_list": WORDS,
        "lm_conf": {"pos_enc": None, "head": 4, "layer": 3},
    }

    def write(**changes):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump({**config, **changes}))
        torch.save(weights, tmp_path / "valid.loss.ave.pth")

    write()
    assert load_word_lm(tmp_path).score_sentence(["w1"]) < 0
    for changes, sentence in [
        ({"lm": "seq_rnn"}, "expected 'transformer' over 'word'"),
        ({"token_type": "bpe"}, "expected 'transformer' over 'word'"),
        ({"token_list": WORDS[:-1]}, "has 23 words but its token list 22"),
        ({"lm_conf": {"layer": 4, "head": 4}}, "has no parameter"),
        ({"lm_conf": {"pos_enc": "other"}}, "pos_enc other"),
    ]:
        write(**changes)
        with pytest.raises(ConfigError, match=sentence):
            load_word_lm(tmp_path)
    with pytest.raises(ConfigError, match="dtype float16"):
        TransformerWordLM(net.state_dict(), {}, WORDS, dtype="float16")


CONFIG = {
    "lm": "transformer",
    "lm_conf": {"embed_unit": 8, "att_unit": 8, "head": 2, "unit": 16, "layer": 1},
    "optim": "adam",
    "optim_conf": {"lr": 0.02},
    "batch_type": "sorted",
    "batch_size": 4,
    "max_epoch": 1,
    "num_workers": 0,
    "use_matplotlib": False,
    "use_tensorboard": False,
    "keep_nbest_models": 1,
    "best_model_criterion": [["valid", "loss", "min"]],
}


@pytest.mark.slow
def test_train_with_espnet_and_load(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (tmp_path / "text").write_text("one two\n\ntwo  one\none two rare\n" * 4)
    exp = tmp_path / "exp"
    arguments = [
        "train-lm",
        "--config",
        str(tmp_path / "config.yaml"),
        "--text",
        str(tmp_path / "text"),
    ]
    arguments += ["--valid", str(tmp_path / "text"), "--exp", str(exp), "--ngpu", "0"]
    arguments += ["--min-count", "5"]
    assert main(arguments) == 0
    assert "12 sentences, 2 words" in capsys.readouterr().out
    assert main(arguments) == 0 and "trained already" in capsys.readouterr().out
    lm = load_word_lm(exp)
    assert list(lm.words) == ["<blank>", "<unk>", "one", "two", "<sos/eos>"]
    assert np.exp(lm.score_table(np.zeros(1, np.int64), np.arange(5))).sum() == pytest.approx(1)


def test_train_ngrams_and_load(tmp_path, capsys):
    text = tmp_path / "text"
    text.write_text("one two\ntwo one\none two\n")
    arguments = ["train-lm", "--order", "2", "--text", str(text), "--exp", str(tmp_path / "exp")]
    assert main(arguments) == 0
    lm = load_word_lm(tmp_path / "exp")
    assert lm.score_sentence(["one", "two"]) > lm.score_sentence(["one", "one"])
    capsys.readouterr()
    assert main(arguments) == 0 and "trained already" in capsys.readouterr().out
    text.write_text("one two\ntwo one\ntwo two\n")
    assert main(arguments) == 1
    assert "was trained with another digest" in capsys.readouterr().err
    for wrong, sentence in [
        (["--order", "0"], "must be at least 1"),
        (["--order", "2", "--min-count", "9"], "no word occurs 9 times"),
        (["--config", str(tmp_path / "none")], "cannot read the configuration"),
    ]:
        assert (
            main(["train-lm", *wrong, "--text", str(text), "--exp", str(tmp_path / "other")]) == 1
        )
        assert sentence in capsys.readouterr().err
