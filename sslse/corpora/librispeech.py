"""LibriSpeech: one data directory a part, such as data/train_clean_100, or one of several parts.

The published layout is ROOT/PART/READER/CHAPTER/READER-CHAPTER-NUMBER.flac with the transcripts in
READER-CHAPTER.trans.txt; ROOT may also be the folder that holds LibriSpeech/.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sslse.corpora.base import corpus_parser, find_audio, first_of, run_corpus, write_set
from sslse.errors import DataError, examples

SOURCE = "https://www.openslr.org/12"


def read_part(root: Path, part: str, lower: bool = False) -> tuple[dict[str, Path], dict[str, str]]:
    """Return utterance to file, and to transcript.

    Args:
        root: folder of the corpus.
        part: such as ``dev-clean``.
        lower: transcripts in lower case instead of capitals.

    Raises:
        DataError: the part is missing, or an utterance has no transcript.
    """
    folder = first_of([root / part, root / "LibriSpeech" / part], f"the part {part}", SOURCE)
    audio = {path.stem: path for path in find_audio(folder, "*/*/*.flac")}
    text = {}
    for path in sorted(folder.glob("*/*/*.trans.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            utterance, _, words = line.partition(" ")
            text[utterance] = words.lower() if lower else words
    without = set(audio) - set(text)
    if without:
        raise DataError(
            f"{len(without)} recordings of {folder} have no transcript in *.trans.txt beside "
            f"them: {examples(without)}; unpack the part again from {SOURCE}"
        )
    return audio, text


def prepare(
    root: Path,
    parts: str | Sequence[str],
    out: Path,
    lower: bool = False,
    max_utterances: int = 0,
    seed: int = 0,
) -> None:
    """Write the data directory of a part, or of several; readers are the speakers.

    Args:
        root: folder of the corpus.
        parts: such as ``dev-clean``.
        out: data directory.
        lower: transcripts in lower case instead of capitals.
        max_utterances: where there are more, so many are drawn; 0 takes all.
        seed: of the draw.

    Raises:
        DataError: a part is missing, or an utterance has no transcript.
    """
    audio: dict[str, Path] = {}
    text: dict[str, str] = {}
    for part in [parts] if isinstance(parts, str) else parts:
        more_audio, more_text = read_part(root, part, lower)
        audio.update(more_audio)
        text.update(more_text)
    names = sorted(audio)
    if 0 < max_utterances < len(names):
        drawn = np.random.default_rng(seed).choice(len(names), max_utterances, replace=False)
        names = [names[number] for number in sorted(drawn.tolist())]
    write_set(
        out,
        {utterance: audio[utterance] for utterance in names},
        text={utterance: text[utterance] for utterance in names},
        utt2spk={utterance: utterance.split("-")[0] for utterance in names},
    )


def main(args: argparse.Namespace) -> None:
    """Prepare every part that was asked for, each for itself or all as one set."""
    parts = args.parts.split()
    for out, own in [(args.join, parts)] if args.join else [(part, [part]) for part in parts]:
        folder = args.data / out.replace("-", "_")
        prepare(args.root, own, folder, args.lower, args.max_utterances, args.seed)


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of LibriSpeech (LIBRISPEECH)")
    parser.add_argument(
        "--parts",
        default="train-clean-100 dev-clean test-clean",
        help="parts with blanks between (default: train-clean-100 dev-clean test-clean)",
    )
    parser.add_argument("--lower", action="store_true", help="transcripts in lower case")
    parser.add_argument("--join", help="name of one set of all parts (default: a set a part)")
    parser.add_argument(
        "--max-utterances", default=0, type=int, help="most of a set, drawn (default: all)"
    )
    parser.add_argument("--seed", default=0, type=int, help="of the draw (default: 0)")
    run_corpus(main, parser.parse_args())
