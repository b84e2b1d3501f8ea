"""Sentences follow from the numbers, in both directions."""

import json
import shutil

import pytest

from sslse.report.claims import HOLDS, OPEN, REVERSED, make_claims
from sslse.report.papers.sslmse import PAPER
from sslse.report.results import Results
from sslse.report.table import notes

A, B = ("ft_ssl_mse", False), ("ft_snr", False)


@pytest.fixture(scope="module")
def results(experiment):
    return Results(experiment, "test", labels=PAPER.labels)


def test_a_clear_difference_holds_and_its_reverse_is_reversed(results):
    claims = make_claims(results, [(A, B), (B, A)], [])
    assert [claim.verdict for claim in claims] == [HOLDS] * 3 + [REVERSED] * 3
    assert claims[0].comparison.difference == pytest.approx(-claims[3].comparison.difference)
    assert "is better than “SNR, as many steps”" in claims[0].sentence
    assert "is worse than “SNR + SSL-MSE”" in claims[3].sentence
    assert "in 3 of 3 seeds" in claims[0].sentence


def test_a_system_against_itself_is_open(results):
    (claim, *_) = make_claims(results, [(A, A)], [])
    assert claim.verdict == OPEN
    assert "The interval holds zero" in claim.sentence


def test_seeds_that_disagree_leave_a_certain_difference_open(experiment, tmp_path):
    shutil.copytree(experiment, tmp_path / "exp")
    shutil.rmtree(tmp_path / "exp/seed2/ft_ssl_mse")
    shutil.copytree(tmp_path / "exp/seed2/ft_snr", tmp_path / "exp/seed2/ft_ssl_mse")
    noisy = ("noisy", False)
    results = Results(tmp_path / "exp", "test", labels=PAPER.labels)
    (claim, *_, quality) = make_claims(results, [(A, B)], [(A, B, "sdr"), (A, noisy, "sdr")])
    assert claim.comparison.certain and claim.verdict == OPEN
    assert "in 2 of 3 seeds). The seeds disagree." in claim.sentence
    assert quality.verdict == "higher" and "in 3 of 3 seeds)." in quality.sentence


def test_every_recogniser_and_every_pair_that_was_scored(results):
    claims = make_claims(results, PAPER.better, PAPER.compared)
    words = [claim for claim in claims if claim.group == "task"]
    assert len(words) == 6 * 3
    assert {claim.column for claim in words} == {"wer_ssl", "wer_ssl_other", "wer_logmel"}
    assert make_claims(results, [(A, ("ft_unknown", False))], []) == []


def test_pairs_use_the_seeds_that_both_have(experiment, tmp_path):
    shutil.copytree(experiment, tmp_path / "exp")
    shutil.rmtree(tmp_path / "exp/seed2/ft_snr")
    (claim, *_) = make_claims(Results(tmp_path / "exp", "test"), [(A, B)], [])
    assert len(claim.comparison.per_seed) == 2


def test_a_column_of_one_seed_is_compared_over_that_seed(experiment, tmp_path):
    shutil.copytree(experiment, tmp_path / "exp")
    for path in tmp_path.glob("exp/seed[12]/*/decode_test/*/scores/summary.json"):
        summary = json.loads(path.read_text())
        del summary["wer_logmel"]
        path.write_text(json.dumps(summary))
    part = Results(tmp_path / "exp", "test", labels=PAPER.labels)
    claims = {claim.column: claim for claim in make_claims(part, [(A, B)], [])}
    assert [len(claims[c].comparison.per_seed) for c in ("wer_ssl", "wer_logmel")] == [3, 1]
    assert "Seed 0 only: columns WER logmel." in notes(part)
    assert part.common().seeds == [0]


def test_quality_says_higher_or_lower(results):
    noisy = ("noisy", False)
    (claim,) = make_claims(results, [], [(A, noisy, "sdr")])
    assert claim.verdict == "higher"
    assert claim.sentence.startswith("SDR (dB): “SNR + SSL-MSE” 10.")
