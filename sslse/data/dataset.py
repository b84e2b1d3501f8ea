"""Datasets of crops mixed with noise on the fly, and of whole utterances with their transcripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sslse.data.datadir import DataDir
from sslse.data.sampler import Draw, draw_generator

# Streams of ``draw_generator``; a new use takes a new number, so that old experiments stay the
# same.
CROP_STREAM = 1
MIXTURE_STREAM = 3


class CropMixtureDataset(Dataset):
    """Random crops of clean utterances, mixed with noise on the fly.

    A crop longer than its utterance is filled with silence around it, so that every item has the
    same length and the noise covers all of it.

    Args:
        speech: clean utterances.
        mixer: ``NoiseMixer``; None gives ``noisy == clean``.
        crop_seconds: length of a crop, s.
        sample_rate: Hz.
        seed: seed of crops and mixtures.
        noise_probability: fraction of crops that get noise.
    """

    def __init__(
        self,
        speech: DataDir,
        mixer: Any | None,
        crop_seconds: float,
        sample_rate: int = 16000,
        seed: int = 0,
        noise_probability: float = 1.0,
    ) -> None:
        self.speech = speech
        self.utterances = speech.utterances
        self.mixer = mixer
        self.crop_samples = round(crop_seconds * sample_rate)
        self.sample_rate = sample_rate
        self.seed = seed
        self.noise_probability = noise_probability

    def __len__(self) -> int:
        return len(self.utterances)

    def crop(self, utterance: str, generator: np.random.Generator) -> np.ndarray:
        """Return ``crop_samples`` of one utterance, float32."""
        available = self.speech.num_samples(utterance)
        spare = available - self.crop_samples
        if spare >= 0:
            start = int(generator.integers(spare + 1))
            return self.speech.load(
                utterance,
                sample_rate=self.sample_rate,
                start=start,
                num_samples=self.crop_samples,
            )[0]
        before = int(generator.integers(-spare + 1))
        waveform = self.speech.load(utterance, sample_rate=self.sample_rate)[0]
        return np.pad(waveform, (before, self.crop_samples - before - len(waveform)))

    def __getitem__(self, draw: Draw) -> dict[str, torch.Tensor]:
        generator = draw_generator(self.seed, CROP_STREAM, draw.number)
        utterance = self.utterances[draw.index]
        clean = self.crop(utterance, generator)
        # Drawn even when the mixer is absent, so that settings do not shift the crops of later
        # draws.
        if self.mixer is None or generator.random() >= self.noise_probability:
            noisy = clean
        else:
            mixture = self.mixer.mix(clean, generator)
            noisy, clean = mixture.noisy, mixture.clean
        return {
            "noisy": torch.from_numpy(np.ascontiguousarray(noisy)),
            "clean": torch.from_numpy(np.ascontiguousarray(clean)),
        }


class PairDataset(Dataset):
    """Whole noisy utterances with their clean references (``wav.scp`` and ``spk1.scp``)."""

    def __init__(self, noisy: DataDir, sample_rate: int = 16000) -> None:
        self.data = noisy
        self.utterances = noisy.utterances
        self.sample_rate = sample_rate

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        utterance = self.utterances[index]
        return {
            name: torch.from_numpy(self.data.load(utterance, kind, sample_rate=self.sample_rate)[0])
            for name, kind in (("noisy", "wav"), ("clean", "spk1"))
        }


class TranscribedDataset(Dataset):
    """Whole utterances with the token ids of their transcripts, mixed with noise on the fly.

    Args:
        data: a data directory with ``text``.
        encode: transcript to token ids.
        sample_rate: Hz.
        mixer: ``NoiseMixer``; None leaves the utterances as they are.
        seed: seed of the mixtures.
        noise_probability: fraction of utterances that get noise.
    """

    def __init__(
        self,
        data: DataDir,
        encode: Callable[[str], Sequence[int]],
        sample_rate: int = 16000,
        mixer: Any | None = None,
        seed: int = 0,
        noise_probability: float = 1.0,
    ) -> None:
        self.mixer = mixer
        self.seed = seed
        self.noise_probability = noise_probability
        self.data = data
        self.utterances = data.utterances
        self.encode = encode
        self.sample_rate = sample_rate

    def __len__(self) -> int:
        return len(self.utterances)

    def describe(self, index: int) -> dict[str, Any]:
        """Return an item without its waveform."""
        text = self.data.text[self.utterances[index]]
        return {"tokens": torch.tensor(self.encode(text), dtype=torch.int64), "text": text}

    def __getitem__(self, draw: Draw | int) -> dict[str, Any]:
        index = draw.index if isinstance(draw, Draw) else draw
        waveform, _ = self.data.load(self.utterances[index], sample_rate=self.sample_rate)
        if self.mixer is not None:
            generator = draw_generator(self.seed, MIXTURE_STREAM, draw.number)
            if generator.random() < self.noise_probability:
                waveform = self.mixer.mix(waveform, generator).noisy
        return {"waveform": torch.from_numpy(waveform), **self.describe(index)}


def pad_batch(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Collate: one-dimensional tensors are zero-padded and get ``<name>_lengths``; other values
    become lists.

    Example:
        >>> batch = pad_batch([{"x": torch.ones(2)}, {"x": torch.ones(3)}])
        >>> batch["x"].shape, batch["x_lengths"].tolist()
        (torch.Size([2, 3]), [2, 3])
    """
    batch: dict[str, Any] = {}
    for name, first in items[0].items():
        values = [item[name] for item in items]
        if isinstance(first, torch.Tensor):
            batch[name] = torch.nn.utils.rnn.pad_sequence(values, batch_first=True)
            batch[f"{name}_lengths"] = torch.tensor([len(value) for value in values])
        else:
            batch[name] = values
    return batch
