"""Utterances with what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sslse.audio.files import SPEED_STEPS, draw_speed, resample
from sslse.data.datadir import DataDir
from sslse.data.draws import Draw, Stream, draw_crop, draw_generator
from sslse.errors import DataError

# Of an utterance in place of one that is too short; a set of which most are so has other troubles.
MOST_DRAWS = 20


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
        speeds: lowest and highest playback speed of the speech of a draw; None leaves it.

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
        speeds: tuple[float, float] | None = None,
    ) -> None:
        self.data = data
        self.speeds = speeds
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
            generator = draw_generator(self.seed, Stream.CROP, draw.number)
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
        if generator is not None and self.speeds is not None:
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
    for index in draw_generator(seed, Stream.HOURS, 0).permutation(len(data)):
        spare -= data.num_samples(data.utterances[int(index)])
        if spare < 0:
            break
        chosen.append(int(index))
    if not chosen:
        raise DataError(f"{hours:g} h are less than an utterance of {data.path}")
    return [data.utterances[index] for index in sorted(chosen)]
