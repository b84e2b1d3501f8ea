"""Which models are known here: shipped ones, folders, and those of the Hugging Face hub's cache."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sslse.known_models import DEFAULT, SHIPPED, shipped_folder
from sslse.model_files import CONFIG_NAME
from sslse.pack import PACKABLE
from sslse.upstreams.huggingface import FAMILIES

# Where folders of models lie below a folder: packed ones, and those of the trainings of a recipe.
PLACES = ("", "*/", "*/*/", "exp/*/*/", "exp/*/*/*/")
SSL_MODELS = (*FAMILIES, "whisper")


@dataclass(frozen=True)
class KnownModel:
    """A model that a command can be given."""

    name: str
    """What to write for ``--model`` or ``upstream``."""
    kind: str
    """Such as ``enhancer``."""
    network: str
    """Class or family."""
    sample_rate: int | None
    """Hz, where the model says so."""
    origin: str
    """``shipped``, ``folder`` or ``hub cache``."""


def known_models(folder: Path) -> list[KnownModel]:
    """List the models that can be used without a network.

    Args:
        folder: below which folders of models are looked for: packed ones and those of trainings
            (``exp/seed0/<variant>/enhancer``).
    """
    found = []
    for kind, name in SHIPPED.items():
        found += _model(shipped_folder() / name, DEFAULT, "shipped", kind)
    places = {path.parent for place in PLACES for path in folder.glob(place + CONFIG_NAME)}
    for place in sorted(places):
        found += _model(place, str(place), "folder")
    for name, place in _cached():
        found += _model(place, name, "hub cache")
    return found


def _cached() -> Iterator[tuple[str, Path]]:
    """Yield name and folder of the newest snapshot of each model in the hub's cache."""
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir

    try:
        repositories = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except CacheNotFound:
        return
    for repository in sorted(repositories, key=lambda one: one.repo_id):
        if repository.repo_type == "model" and repository.revisions:
            newest = max(repository.revisions, key=lambda one: one.last_modified)
            yield repository.repo_id, Path(newest.snapshot_path)


def _model(folder: Path, name: str, origin: str, only: str | None = None) -> Iterator[KnownModel]:
    """Yield the model of a folder, if it is one (of a kind)."""
    try:
        described = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
        family, class_name = described.get("model_type"), described.get("class")
    except (OSError, ValueError, AttributeError):
        return
    if family in SSL_MODELS:
        kind, network = "SSL model", family
    else:
        kind, network = _kind(class_name), class_name
    if kind is None or only not in (None, kind):
        return
    config = described.get("config")
    rate = config.get("sample_rate") if isinstance(config, dict) else None
    yield KnownModel(name, kind, network, rate, origin)


def _kind(class_name: object) -> str | None:
    """Return the kind of model that a class of this name is."""
    for name in PACKABLE if isinstance(class_name, str) else ():
        kind = PACKABLE.find(name)
        if kind.claims(class_name):
            return kind.noun.partition(" ")[2]
    return None
