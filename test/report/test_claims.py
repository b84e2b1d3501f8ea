"""Verdicts follow from the numbers, in both directions."""

import json
import re
import shutil

import pytest

from sslse.report.build import build_report
from sslse.report.claims import HEADS, HOLDS, OPEN, REVERSED, claim_table, make_claims
from sslse.report.paper import paper_lines
from sslse.report.results import Results
from sslse.report.table import notes, text_table

A, B = ("ft_ssl_mse", ""), ("ft_snr", "")


@pytest.fixture(scope="module")
def results(experiment, published):
    return Results(experiment, "test", labels=published.labels)


def test_a_clear_difference_holds_and_its_reverse_is_reversed(results):
    claims = make_claims(results, [(A, B), (B, A)], [])
    assert [claim.verdict for claim in claims] == [HOLDS] * 3 + [REVERSED] * 3
    assert claims[0].comparison.difference == pytest.approx(-claims[3].comparison.difference)
    assert claims[0].text == "“SNR + SSL-MSE” better than “SNR, as many steps”"
    assert claims[0].values == claims[3].values[::-1]
    assert claims[0].seeds == claims[3].seeds == "3 of 3"


def test_no_better_holds_where_the_first_is_worse(results):
    """What a paper found not to help; a pair may be about some columns alone."""
    claims = make_claims(results, [], [], not_better=[(B, A, "wer_ssl*"), (A, B, "wer_logmel")])
    assert [claim.column for claim in claims] == ["wer_ssl", "wer_ssl_other", "wer_logmel"]
    assert [claim.verdict for claim in claims] == [HOLDS, HOLDS, REVERSED]
    assert claims[0].text == "“SNR, as many steps” no better than “SNR + SSL-MSE”"


def test_a_system_against_itself_is_open(results):
    (claim, *_) = make_claims(results, [(A, A)], [])
    assert claim.verdict == OPEN
    assert claim.difference == "+0.0" and claim.interval == "[+0.0, +0.0]"


def test_seeds_that_disagree_leave_a_certain_difference_open(experiment, tmp_path, published):
    shutil.copytree(experiment, tmp_path / "exp")
    shutil.rmtree(tmp_path / "exp/seed2/ft_ssl_mse")
    shutil.copytree(tmp_path / "exp/seed2/ft_snr", tmp_path / "exp/seed2/ft_ssl_mse")
    noisy = ("noisy", "")
    results = Results(tmp_path / "exp", "test", labels=published.labels)
    (claim, *_, quality) = make_claims(results, [(A, B)], [(A, B, "sdr"), (A, noisy, "sdr")])
    assert claim.comparison.certain and claim.verdict == OPEN
    assert claim.seeds == "2 of 3"
    assert quality.verdict == "higher" and quality.seeds == "3 of 3"


def test_a_recogniser_that_errs_on_clean_speech_makes_no_claim(experiment, tmp_path, published):
    shutil.copytree(experiment, tmp_path / "exp")
    for path in tmp_path.glob("exp/seed*/clean/decode_test/oa0/scores/summary.json"):
        summary = json.loads(path.read_text())
        entry = summary["wer_logmel"]
        entry["errors"] = round(0.9 * entry["words"])
        path.write_text(json.dumps(summary))
    out = tmp_path / "report"
    report = build_report(tmp_path / "exp", "test", out, paper=published, num_examples=0)
    results = report.results
    assert results.doubtful == pytest.approx({"wer_logmel": 0.9})
    claims = make_claims(results, [(A, B)], [(A, B, "wer_logmel"), (A, B, "sdr")])
    assert [claim.column for claim in claims] == ["wer_ssl", "wer_ssl_other", "sdr"]
    for text in (text_table(results, report.grids[0]), report.markdown.read_text()):
        assert re.search(r"WER logmel[^|]*\(not credible\)", text)
    words = re.sub("<[^>]*>", "", report.page.read_text())  # heads break between words
    assert "WER logmel (not credible)" in " ".join(words.split())
    assert "beyond 30 % errors on clean speech: WER logmel" in report.markdown.read_text()
    assert "beyond 30 % errors on clean speech" in report.page.read_text()
    assert not any("logmel" in line[2] for line in paper_lines(results, published))
    other = Results(tmp_path / "exp", "test", most_clean_errors=0.95)
    assert not other.doubtful and len(make_claims(other, [(A, B)], [])) == 3


def test_every_recogniser_and_every_pair_that_was_scored(results, published):
    claims = make_claims(results, published.better, published.compared)
    words = [claim for claim in claims if claim.expected]
    assert len(words) == 6 * 3
    assert {claim.column for claim in words} == {"wer_ssl", "wer_ssl_other", "wer_logmel"}
    assert make_claims(results, [(A, ("ft_unknown", ""))], []) == []


def test_pairs_use_the_seeds_that_both_have(experiment, tmp_path):
    shutil.copytree(experiment, tmp_path / "exp")
    shutil.rmtree(tmp_path / "exp/seed2/ft_snr")
    (claim, *_) = make_claims(Results(tmp_path / "exp", "test"), [(A, B)], [])
    assert len(claim.comparison.per_seed) == 2


def test_a_column_of_one_seed_is_compared_over_that_seed(experiment, tmp_path, published):
    shutil.copytree(experiment, tmp_path / "exp")
    for path in tmp_path.glob("exp/seed[12]/*/decode_test/*/scores/summary.json"):
        summary = json.loads(path.read_text())
        del summary["wer_logmel"]
        path.write_text(json.dumps(summary))
    part = Results(tmp_path / "exp", "test", labels=published.labels)
    claims = {claim.column: claim for claim in make_claims(part, [(A, B)], [])}
    assert [len(claims[c].comparison.per_seed) for c in ("wer_ssl", "wer_logmel")] == [3, 1]
    assert "Seed 0 only: columns WER logmel." in notes(part)
    assert part.common().seeds == [0]


def test_quality_says_higher_or_lower(results):
    noisy = ("noisy", "")
    (claim,) = make_claims(results, [], [(A, noisy, "sdr")])
    assert claim.verdict == "higher"
    assert claim.text == "“SNR + SSL-MSE” against “noisy (no SE)”"
    assert claim.measure == "SDR dB" and claim.values[0].startswith("10.")


def test_a_line_of_the_table_is_a_claim_and_names_its_pair_once(results):
    claims = make_claims(results, [(A, B), (B, A)], [])
    lines = claim_table(claims)
    assert [bool(line[0]) for line in lines] == [True, False, False] * 2
    for line, claim in zip(lines, claims, strict=True):
        assert len(line) == len(HEADS)
        first, second = (float(value.replace("−", "-")) for value in claim.values)
        difference, low, high = (
            float(number) for number in re.findall(r"[-+][\d.]+", line[4].replace("−", "-"))
        )
        assert difference == pytest.approx(first - second, abs=0.11)  # each is rounded
        assert low <= difference <= high
        assert line[-1] == claim.verdict
