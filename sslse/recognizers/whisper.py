"""Whisper checkpoints through transformers, from a local folder or by hub name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sslse.errors import ConfigError
from sslse.recognizers.base import Recognizer


class WhisperRecognizer(Recognizer):
    """Whisper with greedy or beam decoding; any length (over 30 s it decodes window by window).

    Args:
        model: local folder, which always wins, or hub name such as ``openai/whisper-base.en``.
        language: spoken language for multilingual checkpoints; empty: detected.
        beam_size: hypotheses kept; 1 is greedy.
        normalize: apply Whisper's English normaliser (lower case, no punctuation, digits for
            numbers, one spelling). The reference must then be normalised in the same way.
        device: where the model runs.

    Raises:
        ConfigError: the checkpoint cannot be found or is not a Whisper model.

    Reference:
        Radford et al. 2022, arXiv 2212.04356.
    """

    sample_rate = 16000

    def __init__(
        self,
        model: str | Path,
        language: str = "en",
        beam_size: int = 1,
        normalize: bool = True,
        device: str = "cpu",
    ) -> None:
        local = Path(model).is_dir()
        if local and not (Path(model) / "config.json").exists():
            raise ConfigError(f"{model} has no config.json; give a folder of a Whisper checkpoint")
        import torch
        from transformers import WhisperForConditionalGeneration, WhisperProcessor
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            self.model = WhisperForConditionalGeneration.from_pretrained(
                str(model), local_files_only=local, dtype=torch.float32
            )
            self.processor = WhisperProcessor.from_pretrained(str(model), local_files_only=local)
        except (OSError, ValueError, RuntimeError) as error:
            reason = next((line for line in str(error).splitlines() if line.strip()), repr(error))
            raise ConfigError(
                f"'{model}' cannot be loaded as a Whisper checkpoint, neither as a local folder "
                f"nor by hub name: {reason}"
            ) from error
        if self.model.config.model_type != "whisper":
            raise ConfigError(f"'{model}' is a {self.model.config.model_type} model, not Whisper")
        self.model.eval().requires_grad_(False).to(device)
        self.device = device
        self.normalize = normalize
        self.generation = {"num_beams": beam_size, "do_sample": False}
        if getattr(self.model.generation_config, "is_multilingual", False):
            self.generation.update(task="transcribe", language=language or None)

    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """See :meth:`sslse.recognizers.base.Recognizer.recognize`."""
        window = self.processor.feature_extractor.n_samples
        short = [index for index, w in enumerate(waveforms) if len(w) <= window]
        texts = [""] * len(waveforms)
        if short:
            for index, text in zip(short, self._batch([waveforms[i] for i in short]), strict=True):
                texts[index] = text
        for index, waveform in enumerate(waveforms):
            if len(waveform) > window:
                texts[index] = self._long(waveform)
        if self.normalize:
            texts = [self.processor.tokenizer.normalize(text) for text in texts]
        return [" ".join(text.split()) for text in texts]

    def _batch(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        # Every waveform is padded to 30 s, so that the batch has no influence.
        features = self.processor.feature_extractor(
            list(waveforms), sampling_rate=self.sample_rate, return_tensors="pt"
        ).input_features
        tokens = self.model.generate(features.to(self.device), **self.generation)
        return self.processor.batch_decode(tokens, skip_special_tokens=True)

    def _long(self, waveform: np.ndarray) -> str:
        inputs = self.processor.feature_extractor(
            waveform,
            sampling_rate=self.sample_rate,
            return_tensors="pt",
            truncation=False,
            padding="longest",
            return_attention_mask=True,
        )
        tokens = self.model.generate(
            inputs.input_features.to(self.device),
            attention_mask=inputs.attention_mask.to(self.device),
            return_timestamps=True,
            condition_on_prev_tokens=False,
            **self.generation,
        )
        return self.processor.batch_decode(tokens, skip_special_tokens=True)[0]
