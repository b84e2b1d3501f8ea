"""Damage recordings of all containers at random, and check what is promised of any recording.

  python test/campaign/mutate_audio.py --number 2000 --seed 0

A recording is a function of (seed, number): ``--first NUMBER --number 1`` makes that of a finding
again. The promises:

  traceback    what cannot be read is one sentence
  difference   ``audio_info`` gives the numbers of ``read_audio``; undamaged samples are the same
  silent loss  as many samples are read as the header promises or as were written, or none
"""

from __future__ import annotations

import io
import signal
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from counts import Counts, command_line, trials

CONTAINERS = (
    *("WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU", "NIST"),
    *("FLAC", "OGG", "MP3"),
)
SECONDS = 60  # that a file of a few kilobytes may take on a busy machine


class Hang(BaseException):
    """A file took too long."""


class Recording(NamedTuple):
    """A recording as it was written."""

    container: str
    subtype: str
    content: bytes
    shape: tuple[int, int]
    """Samples and channels."""


class Damaged(NamedTuple):
    """A recording after its damage, and what may come of it."""

    what: str
    content: bytes
    least: int = 0
    """Samples of one channel that must be read where it is not refused."""
    same: bool = False
    """The first of these must be those of the undamaged recording."""


def make_good(rng: np.random.Generator) -> Recording:
    """Write a recording of a random container, kind of samples, length and number of channels."""
    container = str(rng.choice(CONTAINERS))
    rate = int(rng.choice([8000, 16000, 44100]))
    shape = (int(rng.integers(1, 4000)), int(rng.integers(1, 3)))
    while True:
        subtype = str(rng.choice(sorted(soundfile.available_subtypes(container))))
        waveform = np.clip(0.2 * rng.standard_normal(shape), -0.9, 0.9)
        target = io.BytesIO()
        try:
            soundfile.write(target, waveform, rate, subtype, format=container)
        except soundfile.LibsndfileError:  # listed, but not with these channels or this rate
            continue
        return Recording(container, subtype, target.getvalue(), shape)


