"""The one interface of all speech recognisers, and the table of their names."""

from __future__ import annotations

import abc
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sslse.data.batches import BATCH_SECONDS
from sslse.errors import AudioError, ConfigError
from sslse.registry import Registry, check_options

RECOGNIZERS = Registry(
    "recogniser",
    {
        "ctc": "sslse.recognizers.ctc:CTCRecognizer",
        "ctc_espnet": "sslse.recognizers.ctc_espnet:CTCESPnetRecognizer",
        "ctc_wav2vec2": "sslse.recognizers.ctc_wav2vec2:CTCWav2Vec2Recognizer",
        "espnet": "sslse.recognizers.espnet:ESPnetRecognizer",
        "pocketsphinx": "sslse.recognizers.pocketsphinx:PocketSphinxRecognizer",
        "whisper": "sslse.recognizers.whisper:WhisperRecognizer",
    },
)


class Recognizer(abc.ABC):
    """Speech in, words out.

    A subclass sets ``sample_rate`` (Hz, what its model was trained at) and implements
    :meth:`recognize`; what can run on a GPU has an argument ``device``. The transcript of an
    utterance must not depend on the others of its batch, so that an interrupted decoding gives
    the same text when it goes on.

    Example:
        >>> class Counter(Recognizer):
        ...     sample_rate = 8000
        ...     def recognize(self, waveforms):
        ...         return [f"{len(w)} samples" for w in waveforms]
        >>> Counter().transcribe([np.ones(160, np.float32)], sample_rate=16000)
        ['80 samples']
    """

    sample_rate: int
    shortest_seconds: float = 0.0
    """What a shorter utterance costs as much as: Whisper pads all to half a minute."""
    batch_seconds: tuple[float, float] = BATCH_SECONDS
    """Audio in a batch with its padding, on the CPU and on a GPU."""

    @abc.abstractmethod
    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """Return one transcript for each waveform (samples,) at ``self.sample_rate``."""

    def transcribe(self, waveforms: Sequence[np.ndarray], sample_rate: int) -> list[str]:
        """Recognise a batch.

        Args:
            waveforms: float arrays (samples,), each of its own length.
            sample_rate: their rate, Hz; they are resampled if the model wants another.

        Returns:
            One transcript for each; an empty string where no word was heard.

        Raises:
            AudioError: a waveform is empty, has channels, or holds NaN or infinite samples.
        """
        prepared = self.prepare(waveforms, sample_rate)
        return self.recognize(prepared) if prepared else []

    def prepare(self, waveforms: Sequence[np.ndarray], sample_rate: int) -> list[np.ndarray]:
        """Return waveforms checked, as float32, at the model's rate; raises as `transcribe`."""
        prepared = []
        for index, waveform in enumerate(waveforms):
            waveform = np.asarray(waveform, dtype=np.float32)
            if waveform.ndim != 1 or not len(waveform):
                raise AudioError(
                    f"waveform {index} has shape {waveform.shape}; a recogniser takes (samples,) "
                    "with at least one sample"
                )
            if not np.isfinite(waveform).all():
                raise AudioError(f"waveform {index} holds NaN or infinite samples")
            if sample_rate != self.sample_rate:
                from sslse.audio.files import resample

                waveform = resample(waveform, sample_rate, self.sample_rate)
            prepared.append(waveform)
        return prepared


def takes(name: str, option: str) -> bool:
    """Tell whether a kind of recogniser has an option, such as ``device``.

    Raises:
        ConfigError: no such recogniser.
    """
    return option in inspect.signature(RECOGNIZERS.find(name)).parameters


def build_recognizer(name: str, model: str | Path | None = None, **options: Any) -> Recognizer:
    """Build a recogniser by the name of its kind.

    Args:
        name: a key of ``RECOGNIZERS``, or ``module:Class`` of a recogniser of your own.
        model: folder or hub name of the model; some kinds bring their own.
        options: further arguments of the class, for example ``beam_size=10``.

    Raises:
        ConfigError: no such recogniser, no model, or an option that it does not have.
        MissingPackageError: its optional package is not installed.
    """
    recognizer_class = RECOGNIZERS.find(name)
    parameters = inspect.signature(recognizer_class).parameters
    check_options(f"the recogniser '{name}'", recognizer_class, options, hidden=("model",))
    takes_model = parameters.get("model")
    if model is not None and takes_model is None:
        raise ConfigError(f"recogniser '{name}' takes no model")
    if model is None and takes_model is not None and takes_model.default is takes_model.empty:
        raise ConfigError(f"recogniser '{name}' needs the folder of its model (--model DIR)")
    return recognizer_class(**options) if model is None else recognizer_class(model, **options)
