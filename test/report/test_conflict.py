"""Statistics of gradient conflicts, by hand."""

from __future__ import annotations

from sslse.report.conflict import conflict_chart, conflict_statistics


def test_statistics_and_figure(tmp_path):
    for seed, rows in ((0, "0,0.5\n1,\n2,-0.5\n"), (1, "0,-0.25\n2,-0.75\n")):
        folder = tmp_path / f"seed{seed}" / "ft_grad"
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text("step,train/conflict_cosine\n" + rows)
    other = tmp_path / "seed0" / "se_pretrain"
    other.mkdir()
    (other / "metrics.csv").write_text("step,train/loss\n0,1\n")
    statistics = conflict_statistics(tmp_path)
    assert statistics == {"ft_grad": (-0.25, 0.75, 4)}
    figure = conflict_chart(tmp_path, {"ft_grad": "Joint-Grad"})
    assert figure.count("<polyline") == 2 and "Joint-Grad" in figure and "se_pretrain" not in figure
    assert conflict_chart(tmp_path / "nothing") == ""
