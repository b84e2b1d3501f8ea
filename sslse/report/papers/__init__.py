"""The papers whose systems are built here, one file each."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from sslse.errors import ConfigError

if TYPE_CHECKING:
    from sslse.report.paper import Paper

PAPERS = ("sslmse",)


def find_paper(name: str | None) -> Paper | None:
    """Return a paper by the name of its system, None for none.

    Raises:
        ConfigError: the name is unknown.
    """
    if not name:
        return None
    if name not in PAPERS:
        raise ConfigError(f"no numbers of a paper '{name}'; known are {', '.join(PAPERS)}")
    return importlib.import_module(f"sslse.report.papers.{name}").PAPER
