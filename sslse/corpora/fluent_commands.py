"""Fluent Speech Commands: data/train, data/valid and data/test with utt2intent.

The published layout is ROOT/data/{train,valid,test}_data.csv with the columns path, speakerId,
transcription, action, object, location, and ROOT/wavs/speakers/SPEAKER/FILE.wav.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from sslse.corpora.base import corpus_parser, require, run_corpus, write_set
from sslse.errors import DataError

SOURCE = (
    "https://fluent.ai/fluent-speech-commands-a-dataset-for-spoken-language-understanding-research"
)
SLOTS = ("action", "object", "location")
COLUMNS = ("path", "speakerId", "transcription", *SLOTS)


def prepare(root: Path, name: str, out: Path) -> None:
    """Write the data directory of one set.

    Args:
        root: folder of the corpus.
        name: ``train``, ``valid`` or ``test``.
        out: data directory.

    Raises:
        DataError: the table or a recording is missing, or the table has other columns.
    """
    if not (root / "data").is_dir() and (root / "fluent_speech_commands_dataset").is_dir():
        root = root / "fluent_speech_commands_dataset"
    path = require(root / "data" / f"{name}_data.csv", f"the table of the {name} set", SOURCE)
    audio, text, utt2spk, utt2intent = {}, {}, {}, {}
    with open(path, newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"{path} has no column {missing[0]}; expected {', '.join(COLUMNS)}")
        for row in reader:
            utterance = f"{row['speakerId']}-{Path(row['path']).stem}"
            audio[utterance] = root / row["path"]
            text[utterance] = " ".join(row["transcription"].split())
            utt2spk[utterance] = row["speakerId"]
            utt2intent[utterance] = [row[slot].replace(" ", "_") for slot in SLOTS]
    lost = [file for file in audio.values() if not file.is_file()]
    if lost:
        raise DataError(
            f"{path} names {len(lost)} of {len(audio)} recordings that are not there (the first: "
            f"{lost[0]}); unpack the corpus again from {SOURCE}"
        )
    write_set(out, audio, text=text, utt2spk=utt2spk, utt2intent=utt2intent)


def main(args: argparse.Namespace) -> None:
    """Prepare all three sets."""
    for name in ("train", "valid", "test"):
        prepare(args.root, name, args.data / name)


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of Fluent Speech Commands (FLUENT_COMMANDS)")
    run_corpus(main, parser.parse_args())
