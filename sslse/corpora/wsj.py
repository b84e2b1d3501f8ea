"""Texts of the Wall Street Journal corpora: transcripts (.dot) and the text of language models.

  python -m sslse.corpora.wsj --root WSJ1 --data data/local

writes data/local/wsj_lm.txt, a sentence a line, of ROOT/13-32.1/wsj1/doc/lng_modl/lm_train/np_data/
{87,88,89}/*.z (also where those folders lie elsewhere below ROOT). Words are capital letters and
apostrophes, as the tokens of a recogniser of characters are.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from sslse.corpora.base import corpus_parser, run_corpus
from sslse.errors import DataError
from sslse.runtime.atomic import atomic_open

SOURCE = "LDC (WSJ0: LDC93S6A, WSJ1: LDC94S13A)"
YEARS = ("87", "88", "89")
DOT = re.compile(r"^(.*)\((\S+)\)\s*$")
EVENTS = re.compile(r"\[[^\]]*\]|<\s*noise\s*>", re.IGNORECASE)  # what is no word: [door_slam]
LETTERS = re.compile(r"[^A-Z']+")


def normalize(text: str) -> str:
    """Return a transcript in capitals, without marks of noise, punctuation and hyphens.

    Spoken punctuation stays a word, hyphens part words, and what was said but marked (cut off,
    mispronounced, emphasised) stays.

    Example:
        >>> normalize("mr. *vinken* is [cough] sixty-one years\\\\old ,COMMA don't !really~")
        "MR VINKEN IS SIXTY ONE YEARSOLD COMMA DON'T REALLY"
        >>> normalize("--DASH . : 'TIS ''")
        "DASH 'TIS"
    """
    text = EVENTS.sub(" ", text).upper().replace("\\", "")
    words = []
    for word in text.replace("-", " ").split():
        # Marks within a word (lengthening, stress) part nothing; other signs are dropped, too.
        word = LETTERS.sub("", word)
        if word.strip("'"):
            words.append(word)
    return " ".join(words)


def read_dots(paths: Iterable[Path]) -> dict[str, str]:
    """Return the id in brackets at the end of each line to its words.

    Raises:
        DataError: there is no file, or a line has no id.
    """
    found: dict[str, str] = {}
    paths = list(paths)
    if not paths:
        raise DataError(f"there are no transcripts (*.dot); get them from {SOURCE}")
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="latin-1").splitlines(), 1):
            if not line.strip():
                continue
            match = DOT.match(line)
            if match is None:
                raise DataError(f"{path} line {number}: expected 'words (ID)', not '{line[:60]}'")
            found[match[2]] = normalize(match[1])
    return found


def lm_sentences(path: Path) -> Iterable[str]:
    """Yield the sentences of a file of the language model text, which was packed with compress.

    Raises:
        DataError: it cannot be unpacked.
    """
    # Python's gzip does not know the method of compress; the program does.
    done = subprocess.run(["gzip", "-dc", str(path)], capture_output=True)
    if done.returncode != 0:
        raise DataError(f"{path} cannot be unpacked: {done.stderr.decode().strip()}")
    for line in done.stdout.decode("latin-1").splitlines():
        if "<" not in line and (words := normalize(line)):
            yield words


def prepare_lm(root: Path, out: Path) -> None:
    """Write the text of the language model, a sentence a line.

    Raises:
        DataError: there is no such text below the folder.
    """
    paths = [path for year in YEARS for path in sorted(root.glob(f"**/np_data/{year}/*.[zZ]"))]
    if not paths:
        raise DataError(
            f"{root} has no texts np_data/{{{','.join(YEARS)}}}/*.z; get WSJ1 from {SOURCE}"
        )
    count = 0
    with atomic_open(out) as stream:
        for path in paths:
            for sentence in lm_sentences(path):
                stream.write(f"{sentence}\n")
                count += 1
    print(f"{out}: {count} sentences of {len(paths)} files")


def main(args: argparse.Namespace) -> None:
    """Write the text of the language model."""
    prepare_lm(args.root, args.data / "wsj_lm.txt")


if __name__ == "__main__":
    run_corpus(main, corpus_parser(__doc__, "folder of WSJ1 (WSJ1)").parse_args())
