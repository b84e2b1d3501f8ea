"""Classes by name: those of this package, and your own as ``MODULE:CLASS``.

A name may come from a configuration or the command line, which the user wrote, or from the
``config.json`` of a model folder, which may come from a stranger. The first may be ``MODULE:CLASS``
of any class; the second only a registered name, because an import runs code. Whoever saves models
of classes of their own registers them in the environment: ``SSLSE_CLASSES=mine:Net,mine:Head``.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from sslse.errors import ConfigError
from sslse.names import nearest

OWN_CLASSES = "SSLSE_CLASSES"

_strange: ContextVar[bool] = ContextVar("strange", default=False)


@contextlib.contextmanager
def registered_names_only() -> Iterator[None]:
    """Within it no registry imports a class that only a ``MODULE:CLASS`` names."""
    token = _strange.set(True)
    try:
        yield
    finally:
        _strange.reset(token)


class Registry(Mapping[str, str]):
    """Short names of classes, each with its ``MODULE:CLASS``; modules are imported on first use.

    Args:
        noun: what they are, for the sentences of errors.
        targets: ``MODULE:CLASS`` by name.

    Example:
        >>> shapes = Registry("counter", {"counter": "collections:Counter"})
        >>> shapes.find("counter") is shapes.find("Counter") is shapes.find("collections:Counter")
        True
        >>> with registered_names_only():  # doctest: +ELLIPSIS
        ...     shapes.find("collections:OrderedDict")
        Traceback (most recent call last):
        sslse.errors.ConfigError: a model folder may not name ...
    """

    def __init__(self, noun: str, targets: Mapping[str, str]) -> None:
        self.noun = noun
        self.targets = dict(targets)

    def __getitem__(self, name: str) -> str:
        return self.targets[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.targets)

    def __len__(self) -> int:
        return len(self.targets)

    def find(self, name: str) -> type:
        """Return a class by its short name, its class name, or ``MODULE:CLASS``.

        Raises:
            ConfigError: there is none of this name.
        """
        target = self._target(name)
        module, _, class_name = target.partition(":")
        try:
            return getattr(importlib.import_module(module), class_name)
        except (ImportError, AttributeError, ValueError) as error:
            if name in self.targets:
                raise  # one of ours: its own sentence says which package is missing
            raise ConfigError(f"the {self.noun} '{name}' cannot be imported: {error}") from error

    def _target(self, name: str) -> str:
        own = [target for target in os.environ.get(OWN_CLASSES, "").split(",") if target]
        for short, target in [*self.targets.items(), *((target, target) for target in own)]:
            if name in (short, target, target.partition(":")[2]):
                return target
        if ":" not in name:
            raise ConfigError(f"there is no {self.noun} '{name}'{nearest(name, self.targets)}")
        if _strange.get():
            raise ConfigError(
                f"a model folder may not name the class '{name}' (importing it would run its "
                f"code); if it is yours, register it: {OWN_CLASSES}={name}"
            )
        return name

    def build(self, name: str, /, *arguments: Any, **options: Any) -> Any:
        """Build an object of a class from its name and keys of a configuration.

        Raises:
            ConfigError: an unknown name, or a key that the class does not have.
        """
        kind = self.find(name)
        check_options(f"the {self.noun} '{name}'", kind, options)
        return kind(*arguments, **options)


def check_options(
    what: str, kind: type, options: Mapping[str, Any], hidden: tuple[str, ...] = ()
) -> None:
    """Refuse keys that a class does not have.

    Args:
        what: name of the class in the sentence.
        kind: the class.
        options: what it shall be built with.
        hidden: arguments that are not the user's to give.

    Raises:
        ConfigError: it lacks a key; the nearest one is named.
    """
    parameters = inspect.signature(kind).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    known = [key for key in parameters if key not in hidden]
    for key in options:
        if key not in known:
            raise ConfigError(f"{what} has no option '{key}'{nearest(key, known)}")
