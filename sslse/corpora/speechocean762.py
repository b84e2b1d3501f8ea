"""speechocean762: data/train, data/valid and data/test, English sentences read by 250 speakers.

The published layout is ROOT/WAVE/SPEAKERNNNN/NAME.WAV and, in ROOT/train and ROOT/test (125
speakers each), wav.scp, text, utt2spk, spk2age and spk2gender; ROOT may also be the folder that
holds speechocean762/. The speakers of data/valid are some of the training speakers, of both sexes,
children and adults.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from sslse.corpora.base import corpus_parser, first_of, require, run_corpus, write_set
from sslse.corpora.speakers import few_of_each, hold_out
from sslse.data.scp import Table
from sslse.errors import DataError

SOURCE = "https://www.openslr.org/101"
VALID_SPEAKERS = 15
ADULT = 15  # years; the corpus has none of 16 to 18


def read_part(root: Path, part: str) -> dict[str, dict[str, str]]:
    """Return the tables of a half of the corpus, utterances named SPEAKER-NAME.

    Args:
        root: folder of the corpus.
        part: ``train`` or ``test``.

    Returns:
        ``wav`` (path), ``text`` and ``utt2spk`` of each utterance; ``spk2age`` and ``spk2gender``
        of each speaker, as far as the corpus says it.

    Raises:
        DataError: a table or a recording is missing.
    """
    folder = root / part
    tables = {}
    for name in ("wav.scp", "text", "utt2spk"):
        tables[name] = Table(require(folder / name, f"a table of the {part} half", SOURCE))
    for name in ("text", "utt2spk"):
        without = sorted(set(tables["wav.scp"]) - set(tables[name]))
        if without:
            raise DataError(
                f"{folder / name} has no line for {len(without)} of {len(tables['wav.scp'])} "
                f"recordings (the first: {without[0]}); get the corpus again from {SOURCE}"
            )
    speakers = tables["utt2spk"]
    ids = {name: f"{speakers[name]}-{name}" for name in tables["wav.scp"]}
    found = {
        "wav": {ids[name]: root / tables["wav.scp"][name] for name in ids},
        "text": {ids[name]: " ".join(tables["text"][name].split()) for name in ids},
        "utt2spk": {ids[name]: speakers[name] for name in ids},
    }
    for name in ("spk2age", "spk2gender"):
        found[name] = dict(Table(folder / name)) if (folder / name).is_file() else {}
    lost = [path for path in found["wav"].values() if not path.is_file()]
    if lost:
        raise DataError(
            f"{folder / 'wav.scp'} names {len(lost)} of {len(ids)} recordings that are not there "
            f"(the first: {lost[0]}); get the corpus again from {SOURCE}"
        )
    return found


def kinds(part: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return speaker to what the drawing of speakers looks at: sex, and child or adult."""
    ages, sexes = part["spk2age"], part["spk2gender"]
    return {
        speaker: f"{sexes.get(speaker, '')}{'' if int(ages.get(speaker, ADULT)) < ADULT else '+'}"
        for speaker in set(part["utt2spk"].values())
    }


def prepare(
    root: Path,
    out: Path,
    valid_speakers: int = VALID_SPEAKERS,
    lower: bool = False,
    min_age: int = 0,
    valid_utterances: int = 0,
    test_utterances: int = 0,
) -> None:
    """Write the three data directories; the test set is the published half.

    Args:
        root: folder of the corpus.
        out: where the data directories go.
        valid_speakers: so many of the training speakers validate.
        lower: transcripts in small letters.
        min_age: younger speakers are left out, years.
        valid_utterances: at most so many of each validation speaker; 0: all.
        test_utterances: likewise of each test speaker.

    Raises:
        DataError: a part is missing, or no speaker would be left to train.
    """
    root = first_of((root / "WAVE", root / "speechocean762/WAVE"), "the recordings", SOURCE).parent
    halves = {part: read_part(root, part) for part in ("train", "test")}
    for part in halves.values():
        ages = part["spk2age"]
        for name, speaker in list(part["utt2spk"].items()):
            if int(ages.get(speaker, min_age)) < min_age:
                for table in ("wav", "text", "utt2spk"):
                    del part[table][name]
    train = halves["train"]
    chosen = set(hold_out(kinds(train), valid_speakers))
    voices = set(train["utt2spk"].values())
    sets = {"train": (train, voices - chosen), "valid": (train, chosen)}
    sets["test"] = (halves["test"], set(halves["test"]["utt2spk"].values()))
    for name, (part, own) in sets.items():
        if name == "valid" and not valid_speakers:
            continue
        names = [utterance for utterance, speaker in part["utt2spk"].items() if speaker in own]
        most = {"valid": valid_utterances, "test": test_utterances}.get(name, 0)
        if most:
            names = few_of_each(
                {utterance: part["utt2spk"][utterance] for utterance in names}, most
            )
        if not names:
            raise DataError(f"{root}/{name} has no speaker of {min_age} years or more")
        facts = {
            table: {speaker: value for speaker, value in part[table].items() if speaker in own}
            for table in ("spk2age", "spk2gender")
        }
        write_set(
            out / name,
            {utterance: part["wav"][utterance] for utterance in names},
            text={
                utterance: part["text"][utterance].lower() if lower else part["text"][utterance]
                for utterance in names
            },
            utt2spk={utterance: part["utt2spk"][utterance] for utterance in names},
            **{table: values for table, values in facts.items() if values},
        )


def main(args: argparse.Namespace) -> None:
    """Prepare the three sets."""
    prepare(
        args.root,
        args.data,
        args.valid_speakers,
        args.lower,
        args.min_age,
        args.valid_utterances,
        args.test_utterances,
    )


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of speechocean762 (SPEECHOCEAN762)")
    parser.add_argument(
        "--valid-speakers",
        default=VALID_SPEAKERS,
        type=int,
        help=f"training speakers who validate (default: {VALID_SPEAKERS} of 125)",
    )
    parser.add_argument("--lower", action="store_true", help="transcripts in small letters")
    parser.add_argument(
        "--min-age", default=0, type=int, help="youngest speaker, years (default: all)"
    )
    for name, whose in (("valid", "validation"), ("test", "test")):
        parser.add_argument(
            f"--{name}-utterances",
            default=0,
            type=int,
            help=f"utterances of each {whose} speaker, drawn once for ever (default: all)",
        )
    run_corpus(main, parser.parse_args())
