"""The plan of a simulated set: what becomes of each utterance, drawn once and kept."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sslse.data.datadir import DataDir
from sslse.data.fingerprint import audio_facts, content_state, fingerprint, table_facts
from sslse.errors import DataError, examples
from sslse.runtime.atomic import atomic_open
from sslse.simulate.config import CHANNEL, SimulateConfig
from sslse.simulate.mixer import NoiseMixer
from sslse.simulate.plan import (
    MixturePlan,
    draw_in_turn,
    read_plan,
    utterance_generator,
    write_plan,
)

# Files of the inputs that decide the plan.
INPUT_FILES = ("wav.scp", "segments", "utt2spk", "utt2num_samples")


def plan_set(
    out: Path, clean: DataDir, mixer: NoiseMixer, seed: int, settings: str
) -> dict[str, MixturePlan]:
    """Read ``plan.jsonl``, or draw it where there is none of these inputs and settings.

    Args:
        out: folder of the set.
        clean: its clean speech.
        mixer: its noises and rooms, with its settings.
        seed: of the draw.
        settings: a fingerprint of all settings.

    Returns:
        Utterance to its plan, in the order of the set.

    Raises:
        DataError: the plan, which may have been edited, lacks an utterance.
    """
    marker, path = out / ".plan", out / "plan.jsonl"
    banks = [bank.data for bank in (mixer.noises, mixer.rooms) if bank is not None]
    # Lengths decide how far a noise may be shifted, so other audio gets another plan.
    facts = [settings, *(table_facts(data.path, INPUT_FILES) for data in (clean, *banks))]
    facts += [[audio_facts(data, name) for name in data.utterances] for data in (clean, *banks)]
    identity = fingerprint(facts)
    noted = marker.read_text().split() if marker.exists() else []
    if noted[:1] == [identity] and path.exists():
        plans = read_plan(path)
        wanted = copies_of(clean.utterances, mixer.config.copies)
        missing = [name for name in wanted if name not in plans]
        if missing:
            raise DataError(
                f"{path} has no line for {len(missing)} utterances of {clean.path} "
                f"({examples(missing)}); remove the file to draw a new plan"
            )
        return {name: plans[name] for name in wanted}
    if path.exists() and noted[1:] != [content_state(path)]:
        kept = path.with_name("plan.old.jsonl")
        os.replace(path, kept)
        print(
            f"sslse simulate: speech, noise or settings of {path} have changed, so it is drawn "
            f"anew; the earlier one, which was edited, is {kept}",
            file=sys.stderr,
        )
    plans = _draw(clean, mixer, seed)
    marker.unlink(missing_ok=True)
    write_plan(path, plans.values())
    with atomic_open(marker) as stream:
        stream.write(f"{identity} {content_state(path)}")
    return plans


def _draw(clean: DataDir, mixer: NoiseMixer, seed: int) -> dict[str, MixturePlan]:
    config = mixer.config
    speakers = clean.utt2spk if clean.has("utt2spk") else {}
    plans = {}
    mixtures = copies_of(clean.utterances, config.copies)
    noises = draw_in_turn(mixer.noises.names, seed) if config.distinct_noises else None
    if noises is not None and len(mixer.noises) < len(mixtures):
        what = "utterances" if config.copies == 1 else "mixtures"
        print(
            f"simulate: {mixer.noises.data.path} has {len(mixer.noises)} noises for "
            f"{len(mixtures)} {what}, so noises come again, each after all others",
            file=sys.stderr,
        )
    own: dict[str, Iterator[str]] = {}  # the copies of an utterance take turns
    for name, source in mixtures.items():
        # A ratio of two rates; exact lengths matter only for how far the noise may be shifted.
        num_samples = clean.num_samples(source) * config.sample_rate // clean.sample_rate
        turns = noises
        if turns is None and name != source:
            turns = own.setdefault(source, draw_in_turn(mixer.noises.names, seed, *source.encode()))
        plan = mixer.plan(
            max(1, num_samples),
            utterance_generator(seed, name),
            speakers.get(source),
            source,
            turns,
        )
        speech = source if name != source else ""
        plans[name] = dataclasses.replace(plan, utterance=name, speech=speech)
    return plans


def copies_of(utterances: Iterable[str], copies: int) -> dict[str, str]:
    """Return mixture to utterance, in the order of the utterances' ids.

    Example:
        >>> copies_of(["b", "a"], 1), copies_of(["a"], 2)
        ({'a': 'a', 'b': 'b'}, {'a-1': 'a', 'a-2': 'a'})
    """
    if copies == 1:
        return {name: name for name in sorted(utterances)}
    return {f"{name}-{copy + 1}": name for name in sorted(utterances) for copy in range(copies)}


def audio_settings(config: SimulateConfig) -> dict[str, Any]:
    """Return the settings that decide the audio."""
    settings = dataclasses.asdict(config)
    settings.pop("cache_mb")
    # Sets of before these settings stay what they are.
    later = [
        *(["copies"] if config.copies == 1 else []),
        *([] if config.colour_probability else ["colour_probability"]),
        *([] if config.has_channel else CHANNEL),
    ]
    for name in later:
        settings.pop(name)
    return settings
