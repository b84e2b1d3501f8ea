"""Colours are told apart by those who see fewer of them; where colours come again, marks differ.

Sight: Machado, Oliveira & Fernandes (2009). Differences: CIEDE2000 (Sharma, Wu & Dalal 2005).
"""

import itertools
from pathlib import Path

import numpy as np
import pytest

from sslse.report import palette
from sslse.report.trajectories import LINES

# Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
# Linear sRGB to XYZ under D65 (IEC 61966-2-1).
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(color: str) -> np.ndarray:
    """Return the linear RGB values of ``#rrggbb``."""
    values = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def seen(color: str, sight: str) -> np.ndarray:
    """Return the CIE Lab values of a colour as somebody sees it."""
    rgb = np.clip(SIGHTS[sight] @ linear(color), 0, 1)
    parts = TO_XYZ @ rgb / TO_XYZ.sum(1)
    x, y, z = np.where(parts > 216 / 24389, np.cbrt(parts), (24389 / 27 * parts + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours as WCAG defines it, 1 to 21."""
    light, dark = sorted((float(TO_XYZ[1] @ linear(c)) for c in (first, second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def delta_e(first: np.ndarray, second: np.ndarray) -> float:
    """Return the difference CIEDE2000 of two Lab colours (Sharma, Wu & Dalal 2005)."""
    (l1, a1, b1), (l2, a2, b2) = first, second
    chroma7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(chroma7 / (chroma7 + 25.0**7))
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, stretch * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    hue = (h1 + turn / 2) % 360 if c1 * c2 else h1 + h2
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2

    def cosine(factor: float, shift: float) -> float:
        return np.cos(np.radians(factor * hue + shift))

    t = (
        1
        - 0.17 * cosine(1, -30)
        + 0.24 * cosine(2, 0)
        + 0.32 * cosine(3, 6)
        - 0.20 * cosine(4, -63)
    )
    d_l = (l2 - l1) / (1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2))
    d_c = (c2 - c1) / (1 + 0.045 * chroma)
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * t)
    rotation = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    rotation *= np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    return float(np.sqrt(d_l**2 + d_c**2 + d_h**2 + rotation * d_c * d_h))


PAGES = {"light": ("#fcfcfb", "#f5f5f3"), "dark": ("#14171a", "#1f2429")}  # page.css: bg, card


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [  # of the published test data of Sharma, Wu & Dalal (2005)
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_difference_is_ciede2000(first, second, difference):
    assert delta_e(first, second) == pytest.approx(difference, abs=1e-4)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("page", PAGES)
def test_all_that_is_shown_together_differs(page, sight):
    together = [palette.SYSTEMS[page], palette.CURVES[page], [*palette.STATES[page].values()]]
    for colors in together:
        for first, second in itertools.combinations(colors, 2):
            difference = delta_e(seen(first, sight), seen(second, sight))
            assert difference >= 15, (first, second)


@pytest.mark.parametrize("page", PAGES)
def test_every_colour_is_seen_on_its_page(page):
    colors = [*palette.SYSTEMS[page], *palette.CURVES[page]]
    assert len(set(colors)) == palette.COUNT + 2  # those of curves are no system's
    assert min(contrast(color, PAGES[page][0]) for color in colors) >= 3
    words = palette.STATES[page].values()
    assert min(contrast(color, ground) for color in words for ground in PAGES[page]) >= 4.5
    style = (Path(palette.__file__).parent / "templates/page.css").read_text()
    assert f"--bg: {PAGES[page][0]}" in style and f"--card: {PAGES[page][1]}" in style


@pytest.mark.parametrize("sight", SIGHTS)
def test_trajectories_differ(sight):
    for first, second in itertools.combinations([color for color, *_ in LINES], 2):
        assert delta_e(seen(first, sight), seen(second, sight)) >= 15


def test_colour_and_mark_name_a_system():
    looks = [(palette.color_number(place), palette.marker(place)) for place in range(64)]
    assert len(set(looks)) == 64
    assert len({palette.color_number(place) for place in (-2, -1, *range(8))}) == 10


def test_a_legend_shows_the_mark():
    mark = palette.legend_mark(9, hollow=True)
    assert 'class="mark hollow c1"' in mark and palette.marker(9).path in mark


def test_the_style_sheet_has_both_pages():
    text = palette.style_variables()
    light, dark = text.split("@media")
    assert all(color in light for color in palette.SYSTEMS["light"])
    assert all(color in dark for color in palette.CURVES["dark"])
    assert all([f".c{number} " in dark for number in range(10)])
