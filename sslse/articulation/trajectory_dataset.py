"""Crops and whole utterances with the trajectories of the same time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sslse.articulation.trajectories import FRAME_RATE, Normalizer, Trajectories, frame_count
from sslse.data.datadir import DataDir
from sslse.data.draws import Draw, Stream, draw_generator
from sslse.errors import ConfigError, DataError, examples


class Targets:
    """Normalised trajectories, with the columns that a system wants and the frames of the audio.

    Args:
        data: data directory with ``tv.scp``.
        names: wanted variables, in order; empty means all.
        normalize: see ``Normalizer``.
        sample_rate: Hz; frames must fall on whole samples.

    Raises:
        DataError: trajectories are missing, lack a variable, or do not fit the audio.
    """

    def __init__(
        self, data: DataDir, names: tuple[str, ...], normalize: str, sample_rate: int
    ) -> None:
        if sample_rate % FRAME_RATE:
            raise ConfigError(
                f"frames at {FRAME_RATE} Hz do not fall on whole samples at {sample_rate} Hz"
            )
        self.data = data
        self.hop = sample_rate // FRAME_RATE
        self.sample_rate = sample_rate
        self.trajectories = Trajectories(data.table("tv.scp"))
        known = self.trajectories.names
        unknown = [name for name in names if name not in known]
        if unknown:
            raise DataError(
                f"{data.path}/tv.scp has no {', '.join(unknown)} (it has {', '.join(known)}); "
                "name the variables of this corpus in the head's 'groups'"
            )
        self.names = names or known
        self.columns = [known.index(name) for name in self.names]
        lacking = [name for name in data.utterances if name not in self.trajectories]
        if lacking:
            raise DataError(
                f"{len(lacking)} utterances of {data.path} have no trajectory in tv.scp "
                f"({examples(lacking)}); 'sslse fix-data' removes them"
            )
        speakers = data.utt2spk if normalize == "speaker" else {}
        self.normalizer = Normalizer(self.trajectories, speakers, normalize)

    def __call__(self, utterance: str) -> np.ndarray:
        """Return (frames, variables), float32, NaN where missing."""
        frames = frame_count(self.data.num_samples(utterance), self.sample_rate)
        values = self.trajectories.fitted(utterance, frames)
        return self.normalizer(utterance, values)[:, self.columns]


class TrajectoryCrops(Dataset):
    """Random crops of clean utterances with their trajectories, mixed with noise on the fly.

    A crop begins at a frame, so that targets are exact. One longer than its utterance has silence
    around it, in which targets are missing.

    Args:
        speech: clean utterances.
        targets: their trajectories; None for tasks without.
        mixer: ``NoiseMixer``; None adds no noise.
        crop_seconds: length of a crop, s.
        sample_rate: Hz.
        seed: seed of crops and mixtures.
        noise_probability: fraction of crops that get noise.
        dither_db: level of white noise in every input re the crop's own, dB; None for none.
    """

    def __init__(
        self,
        speech: DataDir,
        targets: Targets | None,
        mixer: Any | None,
        crop_seconds: float,
        sample_rate: int = 16000,
        seed: int = 0,
        noise_probability: float = 1.0,
        dither_db: float | None = None,
    ) -> None:
        self.speech, self.targets, self.mixer = speech, targets, mixer
        self.utterances = speech.utterances
        self.hop = sample_rate // FRAME_RATE
        self.crop_frames = round(crop_seconds * FRAME_RATE)
        self.crop_samples = self.crop_frames * self.hop
        self.sample_rate, self.seed = sample_rate, seed
        self.noise_probability, self.dither_db = noise_probability, dither_db
        names = sorted(set(speech.utt2spk.values())) if speech.has("utt2spk") else []
        self.speakers = {name: number for number, name in enumerate(names)}

    def __len__(self) -> int:
        return len(self.utterances)

    def crop(self, utterance: str, generator: np.random.Generator) -> tuple[np.ndarray, int]:
        """Return ``crop_samples`` of an utterance and the frame of its first; negative in silence
        before the utterance."""
        spare = (self.speech.num_samples(utterance) - self.crop_samples) // self.hop
        if spare >= 0:
            first = int(generator.integers(spare + 1))
            waveform, _ = self.speech.load(
                utterance,
                sample_rate=self.sample_rate,
                start=first * self.hop,
                num_samples=self.crop_samples,
            )
            return waveform, first
        before = int(generator.integers(-spare))
        waveform, _ = self.speech.load(utterance, sample_rate=self.sample_rate)
        after = self.crop_samples - before * self.hop - len(waveform)
        return np.pad(waveform, (before * self.hop, after)), -before

    def __getitem__(self, draw: Draw) -> dict[str, torch.Tensor]:
        generator = draw_generator(self.seed, Stream.TRAJECTORY_CROP, draw.number)
        utterance = self.utterances[draw.index]
        clean, first = self.crop(utterance, generator)
        speaker = self.speech.utt2spk[utterance] if self.speakers else None
        # Drawn in any case, so that settings do not shift the crops of later draws.
        noisy_one = generator.random() < self.noise_probability
        dither = generator.standard_normal(len(clean), dtype=np.float32)
        noisy = clean
        if self.mixer is not None and noisy_one:
            mixture = self.mixer.mix(clean, generator, speaker)
            noisy, clean = mixture.noisy, mixture.clean
        if self.dither_db is not None:
            level = float(np.sqrt(np.mean(np.square(clean)))) * 10 ** (self.dither_db / 20)
            noisy = noisy + dither * np.float32(level)
        item = {
            "noisy": torch.from_numpy(np.ascontiguousarray(noisy)),
            "clean": torch.from_numpy(np.ascontiguousarray(clean)),
        }
        if self.targets is not None:
            item["tv"] = torch.from_numpy(
                cut_frames(self.targets(utterance), first, self.crop_frames + 1)
            )
        if speaker is not None:
            item["speaker"] = torch.tensor(self.speakers[speaker])
        return item


def cut_frames(values: np.ndarray, first: int, count: int) -> np.ndarray:
    """Return ``count`` frames from ``first`` on, NaN before the beginning and after the end.

    Example:
        >>> cut_frames(np.arange(3.0)[:, None], -1, 3)[:, 0].tolist()
        [nan, 0.0, 1.0]
    """
    result = np.full((count, values.shape[1]), np.nan, values.dtype)
    begin, end = max(0, first), min(len(values), first + count)
    if begin < end:
        result[begin - first : end - first] = values[begin:end]
    return result


class TrajectoryUtterances(Dataset):
    """Whole utterances, their clean references (themselves, without ``spk1.scp``) and targets."""

    def __init__(self, data: DataDir, targets: Targets | None, sample_rate: int = 16000) -> None:
        self.data, self.targets = data, targets
        self.utterances = data.utterances
        self.sample_rate = sample_rate
        names = sorted(set(data.utt2spk.values())) if data.has("utt2spk") else []
        self.speakers = {name: number for number, name in enumerate(names)}

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        utterance = self.utterances[index]
        clean = "spk1" if self.data.has("spk1.scp") else "wav"
        item = {
            name: torch.from_numpy(self.data.load(utterance, kind, self.sample_rate)[0])
            for name, kind in (("noisy", "wav"), ("clean", clean))
        }
        if self.targets is not None:
            item["tv"] = torch.from_numpy(self.targets(utterance))
        if self.speakers:
            # Not "speaker": these are other people than the classes of the training set.
            item["stranger"] = torch.tensor(self.speakers[self.data.utt2spk[utterance]])
        return item
