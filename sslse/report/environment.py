"""How the pages of this package are made from ``templates/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sslse.report.palette import legend_mark, style_variables

if TYPE_CHECKING:
    from jinja2 import Environment


def page_environment() -> Environment:
    """Return the templates, with the marks and colours of systems.

    A page of its own has the players by ``players.html`` (macros ``players`` and ``clip``),
    ``players.css`` and ``players.js``, and the colours by ``style_variables()``.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sslse.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"mark": legend_mark, "style_variables": style_variables}
    return environment
