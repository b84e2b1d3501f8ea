"""Subsets of data directories, and combining them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sslse.checking.validate import validate


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
    parts = [tmp_path / "low", tmp_path / "high"]
    for part, regex in zip(parts, ("-[0-2]$", "-[3-6]$"), strict=True):
        status, output = run("subset_data.sh", whole, part, regex)
        assert status == 0, output
        assert (part / "spk2utt").exists()
    status, output = run("combine_data.sh", tmp_path / "again", *parts)
    assert status == 0, output
    for file in ("wav.scp", "text", "utt2spk"):
        assert (tmp_path / "again" / file).read_text() == (whole / file).read_text()


def test_same_name_with_other_words_is_refused(tmp_path, run):
    first, second = make(tmp_path / "a", ["s-1"]), make(tmp_path / "b", ["s-1"], "bye")
    status, output = run("combine_data.sh", tmp_path / "c", first, second)
    assert status == 1
    assert "error: 's-1' stands in text of two folders" in output


def test_wrong_use(tmp_path, run):
    folder = make(tmp_path / "a", ["s-1"])
    assert run("combine_data.sh", tmp_path / "c", folder)[0] == 2
    assert run("subset_data.sh", folder, tmp_path / "c")[0] == 2
    status, output = run("subset_data.sh", folder, tmp_path / "c", "none")
    assert status == 1 and "wav.scp matches 'none'" in output


def test_text_is_optional_and_nobody_is_dropped_for_it(tmp_path, run):
    some, none, all_ = (make(tmp_path / x, [f"{x}-1", f"{x}-2"]) for x in ("some", "none", "all"))
    (some / "text").write_text("some-1 hello\n")
    (none / "text").unlink()
    status, output = run("combine_data.sh", tmp_path / "c", none, some, all_)
    assert status == 0, output
    assert len((tmp_path / "c" / "wav.scp").read_text().splitlines()) == 6
    assert (tmp_path / "c" / "text").read_text() == "all-1 hello\nall-2 hello\nsome-1 hello\n"
    assert "3 of 6 utterances" in output and "not in text" in output
    assert not any(problem.severity == "error" for problem in validate(tmp_path / "c").problems)


def test_segments_with_whole_recordings_are_not_combined(tmp_path, run):
    first, second = make(tmp_path / "a", ["a-1"]), make(tmp_path / "b", ["b-1"])
    (second / "segments").write_text("b-1 b-1 0 0.02\n")
    status, output = run("combine_data.sh", tmp_path / "c", first, second)
    assert status == 1 and f"{first} has no segments and others have" in output


def lists(folder: Path, names: list[str]) -> None:
    turn = "SPEAKER {} 1 0.000 0.020 <NA> <NA> s <NA> <NA>\n"
    (folder / "rttm").write_text("".join(map(turn.format, names)))
    (folder / "trials").write_text(
        "".join(f"{int(a[:2] == b[:2])} {a} {b}\n" for a in names for b in names if a < b)
    )


def test_turns_and_trials_go_with_their_utterances(tmp_path, run):
    names = [f"s{n // 4}-{n}" for n in range(8)]
    whole = make(tmp_path / "whole", names)
    lists(whole, names)
    parts = [tmp_path / "low", tmp_path / "high"]
    for part, regex in zip(parts, ("-[0-3]$", "-[4-7]$"), strict=True):
        status, output = run("subset_data.sh", whole, part, regex)
        # Trials of one speaker alone have no error rate.
        assert status == 0 and "set trials aside" in output, output
        assert len((part / "rttm").read_text().splitlines()) == 4
    status, output = run("combine_data.sh", tmp_path / "again", *parts)
    assert status == 0, output
    assert (tmp_path / "again" / "rttm").read_text() == (whole / "rttm").read_text()
    status, output = run("subset_data.sh", whole, tmp_path / "few", "[3-6]$")
    assert status == 0, output
    assert (tmp_path / "few" / "trials").read_text() == (
        "0 s0-3 s1-4\n0 s0-3 s1-5\n0 s0-3 s1-6\n1 s1-4 s1-5\n1 s1-4 s1-6\n1 s1-5 s1-6\n"
    )
    assert len((tmp_path / "few" / "rttm").read_text().splitlines()) == 4


def test_a_subset_of_segments_keeps_their_recordings(tmp_path, run):
    folder = make(tmp_path / "x", ["rec1", "rec2"])
    (folder / "segments").write_text("u1 rec1 0 0.02\nu2 rec1 0.02 0.04\nu3 rec2 0 0.02\n")
    (folder / "text").write_text("u1 a\nu2 b\nu3 c\n")
    (folder / "utt2spk").write_text("u1 u1\nu2 u2\nu3 u3\n")
    status, output = run("subset_data.sh", folder, tmp_path / "few", "u[12]")
    assert status == 0, output
    assert (tmp_path / "few" / "text").read_text() == "u1 a\nu2 b\n"
    assert (tmp_path / "few" / "wav.scp").read_text().startswith("rec1 ")


@pytest.mark.parametrize("link", ["itself", "symbolic", "hard"])
def test_what_is_read_is_never_written(tmp_path, run, link):
    whole, other = make(tmp_path / "whole", ["a-1", "a-2"]), make(tmp_path / "other", ["b-1"])
    out = tmp_path / "out"
    if link == "itself":
        out = whole
    elif link == "symbolic":
        out.symlink_to(whole)
    else:
        out.mkdir()
        (out / "text").hardlink_to(whole / "text")
    before = {path.name: path.read_bytes() for path in whole.iterdir()}
    for command in (
        ("combine_data.sh", out, whole, other),
        ("combine_data.sh", out, other, whole),
        ("subset_data.sh", whole, out, "a-1"),
        ("enhance_set.sh", whole, out, tmp_path / "model"),
    ):
        status, output = run(*command)
        assert status == 1 and "is read, so nothing may be written" in output, output
    assert {path.name: path.read_bytes() for path in whole.iterdir()} == before
