"""The Wisconsin X-ray microbeam corpus as published: ``JW<nn>/tp<nnn>.{wav,txy}``, ``PAL.DAT``,
``PHA.DAT``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from sslse.articulation.pellets import fill_gaps, to_frames
from sslse.articulation.tract_variables import join_wall, pellet_tract_variables
from sslse.articulation.trajectories import FRAME_RATE
from sslse.errors import DataError

PELLETS = ("UL", "LL", "T1", "T2", "T3", "T4", "MNI", "MNM")
MISTRACKED = 1e6  # µm; a coordinate of at least this size was not tracked
CENTIMETRES = 1e-4  # in a µm
INCISOR = (0.0, 0.0)  # the tip of the upper incisors is the origin, x forward, y up
TASK = re.compile(r"tp\d+$", re.IGNORECASE)


def read_txy(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the times (samples,) in s and pellets (samples, 8, 2) in cm, NaN where mistracked.

    Raises:
        DataError: the file cannot be read, or a line has not the 17 numbers.
    """
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = [float(value) for value in line.split()]
        except ValueError:
            row = []
        if len(row) != 1 + 2 * len(PELLETS):
            raise DataError(
                f"{path} line {number} is not a time and 8 pairs of numbers: '{line[:60].strip()}'"
            )
        rows.append(row)
    if len(rows) < 2:
        raise DataError(f"{path} has {len(rows)} lines; a trajectory has two or more")
    table = np.array(rows)
    time = table[:, 0] * 1e-6
    if (np.diff(time) <= 0).any():
        raise DataError(f"{path}: the times in its first column do not rise")
    pellets = table[:, 1:].reshape(-1, len(PELLETS), 2)
    lost = (np.abs(pellets) >= MISTRACKED).any(2, keepdims=True)
    return time, np.where(lost, np.nan, pellets * CENTIMETRES)


def read_outline(path: Path) -> np.ndarray:
    """Return the trace of a wall, cm (points, 2).

    Raises:
        DataError: the file cannot be read or has no pairs of numbers.
    """
    try:
        numbers = np.array(path.read_text(encoding="latin-1").split(), float)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path} holds something else than numbers ({error})") from error
    if len(numbers) < 4 or len(numbers) % 2:
        raise DataError(f"{path} has {len(numbers)} numbers; pairs of x and y are expected")
    return numbers.reshape(-1, 2) * CENTIMETRES


@dataclass(frozen=True)
class XRMBSpeaker:
    """One speaker's folder.

    Args:
        folder: ``JW<nn>``.
    """

    folder: Path

    @property
    def name(self) -> str:
        """Speaker id, ``JW12``."""
        return self.folder.name.upper()

    @cached_property
    def wall(self) -> np.ndarray:
        """Pharynx and palate as one line, cm (points, 2); the palate may end behind the incisor."""
        pharynx, palate = (self._file(name) for name in ("PHA.DAT", "PAL.DAT"))
        return join_wall(read_outline(pharynx), read_outline(palate))

    def _file(self, name: str) -> Path:
        for path in self.folder.iterdir():
            if path.name.upper() == name:
                return path
        raise DataError(f"{self.folder} has no {name} (a trace of the fixed walls)")

    def tasks(self) -> list[tuple[Path, Path]]:
        """Return the audio and the trajectory of each task that has both."""
        audio = {
            path.stem.lower(): path
            for path in sorted(self.folder.iterdir())
            if path.suffix.lower() == ".wav" and TASK.match(path.stem)
        }
        pairs = []
        for path in sorted(self.folder.iterdir()):
            if path.suffix.lower() == ".txy" and path.stem.lower() in audio:
                pairs.append((audio[path.stem.lower()], path))
        return pairs

    def tract_variables(self, path: Path, num_frames: int, tolerance: int = 1) -> np.ndarray:
        """Return the six variables of a ``.txy`` at 100 Hz, NaN where missing (frames, 6).

        Args:
            path: the ``.txy``; its times count from the beginning of the audio.
            num_frames: of the audio.
            tolerance: frames that it may be longer or shorter; what it lacks is missing.

        Raises:
            DataError: the trajectory and the audio differ by more than that, or no variable is
                known anywhere.
        """
        time, pellets = read_txy(path)
        frames = round(time[-1] * FRAME_RATE) + 1
        if abs(frames - num_frames) > tolerance:
            raise DataError(
                f"{path} ends at frame {frames} of 10 ms but its audio at frame {num_frames}; one "
                f"of them is cut, or they do not belong together (tolerance: {tolerance})"
            )
        flat = fill_gaps(time, pellets.reshape(len(pellets), -1))
        smooth = to_frames(time, flat, num_frames).reshape(num_frames, len(PELLETS), 2)
        upper, lower, tip, second, third, back = (smooth[:, k] for k in range(6))
        body = np.stack([back, third, second], 1)  # from back to front
        values = pellet_tract_variables(upper, lower, tip, body, self.wall, INCISOR)
        if not np.isfinite(values).any():
            raise DataError(f"{path}: every pellet is mistracked, so nothing can be learnt from it")
        return values


def find_speakers(root: Path) -> list[XRMBSpeaker]:
    """Return all speakers of the corpus.

    Raises:
        DataError: there are none.
    """
    found = [path for path in sorted(root.rglob("*")) if re.fullmatch(r"(?i)jw\d+", path.name)]
    speakers = [XRMBSpeaker(path) for path in found if path.is_dir()]
    if not speakers:
        raise DataError(
            f"{root} has no folders JW<nn>; give the folder of the X-ray microbeam corpus"
        )
    return speakers
