"""A journal knows what is finished, whatever happens to its file, and a fingerprint what it was
made from."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslse.data.datadir import DataDir
from sslse.data.fingerprint import audio_facts, files_of, fingerprint, model_facts, source_facts
from sslse.runtime.journal import Journal


def fill(path, count: int = 3) -> bytes:
    with Journal(path, "about") as journal:
        for number in range(count):
            journal.add(f"u{number}", "made", value=number)
    return path.read_bytes()


def test_what_is_noted_is_there_for_the_same_sources_alone(tmp_path):
    path = tmp_path / "j"
    fill(path)
    journal = Journal(path, "about")
    assert journal.get("u1", "made") == {"value": 1}
    assert journal.get("u1", "other") is None and journal.get("u9", "made") is None
    assert "u1" in journal and "u9" not in journal
    assert Journal(path, "something else").get("u1", "made") is None


def test_the_order_of_finishing_and_what_was_replaced_leave_no_trace(tmp_path):
    wanted = fill(tmp_path / "a")
    with Journal(tmp_path / "b", "about") as journal:
        for number in (2, 0, 1, 0):
            journal.add(f"u{number}", "made", value=number)
    assert (tmp_path / "b").read_bytes() == wanted


@given(cut=st.integers(0, 400))
def test_a_line_that_a_kill_has_cut_does_not_count(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "j"
    whole = fill(path)
    cut = min(cut, len(whole))
    path.write_bytes(whole[:cut])
    journal = Journal(path, "about")
    lines = whole[:cut].count(b"\n")
    assert [f"u{number}" in journal for number in range(3)] == [lines > n + 1 for n in range(3)]
    with journal:
        for number in range(3):
            if f"u{number}" not in journal:
                journal.add(f"u{number}", "made", value=number)
    assert path.read_bytes() == whole


@given(place=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_damaged_journal_never_ends_the_command(tmp_path_factory, place, byte):
    path = tmp_path_factory.mktemp("damage") / "j"
    whole = bytearray(fill(path))
    whole[place % len(whole)] = byte
    path.write_bytes(whole)
    with Journal(path, "about") as journal:
        journal.add("u0", "made", value=0)
    assert Journal(path, "about").get("u0", "made") == {"value": 0}


@pytest.mark.parametrize(
    "line", ["garbage{\n", "3\n", "[]\n", "{}\n", '{"id": [], "made_from": 1}\n', "\0\n"]
)
def test_damage_is_said(tmp_path, capsys, line):
    fill(tmp_path / "j")
    with open(tmp_path / "j", "a") as stream:
        stream.write(line)
    assert "u1" not in Journal(tmp_path / "j", "about")
    assert "is damaged" in capsys.readouterr().err


def test_every_kind_of_source(tmp_path):
    recording = tmp_path / "a b.wav"
    recording.write_bytes(b"one")
    for source in (str(recording), f"{recording}:12", f"sox '{recording}' -t wav - |"):
        assert files_of(source) == [str(recording)]
        before = source_facts(source)
        assert source_facts(source) == before
        os.utime(recording, ns=(1, os.stat(recording).st_mtime_ns + 1))
        assert source_facts(source) != before
        before = source_facts(source)
        recording.write_bytes(recording.read_bytes() + b"x")
        assert source_facts(source) != before
    assert source_facts("sox a - |") != source_facts("sox a - trim 0 1 |")
    assert source_facts("no such file") == ["no such file", "-"]
    assert files_of("sox 'open |") == []


def test_a_segment_is_part_of_its_utterance(tmp_path):
    (tmp_path / "wav.scp").write_text("r a.wav\n")
    facts = []
    for line in ("u r 0 1", "u r 0 2", "u r 0 1 1"):
        (tmp_path / "segments").write_text(line + "\n")
        facts.append(fingerprint(audio_facts(DataDir(tmp_path), "u")))
    assert len(set(facts)) == 3
    assert "not in" in audio_facts(DataDir(tmp_path), "nobody")[0]


def test_a_model_is_its_weights_wherever_they_lie(tmp_path):
    folder = tmp_path / "exp/enhancer"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    above, own = model_facts(tmp_path / "exp"), model_facts(folder)
    os.utime(folder / "model.safetensors", (1, 1))  # a copy has other times
    (tmp_path / "exp/decoded").mkdir()
    (tmp_path / "exp/decoded/wav.scp").touch()  # what is written there is no part of it
    (folder / "train.log").write_text("finished already\n")  # nor is what a training says
    assert (model_facts(tmp_path / "exp"), model_facts(folder)) == (above, own)
    (folder / "model.safetensors").write_bytes(b"Weights")
    assert model_facts(tmp_path / "exp") != above and model_facts(folder) != own
    assert model_facts("hub/name") == ["hub/name"] and model_facts(None) == []
