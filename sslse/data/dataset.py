"""Datasets of crops mixed with noise on the fly, and of utterances with what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sslse.audio.files import SPEED_STEPS, draw_speed, resample
from sslse.data.datadir import DataDir
from sslse.data.sampler import Draw, draw_generator
from sslse.errors import DataError

# Streams of ``draw_generator``; a new use takes a new number, so that old experiments stay the
# same.
CROP_STREAM = 1
CHOICE_STREAM = 6
# Of an utterance in place of one that is too short; a set of which most are so has other troubles.
MOST_DRAWS = 20


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
        speeds: lowest and highest playback speed of the speech of a crop; both 1 leave it.
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
        speeds: tuple[float, float] = (1.0, 1.0),
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
        if tuple(self.speeds) == (1, 1):
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
            generator = draw_generator(self.seed, CROP_STREAM, draw.number)
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


class UtteranceDataset(Dataset):
    """Utterances and what a system wants to know of them, for training back-ends.

    Whole utterances; or random crops, mixed with noise on the fly, of items that a training draws
    (``Draw``). An utterance shorter than a crop stays whole.

    Args:
        data: a data directory.
        describe: utterance, first sample and number of samples (None: to the end) to the entries
            of an item, such as its labels.
        sample_rate: Hz.
        crop_seconds: length of a crop, s; None keeps utterances whole.
        mixer: ``NoiseMixer``; None leaves the audio as it is.
        noise_probability: fraction of draws that get noise.
        min_seconds: shorter utterances are left out; of those that become shorter by ``prepare``,
            a draw takes another one.
        seed: seed of crops and mixtures.
        prepare: what is done to a whole waveform, and its rate, after noise and before a crop.
        speeds: lowest and highest playback speed of the speech of a draw; both 1 leave it.

    Raises:
        DataError: no utterance is long enough.
    """

    def __init__(
        self,
        data: DataDir,
        describe: Callable[[str, int, int | None], dict[str, Any]],
        sample_rate: int = 16000,
        *,
        crop_seconds: float | None = None,
        mixer: Any | None = None,
        noise_probability: float = 1.0,
        min_seconds: float = 0.0,
        seed: int = 0,
        prepare: Callable[[np.ndarray, int], np.ndarray] | None = None,
        speeds: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        self.data = data
        self.speeds = tuple(speeds)
        self.prepare = prepare
        self.least_samples = round(min_seconds * sample_rate)
        self.utterances: Sequence[str] = data.utterances
        if min_seconds > 0:
            self.utterances = [
                n for n in data.utterances if data.num_samples(n) >= self.least_samples
            ]
            if not self.utterances:
                raise DataError(f"{data.path} has no utterance of {min_seconds:g} s or more")
        self.describe_utterance = describe
        self.sample_rate = sample_rate
        self.crop_samples = None if crop_seconds is None else round(crop_seconds * sample_rate)
        self.mixer = mixer
        self.noise_probability = noise_probability
        self.seed = seed

    def __len__(self) -> int:
        return len(self.utterances)

    def num_samples(self) -> list[int]:
        """Return the length of each item."""
        lengths = [self.data.num_samples(name) for name in self.utterances]
        if self.crop_samples is None:
            return lengths
        return [min(length, self.crop_samples) for length in lengths]

    def describe(
        self, index: int, start: int = 0, num_samples: int | None = None
    ) -> dict[str, Any]:
        """Return an item without its waveform."""
        return self.describe_utterance(self.utterances[index], start, num_samples)

    def __getitem__(self, draw: Draw | int) -> dict[str, Any]:
        index = getattr(draw, "index", draw)
        generator, start, count = None, 0, None
        if isinstance(draw, Draw):
            generator = draw_generator(self.seed, CROP_STREAM, draw.number)
        if self.prepare is None:
            if generator is not None:
                length = self.data.num_samples(self.utterances[index])
                start, count = draw_crop(length, self.crop_samples, generator)
            waveform = self._hear(index, generator, start, count)
        else:
            waveform = self.prepare(self._hear(index, generator), self.sample_rate)
            if generator is not None:
                for _ in range(MOST_DRAWS):
                    if len(waveform) >= self.least_samples:
                        break
                    index = int(generator.integers(len(self)))
                    waveform = self.prepare(self._hear(index, generator), self.sample_rate)
                start, count = draw_crop(len(waveform), self.crop_samples, generator)
                waveform = waveform[start:][:count]
        waveform = torch.from_numpy(np.ascontiguousarray(waveform))
        return {"waveform": waveform, **self.describe(index, start, count)}

    def _hear(
        self,
        index: int,
        generator: np.random.Generator | None,
        start: int = 0,
        count: int | None = None,
    ) -> np.ndarray:
        """Return a part of an utterance, at a speed and with noise where a generator draws them."""
        waveform, _ = self.data.load(
            self.utterances[index], sample_rate=self.sample_rate, start=start, num_samples=count
        )
        if generator is not None and self.speeds != (1, 1):
            speed = draw_speed(self.speeds, generator.random())
            waveform = resample(waveform, speed, SPEED_STEPS)
        noisy = self.mixer is not None and generator is not None
        if noisy and generator.random() < self.noise_probability:
            waveform = self.mixer.mix(waveform, generator).noisy
        return waveform


def choose_hours(data: DataDir, hours: float, sample_rate: int, seed: int) -> list[str]:
    """Return utterances drawn at random, in the order of the set, of ``hours`` h or the next less.

    Raises:
        DataError: the first that is drawn is longer.
    """
    spare, chosen = hours * 3600 * sample_rate, []
    for index in draw_generator(seed, CHOICE_STREAM, 0).permutation(len(data)):
        spare -= data.num_samples(data.utterances[int(index)])
        if spare < 0:
            break
        chosen.append(int(index))
    if not chosen:
        raise DataError(f"{hours:g} h are less than an utterance of {data.path}")
    return [data.utterances[index] for index in sorted(chosen)]


def draw_crop(
    length: int, crop: int | None, generator: np.random.Generator
) -> tuple[int, int | None]:
    """Return start and length of a random crop; (0, None) where the whole is short enough.

    Example:
        >>> draw_crop(5, 8, np.random.default_rng(0)), draw_crop(5, 5, np.random.default_rng(0))
        ((0, None), (0, None))
    """
    if crop is None or length <= crop:
        return 0, None
    return int(generator.integers(length - crop + 1)), crop


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
