"""What pages say of files and of results is so."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ..pages import PAGES, ROOT, name

METHODS = sorted(ROOT.glob("docs/method_*.md"))
ROOMS = "sslse|egs|conf|utils|tools|test|bench|bin|docs"
# A reader writes these, following a guide.
MADE = re.compile(
    r"sslse/(criteria/l1|(downstream|systems)/snr)\.py|egs/(NAME|mycorpus)|.*/NN_name\.sh|"
    r"conf/(criterion/snr_l1|my_loss)\.yaml"
)
# Made by a run, not committed.
RUN = re.compile(r"egs/\w+/\w+/(exp|data)(/|$)")


def without_code(page: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", page, flags=re.S | re.M)


def lost_files(page: Path) -> list[str]:
    """Return what a page names and neither the checkout, its own folder nor a recipe has."""
    places = (ROOT, page.parent, ROOT / "egs/mini/sslmse")
    return [path for path in files_of(page.read_text()) if not any(map(path_in(path), places))]


def path_in(path: str) -> Callable[[Path], bool]:
    return lambda place: any(place.glob(path.rstrip("/")))


def files_of(page: str) -> list[str]:
    """Return the files of the project that the code spans of a page name."""
    spans = re.findall(r"`([^`\n]+)`", without_code(page))
    paths = [word for span in spans for word in re.findall(rf"(?<!\S)(?:{ROOMS})/[\w./*-]+", span)]
    return [path for path in paths if not MADE.match(path) and not RUN.match(path)]


def rows(page: str) -> list[list[str]]:
    """Return the cells of each row with a verdict; an empty first one is that of the row above."""
    found: list[list[str]] = []
    for line in re.findall(r"^\| *(.*?) *\|$", page, re.M):
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 7 and re.match(r"[+−]", cells[4]):
            found.append([cells[0] or found[-1][0], *cells[1:]])
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_named_files_exist(page):
    assert lost_files(page) == []


def test_a_lost_file_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "`sslse/none.py`, `conf/*.none`, `--x conf/*/*.yaml`, `egs/mini/sslmse/exp/x`\n"
        "```sh\ncat docs/none.md\n```\n"
    )
    assert lost_files(page) == ["sslse/none.py", "conf/*.none"]


@pytest.mark.parametrize("page", METHODS, ids=name)
def test_quoted_results_are_those_of_the_recipe(page):
    """Each row stands so in the first RESULTS.md that its page names."""
    text = page.read_text()
    results = page.parent / re.findall(r"\]\((\S*RESULTS\.md)\)", text)[0]
    quoted = rows(text)
    assert len(quoted) >= 3
    measured = rows(results.read_text())
    assert [row for row in quoted if row not in measured] == []


@pytest.mark.parametrize("page", METHODS, ids=name)
def test_a_method_is_told_in_five_parts(page):
    text = page.read_text()
    parts = re.findall(r"^## (.*)", text, re.M)
    assert parts == ["Idea", "Formula", "Where in the code", "Run it", "Result"]
    method = page.stem.removeprefix("method_")
    recipes = {path.parent for path in ROOT.glob(f"egs/[!T]*/{method}/run.sh")}
    links = re.findall(r"\]\((\.\./egs/[\w/]+)\)", text)
    linked = {(page.parent / link).resolve() for link in links}
    assert recipes == linked


def test_there_is_a_page_of_every_paper():
    methods = set()
    for path in (ROOT / "egs/TEMPLATE").glob("*.yaml"):
        if yaml.safe_load(path.read_text()).get("paper", {}).get("citation"):
            methods.add(path.stem)
    assert {page.stem.removeprefix("method_") for page in METHODS} == methods
