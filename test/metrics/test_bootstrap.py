"""The paired bootstrap: known spreads, pooled seeds, pairing."""

import numpy as np
import pytest

from sslse.cli.main import main
from sslse.errors import DataError
from sslse.metrics.bootstrap import paired_bootstrap
from sslse.metrics.scores import write_summary, write_values


def scores(values):
    return {f"utt{i}": (float(value), 1.0) for i, value in enumerate(values)}


def test_the_interval_is_that_of_a_mean_of_differences():
    rng = np.random.default_rng(0)
    shared = 10 * rng.standard_normal(400)  # large, and cancelled by the pairing
    a, b = shared + 0.5 + rng.standard_normal(400), shared
    result = paired_bootstrap([scores(a)], [scores(b)], lower_is_better=False)
    half = 1.96 * np.std(a - b, ddof=1) / 20
    assert result.difference == pytest.approx((a - b).mean())
    assert (result.high - result.low) / 2 == pytest.approx(half, rel=0.05)
    assert result.certain and result.probability > 0.999


def test_swapping_the_systems_mirrors_the_result():
    rng = np.random.default_rng(1)
    a, b = scores(rng.standard_normal(30)), scores(rng.standard_normal(30))
    one = paired_bootstrap([a], [b], lower_is_better=True)
    two = paired_bootstrap([b], [a], lower_is_better=True)
    assert (one.difference, one.low, one.high) == pytest.approx(
        (-two.difference, -two.high, -two.low)
    )
    assert one.probability == pytest.approx(1 - two.probability)


def test_equal_systems_are_a_toss():
    a = scores(np.arange(20))
    result = paired_bootstrap([a], [a], lower_is_better=True)
    assert (result.low, result.high, result.probability) == (0, 0, 0.5)
    assert not result.certain


def test_error_rates_weigh_utterances_by_their_words():
    a = {"long": (10.0, 100.0), "short": (1.0, 1.0)}
    b = {"long": (0.0, 100.0), "short": (1.0, 1.0)}
    result = paired_bootstrap([a], [b], lower_is_better=True)
    assert (result.a, result.b) == pytest.approx((11 / 101, 1 / 101))


def test_seeds_are_pooled_and_shown():
    a, b = [scores([1, 2, 3]), scores([3, 4, 5])], [scores([2, 2, 2]), scores([2, 2, 2])]
    result = paired_bootstrap(a, b, lower_is_better=False)
    assert result.per_seed == pytest.approx((0.0, 2.0))
    assert result.difference == pytest.approx(1.0)
    one_seed = paired_bootstrap([scores([2, 3, 4])], [scores([2, 2, 2])], lower_is_better=False)
    assert (result.low, result.high) == pytest.approx((one_seed.low, one_seed.high))


def test_only_common_utterances_count_and_the_others_are_said():
    a, b = scores([1, 2, 3]), scores([1, 2])
    result = paired_bootstrap([a], [b], lower_is_better=False)
    assert (result.utterances, result.left_out, result.difference) == (2, 1, 0)


def test_what_cannot_be_paired_is_refused():
    a = scores([1, 2])
    with pytest.raises(DataError, match="as many seeds"):
        paired_bootstrap([a, a], [a], lower_is_better=True)
    with pytest.raises(DataError, match="in common"):
        paired_bootstrap([a], [{"other": (1.0, 1.0)}], lower_is_better=True)


def test_the_command_pools_seeds(tmp_path, capsys):
    for system, errors in (("a", 1.0), ("b", 2.0)):
        for seed in range(2):
            folder = tmp_path / f"{system}{seed}"
            write_values(folder / "wer_ssl", {f"u{i}": (errors, 4.0) for i in range(9)})
            write_summary(folder / "summary.json", {"wer_ssl": {"n_scored": 9}, "about": {}})
    folders = [str(tmp_path / name) for name in ("a0", "a1", "b0", "b1")]
    assert main(["compare", *folders[:2], "--to", *folders[2:]]) == 0
    line = capsys.readouterr().out.splitlines()[1].split()
    assert line[:4] == ["wer_ssl", "25.000", "50.000", "-25.000"]
    assert "1.000" in line and "seeds:" in line
    assert main(["compare", *folders[:3]]) == 1
    assert "cannot be paired" in capsys.readouterr().err
    assert main(["compare", folders[0], folders[2], "--metrics", "sdr"]) == 1
    assert "has no 'sdr'; it has wer_ssl" in capsys.readouterr().err
