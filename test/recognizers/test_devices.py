"""On another device than the CPU every model computes the same, and nothing is left behind.

The device is that of ``test/fake_gpu.py``: whatever is not moved there is refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sslse.downstream.multi_task import MultiTaskModel
from sslse.downstream.prediction import TractVariablePredictor, predict_all
from sslse.enhancers import build_enhancer
from sslse.enhancers.base import Enhancer
from sslse.enhancers.chunked import enhance_stream
from sslse.recognizers import build_recognizer
from sslse.recognizers.base import RECOGNIZERS, takes
from sslse.search.transformer_lm import TransformerWordLM
from sslse.systems.upstream_pretraining import UpstreamPretraining
from sslse.upstreams import load_upstream

HEADS = {
    "ctc": {"tokens": ["<blank>", "<space>", *"abc"], "projection_size": 6, "hidden_size": 5},
    "classifier": {"labels": [["off", "on"], ["lamp", "music", "none"]]},
    "speaker": {"num_speakers": 3, "hidden_size": 6, "pooled_size": 7},
    "diarizer": {"num_speakers": 2, "hidden_size": 4},
    "tract_variables": {"hidden_sizes": [6, 4], "linear_sizes": [5]},
}
SAYS = {
    "ctc": "ctc",
    "classifier": "sslse.recognizers.heads:ClassifierRecognizer",
    "speaker": "sslse.recognizers.heads:EmbeddingRecognizer",
    "diarizer": "sslse.recognizers.heads:DiarizerRecognizer",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_hubert) -> Path:
    """A model with each head, and two enhancers."""
    root = tmp_path_factory.mktemp("models")
    UpstreamPretraining(tiny_hubert, num_units=4, seed=0).eval().export(root)
    source = str(root / "upstream")
    for kind, config in HEADS.items():
        torch.manual_seed(1)
        upstream = load_upstream(source).freeze()
        model = MultiTaskModel(upstream, {kind: {"head": kind, **config}}, source=source)
        model.save_pretrained(root / kind)
    sizes = {"num_filters": 8, "kernel_size": 4, "stride": 2, "blocks": 2, "repeats": 1}
    build_enhancer("conv_tasnet", **sizes).save_pretrained(root / "enhancer")
    return root


@pytest.fixture
def waveforms(rng) -> list[np.ndarray]:
    return [0.1 * rng.standard_normal(n).astype(np.float32) for n in (9000, 4321, 16000)]


def answers(recognizer, waveforms) -> list[list[float | str]]:
    """Return what is said of each waveform, numbers as such; of CTC the scores of a search."""
    if hasattr(recognizer, "recognize_nbest"):
        return [[one.ctc for one in found] for found in recognizer.recognize_nbest(waveforms)]
    lines = [line.strip("[]").split() for line in recognizer.recognize(waveforms)]
    return [[float(word) if word[-1:].isdigit() else word for word in words] for words in lines]


def build(folder, kind, device):
    options = {"beam": 20, "nbest": 3} if kind == "ctc" else {}
    return build_recognizer(SAYS[kind], folder / kind, device=device, **options)


@pytest.mark.parametrize("kind", SAYS)
def test_heads(folder, waveforms, gpu, kind):
    here, there = (answers(build(folder, kind, device), waveforms) for device in ("cpu", gpu))
    assert all(here) and len(here) == len(there) == len(waveforms)
    for ours, theirs in zip(here, there, strict=True):
        assert ours == pytest.approx(theirs, abs=2e-4)


@pytest.mark.parametrize("kind", SAYS)
def test_alone_and_in_a_batch_are_one(folder, waveforms, kind):
    recognizer = build(folder, kind, "cpu")
    for waveform, ours in zip(waveforms, answers(recognizer, waveforms), strict=True):
        assert ours == pytest.approx(answers(recognizer, [waveform])[0], abs=2e-4)


def test_tract_variables(folder, waveforms, gpu):
    here, there = (
        TractVariablePredictor(MultiTaskModel.from_pretrained(folder / "tract_variables", device=d))
        for d in ("cpu", gpu)
    )
    expected = [here.predict(waveform) for waveform in waveforms]
    for seconds in (0, 2.0, 100.0):
        for predictor in (here, there):
            for ours, theirs in zip(
                expected, predictor.predict_each(waveforms, seconds), strict=True
            ):
                np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_order_of_batches_is_not_that_of_the_output(folder, waveforms, tmp_path, capsys):
    from sslse.audio.files import write_audio

    names = ["z", "b", "m"]
    for name, waveform in zip(names, waveforms, strict=True):
        write_audio(tmp_path / f"{name}.wav", waveform, 16000)
    (tmp_path / "wav.scp").write_text(
        "".join(f"{name} {tmp_path}/{name}.wav\n" for name in [*names[:1], "gone", *names[1:]])
    )
    found = []
    for seconds in (0, 100):
        out = tmp_path / f"out{seconds}"
        arguments = ([str(tmp_path / "wav.scp")], str(folder / "tract_variables"), str(out))
        assert predict_all(*arguments, device="cpu", batch_seconds=seconds, table=True) == 1
        lines = (out / "tv.scp").read_text().splitlines()
        assert [line.split()[0] for line in lines] == sorted(names)
        tables = [out / f"csv/{name}.csv" for name in names]
        found.append([np.loadtxt(table, delimiter=",", skiprows=1) for table in tables])
    assert "error: gone: " in capsys.readouterr().err
    for alone, together in zip(*found, strict=True):
        np.testing.assert_allclose(alone, together, atol=1e-3, rtol=1e-3)


def test_enhancers(folder, waveforms, gpu):
    here, there = (Enhancer.from_pretrained(folder / "enhancer", device=d) for d in ("cpu", gpu))
    for waveform in waveforms:
        (expected,), (found,) = enhance_stream(here, [waveform]), enhance_stream(there, [waveform])
        np.testing.assert_allclose(expected, found, atol=1e-6)
        np.testing.assert_allclose(there.enhance(waveform), found, atol=1e-6)


def test_bfloat16_is_of_the_model_alone_and_the_default_is_float32(folder, waveforms):
    exact, default, short = (
        build_recognizer("ctc", folder / "ctc", device="cpu", beam=20, nbest=3, **options)
        for options in ({"dtype": "float32"}, {}, {"dtype": "bfloat16"})
    )
    for ours, same, theirs in zip(
        *(r.recognize_nbest(waveforms) for r in (exact, default, short)), strict=True
    ):
        assert ours == same
        assert theirs[0].ctc != ours[0].ctc
        assert theirs[0].ctc == pytest.approx(ours[0].ctc, rel=0.05)


def test_a_language_model(gpu):
    from espnet2.lm.transformer_lm import TransformerLM

    torch.manual_seed(0)
    words, config = ["<blank>", "<unk>", "a", "b", "<sos/eos>"], {"head": 2, "layer": 2}
    net = TransformerLM(5, embed_unit=4, att_unit=8, unit=8, pos_enc=None, **config).eval()
    here, there = (
        TransformerWordLM(net.state_dict(), config, words, device=d) for d in ("cpu", gpu)
    )
    for sentence in ("a b a", "b", "a unheard"):
        expected = here.score_sentence(sentence.split())
        assert there.score_sentence(sentence.split()) == pytest.approx(expected, abs=1e-4)


def test_every_recogniser_with_a_network_of_torch_has_a_device():
    assert {name for name in RECOGNIZERS if not takes(name, "device")} == {"pocketsphinx"}
