"""What a name of a model means: the shipped one, a folder, or a model on the Hugging Face hub."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sslse.errors import DataError

DEFAULT = "default"
# Kind of model -> folder of the one that is shipped, below ``shipped_folder``.
SHIPPED = {"enhancer": "default", "SSL model": "default_ssl"}
HUB_NAME = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?")
# What is fetched: no pickle, and nothing that runs.
HUB_FILES = ["*.json", "*.safetensors", "*.md", "*/*.json", "*/*.safetensors"]
TOKEN = "HF_TOKEN"  # environment variable; a token is taken from nowhere else


def shipped_folder() -> Path:
    """Return the folder of the models that are shipped with this package."""
    return Path(__file__).parent / "models"


def known_model(name: str | os.PathLike | None, kind: str) -> Path:
    """Return the local folder that a name of a model means.

    Args:
        name: None or ``default``: the model that is shipped (a folder of that name is
            ``./default``); a folder; or ``user/name`` or ``user/name@revision`` on the Hugging Face
            hub, which is fetched unless its local cache has it.
        kind: what is looked for, such as ``enhancer``; those with a shipped model are in
            ``SHIPPED``.

    Returns:
        A folder that exists; what it holds is for its reader to tell.

    Raises:
        DataError: there is no such folder or name, or neither hub nor cache gives it.

    Example:
        >>> known_model(".", "enhancer")
        PosixPath('.')
        >>> known_model("no such", "enhancer")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        sslse.errors.DataError: no folder no such: give a folder that holds the enhancer, ...
    """
    if name is None or os.fspath(name) == DEFAULT:
        return _shipped(kind)
    folder = Path(name)
    return folder if folder.is_dir() else download(os.fspath(name), kind)


def _shipped(kind: str) -> Path:
    if kind not in SHIPPED:
        raise DataError(f"there is no default {kind}; give its folder or its name on the hub")
    folder = shipped_folder() / SHIPPED[kind]
    if not folder.is_dir():
        raise DataError(
            f"this copy of sslse has no default {kind} ({folder} is missing); give a folder or a "
            "name on the hub instead"
        )
    return folder


def download(name: str, kind: str = "model") -> Path:
    """Return the local snapshot of a model on the Hugging Face hub.

    Without a network, or with ``HF_HUB_OFFLINE=1``, the local cache serves.

    Args:
        name: ``user/name`` or ``user/name@revision`` (a branch, a tag or a commit).
        kind: what is looked for, for the sentence.

    Raises:
        DataError: it is no such name, or neither the hub nor its local cache has it.
    """
    match = HUB_NAME.fullmatch(name)
    if match is None:
        raise DataError(
            f"no folder {name}: give a folder that holds the {kind}, or a name on the Hugging Face "
            "hub (user/name); 'sslse models' lists what is known here"
        )
    import huggingface_hub

    repository, revision = match.groups()
    try:
        return Path(
            huggingface_hub.snapshot_download(
                repository,
                revision=revision,
                allow_patterns=HUB_FILES,
                token=os.environ.get(TOKEN) or False,
            )
        )
    except Exception as error:  # the hub's client raises many kinds
        raise DataError(
            f"no folder {name}, and neither the Hugging Face hub nor its local cache gives such a "
            f"model ({_reason(error)}); give the folder of the {kind}"
        ) from error


def _reason(error: Exception) -> str:
    from huggingface_hub import errors

    if isinstance(error, errors.RevisionNotFoundError):
        return "the hub has no such revision"
    if isinstance(error, errors.GatedRepoError):
        return f"the hub gives it to some users only; set {TOKEN}"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"the hub has none, or none for you: a private one needs {TOKEN}"
    if isinstance(error, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled):
        return "the hub cannot be reached, and the cache has none"
    return " ".join(str(error).split())[:200] or repr(error)
