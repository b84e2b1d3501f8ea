"""One bad item never ends the batch; nothing wrong ends with status 0 or a traceback."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from sslse.audio.files import write_audio
from sslse.cli.main import main
from sslse.data.datadir import write_datadir
from sslse.enhancers.conv_tasnet import ConvTasNet

CASES = Path(__file__).parents[3] / "shared" / "cases"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    ConvTasNet(12, 32, 16, 5, 7, blocks=3, repeats=1).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def sound(tmp_path, rng) -> str:
    write_audio(tmp_path / "a.wav", 0.1 * rng.standard_normal(8000), 16000)
    return str(tmp_path / "a.wav")


def run(capsys, *command: object) -> tuple[int, str]:
    status = main([str(word) for word in command])
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return status, said


@pytest.mark.parametrize("size", [240, 250])
def test_ids_as_long_as_file_names_can_be(tmp_path, sound, model, capsys, size):
    write_datadir(tmp_path / "d", wav_scp={"x" * size: sound, "u": sound})
    command = ("enhance", tmp_path / "d", "-o", tmp_path / "o", "--model", model)
    assert run(capsys, *command)[0] == 0
    pair = ("--speech", tmp_path / "d", "--noise", tmp_path / "d", "--out", tmp_path / "n")
    assert run(capsys, "simulate", *pair, "--nj", 1)[0] == 0
    assert (tmp_path / "n/audio/noisy" / f"{'x' * size}.wav").is_file()


def test_longer_ids_fail_alone(tmp_path, sound, model, capsys):
    write_datadir(tmp_path / "d", wav_scp={"x" * 300: sound, "u": sound})
    command = ("enhance", tmp_path / "d", "-o", tmp_path / "o", "--model", model)
    status, said = run(capsys, *command)
    assert status == 1 and "the name has 304 bytes" in said and "shorten the id" in said
    assert "1 recordings enhanced, 0 were there already, 1 failed" in said
    assert (tmp_path / "o/wav.scp").read_text().startswith("u ")
    pair = ("--speech", tmp_path / "d", "--noise", tmp_path / "d", "--out", tmp_path / "n")
    status, said = run(capsys, "simulate", *pair, "--nj", 1)
    assert status == 1 and "1 of 2 utterances failed, the others are mixed" in said
    assert (tmp_path / "n/audio/noisy/u.wav").is_file() and (tmp_path / "n/.failed").is_file()


def test_whatever_an_item_raises_is_its_sentence(tmp_path, sound, model, capsys, monkeypatch):
    from sslse.enhancers import batch

    real = batch.enhance_recording

    def broken(enhancer, recording, options):
        if recording.id == "b":
            raise KeyError("deep inside of a package")
        return real(enhancer, recording, options)

    monkeypatch.setattr(batch, "enhance_recording", broken)
    write_datadir(tmp_path / "d", wav_scp=dict.fromkeys("abc", sound))
    command = ("enhance", tmp_path / "d", "-o", tmp_path / "o", "--model", model)
    status, said = run(capsys, *command)
    assert status == 1 and "error: b: 'deep inside of a package' (KeyError, in sslse/" in said
    assert "2 recordings enhanced, 0 were there already, 1 failed" in said


@pytest.mark.parametrize("command", ["decode", "diarize", "score", "simulate"])
def test_a_file_in_place_of_the_output(tmp_path, sound, capsys, command):
    data, out = tmp_path / "d", tmp_path / "file"
    write_datadir(data, wav_scp={"u": sound}, text={"u": "a"})
    out.touch()
    options = {
        "decode": ("--recognizer", "pocketsphinx", "--data", data),
        "diarize": ("--detector", "energy", "--data", data),
        "score": ("--reference", data, "--hyp", f"a={data}/text"),
        "simulate": ("--speech", data, "--noise", data, "--nj", 1),
    }
    status, said = run(capsys, command, *options[command], "--out", out)
    assert status == 1 and str(out) in said and said.count("\n") == 1
    assert out.read_bytes() == b""


def test_an_empty_list_and_a_pipe_are_refused(tmp_path, model, capsys):
    (tmp_path / "e.scp").touch()
    command = ("-o", tmp_path / "o", "--model", model)
    status, said = run(capsys, "enhance", tmp_path / "e.scp", *command)
    assert status == 1 and "has no recording" in said
    reading, writing = os.pipe()
    os.close(writing)
    status, said = run(capsys, "enhance", f"/dev/fd/{reading}", *command)
    os.close(reading)
    assert status == 1 and "is a pipe, which can be read once only" in said


def test_an_utterance_too_short_for_a_metric(tmp_path, rng, capsys):
    for name, samples in (("ok", 16000), ("short", 100)):
        clean = 0.1 * rng.standard_normal(samples)
        write_audio(tmp_path / f"{name}.wav", clean, 16000)
        write_audio(tmp_path / f"{name}_e.wav", clean + 0.01 * np.cos(np.arange(samples)), 16000)
    files = {name: str(tmp_path / f"{name}.wav") for name in ("ok", "short")}
    write_datadir(tmp_path / "d", wav_scp=files, spk1_scp=files)
    lines = (f"{name} {tmp_path}/{name}_e.wav\n" for name in files)
    (tmp_path / "e.scp").write_text("".join(lines))
    command = ["score", "--reference", tmp_path / "d", "--enhanced", tmp_path / "e.scp"]
    command += ["--metrics", "snr,stoi", "--nj", 1, "--out", tmp_path / "s"]
    assert run(capsys, *command)[0] == 1
    assert "short stoi STOI needs" in (tmp_path / "s/failed").read_text()
    assert run(capsys, *command, "--allow-failed")[0] == 0


@pytest.mark.skipif(not CASES.is_dir(), reason="no shared cases")
@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("33_messages_without_a_way_out/shorten.sph", "sph2pipe"),
        ("33_messages_without_a_way_out/m4a.m4a", "ffmpeg -i"),
        ("33_messages_without_a_way_out/rate0.wav", "rate"),
        ("33_messages_without_a_way_out/rate_huge.wav", "rate is 2147483647 Hz"),
    ],
)
def test_shared_sounds_fail_with_a_way_out_and_alone(tmp_path, sound, model, capsys, case, words):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(CASES / case, folder)
    shutil.copy(sound, folder / "good.wav")
    status, said = run(capsys, "enhance", folder, "-o", tmp_path / "o", "--model", model)
    assert status == 1 and words in said and "1 recordings enhanced" in said
    assert (tmp_path / "o/good.wav").is_file()