def change_promise(made: Recording, rng: np.random.Generator) -> Damaged | None:
    """Let the header promise another number of samples; None for headers that promise none."""
    content, (samples, channels) = made.content, made.shape
    if made.subtype not in ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"):
        return None
    width = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}[made.subtype]
    new = int(rng.choice([0, samples // 2, samples, samples + 1, 10 * samples]))
    unknown = bool(rng.integers(4) == 0)
    size = new * width * channels
    find = content.index
    if made.container in ("WAV", "WAVEX"):
        place, number = find(b"data") + 4, struct.pack("<I", 0xFFFFFFFF if unknown else size)
    elif made.container == "RF64":
        place, number = find(b"ds64") + 16, struct.pack("<Q", 0 if unknown else size)
    elif made.container == "W64":
        place = find(b"data") + 16
        number = struct.pack("<Q", (1 << 63) - 1 if unknown else size + 24)
    elif made.container == "AIFF":
        place, number = find(b"SSND") + 4, struct.pack(">I", 0 if unknown else size + 8)
    elif made.container == "CAF":
        place, number = find(b"data") + 4, struct.pack(">q", -1 if unknown else size + 4)
    elif made.container == "AU":
        place, number = 8, struct.pack(">I", 0xFFFFFFFF if unknown else size)
    elif made.container == "FLAC":
        high, low = divmod(0 if unknown else new, 1 << 32)
        place, number = 21, bytes([content[21] & 0xF0 | high]) + struct.pack(">I", low)
    else:
        return None
    damaged = content[:place] + number + content[place + len(number) :]
    # No samples promised: the writer did not know.
    least = samples if unknown or new == 0 else new
    return Damaged(f"promise of {'?' if unknown else new}", damaged, least, new <= samples)


def cut(made: Recording, rng: np.random.Generator) -> Damaged:
    """Cut the end off."""
    end = int(rng.integers(1, len(made.content)))
    # An ogg does not know its length: cut between two pages it is a shorter one.
    least = 0 if made.container == "OGG" else made.shape[0]
    return Damaged(f"cut at {end}", made.content[:end], least, True)


def append(made: Recording, rng: np.random.Generator) -> Damaged:
    """Put something behind the end."""
    tail = [bytes(100), b"LIST\4\0\0\0abcd", rng.bytes(50), b"TAG" + bytes(125)]
    kind = int(rng.integers(len(tail)))
    return Damaged(f"tail {kind}", made.content + tail[kind], made.shape[0], True)


def change_header(made: Recording, rng: np.random.Generator) -> Damaged:
    """Change bytes of the beginning."""
    content = bytearray(made.content)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(min(len(content), 120)))
        content[place] = int(rng.choice([0, 255, 127, 128, int(rng.integers(256))]))
    return Damaged("bytes of the header", bytes(content))


def change_bytes(made: Recording, rng: np.random.Generator) -> Damaged:
    """Change, insert or remove bytes anywhere."""
    content = bytearray(made.content)
    for _ in range(int(rng.integers(1, 6))):
        place = int(rng.integers(len(content)))
        kind = rng.integers(3)
        if kind == 0:
            content[place] = int(rng.integers(256))
        elif kind == 1:
            content[place:place] = rng.bytes(int(rng.integers(1, 9)))
        else:
            del content[place : place + int(rng.integers(1, 9))]
    return Damaged("bytes", bytes(content))


def fill(made: Recording, rng: np.random.Generator) -> Damaged:
    """Overwrite a stretch, as a disk that failed does."""
    start = int(rng.integers(len(made.content)))
    stretch = made.content[start : start + int(rng.integers(1, 2000))]
    filled = bytes(len(stretch)) if rng.integers(2) else rng.bytes(len(stretch))
    content = made.content[:start] + filled + made.content[start + len(stretch) :]
    return Damaged("stretch", content)


def leave(made: Recording, rng: np.random.Generator) -> Damaged:
    """Leave it as it is, which must be read."""
    return Damaged("nothing", made.content, made.shape[0], True)


DAMAGES = (change_promise, cut, append, change_header, change_bytes, fill, leave)


def place(folder: Path, damaged: Damaged, rng: np.random.Generator) -> tuple[str, str, Path]:
    """Write a damaged recording as a file, an archive entry or a pipe: source, kind and file."""
    path, kind = folder / "a.sound", str(rng.choice(["file", "file", "pipe", "archive"]))
    if kind == "archive" and damaged.content[:4] not in (b"RIFF", b"RF64", b"fLaC"):
        kind = "file"
    if kind == "archive":
        path = folder / "a.ark"
        following = io.BytesIO()
        soundfile.write(following, np.full(500, 0.5), 16000, "PCM_16", format="WAV")
        path.write_bytes(b"a " + damaged.content + b"b " + following.getvalue())
        return f"{path}:2", kind, path
    path.write_bytes(damaged.content)
    return (f"cat {path} |" if kind == "pipe" else str(path)), kind, path


def read(source: str) -> tuple[np.ndarray | None, tuple[int, int, int] | None, str]:
    """Read a source and its facts; None for what was refused, and the sentence.

    Raises:
        Exception: a user would see a traceback.
    """
    from sslse.audio.files import audio_info, read_audio
    from sslse.errors import AudioError

    waveform, info, sentence = None, None, ""
    try:
        info = tuple(audio_info(source))
    except AudioError as error:
        sentence = str(error)
    try:
        waveform, rate = read_audio(source, channel="all")
    except AudioError as error:
        sentence = str(error)
    return waveform, info, sentence


def attempt(folder: Path, seed: int, number: int) -> Iterator[tuple[str, str]]:
    """Try a recording in ``folder``; yield what came of it, with a finding where it is a fault."""

    def ring(*_: object) -> None:
        raise Hang

    earlier = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield from _attempt(folder, seed, number)
    except Hang:
        yield "hangs", f"longer than {SECONDS} s"
    except Exception as error:  # a user would see a traceback
        yield "tracebacks", f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, earlier)


def _attempt(folder: Path, seed: int, number: int) -> Iterator[tuple[str, str]]:
    rng = np.random.default_rng([seed, number])
    made = make_good(rng)
    (folder / "good").write_bytes(made.content)
    good, _, sentence = read(str(folder / "good"))
    damaged = None
    while damaged is None:
        damaged = DAMAGES[int(rng.integers(len(DAMAGES)))](made, rng)
    source, kind, path = place(folder, damaged, rng)
    before = path.read_bytes()
    name = f"[{made.container} {made.subtype} {made.shape}, {kind}, {damaged.what}]"
    if good is None or len(good) < made.shape[0]:
        yield "silent losses", f"{name}: undamaged: {sentence or len(good)}"
        return
    waveform, info, sentence = read(source)
    if path.read_bytes() != before:
        yield "inputs changed", name
    if waveform is None:
        if damaged.what == "nothing":
            yield "silent losses", f"{name}: good, but {sentence}"
        elif "\n" in sentence:
            yield "tracebacks", f"{name}: several lines: {sentence!r}"
        else:
            yield "refused", ""
        return
    if info is None or info[1:] != waveform.shape:
        yield "differences", f"{name}: {info} against {waveform.shape}: {sentence}"
    elif len(waveform) < damaged.least:
        yield "silent losses", f"{name}: {len(waveform)} of {damaged.least}"
    elif damaged.same and not np.array_equal(
        waveform[: damaged.least or None], good[: damaged.least or len(waveform)]
    ):
        yield "differences", f"{name}: other samples"
    else:
        yield "whole", ""


def run_campaign(number: int, seconds: float = 1e9, seed: int = 0, first: int = 0) -> list[Counts]:
    """Try ``number`` recordings, or as many as the seconds allow."""
    from sslse.audio.files import audio_info  # noqa: F401 - imports are no part of a trial

    counts = Counts("audio")
    for index in trials(first, number, seconds):
        # A name of its own: of a pipe the last output is kept.
        with tempfile.TemporaryDirectory() as folder:
            counts.add_all(str(index), attempt(Path(folder), seed, index))
    return [counts]


if __name__ == "__main__":
    sys.exit(command_line(__doc__, 2000, run_campaign))
