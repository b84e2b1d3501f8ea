"""VocalTractLab: gestural score to motion, tubes, flesh points and sound.

This file alone uses ``vocaltractlab_cython`` (GPL-3.0, an optional package that is not part of
sslse); it runs in the process of the generator and nothing else of sslse knows it. Two functions
of its library are not wrapped there and are called through ctypes, on the same loaded library.
"""

from __future__ import annotations

import ctypes
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from sslse.errors import MissingPackageError, SslseError

RATE = 44100  # Hz, of the synthesiser
HOP = 441  # samples of a frame of 10 ms: 100 Hz, and 160 samples at 16 kHz
CONTROL_HOP = 110  # samples between two states of VocalTractLab's motion
LIBRARIES = ("libVocalTractLabApi.so", "libVocalTractLabApi.dylib", "VocalTractLabApi.dll")
NEUTRAL = "@"


@dataclass(frozen=True)
class Motion:
    """Motion at 100 Hz.

    Args:
        tract: 19 parameters of the vocal tract (frames, 19).
        glottis: 11 parameters of the vocal folds, the first is f0 in Hz (frames, 11).
        pellets: tongue back, tongue middle, tongue tip, upper lip, lower lip, jaw: x, y in cm
            (frames, 6, 2); None where they were not asked for.
    """

    tract: np.ndarray
    glottis: np.ndarray
    pellets: np.ndarray | None


@dataclass(frozen=True)
class Tubes:
    """Area functions (frames, 40) from glottis to lips, and what goes with each (frames,)."""

    length: np.ndarray
    area: np.ndarray
    articulator: np.ndarray
    incisor: np.ndarray
    tip_elevation: np.ndarray
    velum: np.ndarray


class VocalTract:
    """One synthesiser; it has one state a process.

    Raises:
        MissingPackageError: the optional package is not installed.
    """

    def __init__(self) -> None:
        try:
            import vocaltractlab_cython as vtl
        except ImportError as error:
            raise MissingPackageError(
                "the generator of speech with articulation needs the optional package "
                "vocaltractlab_cython (GPL-3.0): uv pip install vocaltractlab_cython==0.0.16"
            ) from error
        self.vtl = vtl
        folder = Path(vtl.__file__).parent
        found = [folder / name for name in LIBRARIES if (folder / name).exists()]
        if not found:
            raise MissingPackageError(f"{folder} has no library ({', '.join(LIBRARIES)})")
        self.library = ctypes.CDLL(str(found[0]))
        doubles, integers = (ctypes.POINTER(kind) for kind in (ctypes.c_double, ctypes.c_int))
        self.library.vtlSynthesisAddTube.argtypes = [
            *(ctypes.c_int, doubles, doubles, doubles, integers),
            *(ctypes.c_double, ctypes.c_double, ctypes.c_double, doubles),
        ]

    def move(self, score: str, pellets: bool) -> Motion:
        """Run a gestural score (XML).

        Args:
            score: see ``gestures.gestural_score``.
            pellets: whether flesh points are wanted; they take most of the time.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            (path / "score").write_text(score)
            names = [str(path / name).encode() for name in ("score", "tract", "pellets")]
            self._call("vtlGesturalScoreToTractSequence", *names[:2])
            lines = (path / "tract").read_text().splitlines()
            rows = [line.split() for line in lines if not line.startswith("#")][2:]
            glottis, tract = np.array(rows[0::2], float), np.array(rows[1::2], float)
            frames = (len(glottis) - 1) * CONTROL_HOP // HOP + 1
            points = None
            if pellets:
                self._call("vtlGesturalScoreToEma", names[0], names[2])
                table = np.loadtxt(path / "pellets", skiprows=2)
                time = np.arange(frames) * HOP / RATE
                points = _at(time, table[:, 0], table[:, 1:]).reshape(frames, 6, 3)[..., :2]
        states = np.arange(len(glottis)) * CONTROL_HOP
        samples = np.arange(frames) * HOP
        return Motion(_at(samples, states, tract), _at(samples, states, glottis), points)

    def tubes(self, tract: np.ndarray) -> Tubes:
        """Return the area functions of tract parameters; never between calls of ``synthesize``."""
        states = [
            self.vtl.tract_state_to_tube_state(row.copy(), fast_calculation=True) for row in tract
        ]

        def column(name: str, kind: type = float) -> np.ndarray:
            return np.array([state[name] for state in states], kind)

        return Tubes(
            column("tube_length"),
            column("tube_area"),
            column("tube_articulator", np.int32),
            column("incisor_position"),
            column("tongue_tip_side_elevation"),
            column("velum_opening"),
        )

    def synthesize(self, tubes: Tubes, glottis: np.ndarray, size: float = 1.0) -> np.ndarray:
        """Return the sound at 16 kHz, float64, (frames - 1) · 160 samples.

        Args:
            tubes: area functions, 10 ms apart.
            glottis: parameters of the vocal folds (frames, 11).
            size: of the speaker: factor of all lengths (areas by its square).
        """
        self._call("vtlSynthesisReset")
        glottis = np.ascontiguousarray(glottis)
        length, area = tubes.length * size, tubes.area * size**2
        sound = np.zeros((len(length), HOP))
        for k in range(len(length)):
            self._call(
                "vtlSynthesisAddTube",
                HOP if k else 0,
                _pointer(sound[k]),
                _pointer(length[k]),
                _pointer(area[k]),
                _pointer(tubes.articulator[k]),
                float(tubes.incisor[k] * size),
                float(tubes.velum[k] * size**2),
                float(tubes.tip_elevation[k]),
                _pointer(glottis[k]),
            )
        return resample_poly(sound[1:].ravel(), 160, 441)

    def wall(self) -> np.ndarray:
        """Return the rear wall of the pharynx, velum and palate at rest, cm (points, 2).

        Read from the outline of the neutral shape with a closed velum; it ends at the upper
        incisor.
        """
        parameters = [entry["name"] for entry in self.vtl.get_param_info("tract")]
        state = np.array(self.vtl.get_shape(NEUTRAL, "tract"), float)
        state[parameters.index("VO")] = -0.1
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "outline.svg"
            self.vtl.tract_state_to_svg(state, str(path))
            svg = path.read_text()
        lines = [
            np.array(points.split(), float).reshape(-1, 2) / [37.8, -37.8]
            for points in re.findall(r'points="([^"]+)"', svg)
        ]
        rear, upper = lines[0], lines[2]
        incisor = upper[:, 1].argsort()[:2].min()
        return np.concatenate([rear[rear[:, 1] > -6.0], upper[1 : incisor + 1]])

    def _call(self, name: str, *arguments: object) -> None:
        status = getattr(self.library, name)(*arguments)
        if status != 0:
            raise SslseError(f"VocalTractLab's {name} failed with status {status}")


def _at(places: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(places, known, column) for column in values.T], 1)


def _pointer(array: np.ndarray) -> object:
    kind = ctypes.c_int if array.dtype == np.int32 else ctypes.c_double
    return array.ctypes.data_as(ctypes.POINTER(kind))
