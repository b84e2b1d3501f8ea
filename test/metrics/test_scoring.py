"""Scoring a set: counts, reasons, resuming, and what is refused."""

import json

import numpy as np
import pytest

import sslse.metrics.scoring as scoring
from sslse.cli.main import main
from sslse.data.audio import write_audio
from sslse.errors import ConfigError, DataError
from sslse.metrics.scores import read_column, read_summary
from sslse.metrics.scoring import score


def run(root, **options):
    options = {"enhanced": root / "wav.scp", "metrics": ["sdr", "si_sdr"], "nj": 1, **options}
    return score(root / "data", root / "scores", **options)


def tasks_of(monkeypatch):
    """The tasks that reach the pool, one list a call."""
    calls, pool = [], scoring.run_parallel

    def recorded(function, tasks, *rest):
        calls.append([(task.utterance, task.metrics) for task in tasks])
        return pool(function, tasks, *rest)

    monkeypatch.setattr(scoring, "run_parallel", recorded)
    return calls


def test_a_failure_is_counted_and_listed_and_never_a_zero(scored_set):
    summary = run(scored_set)
    values = read_column(scored_set / "scores", "sdr")
    assert list(values) == ["a"]
    assert summary["sdr"] == {
        "mean": pytest.approx(values["a"][0], abs=1e-4),
        "n_scored": 1,
        "n_failed": 3,
    }
    failed = (scored_set / "scores/failed").read_text().splitlines()
    assert [line.split()[:2] for line in failed] == [
        [name, metric] for name in "bcd" for metric in ("sdr", "si_sdr")
    ]
    assert "silent" in failed[0] and "lengths differ" in failed[2] and "missing" in failed[4]


def test_words_are_counted_and_a_missing_hypothesis_is_no_error(scored_set):
    hypotheses = {"ssl": scored_set / "hyp"}
    summary = run(scored_set, metrics=[], enhanced=None, hypotheses=hypotheses)
    lines = (scored_set / "scores/wer_ssl").read_text().splitlines()
    assert lines == ["a 1 2", "b 1 1", "c 1 3"]
    assert summary["wer_ssl"] == {
        "errors": 3,
        "words": 6,
        "wer": 0.5,
        "n_scored": 3,
        "n_failed": 1,
    }
    assert summary["cer_ssl"]["characters"] == len("one two" + "three" + "four five six")
    assert read_summary(scored_set / "scores") == json.loads(json.dumps(summary))


def test_the_same_call_computes_nothing_again(scored_set, monkeypatch):
    first = run(scored_set)
    calls = tasks_of(monkeypatch)
    assert run(scored_set) == first
    assert calls == [[]]


def test_one_metric_more_adds_that_one(scored_set, monkeypatch):
    run(scored_set)
    calls = tasks_of(monkeypatch)
    summary = run(scored_set, metrics=["sdr", "snr"])
    assert calls == [[(name, ("snr",)) for name in "abc"]]
    assert summary["snr"]["n_scored"] == summary["sdr"]["n_scored"] == 1


def test_other_audio_makes_its_score_stale(scored_set, monkeypatch):
    run(scored_set)
    wave = 0.1 * np.random.default_rng(1).standard_normal(8000).astype(np.float32)
    write_audio(scored_set / "enhanced/b.wav", wave, 16000)
    calls = tasks_of(monkeypatch)
    assert run(scored_set)["sdr"]["n_scored"] == 2
    assert [name for name, _ in calls[0]] == ["b"]


def test_a_killed_scoring_continues(scored_set, monkeypatch):
    complete = run(scored_set)
    path = scored_set / "scores/utterances.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]) + lines[2][:20])  # killed while it wrote the second
    (scored_set / "scores/summary.json").unlink()
    calls = tasks_of(monkeypatch)
    assert run(scored_set) == complete
    assert [name for name, _ in calls[0]] == ["b", "c"]


def test_other_package_versions_discard_the_scores(scored_set, monkeypatch):
    run(scored_set)
    monkeypatch.setattr(scoring, "package_versions", lambda: {"scipy": "0.0"})
    calls = tasks_of(monkeypatch)
    run(scored_set)
    assert len(calls[0]) == 3


def test_a_limit_takes_the_first_and_is_said(scored_set):
    summary = run(scored_set, max_utts={"si_sdr": 1})
    assert summary["si_sdr"]["limited_to"] == 1
    assert summary["si_sdr"]["n_failed"] == 0
    assert summary["sdr"]["n_failed"] == 3 and "limited_to" not in summary["sdr"]


def test_nothing_scored_is_an_error_but_the_rest_is_written(scored_set):
    hypotheses = {"ssl": scored_set / "hyp"}
    (scored_set / "wav.scp").write_text(f"b {scored_set}/enhanced/b.wav\n")
    with pytest.raises(DataError, match="no utterance could be scored for sdr"):
        run(scored_set, hypotheses=hypotheses)
    assert read_summary(scored_set / "scores")["wer_ssl"]["n_scored"] == 3


def test_what_cannot_be_scored_is_refused(scored_set):
    with pytest.raises(ConfigError, match="--max-utts limits 'pesq'"):
        run(scored_set, max_utts={"pesq": 3})
    with pytest.raises(ConfigError, match="need --enhanced"):
        run(scored_set, enhanced=None)
    (scored_set / "wav.scp").write_text("other x.wav\n")
    with pytest.raises(DataError, match="no utterance in common"):
        run(scored_set)
    (scored_set / "data/spk1.scp").unlink()
    with pytest.raises(ConfigError, match="no spk1.scp; metrics without reference: dnsmos"):
        run(scored_set)


def test_the_number_of_jobs_does_not_change_the_files(scored_set):
    hypotheses = {"ssl": scored_set / "hyp"}
    run(scored_set, hypotheses=hypotheses)
    names = ["sdr", "si_sdr", "wer_ssl", "failed", "summary.json", "utterances.jsonl"]
    first = [(scored_set / "scores" / name).read_bytes() for name in names]
    score(
        scored_set / "data",
        scored_set / "again",
        enhanced=scored_set / "wav.scp",
        metrics=["sdr", "si_sdr"],
        hypotheses=hypotheses,
        nj=2,
    )
    assert [(scored_set / "again" / name).read_bytes() for name in names] == first


def test_the_command(scored_set, capsys):
    arguments = ["score", "--reference", str(scored_set / "data"), "--out", str(scored_set / "s")]
    more = ["--enhanced", str(scored_set / "wav.scp"), "--metrics", "snr", "--nj", "1"]
    assert main([*arguments, *more, "--hyp", f"ssl={scored_set / 'hyp'}"]) == 0
    out = capsys.readouterr().out
    assert "n scored 1, n failed 3" in out and "50.0%" in out
    assert main([*arguments, *more[:2], "--metrics", "loudness"]) == 1
    assert "no metric 'loudness'; the metrics are sdr" in capsys.readouterr().err
    assert main(arguments) == 1
    assert "nothing to score" in capsys.readouterr().err
