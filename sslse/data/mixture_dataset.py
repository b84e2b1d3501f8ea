"""Clean speech and its mixtures with noise: made on the fly, or read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sslse.audio.files import SPEED_STEPS, draw_speed, resample
from sslse.data.datadir import DataDir
from sslse.data.draws import Draw, Stream, draw_generator


def all_have_text(data: DataDir) -> bool:
    """Return whether every utterance has a transcript; a set with gaps counts as one without."""
    return data.has("text") and all(name in data.text for name in data.utterances)


class CropMixtureDataset(Dataset):
    """Random crops of clean utterances, or whole ones, mixed with noise on the fly.

    Where a crop is longer than its utterance, the utterance stays whole (``fill=False``), or is
    filled with silence around it, so that every item has the same length and the noise covers all
    of it. Whole utterances bring their transcripts.

    Args:
        speech: clean utterances.
        mixer: ``NoiseMixer``; None gives ``noisy == clean``.
        crop_seconds: length of a crop, s; None: whole utterances.
        sample_rate: Hz.
        seed: seed of crops and mixtures.
        noise_probability: fraction of crops that get noise.
        fill: whether short utterances are filled with silence to the length of a crop.
        speeds: lowest and highest playback speed of the speech of a crop; None leaves it.
    """

    def __init__(
        self,
        speech: DataDir,
        mixer: Any | None,
        crop_seconds: float | None,
        sample_rate: int = 16000,
        seed: int = 0,
        noise_probability: float = 1.0,
        fill: bool = True,
        speeds: tuple[float, float] | None = None,
    ) -> None:
        self.speech = speech
        self.utterances = speech.utterances
        self.mixer = mixer
        self.crop_samples = None if crop_seconds is None else round(crop_seconds * sample_rate)
        self.sample_rate = sample_rate
        self.seed = seed
        self.noise_probability = noise_probability
        self.fill = fill
        self.speeds = speeds
        self.has_text = crop_seconds is None and all_have_text(speech)

    def __len__(self) -> int:
        return len(self.utterances)

    def num_samples(self) -> list[int]:
        """Return the length of each item."""
        lengths = [self.speech.num_samples(name) for name in self.utterances]
        if self.crop_samples is None:
            return lengths
        return [self.crop_samples if self.fill else min(n, self.crop_samples) for n in lengths]

    def crop(self, utterance: str, generator: np.random.Generator, kind: str = "wav") -> np.ndarray:
        """Return ``crop_samples`` of one utterance or all of them, float32."""
        if self.crop_samples is None:
            return self.speech.load(utterance, kind, sample_rate=self.sample_rate)[0]
        if self.speeds is None:
            return self._part(utterance, self.crop_samples, generator, kind)
        speed = draw_speed(self.speeds, generator.random())
        part = self._part(utterance, -(-self.crop_samples * speed // SPEED_STEPS), generator, kind)
        return resample(part, speed, SPEED_STEPS)[: self.crop_samples]

    def _part(
        self, utterance: str, num_samples: int, generator: np.random.Generator, kind: str
    ) -> np.ndarray:
        available = self.speech.num_samples(utterance)
        spare = available - num_samples
        if spare >= 0:
            start = int(generator.integers(spare + 1))
            return self.speech.load(
                utterance,
                kind,
                sample_rate=self.sample_rate,
                start=start,
                num_samples=num_samples,
            )[0]
        waveform = self.speech.load(utterance, kind, sample_rate=self.sample_rate)[0]
        if not self.fill:
            return waveform
        before = int(generator.integers(-spare + 1))
        return np.pad(waveform, (before, num_samples - before - len(waveform)))

    def __getitem__(self, draw: Draw) -> dict[str, Any]:
        generator = draw_generator(self.seed, Stream.CROP, draw.number)
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
        if self.has_text:
            item["text"] = self.speech.text[utterance]
        return item


def random_items(
    data: Dataset, count: int, generator: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """Yield a training item of each of ``count`` utterances, or of all where there are fewer."""
    chosen = generator.permutation(len(data))[:count]
    return (data[Draw(int(index), number)] for number, index in enumerate(chosen))


class CropPairDataset(CropMixtureDataset):
    """The same of utterances that are noisy already: ``wav.scp`` with its clean ``spk1.scp``."""

    def __init__(
        self,
        pairs: DataDir,
        crop_seconds: float | None,
        sample_rate: int = 16000,
        seed: int = 0,
        fill: bool = True,
    ) -> None:
        super().__init__(pairs, None, crop_seconds, sample_rate, seed, fill=fill)

    def __getitem__(self, draw: Draw) -> dict[str, Any]:
        utterance = self.utterances[draw.index]
        item: dict[str, Any] = {}
        for name, kind in (("noisy", "wav"), ("clean", "spk1")):
            # One generator for each, begun alike: the same crop of both.
            generator = draw_generator(self.seed, Stream.CROP, draw.number)
            waveform = self.crop(utterance, generator, kind)
            item[name] = torch.from_numpy(np.ascontiguousarray(waveform))
        if self.has_text:
            item["text"] = self.speech.text[utterance]
        return item


class PairDataset(Dataset):
    """Whole noisy utterances with their clean references (``wav.scp`` and ``spk1.scp``) and, where
    the set has them, transcripts."""

    def __init__(self, noisy: DataDir, sample_rate: int = 16000) -> None:
        self.data = noisy
        self.utterances = noisy.utterances
        self.sample_rate = sample_rate
        self.has_text = all_have_text(noisy)

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> dict[str, Any]:
        utterance = self.utterances[index]
        item: dict[str, Any] = {
            name: torch.from_numpy(self.data.load(utterance, kind, sample_rate=self.sample_rate)[0])
            for name, kind in (("noisy", "wav"), ("clean", "spk1"))
        }
        if self.has_text:
            item["text"] = self.data.text[utterance]
        return item
