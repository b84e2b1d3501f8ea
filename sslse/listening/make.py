"""Write a listening test: stimuli under names that say nothing, pages, and the key apart."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sslse.audio.files import write_audio
from sslse.data.datadir import DataDir
from sslse.data.fingerprint import fingerprint
from sslse.errors import ConfigError, DataError
from sslse.listening.choice import choose_balanced, read_conditions
from sslse.listening.design import latin_forms, split_forms
from sslse.listening.key import KEY, KINDS, Key, Stimulus
from sslse.listening.levels import ALIGNMENTS, TARGET_DB, gains_db, headroom_db, low_anchor
from sslse.listening.mushra import write_mushra
from sslse.listening.rating_page import write_rating_pages
from sslse.listening.systems import (
    REFERENCE,
    System,
    common_utterances,
    read_systems,
    read_versions,
    refuse_reading_from,
)
from sslse.names import nearest
from sslse.runtime.atomic import new_folder

ANCHOR = "anchor"
COUNT = 12  # utterances that are rated, at least
MAX_SECONDS = 12.0  # BS.1534 asks for no more, and webMUSHRA refuses more
FILE_TIME = 946_684_800  # of all stimuli: the year 2000, which zip files can hold
MAX_CONDITIONS = 12  # of webMUSHRA, the hidden reference apart


@dataclass(frozen=True)
class ListeningTest:
    """What was written.

    Args:
        key: the test.
        folder: of the whole.
        target_db: level of the stimuli, dB relative to full scale.
    """

    key: Key
    folder: Path
    target_db: float


def make_test(
    systems: Sequence[str],
    data: str | os.PathLike,
    out: str | os.PathLike,
    *,
    kind: str = "p835",
    count: int = 0,
    ids: Sequence[str] = (),
    training: int = 3,
    forms: int = 0,
    seed: int = 0,
    alignment: str = "active",
    max_seconds: float = MAX_SECONDS,
    title: str = "Listening test",
    post: str = "",
) -> ListeningTest:
    """Write ``out/page`` (for listeners) and ``out/key.json`` (for the experimenter alone).

    Args:
        systems: as :func:`~sslse.listening.systems.read_systems` takes them.
        data: noisy data directory of the set.
        out: folder, which must not exist.
        kind: ``p835`` (pages of our own) or ``mushra`` (files for webMUSHRA).
        count: utterances that are rated (default: 12, P.835 the next multiple of the systems).
        ids: these utterances instead of a choice.
        training: utterances before, whose answers do not count.
        forms: of the test (default: P.835 as many as systems with clean speech, MUSHRA one).
        seed: of every choice.
        alignment: of levels, a key of ``ALIGNMENTS``.
        max_seconds: longest utterance.
        title: what listeners read.
        post: address that gets the answers (default: P.835 a file, MUSHRA webMUSHRA's own).

    Raises:
        ConfigError: options that contradict each other.
        DataError: audio that cannot be compared, or an output folder that exists.
    """
    if kind not in KINDS:
        raise ConfigError(f"no kind of test '{kind}'{nearest(kind, KINDS)}")
    if alignment not in ALIGNMENTS:
        raise ConfigError(f"no alignment of levels '{alignment}'{nearest(alignment, ALIGNMENTS)}")
    if count < 0 or training < 0:
        raise ConfigError("the numbers of utterances are 0 or more")
    noisy = DataDir(data)
    opened = read_systems(systems, noisy)
    refuse_reading_from(out, opened, noisy)
    names = [system.name for system in opened]
    conditions = read_conditions(noisy)
    count = count or (COUNT if kind == "mushra" else -(-COUNT // len(names)) * len(names))
    rated, trained = _choose(opened, noisy, conditions, ids, count, training, seed, max_seconds)
    if kind == "mushra":
        if ANCHOR in names:
            raise ConfigError(f"'{ANCHOR}' is the low-pass anchor of MUSHRA; write OTHER=PATH")
        names.append(ANCHOR)
        if len(names) - 1 > MAX_CONDITIONS:
            raise ConfigError(
                f"{len(names) - 1} conditions are more than the {MAX_CONDITIONS} of a MUSHRA trial"
            )
        shares = split_forms(len(rated), forms or 1, seed)
        heard = [[(u, s) for u in share for s in range(len(names))] for share in shares]
        drilled = [(u, s) for u in range(len(trained)) for s in range(len(names))]
    else:
        kinds = [conditions.get(utterance, "") for utterance in rated]
        heard = latin_forms(kinds, len(names), forms or len(names), seed)
        drilled = [(u, u % len(names)) for u in range(len(trained))]
    generator = np.random.default_rng(seed)
    wanted = [(rated[u], names[s], False) for u, s in sorted({c for form in heard for c in form})]
    wanted += [(trained[u], names[s], True) for u, s in drilled]
    places = generator.permutation(len(wanted))
    width = len(str(len(wanted)))
    labels = {one: f"s{place + 1:0{width}}" for one, place in zip(wanted, places, strict=True)}
    by_name = {system.name: system for system in opened}
    stimuli = {labels[one]: Stimulus(*one) for one in sorted(labels, key=labels.__getitem__)}
    begun = [labels[trained[u], names[s], True] for u, s in drilled]
    own = [[labels[rated[u], names[s], False] for u, s in form] for form in heard]
    about = {"seed": seed, "alignment": alignment, "title": title, "kind": kind}
    test = fingerprint(about, names, [vars(one) for one in stimuli.values()], own)[:8]
    trials: dict[str, list[str]] = {}
    if kind == "mushra":
        trials = _trials([*begun, *(label for form in own for label in form)], stimuli, test)
        trial_of = {label: trial for trial, labels in trials.items() for label in labels}
        begun = list(dict.fromkeys(trial_of[label] for label in begun))
        own = [list(dict.fromkeys(trial_of[label] for label in form)) for form in own]
    runs = {name: str(by_name[name].run or "") if name in by_name else "" for name in names}
    with new_folder(out) as folder:
        page = folder / "page"
        target_db = _write_stimuli(
            opened, stimuli, page / _audio_folder(kind, test), alignment, names
        )
        about["level_db"] = round(target_db, 2)
        key = Key(
            test=test,
            kind=kind,
            systems=runs,
            stimuli=stimuli,
            forms={str(number): begun + form for number, form in enumerate(own, 1)},
            trials=trials,
            about=about,
        )
        write_pages = write_mushra if kind == "mushra" else write_rating_pages
        write_pages(key, page, title=title, post=post)
        key.write(folder / KEY)
    return ListeningTest(key, Path(out), target_db)


def _audio_folder(kind: str, test: str) -> str:
    return f"configs/resources/{test}" if kind == "mushra" else "audio"


def _choose(
    systems: Sequence[System],
    data: DataDir,
    conditions: Mapping[str, str],
    ids: Sequence[str],
    count: int,
    training: int,
    seed: int,
    max_seconds: float,
) -> tuple[list[str], list[str]]:
    """Return the utterances that are rated, and others for the training."""
    longest = max_seconds * data.sample_rate

    def fits(utterance: str) -> bool:
        return data.num_samples(utterance) <= longest

    if not ids:
        chosen = choose_balanced(
            common_utterances(systems), conditions, count + training, seed, fits
        )
        return chosen[:count], chosen[count:]
    rated = common_utterances(systems, ids)
    for utterance in rated:
        if not fits(utterance):
            raise DataError(
                f"{utterance} is longer than {max_seconds:g} s; choose another one, or raise "
                "--max-seconds where the listeners can bear it"
            )
    held = [set(system.utterances) for system in systems]
    others = sorted(set.intersection(*held) - set(rated))
    return rated, choose_balanced(others, conditions, training, seed, fits)


def _trials(labels: Sequence[str], stimuli: dict[str, Stimulus], test: str) -> dict[str, list[str]]:
    """Return the trials of MUSHRA, one an utterance, in the order in which they are named."""
    groups: dict[str, list[str]] = {}
    for label in labels:
        groups.setdefault(stimuli[label].utterance, []).append(label)
    return {f"{test}_{number:03}": sorted(group) for number, group in enumerate(groups.values(), 1)}


def _versions(
    systems: Sequence[System], utterance: str, anchor: bool
) -> tuple[dict[str, np.ndarray], int]:
    signals, rate = read_versions(systems, utterance)
    if anchor:
        signals[ANCHOR] = low_anchor(signals[REFERENCE], rate)
    return signals, rate


def _write_stimuli(
    systems: Sequence[System],
    stimuli: dict[str, Stimulus],
    folder: Path,
    alignment: str,
    names: Sequence[str],
) -> float:
    """Write every stimulus at one level, and return it: lower than usual where a peak asks."""

    def aligned(utterance: str) -> Iterator[tuple[str, np.ndarray, float, int]]:
        signals, rate = _versions(systems, utterance, ANCHOR in names)
        try:
            gains = gains_db(signals, rate, alignment)
        except DataError as error:
            raise DataError(f"{utterance}: {error}") from error
        for name, signal in signals.items():
            yield name, signal, gains[name], rate

    labels = {(one.utterance, one.system): label for label, one in stimuli.items()}
    utterances = list(dict.fromkeys(one.utterance for one in stimuli.values()))
    room = min(
        headroom_db(signal, gain)
        for utterance in utterances
        for name, signal, gain, _ in aligned(utterance)
        if (utterance, name) in labels
    )
    lower = min(0.0, room)
    for utterance in utterances:
        for name, signal, gain, rate in aligned(utterance):
            label = labels.get((utterance, name))
            if label is not None:
                write_audio(folder / f"{label}.wav", signal * 10 ** ((gain + lower) / 20), rate)
    for file in folder.iterdir():  # the order of writing says nothing
        os.utime(file, (FILE_TIME, FILE_TIME))
    return TARGET_DB + lower
