"""The versions of a test set that people hear: what each system made of it, and clean speech."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sslse.audio.files import read_audio
from sslse.data.datadir import DataDir
from sslse.data.places import refuse_overwriting
from sslse.data.scp import Table
from sslse.errors import ConfigError, DataError

REFERENCE = "clean"
#: Systems whose audio the noisy data directory has, and which kind of its audio they are.
UNPROCESSED = {"noisy": "wav", REFERENCE: "spk1"}


@dataclass(frozen=True)
class System:
    """One version of every utterance.

    Args:
        name: what it is called in keys and tables.
        run: folder ``decode_<set>/oa<weight>`` that its scores belong to; None for a mere list.
        audio: utterance to path, archive entry or pipe; None where the data directory has it.
        data: noisy data directory of the set.
    """

    name: str
    run: Path | None
    audio: Table[str] | None = field(repr=False)
    data: DataDir = field(repr=False)

    @property
    def utterances(self) -> Iterable[str]:
        """Ids of what it has."""
        if self.audio is not None:
            return self.audio
        return self.data.utterances

    def read(self, utterance: str) -> tuple[np.ndarray, int]:
        """Return an utterance (T,), full scale ±1, and its rate in Hz."""
        if self.audio is not None:
            return read_audio(self.audio[utterance])
        return self.data.load(utterance, UNPROCESSED[self.name])


def read_systems(
    arguments: Sequence[str], data: DataDir, *, need_clean: bool = True
) -> list[System]:
    """Open the systems that a user names; clean speech is the first, named or not.

    Args:
        arguments: each a folder ``…/<variant>/decode_<set>/oa<weight>`` with ``wav.scp``, another
            folder with one, or a ``wav.scp`` itself; ``NAME=PATH`` gives it another name.
        data: noisy data directory of the set; it has the audio of ``noisy`` and ``clean``.
        need_clean: False leaves clean speech out where there is none.

    Raises:
        ConfigError: two have one name, or there is none beside clean speech.
        DataError: one has no audio.
    """
    systems = {REFERENCE: System(REFERENCE, None, None, data)}
    for argument in arguments:
        name, path = _name_and_path(argument)
        run = path if path.is_dir() else None
        scp = path / "wav.scp" if run else path
        if scp.is_file():
            system = System(name, run, Table(scp), data)
        elif run and name in UNPROCESSED:
            system = System(name, run, None, data)
        else:
            raise DataError(
                f"the system {name} has no audio: {scp} does not exist; name the folder of its "
                "wav.scp, such as exp/seed0/VARIANT/decode_test/oa0"
            )
        if name in systems and (name != REFERENCE or systems[name].run or systems[name].audio):
            raise ConfigError(f"two systems are called {name}; write OTHER={path} for one of them")
        systems[name] = system
    if len(systems) < 2:
        raise ConfigError("no system beside clean speech; name at least one folder of audio")
    if systems[REFERENCE].audio is None and not data.has("spk1.scp"):
        if need_clean:
            raise DataError(
                f"{data.path} has no spk1.scp, the clean speech that systems are held to"
            )
        del systems[REFERENCE]
    return list(systems.values())


def _name_and_path(argument: str) -> tuple[str, Path]:
    name, equals, rest = argument.partition("=")
    if equals and name and rest:
        return name, Path(rest)
    path = Path(argument)
    if path.parent.name.startswith("decode_"):
        weight = path.name.removeprefix("oa")
        return path.parent.parent.name + (f"+oa{weight}" if weight != "0" else ""), path
    return (path.parent if path.name == "wav.scp" else path).name, path


def common_utterances(systems: Sequence[System], ids: Sequence[str] = ()) -> list[str]:
    """Return the utterances that all systems have.

    Args:
        systems: to compare.
        ids: those that are wanted (default: all).

    Raises:
        DataError: one system lacks what another has, or what is wanted.
    """
    held = {system.name: dict.fromkeys(system.utterances) for system in systems}
    wanted = dict.fromkeys(ids) or {name: None for own in held.values() for name in own}
    for system, own in held.items():
        missing = [name for name in wanted if name not in own]
        if missing:
            whose = "that is asked for" if ids else "that others have"
            raise DataError(
                f"the system {system} has no {missing[0]} {whose} ({len(missing)} of "
                f"{len(wanted)} are missing); only the same utterances can be compared"
                + ("" if ids else ", name those with --ids FILE")
            )
    if len(wanted) < len(ids):
        twice = next(name for name in ids if list(ids).count(name) > 1)
        raise DataError(f"{twice} is named twice among the utterances")
    if not wanted:
        raise DataError("the systems have no utterance")
    return list(wanted)


def read_versions(systems: Sequence[System], utterance: str) -> tuple[dict[str, np.ndarray], int]:
    """Return each system's version (T,) of an utterance, and their rate in Hz.

    Raises:
        DataError: they differ in length or rate.
    """
    signals, rates = {}, {}
    for system in systems:
        signals[system.name], rates[system.name] = system.read(utterance)
    first = systems[0].name
    for name, signal in signals.items():
        if (len(signal), rates[name]) != (len(signals[first]), rates[first]):
            raise DataError(
                f"{utterance} has {len(signal)} samples at {rates[name]} Hz from {name} but "
                f"{len(signals[first])} at {rates[first]} Hz from {first}; versions must be of "
                "one length and rate, so enhance again or leave one out"
            )
    return signals, rates[first]


def refuse_reading_from(out: str | os.PathLike, systems: Sequence[System], data: DataDir) -> None:
    """Refuse an output folder in which the data or a system's files lie."""
    reads = [str(data.path), *(str(system.run) for system in systems if system.run)]
    reads += [str(system.audio.path) for system in systems if system.audio is not None]
    refuse_overwriting([out], reads, below=True)
