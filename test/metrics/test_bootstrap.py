"""The paired bootstrap: known spreads, pooled seeds, pairing."""

import numpy as np
import pytest

from sslse.cli.main import main
from sslse.data.datadir import write_table
from sslse.errors import DataError
from sslse.metrics.bootstrap import Draws, mean_interval, paired_bootstrap
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


# ---- speakers, then utterances, with all their mixtures -------------------------------------


def a_set(rng, speakers=8, utterances=5, copies=3, between=1.0, within=0.3, noise=0.3):
    """Values of mixtures that share what speaker and utterance give them, and their groups."""
    values, groups = {}, {}
    for s in range(speakers):
        own = between * rng.standard_normal()
        for u in range(utterances + s % 3):
            level = own + within * rng.standard_normal()
            for c in range(copies):
                name = f"s{s}-u{u}-{c}"
                values[name] = (level + noise * rng.standard_normal(), 1.0)
                groups[name] = (f"s{s}", f"s{s}-u{u}")
    return values, groups


def directly(values, groups, draws, rng):
    """Means over draws of speakers and then utterances, by loops."""
    tree = {}
    for name, (speaker, source) in groups.items():
        tree.setdefault(speaker, {}).setdefault(source, []).append(values[name][0])
    speakers, means = list(tree), []
    for _ in range(draws):
        drawn = []
        for s in rng.integers(len(speakers), size=len(speakers)):
            own = list(tree[speakers[s]].values())
            for u in rng.integers(len(own), size=len(own)):
                drawn += own[u]
        means.append(np.mean(drawn))
    return np.array(means)


def test_speakers_and_utterances_are_drawn_as_by_loops():
    rng = np.random.default_rng(0)
    a, groups = a_set(rng)
    b = dict.fromkeys(a, (0.0, 1.0))
    result = paired_bootstrap([a], [b], lower_is_better=False, groups=groups)
    means = directly(a, groups, 4000, rng)
    expected = np.quantile(means, [0.025, 0.975])
    spread = expected[1] - expected[0]
    assert [result.low, result.high] == pytest.approx(expected, abs=0.06 * spread)
    assert result.probability == pytest.approx((means > 0).mean(), abs=0.03)
    assert result.speakers == 8 and result.utterances == len(a)
    assert mean_interval({name: value for name, (value, _) in a.items()}, groups) == pytest.approx(
        (result.low, result.high), abs=0.05 * spread
    )


def test_the_interval_is_wider_where_speakers_differ_and_more_mixtures_do_not_narrow_it():
    rng = np.random.default_rng(1)
    few, groups = a_set(rng, copies=1)
    many = {f"{name}-{c}": value for name, value in few.items() for c in range(20)}
    of_many = {f"{name}-{c}": group for name, group in groups.items() for c in range(20)}

    def width(values, groups):
        b = dict.fromkeys(values, (0.0, 1.0))
        result = paired_bootstrap(
            [values], [b], lower_is_better=False, groups=groups, num_resamples=4000
        )
        return result.high - result.low

    assert width(few, groups) > 1.5 * width(few, None)
    assert width(many, of_many) == pytest.approx(width(few, groups), rel=0.06)
    assert width(many, None) < 0.3 * width(many, of_many)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng, hits, naive = np.random.default_rng(2), 0, 0
    for _ in range(120):
        values, groups = a_set(rng, speakers=20, utterances=3, copies=2)
        plain = {name: value for name, (value, _) in values.items()}
        low, high = mean_interval(plain, groups, num_resamples=400)
        hits += low < 0 < high
        low, high = mean_interval(plain, num_resamples=400)
        naive += low < 0 < high
    assert 100 <= hits <= 120 and naive < hits - 20


def test_without_speakers_or_with_one_utterances_are_drawn():
    rng = np.random.default_rng(3)
    a, b = scores(rng.standard_normal(30)), scores(np.zeros(30))
    plain = paired_bootstrap([a], [b], lower_is_better=False)
    one = {name: ("only", name) for name in a}
    each = {name: (name, name) for name in a}
    partly = dict(list(each.items())[:-1])
    for groups, speakers in ((one, 1), (partly, 1), ({}, 1), (each, 30)):
        other = paired_bootstrap([a], [b], lower_is_better=False, groups=groups)
        assert (other.low, other.high) == pytest.approx((plain.low, plain.high), rel=0.05)
        assert other.speakers == speakers


def test_a_trial_is_drawn_with_the_utterance_that_is_tested():
    groups = {name: (name[0], name) for name in ("a1", "a2", "b1", "b2")}
    trials = ["a1|a2", "a1|b1", "a2|b1", "b1|b2"]
    times = Draws(trials, groups)(300, np.random.default_rng(0))
    assert (times[:, 1] == times[:, 2]).all() and (times[:, 1] != times[:, 3]).any()
    # Of b's utterances two are tested: both places go to them together.
    assert set((times[:, 1] + times[:, 3]).tolist()) == {0, 2, 4}


def test_scores_tell_who_belongs_together(scored_set, capsys):
    data = scored_set / "data"
    write_table(data / "utt2spk", {"a": "s", "b": "s", "c": "t", "d": "t"})
    write_table(data / "utt2source", {"a": "x", "b": "x", "c": "c", "d": "d"})
    for name in ("one", "two"):
        out = str(scored_set / name)
        hyp = f"ssl={scored_set}/hyp"
        main(["score", "--reference", str(data), "--out", out, "--hyp", hyp])
    assert (scored_set / "one/groups").read_text() == "a s x\nb s x\nc t c\nd t d\n"
    assert main(["compare", str(scored_set / "one"), str(scored_set / "two")]) == 0
    assert "drawn: 2 speakers, then their utterances" in capsys.readouterr().out
    (scored_set / "two/groups").unlink()
    assert main(["compare", str(scored_set / "one"), str(scored_set / "two")]) == 0
    assert "drawn: utterances (no speakers" in capsys.readouterr().out


def test_what_is_known_of_a_system_changes_no_number():
    rng = np.random.default_rng(2)
    a, b, c = ([scores(rng.integers(0, 4, 30)) for _ in range(2)] for _ in range(3))
    groups = {f"utt{i}": (f"s{i % 7}", f"utt{i}") for i in range(30)}
    known = {}
    for some in (groups, None):
        for first, second in ((a, b), (b, c), (a, c)):
            options = {"lower_is_better": True, "groups": some, "num_resamples": 200}
            expected = paired_bootstrap(first, second, **options)
            assert paired_bootstrap(first, second, **options, known=known) == expected
    assert len(known) == 2 * 3
