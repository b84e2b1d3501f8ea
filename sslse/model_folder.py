"""What every model that has a folder inherits: ``save_pretrained`` and ``from_pretrained``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from sslse.errors import ConfigError, DataError
from sslse.known_models import known_model
from sslse.model_files import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    check_tensors,
    describe,
    find_folder,
    read_config,
    read_tensors,
    write_config,
    write_tensors,
)
from sslse.registry import Registry, registered_names_only
from sslse.runtime.device import to_device


class SavedModel(nn.Module):
    """A model with a folder: what every kind of model inherits ``save_pretrained`` from.

    A subclass sets ``noun``, ``subfolders`` and, where several classes are of its kind,
    ``registry``; an instance sets ``config``. What is not simply ``cls(**config)`` and all weights
    overrides ``from_config``, ``weights`` and ``facts``.
    """

    noun: ClassVar[str]  # for sentences: "an enhancer"
    subfolders: ClassVar[tuple[str, ...]]  # where a folder of experiments holds this kind
    registry: ClassVar[Registry | None] = None  # the classes of this kind; None: this one alone

    config: dict[str, Any]  # JSON values from which ``from_config`` rebuilds the model

    @classmethod
    def from_config(cls, config: dict[str, Any], facts: dict[str, Any], folder: Path) -> SavedModel:
        """Build the model with fresh weights.

        Args:
            config: what ``config`` was when the model was saved.
            facts: what ``facts`` returned then.
            folder: where the model is, for parts that have folders of their own.
        """
        return cls(**config)

    def weights(self) -> dict[str, Tensor]:
        """Return the tensors to save; all names are needed again to load."""
        return self.state_dict()

    def load_weights(self, tensors: dict[str, Tensor]) -> None:
        """Take over tensors that have the names and shapes of ``weights``."""
        self.load_state_dict(tensors, strict=False)

    def facts(self, folder: Path) -> dict[str, Any]:
        """Return further JSON values to save in a folder, such as names of classes."""
        return {}

    def standalone(self) -> SavedModel:
        """Return the model such that its folder needs no other one, to give it away."""
        return self

    def save_pretrained(self, directory: str | os.PathLike) -> None:
        """Write the folder that ``from_pretrained`` reads; each file appears whole or not at all.

        Args:
            directory: made if missing; older files in it are replaced.
        """
        folder = Path(directory)
        write_tensors(folder / WEIGHTS_NAME, self.weights())
        described = describe(type(self).__name__, config=self.config, **self.facts(folder))
        write_config(folder, described)

    @classmethod
    def upgrade(
        cls, described: dict[str, Any], tensors: dict[str, Tensor]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Bring what a folder without a format version holds into today's form.

        Args:
            described: content of ``config.json``; most kinds had the keys of their ``config``, and
                some a "class", beside each other there.
            tensors: by name.
        """
        if "config" not in described:
            config = {key: value for key, value in described.items() if key != "class"}
            described = {"class": described.get("class", cls.__name__), "config": config}
        return described, tensors

    @classmethod
    def find_folder(cls, name_or_dir: str | os.PathLike | None = None) -> Path:
        """Return the local folder of a model: what ``known_model`` says, or one below it.

        Raises:
            DataError: there is none, or there are several.
        """
        folder = known_model(name_or_dir, cls.noun.partition(" ")[2])
        return find_folder(folder, cls.noun, cls.subfolders, cls.claims)

    @classmethod
    def holds(cls, folder: Path) -> bool:
        """Whether a folder is one of this kind, by its class or, where it names none, its name."""
        name = read_config(folder, cls.noun).get("class")
        return folder.name in cls.subfolders if name is None else cls.claims(name)

    @classmethod
    def _class(cls, name: object) -> type[SavedModel]:
        if not isinstance(name, str):
            raise ConfigError("it does not name its class")
        if name == cls.__name__:
            return cls
        kind = None if cls.registry is None else cls.registry.find(name)
        if kind is None or not issubclass(kind, cls):
            raise ConfigError(f"it holds a {name}, and {cls.noun} is needed here")
        return kind

    @classmethod
    def claims(cls, name: str) -> bool:
        """Whether a class of this name is of this kind."""
        try:
            with registered_names_only():
                return bool(cls._class(name))
        except (ConfigError, TypeError):
            return False

    @classmethod
    def from_pretrained(
        cls, name_or_dir: str | os.PathLike | None = None, *, device: str = "cpu"
    ) -> SavedModel:
        """Load what ``save_pretrained`` wrote, in evaluation mode.

        Args:
            name_or_dir: its folder, the folder of a training that holds it, a name on the Hugging
                Face hub (``user/name`` or ``user/name@revision``), or none: the model that is
                shipped with this package.
            device: where to put it, as ``choose_device`` takes it.

        Raises:
            DataError: the folder is missing, incomplete, damaged, of another kind, or of a newer
                version of this package.
            ConfigError: the device cannot be used.
        """
        folder = cls.find_folder(name_or_dir)
        path = folder / CONFIG_NAME
        described = read_config(folder, cls.noun)
        tensors = read_tensors(folder / WEIGHTS_NAME)
        try:
            with registered_names_only():
                if "format_version" not in described:
                    described, tensors = cls.upgrade(described, tensors)
                facts = {key: described[key] for key in described.keys() - {"class", "config"}}
                kind = cls._class(described.get("class"))
                model = kind.from_config(described["config"], facts, folder)
        except (ConfigError, KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split()) if isinstance(error, ConfigError) else repr(error)
            raise DataError(f"{cls.noun} cannot be built from {path}: {reason[:400]}") from error
        check_tensors(folder / WEIGHTS_NAME, tensors, model.weights())
        model.load_weights(tensors)
        return to_device(model.eval(), device)
