"""CITATION.cff has what the format needs, and the papers that the recipes cite."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import sslse

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def citation() -> dict:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text())


def test_required_keys(citation):
    """Of the format's version 1.2.0: https://github.com/citation-file-format."""
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0" and citation["version"] == sslse.__version__
    assert citation["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    for paper in citation["references"]:
        assert {"type", "title", "authors", "year"} <= set(paper)
        assert all({"family-names", "given-names"} == set(author) for author in paper["authors"])
        assert isinstance(paper["year"], int)


def test_the_papers_are_those_of_the_recipes(citation):
    references = citation["references"]
    cited = {(paper["authors"][0]["family-names"], paper["year"]) for paper in references}
    papers = set()
    for method in (ROOT / "egs/TEMPLATE").glob("*.yaml"):
        line = yaml.safe_load(method.read_text()).get("paper", {}).get("citation")
        if line:
            papers.add((line.split()[0], int(re.search(r"\b20\d\d\b", line).group())))
    assert cited == papers


def test_the_page_cites_the_same(citation):
    page = (ROOT / "docs/citation.md").read_text()
    entries = re.findall(r"^@\w+\{.*?^\}", page, re.S | re.M)
    assert len(entries) == 1 + len(citation["references"])
    for paper, entry in zip(citation["references"], entries[1:], strict=True):
        assert paper["title"] in entry and str(paper["year"]) in entry
        assert paper.get("doi", "") in entry
        assert all(author["family-names"] in entry for author in paper["authors"])
    assert f"{{{sslse.__version__}}}" in entries[0]
