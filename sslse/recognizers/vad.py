"""Detectors of speech that are not ours, behind the interface of recognisers."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sslse.data.activity import active_turns
from sslse.errors import ConfigError, MissingPackageError
from sslse.recognizers.base import Recognizer
from sslse.recognizers.posteriors import format_posteriors

# What the network of silero-vad takes at 16 kHz, samples.
WINDOW = 512
CONTEXT = 64  # the end of the window before, in front of each window
STATE = 128  # cells of its recurrent layer


class SileroVAD(Recognizer):
    """silero-vad: the ONNX network in the package's wheel, run by onnxruntime.

    The package itself is not imported, because it would load torchaudio where it is installed, and
    a TorchScript file; nor is anything downloaded.

    Args:
        model: ``silero_vad.onnx``; default: the one of the package.

    Raises:
        MissingPackageError: silero-vad is not installed.
        ConfigError: the file is missing or no such network.
    """

    sample_rate = 16000

    def __init__(self, model: str | Path | None = None) -> None:
        import onnxruntime

        path = Path(model) if model is not None else self.packaged_model()
        if not path.is_file():
            raise ConfigError(f"there is no silero-vad network {path}")
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        try:
            self.session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises its own kinds
            raise ConfigError(f"{path} cannot be loaded as a network ({error})") from error
        names = {value.name for value in self.session.get_inputs()}
        if names != {"input", "state", "sr"}:
            raise ConfigError(
                f"{path} takes {', '.join(sorted(names))}, and silero-vad's network takes input, "
                "state, sr; give silero_vad.onnx of version 5 or newer"
            )

    @staticmethod
    def packaged_model() -> Path:
        """Return the network of the installed package."""
        found = importlib.util.find_spec("silero_vad")
        if found is None or not found.submodule_search_locations:
            raise MissingPackageError(
                "detector 'silero' needs the package silero-vad: pip install 'sslse[vad]'"
            )
        return Path(found.submodule_search_locations[0]) / "data" / "silero_vad.onnx"

    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """Return lines of frame probabilities, one frame of 32 ms each."""
        counts = [-(-len(waveform) // WINDOW) for waveform in waveforms]
        padded = np.zeros((len(waveforms), CONTEXT + max(counts) * WINDOW), dtype=np.float32)
        for row, waveform in zip(padded, waveforms, strict=True):
            row[CONTEXT : CONTEXT + len(waveform)] = waveform
        state = np.zeros((2, len(waveforms), STATE), dtype=np.float32)
        rate, rows = np.array(self.sample_rate, dtype=np.int64), []
        for start in range(0, max(counts) * WINDOW, WINDOW):
            window = np.ascontiguousarray(padded[:, start : start + CONTEXT + WINDOW])
            inputs = {"input": window, "state": state, "sr": rate}
            probability, state = self.session.run(None, inputs)
            rows.append(probability[:, 0])
        posteriors = np.stack(rows, axis=1)  # (B, windows)
        return [
            format_posteriors(own[:count, None], WINDOW / self.sample_rate)
            for own, count in zip(posteriors, counts, strict=True)
        ]


class WebRTCVAD(Recognizer):
    """The Gaussian mixture detector of WebRTC.

    Args:
        aggressiveness: 0 (much is speech) to 3 (little is).
        frame_seconds: 0.01, 0.02 or 0.03 s.

    Raises:
        MissingPackageError: webrtcvad-wheels is not installed.
        ConfigError: the detector has no such setting.
    """

    sample_rate = 16000

    def __init__(self, aggressiveness: int = 2, frame_seconds: float = 0.02) -> None:
        try:
            import webrtcvad
        except ImportError as error:
            raise MissingPackageError(
                "detector 'webrtc' needs the package webrtcvad-wheels: pip install 'sslse[vad]'"
            ) from error
        if aggressiveness not in range(4) or round(frame_seconds * 1000) not in (10, 20, 30):
            raise ConfigError(
                "detector 'webrtc' takes aggressiveness 0 to 3 and frame_seconds 0.01, 0.02 or "
                f"0.03, not {aggressiveness} and {frame_seconds:g}"
            )
        self.new_detector = lambda: webrtcvad.Vad(aggressiveness)
        self.frame_samples = round(frame_seconds * 1000) * self.sample_rate // 1000

    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """Return lines of decisions, 0 or 1."""
        seconds = self.frame_samples / self.sample_rate
        return [format_posteriors(self._detect(wave), seconds) for wave in waveforms]

    def _detect(self, waveform: np.ndarray) -> np.ndarray:
        detector = self.new_detector()  # it adapts, so each utterance has its own
        count = -(-len(waveform) // self.frame_samples)
        pcm = np.zeros(count * self.frame_samples, dtype=np.int16)
        pcm[: len(waveform)] = np.round(np.clip(waveform, -1, 1) * 32767)
        frames = pcm.reshape(count, -1)
        return np.array(
            [[detector.is_speech(frame.tobytes(), self.sample_rate)] for frame in frames], float
        )


class EnergyVAD(Recognizer):
    """Activity by level, the truth for clean speech; see ``sslse.data.activity``.

    Args:
        range_db: an active frame is at most this much softer than the loudest one, dB.
    """

    sample_rate = 16000
    frame_seconds = 0.01

    def __init__(self, range_db: float = 30.0) -> None:
        self.range_db = range_db

    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """Return lines of decisions, 0 or 1."""
        lines = []
        for waveform in waveforms:
            count = -(-len(waveform) // round(self.frame_seconds * self.sample_rate))
            mask = np.zeros((count, 1))
            for turn in active_turns(waveform, self.sample_rate, range_db=self.range_db):
                first, last = (round(time / self.frame_seconds) for time in turn[:2])
                mask[first:last] = 1
            lines.append(format_posteriors(mask, self.frame_seconds))
        return lines
