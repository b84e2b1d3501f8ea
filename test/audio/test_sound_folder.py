"""Sound files are known by what is in them, through links, and nothing is left out unsaid."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sslse.audio.sound_folder import sounds_below
from sslse.errors import DataError


def names(folder: Path, **options: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in sounds_below(folder, **options)]


def test_content_and_not_the_ending_decides(tmp_path, wav, capsys):
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.wav", "B.WAV", "no_ending", "deep/c.bin"):
        (folder / name).write_bytes(wav.read_bytes())
    (folder / "d.m4a").write_bytes(b"\0\0\0\x1cftypM4A \0\0\2\0" + bytes(99))
    (folder / "e.mp3").write_bytes(b"\xff\xf3\x48\xc4" + bytes(99))
    (folder / "empty.flac").touch()  # says that it is sound: whoever reads it says what is wrong
    for name in ("1.txt", "2.txt", "3.csv", "deep/4"):
        (folder / name).write_text("\ufeffno sound", encoding="utf-16")
    (folder / ".hidden.wav").write_bytes(wav.read_bytes())
    os.mkfifo(folder / "waits.wav")
    found = ["B.WAV", "a.wav", "d.m4a", "deep/c.bin", "e.mp3", "empty.flac", "no_ending"]
    assert names(folder) == found
    said = capsys.readouterr().err
    assert "5 files" in said and "left out (1.txt, 2.txt, 3.csv, …)" in said


def test_links_are_followed_but_not_round_and_round(tmp_path, wav):
    folder, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    (folder / "sub").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "b.wav").write_bytes(wav.read_bytes())
    (folder / "linked").symlink_to(elsewhere)
    (folder / "sub" / "a.wav").symlink_to(wav)
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "gone.wav").symlink_to(tmp_path / "nowhere")
    assert names(folder) == ["gone.wav", "linked/b.wav", "sub/a.wav"]
    assert names(folder, without=folder / "sub") == ["gone.wav", "linked/b.wav"]
    assert names(folder, without=elsewhere) == ["gone.wav", "sub/a.wav"]
    assert names(folder, without=tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(DataError, match="cannot read the folder"):
        sounds_below(tmp_path)
