"""The site (mkdocs.yml) builds without a warning and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "*.md",
    "mkdocs.yml",
    "docs/*",
    "tools/docs_site.py",
    "egs/*/*/*.md",
    "sslse/models/*/*.md",
)
LOADED = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src"}

needs_mkdocs = pytest.mark.skipif(
    find_spec("material") is None, reason="no mkdocs-material (pip install 'sslse[docs]')"
)


def build(root: Path, site: Path) -> subprocess.CompletedProcess:
    """Build the site of a checkout; any warning is an error."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", site],
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},  # a note to maintainers, on every build
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


class Loaded(HTMLParser):
    """Addresses that a browser fetches by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in LOADED and values.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(values.get(LOADED[tag]) or "")


@needs_mkdocs
def test_every_page_is_built(site):
    for page in [*ROOT.glob("docs/*.md"), *ROOT.glob("egs/[!T]*/*/README.md")]:
        name = page.relative_to(ROOT).with_suffix(".html")
        if name.name == "README.html":
            name = name.with_name("index.html")
        assert (site / name).is_file()


@needs_mkdocs
def test_the_site_loads_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        parser = Loaded()
        parser.feed(page.read_text())
        assert len(parser.addresses) > 2
        for address in parser.addresses:
            assert not re.match(r"\w+:|//", address), f"{page.name} loads {address}"
    for style in site.rglob("*.css"):
        assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", style.read_text()), style


@needs_mkdocs
@pytest.mark.slow
@pytest.mark.parametrize(
    "page", ["index", "docs/results", "docs/method_sslmse", "docs/python", "egs/mini/sslmse/index"]
)
def test_everyone_can_read_the_site(page, site, look):
    """axe-core finds nothing serious; nothing is wider than a screen; no page asks the network."""
    for view in look(site / f"{page}.html"):
        assert not view["faults"] and not view["wide"], view
        assert not view["outside"] and not view["errors"], view


@needs_mkdocs
def test_lists_hold_the_code_that_belongs_to_them(site):
    page = (site / "docs/add_a_criterion.html").read_text()
    assert page.count("<ol>") == 1 and "```" not in page


@needs_mkdocs
@pytest.mark.parametrize(
    "change, warning",
    [
        (("docs/metrics.md", "\n[x](none.md)\n"), "none.md"),
        (("egs/mini/sslmse/README.md", "\n[x](../none)\n"), "../none"),
        (("docs/metrics.md", "\n[x](devices.md#none)\n"), "none"),
        (("docs/new.md", "# A page that no menu has\n"), "docs/new.md"),
    ],
)
def test_a_dead_link_and_a_lost_page_fail(change, warning, tmp_path):
    root = tmp_path / "root"
    for path in (path for pattern in PARTS for path in ROOT.glob(pattern)):
        (root / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / path.relative_to(ROOT))
    with (root / change[0]).open("a") as file:
        file.write(change[1])
    done = build(root, tmp_path / "site")
    assert done.returncode != 0 and warning in done.stderr


def test_the_menu_names_every_guide_once():
    text = (ROOT / "mkdocs.yml").read_text()
    menu = re.findall(r"^ +- .*: (docs/\S+)$", text, re.M)
    assert sorted(menu) == sorted(f"docs/{page.name}" for page in ROOT.glob("docs/*.md"))
    assert yaml.safe_load(text)["theme"]["font"] is False
