from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sslse.audio.files import write_audio
from sslse.checking.fix import fix
from sslse.checking.validate import validate
from sslse.cli.main import main
from sslse.data.datadir import DataDir, write_datadir
from sslse.data.write import write_table
from sslse.errors import DataError


def edit(path: Path, pattern: str, new: str) -> None:
    """Replace by a regular expression, in all lines."""
    text = path.read_text()
    changed = re.sub(pattern, new, text, flags=re.MULTILINE)
    assert changed != text
    path.write_text(changed)


def audio_of(data: Path, name: str, kind: str = "wav") -> Path:
    return data.parent / "audio" / kind / f"{name}.wav"


def drop_line(file):
    return lambda data: edit(data / file, r"^spk0-3.*\n", "")


def rewrite_audio(samples, rate=16000, kind="wav", **options):
    def spoil(data: Path) -> None:
        soundfile.write(audio_of(data, "spk0-3", kind), samples, rate, **options)

    return spoil


def truncate(data: Path) -> None:
    path = audio_of(data, "spk0-3")
    path.write_bytes(path.read_bytes()[:500])


ONE = "1 of 10 utterances of {data} "
NOISE = np.random.default_rng(0).uniform(-0.3, 0.3, 803)
# name: (how to spoil spk0-3, the sentence, whether fix drops it)
MISTAKES = {
    "no speaker": (drop_line("utt2spk"), ONE + "are in wav.scp but not in utt2spk: spk0-3", True),
    "no clean": (drop_line("spk1.scp"), ONE + "are in wav.scp but not in spk1.scp: spk0-3", True),
    "no audio": (
        drop_line("wav.scp"),
        "1 of 10 ids of {data}/text are not in wav.scp: spk0-3",
        None,
    ),
    "empty path": (
        lambda data: edit(data / "wav.scp", "^spk0-3.*$", "spk0-3 "),
        ONE + "have no audio path in wav.scp: spk0-3",
        True,
    ),
    "no number": (
        lambda data: edit(data / "utt2snr", "^spk0-3.*$", "spk0-3 loud"),
        ONE + "have no number in utt2snr: spk0-3",
        True,
    ),
    "repeated": (
        lambda data: edit(data / "text", "^(spk0-3.*)$", r"\1\n\1"),
        "{data}/text has 1 id more than once (spk0-3 in lines 4 and 5): spk0-3",
        False,
    ),
    "ambiguous": (
        lambda data: edit(data / "text", "^(spk0-3.*)$", r"\1\nspk0-3 other"),
        "{data}/text has 1 repeated ids with different values",
        True,
    ),
    "speakers": (
        lambda data: edit(data / "spk2utt", " spk0-3", ""),
        "{data}/spk2utt and utt2spk differ for 1 speakers: spk0;",
        False,
    ),
    "missing file": (
        lambda data: audio_of(data, "spk0-3").unlink(),
        ONE + "have audio in wav.scp that cannot be used: spk0-3 ({wav} does not exist",
        True,
    ),
    "zero bytes": (
        lambda data: audio_of(data, "spk0-3").write_bytes(b""),
        "({wav} is empty (0 bytes))",
        True,
    ),
    "truncated": (truncate, "its header promises 803 samples but 228 are there", True),
    "not finite": (
        rewrite_audio(np.where(np.arange(803) == 9, np.nan, NOISE), subtype="FLOAT"),
        "({wav} has 1 samples that are not finite",
        True,
    ),
    "stereo": (
        rewrite_audio(np.stack([NOISE, NOISE], 1)),
        ONE + "have 2 channels in wav.scp where one is needed: spk0-3",
        True,
    ),
    "rate": (
        rewrite_audio(NOISE, rate=8000),
        ONE + "have another sampling rate than the 9 at 16000 Hz: spk0-3",
        True,
    ),
    "clean length": (
        rewrite_audio(NOISE[:-3], kind="spk1"),
        ONE + "have another length in spk1.scp than in wav.scp: spk0-3 "
        "(spk0-3: 803 samples in wav.scp, 800 in spk1.scp)",
        True,
    ),
    "clean rate": (
        rewrite_audio(NOISE, rate=8000, kind="spk1"),
        "have another sampling rate in spk1.scp than in wav.scp: spk0-3 "
        "(spk0-3: 16000 Hz in wav.scp, 8000 in spk1.scp)",
        True,
    ),
    "stale length": (
        lambda data: edit(data / "utt2num_samples", "^spk0-3.*$", "spk0-3 999"),
        "(spk0-3: 999 there, 803 in the audio)",
        False,
    ),
    "pipe": (
        lambda data: edit(data / "wav.scp", "^spk0-3.*$", "spk0-3 cat nothing.wav |"),
        "'cat' ended with status 1 and said: cat: nothing.wav: No such file",
        True,
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_told_and_repaired(pairs, name):
    spoil, sentence, dropped = MISTAKES[name]
    sentence = sentence.format(data=pairs, wav=audio_of(pairs, "spk0-3"))
    spoil(pairs)
    errors = [problem for problem in validate(pairs).problems if problem.severity == "error"]
    assert any(sentence in problem.message for problem in errors), [*map(str, errors)]
    assert not any("\n" in problem.message for problem in errors)
    repair = fix(pairs)
    assert list(repair.dropped) == (["spk0-3"] if dropped else [])
    assert repair.kept == (10 if dropped is False else 9)
    assert repair.backup == pairs / ".backup"
    assert [str(p) for p in validate(pairs).problems] == []
    assert ("spk0-3" in DataDir(pairs).utterances) == (dropped is False)
    assert fix(pairs).backup is None


def test_good_data_have_no_problems_in_parallel_too(pairs):
    assert validate(pairs).problems == [] == validate(pairs, nj=2).problems
    edit(pairs / "wav.scp", "spk1-0.wav", "gone.wav")
    assert validate(pairs, nj=2).problems == validate(pairs, nj=1).problems != []


def test_counts_come_with_five_examples(pairs):
    edit(pairs / "text", r"^spk[01]-[012].*\n", "")
    (problem,) = validate(pairs, audio=False).problems
    assert problem.message == (
        f"6 of 10 utterances of {pairs} are in wav.scp but not in text: "
        "spk0-0, spk0-1, spk0-2, spk1-0, spk1-1, …"
    )
    assert len(problem.ids) == 6


@pytest.mark.parametrize(
    "spoil, sentence",
    [
        (
            lambda data: edit(data / "text", r"\A(.*\n)(.*\n)", r"\2\1"),
            "text is not sorted in C locale (line 2: spk0-0 comes after spk0-1)",
        ),
        (lambda data: edit(data / "text", "$", "\r"), "written on Windows"),
        (lambda data: edit(data / "text", r"\n\Z", ""), "ends without a line break"),
        (
            lambda data: (data / "utt2spk").unlink(),
            "has no utt2spk, which Kaldi and ESPnet ask for",
        ),
        (drop_line("utt2num_samples"), "in wav.scp but not in utt2num_samples: spk0-3"),
        (drop_line("text"), "in wav.scp but not in text: spk0-3"),
        (
            lambda data: edit(data / "text", "^spk0-3.*$", "spk0-3"),
            "have an empty transcript in text: spk0-3",
        ),
        (rewrite_audio(np.zeros(803)), "are silent in wav.scp (every sample is zero): spk0-3"),
    ],
)
def test_what_can_be_read_is_a_warning(pairs, spoil, sentence):
    spoil(pairs)
    problems = [str(problem) for problem in validate(pairs).problems]
    assert any(p.startswith("warning: ") and sentence in p for p in problems), problems
    assert not any(problem.startswith("error: ") for problem in problems)
    assert fix(pairs).dropped == {}


def test_speakers_that_sort_otherwise_are_a_warning(tmp_path, wav):
    write_datadir(
        tmp_path / "d", wav_scp={"a": wav, "b": wav}, utt2spk={"a": "speaker2", "b": "speaker1"}
    )
    (problem,) = validate(tmp_path / "d").problems
    assert problem.severity == "warning" and "begin each utterance id with its" in problem.message


def test_latin_1_lines_are_dropped_with_their_utterances(pairs):
    path = pairs / "utt2spk"
    path.write_bytes(path.read_bytes().replace(b"spk0-3 spk0", b"spk0-3 sp\xf6"))
    messages = "\n".join(map(str, validate(pairs, audio=False).problems))
    assert "1 lines that are not UTF-8 (line 4)" in messages
    assert list(fix(pairs).dropped) == ["spk0-3"]


def test_segments(tmp_path, wav):
    path = tmp_path / "d"
    segments = {
        "s-a": "rec 0.0 0.05",
        "s-b": "rec 0.05 -1",
        "s-c": "gone 0.0 0.05",
        "s-d": "rec 0.05",
        "s-e": "rec 1.0 2.0",
        "s-f": "broken 0.0 0.05",
        "s-g": "rec 0.0 0.1",
        "s-h": "rec 0.0 0.2",
    }
    write_datadir(
        path,
        wav_scp={"rec": wav, "broken": "none.wav"},
        spk1_scp={"rec": wav, "broken": wav},
    )
    write_table(path / "text", dict.fromkeys(segments, "word"))
    write_table(path / "utt2spk", dict.fromkeys(segments, "s"))
    (path / "segments").write_text("".join(f"{k} {v}\n" for k, v in segments.items()))
    messages = "\n".join(problem.message for problem in validate(path).problems)
    assert (
        "have a wrong line in segments (expected 'RECORDING START END' in seconds): s-d" in messages
    )
    assert "are segments of recordings that are not in wav.scp: s-c" in messages
    assert "are no part of their recording: s-e" in messages
    assert "cannot be used: s-f (none.wav does not exist" in messages
    assert set(fix(path).dropped) == {"s-c", "s-d", "s-e", "s-f"}
    assert validate(path).problems == []
    data = DataDir(path)
    assert data.utterances == ["s-a", "s-b", "s-g", "s-h"]
    assert list(data.wav_scp) == ["rec"] == list(data.spk1_scp)
    assert data.load("s-b", "spk1")[0].shape == (800,)


def test_fix_refuses_to_drop_most_of_the_data(pairs):
    edit(pairs / "utt2spk", r"^spk[01]-[0123].*\n", "")
    before = (pairs / "wav.scp").read_bytes()
    with pytest.raises(DataError, match="8 of 10 utterances of .* would be dropped") as caught:
        fix(pairs)
    assert "in wav.scp but not in utt2spk" in str(caught.value)
    assert (pairs / "wav.scp").read_bytes() == before and not (pairs / ".backup").exists()
    assert fix(pairs, max_drop=1).kept == 2


def test_backups_are_never_overwritten(pairs):
    original = (pairs / "text").read_bytes()
    edit(pairs / "text", "$", "\r")
    spoiled = (pairs / "text").read_bytes()
    assert fix(pairs).backup == pairs / ".backup"
    original = original.rstrip()
    (pairs / "text").write_bytes(original)
    assert fix(pairs).backup == pairs / ".backup.2"
    assert (pairs / ".backup" / "text").read_bytes() == spoiled
    assert (pairs / ".backup.2" / "text").read_bytes() == original


def test_fixed_files_are_sorted_and_have_exact_lengths(pairs):
    for name in ("wav.scp", "text", "utt2spk"):
        lines = (pairs / name).read_text().splitlines()
        (pairs / name).write_text("\r\n".join(lines[::-1]))
    (pairs / "utt2num_samples").unlink()
    (pairs / "spk2utt").unlink()
    fix(pairs)
    for path in pairs.glob("[a-z]*"):
        lines = path.read_bytes().splitlines(keepends=True)
        assert lines == sorted(lines) and all(line.endswith(b"\n") for line in lines)
        assert b"\r" not in path.read_bytes()
    assert DataDir(pairs).utt2num_samples["spk1-4"] == 809
    assert (pairs / "spk2utt").read_text().startswith("spk0 spk0-0 spk0-1 spk0-2")


def test_command_validate(pairs, capsys):
    assert main(["validate", str(pairs), "--nj", "2"]) == 0
    out, err = capsys.readouterr()
    assert out == (
        f"{pairs}: 10 utterances of 2 speakers, 0.00 h at 16000 Hz: 0 errors, 0 warnings\n"
    )
    assert err == ""
    drop_line("spk1.scp")(pairs)
    assert main(["validate", str(pairs), "--no-audio"]) == 1
    assert capsys.readouterr().err == (
        f"sslse validate: error: 1 of 10 utterances of {pairs} are in wav.scp but not in spk1.scp: "
        "spk0-3\n"
    )
    assert main(["validate", str(pairs / "none")]) == 1
    assert "sslse validate: error: " in capsys.readouterr().err


def test_lengths_are_written_where_all_is_well(pairs, capsys):
    """As 'sslse fix-data' writes them; of a damaged set nobody would know which are missing."""
    lengths = pairs / "utt2num_samples"
    measured = {name: DataDir(pairs).info(name).num_samples for name in DataDir(pairs).utterances}
    lengths.unlink(missing_ok=True)
    assert main(["validate", str(pairs), "--write-lengths"]) == 0
    assert DataDir(pairs).utt2num_samples == measured
    lengths.unlink()
    drop_line("spk1.scp")(pairs)
    assert main(["validate", str(pairs), "--write-lengths"]) == 1
    assert not lengths.exists()
    assert main(["validate", str(pairs), "--write-lengths", "--no-audio"]) != 0
    assert "does not go with --no-audio" in capsys.readouterr().err


def test_command_fix_data_says_what_and_why(pairs, capsys):
    drop_line("spk1.scp")(pairs)
    assert main(["fix-data", str(pairs)]) == 0
    out = capsys.readouterr().out
    assert "dropped 1 utterances that are in wav.scp but not in spk1.scp: spk0-3\n" in out
    assert f"{pairs}: kept 9 utterances, dropped 1; the old files are in {pairs}/.backup, " in out


def test_no_pipes_reports_commands(pairs, wav):
    edit(pairs / "wav.scp", "^spk0-3.*$", f"spk0-3 cat {audio_of(pairs, 'spk0-3')} |")
    assert validate(pairs).problems == []
    (problem,) = validate(pairs, allow_pipes=False).problems
    assert "pipes are switched off" in problem.message and problem.ids == ("spk0-3",)


def test_empty_directory_is_an_error(tmp_path):
    (tmp_path / "wav.scp").write_text("\n")
    assert "has no utterances" in str(validate(tmp_path).problems[0])
    with pytest.raises(DataError, match="has no utterances, so there is nothing to repair"):
        fix(tmp_path)


def test_truncated_flac_is_found_by_reading_it(tmp_path, rng):
    path = tmp_path / "a.flac"
    write_audio(path, rng.uniform(-0.3, 0.3, 40_000), 16000)
    path.write_bytes(path.read_bytes()[:40_000])
    write_datadir(tmp_path / "d", wav_scp={"a": path}, utt2spk={"a": "a"})
    (problem,) = validate(tmp_path / "d").problems
    assert "a.flac is damaged" in problem.message


def test_a_constant_offset_is_told(tmp_path, rng):
    """Half of the power is the offset of b, a hundredth that of a."""
    noise = 0.1 * rng.standard_normal(8000)
    for name, offset in (("a", 0.01), ("b", 0.1), ("c", 0.0)):
        write_audio(tmp_path / f"{name}.wav", noise - noise.mean() + offset, 16000)
    files = {name: str(tmp_path / f"{name}.wav") for name in "abc"}
    write_datadir(tmp_path / "d", wav_scp=files, utt2spk={name: name for name in "abc"})
    said = [str(problem) for problem in validate(tmp_path / "d").problems]
    assert len(said) == 1 and "1 of 3 utterances" in said[0]
    assert "constant offset" in said[0] and ": b; " in said[0]


def test_the_noise_of_a_mixture_may_be_nothing(tmp_path, rng):
    """A condition without noise has silent files in noise1.scp; in spk1.scp they would be told."""
    write_audio(tmp_path / "a.wav", 0.1 * rng.standard_normal(8000), 16000)
    write_audio(tmp_path / "zero.wav", np.zeros(8000), 16000)
    sound, zero = {"a": str(tmp_path / "a.wav")}, {"a": str(tmp_path / "zero.wav")}
    write_datadir(
        tmp_path / "d", wav_scp=sound, spk1_scp=sound, noise1_scp=zero, utt2spk={"a": "a"}
    )
    assert validate(tmp_path / "d").problems == []
    write_datadir(tmp_path / "e", wav_scp=sound, spk1_scp=zero, noise1_scp=zero, utt2spk={"a": "a"})
    (problem,) = validate(tmp_path / "e").problems
    assert "silent in spk1.scp" in str(problem)
