"""DNSMOS P.835 (SIG, BAK, OVRL) and P.808: predicted opinion scores without a reference.

The networks and the rule around them are those of the speechmos wheel: a signal shorter than
9.01 s is doubled until it is long enough, a window of 9.01 s moves by whole seconds, the mean over
windows is the score. What differs is the cost. Four convolutions at full frame rate make almost all
of it, and neighbouring windows share 8 of their 9 seconds: here these layers run once over the
whole signal, and only the 4 frames at both ends of each window, which see zero padding, are
computed again. The values are equal (tested against speechmos); librosa is not needed.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from sslse.errors import MissingPackageError
from sslse.metrics.base import MetricFailure, check_signal

SAMPLE_RATE = 16000  # Hz
WINDOW = int(9.01 * SAMPLE_RATE)  # samples of one window
SHIFT = SAMPLE_RATE  # samples between windows
FRAME, HOP = 320, 160  # samples of the first network's frames
HALO = 4  # frames: four 3×3 convolutions see four frames to each side
CHUNK = 200  # frames computed at once: bounded memory, and faster than 900 (caches)
FRAMES_INPUT = "mos_estimator_logpow/concat:0"  # (N, 900, 320) frames of the waveform
SHARED_OUTPUT = "mos_estimator_logpow/conv2d_3/Relu:0"  # (N, 32, 900, 161) after four convolutions
POLYNOMIALS = {  # from the network's raw output to the opinion scale, highest power first
    "dnsmos_sig": (-0.08397278, 1.22083953, 0.0052439),
    "dnsmos_bak": (-0.13166888, 1.60915514, -0.39604546),
    "dnsmos_ovrl": (-0.06766283, 1.11546468, 0.04602535),
}
MEL_BANDS, MEL_FFT, MEL_HOP = 120, 321, 160


def _session(model: Any) -> Any:
    """One onnxruntime session of one thread: the pool of processes does the parallel work."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model), options, ["CPUExecutionProvider"]
    )


@functools.cache
def _networks() -> tuple[Any, Any, Any]:
    """Make once: frames → shared layers, shared layers → P.835, log-mel → P.808."""
    try:
        import onnx
        from onnx.utils import Extractor

        folder = Path(importlib.util.find_spec("speechmos").origin).parent / "dnsmos_models"
    except (ImportError, AttributeError) as error:
        raise MissingPackageError(
            "DNSMOS needs the packages speechmos, onnx and onnxruntime; "
            "install them with 'pip install speechmos onnx onnxruntime'"
        ) from error
    model = onnx.load(folder / "sig_bak_ovr.onnx")
    floats = onnx.TensorProto.FLOAT
    model.graph.value_info.extend(
        [
            onnx.helper.make_tensor_value_info(FRAMES_INPUT, floats, ["N", "F", FRAME]),
            onnx.helper.make_tensor_value_info(SHARED_OUTPUT, floats, ["N", 32, "F", 161]),
        ]
    )
    extractor = Extractor(model)
    front = extractor.extract_model([FRAMES_INPUT], [SHARED_OUTPUT])
    back = extractor.extract_model([SHARED_OUTPUT], [model.graph.output[0].name])
    return (
        _session(front.SerializeToString()),
        _session(back.SerializeToString()),
        _session(folder / "model_v8.onnx"),
    )


