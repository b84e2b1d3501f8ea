"""Line charts as inline SVG: colours follow the page's theme, points show their numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 280  # user units of a chart
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 12, 40


@dataclass(frozen=True)
class Series:
    """One line.

    Args:
        name: said by the tooltip.
        x: abscissae.
        y: ordinates, as many.
        color: index of the palette of the page.
        row: name by which the legend hides it; empty: always shown.
        dashed: line style.
        faint: thin and pale (raw values behind a smoothed line).
        marks: dots with tooltips at the points.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    color: int = 0
    row: str = ""
    dashed: bool = False
    faint: bool = False
    marks: bool = False


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about ``count`` round numbers from at most ``low`` to at least ``high``.

    Example:
        >>> nice_ticks(0.3, 9.6)
        [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    span = high - low
    if span < 1e-9 * max(abs(low), abs(high)) or span < 1e-12:  # one value: room around it
        span = abs(high) if abs(high) > 1e-12 else 1.0
    power = 10.0 ** math.floor(math.log10(span / count))
    step = min((m * power for m in (1, 2, 2.5, 5, 10)), key=lambda s: abs(span / s - count))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def _number(value: float) -> str:
    if abs(value) >= 1e4:
        return f"{value / 1000:g}k"
    return f"{value:g}".replace("-", "−")


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str,
    y_label: str,
    y_range: tuple[float, float] | None = None,
) -> str:
    """Return a ``<figure>`` with one SVG.

    Args:
        series: lines; empty ones are skipped.
        title: above the chart.
        x_label: with unit.
        y_label: with unit.
        y_range: limits of the ordinate (default: those of the data).
    """
    series = [line for line in series if len(line.x)]
    xs = [value for line in series for value in line.x]
    ys = [value for line in series for value in line.y]
    if not xs:
        return ""
    low, high = y_range or (min(ys), max(ys))
    y_ticks = nice_ticks(low, high)
    x_ticks = [tick for tick in nice_ticks(min(xs), max(xs)) if min(xs) <= tick <= max(xs)]
    x0, x1, y0, y1 = min(xs), max(xs), y_ticks[0], y_ticks[-1]

    def to_x(value: float) -> float:
        return LEFT + (value - x0) / ((x1 - x0) or 1) * (WIDTH - LEFT - RIGHT)

    def to_y(value: float) -> float:
        clipped = min(max(value, y0), y1)
        return TOP + (y1 - clipped) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for tick in y_ticks:
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{to_y(tick):.1f}" '
            f'y2="{to_y(tick):.1f}"/><text x="{LEFT - 6}" y="{to_y(tick) + 4:.1f}" '
            f'class="tick end">{_number(tick)}</text>'
        )
    for tick in x_ticks:
        parts.append(
            f'<text x="{to_x(tick):.1f}" y="{HEIGHT - BOTTOM + 16}" class="tick mid">'
            f"{_number(tick)}</text>"
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" class="label mid">'
        f'{escape(x_label)}</text><text class="label mid" transform="translate(12 '
        f'{(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)">{escape(y_label)}</text>'
    )
    parts += [_line(line, to_x, to_y) for line in series]
    return (
        f"<figure class='chart'><figcaption>{escape(title)}</figcaption>"
        + "".join(parts)
        + "</svg></figure>"
    )


def _line(line: Series, to_x, to_y) -> str:
    points = " ".join(f"{to_x(x):.1f},{to_y(y):.1f}" for x, y in zip(line.x, line.y, strict=True))
    classes = f"series c{line.color % 8}" + " dashed" * line.dashed + " faint" * line.faint
    row = f' data-row="{escape(line.row)}"' if line.row else ""
    dots = ""
    if line.marks:
        dots = "".join(
            f'<circle cx="{to_x(x):.1f}" cy="{to_y(y):.1f}" r="3.2">'
            f"<title>{escape(line.name)}: {y:.4g} at {x:.4g}</title></circle>"
            for x, y in zip(line.x, line.y, strict=True)
        )
    tip = f"<title>{escape(line.name)}</title>"
    return f'<g class="{classes}"{row}><polyline points="{points}">{tip}</polyline>{dots}</g>'
