"""Recordings of noise as data/noise_train, data/noise_valid and data/noise_test."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from sslse.corpora.base import without_silence, write_set
from sslse.errors import DataError

SHARES = {"noise_valid": 0.05, "noise_test": 0.05}  # the rest trains
PIECE = re.compile(r"[_-]\d{1,3}$")


def share(name: str) -> str:
    """Return the set of a clip; all pieces of one recording have one answer, for ever.

    Args:
        name: of the clip; RECORDING_PIECE or RECORDING-PIECE is a piece of RECORDING.

    Example:
        >>> share("door_Freesound_12345_0") == share("door_Freesound_12345_1")
        True
    """
    recording = PIECE.sub("", name)
    place = int(hashlib.sha1(recording.encode()).hexdigest()[:8], 16) / 16**8
    for set_name, part in SHARES.items():
        if place < part:
            return set_name
        place -= part
    return "noise_train"


def write_noise_sets(paths: Iterable[Path], folder: Path, source: str, out: Path) -> None:
    """Write the three data directories, without silent noises; one is named after its file.

    Args:
        paths: audio files.
        folder: where they are from, for the sentence.
        source: where to get more.
        out: where the data directories go.

    Raises:
        DataError: there are too few of them for three sets.
    """
    sets: dict[str, dict[str, Path]] = {"noise_train": {}, **{name: {} for name in SHARES}}
    named = {path.stem.replace(" ", "_"): path for path in paths}
    for name, path in without_silence(named, folder).items():
        sets[share(path.stem)][name] = path
    for name, noises in sets.items():
        if not noises:
            raise DataError(f"{folder} has too few noises to give {name} one; get all of {source}")
    for name, noises in sets.items():
        write_set(out / name, noises, utt2spk={noise: noise for noise in noises})
