"""Encoder vectors of a data set on disk: shards that are mapped into memory, never read whole.

A store is a folder: ``store.json`` (what the vectors are of), and for each shard ``00000.npy``
(vectors, D), ``00000.speech.npy`` (which of them hold speech) and ``00000.json`` (the utterances
and their numbers of vectors), which is written last: a shard without it does not exist.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sslse.data.draws import Draw, Stream, draw_generator
from sslse.data.fingerprint import fingerprint
from sslse.errors import ConfigError, DataError
from sslse.runtime.atomic import atomic_open, atomic_path

STORE_NAME = "store.json"
DTYPES = ("float16", "float32")


def plan_shards(utterances: Sequence[str], shard_utterances: int) -> list[list[str]]:
    """Deal utterances out to shards at random, so that each shard is a sample of the whole set.

    Example:
        >>> [len(shard) for shard in plan_shards(list("abcdefg"), 3)]
        [3, 3, 1]
    """
    order = draw_generator(0, Stream.SHARD, len(utterances)).permutation(len(utterances))
    chosen = [utterances[index] for index in order]
    return [chosen[i : i + shard_utterances] for i in range(0, len(chosen), shard_utterances)]


def begin_store(path: Path, facts: Mapping[str, Any], utterances: Sequence[str]) -> None:
    """Write ``store.json``, or check that the store was begun with the same facts.

    Args:
        path: folder of the store.
        facts: ``encoder``, ``width`` (D), ``sample_rate`` (Hz), ``downsample_rate`` (samples a
            vector), ``dtype``, ``cutoff_db``, ``shard_utterances``.
        utterances: all ids of the set.

    Raises:
        ConfigError: the store is of something else.
    """
    if facts["dtype"] not in DTYPES:
        raise ConfigError(f"vectors are stored as {' or '.join(DTYPES)}, not {facts['dtype']}")
    digest = hashlib.sha256("\n".join(utterances).encode()).hexdigest()
    wanted = {**facts, "num_utterances": len(utterances), "utterances_sha256": digest}
    if (path / STORE_NAME).exists():
        found = json.loads((path / STORE_NAME).read_text())
        for name in wanted:
            if found.get(name) != wanted[name]:
                raise ConfigError(
                    f"{path} holds vectors with {name} = {found.get(name)!r}, not "
                    f"{wanted[name]!r}; choose another folder, or remove that one"
                )
        return
    with atomic_open(path / STORE_NAME) as stream:
        json.dump(wanted, stream, indent=1)


def has_shard(path: Path, number: int, made_from: str | None = None) -> bool:
    """Whether a shard is complete, and, if that is said, made from the same audio and encoder."""
    index = path / f"{number:05d}.json"
    if made_from is None or not index.exists():
        return index.exists()
    try:
        return json.loads(index.read_text()).get("made_from") == made_from
    except ValueError:
        return False


def write_shard(
    path: Path,
    number: int,
    vectors: Mapping[str, np.ndarray],
    speech: Mapping[str, np.ndarray],
    dtype: str,
    made_from: str = "",
) -> None:
    """Write the vectors (M, D) and speech flags (M,) of utterances; ``made_from`` names what of.

    Raises:
        DataError: a value is not finite, or too large for ``dtype``.
    """
    for utterance, frames in vectors.items():
        if not (np.abs(frames) <= np.finfo(dtype).max).all():
            raise DataError(
                f"the vectors of {utterance} hold NaN or values beyond {dtype}; check its audio "
                "with 'sslse validate', or store them as float32"
            )
    name = path / f"{number:05d}"
    with atomic_path(name.with_suffix(".npy")) as temporary:
        np.save(temporary, np.concatenate(list(vectors.values())).astype(dtype))
    with atomic_path(name.with_suffix(".speech.npy")) as temporary:
        np.save(temporary, np.concatenate([speech[utterance] for utterance in vectors]))
    index = {
        "made_from": made_from,
        "utterances": list(vectors),
        "lengths": [len(frames) for frames in vectors.values()],
        "num_speech": int(sum(int(speech[utterance].sum()) for utterance in vectors)),
    }
    with atomic_open(name.with_suffix(".json")) as stream:
        json.dump(index, stream)


class VectorStore(Dataset):
    """A complete store; an item is ``{"vectors": float32 (M, D), "speech": bool (M,)}``.

    Args:
        path: its folder.

    Raises:
        DataError: it is no store, or shards are missing.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        if not (self.path / STORE_NAME).exists():
            raise DataError(f"{path} has no {STORE_NAME}; write vectors with 'sslse extract'")
        facts = json.loads((self.path / STORE_NAME).read_text())
        self.width: int = facts["width"]
        self.sample_rate: int = facts["sample_rate"]
        self.downsample_rate: int = facts["downsample_rate"]
        count = -(-facts["num_utterances"] // facts["shard_utterances"])
        missing = [number for number in range(count) if not has_shard(self.path, number)]
        if missing:
            raise DataError(
                f"{path} lacks {len(missing)} of {count} shards; run the same 'sslse extract' "
                "again to finish it"
            )
        self.num_shards = count
        self.utterances: list[str] = []
        self.num_speech_of: list[int] = []
        shards, starts, lengths, made_from = [], [], [], []
        for number in range(count):
            index = json.loads((self.path / f"{number:05d}.json").read_text())
            self.utterances += index["utterances"]
            made_from.append(index.get("made_from"))
            self.num_speech_of.append(index["num_speech"])
            ends = np.cumsum(index["lengths"])
            starts.append(ends - index["lengths"])
            lengths.append(index["lengths"])
            shards.append(np.full(len(ends), number))
        self.made_from = fingerprint(made_from)
        self.shards, self.starts, self.lengths = map(np.concatenate, (shards, starts, lengths))

    @property
    def num_speech(self) -> int:
        """Vectors that hold speech."""
        return sum(self.num_speech_of)

    def __len__(self) -> int:
        return len(self.utterances)

    @functools.cached_property
    def _maps(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        return {}

    def shard(self, number: int, mapped: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors (N, D) and speech flags (N,) of a shard, mapped or read."""
        names = (f"{number:05d}.npy", f"{number:05d}.speech.npy")
        mode = "r" if mapped else None
        vectors, speech = (np.load(self.path / name, mmap_mode=mode) for name in names)
        return vectors, speech

    def __getstate__(self) -> dict[str, Any]:
        """Leave the maps out: a loader process opens its own."""
        return {name: value for name, value in self.__dict__.items() if name != "_maps"}

    def __getitem__(self, draw: Draw | int) -> dict[str, torch.Tensor]:
        index = draw.index if isinstance(draw, Draw) else draw
        number = int(self.shards[index])
        if number not in self._maps:
            self._maps[number] = self.shard(number)
        vectors, speech = self._maps[number]
        rows = slice(int(self.starts[index]), int(self.starts[index] + self.lengths[index]))
        return {
            "vectors": torch.from_numpy(vectors[rows].astype(np.float32)),
            "speech": torch.from_numpy(np.array(speech[rows])),
        }
