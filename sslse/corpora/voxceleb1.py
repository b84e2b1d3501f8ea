"""VoxCeleb1 for verification (data/train, data/test with trials, on request data/valid) or
identification (data/train, data/valid, data/test).

The published layout is SPEAKER/VIDEO/NUMBER.wav below ROOT/wav, or below ROOT/dev/wav and
ROOT/test/wav. The lists lie in ROOT: voxceleb1_test_v2.txt (SUPERB's trials, of
https://www.openslr.org/49) or else veri_test2.txt (the cleaned trials of the corpus), and
iden_split.txt (1 train, 2 valid, 3 test).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sslse.corpora.base import corpus_parser, find_audio, first_of, run_corpus, write_set
from sslse.data.trials import Trial, pair_utterances
from sslse.errors import DataError

SOURCE = "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/vox1.html"
# The benchmark's list first, then the corpus' cleaned and first ones.
TRIALS_SOURCE = "https://www.openslr.org/49"
TRIALS = ("voxceleb1_test_v2.txt", "veri_test2.txt", "veri_test.txt")
SPLITS = ("iden_split.txt", "veri_test_class.txt")
VALID_TRIALS = 2000  # of one speaker, and of two
VALID_UTTERANCES = 20  # of a speaker: enough pairs, and embedded in minutes
SET_NAMES = {"1": "train", "2": "valid", "3": "test"}


def find_recordings(root: Path) -> dict[str, Path]:
    """Return ``SPEAKER/VIDEO/NUMBER.wav`` to its file, over all parts of the corpus."""
    folders = [root / name for name in ("wav", "dev/wav", "test/wav") if (root / name).is_dir()]
    if not folders:
        raise DataError(f"{root} has no folder wav, dev/wav or test/wav; get them from {SOURCE}")
    return {
        path.relative_to(folder).as_posix(): path
        for folder in folders
        for path in find_audio(folder, "*/*/*.wav")
    }


def utterance_id(recording: str) -> str:
    """Return the id of a recording.

    Example:
        >>> utterance_id("id10270/x6uYqmx31kE/00001.wav")
        'id10270-x6uYqmx31kE-00001'
    """
    return recording.removesuffix(".wav").replace("/", "-")


def read_pairs(path: Path, columns: int) -> list[list[str]]:
    """Return the lines of a list of the corpus, split.

    Raises:
        DataError: a line has another number of columns.
    """
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    for number, row in enumerate(rows, 1):
        if len(row) != columns:
            raise DataError(f"{path} line {number} has {len(row)} columns, expected {columns}")
    return rows


def _write(
    out: Path, names: Iterable[str], recordings: dict[str, Path], listed_in: Path, **more
) -> None:
    names = list(names)
    lost = [name for name in names if name not in recordings]
    if lost:
        raise DataError(
            f"{listed_in} names {len(lost)} recordings that are not there (the first: {lost[0]}); "
            f"the corpus is not complete, get it from {SOURCE}"
        )
    write_set(
        out,
        {utterance_id(name): recordings[name] for name in names},
        utt2spk={utterance_id(name): name.split("/")[0] for name in names},
        **more,
    )


def prepare_verification(
    root: Path, out: Path, trials: Path | None = None, valid_speakers: int = 0
) -> None:
    """Write ``out/test``, the recordings of the trials, and ``out/train``, all other speakers.

    Args:
        root: folder of the corpus.
        out: folder of data directories.
        trials: list of trials; default: the first of ``TRIALS`` in ``root``.
        valid_speakers: so many of the other speakers become ``out/valid`` instead, with drawn
            trials **(ours)**: the benchmark validates on the trials of the test.

    Raises:
        DataError: a list or a recording is missing.
    """
    recordings = find_recordings(root)
    path = trials or first_of((root / name for name in TRIALS), "the list of trials", TRIALS_SOURCE)
    print(f"trials of {path}", flush=True)
    rows = read_pairs(path, 3)
    tested = {name for row in rows for name in row[1:]}
    strangers = {name.split("/")[0] for name in tested}
    train = [name for name in recordings if name.split("/")[0] not in strangers]
    if not train:
        raise DataError(
            f"{root} has no recordings of other speakers than those of {path.name}; unpack the "
            f"development part, too ({SOURCE})"
        )
    pairs = [Trial(row[0] == "1", *map(utterance_id, row[1:])) for row in rows]
    _write(out / "test", sorted(tested), recordings, path, trials=pairs)
    speakers = sorted({name.split("/")[0] for name in train})
    if not 0 <= valid_speakers < len(speakers):
        raise DataError(
            f"{valid_speakers} of {len(speakers)} training speakers cannot validate; some must "
            "be left to train"
        )
    chosen = np.random.default_rng(0).permutation(speakers)[:valid_speakers].tolist()
    if chosen:
        own = {who: [name for name in train if name.split("/")[0] == who] for who in chosen}
        names = [name for some in own.values() for name in some[:VALID_UTTERANCES]]
        voices = {utterance_id(name): name.split("/")[0] for name in names}
        drawn = pair_utterances(voices, most=VALID_TRIALS)
        _write(out / "valid", names, recordings, path, trials=drawn)
    train = [name for name in train if name.split("/")[0] not in chosen]
    _write(out / "train", train, recordings, path)


def prepare_identification(root: Path, out: Path, split: Path | None = None) -> None:
    """Write the three sets of the corpus' identification split; they share all speakers.

    Raises:
        DataError: the list or a recording is missing.
    """
    recordings = find_recordings(root)
    path = split or first_of((root / name for name in SPLITS), "the identification split", SOURCE)
    sets: dict[str, list[str]] = {name: [] for name in SET_NAMES.values()}
    for number, (kind, name) in enumerate(read_pairs(path, 2), 1):
        if kind not in SET_NAMES:
            raise DataError(f"{path} line {number} begins with {kind}, expected 1, 2 or 3")
        sets[SET_NAMES[kind]].append(name)
    for name, names in sets.items():
        _write(out / name, names, recordings, path)


def main(args: argparse.Namespace) -> None:
    """Prepare one of the two tasks."""
    if args.task == "verification":
        prepare_verification(args.root, args.data, args.list, args.valid_speakers)
    else:
        prepare_identification(args.root, args.data, args.list)


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of VoxCeleb1 (VOXCELEB1)")
    parser.add_argument(
        "--task", choices=("verification", "identification"), default="verification"
    )
    parser.add_argument("--list", type=Path, help="trials or split (default: the corpus' in ROOT)")
    parser.add_argument(
        "--valid-speakers",
        default=0,
        type=int,
        help="training speakers of data/valid, with trials of their own (default: 0, no such set)",
    )
    run_corpus(main, parser.parse_args())
