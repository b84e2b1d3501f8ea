"""A surface over a grid as inline SVG: a coloured cell a point, with its number as a tooltip."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 460, 340  # user units
LEFT, RIGHT, TOP, BOTTOM = 40, 74, 12, 40
# From low to high: a sequence whose lightness rises evenly, for prints without colour, too.
COLORS = ((38, 28, 84), (40, 90, 145), (38, 145, 140), (120, 195, 90), (250, 230, 60))


def color_of(value: float, low: float, high: float) -> str:
    """Return the colour of a value, the ends for values outside.

    Example:
        >>> color_of(0.0, 0.0, 1.0), color_of(2.0, 0.0, 1.0), color_of(0.5, 0.0, 1.0)
        ('#261c54', '#fae63c', '#26918c')
    """
    place = 0.0 if high <= low else min(max((value - low) / (high - low), 0.0), 1.0)
    first = min(int(place * (len(COLORS) - 1)), len(COLORS) - 2)
    part = place * (len(COLORS) - 1) - first
    pair = zip(COLORS[first], COLORS[first + 1], strict=True)
    return "#" + "".join(f"{round(a + part * (b - a)):02x}" for a, b in pair)


def surface_chart(
    rows: Sequence[Mapping[str, float]], title: str, scale: tuple[float, float]
) -> str:
    """Return a ``<figure>`` of log10 of the loss over m (to the right) and n (upwards).

    Args:
        rows: ``m``, ``n`` and ``loss`` of each point; points may be missing.
        title: above the chart.
        scale: log10 of the losses of the first and of the last colour.
    """
    xs, ys = (sorted({row[axis] for row in rows}) for axis in ("m", "n"))
    wide, high = (WIDTH - LEFT - RIGHT) / len(xs), (HEIGHT - TOP - BOTTOM) / len(ys)
    column, line = ({value: place for place, value in enumerate(axis)} for axis in (xs, ys))
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for row in rows:
        x, y = LEFT + column[row["m"]] * wide, TOP + (len(ys) - 1 - line[row["n"]]) * high
        fill = color_of(math.log10(max(row["loss"], 1e-6)), *scale)
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide + 0.3:.1f}" height="{high + 0.3:.1f}" '
            f'fill="{fill}"><title>{row["loss"]:.4g} at m = {row["m"]:g}, n = {row["n"]:g}</title>'
            "</rect>"
        )
    for place in sorted({0, len(xs) // 2, len(xs) - 1}):
        parts.append(
            f'<text x="{LEFT + (place + 0.5) * wide:.1f}" y="{HEIGHT - BOTTOM + 16}" '
            f'class="tick mid">{_number(xs[place])}</text>'
        )
    for place in sorted({0, len(ys) // 2, len(ys) - 1}):
        parts.append(
            f'<text x="{LEFT - 6}" y="{TOP + (len(ys) - place - 0.5) * high + 4:.1f}" '
            f'class="tick end">{_number(ys[place])}</text>'
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" class="label mid">m</text>'
        f'<text class="label mid" x="10" y="{(TOP + HEIGHT - BOTTOM) / 2}">n</text>'
    )
    return (
        f"<figure class='chart'><figcaption>{escape(title)}</figcaption>"
        + "".join(parts)
        + _color_bar(scale)
        + "</svg></figure>"
    )


def _color_bar(scale: tuple[float, float], steps: int = 24) -> str:
    size = (HEIGHT - TOP - BOTTOM) / steps
    x = WIDTH - RIGHT + 14
    cells = "".join(
        f'<rect x="{x}" y="{TOP + (steps - 1 - step) * size:.1f}" width="12" '
        f'height="{size + 0.3:.1f}" fill="{color_of(step, 0, steps - 1)}"/>'
        for step in range(steps)
    )
    low, high = (f"{10**value:.3g}" for value in scale)
    return (
        f'{cells}<text class="tick" x="{x + 16}" y="{TOP + 9}">{high}</text>'
        f'<text class="tick" x="{x + 16}" y="{HEIGHT - BOTTOM}">{low}</text>'
        f'<text class="tick" x="{x}" y="{HEIGHT - BOTTOM + 16}">loss</text>'
    )


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")
