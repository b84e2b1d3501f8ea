"""Sounds by id from a data directory, decoded once and kept in memory up to a limit."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Any

import numpy as np

from sslse.audio.files import resample
from sslse.data.datadir import DataDir
from sslse.errors import DataError

# A longer sound is never kept whole: only the part that is needed is read.
LONGEST_KEPT_SECONDS = 1200.0


class SoundBank:
    """Random access to the audio of a data directory at one sampling rate.

    Pickled or forked copies share nothing but the files; the kept sounds are not pickled.

    Args:
        data: data directory, or its path.
        sample_rate: Hz; sounds of another rate are resampled.
        cache_mb: memory for decoded sounds, MiB.

    Raises:
        DataError: the directory has no utterances.
    """

    def __init__(
        self, data: DataDir | str | os.PathLike, sample_rate: int, cache_mb: int = 512
    ) -> None:
        self.data = data if isinstance(data, DataDir) else DataDir(data)
        self.names = self.data.utterances
        self.sample_rate = sample_rate
        self.cache_bytes = cache_mb << 20
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._kept_bytes = 0
        # Without utt2num_samples every length is a look into a file.
        self._lengths: dict[str, int] = {}
        if not len(self.names):
            raise DataError(f"{self.data.path} has no sounds in wav.scp")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": OrderedDict(), "_kept_bytes": 0}

    def __len__(self) -> int:
        return len(self.names)

    def num_samples(self, name: str) -> int:
        """Return the length at ``sample_rate``, before it is read."""
        if name not in self._lengths:
            own_rate = self.data.sample_rate
            length = max(1, self.data.num_samples(name) * self.sample_rate // own_rate)
            self._lengths[name] = length
        return self._lengths[name]

    def whole(self, name: str) -> np.ndarray:
        """Return all samples, float32 ``(time,)``; do not change them, they are kept."""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        waveform, rate = self.data.load(name)
        waveform = resample(waveform, rate, self.sample_rate)
        self._kept[name] = waveform
        self._kept_bytes += waveform.nbytes
        while self._kept_bytes > self.cache_bytes and len(self._kept) > 1:
            self._kept_bytes -= self._kept.popitem(last=False)[1].nbytes
        return waveform

    def part(self, name: str, offset: int, num_samples: int) -> tuple[np.ndarray, int]:
        """Return ``num_samples`` from ``offset`` on, and the offset that was really used.

        A sound that is long enough is never read over its end (the offset is moved forward); a
        shorter one is repeated.
        """
        available = self.num_samples(name)
        if available > LONGEST_KEPT_SECONDS * self.sample_rate and available > num_samples:
            return self._read_part(name, min(offset, available - num_samples), num_samples)
        waveform = self.whole(name)
        if len(waveform) >= num_samples:
            offset = min(offset, len(waveform) - num_samples)
            return waveform[offset : offset + num_samples], offset
        offset %= len(waveform)
        return np.resize(np.roll(waveform, -offset), num_samples), offset

    def preload(self) -> None:
        """Decode all sounds now if they fit: processes that are forked later share them."""
        lengths = [self.num_samples(name) for name in self.names]
        if 4 * sum(lengths) <= self.cache_bytes:
            for name, length in zip(self.names, lengths, strict=True):
                if length <= LONGEST_KEPT_SECONDS * self.sample_rate:
                    self.whole(name)

    def _read_part(self, name: str, offset: int, num_samples: int) -> tuple[np.ndarray, int]:
        rate = self.data.sample_rate
        start = offset * rate // self.sample_rate
        needed = -(-num_samples * rate // self.sample_rate) + 1
        start = max(0, min(start, self.data.num_samples(name) - needed))
        waveform, rate = self.data.load(name, start=start, num_samples=needed)
        return np.resize(resample(waveform, rate, self.sample_rate), num_samples), offset
