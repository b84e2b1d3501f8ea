"""The correlation that is reported, per utterance, variable and speaker."""

import numpy as np
import pytest
from scipy.stats import pearsonr

from sslse.articulation.trajectories import write_trajectories
from sslse.audio.files import write_audio
from sslse.cli.main import main
from sslse.data.datadir import write_datadir
from sslse.errors import DataError
from sslse.metrics.base import MetricFailure
from sslse.metrics.bootstrap import mean_interval
from sslse.metrics.correlation import ppmc
from sslse.metrics.scores import read_column, read_summary
from sslse.metrics.scoring import score

NAMES = ("LA", "LP")


@pytest.fixture
def sets(tmp_path, rng):
    """A reference with gaps, and estimates that name the variables in another order."""
    truth, estimates, wav, speakers = {}, {}, {}, {}
    for number in range(6):
        name = f"u{number}"
        values = rng.standard_normal((80 + number, 2))
        noisy = values + rng.standard_normal(values.shape)
        values[10:20, 1] = np.nan
        truth[name], estimates[name] = values.astype("f4"), noisy[:, ::-1].astype("f4")
        wav[name] = str(tmp_path / f"{name}.wav")
        write_audio(wav[name], np.zeros(160, np.float32), 16000)
        speakers[name] = f"s{number % 2}"
    write_datadir(tmp_path / "data", wav_scp=wav, utt2spk=speakers)
    write_trajectories(tmp_path / "data/tv.scp", tmp_path / "true.ark", truth.items(), NAMES)
    write_trajectories(tmp_path / "tv.scp", tmp_path / "tv.ark", estimates.items(), NAMES[::-1])
    return tmp_path, truth, estimates


def test_each_utterance_is_scipys(sets):
    folder, truth, estimates = sets
    score(folder / "data", folder / "scores", trajectories=folder / "tv.scp")
    for column, name in enumerate(NAMES):
        found = read_column(folder / "scores", f"ppmc_{name}")
        for utterance, values in truth.items():
            known = np.isfinite(values[:, column])
            wanted = pearsonr(
                values[known, column], estimates[utterance][known, 1 - column]
            ).statistic
            assert found[utterance][0] == pytest.approx(wanted, abs=1e-5)


def test_summary_has_speakers_pooled_frames_and_an_interval(sets):
    folder, _, _ = sets
    score(folder / "data", folder / "scores", trajectories=folder / "tv.scp")
    summary = read_summary(folder / "scores")
    values = [value for value, _ in read_column(folder / "scores", "ppmc").values()]
    entry = summary["ppmc"]
    assert entry["mean"] == pytest.approx(np.mean(values), abs=1e-5) and entry["n_scored"] == 6
    assert entry["low"] < entry["mean"] < entry["high"]
    assert entry["speakers"]["s0"] == pytest.approx(np.mean(values[0::2]), abs=1e-5)
    variables = [summary[f"ppmc_{name}"]["mean"] for name in NAMES]
    assert entry["mean"] == pytest.approx(np.mean(variables), abs=1e-5)
    # All utterances have one mean and deviation here, so pooling changes little.
    assert entry["pooled"] == pytest.approx(entry["mean"], abs=0.05)


def test_padding_is_not_scored(sets):
    folder, truth, estimates = sets
    longer = {
        name: np.pad(v, ((0, 1), (0, 0)), constant_values=99) for name, v in estimates.items()
    }
    score(folder / "data", folder / "a", trajectories=folder / "tv.scp")
    write_trajectories(folder / "tv.scp", folder / "tv.ark", longer.items(), NAMES[::-1])
    score(folder / "data", folder / "b", trajectories=folder / "tv.scp")
    assert read_column(folder / "a", "ppmc") == read_column(folder / "b", "ppmc")


def test_what_has_no_value_is_counted_and_named(sets, capsys):
    folder, truth, estimates = sets
    estimates["u1"] = estimates["u1"][:50]
    estimates["u2"] = np.ones_like(estimates["u2"])
    write_trajectories(folder / "tv.scp", folder / "tv.ark", estimates.items(), NAMES[::-1])
    command = ["score", "--reference", str(folder / "data"), "--tv", str(folder / "tv.scp")]
    assert main([*command, "--out", str(folder / "s")]) == 1
    capsys.readouterr()
    assert main([*command, "--out", str(folder / "s"), "--allow-failed"]) == 0
    printed = capsys.readouterr().out
    assert "n scored 4, n failed 2" in printed and "interval" in printed
    reasons = (folder / "s/failed").read_text()
    assert "u1 ppmc_LA 81 true and 50 estimated frames" in reasons
    assert "u2 ppmc_LP the target or the estimate is constant" in reasons


def test_other_variables_are_refused(sets):
    folder, _, estimates = sets
    write_trajectories(folder / "tv.scp", folder / "tv.ark", estimates.items(), ("X", "Y"))
    with pytest.raises(DataError, match="have no variable in common"):
        score(folder / "data", folder / "s", trajectories=folder / "tv.scp")


@pytest.mark.parametrize(
    ("target", "estimate", "reason"),
    [
        ([1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0], "constant"),
        ([1.0, 2.0, np.nan, np.nan], [1.0, 2.0, 3.0, 4.0], "2 frames are known"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "2 true and 3 estimated"),
    ],
)
def test_no_value_is_no_zero(target, estimate, reason):
    with pytest.raises(MetricFailure, match=reason):
        ppmc(np.array(target), np.array(estimate))


def test_interval_covers_the_mean_as_often_as_it_says(rng):
    hits = 0
    for _ in range(100):
        values = dict(enumerate(rng.standard_normal(40) + 1))
        low, high = mean_interval({str(k): v for k, v in values.items()}, num_resamples=400)
        hits += low < 1 < high
    assert 86 <= hits <= 100
