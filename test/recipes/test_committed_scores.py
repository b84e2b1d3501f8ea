"""What a recipe's RESULTS.md says is what the committed scores of each utterance say."""

from __future__ import annotations

import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from ..pages import ROOT

ARCHIVES = sorted(ROOT.glob("egs/*/*/scores.tar.xz"))


def said(page: str) -> str:
    """Return a page without the commands and versions that made it."""
    return re.split(r"^(?:## Commands|Versions:)", page, maxsplit=1, flags=re.M)[0]


@pytest.mark.parametrize("exp", ["exp", "exp/full"])
def test_an_archive_holds_scores_and_tables_and_nothing_that_is_large(tmp_path, exp):
    kept = {
        f"{exp}/seed0/noisy/decode_test/oa0/scores/sdr",
        f"{exp}/seed0/noisy/decode_test/oa0/hyp_ssl/text",
        f"{exp}/seed1/ft_snr/metrics.csv",
        f"{exp}/seed1/ft_snr/oa_valid.json",
        "data/test_noisy/text",
        "data/test_noisy/utt2snr",
        "data/test_noisy/wav.scp",
    }
    left = {
        f"{exp}/seed0/noisy/decode_test/oa0/scores/utterances.jsonl",
        f"{exp}/seed0/noisy/decode_test/oa0/wav/a.wav",
        f"{exp}/seed0/noisy/decode_valid/oa0/scores/sdr",
        f"{exp}/seed1/ft_snr/checkpoints/last.ckpt",
        "data/test_noisy/audio/a.wav",
        "data/train/text",
    }
    for path in kept | left:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("u 1\n")
    subprocess.run([ROOT / "utils/archive_scores.sh", tmp_path, exp], check=True)
    with tarfile.open(tmp_path / "scores.tar.xz") as members:
        assert set(members.getnames()) == {path.replace(f"{exp}/", "exp/") for path in kept}


@pytest.mark.slow
@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_the_committed_page_is_that_of_the_committed_scores(archive: Path, tmp_path):
    committed = (archive.parent / "RESULTS.md").read_text()
    title = committed.splitlines()[0].removeprefix("# ")
    table = re.search(r"Table (\w+)$", title)
    page = tmp_path / "RESULTS.md"
    command = [ROOT / "utils/report_scores.sh", archive.parent, "--title", title]
    command += ["--table", table[1]] if table else []
    subprocess.run([*command, "--out", tmp_path / "report", "--markdown", page], check=True)
    assert said(page.read_text()) == said(committed)


def test_a_recipe_without_an_archive_is_told_what_makes_one(tmp_path):
    ended = subprocess.run(
        [ROOT / "utils/report_scores.sh", tmp_path], capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert "has no scores.tar.xz; utils/archive_scores.sh makes one" in ended.stderr
