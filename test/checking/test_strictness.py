"""``validate`` is as strict as those who read the data, and accepts what ``fix`` leaves."""

from __future__ import annotations

import re
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from sslse.checking.fix import fix
from sslse.checking.validate import validate
from sslse.data.datadir import DataDir, write_datadir
from sslse.data.rttm import Turn, read_rttm, read_turns, write_rttm
from sslse.data.scp import Table
from sslse.data.segments import Segment
from sslse.data.table_lines import read_lines
from sslse.data.trials import pair_utterances, read_trials, write_trials
from sslse.errors import DataError


def errors(path: Path) -> str:
    return "\n".join(
        str(problem) for problem in validate(path).problems if problem.severity == "error"
    )


@pytest.fixture
def rich(pairs):
    """``pairs`` with trials of the first four utterances of each speaker, turns and classes."""
    names = list(DataDir(pairs).utterances)
    write_rttm(pairs / "rttm", {name: [Turn(0, 0.02, name[:4])] for name in names})
    utt2spk = {name: name[:4] for name in names}
    write_trials(pairs / "trials", pair_utterances(utt2spk))
    assert validate(pairs).problems == []
    return pairs


@pytest.fixture
def cut(tmp_path, wav):
    """Segments of one recording of 0.1 s at 16 kHz."""
    names = ["s-a", "s-b", "s-c", "s-d"]
    write_datadir(
        tmp_path / "d",
        wav_scp={"rec": wav},
        utt2spk=dict.fromkeys(names, "s"),
        segments={name: ("rec", 0.02 * n, 0.02 * n + 0.02) for n, name in enumerate(names)},
    )
    return tmp_path / "d"


def rename(data: Path, new: str) -> None:
    """Give the utterance spk0-3 another id in all files; audio and words stay."""
    for path in filter(Path.is_file, data.iterdir()):
        path.write_text(re.sub(r"(?<!/)(?<!of )spk0-3(?!\.wav)", new, path.read_text()))


@pytest.mark.parametrize(
    "times, sentence",
    [
        ("0.0 inf", "START and END must be finite numbers"),
        ("nan 0.1", "START and END must be finite numbers"),
        ("0.0 nan", "START and END must be finite numbers"),
        ("0.01 0.01000001", "less than a sample at 16000 Hz"),
        ("0.01 1e308", "which has only 0.100 s"),
        ("1e308 -1", "which has only 0.100 s"),
        ("0.09999 -1", "which has only 0.100 s"),  # begins at the end, rounded
        ("0.0 0.02 1", "a channel that their recording in wav.scp does not have"),
        ("0.0 0.02 -1", "a channel is counted from 0"),
    ],
)
def test_times_that_cannot_be(cut, times, sentence):
    lines = (cut / "segments").read_text().splitlines()
    lines[1] = f"s-b rec {times}"
    (cut / "segments").write_text("\n".join(lines) + "\n")
    assert sentence in errors(cut) and "s-b" in errors(cut)
    assert list(fix(cut).dropped) == ["s-b"]
    assert validate(cut).problems == []
    assert [len(DataDir(cut).load(name)[0]) for name in ("s-a", "s-c", "s-d")] == [320] * 3


@pytest.mark.parametrize("text", ["rec 0 inf", "rec nan 1", "rec -1 1", "rec 1 1", "rec 0 1 -2"])
def test_segments_refuse_them_wherever_they_are_read(text):
    with pytest.raises(ValueError):
        Segment.parse(text)


def utf_16(text: str) -> bytes:
    return text.encode("utf-16")


@pytest.mark.parametrize("name", ["wav.scp", "text", "utt2spk", "rttm", "trials"])
def test_utf_16_is_named_and_converted(rich, name):
    before = (rich / name).read_text()
    (rich / name).write_bytes(utf_16(before))
    assert f"{rich / name} is UTF-16" in errors(rich)
    with pytest.raises(DataError, match="is UTF-16; convert it with 'iconv"):
        list(read_lines(rich / name))
    if name not in ("rttm", "trials"):
        with pytest.raises(DataError, match="is UTF-16"):
            Table(rich / name)
    assert fix(rich).dropped == {}
    assert (rich / name).read_text() == before and validate(rich).problems == []


