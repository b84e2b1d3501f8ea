"""Names of a package whose modules are imported on first use."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package that has ``__all__``.

    Args:
        package: ``__name__`` of the package.
        modules: name that the package offers -> module that defines it. No module of the package
            may have such a name: once imported, it would take the name's place.

    Example:
        >>> get, names = lazy_names("sslse", {"read_audio": "sslse.audio.files"})
        >>> get("read_audio").__module__, "read_audio" in names()
        ('sslse.audio.files', True)
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(importlib.import_module(modules[name]), name)

    return get, lambda: sorted(sys.modules[package].__all__)
