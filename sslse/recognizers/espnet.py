"""Speech recognition models trained by ESPnet, whatever their encoder, decoder and tokens."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sslse.downstream.padding import pad_waveforms
from sslse.errors import AudioError, ConfigError, MissingPackageError
from sslse.espnet.model_folder import (
    find_model,
    load_weights,
    quiet,
    read_config,
    sample_rate_of,
)
from sslse.recognizers.base import Recognizer
from sslse.runtime.device import AUTO, choose_device, choose_dtype, lower_precision

if TYPE_CHECKING:
    from torch import Tensor, nn


class ESPnetRecognizer(Recognizer):
    """An ESPnet ASR folder: ``config.yaml`` and weights.

    A model without decoder (pure CTC) is decoded greedily; the others by ESPnet's beam search.
    Utterances are decoded one by one, because some ESPnet encoders let padding reach into real
    frames.

    Args:
        model: folder of the training (``config.yaml``, ``valid.*.ave.pth`` …) or of an unpacked
            ESPnet model with ``meta.yaml``.
        checkpoint: file name of the weights in that folder; default: the averaged, else the best.
        beam_size: hypotheses kept by the beam search.
        ctc_weight: weight of CTC against the attention decoder in the beam search.
        greedy: best path of CTC without any search; default: only when there is no decoder.
        search_type: beam search of a transducer: ``default``, ``tsd`` (time synchronous), ``alsd``
            (alignment-length synchronous), ``nsc`` or ``maes`` (adaptive expansion).
        device: where model and search run, as ``choose_device`` takes it.
        dtype: ``float32``, ``bfloat16`` or ``float16``, of the products of both.

    Raises:
        ConfigError: the folder lacks a file, or holds a model of another task.
    """

    def __init__(
        self,
        model: str | Path,
        checkpoint: str | None = None,
        beam_size: int = 10,
        ctc_weight: float = 0.3,
        greedy: bool | None = None,
        search_type: str = "default",
        device: str = AUTO,
        dtype: str = "float32",
    ) -> None:
        self.device = choose_device(device)
        self.dtype = choose_dtype(dtype, self.device)
        config_path, weights = find_model(Path(model), checkpoint)
        config = read_config(config_path)
        self.greedy = config.get("decoder") is None if greedy is None else greedy
        transducer = config.get("decoder") == "transducer"
        if not transducer and search_type != "default":
            raise ConfigError(f"{config_path} is no transducer, so it has no search_type")
        self.speech2text = build_speech2text(
            config,
            weights,
            transducer_conf={"search_type": search_type} if transducer else None,
            device=self.device,
            beam_size=beam_size,
            ctc_weight=1.0 if config.get("decoder") is None else ctc_weight,
        )
        self.model = self.speech2text.asr_model
        self.sample_rate = sample_rate_of(config)

    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """See :meth:`sslse.recognizers.base.Recognizer.recognize`."""
        texts = []
        for waveform in waveforms:
            with refusing(len(waveform)), lower_precision(self.device, self.dtype):
                texts.append(self._greedy(waveform) if self.greedy else self._search(waveform))
        return texts

    def _greedy(self, waveform: np.ndarray) -> str:
        import torch

        speech, lengths = pad_waveforms([waveform], self.device)  # (1, T), (1,)
        with torch.no_grad():
            path = self.model.ctc.argmax(encode(self.model, speech, lengths))[0].tolist()
        skipped = (self.model.blank_id, self.model.sos, self.model.eos)
        ids = [token for token, _ in itertools.groupby(path) if token not in skipped]
        tokens = self.speech2text.converter.ids2tokens(ids)
        return self.speech2text.tokenizer.tokens2text(tokens)

    def _search(self, waveform: np.ndarray) -> str:
        results = self.speech2text(np.ascontiguousarray(waveform))
        # With intermediate CTC, ESPnet returns a pair.
        nbest = results[0] if isinstance(results, tuple) else results
        return nbest[0][0] or "" if nbest else ""


@contextlib.contextmanager
def refusing(samples: int) -> Iterator[None]:
    """Say of which waveform an error of ESPnet is."""
    from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError

    try:
        yield
    except (TooShortUttError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise AudioError(f"ESPnet cannot recognise these {samples} samples: {reason}") from error


def encode(model: nn.Module, speech: Tensor, lengths: Tensor) -> Tensor:
    """Return the output (B, F, D) of an ASR model's encoder."""
    encoded, _ = model.encode(speech, lengths)
    # An encoder with intermediate CTC returns (output, intermediate outputs).
    return encoded[0] if isinstance(encoded, tuple) else encoded


def build_speech2text(config: dict[str, Any], weights: Path, **options: Any) -> Any:
    """Build ESPnet's Speech2Text of a configuration, with the weights of a training."""
    with quiet():
        speech2text = _build(config, **options)
    load_weights(speech2text.asr_model, weights)
    return speech2text


def _build(config: dict[str, Any], **options: Any) -> Any:
    """Build ESPnet's Speech2Text with random weights."""
    import tempfile

    import yaml

    from sslse.espnet.warprnnt import provide

    provide()
    try:
        from espnet2.bin.asr_inference import Speech2Text
    except ImportError as error:
        raise MissingPackageError(
            f"recogniser 'espnet' needs the package espnet: pip install espnet ({error})"
        ) from error
    # ESPnet reads the configuration from a file; this one has its paths resolved.
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as stream:
        yaml.safe_dump(config, stream)
        stream.flush()
        try:
            return Speech2Text(asr_train_config=stream.name, asr_model_file=None, **options)
        except SystemExit as error:
            # ESPnet leaves the interpreter when an optional package of a model is missing.
            raise MissingPackageError(
                "ESPnet cannot build this model because one of its optional packages is missing"
            ) from error
