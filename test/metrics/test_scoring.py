"""Scoring a set: counts, reasons, resuming, and what is refused."""

import json
import shutil

import numpy as np
import pytest

import sslse.metrics.scoring as scoring
from sslse.audio.files import write_audio
from sslse.cli.main import main
from sslse.data.datadir import DataDir, write_table
from sslse.data.scp import Table
from sslse.data.spread import spread
from sslse.errors import ConfigError, DataError
from sslse.listening.key import Key
from sslse.listening.results import Results, Score, write_scores
from sslse.metrics.base import METRICS
from sslse.metrics.scores import read_column, read_summary
from sslse.metrics.scoring import score


def run(root, **options):
    options = {"enhanced": root / "wav.scp", "metrics": ["sdr", "si_sdr"], "nj": 1, **options}
    return score(root / "data", root / "scores", **options)


def tasks_of(monkeypatch):
    """The tasks that reach the pool, one list a call."""
    calls, pool = [], scoring.run_parallel

    def recorded(function, tasks, *rest, **options):
        calls.append([(task.utterance, task.metrics) for task in tasks])
        return pool(function, tasks, *rest, **options)

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


def columns(summary):
    return {name: entry for name, entry in summary.items() if name != "about"}


def test_columns_of_several_calls_are_those_of_one(scored_set, monkeypatch, capsys):
    """Also those that a killed call did not name."""
    hypotheses = {"ssl": scored_set / "hyp"}
    at_once = run(scored_set, hypotheses=hypotheses)
    failed = (scored_set / "scores/failed").read_text()
    for path in (scored_set / "scores").iterdir():
        path.unlink()
    run(scored_set, metrics=["sdr"])
    run(scored_set, metrics=[], enhanced=None, hypotheses=hypotheses)
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "write_summary", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(scored_set, metrics=["si_sdr"])
    assert not (scored_set / "scores/summary.json").exists()
    assert columns(run(scored_set, metrics=["si_sdr"])) == columns(at_once)
    assert (scored_set / "scores/failed").read_text() == failed
    assert read_summary(scored_set / "scores")["about"] == at_once["about"]
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    "changed, gone",
    [
        ("hyp", {"wer_ssl", "cer_ssl"}),
        ("wav.scp", {"sdr"}),
        ("enhanced/a.wav", {"sdr"}),
        ("scores/sdr", {"sdr"}),
        ("data/text", {"sdr", "wer_ssl", "cer_ssl"}),
        ("data/clean/a.wav", {"sdr", "wer_ssl", "cer_ssl"}),
        ("versions", {"sdr"}),
        ("no table", {"sdr"}),
        ("damaged", {"sdr", "wer_ssl", "cer_ssl"}),
    ],
)
def test_a_column_goes_with_what_it_was_made_from(scored_set, monkeypatch, capsys, changed, gone):
    run(scored_set, metrics=["sdr"], hypotheses={"ssl": scored_set / "hyp"})
    shutil.copy(scored_set / "hyp", scored_set / "hyp2")
    if changed == "versions":
        monkeypatch.setattr(scoring, "package_versions", lambda: {"scipy": "0.0"})
    elif changed == "no table":
        (scored_set / "wav.scp").write_text("a x\na y\n")
    elif changed == "damaged":
        (scored_set / "scores/summary.json").write_text("[1]")
    elif changed == "data/text":
        write_table(scored_set / changed, dict.fromkeys("abcd", "seven"))
    else:
        (scored_set / changed).unlink()
    hypotheses = {"other": scored_set / "hyp2"}
    summary = run(scored_set, metrics=[], enhanced=None, hypotheses=hypotheses)
    assert {"sdr", "wer_ssl", "cer_ssl"} - summary.keys() == gone
    note = capsys.readouterr().err
    assert "left out" in note
    assert changed == "damaged" or all(name in note for name in gone)


def test_what_listeners_said_stays_while_the_signals_do(scored_set, capsys):
    """A listening test cannot be scored again; it is about the wav.scp beside the scores."""
    key = Key("t", "p835", {"se": str(scored_set)}, {}, {}, {}, {})
    said = {"se": {"mos_ovrl": Score({"a": 4.0}, 4.0, 3.5, 4.5, 5)}}
    write_scores(Results(key, [], [], said))
    heard = read_summary(scored_set / "scores")["mos_ovrl"]
    assert run(scored_set, metrics=["sdr"])["mos_ovrl"] == heard
    write_table(scored_set / "data/text", {"a": "another"})
    assert run(scored_set, metrics=["snr"])["mos_ovrl"] == heard
    (scored_set / "enhanced/a.wav").unlink()
    with pytest.raises(DataError, match="no utterance could be scored for snr"):
        run(scored_set, metrics=["snr"])
    assert "mos_ovrl" not in read_summary(scored_set / "scores")
    assert "mos_ovrl" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        {"enhanced": None},
        {"enhanced": "no.scp"},
        {"enhanced": "other.scp"},
        {"hypotheses": {"ssl": "no"}},
        {"hypotheses": {"ssl": "data/nothing"}},
        {"trajectories": "no.scp"},
        {"metrics": ["dnsmos"], "max_utts": {"sdr": 1}},
        {"tasks": {"a": ("no", lambda data, path: Table(path) and {})}},
    ],
)
def test_a_call_that_is_refused_leaves_the_summary(scored_set, monkeypatch, wrong):
    write_table(scored_set / "other.scp", {"x": "x.wav"})
    monkeypatch.chdir(scored_set)
    complete = run(scored_set)
    with pytest.raises((DataError, ConfigError)):
        run(scored_set, **wrong)
    assert read_summary(scored_set / "scores") == json.loads(json.dumps(complete))


