"""`sslse enhance --stream` as a user calls it: in pipes that are still being written."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from sslse.audio.files import resample
from sslse.cli.main import main
from sslse.enhancers.base import Enhancer
from sslse.enhancers.conv_tasnet import ConvTasNet
from sslse.enhancers.live import LiveEnhancer

SIZES = {"num_filters": 12, "kernel_size": 320, "stride": 160, "bottleneck_channels": 5}
SIZES |= {"hidden_channels": 7, "blocks": 3, "repeats": 1}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A causal network; latency 20 ms, hop 10 ms."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model") / "enhancer"
    ConvTasNet(**SIZES, causal=True, norm="cumulative", normalize_input=False).save_pretrained(
        folder
    )
    return folder


@pytest.fixture
def start(model, repository):
    """Start the command with pipes; whatever is left of it is ended."""
    processes = []

    def begin(*options: object, folder: Path = model) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "sslse", "enhance", "--stream", "--model", str(folder)]
            + [str(option) for option in options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"},
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def noise(samples: int, channels: int = 1) -> np.ndarray:
    waveform = 0.1 * np.random.default_rng(samples).normal(size=(samples, channels))
    return waveform.astype(np.float32)


def wav(waveform: np.ndarray, rate: int = 16000, subtype: str = "FLOAT") -> bytes:
    data = io.BytesIO()
    soundfile.write(data, waveform, rate, subtype, format="WAV")
    return data.getvalue()


def whole(model: Path, waveform: np.ndarray) -> np.ndarray:
    """One channel at 16 kHz through the model at once."""
    with torch.inference_mode():
        return Enhancer.from_pretrained(model)(torch.from_numpy(waveform)[None])[0].numpy()


def test_output_comes_before_the_input_ends(start, model):
    noisy = noise(16000)[:, 0]
    raw = (noisy * 32768).round().astype("<i2")
    process = start("--raw", 16000)
    got = b""
    for block in range(20):  # 100 ms at a time; the next only when the last has come out
        process.stdin.write(raw[1600 * block : 1600 * (block + 1)].tobytes())
        process.stdin.flush()
        if block == 9:
            break
        wanted = 2 * (1600 * (block + 1) - 160)  # one hop waits for the rest of its filter
        while len(got) < wanted:
            got += os.read(process.stdout.fileno(), wanted - len(got))
    rest, sentence = process.communicate()
    enhanced = np.frombuffer(got + rest, "<i2") / 32768
    np.testing.assert_allclose(enhanced, whole(model, raw.astype(np.float32) / 32768), atol=1e-4)
    assert process.returncode == 0
    assert re.fullmatch(
        rb"sslse enhance: algorithmic latency 20\.0 ms \(enhancer 20\.0, resampling 0\.0\); "
        rb"real-time factor \d+\.\d{3}; slowest block [\d.]+ ms of 10\.0 ms: .*\n",
        sentence,
    )


def test_wav_of_several_channels_and_another_rate_is_what_files_give(start, model, tmp_path):
    noisy = noise(9001, channels=2)
    options = ["--subtype", "FLOAT", "--oa", 0.3]
    process = start(*options, "--block-ms", 7)
    answer, sentence = process.communicate(wav(noisy, 44100))
    enhanced, rate = soundfile.read(io.BytesIO(answer), dtype="float32")
    assert (rate, enhanced.shape) == (44100, noisy.shape)
    (tmp_path / "a.wav").write_bytes(wav(noisy, 44100))
    arguments = [tmp_path / "a.wav", "-o", tmp_path / "out", "--model", model, *options]
    assert main(["enhance", *map(str, arguments)]) == 0
    expected, _ = soundfile.read(tmp_path / "out" / "a.wav", dtype="float32")
    np.testing.assert_allclose(enhanced, expected, atol=1e-5)
    latency, own, resampling = re.search(
        rb"latency ([\d.]+) ms \(enhancer ([\d.]+), resampling ([\d.]+)\)", sentence
    ).groups()
    assert float(latency) == pytest.approx(float(own) + float(resampling), abs=0.11)
    assert float(resampling) > 10


def test_a_reader_that_goes_away_ends_it(start):
    process = start("--raw", 16000)
    raw = (noise(16000)[:, 0] * 32768).astype("<i2").tobytes()
    process.stdin.write(raw)
    process.stdin.flush()
    os.read(process.stdout.fileno(), 100)
    process.stdout.close()
    with pytest.raises(BrokenPipeError):
        for _ in range(1000):
            process.stdin.write(raw)
    process.stdin = None
    assert process.wait(60) == 0
    sentence = process.stderr.read()
    assert b"Traceback" not in sentence and b"latency" in sentence


def test_ctrl_c_ends_the_input_and_nothing_is_lost(start, model):
    process = start("--raw", 16000)
    raw = (noise(3200)[:, 0] * 32768).round().astype("<i2")
    process.stdin.write(raw.tobytes())
    process.stdin.flush()
    got = b""
    while len(got) < 2 * (3200 - 160):
        got += os.read(process.stdout.fileno(), 10000)
    process.send_signal(signal.SIGINT)
    while part := os.read(process.stdout.fileno(), 10000):
        got += part
    assert process.wait(60) == 130
    enhanced = np.frombuffer(got, "<i2") / 32768
    np.testing.assert_allclose(enhanced, whole(model, raw.astype(np.float32) / 32768), atol=1e-4)
    sentence = process.stderr.read()
    assert b"Traceback" not in sentence and b"latency 20.0 ms" in sentence


def test_a_truncated_wav_gives_what_there_is_and_an_error(start):
    process = start()
    answer, sentence = process.communicate(wav(noise(5000))[:-4000])
    assert process.returncode == 1
    assert b"promises 5000 samples but they end at 4000" in sentence
    assert len(answer) == 44 + 2 * 4000


def test_use_that_cannot_be_is_one_sentence(start, model, tmp_path, capsys):
    torch.manual_seed(0)
    ConvTasNet(**SIZES).save_pretrained(tmp_path / "whole")
    for folder, arguments, part in [
        (model, ["a.wav"], "reads standard input"),
        (model, ["-o", "out"], "reads standard input"),
        (model, ["--block-ms", "0"], "--block-ms must be above 0"),
        (model, ["--raw", "0"], "--raw needs a rate"),
        (model, ["--oa", "-1"], "must be 0 or more"),
        (tmp_path / "whole", [], "not causal"),
    ]:
        assert main(["enhance", "--stream", "--model", str(folder), *arguments]) == 1
        sentence = capsys.readouterr().err
        assert part in sentence and len(sentence.splitlines()) == 1
    for arguments, part in [(["--raw", "8000"], "go with --stream"), (["-"], "no output")]:
        assert main(["enhance", "--model", str(model), *arguments]) == 1
        assert part in capsys.readouterr().err
    process = start()
    _, sentence = process.communicate(b"")
    assert sentence == b"sslse enhance: error: standard input is empty (0 bytes)\n"
    assert process.returncode == 1


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("form", ["add", "interpolate"])
@pytest.mark.parametrize("block", [11, 4800])
def test_noisy_samples_are_added_where_they_belong(model, rate, form, block):
    noisy = noise(3001)
    net = Enhancer.from_pretrained(model)
    live = LiveEnhancer(net, rate, 1, 0.3, form)
    parts = [live.push(noisy[at : at + block]) for at in range(0, len(noisy), block)]
    answer = np.concatenate([*parts, live.finish()])[:, 0]
    there = resample(noisy[:, 0], rate, 16000)
    mixed = whole(model, there) * (1.0 if form == "add" else 0.7) + 0.3 * there
    back = resample(mixed, 16000, rate)[:3001]
    assert len(answer) == 3001 and len(back) >= 3000
    np.testing.assert_allclose(answer[: len(back)], back, atol=1e-5)


def test_memory_does_not_grow(model):
    live = LiveEnhancer(Enhancer.from_pretrained(model), 48000, 1, 0.5)
    held = []
    for _ in range(3):
        for _ in range(100):
            live.push(noise(480))
        stream = live.streams[0]
        held.append((len(live.noisy), len(stream.waiting), live.owed, len(stream.tail)))
    assert max(len_ for len_, *_ in held) < 2 * stream.latency_samples
    assert max(owed for *_, owed, _ in held) < 48000 // 5


def test_the_report_says_whether_it_kept_up():
    from sslse.enhancers.live import LiveReport

    report = LiveReport(latency_seconds=0.02, block_seconds=0.01)
    for _ in range(10):
        report.add(0.01, 0.002)
    assert str(report).endswith("slowest block 2.0 ms of 10.0 ms: keeps up with real time")
    assert "real-time factor 0.200" in str(report)
    report.add(0.01, 0.03)
    assert str(report).endswith("keeps up on average, 1 of 11 blocks were late")
    report.add(0.01, 1.0)
    assert str(report).endswith("cannot keep up with real time")


def test_the_model_card_says_the_latency_of_a_causal_enhancer_alone(model, tmp_path):
    ConvTasNet(**SIZES).save_pretrained(tmp_path / "whole")
    cards = []
    for folder in (model, tmp_path / "whole"):
        out = tmp_path / f"packed_{folder.name}"
        assert main(["pack", "--exp", str(folder), "--out", str(out)]) == 0
        cards.append((out / "README.md").read_text())
    assert "an algorithmic latency of 20 ms" in cards[0] and "--stream" in cards[0]
    assert "latency" not in cards[1]


@pytest.mark.parametrize("given", [None, "2"])
def test_it_works_in_one_thread_unless_the_environment_says_otherwise(model, monkeypatch, given):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    seen = []
    monkeypatch.setattr(
        "sslse.enhancers.live.enhance_live", lambda *_: seen.append(torch.get_num_threads())
    )
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert main(["enhance", "--stream", "--model", str(model)]) == 0
        assert seen == [2 if given else 1] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
