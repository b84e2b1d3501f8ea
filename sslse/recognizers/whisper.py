"""Whisper checkpoints through transformers, from a local folder or by hub name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sslse.errors import ConfigError
from sslse.metrics.normalization import say_no_spellings
from sslse.recognizers.base import Recognizer
from sslse.recognizers.repetition import can_be_said, repeats, without_loops
from sslse.runtime.device import AUTO, check_dtype, choose_device, to_device

if TYPE_CHECKING:
    from torch import Tensor

# The authors' settings of decoding again; transformers measures compression on tokens, not text.
TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)
THRESHOLDS = {"logprob_threshold": -1.0, "no_speech_threshold": 0.6}
TOKEN_COMPRESSION = 1.35
SEED = 0  # of sampling, the same for every utterance: its words depend on no other


class WhisperRecognizer(Recognizer):
    """Whisper with greedy or beam decoding; any length (over 30 s it decodes window by window).

    A transcript that repeats itself without end is decoded again by sampling at rising
    temperatures, as the authors do; what still does keeps every phrase once, and no more than can
    be said in the time, which is said on the screen: a loop is no hundred errors on five words.

    Args:
        model: local folder, which always wins, or hub name such as ``openai/whisper-base.en``.
        language: spoken language for multilingual checkpoints; empty: detected.
        beam_size: hypotheses kept; 1 is greedy.
        normalize: apply Whisper's English normaliser (lower case, no punctuation, digits for
            numbers, one spelling, where the folder has ``normalizer.json``). The reference must
            then be normalised in the same way.
        device: where the model runs, as ``choose_device`` takes it.
        dtype: of its weights and products: ``float32``, ``float16`` or ``bfloat16``; ``auto`` is
            what its authors decode with, float16 on a GPU and float32 on the CPU.

    Raises:
        ConfigError: the checkpoint cannot be found, or is not a Whisper model.

    Reference:
        Radford et al. 2022, arXiv 2212.04356.
    """

    sample_rate = 16000
    shortest_seconds = 30.0
    batch_seconds = (240.0, 960.0)  # eight on the CPU take 60 % of the time of eight one by one

    def __init__(
        self,
        model: str | Path,
        language: str = "en",
        beam_size: int = 1,
        normalize: bool = True,
        device: str = AUTO,
        dtype: str = AUTO,
    ) -> None:
        self.device = choose_device(device)
        if dtype == AUTO:
            dtype = "float32" if self.device == "cpu" else "float16"
        check_dtype(dtype)
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
                str(model), local_files_only=local, dtype=getattr(torch, dtype)
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
        if normalize and self.processor.tokenizer.english_spelling_normalizer is None:
            say_no_spellings(model)
            self.processor.tokenizer.english_spelling_normalizer = {}
        to_device(self.model.eval().requires_grad_(False), self.device)
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
        texts = [
            self._again(waveform, text) if repeats(text) else text
            for waveform, text in zip(waveforms, texts, strict=True)
        ]
        if self.normalize:
            texts = [self.processor.tokenizer.normalize(text) for text in texts]
        return [" ".join(text.split()) for text in texts]

    def _again(self, waveform: np.ndarray, text: str) -> str:
        """Return other words for a waveform than a text that repeats itself.

        The same words a second time, no faster than people speak, are what is said ("one one …").
        """
        import torch

        seconds = len(waveform) / self.sample_rate
        is_long = len(waveform) > self.processor.feature_extractor.n_samples
        for temperature in TEMPERATURES:
            with torch.random.fork_rng():
                torch.manual_seed(SEED)
                if is_long:  # each window rises as far as it must
                    again = self._long(
                        waveform,
                        temperature=(0.0, *TEMPERATURES),
                        compression_ratio_threshold=TOKEN_COMPRESSION,
                        **THRESHOLDS,
                    )
                else:
                    (again,) = self._batch([waveform], temperature=temperature, **THRESHOLDS)
            if not repeats(again) or (again == text and can_be_said(text, seconds)):
                return again
            if is_long:
                break
        begin = " ".join(text.split())[:40]
        print(
            f"note: Whisper repeats itself at every temperature ('{begin} …', {len(text.split())} "
            f"words in {seconds:.1f} s); repeated phrases are kept once",
            file=sys.stderr,
            flush=True,
        )
        return without_loops(text, seconds)

    def _batch(self, waveforms: Sequence[np.ndarray], **again: Any) -> list[str]:
        # Every waveform is padded to 30 s, so that the batch has no influence.
        features = self.processor.feature_extractor(
            list(waveforms), sampling_rate=self.sample_rate, return_tensors="pt"
        ).input_features
        tokens = self.model.generate(self._placed(features), **{**self.generation, **again})
        return self.processor.batch_decode(tokens, skip_special_tokens=True)

    def _placed(self, features: Tensor) -> Tensor:
        return to_device(features, self.device).to(self.model.dtype)

    def _long(self, waveform: np.ndarray, **again: Any) -> str:
        inputs = self.processor.feature_extractor(
            waveform,
            sampling_rate=self.sample_rate,
            return_tensors="pt",
            truncation=False,
            padding="longest",
            return_attention_mask=True,
        )
        tokens = self.model.generate(
            self._placed(inputs.input_features),
            attention_mask=to_device(inputs.attention_mask, self.device),
            return_timestamps=True,
            condition_on_prev_tokens=False,
            **{**self.generation, **again},
        )
        return self.processor.batch_decode(tokens, skip_special_tokens=True)[0]