def test_listeners_wait_for_a_scoring_that_was_killed(scored_set, monkeypatch):
    """A summary of theirs alone would take the place of what the scoring had set aside."""
    complete = run(scored_set, metrics=["sdr"])
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "write_summary", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(scored_set, metrics=["si_sdr"])
    key = Key("t", "p835", {"se": str(scored_set)}, {}, {}, {}, {})
    said = {"se": {"mos_ovrl": Score({"a": 4.0}, 4.0, 3.5, 4.5, 5)}}
    with pytest.raises(DataError, match="scoring of .* was interrupted; run it again first"):
        write_scores(Results(key, [], [], said))
    assert run(scored_set, metrics=["si_sdr"])["sdr"] == complete["sdr"]
    write_scores(Results(key, [], [], said))


def test_a_limit_takes_a_choice_and_is_said(scored_set):
    chosen = spread(DataDir(scored_set / "data"), 3)
    summary = run(scored_set, max_utts={"si_sdr": 3})
    assert summary["si_sdr"]["limited_to"] == 3 and "a" in chosen
    assert summary["si_sdr"]["n_scored"] == 1 and summary["si_sdr"]["n_failed"] == 2
    failed = (scored_set / "scores/failed").read_text().splitlines()
    assert {line.split()[0] for line in failed if " si_sdr " in line} == {*chosen} - {"a"}
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
    assert main([*arguments, *more, "--hyp", f"ssl={scored_set / 'hyp'}"]) == 1
    assert main([*arguments, *more, "--allow-failed"]) == 0
    capsys.readouterr()
    assert main([*arguments, *more, "--hyp", f"ssl={scored_set / 'hyp'}"]) == 1
    out = capsys.readouterr().out
    assert "n scored 1, n failed 3" in out and "50.0%" in out
    assert main([*arguments, *more[:2], "--metrics", "loudness"]) == 1
    assert "no metric 'loudness'; known are sdr" in capsys.readouterr().err
    assert main(arguments) == 1
    assert "nothing to score" in capsys.readouterr().err


def test_scraps_and_constants_fail_alone_with_a_sentence(scored_set, speech):
    """6 ms, one sample and a constant have no STOI, SI-SDR or DNSMOS; the others are scored."""
    for name, samples in {"b": speech[2000:2096], "c": [0.5], "d": [0.25] * 8000}.items():
        for folder in ("data/clean", "enhanced"):
            write_audio(scored_set / folder / f"{name}.wav", np.array(samples), 16000)
    lines = (scored_set / "wav.scp").read_text() + f"d {scored_set}/enhanced/d.wav\n"
    (scored_set / "wav.scp").write_text(lines)
    write_audio(scored_set / "data/clean/a.wav", speech, 16000)
    write_audio(scored_set / "enhanced/a.wav", 0.5 * speech, 16000)
    names = ["si_sdr", "snr", "stoi", "estoi", "pesq", "seg_snr", "llr"]
    summary = run(scored_set, metrics=names)
    assert [summary[name]["n_failed"] for name in names] == [2, 2, 3, 3, 3, 3, 3]
    failed = (scored_set / "scores/failed").read_text()
    assert "b stoi STOI needs at least 30 frames" in failed
    assert "c si_sdr the clean signal is constant (one sample)" in failed
    assert "d snr the clean signal is constant (8000 equal samples)" in failed


def test_an_error_of_a_package_fails_its_utterance_alone(scored_set, monkeypatch):
    from sslse.metrics import ratios, utterance

    def broken(clean, enhanced, rate):
        raise IndexError("deep inside of a package")

    monkeypatch.setattr(ratios, "sdr", broken)
    utterance.open_reference(str(scored_set / "data"))
    task = utterance.Task("a", f"{scored_set}/enhanced/a.wav", "", ("sdr", "snr"))
    record = utterance.score_utterance(task)
    place = "(IndexError, in sslse/metrics/utterance.py)"
    assert record.failed == {"sdr": f"sdr failed: deep inside of a package {place}"}
    assert list(record.scores) == ["snr"]


def test_equal_signals_print_as_infinite(scored_set, capsys):
    arguments = ["score", "--reference", f"{scored_set}/data", "--out", f"{scored_set}/s"]
    arguments += ["--enhanced", f"{scored_set}/data/spk1.scp", "--metrics", "sdr"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "sdr                   ∞   n scored 4" in out
    assert read_summary(scored_set / "s")["sdr"]["mean"] == 100.0
    assert main(["compare", f"{scored_set}/s", f"{scored_set}/s"]) == 0
    assert "sdr                   ∞        ∞" in capsys.readouterr().out


def test_the_help_names_every_metric(capsys):
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for name, metric in METRICS.items():
        assert f"{name} ({metric.unit})" in said


def test_sets_without_words_are_compared_in_what_else_they_have(scored_set, capsys):
    (scored_set / "data/text").write_text("a\nb\nc\nd\n")
    (scored_set / "other").write_text("a\nb two\n")
    for name in ("hyp", "other"):
        hypotheses = {"r": scored_set / name}
        score(
            scored_set / "data",
            scored_set / f"s_{name}",
            enhanced=scored_set / "wav.scp",
            metrics=["sdr"],
            hypotheses=hypotheses,
            nj=1,
        )
    assert main(["compare", f"{scored_set}/s_hyp", f"{scored_set}/s_other"]) == 1
    out, err = capsys.readouterr()
    assert "hold no word" in out and "sdr" in out and "Warning" not in err
