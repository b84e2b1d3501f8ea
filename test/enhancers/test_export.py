"""Causal enhancers as ONNX: run by onnxruntime, the same samples as PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from sslse.cli.main import main
from sslse.enhancers import ENHANCERS, build_enhancer
from sslse.enhancers import export as exporting
from sslse.enhancers.export import STREAM_NAME, WHOLE_NAME, export_onnx, open_session, run_stream
from sslse.enhancers.step import STEPS, open_step
from sslse.enhancers.stream import STREAMS
from sslse.errors import ConfigError, DataError
from sslse.runtime.settings import read_settings
from sslse.tokens.tokenizer import Tokenizer

CONV_TASNET = {
    **{"num_filters": 12, "kernel_size": 64, "stride": 32, "bottleneck_channels": 5},
    **{"hidden_channels": 7, "blocks": 3, "repeats": 2, "causal": True, "normalize_input": False},
}
DCCRN = {
    **{"channels": [4, 8], "lstm_units": 8, "n_fft": 256, "win_length": 200, "causal": True},
    "normalize_input": False,
}
BAND_SPLIT = {"bands": 6, "channels": 4, "units": 6, "blocks": 2, "win_length": 320}
# Causal networks of every name in STEPS.
CASES = [
    ("conv_tasnet", {**CONV_TASNET, "norm": "cumulative"}),
    ("conv_tasnet", {**CONV_TASNET, "norm": "frame", "conv_kernel_size": 2}),
    ("conv_tasnet", {**CONV_TASNET, "norm": "cumulative", "stride": 64, "conv_kernel_size": 1}),
    ("conv_tasnet", {**CONV_TASNET, "norm": "cumulative", "stride": 16, "blocks": 1}),
    *(("dccrn", {**DCCRN, "hop_length": hop}) for hop in (40, 99, 100, 160)),
    *(("band_split", {**BAND_SPLIT, "hop_length": hop}) for hop in (100, 160)),
    ("band_split", {**BAND_SPLIT, "hop_length": 50, "level_seconds": 0.1}),
    ("dccrn", {**DCCRN, "hop_length": 100, "norm": "complex", "mask_mode": "C"}),
]


def build(name, config):
    """A network whose gains are not 1 and whose biases are not 0."""
    torch.manual_seed(0)
    net = build_enhancer(name, **config).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * max(1e-8, np.abs(wanted).max()))


def test_every_step_is_tested():
    kinds = {type(build_enhancer(name, **config)).__name__ for name, config in CASES}
    assert kinds == STEPS.keys() and kinds <= STREAMS.keys()


@pytest.mark.parametrize(("name", "config"), CASES)
def test_onnx_gives_what_torch_gives(name, config, tmp_path):
    net = build(name, config)
    assert export_onnx(net, tmp_path) < 1e-4
    rng = np.random.default_rng(1)
    whole = open_session((tmp_path / WHOLE_NAME).read_bytes())
    for samples in (1, 39, 256, 2777):
        noisy = (0.1 * rng.normal(size=(1, samples))).astype(np.float32)
        with torch.no_grad():
            close(whole.run(None, {"noisy": noisy})[0], net(torch.from_numpy(noisy)).numpy())
    # As docs/models.md says it: hop by hop, and zeros until all has come out.
    stream = open_session((tmp_path / STREAM_NAME).read_bytes())
    facts = {key: int(v) for key, v in stream.get_modelmeta().custom_metadata_map.items()}
    assert stream.get_modelmeta().custom_metadata_map == whole.get_modelmeta().custom_metadata_map
    assert (facts["sample_rate"], facts["hop_samples"]) == (16000, net.hop_samples)
    delay = facts["delay_samples"]
    assert delay + facts["hop_samples"] >= net.latency_samples > delay
    noisy = (0.1 * rng.normal(size=(1, 30 * net.hop_samples))).astype(np.float32)
    with torch.no_grad():
        wanted = net(torch.from_numpy(noisy)).numpy()
    known = noisy.shape[1] - net.latency_samples
    close(run_stream(stream, noisy)[:, delay:][:, :known], wanted[:, :known])


def test_the_state_is_all_that_a_stream_remembers(tmp_path):
    """Two recordings in turns through one session are as if each were alone."""
    net = build(*CASES[4])
    export_onnx(net, tmp_path)
    session = onnxruntime.InferenceSession(str(tmp_path / STREAM_NAME))
    names = [entry.name for entry in session.get_inputs()[1:]]
    assert [entry.name for entry in session.get_outputs()[1:]] == [f"next_{n}" for n in names]
    zeros = [np.zeros(entry.shape, np.float32) for entry in session.get_inputs()[1:]]
    rng = np.random.default_rng(0)
    recordings = rng.normal(size=(2, 12, 1, net.hop_samples)).astype(np.float32)
    alone = [run_stream(session, recording.reshape(1, -1)) for recording in recordings]
    states, parts = [zeros, zeros], [[], []]
    for hop in range(12):
        for number in range(2):
            given = dict(zip(names, states[number], strict=True))
            part, *states[number] = session.run(None, {"noisy": recordings[number, hop], **given})
            parts[number].append(part)
    for number in range(2):
        np.testing.assert_array_equal(np.concatenate(parts[number], 1), alone[number])


def test_a_long_stream_wears_nothing_out(tmp_path):
    """The count of frames does not grow, and the sums of cumulative norms are in double."""
    for name, config in (CASES[0], CASES[4]):
        export_onnx(build(name, config), tmp_path)
        inputs = onnx.load(tmp_path / STREAM_NAME).graph.input
        types = {entry.name: entry.type.tensor_type.elem_type for entry in inputs}
        assert types.get("sums", onnx.TensorProto.DOUBLE) == onnx.TensorProto.DOUBLE
    step = open_step(build(*CASES[4]))
    state = dict(step.state)
    for _ in range(9):
        _, *new = step(torch.zeros(1, step.hop), *state.values())
        state = dict(zip(state, new, strict=True))
    assert state["frames"].tolist() == [step.first, 0.0]


@pytest.mark.slow
def test_small_causal_configurations_that_have_a_step_are_exported(repository, tmp_path):
    for path in (repository / "conf" / "enhancer").glob("*_small_causal.yaml"):
        settings = read_settings(path)["model"]["init_args"]["enhancer"]
        if ENHANCERS.find(settings["name"]).__name__ in STEPS:
            assert export_onnx(build_enhancer(**settings).eval(), tmp_path) < 1e-4


def test_another_network_than_the_trained_one_is_refused(tmp_path, monkeypatch):
    net, traced = build(*CASES[0]), exporting._trace
    changed = build(*CASES[0])
    with torch.no_grad():
        changed.decoder.weight.mul_(1.001)
    monkeypatch.setattr(exporting, "_trace", lambda step: traced(open_step(changed)))
    with pytest.raises(DataError, match="differs from the trained one by 1.0e-03 of the largest"):
        export_onnx(net, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "config", "words"),
    [
        ("conv_tasnet", {"num_filters": 8, "kernel_size": 8, "stride": 4}, "is not causal"),
        ("demucs", {"hidden_channels": 4, "depth": 2, "causal": True}, "Demucs cannot be exported"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(name, config, words, tmp_path, capsys):
    build_enhancer(name, **config).save_pretrained(tmp_path / "exp/enhancer")
    out = tmp_path / "packed"
    assert main(["pack", "--exp", str(tmp_path / "exp"), "--out", str(out), "--onnx"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and words in said[0] and not out.exists()
    with pytest.raises(ConfigError, match=words):
        export_onnx(build_enhancer(name, **config).eval(), tmp_path)


def test_pack_exports_and_says_how_near_it_is(tmp_path, capsys):
    build(*CASES[4]).save_pretrained(tmp_path / "exp/enhancer")
    out = tmp_path / "packed"
    assert main(["pack", "--exp", str(tmp_path / "exp"), "--out", str(out), "--onnx"]) == 0
    assert "largest difference to PyTorch: " in capsys.readouterr().out
    names = {path.name for path in out.iterdir()}
    assert {WHOLE_NAME, STREAM_NAME, "config.json", "model.safetensors", "README.md"} == names
    assert "run without PyTorch" in Path(out / "README.md").read_text()
    # Packed again without: what is there would be of another model.
    assert main(["pack", "--exp", str(tmp_path / "exp"), "--out", str(out)]) == 0
    assert not list(out.glob("*.onnx")) and "ONNX" not in Path(out / "README.md").read_text()


def test_only_enhancers_are_exported(upstream_folder, tmp_path, capsys):
    Tokenizer(torch.randn(5, 4), 8000, 320, {"n": 1}).save_pretrained(tmp_path / "tokenizer")
    for folder in (tmp_path / "tokenizer", upstream_folder):
        out = tmp_path / "packed"
        assert main(["pack", "--exp", str(folder), "--out", str(out), "--onnx"]) == 1
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1 and "--onnx is for enhancers" in said[0] and not out.exists()
