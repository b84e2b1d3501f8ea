"""The CTC head: padding, decoding, tokens, the feature cache and the saved recogniser."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sslse.downstream.ctc import CTCHead, greedy_decode
from sslse.downstream.feature_cache import CachedFeatures
from sslse.downstream.multi_task import MultiTaskModel
from sslse.downstream.tokens import Tokens
from sslse.recognizers import build_recognizer
from sslse.systems.upstream_pretraining import UpstreamPretraining
from sslse.upstreams import load_upstream
from sslse.upstreams.base import UpstreamOutput

SIZES = {
    "num_states": 3,
    "input_size": 16,
    "tokens": ["<blank>", *"abcd"],
    "projection_size": 8,
    "hidden_size": 6,
    "num_layers": 1,
}


@pytest.fixture(scope="module")
def upstream_folder(tmp_path_factory, tiny_hubert):
    system = UpstreamPretraining(tiny_hubert, num_units=4, seed=0).eval()
    return system.export(tmp_path_factory.mktemp("upstream"))[0]


@pytest.mark.parametrize("utterance_norm", [False, True])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_padding_does_not_change_logits(stride, utterance_norm):
    torch.manual_seed(0)
    head = CTCHead(**SIZES, stride=stride, utterance_norm=utterance_norm).eval()
    states = [torch.randn(1, 11, 16) for _ in range(3)]
    alone, length = head(UpstreamOutput(states, torch.tensor([11])), None)
    padded = [torch.cat([s, torch.randn(1, 7, 16)], 1).repeat(2, 1, 1) for s in states]
    batch, lengths = head(UpstreamOutput(padded, torch.tensor([11, 18])), None)
    assert lengths[0] == length[0] == -(-11 // stride)
    torch.testing.assert_close(batch[0, : length[0]], alone[0])


def test_greedy_decoding_equals_itertools():
    path = torch.randint(0, 4, (3, 30), generator=torch.Generator().manual_seed(0))
    logits = torch.nn.functional.one_hot(path, 4).float()
    lengths = torch.tensor([30, 17, 1])
    expected = [
        [token for token, _ in itertools.groupby(row[:length].tolist()) if token]
        for row, length in zip(path, lengths, strict=True)
    ]
    assert greedy_decode(logits, lengths) == expected


@given(st.text(alphabet="abc ", max_size=30), st.sampled_from(["char", "word"]))
def test_tokens_round_trip(text, unit):
    tokens = Tokens.from_transcripts([text], unit)
    assert tokens.decode(tokens.encode(text)) == " ".join(text.split())


def test_unseen_words_become_unknown():
    tokens = Tokens.from_transcripts(["a b"], "word")
    assert tokens.decode(tokens.encode("a x")) == "a <unk>"


class Waves(torch.utils.data.Dataset):
    """Waveforms of several lengths."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.waves = [torch.randn(n, generator=generator) for n in (1600, 3333, 800)]
        self.utterances = ["a", "b", "c"]

    def __len__(self):
        return 3

    def describe(self, index):
        return {"text": self.utterances[index]}

    def __getitem__(self, index):
        return {"waveform": self.waves[index], **self.describe(index)}


def test_cached_features_are_the_upstreams(upstream_folder, tmp_path):
    upstream = load_upstream(str(upstream_folder)).freeze()
    waves = Waves()
    cached = CachedFeatures(waves, upstream, tmp_path / "train", "1")
    for index in range(3):
        wave = waves[index]["waveform"][None]
        states = upstream(wave, torch.tensor([wave.shape[1]])).hidden_states
        expected = torch.stack(states, 2)[0]
        torch.testing.assert_close(cached[index]["features"], expected, atol=5e-3, rtol=5e-3)
        assert cached[index]["text"] == waves.utterances[index]


def test_cache_is_made_once_for_one_fingerprint(upstream_folder, tmp_path):
    upstream = load_upstream(str(upstream_folder)).freeze()
    waves = Waves()
    CachedFeatures(waves, upstream, tmp_path / "train", "1")
    CachedFeatures(waves, None, tmp_path / "train", "1")  # no upstream is needed again
    with pytest.raises(AttributeError):
        CachedFeatures(waves, None, tmp_path / "train", "2")


def test_saved_recogniser_transcribes_alone_as_in_a_batch(upstream_folder, tmp_path):
    torch.manual_seed(0)
    tokens = Tokens.from_transcripts(["one two three"], "word")
    sizes = {"projection_size": 8, "hidden_size": 6, "num_layers": 1}
    head = {"head": "ctc", "tokens": tokens.symbols, "unit": "word", **sizes}
    source = str(upstream_folder)
    frozen = load_upstream(source).freeze()
    model = MultiTaskModel(frozen, {"ctc": head}, normalize_level=False, source=source).eval()
    model.save_pretrained(tmp_path / "downstream")
    recognizer = build_recognizer("ctc", tmp_path)
    generator = np.random.default_rng(0)
    waves = [generator.normal(size=n).astype(np.float32) for n in (8000, 5000, 16000)]
    together = recognizer.recognize(waves)
    assert together == [recognizer.recognize([wave])[0] for wave in waves] and any(together)
    # And both are those of the head on the hidden states of the upstream.
    for wave, text in zip(waves, together, strict=True):
        with torch.no_grad():
            output = frozen(torch.from_numpy(wave)[None])
            ids = greedy_decode(*model.heads["ctc"](output, None))[0]
        assert tokens.decode(ids) == text


def test_dropout_follows_each_recurrent_layer_and_comes_before_none():
    """As in the benchmark: none between the projection and the first layer."""
    head = CTCHead(2, 6, ["<blank>", "a"], projection_size=5, hidden_size=40, dropout=0.5).train()
    seen = {}
    head.projection.register_forward_hook(lambda m, args, out: seen.update(projected=out))
    head.lstm.register_forward_pre_hook(lambda m, args: seen.update(lstm=args[0].data))
    head.output.register_forward_pre_hook(lambda m, args: seen.update(output=args[0]))
    states = UpstreamOutput([torch.randn(1, 9, 6) for _ in range(2)], torch.tensor([9]))
    head(states, torch.tensor([9 * 320]))
    torch.testing.assert_close(seen["lstm"], seen["projected"][0])
    assert head.lstm.dropout == 0.5 and 0.3 < (seen["output"] == 0).float().mean() < 0.7
    head.input_dropout.p = 1.0
    head(states, torch.tensor([9 * 320]))
    assert not seen["lstm"].any()
