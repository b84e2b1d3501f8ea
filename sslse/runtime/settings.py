"""Configurations that build on each other: a YAML file names its bases and says what differs.

``base: FILE`` or ``base: [FILE, …]`` at the top of a file names files relative to it. They are read
first, each with its own bases, and the later settings are laid over the earlier ones (``merge``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sslse.errors import ConfigError

BASE = "base"
CLASS_KEYS = ("class_path", "name", "criterion", "head")  # keys that name the class of a mapping


class Loader(yaml.SafeLoader):
    """YAML 1.1, but ``1e-3`` is a number as in YAML 1.2 and not a word."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def merge(base: Mapping[str, Any], difference: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``difference`` laid over it.

    Mappings merge key by key; numbers, words, lists and null replace what was there. Settings of
    one class are not those of another: a mapping that names another class (``class_path``,
    ``name``, ``criterion``, ``head``) replaces the whole mapping, and where ``X`` becomes another
    word, ``X_conf`` begins anew (ESPnet's ``encoder: conformer`` and ``encoder_conf``).

    Example:
        >>> merge({"a": {"b": 1, "c": [2]}}, {"a": {"c": [3]}})
        {'a': {'b': 1, 'c': [3]}}
        >>> merge({"criterion": "SNRLoss", "max_snr_db": 30}, {"criterion": "STFTLoss"})
        {'criterion': 'STFTLoss'}
    """
    changed = {
        key
        for key, word in difference.items()
        if isinstance(word, str) and isinstance(base.get(key), str) and word != base[key]
    }
    if changed.intersection(CLASS_KEYS):
        return dict(difference)
    merged = {key: value for key, value in base.items() if key.removesuffix("_conf") not in changed}
    for key, value in difference.items():
        earlier = merged.get(key)
        both = isinstance(earlier, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(earlier, value) if both else value
    return {key: merged[key] for key in (*base, *difference) if key in merged}


def read_settings(*paths: str | os.PathLike) -> dict[str, Any]:
    """Return the settings of a YAML file with those of its bases; of several, later ones win.

    Raises:
        ConfigError: a file is missing, no YAML, without keys, or its own base.
    """
    settings: dict[str, Any] = {}
    for path in paths:
        for _, own in _read(Path(path), ()):
            settings = merge(settings, own)
    return settings


def settings_files(*paths: str | os.PathLike) -> list[Path]:
    """Return all files that ``read_settings`` reads, in the order in which they are laid.

    Raises:
        ConfigError: as for ``read_settings``.
    """
    return list(dict.fromkeys(file for path in paths for file, _ in _read(Path(path), ())))


def _read(path: Path, above: tuple[Path, ...]) -> list[tuple[Path, dict[str, Any]]]:
    """Return the files below and their own settings; ``above``: the files that led here."""
    of = f", a base of {above[-1]}" if above else ""
    if path in above:
        raise ConfigError(f"{path} is its own base, by way of {' and '.join(map(str, above))}")
    try:
        settings = yaml.load(path.read_text(encoding="utf-8"), Loader)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}{of}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        raise ConfigError(f"the configuration {path}{of} is no YAML: {where}") from error
    settings = {} if settings is None else settings
    if not isinstance(settings, dict):
        raise ConfigError(f"the configuration {path}{of} must hold 'key: value' lines")
    bases = settings.pop(BASE, [])
    bases = [bases] if isinstance(bases, str) else bases
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise ConfigError(f"{path}: 'base' must be a file or a list of files, not {bases!r}")
    files: list[tuple[Path, dict[str, Any]]] = []
    for base in bases:
        files += _read(Path(os.path.normpath(path.parent / base)), (*above, path))
    return [*files, (path, settings)]