def _shared_layers(frames: np.ndarray) -> np.ndarray:
    """Run the four convolutions over all frames (F, 320) -> (32, F, 161), in chunks with a halo."""
    front = _networks()[0]
    parts = []
    for start in range(0, len(frames), CHUNK):
        first = max(0, start - HALO)
        block = front.run(None, {FRAMES_INPUT: frames[None, first : start + CHUNK + HALO]})[0][0]
        parts.append(block[:, start - first : start - first + CHUNK])
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _p835(audio: np.ndarray, starts: list[int]) -> np.ndarray:
    """Raw P.835 outputs (windows, 3) of the windows that begin at the samples ``starts``."""
    front, back, _ = _networks()
    count = (WINDOW - FRAME) // HOP + 1  # frames of a window
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME)[::HOP]  # (F, 320)
    frames = np.ascontiguousarray(frames[: starts[-1] // HOP + count])
    shared = _shared_layers(frames)  # (32, F, 161)
    outputs = []
    for start in (start // HOP for start in starts):
        window = shared[:, start : start + count].copy()
        if len(starts) > 1:  # at its own ends a window sees zeros, not its neighbours
            ends = np.stack(
                [frames[start : start + 2 * HALO], frames[start + count - 2 * HALO :][: 2 * HALO]]
            )
            left, right = front.run(None, {FRAMES_INPUT: ends})[0]
            window[:, :HALO], window[:, -HALO:] = left[:, :HALO], right[:, HALO:]
        outputs.append(back.run(None, {SHARED_OUTPUT: window[None]})[0][0])
    return np.array(outputs)


@functools.cache
def mel_filters() -> np.ndarray:
    """Slaney's triangular mel filters (161, 120) of unit area, the default of librosa."""

    def to_hertz(mel: np.ndarray) -> np.ndarray:
        linear = mel * 200 / 3
        return np.where(mel < 15, linear, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))

    highest = 15 + np.log(SAMPLE_RATE / 2 / 1000) / (np.log(6.4) / 27)
    edges = to_hertz(np.linspace(0, highest, MEL_BANDS + 2))  # Hz
    bins = np.fft.rfftfreq(MEL_FFT, 1 / SAMPLE_RATE)[:, None]  # Hz
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])


def log_mel(audio: np.ndarray) -> np.ndarray:
    """Log-mel features (frames, 120) of P.808: 0 dB at the loudest cell, then (dB + 40) / 40."""
    padded = np.pad(audio, MEL_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, MEL_FFT)[::MEL_HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(MEL_FFT) / MEL_FFT)  # periodic Hann
    power = np.abs(np.fft.rfft(frames * window)) ** 2 @ mel_filters()
    decibels = 10 * np.log10(np.maximum(power, 1e-10) / max(power.max(), 1e-10))
    return ((np.maximum(decibels, decibels.max() - 80) + 40) / 40).astype(np.float32)


def dnsmos(clean: np.ndarray | None, enhanced: np.ndarray, sample_rate: int) -> dict[str, float]:
    """Predict the opinion scores of P.835 and P.808 (1 to 5) for one signal.

    The networks hear the level of the signal, so it is left as it is; only a signal that goes
    beyond full scale is divided by its peak, as writing it to a file without clipping would do.

    Args:
        clean: unused; the metric needs no reference.
        enhanced: signal (T,), full scale ±1.
        sample_rate: 16000 Hz.

    Returns:
        ``dnsmos_sig``, ``dnsmos_bak``, ``dnsmos_ovrl`` and ``dnsmos_p808``.

    Raises:
        MetricFailure: another rate, silence, no finite samples.

    Reference:
        Reddy et al. 2022, "DNSMOS P.835", arXiv 2110.01763.
    """
    if sample_rate != SAMPLE_RATE:
        raise MetricFailure(f"DNSMOS is defined at 16000 Hz, the audio has {sample_rate} Hz")
    audio = check_signal("enhanced", enhanced)
    audio = (audio / max(1.0, np.abs(audio).max())).astype(np.float32)
    while len(audio) < WINDOW:
        audio = np.concatenate([audio, audio])
    hops = int(len(audio) // SAMPLE_RATE - 9.01) + 1
    starts = [hop * SHIFT for hop in range(hops) if hop * SHIFT + WINDOW <= len(audio)]
    raw = _p835(audio, starts)  # (windows, 3)
    scores = {
        name: float(np.polyval(coefficients, raw[:, index]).mean())
        for index, (name, coefficients) in enumerate(POLYNOMIALS.items())
    }
    # One window a run: a batch is no faster and holds its activations all at once.
    opinions = [
        _networks()[2].run(None, {"input_1": log_mel(audio[start:][: WINDOW - 160])[None]})[0]
        for start in starts
    ]
    scores["dnsmos_p808"] = float(np.mean(opinions))
    return scores
