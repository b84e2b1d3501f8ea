"""Files of a model folder: ``config.json`` and ``model.safetensors``, written and read in one way.

``config.json`` holds the format version, the name of the class, its ``config`` and further facts.
Nothing in a folder is ever executed: weights are no pickles, and only registered classes are built.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from sslse.errors import ConfigError, DataError
from sslse.runtime.atomic import atomic_open, atomic_path

CONFIG_NAME, WEIGHTS_NAME = "config.json", "model.safetensors"
FORMAT_VERSION = 1  # folders without a version are of the time before


def find_folder(
    folder: Path,
    noun: str,
    subfolders: Sequence[str],
    claims: Callable[[str], bool],
) -> Path:
    """Return the folder of a model: the one given, or one below it.

    Args:
        folder: that of the model, or of its training.
        noun: what is looked for, such as ``an enhancer``.
        subfolders: names that such a folder has below that of a training.
        claims: whether a class of a name is what is looked for.

    Raises:
        DataError: there is none, or there are several.
    """
    own = _class_in(folder)
    if own is not None and claims(own):
        return folder
    inner = [folder / name for name in subfolders if (folder / name / CONFIG_NAME).is_file()]
    # Folders of the time before name no class; whoever reads them will tell.
    fitting = [path for path in inner if (name := _class_in(path)) is None or claims(name)]
    if len(fitting) > 1:
        raise DataError(
            f"{folder} holds several models ({', '.join(path.name for path in fitting)}); give the "
            f"folder of one, such as {fitting[0]}"
        )
    if fitting or inner and own is None:
        return (fitting or inner)[0]
    if not (folder / CONFIG_NAME).is_file():
        others = [path.parent for path in sorted(folder.glob(f"*/{CONFIG_NAME}"))]
        others = [path for path in others if claims(_class_in(path) or "")]
        if others:
            many = "several models" if len(others) > 1 else "no model itself but one"
            raise DataError(
                f"{folder} holds {many} ({', '.join(path.name for path in others)}); give the "
                f"folder of one, such as {others[0]}"
            )
        below = "".join(f" or in {name}/" for name in subfolders)
        raise DataError(
            f"{folder} holds no {CONFIG_NAME}; {noun} is a folder with {CONFIG_NAME} and "
            f"{WEIGHTS_NAME} in it{below}"
        )
    return folder


def _class_in(folder: Path) -> str | None:
    try:
        name = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8")).get("class")
    except (OSError, ValueError, AttributeError):
        return None
    return name if isinstance(name, str) else None


def place_beside(folder: Path, place: str) -> str:
    """Return what a model's ``config.json`` names: a path as seen from its folder, or a hub name.

    Raises:
        ConfigError: the model was downloaded, and the path leaves what came with it.
    """
    path = Path(os.path.normpath(folder / place))
    if not path.exists():
        return place
    snapshot = next((part for part in folder.parents if part.parent.name == "snapshots"), folder)
    if snapshot.parent.name == "snapshots" and not path.is_relative_to(snapshot):
        raise ConfigError(f"it names {place}, which lies outside of what was downloaded")
    return str(path)


def describe(class_name: str, **facts: Any) -> dict[str, Any]:
    """Return the content of ``config.json``.

    Example:
        >>> describe("Net", config={"layers": 2})
        {'format_version': 1, 'class': 'Net', 'config': {'layers': 2}}
    """
    return {"format_version": FORMAT_VERSION, "class": class_name, **facts}


def write_config(folder: Path, described: Mapping[str, Any]) -> None:
    """Write ``config.json``."""
    with atomic_open(folder / CONFIG_NAME) as stream:
        json.dump(described, stream, indent=2, ensure_ascii=False)
        stream.write("\n")


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors by name as safetensors, readable by whomever umask lets read."""
    from safetensors.torch import save

    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # Through our own stream: save_file leaves a file that only its owner may read.
    with atomic_open(path, "wb") as stream:
        stream.write(save(whole, metadata={"format": "pt"}))


def write_transformers(folder: Path, *parts: Any, **facts: Any) -> None:
    """Write parts that have a ``save_pretrained`` of transformers, each file whole or not at all.

    Args:
        folder: where to.
        parts: a model, its preprocessor.
        facts: JSON values to add to ``config.json``, which transformers ignores.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as temporary:
        for part in parts:
            part.save_pretrained(temporary)
        config = json.loads((Path(temporary) / CONFIG_NAME).read_text(encoding="utf-8"))
        for file in sorted(Path(temporary).iterdir()):
            if file.name != CONFIG_NAME:
                with atomic_path(folder / file.name) as target:
                    shutil.copyfile(file, target)  # a new file, which has umask's mode
    write_config(folder, {**config, **facts})


def read_config(folder: Path, noun: str) -> dict[str, Any]:
    """Return the content of ``config.json``.

    Raises:
        DataError: it is no JSON object, or of a newer version of this package.
    """
    path = folder / CONFIG_NAME
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not JSON ({error}); save the model again") from error
    if not isinstance(described, dict):
        raise DataError(f"{path} does not describe {noun}; save the model again")
    version = described.get("format_version", 0)
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise DataError(
            f"{path} has the format version {version}, and this sslse knows versions up to "
            f"{FORMAT_VERSION}; update sslse"
        )
    return described


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file.

    Raises:
        DataError: it is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise DataError(f"{path} is missing; save the model again or copy the whole folder")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path} is damaged ({reason}); copy it again or save the model again"
        ) from error


def check_tensors(path: Path, stored: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Refuse tensors that have other names or shapes than a model.

    Raises:
        DataError: the first that differs is named.
    """

    def shape(tensor: Tensor | None) -> str:
        return "absent" if tensor is None else str(tuple(tensor.shape))

    for name in sorted(stored.keys() | wanted.keys()):
        found, expected = shape(stored.get(name)), shape(wanted.get(name))
        if found != expected:
            raise DataError(
                f"{path} does not fit {CONFIG_NAME} beside it: '{name}' is "
                f"{found} in the file and {expected} in the model; save the model again"
            )
