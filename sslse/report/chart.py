"""Charts by matplotlib as SVG in the page, whose style sheet colours them in light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, fromstring, tostring

import numpy as np
from markupsafe import Markup

from sslse.report.palette import COUNT, color_number, dashes, marker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DASHED = (2.5, 2.0)  # lengths of lines and gaps, in widths of the line
LEAST_LOSS = 1e-6  # on a logarithmic scale
WIDTH, HEIGHT, LANDSCAPE_HEIGHT = 460, 280, 340  # pixels
FRAME = (0.14, 0.15, 0.84, 0.79)  # left, bottom, width and height of the axes, parts of the chart
SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
# matplotlib draws with colours that stand for variables of the style sheet.
PALETTE = tuple(f"#c0de0{number}" for number in range(COUNT + 2))
SOFT, LINE, BACKGROUND = "#c0de10", "#c0de11", "#c0de12"
VARIABLES = {color: f"--k{number}" for number, color in enumerate(PALETTE)}
VARIABLES |= {SOFT: "--soft", LINE: "--line", BACKGROUND: "--bg"}
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # a name may hold a dollar sign
    "figure.dpi": 72,  # a point is a pixel
    "font.size": 11.5,
    "axes.formatter.useoffset": False,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": LINE,
    "grid.color": LINE,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.bottom": False,
    "ytick.left": False,
}


@dataclass(frozen=True)
class Series:
    """One line.

    Args:
        name: said by the tooltip.
        x: abscissae.
        y: ordinates, as many.
        color: place of the system, which decides colour and mark (see ``palette``).
        row: name by which the legend hides it; empty: always shown.
        dashed: dashed, with hollow marks.
        faint: thin and pale (raw values behind a smoothed line).
        marks: marks with tooltips at the points.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    color: int = 0
    row: str = ""
    dashed: bool = False
    faint: bool = False
    marks: bool = False


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str,
    y_label: str,
    y_range: tuple[float, float] | None = None,
) -> Markup:
    """Return a ``<figure>`` with one SVG; nothing where there is no point.

    Args:
        series: lines; empty ones are skipped.
        title: above the chart.
        x_label: with unit.
        y_label: with unit.
        y_range: limits of the ordinate (default: those of the data); values beyond lie on them.
    """
    series = [line for line in series if len(line.x)]
    if not series:
        return Markup()

    def draw(figure: Figure) -> None:
        axes = figure.add_axes(FRAME)
        axes.spines[:].set_visible(False)
        axes.patch.set_visible(False)
        for number, line in enumerate(series):
            axes.plot(
                line.x,
                np.clip(line.y, *y_range) if y_range else line.y,
                gid=f"series{number}",
                color=PALETTE[color_number(line.color)],
                linewidth=1 if line.faint else 2,
                alpha=0.7 if line.faint else None,
                linestyle=(0, DASHED if line.dashed else dashes(line.color) or None),
                marker=marker(line.color).name if line.marks else "",
                markersize=marker(line.color).size,
                markeredgecolor=PALETTE[color_number(line.color)] if line.dashed else BACKGROUND,
                markerfacecolor=BACKGROUND if line.dashed else PALETTE[color_number(line.color)],
            )
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.grid(axis="y")
        axes.locator_params(nbins=6)

    svg = _svg(draw, HEIGHT, title, salt=repr(series))
    for number, line in enumerate(series):
        group = svg.find(f".//g[@id='series{number}']")
        group.set("class", "series")
        if line.row:
            group.set("data-row", line.row)
        _say(group, line.name)
        points = zip(group.iter("use"), line.x, line.y, strict=line.marks)
        for dot, x, y in points:
            _say(dot, f"{line.name}: {y:.4g} at {x:.4g}")
    return _figure(svg, title)


