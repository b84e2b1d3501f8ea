"""The key of a listening test: which file is which; it stays with the experimenter."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sslse.errors import DataError
from sslse.runtime.atomic import atomic_open

FORMAT, VERSION = "sslse listening test", 1
KEY = "key.json"
KINDS = ("p835", "mushra")


@dataclass(frozen=True)
class Stimulus:
    """One file that listeners hear.

    Args:
        utterance: id.
        system: whose version it is.
        training: whether its answers do not count.
    """

    utterance: str
    system: str
    training: bool


@dataclass(frozen=True)
class Key:
    """A whole test.

    Args:
        test: id that pages and answers carry.
        kind: ``p835`` or ``mushra``.
        systems: name to the folder its scores belong to, "" where it has none.
        stimuli: name of a file to what it is.
        forms: number of a form to its stimuli (P.835) or trials (MUSHRA), training first.
        trials: MUSHRA: id of a trial to the stimuli that are rated beside the reference.
        about: seed, level and other settings.
    """

    test: str
    kind: str
    systems: dict[str, str]
    stimuli: dict[str, Stimulus]
    forms: dict[str, list[str]]
    trials: dict[str, list[str]]
    about: dict[str, Any]

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        with atomic_open(path) as stream:
            json.dump({"format": FORMAT, "version": VERSION, **asdict(self)}, stream, indent=1)
            stream.write("\n")


def read_key(path: str | os.PathLike) -> Key:
    """Read ``key.json``, or that of the folder of a test.

    Raises:
        DataError: it is none.
    """
    path = Path(path)
    path = path / KEY if path.is_dir() else path
    tree = read_json(path, "the key of a listening test")
    try:
        if tree.pop("format") != FORMAT or tree.pop("version") != VERSION:
            raise ValueError
        stimuli = {name: Stimulus(**one) for name, one in tree.pop("stimuli").items()}
        return Key(stimuli=stimuli, **tree)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} is no key of a listening test (version {VERSION}); it is the {KEY} that "
            "'sslse listen make' wrote"
        ) from error


def read_json(path: Path, what: str) -> Any:
    """Return the content of a JSON file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read as {what} ({error.strerror})") from error
    except ValueError as error:  # no JSON, or no UTF-8
        raise DataError(f"{path} is not {what}: it is no JSON ({error})") from error
