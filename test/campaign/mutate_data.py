"""Damage a good data directory at random, and check what is promised of any data directory.

  python test/campaign/mutate_data.py --number 1000 --seed 0

A directory is a function of (seed, number): ``--first NUMBER --number 1`` makes that of a finding
again. The promises:

  traceback    an error of validate, fix-data, score or the readers is one sentence
  difference   validate accepts what fix-data leaves; what validate accepts, every reader and score
               accept; fix-data has nothing to do after fix-data
  silent loss  fix-data keeps what it changes, changes nothing where it fails, counts lost lines
"""

from __future__ import annotations

import contextlib
import io
import math
import sys
import tempfile
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from counts import Counts, command_line, trials

RATE = 8000  # Hz
SPACES = ["\u00a0", "\u3000", "\u2028", "\x85", "\x1c", "\u2009", "\u202f", "\v", "\f", "\r", "\t"]
MARKS = [
    "\ufeff",
    "\0",
    "\u200b",
    "\x1b[31m",
    "é",
    "e\u0301",
    "\ufffd",
    "\U0001f600",
    "'",
    "%",
    "..",
]
TIMES = [
    "nan",
    "inf",
    "-inf",
    "-1",
    "1e308",
    "-0.0",
    "1e-9",
    "0",
    "0x10",
    "1_0",
    "99",
    "5e4",
    "ten",
    "",
]
COUNTED = {"wav.scp", "segments", "text", "utt2spk", "spk1.scp", "utt2intent", "rttm", "trials"}
VALUES = ["", "nan", "inf", "-3", "0", "1e999", "²", "9" * 5000, "a b c", "1", "x/../y", "|", "a |"]
Mutation = Callable[[Path, np.random.Generator], str]


