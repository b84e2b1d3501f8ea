"""Data directories of plain files: speech with transcripts beside it, and noises.

Speech is ``SPEECH/SET/SPEAKER/NAME.wav`` (or any other kind of sound, known by its content) with
``NAME.txt``; noises are ``NOISE/SET/NAME.wav``. What cannot be taken is counted, and listed with
its reason in ``SET/.left_out``. Of files with several channels the first is taken; these, and files
at another rate than ``--sample-rate``, are copied below ``DATA/audio``.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sslse.audio.sound_copy import copy_sound
from sslse.audio.sound_folder import sounds_below
from sslse.corpora.base import run_corpus
from sslse.data.datadir import write_datadir
from sslse.data.facts import Facts, inspect_all
from sslse.data.table_lines import one_form, tidy_id
from sslse.errors import DataError, SslseError, one_sentence
from sslse.runtime.atomic import atomic_open

LEFT_OUT = ".left_out"  # file of a data directory: what stage 1 did not take, and why


@dataclass
class PlainSet:
    """The files of one set, as far as they were taken.

    Attributes:
        folder: where the files are.
        wav_scp: id to file.
        text: id to transcript; empty for noises.
        utt2spk: id to speaker; of a noise itself.
        num_samples: id to length at the rate of the set.
        left_out: file to the reason why it was not taken.
        copied: files of which a copy of one channel or of another rate was written.
    """

    folder: Path
    wav_scp: dict[str, str] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)
    utt2spk: dict[str, str] = field(default_factory=dict)
    num_samples: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    copied: int = 0

    def __str__(self) -> str:
        copies = f", {self.copied} as copies of one channel at one rate" if self.copied else ""
        return f"{len(self.wav_scp)} files of {self.folder} taken{copies}"


def read_transcript(sound: Path) -> str:
    """Return the words of ``NAME.txt`` beside a sound file, with single blanks between them.

    Raises:
        DataError: there is none, it is empty, or it is not UTF-8.
    """
    beside = [sound.with_suffix(ending) for ending in (".txt", ".TXT")]
    path = next((path for path in beside if path.is_file()), None)
    if path is None:
        raise DataError(f"has no transcript {beside[0].name}")
    try:
        words = path.read_text(encoding="utf-8-sig").split()
    except UnicodeDecodeError as error:
        raise DataError(f"has a transcript that is not UTF-8 (byte {error.start})") from error
    if not words:
        raise DataError(f"has an empty transcript {path.name}")
    return " ".join(words)


def read_set(
    folder: Path, audio: Path, *, speech: bool, sample_rate: int = 0, nj: int = 1
) -> PlainSet:
    """Take what can be taken of a folder.

    Args:
        folder: of one set.
        audio: where copies go.
        speech: files have transcripts, and their folders are speakers.
        sample_rate: Hz, to which others are resampled; 0: the most frequent rate, others are left
            out.
        nj: processes that read audio.

    Raises:
        DataError: there is no folder, or nothing in it can be taken.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}")
    found = PlainSet(folder)
    files = sounds_below(folder.absolute(), beside=(".txt",) if speech else ())
    sources = {str(number): str(file) for number, file in enumerate(files)}
    facts = inspect_all(sources, nj=nj, allow_pipes=False)
    known = dict(zip(files, facts.values(), strict=True))
    rates = Counter(fact.info.sample_rate for fact in known.values() if fact.info is not None)
    rate = sample_rate or next((rate for rate, _ in rates.most_common(1)), 0)
    for file, fact in known.items():
        try:
            _take(found, file, fact, rate, audio, speech, may_resample=sample_rate > 0)
        except (SslseError, OSError) as error:
            name = os.fsencode(file.relative_to(folder.absolute())).decode("utf-8", "replace")
            found.left_out[name] = one_sentence(error)
    if not found.wav_scp:
        reasons = "; ".join(f"{name} {why}" for name, why in [*found.left_out.items()][:3])
        hint = ""
        if any(why.startswith("has no transcript") for why in found.left_out.values()):
            hint = "; 'sslse new-recipe NAME --task enhancement' makes a recipe without transcripts"
        raise DataError(
            f"{folder} has no sound that can be used ({reasons or 'no sound at all'}){hint}"
        )
    return found


