"""Trajectories beside audio: ``tv.scp`` → Kaldi archive of (frames, variables) at 100 Hz.

``tv.names`` beside the archive names the variables, one a line. NaN is a missing value: a pellet
that was not tracked. Frame k is the value at k / 100 s, that is at sample 160·k of audio at 16 kHz,
so an utterance of T samples has T // 160 + 1 frames.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from sslse.data.datadir import write_table
from sslse.data.scp import Table
from sslse.errors import DataError
from sslse.runtime.atomic import atomic_open, atomic_path

FRAME_RATE = 100  # Hz
SCP = "tv.scp"
TOLERANCE = 1  # frames that a trajectory may be longer or shorter than its audio
Normalization = Literal["speaker", "global", "none"]


def frame_count(num_samples: int, sample_rate: int) -> int:
    """Return the frames of audio of so many samples.

    Example:
        >>> frame_count(16000, 16000), frame_count(159, 16000)
        (101, 1)
    """
    return num_samples * FRAME_RATE // sample_rate + 1


class Trajectories:
    """Read-only trajectories of a set.

    Args:
        scp: ``tv.scp``.

    Raises:
        DataError: a file is missing, the list is empty, or two archives name other variables.
    """

    def __init__(self, scp: str | os.PathLike) -> None:
        self.scp = Table(scp)
        archives = dict.fromkeys(_archive(source) for source in self.scp.values())
        if not archives:
            raise DataError(f"{scp} has no trajectories")
        self.names, *others = (read_names(archive) for archive in archives)
        if any(names != self.names for names in others):
            raise DataError(f"the archives of {scp} do not hold the same variables")

    def __contains__(self, utterance: object) -> bool:
        return utterance in self.scp

    def __iter__(self) -> Iterator[str]:
        return iter(self.scp)

    def __len__(self) -> int:
        return len(self.scp)

    def load(self, utterance: str) -> np.ndarray:
        """Return one trajectory, float32 (frames, variables), NaN where missing.

        Raises:
            DataError: it is not there, cannot be read, or has another number of variables.
        """
        if utterance not in self.scp:
            raise DataError(f"{self.scp.path} has no trajectory of utterance {utterance}")
        source = self.scp[utterance]
        try:
            values = _read_matrix(source)
        except (OSError, ValueError, AssertionError) as error:
            raise DataError(
                f"the trajectory of {utterance} cannot be read from {source} "
                f"({error or 'no binary Kaldi matrix'}); write {self.scp.path} again"
            ) from error
        if values.ndim != 2:
            raise DataError(f"the entry {source} of {utterance} is no matrix (frames, variables)")
        if values.shape[1] != len(self.names):
            raise DataError(
                f"the trajectory of {utterance} has {values.shape[1]} variables, "
                f"{names_path(_archive(source))} names {len(self.names)}"
            )
        return np.asarray(values, np.float32)

    def fitted(self, utterance: str, num_frames: int) -> np.ndarray:
        """Return one trajectory with as many frames as its audio; a lacking last one is missing.

        Raises:
            DataError: the two differ by more than one frame, or nothing in it is known.
        """
        values = self.load(utterance)
        if abs(len(values) - num_frames) > TOLERANCE:
            raise DataError(
                f"utterance {utterance}: the trajectory in {self.scp.path} has {len(values)} "
                f"frames at {FRAME_RATE} Hz but its audio has {num_frames}; cut both to the same "
                "time, or correct the rate of one of them"
            )
        if not np.isfinite(values).any():
            raise DataError(
                f"utterance {utterance}: every value of its trajectory in {self.scp.path} is "
                "missing; remove the utterance ('sslse fix-data' drops ids that one table lacks)"
            )
        missing = np.full((max(0, num_frames - len(values)), values.shape[1]), np.nan, np.float32)
        return np.concatenate([values[:num_frames], missing])


def _read_matrix(source: str) -> np.ndarray:
    """Read one entry of an archive; only matrices: kaldiio would also open pickles."""
    from kaldiio.matio import read_matrix_or_vector

    path, _, offset = source.rpartition(":")
    with open(path, "rb") as stream:
        stream.seek(int(offset))
        return read_matrix_or_vector(stream)


def _archive(source: str) -> str:
    return source.rpartition(":")[0] or source


def names_path(archive: str | os.PathLike) -> Path:
    """Return the file that names the variables of an archive."""
    return Path(archive).with_suffix(".names")


def read_names(archive: str | os.PathLike) -> tuple[str, ...]:
    """Return the names of the variables of an archive.

    Raises:
        DataError: they are not beside it.
    """
    path = names_path(archive)
    try:
        return tuple(path.read_text(encoding="utf-8").split())
    except OSError as error:
        raise DataError(
            f"cannot read {path} ({error.strerror}); it names the variables of {archive}, one a "
            "line"
        ) from error


def write_trajectories(
    scp: str | os.PathLike,
    archive: str | os.PathLike,
    trajectories: Iterable[tuple[str, np.ndarray]],
    names: Sequence[str],
) -> None:
    """Write an archive, the names beside it, and ``tv.scp``; the list appears last.

    Args:
        scp: ``tv.scp`` of a data directory.
        archive: the archive, ``tv.ark``; not in a data directory, whose files are tables.
        trajectories: utterance and (frames, variables), NaN where missing.
        names: of the variables.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> tv = np.ones((5, 2))
        >>> write_trajectories(folder / "tv.scp", folder / "tv.ark", [("utt1", tv)], ["LA", "LP"])
        >>> Trajectories(folder / "tv.scp").load("utt1").shape
        (5, 2)
    """
    import kaldiio

    entries: dict[str, str] = {}
    with atomic_path(archive) as temporary:
        with open(temporary, "wb") as stream:
            for utterance, values in trajectories:
                if values.ndim != 2 or values.shape[1] != len(names):
                    raise DataError(
                        f"the trajectory of {utterance} has shape {values.shape}, expected "
                        f"(frames, {len(names)})"
                    )
                stream.write(f"{utterance} ".encode())
                entries[utterance] = f"{archive}:{stream.tell()}"
                kaldiio.save_mat(stream, np.ascontiguousarray(values, np.float32))
    with atomic_open(names_path(archive)) as stream:
        stream.writelines(f"{name}\n" for name in names)
    write_table(scp, entries)


class Normalizer:
    """Zero mean and unit variance of every variable, over each speaker or over the set.

    Tract lengths differ between speakers, so the same gesture has other numbers; without them,
    correlations stay as they are.

    Args:
        trajectories: of the set.
        utt2spk: utterance to speaker.
        kind: ``speaker``, ``global`` or ``none``.

    Raises:
        DataError: with ``speaker``, a speaker has one utterance alone, too little for a range.
    """

    def __init__(
        self, trajectories: Trajectories, utt2spk: Mapping[str, str], kind: Normalization
    ) -> None:
        self.kind = kind
        self.utt2spk = utt2spk
        self.facts: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        if kind == "none":
            return
        groups: dict[str, list[str]] = {}
        for utterance in trajectories:
            groups.setdefault(self._group(utterance), []).append(utterance)
        for group, utterances in groups.items():
            if kind == "speaker" and len(utterances) < 2:
                raise DataError(
                    f"speaker {group} of {trajectories.scp.path} has one utterance "
                    f"({utterances[0]}), too little to know the range of its articulators; give "
                    "it more, remove it, or set normalize: global"
                )
            self.facts[group] = _mean_and_deviation(
                np.concatenate([trajectories.load(utterance) for utterance in utterances])
            )

    def _group(self, utterance: str) -> str:
        if self.kind == "global":
            return ""
        try:
            return self.utt2spk[utterance]
        except KeyError:
            raise DataError(
                f"utterance {utterance} has a trajectory and no speaker in utt2spk"
            ) from None

    def __call__(self, utterance: str, values: np.ndarray) -> np.ndarray:
        """Return normalised values; what is missing stays NaN."""
        if self.kind == "none":
            return values
        mean, deviation = self.facts[self._group(utterance)]
        return (values - mean) / deviation


def _mean_and_deviation(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both over the known values of each column; a column without any gets (0, 1)."""
    known = np.isfinite(values)
    count = np.maximum(known.sum(0), 1)
    filled = np.where(known, values, 0).astype(np.float64)
    mean = filled.sum(0) / count
    variance = (np.where(known, values - mean, 0) ** 2).sum(0) / count
    deviation = np.where(variance > 1e-12, np.sqrt(variance), 1.0)
    return mean.astype(np.float32), deviation.astype(np.float32)