def make_good(folder: Path, rng: np.random.Generator) -> None:
    """Write a data directory without any mistake; every second one has segments."""
    from sslse.audio.files import write_audio
    from sslse.data.rttm import Turn, write_rttm
    from sslse.data.trials import pair_utterances, write_trials
    from sslse.data.write import write_datadir

    stems = ["s0-0", "s0-1", "s0-é", "s1-0", "s1-1", "s1-ü"]
    names = [unicodedata.normalize("NFC", stem) for stem in stems]
    segmented = bool(rng.integers(2))
    seconds = {name: 0.1 + 0.01 * number for number, name in enumerate(names)}
    tables: dict[str, Any] = {"wav_scp": {}, "spk1_scp": {}, "noise1_scp": {}}
    recordings = ["rec0", "rec1"] if segmented else names
    for key in recordings:
        length = 0.4 if segmented else seconds[key]
        for table in tables:
            path = folder.parent / "audio" / f"{key}.{table}.wav"
            noise = 0.1 * rng.standard_normal(round(length * RATE))
            write_audio(path, noise.astype(np.float32), RATE)
            tables[table][key] = path
    if segmented:
        tables["segments"] = {
            name: (recordings[number // 3], 0.1 * (number % 3), 0.1 * (number % 3) + 0.1)
            for number, name in enumerate(names)
        }
        seconds = dict.fromkeys(names, 0.1)
    tables["utt2num_samples"] = {name: round(seconds[name] * RATE) for name in names}
    tables["utt2spk"] = {name: name[:2] for name in names}
    tables["text"] = {name: f"words of {name}" for name in names}
    tables["utt2snr"] = {name: 2.5 * number for number, name in enumerate(names)}
    tables["utt2noise"] = dict.fromkeys(names, "hum")
    tables["utt2condition"] = dict.fromkeys(names, "street_5dB")
    tables["utt2label"] = {name: name[-1] for name in names}
    tables["utt2intent"] = {name: f"switch lamp {name[:2]}" for name in names}
    write_datadir(folder, **tables)
    write_rttm(folder / "rttm", {name: [Turn(0.0, 0.05, name[:2])] for name in names})
    write_trials(folder / "trials", pair_utterances(tables["utt2spk"]))


def _table(folder: Path, rng: np.random.Generator) -> Path:
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    # Half of the damage goes to the tables that everything else is measured by.
    main = [name for name in ("wav.scp", "segments", "text", "rttm") if name in names]
    return folder / str(rng.choice(main if main and rng.integers(2) else names))


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def _place(lines: list[bytes], rng: np.random.Generator) -> int:
    return int(rng.integers(max(1, len(lines))))


def _change_field(path: Path, rng: np.random.Generator, field: int | None, new: Callable) -> None:
    """Replace a field (default: any) of a line by ``new(old)``."""
    lines = _lines(path)
    if not lines:
        return
    number = _place(lines, rng)
    fields = lines[number].decode("utf-8", "replace").rstrip("\n").split(" ")
    place = int(rng.integers(len(fields))) if field is None else min(field, len(fields) - 1)
    fields[place] = new(fields[place])
    lines[number] = (" ".join(fields) + "\n").encode()
    path.write_bytes(b"".join(lines))


def change_bytes(folder: Path, rng: np.random.Generator) -> str:
    """Replace, insert or remove a few bytes."""
    path = _table(folder, rng)
    data = bytearray(path.read_bytes())
    for _ in range(int(rng.integers(1, 6))):
        place = int(rng.integers(len(data) + 1))
        match rng.integers(3):
            case 0:
                data[place : place + 1] = bytes([rng.integers(256)])
            case 1:
                data[place:place] = bytes([rng.integers(256)])
            case _:
                del data[place : place + int(rng.integers(1, 5))]
    path.write_bytes(data)
    return f"bytes of {path.name}"


def change_lines(folder: Path, rng: np.random.Generator) -> str:
    """Remove, repeat, move, join or cut lines."""
    path = _table(folder, rng)
    lines = _lines(path)
    number = _place(lines, rng)
    kind = str(rng.choice(["remove", "repeat", "reverse", "cut", "blank", "half", "join", "empty"]))
    if kind == "remove":
        del lines[number : number + 1]
    elif kind == "repeat":
        lines.insert(0, (lines or [b"a b\n"])[number])
    elif kind == "reverse":
        lines.reverse()
    elif kind == "cut":
        lines = [b"".join(lines)[: int(rng.integers(1 + sum(map(len, lines))))]]
    elif kind == "blank":
        lines.insert(number, b" \t \n")
    elif kind == "half":
        lines = lines[: len(lines) // 2]
    elif kind == "join" and lines:
        lines[number] = lines[number].rstrip(b"\n")
    elif kind == "empty":
        lines = []
    path.write_bytes(b"".join(lines))
    return f"{kind} lines of {path.name}"


def change_encoding(folder: Path, rng: np.random.Generator) -> str:
    """Write a table as other editors and systems do."""
    path = _table(folder, rng)
    text = path.read_bytes().decode("utf-8", "replace")
    kinds = {
        "utf-16": lambda: text.encode("utf-16"),
        "utf-16-be": lambda: text.encode("utf-16-be"),
        "latin-1": lambda: text.encode("latin-1", "replace"),
        "mark": lambda: text.encode("utf-8-sig"),
        "two marks": lambda: b"\xef\xbb\xbf" + text.encode("utf-8-sig"),
        "marks": lambda: text.replace("\n", "\n\ufeff", 2).encode(),
        "windows": lambda: text.replace("\n", "\r\n").encode(),
        "old mac": lambda: text.replace("\n", "\r").encode(),
        "nfd": lambda: unicodedata.normalize("NFD", text).encode(),
        "upper": lambda: text.upper().encode(),
        "lower": lambda: text.lower().encode(),
        "tabs": lambda: text.replace(" ", "\t").encode(),
    }
    kind = str(rng.choice(list(kinds)))
    path.write_bytes(kinds[kind]())
    return f"{kind} in {path.name}"


def change_characters(folder: Path, rng: np.random.Generator) -> str:
    """Put a space or a mark of Unicode somewhere."""
    path = _table(folder, rng)
    new = str(rng.choice(SPACES + MARKS))

    def insert(old: str) -> str:
        place = int(rng.integers(len(old) + 1))
        return old[:place] + new + old[place:]

    _change_field(path, rng, None if rng.integers(2) else 0, insert)
    return f"{new!r} in {path.name}"


def change_ids(folder: Path, rng: np.random.Generator) -> str:
    """Rename, empty or swap an id in one table."""
    path = _table(folder, rng)
    kinds: dict[str, Callable[[str], str]] = {
        "other form": lambda old: unicodedata.normalize("NFD", old),
        "long": lambda old: old * 100,
        "path": lambda old: "../" + old,
        "absolute": lambda old: "/" + old,
        "upper": str.upper,
        "gone": lambda old: "",
        "other": lambda old: "s1-1",
        "bar": lambda old: old + "|x",
    }
    kind = str(rng.choice(list(kinds)))
    if kind == "other form":
        path.write_bytes(unicodedata.normalize("NFD", path.read_text("utf-8", "replace")).encode())
    else:
        _change_field(path, rng, int(rng.integers(3)), kinds[kind])
    return f"{kind} id in {path.name}"


def change_times(folder: Path, rng: np.random.Generator) -> str:
    """Give segments and turns times that cannot be, or milliseconds."""
    path = folder / ("segments" if (folder / "segments").is_file() and rng.integers(2) else "rttm")
    if not path.is_file():
        return "nothing"
    place = int(rng.integers(2, 4) if path.name == "segments" else rng.integers(3, 5))
    new = str(rng.choice(TIMES))
    for _ in range(int(rng.integers(1, 4))):
        _change_field(path, rng, place, lambda old: new)
    return f"time {new} in {path.name}"


def change_values(folder: Path, rng: np.random.Generator) -> str:
    """Give an id a value that it cannot have."""
    path = _table(folder, rng)
    new = str(rng.choice(VALUES))
    _change_field(path, rng, 1, lambda old: new)
    return f"value {new[:9]!r} in {path.name}"


def change_files(folder: Path, rng: np.random.Generator) -> str:
    """Put a folder, a broken link or nothing in place of a table."""
    path = _table(folder, rng)
    kind = str(rng.choice(["folder", "link", "remove", "remove"]))
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("nowhere")
    return f"{kind} {path.name}"


def change_audio(folder: Path, rng: np.random.Generator) -> str:
    """Spoil a recording; other formats and deeper damage have a campaign of their own."""
    from sslse.audio.files import write_audio

    path = Path(str(rng.choice(sorted(map(str, (folder.parent / "audio").iterdir())))))
    kind = str(rng.choice(["gone", "empty", "cut", "stereo", "rate", "short", "constant", "nan"]))
    noise = 0.1 * rng.standard_normal(800).astype(np.float32)
    if kind == "gone":
        path.unlink()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut":
        path.write_bytes(path.read_bytes()[: int(rng.integers(200))])
    elif kind == "stereo":
        write_audio(path, np.stack([noise, noise], 1), RATE)
    elif kind == "rate":
        write_audio(path, noise, 16000)
    elif kind == "short":
        write_audio(path, noise[:1], RATE)
    elif kind == "constant":
        write_audio(path, np.full(800, 0.25, np.float32), RATE)
    else:
        write_audio(path, noise, RATE, "FLOAT")
        data = path.read_bytes()
        path.write_bytes(data[:-4] + np.float32(math.nan).tobytes())
    return f"{kind} audio {path.name}"


MUTATIONS: tuple[Mutation, ...] = (
    *(change_bytes, change_lines, change_encoding, change_characters, change_ids, change_times),
    *(change_values, change_files, change_audio),
)


def mutated(folder: Path, seed: int, number: int) -> list[str]:
    """Make a data directory with one to three kinds of damage in ``folder``; return which."""
    rng = np.random.default_rng([seed, number])
    make_good(folder, rng)
    return [
        MUTATIONS[int(rng.integers(len(MUTATIONS)))](folder, rng)
        for _ in range(int(rng.integers(1, 4)))
    ]


def run_command(*arguments: object) -> tuple[int, str]:
    """Run ``sslse`` in this process; return its exit status and all that it said.

    Raises:
        Exception: whatever the command let through, which a user would see as a traceback.
    """
    from sslse.cli.main import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = main([*map(str, arguments)])
        except SystemExit as error:
            status = int(error.code or 0)
    return status, said.getvalue()


def read_everything(folder: Path) -> None:
    """Read a data directory as trainings do.

    Raises:
        SslseError: a reader refuses something.
    """
    from sslse.data.datadir import KINDS, DataDir
    from sslse.data.labels import LABEL_FILES, Labels
    from sslse.data.rttm import read_turns
    from sslse.data.trials import read_trials

    data = DataDir(folder)
    for name in ("utt2snr", "utt2noise", "utt2condition", "utt2num_samples", "text", "utt2spk"):
        if data.has(name):
            dict(getattr(data, name))
    dict(data.spk2utt if data.has("utt2spk") else {})
    for utterance in data.utterances:
        for kind, file in KINDS.items():
            if data.has(file):
                data.load(utterance, kind)
        data.num_samples(utterance)
    for name in LABEL_FILES:
        if data.has(name):
            Labels.from_data(data, name)
    if data.has("rttm"):
        read_turns(folder / "rttm", data)
    if data.has("trials"):
        read_trials(folder / "trials", data.utterances)


def score_everything(folder: Path, out: Path) -> tuple[int, str]:
    """Score words, classes and turns of a directory against itself, and one pair of signals."""
    from sslse.metrics.utterance import Task, open_reference, score_utterance

    options: list[object] = []
    for option, file in (("--hyp", "text"), ("--labels", "utt2label"), ("--rttm", "rttm")):
        # An empty table is as good as none.
        if (folder / file).is_file() and (folder / file).read_bytes().strip():
            options += [option, f"{file}={folder / file}"]
    if not options:
        return 0, ""
    status, said = run_command(
        "score", "--reference", folder, "--out", out, "--allow-failed", *options
    )
    if status == 0 and (folder / "spk1.scp").is_file():
        from sslse.data.datadir import DataDir

        open_reference(str(folder))
        data = DataDir(folder)
        for name in list(data.utterances)[:2]:
            task = Task(name, data.source(name)[0], "", ("si_sdr", "stoi", "snr"))
            score_utterance(task)
    return status, said


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of the files of a folder, without its backups."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def examine_directory(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield ``whole`` or ``refused``, or the faults that a data directory brings out."""
    from sslse.errors import SslseError

    def attempt(work: Callable[[], Any], *names: str) -> Any:
        try:
            return work()
        except SslseError as error:
            return error
        except Exception as error:  # whatever it is, a user would see a traceback
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{where.filename}:{where.lineno}"
            what = f"{' '.join(names)}: {type(error).__name__}: {error} ({place})"
            findings.append(("tracebacks", what))
            return None

    findings: list[tuple[str, str]] = []
    original = contents(folder)
    accepted = attempt(lambda: run_command("validate", folder), "validate")
    attempt(lambda: read_everything(folder), "readers")
    attempt(lambda: score_everything(folder, folder.parent / "scores0"), "score")
    if accepted and accepted[0] == 0:
        findings += _unread(folder, attempt)
    repaired = attempt(lambda: run_command("fix-data", folder), "fix-data")
    now = contents(folder)
    if repaired is None or repaired[0] != 0:
        if now != original:
            findings.append(("silent losses", "fix-data failed and changed files"))
    else:
        kept = contents(folder / ".backup") if (folder / ".backup").is_dir() else {}
        for name, before in original.items():
            if now.get(name) != before and kept.get(name) != before:
                findings.append(("silent losses", f"{name} is nowhere as it was"))
        for name in COUNTED & original.keys():
            lost = _num_lines(original[name]) - _num_lines(now.get(name, b""))
            told = (f"lines of {name}", f"set {name} aside", f"{name} has ")
            if lost > 0 and not any(sentence in repaired[1] for sentence in told):
                findings.append(
                    ("silent losses", f"{lost} lines of {name} are gone without a word")
                )
        again = attempt(lambda: run_command("validate", folder), "validate")
        if again is not None and again[0] != 0:
            findings.append(
                ("differences", f"validate refuses what fix-data left: {again[1].strip()}")
            )
        elif again is not None:
            findings += _unread(folder, attempt)
        second = attempt(lambda: run_command("fix-data", folder), "fix-data")
        if second is not None and (second[0] != 0 or contents(folder) != now):
            findings.append(("differences", f"fix-data again: {second[1].strip()}"))
    if not findings:
        findings.append(("whole" if accepted and accepted[0] == 0 else "refused", ""))
    yield from dict.fromkeys(findings)


def _num_lines(data: bytes) -> int:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode()
    return sum(1 for line in data.split(b"\n") if line.strip(b" \t\v\f\r\0"))


def _unread(folder: Path, attempt: Callable) -> Iterator[tuple[str, str]]:
    answer = attempt(lambda: read_everything(folder), "readers")
    if isinstance(answer, Exception):
        yield "differences", f"validate accepts it, but: {answer}"
    scored = attempt(lambda: score_everything(folder, folder.parent / "scores1"), "score")
    if scored is not None and not isinstance(scored, Exception) and scored[0] != 0:
        yield "differences", f"validate accepts it, but: {scored[1].strip()}"


def run_campaign(
    number: int,
    seconds: float = 1e9,
    seed: int = 0,
    first: int = 0,
    out: Path | None = None,
) -> list[Counts]:
    """Try ``number`` directories, or as many as the seconds allow.

    Args:
        number: of directories.
        seconds: that it may take; at least one directory is tried.
        seed: of the campaign.
        first: number of the first directory.
        out: folder to work in; default: a temporary one.
    """
    counts = Counts("data directories")
    for index in trials(first, number, seconds):
        with tempfile.TemporaryDirectory(prefix="mutated", dir=out) as root:
            damage = mutated(Path(root) / "data", seed, index)
            counts.add_all(
                f"{index} [{'; '.join(damage)}]",
                (
                    (kind, what and repr(what[:400]))
                    for kind, what in examine_directory(Path(root) / "data")
                ),
            )
    return [counts]


if __name__ == "__main__":
    sys.exit(command_line(__doc__, 1000, run_campaign))
