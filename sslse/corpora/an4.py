"""AN4: data/train, data/valid and data/test, spelled words, numbers and names of 84 speakers.

The published layout is ROOT/etc/an4_{train,test}.fileids (PART/SPEAKER/NAME a line) and
an4_{train,test}.transcription (``<s> WORDS </s> (NAME)``), and ROOT/wav/PART/SPEAKER/NAME.sph, .raw
or .wav, by the archive; flac does as well. ROOT may also be the folder that holds an4/. Samples
without a header (.raw: 16 kHz, 16 bit) are copied to wav files below DATA/audio. The speakers of
data/valid are some of the training speakers; where there are SPEAKER and SPEAKER2, who may be one
person, both train.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sslse.audio.files import write_audio
from sslse.corpora.base import corpus_parser, first_of, require, run_corpus, write_set
from sslse.corpora.speakers import hold_out
from sslse.errors import DataError

SOURCE = "http://www.speech.cs.cmu.edu/databases/an4"
RATE = 16000
ENDINGS = (".sph", ".wav", ".flac", ".raw")
VALID_SPEAKERS = 8
LINE = re.compile(r"(?:<s>)?(?P<words>.*?)(?:</s>)?\s*\((?P<name>[^()\s]+)\)")


def read_transcripts(path: Path) -> dict[str, str]:
    """Return the name of each recording to its words.

    Raises:
        DataError: a line is no transcript.
    """
    words = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = LINE.fullmatch(line.strip())
        if line.strip() and not found:
            raise DataError(f"{path} line {number} is '{line}', expected '<s> WORDS </s> (NAME)'")
        if found:
            words[found["name"]] = " ".join(found["words"].split())
    return words


def utterance_id(name: str, speaker: str) -> str:
    """Return the id of a recording, its speaker first.

    Example:
        >>> utterance_id("an251-fash-b", "fash")
        'fash-an251-b'
    """
    return f"{speaker}-{name.replace(f'-{speaker}', '', 1)}"


def byte_order(files: Iterable[Path]) -> str:
    """Return how samples without a header are to be read: ``<i2`` or ``>i2``.

    With their bytes exchanged they are noise near full scale, so the order that makes speech is the
    one with the smaller differences from sample to sample.
    """
    sums = {"<i2": 0.0, ">i2": 0.0}
    for path in files:
        raw = path.read_bytes()
        for order in sums:
            samples = np.frombuffer(raw[: len(raw) // 2 * 2], order).astype(np.float64)
            sums[order] += float(np.abs(np.diff(samples)).sum())
    return min(sums, key=sums.get)


def find_recordings(root: Path, names: Iterable[str], audio: Path) -> dict[str, Path]:
    """Return ``PART/SPEAKER/NAME`` to its sound file.

    Raises:
        DataError: a recording is missing.
    """
    found = {}
    for name in names:
        paths = [root / "wav" / f"{name}{ending}" for ending in ENDINGS]
        found[name] = next((path for path in paths if path.is_file()), None)
    lost = sorted(name for name, path in found.items() if path is None)
    if lost:
        raise DataError(
            f"{len(lost)} of {len(found)} recordings are missing below {root / 'wav'} (the first: "
            f"{lost[0]}{ENDINGS[0]}); unpack the corpus again from {SOURCE}"
        )
    raw = {name: path for name, path in found.items() if path.suffix == ".raw"}
    order = byte_order(list(raw.values())[:20])
    for name, path in raw.items():
        found[name] = audio / f"{name}.wav"
        if not found[name].is_file():
            samples = np.frombuffer(path.read_bytes(), order).astype(np.float32) / 2**15
            write_audio(found[name], samples, RATE)
    return found


def read_part(root: Path, part: str, audio: Path) -> dict[str, tuple[Path, str, str]]:
    """Return utterance to sound file, words and speaker.

    Args:
        root: folder with etc and wav.
        part: ``train`` or ``test``.
        audio: where copies of samples without a header go.

    Raises:
        DataError: a list, a recording or a transcript is missing.
    """
    lists = [root / "etc" / f"an4_{part}.{kind}" for kind in ("fileids", "transcription")]
    for path in lists:
        require(path, f"a list of the {part} set", SOURCE)
    names = lists[0].read_text(encoding="utf-8").split()
    words = read_transcripts(lists[1])
    silent = [name for name in names if not words.get(Path(name).name)]
    if silent:
        raise DataError(f"{lists[1]} has no words of {len(silent)} recordings: {silent[0]} …")
    utterances = {}
    for name, path in find_recordings(root, names, audio).items():
        speaker, own = Path(name).parent.name, Path(name).name
        utterances[utterance_id(own, speaker)] = (path, words[own], speaker)
    return utterances


def prepare(
    root: Path, out: Path, valid_speakers: int = VALID_SPEAKERS, lower: bool = False
) -> None:
    """Write the three data directories; the test set is the published one.

    Args:
        root: folder of the corpus.
        out: where the data directories go.
        valid_speakers: so many of the 74 training speakers validate.
        lower: transcripts in small letters.

    Raises:
        DataError: a part is missing, or no speaker would be left to train.
    """
    root = first_of((root / "etc", root / "an4/etc"), "the lists", SOURCE).parent
    parts = {part: read_part(root, part, out / "audio/an4") for part in ("train", "test")}
    speakers = {speaker for _, _, speaker in parts["train"].values()}
    people = Counter(name.rstrip("0123456789") for name in speakers)
    one_name = [name for name in speakers if people[name.rstrip("0123456789")] == 1]
    # The names begin with f or m.
    chosen = set(hold_out({name: name[0] for name in one_name}, valid_speakers))
    sets: dict[str, dict[str, tuple[Path, str, str]]] = {"train": {}, "valid": {}}
    for name, utterance in parts["train"].items():
        sets["valid" if utterance[2] in chosen else "train"][name] = utterance
    for part, utterances in {**sets, "test": parts["test"]}.items():
        if part == "valid" and not valid_speakers:
            continue
        voices = {name: speaker for name, (_, _, speaker) in utterances.items()}
        write_set(
            out / part,
            {name: path for name, (path, _, _) in utterances.items()},
            text={
                name: text.lower() if lower else text for name, (_, text, _) in utterances.items()
            },
            utt2spk=voices,
            spk2gender={speaker: speaker[0] for speaker in voices.values()},
        )


def main(args: argparse.Namespace) -> None:
    """Prepare the three sets."""
    prepare(args.root, args.data, args.valid_speakers, args.lower)


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of AN4 (AN4)")
    parser.add_argument(
        "--valid-speakers",
        default=VALID_SPEAKERS,
        type=int,
        help=f"training speakers who validate (default: {VALID_SPEAKERS} of 74)",
    )
    parser.add_argument("--lower", action="store_true", help="transcripts in small letters")
    run_corpus(main, parser.parse_args())