@pytest.mark.parametrize("place", ["id", "value"])
@pytest.mark.parametrize("name", ["wav.scp", "text"])
def test_nul_bytes_lose_their_line_and_no_other(pairs, name, place):
    new = b"spk0\0-3 " if place == "id" else b"spk0-3 \0"
    path = pairs / name
    path.write_bytes(path.read_bytes().replace(b"spk0-3 ", new, 1))
    assert f"{path} has 1 lines that have a NUL byte (line 4)" in errors(pairs)
    with pytest.raises(DataError, match="line 4 has a NUL byte"):
        Table(path)
    repair = fix(pairs)
    assert repair.lost[name] == (1, 10) and repair.kept == (9 if name == "wav.scp" else 10)
    assert errors(pairs) == ""


def test_a_carriage_return_within_a_line(pairs):
    (pairs / "text").write_bytes(
        (pairs / "text").read_bytes().replace(b"words of", b"words\rof", 1)
    )
    assert "1 lines that have a carriage return within (line 1)" in errors(pairs)
    with pytest.raises(DataError, match="line 1 has a carriage return within"):
        Table(pairs / "text")
    assert fix(pairs).lost == {"text": (1, 10)} and errors(pairs) == ""


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\u2028", "\x85", "\x1c", "\ufeff"])
def test_odd_spaces_and_marks_in_words_become_plain(pairs, space):
    path = pairs / "text"
    path.write_text(path.read_text().replace("words of spk0-3", f"words{space}of spk0-3"))
    assert "1 lines with a no-break or other space of Unicode" in errors(pairs)
    assert fix(pairs).lost == {} and validate(pairs).problems == []
    glue = "" if space == "\ufeff" else " "
    assert DataDir(pairs).text["spk0-3"] == f"words{glue}of spk0-3"


@pytest.mark.parametrize("space, new", [("\u00a0", "_"), ("\u3000", "_"), ("\ufeff", "")])
def test_odd_ids_are_renamed_in_all_tables(rich, space, new):
    rename(rich, f"spk0{space}-3")
    assert "(_ in ids)" in errors(rich)
    with pytest.raises(DataError, match="line 4 has an id with a no-break"):
        Table(rich / "wav.scp")
    assert fix(rich).dropped == {}
    name = f"spk0{new}-3"
    assert errors(rich) == "" and name in DataDir(rich).utterances
    assert DataDir(rich).text[name] == "words of spk0-3"


def test_marks_of_files_that_were_joined(pairs):
    """``cat`` of two files with byte-order marks leaves one in the middle."""
    lines = (pairs / "text").read_text().splitlines(keepends=True)
    (pairs / "text").write_text("\ufeff" + "".join(lines[:5]) + "\ufeff" + "".join(lines[5:]))
    assert "1 lines with a no-break" in errors(pairs)
    assert fix(pairs).dropped == {} and validate(pairs).problems == []
    assert (pairs / "text").read_text() == "".join(lines)


def test_a_space_of_unicode_in_a_path_is_part_of_the_path(pairs, wav):
    there = wav.with_name("a\u00a0b.wav")
    shutil.copy(wav, there)
    write_datadir(pairs.parent / "d", wav_scp={"a": there}, utt2spk={"a": "a"})
    assert validate(pairs.parent / "d").problems == []
    assert len(DataDir(pairs.parent / "d").load("a")[0]) == 1600


