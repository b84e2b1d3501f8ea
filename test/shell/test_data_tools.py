"""Splitting and combining data directories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture
def run(repository: Path):
    def call(name: str, *arguments: object) -> tuple[int, str]:
        command = [str(repository / "utils" / name), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return call


def make(folder: Path, names: list[str], text: str = "hello") -> Path:
    """Write a data directory with one wav for all utterances."""
    folder.mkdir()
    wav = folder.parent / "a.wav"
    soundfile.write(wav, np.full(800, 0.1), 16000)
    for file, value in {"wav.scp": wav, "text": text, "utt2spk": None}.items():
        lines = [f"{name} {name.split('-')[0] if value is None else value}\n" for name in names]
        (folder / file).write_text("".join(lines))
    return folder


def test_parts_combine_to_the_whole(tmp_path, run):
    names = [f"s{n // 3}-{n}" for n in range(7)]
    whole = make(tmp_path / "whole", names)
    status, output = run("split_data.sh", whole, 3)
    assert status == 0, output
    parts = [whole / "split3" / str(k) for k in (1, 2, 3)]
    sizes = [len((part / "wav.scp").read_text().splitlines()) for part in parts]
    assert sizes == [2, 2, 3]
    for part in parts:
        assert (part / "spk2utt").exists()
    status, output = run("combine_data.sh", tmp_path / "again", *parts)
    assert status == 0, output
    for file in ("wav.scp", "text", "utt2spk"):
        assert (tmp_path / "again" / file).read_text() == (whole / file).read_text()


def test_segments_are_split_with_their_recordings(tmp_path, run):
    folder = make(tmp_path / "x", ["rec1", "rec2"])
    (folder / "segments").write_text(
        "u1 rec1 0 0.02\nu2 rec1 0.02 0.04\nu3 rec2 0 0.02\nu4 rec2 0.01 0.03\n"
    )
    (folder / "text").write_text("u1 a\nu2 b\nu3 c\nu4 d\n")
    (folder / "utt2spk").write_text("u1 u1\nu2 u2\nu3 u3\nu4 u4\n")
    status, output = run("split_data.sh", folder, 2)
    assert status == 0, output
    second = folder / "split2/2"
    assert (second / "text").read_text() == "u3 c\nu4 d\n"
    assert [line.split()[0] for line in (second / "wav.scp").read_text().splitlines()] == ["rec2"]


def test_same_name_with_other_words_is_refused(tmp_path, run):
    first, second = make(tmp_path / "a", ["s-1"]), make(tmp_path / "b", ["s-1"], "bye")
    status, output = run("combine_data.sh", tmp_path / "c", first, second)
    assert status == 1
    assert "error: 's-1' stands in text of two folders" in output


def test_wrong_numbers(tmp_path, run):
    folder = make(tmp_path / "a", ["s-1"])
    assert run("split_data.sh", folder, 0)[0] == 2
    status, output = run("split_data.sh", folder, 2)
    assert status == 1 and "has 1 utterances, fewer than 2 parts" in output
    assert run("combine_data.sh", tmp_path / "c", folder)[0] == 2


def test_validate_and_fix_are_those_of_sslse(tmp_path, run):
    folder = make(tmp_path / "a", ["s-2", "s-1"])
    status, output = run("fix_data_dir.sh", folder)
    assert status == 0, output
    assert run("validate_data_dir.sh", "--help")[1].startswith("usage: sslse validate")
