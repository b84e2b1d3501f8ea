"""Statistics of gradient conflicts, by hand, and their place in the report."""

from __future__ import annotations

import shutil

import pytest

from sslse.report.build import build_report
from sslse.report.conflict import conflict_chart, conflict_statistics, conflict_table
from sslse.report.results import Results

HEAD = "step,train/loss,train/conflict_cosine\n"


@pytest.fixture
def measured(experiment, tmp_path):
    """The experiment with four measured steps of one system in two seeds, one of them repeated."""
    shutil.copytree(experiment, tmp_path / "exp")
    for seed, rows in ((0, "0,3,0.5\n1,2,\n2,2,-0.5\n"), (1, "0,3,-0.25\n2,1,-0.75\n3,2,-0.75\n")):
        (tmp_path / f"exp/seed{seed}/ft_snr/metrics.csv").write_text(HEAD + rows)
    return tmp_path / "exp"


def test_statistics_and_figure(measured, experiment):
    assert conflict_statistics(measured) == {"ft_snr": (-0.25, 0.75, 4)}
    results = Results(measured, "test", labels={"ft_snr": "Joint-Grad"})
    assert conflict_table(results) == [("Joint-Grad", "−0.250", "75 %", "4")]
    figure = conflict_chart(results)
    assert (
        figure.count('class="series"') == 2 and "Joint-Grad" in figure and "ft_lmfb" not in figure
    )
    # Rows that the report leaves out are left out here, too.
    assert conflict_table(Results(measured, "test", ["ft_lmfb"])) == []
    assert conflict_chart(Results(experiment, "test")) == ""


def test_the_report_shows_conflicts_where_they_were_measured(measured, experiment, tmp_path):
    labels = {"ft_snr": "Joint-Grad"}
    report = build_report(measured, "test", tmp_path / "a", labels=labels, num_examples=0)
    page, text = report.page.read_text(), report.markdown.read_text()
    assert "## Conflict of the gradients" in text
    assert "| Joint-Grad | −0.250 | 75 % | 4 |" in text
    section = page.split('<section id="conflict">')[1].split("</section>")[0]
    for part in (
        "Joint-Grad</th><td>−0.250</td><td>75 %</td><td>4</td>",
        'class="series"',
        "<figure",
    ):
        assert part in section
    assert 'href="#conflict"' in page
    other = build_report(experiment, "test", tmp_path / "b", num_examples=0)
    assert "Conflict" not in other.page.read_text() + other.markdown.read_text()