@pytest.mark.parametrize("name", ["text", "utt2spk", "spk1.scp", "rttm", "trials"])
def test_two_unicode_forms_of_one_id_match(rich, name):
    rename(rich, "spk0-é")
    before = (rich / name).read_text()
    (rich / name).write_text(unicodedata.normalize("NFD", before))
    assert "in another Unicode form" in errors(rich)
    if name not in ("rttm", "trials"):  # readers match them as they are
        assert Table(rich / name)["spk0-é"] == Table(rich / name)["spk0-e\u0301"]
    data = DataDir(rich)
    if name == "rttm":
        assert read_turns(rich / name, data)["spk0-é"] == [Turn(0, 0.02, "spk0")]
    elif name == "trials":
        assert any(t.test == "spk0-é" for t in read_trials(rich / name, data.utterances))
    repair = fix(rich)
    assert (repair.dropped, repair.lost) == ({}, {})
    assert sorted((rich / name).read_text().split()) == sorted(before.split())
    assert errors(rich) == ""


def test_two_ids_that_differ_in_their_form_only_are_one_id_twice(pairs, wav):
    data = pairs.parent / "d"
    write_datadir(data, wav_scp={"é": wav, "e\u0301": pairs / "x.wav", "b": wav, "c": wav})
    (data / "utt2spk").write_text("é s\nb s\nc s\n")
    assert "1 repeated ids with different values" in errors(data)
    assert list(fix(data).dropped) == ["e\u0301"] or list(fix(data).dropped) == ["é"]


@pytest.mark.parametrize("name", ["wav.scp", "text", "rttm", "trials", "utt2snr"])
@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_folder_in_place_of_a_table(rich, name, kind):
    (rich / name).unlink()
    (rich / name).mkdir() if kind == "folder" else (rich / name).symlink_to("nowhere")
    before = sorted(path.name for path in rich.iterdir())
    for work in (validate, fix):
        with pytest.raises(DataError, match=f"{name} is a .*where a table is expected"):
            work(rich)
    with pytest.raises(DataError, match=f"{name} is a .*where a table is expected"):
        DataDir(rich).has(name)
    assert sorted(path.name for path in rich.iterdir()) == before


def test_every_table_is_filtered_with_the_utterances(rich):
    names = list(DataDir(rich).utterances)
    for table in ("noise1.scp", "spk2.scp"):
        shutil.copy(rich / "wav.scp", rich / table)
    (rich / "utt2intent").write_text("".join(f"{name} on lamp none\n" for name in names))
    (rich / "spk2gender").write_text("spk0 f\nspk1 m\n")
    (rich.parent / "audio" / "wav" / "spk0-3.wav").unlink()
    repair = fix(rich)
    assert list(repair.dropped) == ["spk0-3"] and validate(rich).problems == []
    for path in rich.iterdir():
        if path.is_file():
            assert "spk0-3" not in path.read_text(), path
            assert path.read_text(), path
    assert repair.lost["rttm"] == (1, 10) and repair.lost["trials"] == (9, 45)
    assert len(read_trials(rich / "trials")) == 36


def test_trials_of_one_kind_are_set_aside(rich):
    write_trials(rich / "trials", [t for t in read_trials(rich / "trials") if t.target])
    assert "not of both kinds" in errors(rich)
    repair = fix(rich)
    assert repair.set_aside == ["trials"] and (repair.backup / "trials").is_file()
    assert validate(rich).problems == []


@pytest.mark.parametrize("name", ["text", "spk1.scp", "rttm", "utt2snr"])
def test_lost_lines_count_whichever_table_lost_them(rich, name):
    lines = (rich / name).read_bytes().splitlines(keepends=True)
    lines[:6] = [line.replace(b"s", b"\xff") for line in lines[:6]]
    (rich / name).write_bytes(b"".join(lines))
    before = (rich / "wav.scp").read_bytes()
    with pytest.raises(DataError, match="6 of 10 (lines|utterances) of .* nothing was changed"):
        fix(rich)
    assert (rich / "wav.scp").read_bytes() == before and not (rich / ".backup").exists()
    assert fix(rich, max_drop=0.9).lost[name][0] == 6


