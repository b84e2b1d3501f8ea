"""Vectors of a frozen encoder for a whole data directory, written to disk once."""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sslse.data.datadir import DataDir
from sslse.data.vectors import begin_store, has_shard, plan_shards, write_shard
from sslse.data.voice_activity import speech_frames
from sslse.errors import ConfigError, DataError

PROGRESS_SECONDS = 30.0


def load_encoder(name: str) -> Any:
    """Return a frozen encoder: ``encode(waveform, lengths) -> vectors, lengths`` and its
    ``output_size`` (D), ``sample_rate`` (Hz) and ``downsample_rate`` (samples a vector).

    Args:
        name: folder of an ESPnet ASR, or ``MODULE:CALLABLE`` that returns an encoder.

    Raises:
        ConfigError: it cannot be loaded.
    """
    if ":" not in name:
        from sslse.recognizers.frozen_asr import FrozenASR

        return FrozenASR.from_folder(name)
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)()
    except (ModuleNotFoundError, AttributeError) as error:
        raise ConfigError(f"encoder '{name}' cannot be imported: {error}") from error


@torch.no_grad()
def extract(
    data: str,
    encoder: Any,
    name: str,
    out: str,
    shard_utterances: int = 1000,
    dtype: str = "float16",
    cutoff_db: float = 40.0,
    device: str = "cpu",
    job: tuple[int, int] = (1, 1),
) -> int:
    """Write the store ``out`` of the utterances of ``data``; complete shards are kept.

    Args:
        data: data directory of clean speech.
        encoder: what ``load_encoder`` returns.
        name: of the encoder, for the record.
        out: folder of the store.
        shard_utterances: utterances in a shard; it is built in memory.
        dtype: ``float16`` or ``float32`` on disk.
        cutoff_db: vectors this far under the loudest are marked as silence, dB.
        device: of the computation.
        job: (number, count): with several processes, this one's share of the shards.

    Returns:
        How many shards were written.

    Raises:
        DataError: an utterance is all silence, or no audio.
    """
    directory, folder = DataDir(data), Path(out)
    utterances = list(directory.utterances)
    if not utterances:
        raise DataError(f"{data} has no utterances")
    facts = {
        "encoder": name,
        "width": int(encoder.output_size),
        "sample_rate": int(encoder.sample_rate),
        "downsample_rate": int(encoder.downsample_rate),
        "dtype": dtype,
        "cutoff_db": cutoff_db,
        "shard_utterances": shard_utterances,
    }
    begin_store(folder, facts, utterances)
    if isinstance(encoder, torch.nn.Module):
        encoder = encoder.to(device)
    shards = plan_shards(utterances, shard_utterances)
    mine = range(job[0] - 1, len(shards), job[1])
    todo = [number for number in mine if not has_shard(folder, number)]
    started = said = time.monotonic()
    for done, number in enumerate(todo):
        vectors: dict[str, np.ndarray] = {}
        speech: dict[str, np.ndarray] = {}
        for utterance in shards[number]:
            waveform, _ = directory.load(utterance, sample_rate=encoder.sample_rate)
            frames, lengths = encoder.encode(torch.from_numpy(waveform)[None].to(device), None)
            vectors[utterance] = frames[0, : int(lengths[0])].float().cpu().numpy()
            count = len(vectors[utterance])
            try:
                speech[utterance] = speech_frames(
                    waveform, count, facts["downsample_rate"], cutoff_db
                )
            except DataError as error:
                raise DataError(
                    f"utterance {utterance} of {data} is all silence ({error}); take it out of "
                    "wav.scp ('sslse fix-data' does the rest), then run the same command again"
                ) from error
            if time.monotonic() - said > PROGRESS_SECONDS:
                said = time.monotonic()
                share = (done + len(vectors) / len(shards[number])) / len(todo)
                left = (said - started) * (1 - share) / share
                print(f"{share:.0%} of the vectors, {left:.0f} s left", file=sys.stderr, flush=True)
        write_shard(folder, number, vectors, speech, dtype)
    return len(todo)
