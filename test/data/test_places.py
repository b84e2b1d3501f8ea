"""Where is written is never where is read, by whatever name or link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.cli.main import COMMANDS
from sslse.data.places import refuse_overwriting
from sslse.errors import ConfigError

LINKS = ("itself", "dotted", "symbolic", "hard", "folder link", "link of a link")


def named(folder: Path, file: Path, link: str) -> Path:
    """Return another name of a file."""
    other = folder / f"{file.name}-{link.replace(' ', '-')}"
    if link == "itself":
        return file
    if link == "dotted":
        return file.parent / ".." / file.parent.name / "." / file.name
    if link == "symbolic":
        other.symlink_to(file)
    elif link == "hard":
        os.link(file, other)
    elif link == "folder link":
        other.symlink_to(file.parent, target_is_directory=True)
        return other / file.name
    else:
        middle = folder / f"{other.name}-middle"
        middle.symlink_to(os.path.relpath(file, folder))
        other.symlink_to(middle.name)
    return other


@settings(max_examples=40)
@given(
    read=st.sampled_from(LINKS),
    written=st.sampled_from(LINKS),
    listed=st.sampled_from(("file", "scp", "data", "pipe")),
    same=st.booleans(),
)
def test_any_arrangement_of_links(tmp_path_factory, read, written, listed, same):
    root = tmp_path_factory.mktemp("places")
    for name in ("audio", "reads", "writes", "data"):
        (root / name).mkdir()
    recording, other = root / "audio/a.wav", root / "audio/b.wav"
    recording.write_bytes(b"precious")
    other.write_bytes(b"precious")  # equal content is no reason
    source = named(root / "reads", recording, read)
    target = named(root / "writes", recording if same else other, written)
    table = root / "data/wav.scp"
    table.write_text(f"u {f'cat {source} |' if listed == 'pipe' else source}\n")
    argument = {"file": source, "scp": table}.get(listed, root / "data")
    if not same:
        refuse_overwriting([target, root / "writes/new.wav"], [argument])
        return
    with pytest.raises(ConfigError, match="is read, so nothing may be written to"):
        refuse_overwriting([root / "writes/new.wav", target], [argument])


def test_a_folder_that_is_read(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "wav.scp").write_text("u nowhere.wav\n")
    (tmp_path / "link").symlink_to(data)
    for out in (data, tmp_path / "link", data / "wav.scp", data / "../data"):
        with pytest.raises(ConfigError, match="choose another place"):
            refuse_overwriting([out], [data])
    # Beside, below, or not there yet: nothing is lost.
    (data / "scores").mkdir()
    refuse_overwriting([tmp_path, data / "scores", tmp_path / "new"], [data, "no/such/file", "x |"])


def test_audio_below_a_folder_of_audio_that_is_written(tmp_path):
    (tmp_path / "out/audio").mkdir(parents=True)
    (tmp_path / "out/audio/a.wav").touch()
    (tmp_path / "in.scp").write_text(f"a {tmp_path}/out/audio/a.wav\n")
    refuse_overwriting([tmp_path / "out"], [tmp_path / "in.scp"])
    with pytest.raises(ConfigError, match="a.wav is read"):
        refuse_overwriting([tmp_path / "out"], [tmp_path / "in.scp"], below=True)


# Those without WRITES compare by themselves, since they know the files or what a configuration
# names; those below write nothing, what they keep a backup of, or a folder that was not there.
BY_ITSELF = {"enhance", "simulate", "decode", "classify", "train", "make-trials"}
NOTHING = {"validate", "fix-data", "compare", "plan", "doctor", "new-recipe", "download", "models"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_writes_is_known(name):
    import importlib

    command = importlib.import_module(f"sslse.cli.{name.replace('-', '_')}")
    assert hasattr(command, "WRITES") != (name in BY_ITSELF | NOTHING)


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "@d", "--model", "m", "-o", "@d"),
        ("extract", "--data", "@d", "--encoder", "m", "--out", "@d"),
        ("cluster", "--vectors", "@d", "--out", "@d"),
        ("decode", "--recognizer", "pocketsphinx", "--data", "@d", "--out", "@d"),
        ("classify", "--model", "m", "--data", "@d", "--out", "@d"),
        ("verify", "--model", "m", "--data", "@d", "--trials", "@d/wav.scp", "--out", "@d"),
        ("diarize", "--detector", "webrtc", "--data", "@d", "--out", "@d"),
        ("score", "--reference", "@d", "--hyp", "a=@d/text", "--out", "@d"),
        ("score", "--reference", "@d", "--hyp", "a=@d/text", "--out", "@link"),
        ("analyze", "errors", "--data", "@d", "--out", "@d"),
        ("report", "--exp", "@d", "--out", "@d"),
        ("report", "--exp", "@d", "--out", "@d/r", "--remarks", "@d/text", "--text", "@d/text"),
        ("train-asr", "--config", "@d/text", "--train", "@d", "--valid", "@d", "--exp", "@d"),
        ("train-lm", "--order", "2", "--text", "@d/tokens.txt", "--exp", "@d"),
        ("make-trials", "@d", "@d/utt2spk", "9"),
        ("simulate", "--speech", "@d", "--noise", "@d", "--out", "@link"),
        ("enhance", "@d", "-o", "@link", "--model", "m"),
        ("pack", "--exp", "@d", "--out", "@d"),
        ("select", "--hypotheses", "x", "--reference", "@d/text", "--out", "@d/text"),
    ],
    ids=lambda words: words[0],
)
def test_commands_refuse_in_one_sentence(words, tmp_path, monkeypatch, capsys):
    from sslse.cli.main import main

    data = tmp_path / "d"
    data.mkdir()
    tables = {"wav.scp": "u a.wav", "text": "u yes", "utt2spk": "u s", "tokens.txt": "a b"}
    for name, line in tables.items():
        (data / name).write_text(line + "\n")
    (tmp_path / "link").symlink_to(data)
    monkeypatch.chdir(tmp_path)
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    words = [word.replace("@d", "d").replace("@link", "link") for word in words]
    assert main(words) == 1
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1 and "is read, so nothing may be written" in errors
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before