def _take(
    found: PlainSet,
    file: Path,
    fact: Facts,
    rate: int,
    audio: Path,
    speech: bool,
    may_resample: bool,
) -> None:
    if fact.info is None or fact.problem:
        raise DataError(f"cannot be used: {fact.problem}")
    if fact.silent and not speech:
        raise DataError("is silent (every sample is zero)")
    own = fact.info.sample_rate
    if own != rate and not may_resample:
        raise DataError(f"is sampled at {own} Hz and most at {rate} Hz; --sample_rate resamples it")
    words = read_transcript(file) if speech else ""
    speaker = as_id(file.parent.name)
    key = first = f"{speaker}-{as_id(file.stem)}" if speech else as_id(file.stem)
    number = 1
    while key in found.wav_scp:
        number += 1
        key = f"{first}-{number}"
    source, length = str(file), fact.info.num_samples
    if own != rate or fact.info.num_channels > 1 or not fits_a_line(source):
        copy = (audio / f"{key}.wav").absolute()
        source, length = str(copy), copy_sound(file, copy, rate)
        found.copied += 1
    found.wav_scp[key], found.num_samples[key] = source, length
    found.utt2spk[key] = speaker if speech else key
    if speech:
        found.text[key] = words


def as_id(name: str) -> str:
    """Return a file's name as an id: no blanks, UTF-8, in one form.

    Example:
        >>> as_id("my  voice")
        'my_voice'
    """
    words = os.fsencode(name).decode("utf-8", "backslashreplace").split()
    return tidy_id(one_form("_".join(words))).replace("\\", "%")


def fits_a_line(path: str) -> bool:
    """Tell whether a path can stand in a table."""
    return path.isprintable() and path == path.strip() and not path.endswith("|")


def write_plain_set(path: Path, found: PlainSet) -> None:
    """Write a data directory and ``.left_out``, and say how many there are of each."""
    tables = {"text": found.text} if found.text else {}
    write_datadir(
        path,
        wav_scp=found.wav_scp,
        utt2spk=found.utt2spk,
        utt2num_samples=found.num_samples,
        **tables,
    )
    print(f"{path}: {found}", flush=True)
    write_left_out(path / LEFT_OUT, found.folder, found.left_out, len(found.wav_scp))


def write_left_out(path: Path, folder: Path, left_out: Mapping[str, str], taken: int) -> None:
    """List the files that are left out, and say how many there are.

    Args:
        path: of the list; removed where nothing is left out.
        folder: of the files.
        left_out: file to reason.
        taken: number of files that are taken.
    """
    if not left_out:
        path.unlink(missing_ok=True)
        return
    lines = [f"{name} {reason}\n" for name, reason in left_out.items()]
    with atomic_open(path) as stream:
        stream.writelines(lines)
    first = "; ".join(line.strip() for line in lines[:3])
    more = "; …" if len(lines) > 3 else ""
    print(
        f"warning: {len(lines)} of {len(lines) + taken} files of {folder} are left out: {first}"
        f"{more} (all of them: {path})",
        flush=True,
    )


def prepare(args: argparse.Namespace) -> None:
    """Write the data directories of all sets."""
    for name in args.sets:
        for root, folder, speech in (
            (args.speech, name, True),
            (args.noise, f"noise_{name}", False),
        ):
            found = read_set(
                root / name,
                args.data / "audio" / folder,
                speech=speech,
                sample_rate=args.sample_rate,
                nj=args.nj,
            )
            write_plain_set(args.data / folder, found)


def main(argv: Iterable[str] | None = None) -> None:
    """Prepare the sets."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--speech", type=Path, required=True, help="folder of the sets of speech")
    add("--noise", type=Path, required=True, help="folder of the sets of noises")
    add("--data", type=Path, default=Path("data"), help="where data directories go")
    add("--sets", nargs="+", default=["train", "valid", "test"], help="subfolders of both")
    add(
        "--sample-rate",
        type=int,
        default=0,
        help="resample other rates to it, Hz (default: 0, leave out what differs from most)",
    )
    add("--nj", type=int, default=1, help="processes that read audio (default: 1)")
    run_corpus(prepare, parser.parse_args(None if argv is None else list(argv)))


if __name__ == "__main__":
    main()
