"""What a recipe's RESULTS.md says is what the committed scores of each utterance say."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from ..pages import ROOT

ARCHIVES = sorted(ROOT.glob("egs/*/*/scores.tar.xz"))


def said(page: str) -> str:
    """Return a page without the commands and versions that made it."""
    return page.partition("## Commands")[0]


@pytest.mark.slow
@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.parts[-3])
def test_the_committed_page_is_that_of_the_committed_scores(archive: Path, tmp_path):
    with tarfile.open(archive) as members:
        members.extractall(tmp_path, filter="data")
    recipe, committed = archive.parent, (archive.parent / "RESULTS.md").read_text()
    title = committed.splitlines()[0].removeprefix("# ")
    table = re.search(r"Table (\w+)$", title)
    method = ROOT / "egs/TEMPLATE" / f"{recipe.name}.yaml"
    subprocess.run(
        [
            *(sys.executable, "-m", "sslse.cli.main", "report"),
            *("--exp", tmp_path / "exp", "--set", "test", "--data", tmp_path / "data/test_noisy"),
            *("--method", method, "--extension", recipe / "conf/method.yaml"),
            *(("--table", table[1]) if table else ()),
            *("--remarks", recipe / "local/remarks.txt", "--title", title),
            *("--out", tmp_path / "report", "--markdown", tmp_path / "RESULTS.md"),
        ],
        check=True,
    )
    assert said((tmp_path / "RESULTS.md").read_text()) == said(committed)
