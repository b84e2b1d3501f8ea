"""ESC-50, environmental sounds: data/noise_train, data/noise_valid and data/noise_test.

The published layout is ROOT/audio/FOLD-CLIP-TAKE-TARGET.wav (5 s, 44.1 kHz, resampled while mixing;
other kinds of sound files do as well) and ROOT/meta/esc50.csv; ROOT may also be the folder that
holds ESC-50-master/. Takes of one source clip go to one set, and every class of sounds is in each
set as far as its clips suffice. The folds of the corpus are not used: they are meant for
classifiers, and a subset of the corpus need not have all of them.

The corpus is CC BY-NC; its part ESC-10 (``esc10`` in the table) is CC BY.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from sslse.corpora.base import (
    corpus_parser,
    first_of,
    require,
    run_corpus,
    without_silence,
    write_set,
)
from sslse.errors import DataError

SOURCE = "https://github.com/karolpiczak/ESC-50"
SHARES = {"noise_test": 0.2, "noise_valid": 0.1}  # of the clips of a class; the rest trains
COLUMNS = ("filename", "category", "esc10", "src_file")


def read_table(path: Path, cc_by: bool = False) -> dict[str, dict[str, str]]:
    """Return the name of each sound, without its ending, to its row.

    Args:
        path: ``esc50.csv``.
        cc_by: only sounds that are CC BY.

    Raises:
        DataError: a column is missing.
    """
    with open(path, newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"{path} has no column {missing[0]}; expected {', '.join(COLUMNS)}")
        rows = [row for row in reader if not cc_by or row["esc10"] == "True"]
    return {Path(row["filename"]).stem: row for row in rows}


def share_clips(classes: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return source clip to set.

    Args:
        classes: class of sounds to its source clips; a clip may be in several.

    Example:
        >>> sets = share_clips({"rain": map(str, range(10)), "dog": ["10", "11"]})
        >>> [list(sets.values()).count(name) for name in ("noise_train", "noise_valid")]
        [8, 1]
    """
    sets: dict[str, str] = {}
    own = {name: sorted(set(clips), key=_order) for name, clips in classes.items()}
    # Small classes first: what they share with others is theirs to place.
    for name in sorted(own, key=lambda name: (len(own[name]), name)):
        free = [clip for clip in own[name] if clip not in sets]
        trains = any(sets.get(clip) == "noise_train" for clip in own[name])
        for set_name, part in SHARES.items():
            have = sum(sets.get(clip) == set_name for clip in own[name])
            want = max(1, round(part * len(own[name]))) - have
            for _ in range(min(want, len(free) - (not trains))):
                sets[free.pop()] = set_name
        sets.update(dict.fromkeys(free, "noise_train"))
    return sets


def _order(clip: str) -> str:
    return hashlib.sha1(clip.encode()).hexdigest()


def prepare(root: Path, out: Path, cc_by: bool = False) -> None:
    """Write the three data directories.

    Args:
        root: folder of the corpus.
        out: where the data directories go.
        cc_by: only sounds that are CC BY (ESC-10).

    Raises:
        DataError: the table or a sound is missing, or there are too few clips for three sets.
    """
    table = "meta/esc50.csv"
    places = (root / table, root / "ESC-50-master" / table, root / "ESC-50" / table)
    path = first_of(places, "the table of sounds", SOURCE)
    root = path.parents[1]
    rows = read_table(path, cc_by)
    files = {
        file.stem: file for file in sorted(require(root / "audio", "sounds", SOURCE).iterdir())
    }
    lost = sorted(name for name in rows if name not in files)
    if lost:
        raise DataError(
            f"{path} names {len(lost)} of {len(rows)} sounds that are not there (the first: "
            f"{root / 'audio' / rows[lost[0]]['filename']}); get the corpus again from {SOURCE}"
        )
    loud = without_silence({name: files[name] for name in rows}, root / "audio")
    rows = {name: rows[name] for name in loud}
    classes: dict[str, list[str]] = {}
    for row in rows.values():
        classes.setdefault(row["category"], []).append(row["src_file"])
    clips = share_clips(classes)
    sets: dict[str, dict[str, Path]] = {"noise_train": {}, "noise_valid": {}, "noise_test": {}}
    for name, row in rows.items():
        sets[clips[row["src_file"]]][name] = files[name]
    for name, sounds in sets.items():
        if not sounds:
            raise DataError(f"{root} has too few clips to give {name} one; get all of {SOURCE}")
    for name, sounds in sets.items():
        write_set(
            out / name,
            sounds,
            utt2spk={sound: sound for sound in sounds},
            utt2label={sound: rows[sound]["category"] for sound in sounds},
        )
    here = {name: {rows[sound]["category"] for sound in sounds} for name, sounds in sets.items()}
    small = sorted(set(classes) - set.intersection(*here.values()))
    if small:
        print(
            f"warning: {len(small)} of {len(classes)} classes have too few clips to be in each "
            f"set: {', '.join(small)}"
        )


def main(args: argparse.Namespace) -> None:
    """Prepare the sounds."""
    prepare(args.root, args.data, args.cc_by)


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of ESC-50 (ESC50)")
    parser.add_argument("--cc-by", action="store_true", help="only what is CC BY, ESC-10")
    run_corpus(main, parser.parse_args())
