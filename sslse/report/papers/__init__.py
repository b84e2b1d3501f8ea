"""The papers whose systems are built here, one file each."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from sslse.errors import ConfigError

if TYPE_CHECKING:
    from sslse.report.paper import Paper

PAPERS = ("sslmse", "ew2", "cbpc", "inversion")


def find_paper(name: str | None) -> Paper | None:
    """Return a paper, or one of its tables, None for none.

    Args:
        name: of the system, for its main table, or ``system/table``.

    Raises:
        ConfigError: the name is unknown.

    Example:
        >>> find_paper("sslmse/2").show
        ('wer_ssl*', 'eer_*', 'acc_*')
    """
    if not name:
        return None
    system, _, table = name.partition("/")
    if system not in PAPERS:
        raise ConfigError(f"no numbers of a paper '{system}'; known are {', '.join(PAPERS)}")
    module = importlib.import_module(f"sslse.report.papers.{system}")
    if not table:
        return module.PAPER
    if table not in module.TABLES:
        raise ConfigError(
            f"the paper '{system}' has no table '{table}'; there are {', '.join(module.TABLES)}"
        )
    return module.TABLES[table]
