"""Vectors of a frozen encoder for a whole data directory, written to disk once."""

from __future__ import annotations

import importlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sslse.articulation.voice_activity import speech_frames
from sslse.data.datadir import DataDir
from sslse.data.fingerprint import audio_facts, fingerprint, model_facts
from sslse.errors import ConfigError, DataError, one_sentence
from sslse.runtime.device import AUTO, choose_device, describe_device, to_device
from sslse.runtime.progress import follow
from sslse.tokens.vectors import begin_store, has_shard, plan_shards, write_shard


def load_encoder(name: str) -> Any:
    """Return a frozen encoder: ``encode(waveform, lengths) -> vectors, lengths`` and its
    ``output_size`` (D), ``sample_rate`` (Hz) and ``downsample_rate`` (samples a vector).

    Args:
        name: folder of an ESPnet ASR, or ``MODULE:CALLABLE`` that returns an encoder.

    Raises:
        ConfigError: it cannot be loaded.
    """
    if ":" not in name:
        from sslse.espnet.frozen_asr import FrozenASR

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
    device: str = AUTO,
    job: tuple[int, int] = (1, 1),
) -> int:
    """Write the store ``out`` of the utterances of ``data``; whole shards of the same audio stay.

    Args:
        data: data directory of clean speech.
        encoder: what ``load_encoder`` returns.
        name: of the encoder, for the record.
        out: folder of the store.
        shard_utterances: utterances in a shard; it is built in memory.
        dtype: ``float16`` or ``float32`` on disk.
        cutoff_db: vectors this far under the loudest are marked as silence, dB.
        device: of the computation, as ``choose_device`` takes it.
        job: (number, count): with several processes, this one's share of the shards.

    Returns:
        How many shards were written.

    Raises:
        DataError: utterances are all silence, or no audio; the others have been tried.
    """
    directory, folder = DataDir(data), Path(out)
    is_module = isinstance(encoder, torch.nn.Module)  # else nothing moves it
    device = choose_device(device if is_module or device != AUTO else "cpu")
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
    if is_module:
        encoder = to_device(encoder, device)
    shards = plan_shards(utterances, shard_utterances)
    mine = range(job[0] - 1, len(shards), job[1])
    weights = fingerprint(name, model_facts(name))
    made_from = [
        fingerprint(weights, [[key, *audio_facts(directory, key)] for key in shard])
        for shard in shards
    ]
    todo = [number for number in mine if not has_shard(folder, number, made_from[number])]
    again = sum(has_shard(folder, number) for number in todo)
    if again:
        print(f"{again} shards are of other audio or weights: again", flush=True)
    total = sum(len(shards[number]) for number in todo)
    coming = follow((name for number in todo for name in shards[number]), total, "encode")
    if total:
        print(f"on {describe_device(device)}", flush=True)
    failed: dict[str, str] = {}
    for number in todo:
        vectors: dict[str, np.ndarray] = {}
        speech: dict[str, np.ndarray] = {}
        for utterance in itertools.islice(coming, len(shards[number])):
            try:
                waveform, _ = directory.load(utterance, sample_rate=encoder.sample_rate)
                samples = to_device(torch.from_numpy(waveform)[None], device)
                # One by one: padding reaches into the last vectors of ESPnet's encoders.
                frames, lengths = encoder.encode(samples, None)
                vectors[utterance] = frames[0, : int(lengths[0])].float().cpu().numpy()
                speech[utterance] = speech_frames(
                    waveform, len(vectors[utterance]), facts["downsample_rate"], cutoff_db
                )
            except Exception as error:  # whatever it is, the others go on
                failed[utterance] = one_sentence(error)
        if not failed.keys() & set(shards[number]):
            write_shard(folder, number, vectors, speech, dtype, made_from[number])
    if failed:
        first = "; ".join(f"{name} ({failed[name]})" for name in sorted(failed)[:3])
        more = "; …" if len(failed) > 3 else ""
        raise DataError(
            f"{len(failed)} of {total} utterances of {data} have no vectors: {first}{more}; take "
            "them out of wav.scp ('sslse fix-data' does the rest), then run the same command again"
        )
    return len(todo)
