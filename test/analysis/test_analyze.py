"""``sslse analyze`` from data directories to tables and plots."""

from __future__ import annotations

import csv
import json
import sys
import textwrap

import numpy as np
import pytest
import torch

from sslse.analysis.corpus import EnhancedCorpus
from sslse.analysis.layers import layer_distances
from sslse.cli.main import main


def rows_of(path):
    with open(path) as stream:
        return list(csv.DictReader(stream))


def is_png(path):
    return path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def command(sets, tmp_path, analysis, *options):
    arguments = ["--data", str(sets["noisy"]), "--out", str(tmp_path / "out"), "--taps", "8"]
    return main(["analyze", analysis, *arguments, *options])


@pytest.fixture
def enhanced(sets):
    return ["--enhanced", f"gentle={sets['gentle']}", "--enhanced", f"harsh={sets['harsh']}"]


def test_errors_tell_noise_from_artefacts(sets, enhanced, tmp_path):
    assert command(sets, tmp_path, "errors", *enhanced) == 0
    out = tmp_path / "out"
    means = {row["system"]: row for row in rows_of(out / "errors_mean.csv")}
    assert float(means["gentle"]["snr"]) == pytest.approx(6, abs=0.5)
    assert float(means["gentle"]["sar"]) > 40
    assert float(means["harsh"]["snr"]) > 20
    assert float(means["harsh"]["sar"]) == pytest.approx(8.3, abs=1)
    rows = rows_of(out / "errors.csv")
    assert len(rows) == 6 == len(json.loads((out / "errors.json").read_text()))
    assert is_png(out / "errors.png")
    assert command(sets, tmp_path, "errors", "--limit", "2") == 0  # the noisy audio itself
    assert [row["system"] for row in rows_of(out / "errors.csv")] == ["noisy", "noisy"]


def test_scaling_an_error_changes_what_is_heard(sets, enhanced, tmp_path, monkeypatch):
    (tmp_path / "deaf.py").write_text(
        textwrap.dedent("""
        import numpy as np
        from sslse.recognizers.base import Recognizer

        class Deaf(Recognizer):
            '''Hears both words of quiet audio and one of loud audio.'''
            sample_rate = 16000
            def recognize(self, waveforms):
                return ["go up" if np.std(w) < 0.0575 else "go" for w in waveforms]
        """)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    options = ["--recognizer", "deaf:Deaf", "--scales", "0,1,2"]
    assert command(sets, tmp_path, "scaling", *enhanced, *options) == 0
    sys.modules.pop("deaf")
    rows = rows_of(tmp_path / "out" / "scaling.csv")
    wer = {(r["system"], r["part"], float(r["scale"])): float(r["wer"]) for r in rows}
    assert wer["harsh", "artifact", 0.0] == 0
    assert wer["harsh", "artifact", 2.0] == pytest.approx(1 / 3, abs=1e-5)  # u1 and u2 are loud
    assert wer["gentle", "noise", 0.0] == 0 < wer["gentle", "noise", 2.0] == 0.5
    assert wer["gentle", "artifact", 0.0] == wer["gentle", "artifact", 1.0]
    sar = {
        float(r["scale"]): float(r["sar"])
        for r in rows
        if r["system"] == "harsh" and r["part"] == "artifact"
    }
    assert sar[2.0] == pytest.approx(sar[1.0] - 6.02, abs=0.01) and sar[0.0] == 100
    assert is_png(tmp_path / "out" / "scaling.png")


def test_scatter_joins_artefacts_and_word_errors(sets, enhanced, tmp_path):
    (tmp_path / "g").write_text("u0 go up\nu1 go up\nu2 go up\n")
    (tmp_path / "h").write_text("u0 go up\nu1 go\nu2\n")
    words = ["--words", f"gentle={tmp_path}/g", "--words", f"harsh={tmp_path}/h"]
    assert command(sets, tmp_path, "scatter", *enhanced, *words) == 0
    summary = {row["system"]: row for row in rows_of(tmp_path / "out" / "scatter_mean.csv")}
    assert float(summary["harsh"]["wer"]) == 0.5 and float(summary["gentle"]["wer"]) == 0
    assert float(summary["harsh"]["sar_wer_correlation"]) < -0.9
    assert is_png(tmp_path / "out" / "scatter.png")


def test_layers(sets, enhanced, tmp_path, upstream_folder):
    assert command(sets, tmp_path, "layers", *enhanced, "--upstream", str(upstream_folder)) == 0
    rows = rows_of(tmp_path / "out" / "layers.csv")
    assert [row["layer"] for row in rows] == [*"01234", *"01234"]
    assert all(0 < float(row["distance"]) < 3 for row in rows)
    assert is_png(tmp_path / "out" / "layers.png")


def test_layer_distance_equals_its_definition(sets, upstream_folder):
    import transformers

    from sslse.upstreams import load_upstream

    corpus = EnhancedCorpus(sets["noisy"], sets["harsh"])
    ours = layer_distances(load_upstream(upstream_folder).freeze(), corpus, 16000)
    preprocessor = transformers.Wav2Vec2FeatureExtractor.from_pretrained(upstream_folder)
    model = transformers.WavLMModel.from_pretrained(upstream_folder).eval()

    def states(wave):
        values = preprocessor(wave, sampling_rate=16000, return_tensors="pt").input_values
        with torch.no_grad():
            return model(values, output_hidden_states=True).hidden_states

    first = next(iter(corpus))
    pairs = zip(states(first.enhanced), states(first.clean), strict=True)
    expected = [float((a - b).norm() / b.norm()) for a, b in pairs]
    np.testing.assert_allclose(ours[0], expected, rtol=1e-3)
    same = [type(first)("u", first.clean, first.clean, first.clean, "")]
    assert not layer_distances(load_upstream(upstream_folder).freeze(), same, 16000).any()


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["errors", "--enhanced", "x"], "expected NAME=PATH"),
        (["errors", "--taps", "0"], "at least 1 tap"),
        (["scaling"], "needs --recognizer"),
        (["scaling", "--recognizer", "pocketsphinx", "--scales", "a"], "expected numbers"),
        (["scatter"], "needs --enhanced and --words"),
        (["layers"], "needs --upstream"),
        (["layers", "--upstream", "/none"], "no local folder"),
    ],
)
def test_what_is_missing_is_one_sentence(sets, tmp_path, capsys, arguments, sentence):
    assert command(sets, tmp_path, *arguments) == 1
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1


def test_sets_that_do_not_belong_together(sets, tmp_path, capsys):
    assert main(["analyze", "errors", "--data", str(sets["harsh"]), "--out", str(tmp_path)]) == 1
    assert "no spk1.scp" in capsys.readouterr().err
    scp = (sets["harsh"] / "wav.scp").read_text()
    (sets["harsh"] / "wav.scp").write_text(scp.replace("u0 ", "x0 ").replace("u1.wav", "u2.wav"))
    assert command(sets, tmp_path, "errors", "--enhanced", f"h={sets['harsh']}") == 1
    output = capsys.readouterr()
    assert "u1" in output.err and "must be of one length" in output.err
    assert "1 of 3 utterances" in output.out
