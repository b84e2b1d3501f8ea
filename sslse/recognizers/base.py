"""The one interface of all speech recognisers, and the table of their names."""

from __future__ import annotations

import abc
import difflib
import importlib
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sslse.errors import AudioError, ConfigError

RECOGNIZERS: dict[str, str] = {
    "ctc": "sslse.recognizers.ctc:CTCRecognizer",
    "ctc_wav2vec2": "sslse.recognizers.ctc_wav2vec2:CTCWav2Vec2Recognizer",
    "espnet": "sslse.recognizers.espnet_asr:ESPnetRecognizer",
    "pocketsphinx": "sslse.recognizers.pocketsphinx:PocketSphinxRecognizer",
    "whisper": "sslse.recognizers.whisper:WhisperRecognizer",
}


class Recognizer(abc.ABC):
    """Speech in, words out.

    A subclass sets ``sample_rate`` (Hz, what its model was trained at) and implements
    :meth:`recognize`. The transcript of an utterance must not depend on the others of its batch,
    so that an interrupted decoding gives the same text when it goes on.

    Example:
        >>> class Counter(Recognizer):
        ...     sample_rate = 8000
        ...     def recognize(self, waveforms):
        ...         return [f"{len(w)} samples" for w in waveforms]
        >>> Counter().transcribe([np.ones(160, np.float32)], sample_rate=16000)
        ['80 samples']
    """

    sample_rate: int

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
                from sslse.data.audio import resample

                waveform = resample(waveform, sample_rate, self.sample_rate)
            prepared.append(waveform)
        return prepared


def find_recognizer(name: str) -> type[Recognizer]:
    """Return the class of a recogniser.

    Args:
        name: a key of ``RECOGNIZERS``, or ``module:Class``.

    Raises:
        ConfigError: there is none of this name.

    Example:
        >>> find_recognizer("pocketsphinx").sample_rate
        16000
    """
    if name not in RECOGNIZERS and ":" not in name:
        nearest = difflib.get_close_matches(name, RECOGNIZERS, n=1)
        hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
        raise ConfigError(f"no recogniser '{name}' ({', '.join(RECOGNIZERS)}){hint}")
    module, _, class_name = RECOGNIZERS.get(name, name).partition(":")
    try:
        return getattr(importlib.import_module(module), class_name)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ConfigError(f"recogniser '{name}' cannot be imported: {error}") from error


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
    recognizer_class = find_recognizer(name)
    parameters = inspect.signature(recognizer_class).parameters
    known = [key for key in parameters if key != "model"]
    for key in options:
        if key not in known:
            raise ConfigError(
                f"recogniser '{name}' has no option '{key}'; it has: {', '.join(known) or 'none'}"
            )
    takes_model = parameters.get("model")
    if model is not None and takes_model is None:
        raise ConfigError(f"recogniser '{name}' takes no model")
    if model is None and takes_model is not None and takes_model.default is takes_model.empty:
        raise ConfigError(f"recogniser '{name}' needs the folder of its model (--model DIR)")
    return recognizer_class(**options) if model is None else recognizer_class(model, **options)
