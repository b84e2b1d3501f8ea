"""Colours and marks of systems, which colour-blind readers and a black-and-white print tell apart.

A system is a place: 0, 1, 2, … in the order of the table. Its colour is one of eight, which differ
under deuteranopia and protanopia, too; its mark differs where the colour comes again. ``TRAIN`` and
``VALID`` are places that no system has.
"""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

SYSTEMS = {  # page -> colours; each has a contrast of 3:1 to the page at least
    "light": "#4d545b #bb232f #bd7e08 #4f7698 #1d8362 #5c2889 #060bff #e151f5".split(),
    "dark": "#f3eeea #e85f5e #f0b854 #547793 #58c69f #aa6bec #66a9aa #fabdf1".split(),
}
CURVES = {"light": "#1d2126 #b45309".split(), "dark": "#e6e8ea #c99a3d".split()}
STATES = {  # of verdicts and differences, which stand beside each other as words, too
    "light": {"good": "#0b7f5f", "bad": "#7d0f1e", "open": "#946800", "soft": "#4a5058"},
    "dark": {"good": "#8be0b9", "bad": "#ee6170", "open": "#e7c660", "soft": "#9aa3ad"},
}
COUNT = 8
TRAIN, VALID = -2, -1


class Mark(NamedTuple):
    """matplotlib's name and size in points, and the same shape as a path in a square ±5."""

    name: str
    size: float
    path: str


MARKS = (
    Mark("o", 7, "M-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0-8.4 0z"),
    Mark("s", 6.5, "M-3.8-3.8h7.6v7.6h-7.6z"),
    Mark("^", 8, "M0-4.6L4.6 4.2h-9.2z"),
    Mark("D", 6.5, "M0-5L5 0L0 5L-5 0z"),
    Mark("v", 8, "M0 4.6L4.6-4.2h-9.2z"),
    Mark("P", 9, "M-1.7-4.6h3.4v2.9h2.9v3.4h-2.9v2.9h-3.4v-2.9h-2.9v-3.4h2.9z"),
    Mark("X", 9, "M-4-2L-2-4 0-2 2-4 4-2 2 0 4 2 2 4 0 2-2 4-4 2-2 0z"),
    Mark("*", 12, "M0-5L1.3-1.6L4.9-1.5L2 .8L3 4.3L0 2.2L-3 4.3L-2 .8L-4.9-1.5L-1.3-1.6z"),
)
DASHES = ((), (7, 2, 1.5, 2), (5, 1.5), (1.5, 1.5))  # line and gap, of places 0 to 7, 8 to 15, …


def color_number(place: int) -> int:
    """Return the number of a place's colour: 0 to 7 of systems, 8 of training, 9 of validation.

    Example:
        >>> color_number(3), color_number(11), color_number(TRAIN), color_number(VALID)
        (3, 3, 8, 9)
    """
    return place % COUNT if place >= 0 else COUNT + 2 + place


def marker(place: int) -> Mark:
    """Return a place's mark, see :data:`MARKS`; places of one colour have different ones.

    Example:
        >>> marker(3).name, marker(11).name
        ('D', 'v')
    """
    return MARKS[(place + place // COUNT) % len(MARKS)]


def dashes(place: int) -> tuple[float, ...]:
    """Return the lengths of lines and gaps, empty for a solid line."""
    return DASHES[max(place, 0) // COUNT % len(DASHES)]


def legend_mark(place: int, hollow: bool = False) -> Markup:
    """Return a mark as it stands in a legend or before a name.

    Args:
        place: of the system.
        hollow: an outline alone, as of observation adding.
    """
    kind = "mark hollow" if hollow else "mark"
    return Markup(
        '<svg class="{} c{}" viewBox="-6 -6 12 12" aria-hidden="true"><path d="{}"/></svg>'
    ).format(kind, color_number(place), marker(place).path)


def style_variables() -> Markup:
    """Return the style sheet that defines ``--k0`` … ``--k9``, the classes ``c0`` … ``c9``, and
    ``--good``, ``--bad``, ``--open`` and ``--soft``."""
    schemes = {}
    for page, states in STATES.items():
        places = enumerate((*SYSTEMS[page], *CURVES[page]))
        named = {**{f"k{number}": color for number, color in places}, **states}
        schemes[page] = " ".join(f"--{name}: {color};" for name, color in named.items())
    classes = " ".join(f".c{n} {{ color: var(--k{n}); }}" for n in range(COUNT + 2))
    return Markup(
        f":root {{ {schemes['light']} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {schemes['dark']} }} }}\n{classes}"
    )
