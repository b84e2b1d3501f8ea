"""``sslse analyze`` from data directories to tables."""

from __future__ import annotations

import csv
import sys
import textwrap

import numpy as np
import pytest
import torch

from sslse.analysis.corpus import EnhancedCorpus
from sslse.analysis.layers import layer_distances
from sslse.cli.main import main


def command(sets, tmp_path, analysis, enhanced, *options):
    arguments = ["--data", str(sets["noisy"]), "--out", str(tmp_path / "out" / enhanced)]
    arguments += [] if analysis == "layers" else ["--taps", "8"]
    arguments += [] if enhanced == "noisy" else ["--enhanced", str(sets[enhanced] / "wav.scp")]
    return main(["analyze", analysis, *arguments, *options])


def columns_of(path):
    with open(path) as stream:
        rows = list(csv.DictReader(stream))
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_errors_tell_noise_from_artefacts(sets, tmp_path):
    means = {}
    for name in ("noisy", "gentle", "harsh"):
        assert command(sets, tmp_path, "errors", name) == 0
        columns = columns_of(tmp_path / "out" / name / "errors.csv")
        assert columns.pop("utterance") == ["u0", "u1", "u2"]
        means[name] = {key: np.mean(np.float64(values)) for key, values in columns.items()}
    assert means["noisy"]["snr"] == pytest.approx(0, abs=0.5) and means["noisy"]["sar"] > 40
    assert means["gentle"]["snr"] == pytest.approx(6, abs=0.5) and means["gentle"]["sar"] > 40
    assert means["harsh"]["sar"] == pytest.approx(8.3, abs=1) and means["harsh"]["snr"] > 20
    assert command(sets, tmp_path, "errors", "noisy", "--limit", "2") == 0
    assert columns_of(tmp_path / "out" / "noisy" / "errors.csv")["utterance"] == ["u0", "u1"]


def test_scaling_an_error_changes_what_is_heard(sets, tmp_path, monkeypatch):
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
    wer = {}
    for name in ("gentle", "harsh"):
        options = ["--recognizer", "deaf:Deaf", "--scales", "0,1,2"]
        assert command(sets, tmp_path, "scaling", name, *options) == 0
        wer[name] = columns_of(tmp_path / "out" / name / "scaling.csv")
        assert wer[name].pop("scale") == ["0.0", "1.0", "2.0"]
        # A factor of 1 is the enhanced speech as it is, whichever part has it.
        assert wer[name]["noise_wer"][1] == wer[name]["artifact_wer"][1]
    sys.modules.pop("deaf")
    harsh, gentle = ({k: np.float64(v) for k, v in wer[n].items()} for n in ("harsh", "gentle"))
    assert harsh["artifact_wer"][0] == 0
    assert harsh["artifact_wer"][2] == pytest.approx(100 / 3)  # u1 and u2 are loud
    assert gentle["noise_wer"][0] == 0 < gentle["noise_wer"][2] == 50
    assert gentle["artifact_wer"][0] == gentle["artifact_wer"][1]  # it has no artefacts


def test_layers(sets, tmp_path, upstream_folder):
    for name in ("noisy", "harsh"):
        assert command(sets, tmp_path, "layers", name, "--upstream", str(upstream_folder)) == 0
        columns = columns_of(tmp_path / "out" / name / "layers.csv")
        assert columns["layer"] == [*"01234"]
        assert all(0 < float(distance) < 3 for distance in columns["distance"])


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
        (["errors", "--enhanced", "x"], "no data directory x"),
        (["errors", "--taps", "0"], "at least 1 tap"),
        (["layers", "--upstream", "/none"], "no local folder"),
    ],
)
def test_what_is_missing_is_one_sentence(sets, tmp_path, capsys, arguments, sentence):
    analysis, *options = arguments
    assert command(sets, tmp_path, analysis, "noisy", *options) == 1
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1


@pytest.mark.parametrize("analysis, option", [("scaling", "recognizer"), ("layers", "upstream")])
def test_each_analysis_has_its_own_options(sets, tmp_path, capsys, analysis, option):
    with pytest.raises(SystemExit, match="2"):
        command(sets, tmp_path, analysis, "noisy")
    assert f"required: --{option}" in capsys.readouterr().err


def test_sets_that_do_not_belong_together(sets, tmp_path, capsys):
    assert main(["analyze", "errors", "--data", str(sets["harsh"]), "--out", str(tmp_path)]) == 1
    assert "no spk1.scp" in capsys.readouterr().err
    scp = (sets["harsh"] / "wav.scp").read_text()
    (sets["harsh"] / "wav.scp").write_text(scp.replace("u0 ", "x0 ").replace("u1.wav", "u2.wav"))
    assert command(sets, tmp_path, "errors", "harsh") == 1
    output = capsys.readouterr()
    assert "u1" in output.err and "must be of one length" in output.err
    assert "1 of 3 utterances" in output.out