def test_lines_of_wav_scp_that_nobody_can_read_count_too(pairs):
    lines = (pairs / "wav.scp").read_bytes().splitlines(keepends=True)
    (pairs / "wav.scp").write_bytes(
        b"".join(b"\xff" + line for line in lines[:7]) + b"".join(lines[7:])
    )
    with pytest.raises(DataError, match="7 of 10 lines of wav.scp"):
        fix(pairs)


def test_rttm_with_capitals_marks_and_comments(tmp_path):
    lines = [
        "\ufeffspeaker a 1 0.0 1.0 <NA> <NA> s1 <NA> <NA>",
        ";; a comment",
        "Speaker a 1 2.0 1.0 <NA> <NA> s2 <NA> <NA>",
        "SPKR-INFO a 1 <NA> <NA> <NA> unknown s1 <NA> <NA>",
    ]
    (tmp_path / "rttm").write_text("\n".join(lines))
    assert read_rttm(tmp_path / "rttm") == {"a": [Turn(0, 1, "s1"), Turn(2, 3, "s2")]}
    (tmp_path / "rttm").write_text("SPEAK a 1 0.0 1.0 <NA> <NA> s1 <NA> <NA>\n")
    with pytest.raises(DataError, match="line 1 is no turn"):
        read_rttm(tmp_path / "rttm")


def test_turns_in_milliseconds_are_refused(rich):
    turns = {name: [Turn(0, 20.0, "s")] for name in ("spk0-0", "spk1-0")}
    write_rttm(rich / "rttm", turns | {"spk0-1": [Turn(0, 0.02, "s")]})
    assert "2 turns that end after the audio (spk0-0: 20 s, the audio has 0.05 s)" in errors(rich)
    with pytest.raises(DataError, match="end after the audio .* times of RTTM are in seconds"):
        read_turns(rich / "rttm", DataDir(rich))
    assert fix(rich, max_drop=0.7).lost == {"rttm": (2, 3)}
    assert validate(rich).problems == []


def test_speakers_of_two_words_and_lengths_that_are_none(pairs):
    for name, value in (("utt2spk", "two words"), ("utt2num_samples", "²"), ("utt2snr", "nan")):
        text = (pairs / name).read_text().splitlines()
        (pairs / name).write_text("\n".join(["spk0-0 " + value, *text[1:]]) + "\n")
    assert "have no speaker of one word in utt2spk: spk0-0" in errors(pairs)
    assert "have no number in utt2num_samples: spk0-0" in errors(pairs)
    assert "have no number in utt2snr: spk0-0" in errors(pairs)
    data = DataDir(pairs)
    for table in (data.utt2spk, data.utt2num_samples, data.utt2snr):
        with pytest.raises(DataError, match="id spk0-0 has the value"):
            table["spk0-0"]
    assert list(fix(pairs).dropped) == ["spk0-0"] and validate(pairs).problems == []


def test_a_partial_text_is_kept(pairs):
    lines = (pairs / "text").read_text().splitlines(keepends=True)
    (pairs / "text").write_text("".join(lines[:1]))
    assert errors(pairs) == "" and fix(pairs).kept == 10
    assert list(DataDir(pairs).text) == ["spk0-0"]


def test_ids_are_shown_so_that_one_sees_what_is_wrong(tmp_path, wav):
    (tmp_path / "wav.scp").write_text(f"u\u200b1 {wav}\nu1 {wav}\n")
    (tmp_path / "utt2spk").write_text("u1 u1\n")
    assert r"'u\u200b1'" in errors(tmp_path)


def test_no_audio_is_read_where_tables_alone_are_asked_for(rich):
    np.testing.assert_equal(validate(rich, audio=False).problems, [])
    (rich / "utt2num_samples").write_text("spk0-0 many\n")
    assert fix(rich, audio=False).kept == 10
    assert not any(p.severity == "error" for p in validate(rich, audio=False).problems)
