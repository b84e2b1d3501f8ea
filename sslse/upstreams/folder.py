"""Where an SSL model is: a folder, one level below a folder, or on the Hugging Face hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sslse.known_models import DEFAULT, HUB_NAME, download, known_model
from sslse.model_files import CONFIG_NAME, find_folder


def find_upstream(name_or_dir: str | Path) -> str | Path:
    """Return the folder of an SSL model; names on the hub are left to transformers.

    Only what transformers does not know is fetched from there: a wav2vec 2.0 with branches, and a
    revision (``user/name@revision``).

    Args:
        name_or_dir: its folder, the folder of its training, its name on the hub, or ``default``:
            the SSL model that is shipped with this package.

    Raises:
        DataError: there is no default, or a folder holds no model or several.
    """
    name = str(name_or_dir)
    if name == DEFAULT or Path(name).is_dir():
        folders = ("upstream", "robust_wav2vec2")
        folder = known_model(name, "SSL model")
        return find_folder(folder, "an SSL model", folders, "RobustWav2Vec2".__eq__)
    match = HUB_NAME.fullmatch(name)
    if match and (match[2] or _stored(name, "branches")):
        return download(name, "SSL model")
    return name_or_dir


def model_type(name_or_dir: str | Path) -> str | None:
    """Return the family that a ``config.json`` names; None where it cannot be read."""
    return _stored(name_or_dir, "model_type")


def _stored(name_or_dir: str | Path, key: str) -> Any:
    from transformers.utils import cached_file

    local = Path(name_or_dir).is_dir()
    try:
        path = cached_file(str(name_or_dir), CONFIG_NAME, local_files_only=local)
        return json.loads(Path(path).read_text(encoding="utf-8")).get(key)
    except (OSError, ValueError, AttributeError):
        return None  # whoever loads it says why it cannot be had
