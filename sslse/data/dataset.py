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


class CropMixtureDataset(Dataset):
    """Random crops of clean utterances, or whole ones, mixed with noise on the fly.

    A crop longer than its utterance is filled with silence around it, so that every item has the
    same length and the noise covers all of it. Whole utterances bring their transcripts.

    Args:
        speech: clean utterances.
        mixer: ``NoiseMixer``; None gives ``noisy == clean``.
        crop_seconds: length of a crop, s; None: whole utterances.
        sample_rate: Hz.
        seed: seed of crops and mixtures.
        noise_probability: fraction of crops that get noise.
    """

    def __init__(
        self,
        speech: DataDir,
        mixer: Any | None,
        crop_seconds: float | None,
        sample_rate: int = 16000,
        seed: int = 0,
        noise_probability: float = 1.0,
    ) -> None:
        self.speech = speech
        self.utterances = speech.utterances
        self.mixer = mixer
        self.crop_samples = None if crop_seconds is None else round(crop_seconds * sample_rate)
        self.sample_rate = sample_rate
        self.seed = seed
        self.noise_probability = noise_probability

    def __len__(self) -> int:
        return len(self.utterances)

    def crop(self, utterance: str, generator: np.random.Generator) -> np.ndarray:
        """Return ``crop_samples`` of one utterance or all of them, float32."""
        if self.crop_samples is None:
            return self.speech.load(utterance, sample_rate=self.sample_rate)[0]
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

    def __getitem__(self, draw: Draw) -> dict[str, Any]:
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
        item: dict[str, Any] = {
            "noisy": torch.from_numpy(np.ascontiguousarray(noisy)),
            "clean": torch.from_numpy(np.ascontiguousarray(clean)),
        }
        if self.crop_samples is None and self.speech.has("text"):
            item["text"] = self.speech.text[utterance]
        return item


class TranscribedMixtureDataset(CropMixtureDataset):
    """Whole clean utterances mixed with noise on the fly, with the token ids of their transcripts.

    Args:
        speech: clean utterances with ``text``.
        mixer: ``NoiseMixer``; None gives ``noisy == clean``.
        encode: transcript to token ids.
        max_seconds: longer utterances are left out, s; 0: none.
        options: ``sample_rate``, ``seed`` and ``noise_probability`` of ``CropMixtureDataset``.
    """

    def __init__(
        self,
        speech: DataDir,
        mixer: Any | None,
        encode: Callable[[str], Sequence[int]],
        max_seconds: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(speech, mixer, crop_seconds=0.0, **options)
        self.encode = encode
        longest = round(max_seconds * self.sample_rate) or float("inf")
        self.utterances = [
            name
            for name in speech.utterances
            if speech.text.get(name) and speech.num_samples(name) <= longest
        ]

    def crop(self, utterance: str, generator: np.random.Generator) -> np.ndarray:
        """Return the whole utterance, float32."""
        return self.speech.load(utterance, sample_rate=self.sample_rate)[0]

    def __getitem__(self, draw: Draw) -> dict[str, torch.Tensor]:
        text = self.speech.text[self.utterances[draw.index]]
        tokens = torch.tensor(self.encode(text), dtype=torch.int64)
        return {**super().__getitem__(draw), "tokens": tokens}


class PairDataset(Dataset):
    """Whole noisy utterances with their clean references (``wav.scp`` and ``spk1.scp``) and, where
    the set has them, transcripts."""

    def __init__(self, noisy: DataDir, sample_rate: int = 16000) -> None:
        self.data = noisy
        self.utterances = noisy.utterances
        self.sample_rate = sample_rate

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> dict[str, Any]:
        utterance = self.utterances[index]
        item: dict[str, Any] = {
            name: torch.from_numpy(self.data.load(utterance, kind, sample_rate=self.sample_rate)[0])
            for name, kind in (("noisy", "wav"), ("clean", "spk1"))
        }
        if self.data.has("text"):
            item["text"] = self.data.text[utterance]
        return item


class TranscribedPairDataset(PairDataset):
    """The same with the token ids of their transcripts.

    Args:
        noisy: data directory with ``spk1.scp`` and ``text``.
        encode: transcript to token ids.
        sample_rate: Hz.
    """

    def __init__(
        self, noisy: DataDir, encode: Callable[[str], Sequence[int]], sample_rate: int = 16000
    ) -> None:
        super().__init__(noisy, sample_rate)
        self.encode = encode

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        text = self.data.text[self.utterances[index]]
        tokens = torch.tensor(self.encode(text), dtype=torch.int64)
        return {**super().__getitem__(index), "tokens": tokens}


class TranscribedDataset(Dataset):
    """Whole utterances with the token ids of their transcripts.

    Args:
        data: a data directory with ``text``.
        encode: transcript to token ids.
        sample_rate: Hz.
    """

    def __init__(
        self, data: DataDir, encode: Callable[[str], Sequence[int]], sample_rate: int = 16000
    ) -> None:
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


def pad_pairs(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Collate pairs of noisy and clean speech: ``pad_batch`` with one ``lengths`` for both.

    Example:
        >>> pair = {"noisy": torch.ones(2), "clean": torch.ones(2), "tokens": torch.ones(1)}
        >>> sorted(pad_pairs([pair]))
        ['clean', 'lengths', 'noisy', 'tokens', 'tokens_lengths']
    """
    batch = pad_batch(items)
    batch["lengths"] = batch.pop("noisy_lengths")
    del batch["clean_lengths"]
    return batch
