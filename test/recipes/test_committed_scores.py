"""What a recipe's RESULTS.md says is what the committed scores of each utterance say."""

from __future__ import annotations

import re
import shlex
import subprocess
import tarfile
from pathlib import Path

import pytest

from ..pages import ROOT

ARCHIVES = sorted(ROOT.glob("egs/*/*/scores.tar.xz"))


def said(page: str) -> str:
    """Return a page without the commands and versions that made it."""
    return re.split(r"^(?:## Commands|Versions:)", page, maxsplit=1, flags=re.M)[0]


@pytest.mark.parametrize("exp, data", [("exp", "data"), ("exp/full", "data/full")])
def test_an_archive_holds_scores_and_tables_and_nothing_that_is_large(tmp_path, exp, data):
    kept = {
        f"{exp}/seed0/noisy/decode_test/oa0/scores/sdr",
        f"{exp}/seed0/noisy/decode_test/oa0/hyp_ssl/text",
        f"{exp}/seed1/ft_snr/metrics.csv",
        f"{exp}/seed1/ft_snr/oa_valid.json",
        f"{exp}/full/seed0/noisy/decode_test/oa0/scores/sdr",
        f"{data}/test_noisy/text",
        f"{data}/test_noisy/utt2snr",
        f"{data}/test_noisy/wav.scp",
    }
    left = {
        f"{exp}/seed0/noisy/decode_test/oa0/scores/utterances.jsonl",
        f"{exp}/seed0/noisy/decode_test/oa0/wav/a.wav",
        f"{exp}/seed0/noisy/decode_valid/oa0/scores/sdr",
        f"{exp}/scores/exp/seed0/noisy/decode_test/oa0/scores/sdr",
        f"{exp}/seed1/ft_snr/checkpoints/last.ckpt",
        f"{data}/test_noisy/audio/a.wav",
        f"{data}/train/text",
    }
    for path in kept | left:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("u 1\n")
    subprocess.run([ROOT / "utils/archive_scores.sh", tmp_path, exp, "test", data], check=True)
    with tarfile.open(tmp_path / "scores.tar.xz") as members:
        assert set(members.getnames()) == {
            path.replace(f"{exp}/", "exp/").replace(f"{data}/", "data/") for path in kept
        }


def test_no_archive_is_replaced_by_one_without_scores(tmp_path):
    (tmp_path / "scores.tar.xz").write_text("earlier")
    (tmp_path / "data/test_noisy").mkdir(parents=True)
    (tmp_path / "data/test_noisy/text").write_text("u 1\n")
    command = [ROOT / "utils/archive_scores.sh", tmp_path, "no_such_exp"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "no_such_exp has no seed*" in ended.stderr and len(ended.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.glob("scores*")] == ["scores.tar.xz"]
    assert (tmp_path / "scores.tar.xz").read_text() == "earlier"


@pytest.mark.slow
@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_the_committed_pages_are_those_of_the_committed_scores(archive: Path, tmp_path):
    pages = re.split(r"^(?=# )", (archive.parent / "RESULTS.md").read_text(), flags=re.M)[1:]
    assert pages
    for number, page in enumerate(pages):
        options = shlex.split(re.search(r"^\./run\.sh (.*)", page, flags=re.M)[1])
        command = [ROOT / "utils/report_scores.sh", archive.parent, tmp_path / str(number)]
        subprocess.run([*command, *options], check=True)
        (made,) = (tmp_path / str(number)).rglob("RESULTS.md")
        assert said(made.read_text()) == said(page)


@pytest.mark.parametrize(
    "archived, complaint",
    [
        (False, "has no scores.tar.xz; utils/archive_scores.sh makes one"),
        (True, "is there already; name a new folder, or remove it first"),
    ],
)
def test_scores_that_cannot_be_reported_are_one_sentence(archived, complaint, tmp_path):
    if archived:
        (tmp_path / "scores.tar.xz").touch()
    command = [ROOT / "utils/report_scores.sh", tmp_path, tmp_path]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 1
    assert complaint in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