def landscape_chart(
    rows: Sequence[Mapping[str, float]], title: str, scale: tuple[float, float]
) -> Markup:
    """Return a ``<figure>`` of the loss over m (to the right) and n (upwards).

    Args:
        rows: ``m``, ``n`` and ``loss`` of each point; points may be missing.
        title: above the chart.
        scale: losses of the first and of the last colour.
    """
    svg = _svg(lambda figure: _draw_landscape(figure, rows, scale), LANDSCAPE_HEIGHT, title)
    cells = svg.find(".//g[@id='landscape']")
    xs, ys = (sorted({row[axis] for row in rows}) for axis in "mn")
    losses = {(row["m"], row["n"]): row["loss"] for row in rows}
    points = [(x, y) for y in ys for x in xs]
    for cell, (x, y) in zip(cells.findall("path"), points, strict=True):
        if (x, y) in losses:
            _say(cell, f"{losses[x, y]:.4g} at m = {x:g}, n = {y:g}")
    return _figure(svg, title)


def _draw_landscape(
    figure: Figure,
    rows: Sequence[Mapping[str, float]],
    scale: tuple[float, float],
) -> None:
    """Fill a figure with the loss over m (to the right) and n (upwards), a cell for each point.

    Args:
        figure: without axes.
        rows: ``m``, ``n`` and ``loss`` of each point; points may be missing.
        scale: losses of the first and of the last colour.
    """
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    xs, ys = (sorted({row[axis] for row in rows}) for axis in "mn")
    losses = np.full((len(ys), len(xs)), np.nan)
    for row in rows:
        losses[ys.index(row["n"]), xs.index(row["m"])] = max(row["loss"], LEAST_LOSS)
    low, high = (max(loss, LEAST_LOSS) for loss in scale)
    axes = figure.add_subplot()
    axes.spines[:].set_visible(False)
    axes.patch.set_visible(False)
    cells = axes.pcolormesh(
        xs,
        ys,
        np.ma.masked_invalid(losses),
        norm=LogNorm(low, max(high, 1.001 * low)),
        cmap=colormaps["viridis"].resampled(24),
        gid="landscape",
    )
    axes.set(xlabel="m", ylabel="n")
    bar = figure.colorbar(cells, ticks=[low, high], format="%.3g", label="loss")
    bar.outline.set_visible(False)
    bar.minorticks_off()


def _say(element: Element, text: str) -> None:
    """Give an element a tooltip."""
    title = Element("title")
    title.text = text
    element.insert(0, title)


def _svg(draw: Callable[[Figure], None], height: int, title: str, salt: str = "") -> Element:
    """Return what was drawn, without what a page has no use for.

    Args:
        draw: draws on a figure.
        height: user units.
        title: for those who cannot see it.
        salt: tells the dots of one chart from those of another; the same salt, the same bytes.
    """
    import matplotlib
    from matplotlib.figure import Figure

    stream = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": salt or title}):
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        figure.patch.set_visible(False)
        draw(figure)
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=nothing)
    svg = fromstring(stream.getvalue())
    for element in svg.iter():
        element.tag = element.tag.removeprefix(SVG)
        element.text, element.tail = (element.text or "").strip(), ""
        element.attrib = dict(_attributes(element))
    for definitions in svg.findall("defs"):  # a style for the whole page; frames of the axes
        svg.remove(definitions)
    svg.attrib = {"viewBox": f"0 0 {WIDTH} {height}", "role": "img", "aria-label": title}
    return svg


def _attributes(element: Element) -> Iterator[tuple[str, str]]:
    """Yield the attributes that the page needs: short numbers, colours of the style sheet."""
    for name, value in element.items():
        if name == "style":
            value = re.sub(r"font-[a-z]+: [^;]+(; )?", "", value)
            yield name, re.sub("|".join(VARIABLES), lambda m: f"var({VARIABLES[m[0]]})", value)
        elif name in ("d", "x", "y", "transform"):
            value = re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.4g}", value)
            if not value.startswith("rotate(-0 "):
                yield name, " ".join(value.split())
        elif name != "clip-path":  # lines end inside the frame
            yield name.removeprefix(XLINK), value


def _figure(svg: Element, title: str) -> Markup:
    for group in svg.iter("g"):
        group.attrib.pop("id", None)
    text = Markup(tostring(svg, encoding="unicode"))
    return Markup("<figure class='chart'><figcaption>{}</figcaption>{}</figure>").format(
        title, text
    )
