"""LibriSpeech: one data directory a part, such as data/train_clean_100.

The published layout is ROOT/PART/READER/CHAPTER/READER-CHAPTER-NUMBER.flac with the transcripts in
READER-CHAPTER.trans.txt; ROOT may also be the folder that holds LibriSpeech/.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sslse.corpora.base import corpus_parser, find_audio, first_of, run_corpus, write_set
from sslse.errors import DataError

SOURCE = "https://www.openslr.org/12"


def prepare(root: Path, part: str, out: Path, lower: bool = False) -> None:
    """Write the data directory of one part; readers are the speakers.

    Args:
        root: folder of the corpus.
        part: such as ``dev-clean``.
        out: data directory.
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
    without = sorted(set(audio) - set(text))
    if without:
        raise DataError(
            f"{len(without)} recordings of {folder} have no transcript in *.trans.txt beside "
            f"them: {', '.join(without[:5])}; unpack the part again from {SOURCE}"
        )
    write_set(
        out,
        audio,
        text={utterance: text[utterance] for utterance in audio},
        utt2spk={utterance: utterance.split("-")[0] for utterance in audio},
    )


def main(args: argparse.Namespace) -> None:
    """Prepare every part that was asked for."""
    for part in args.parts.split():
        prepare(args.root, part, args.data / part.replace("-", "_"), args.lower)


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of LibriSpeech (LIBRISPEECH)")
    parser.add_argument(
        "--parts",
        default="train-clean-100 dev-clean test-clean",
        help="parts with blanks between (default: train-clean-100 dev-clean test-clean)",
    )
    parser.add_argument("--lower", action="store_true", help="transcripts in lower case")
    run_corpus(main, parser.parse_args())
