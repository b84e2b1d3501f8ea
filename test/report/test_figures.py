"""Charts, training curves, SNR bins, spectrograms, marked words."""

import base64
import io
import math
import re
import xml.etree.ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslse.data.datadir import DataDir
from sslse.report.chart import Series, line_chart, nice_ticks
from sslse.report.curves import read_curves, snr_bins, snr_charts, thin, training_charts
from sslse.report.examples import (
    PAGE_BYTES,
    audio_uri,
    choose,
    make_examples,
    mark_errors,
    spectrograms,
)
from sslse.report.papers.sslmse import PAPER
from sslse.report.results import Results


@given(st.floats(-1e4, 1e4), st.floats(0, 1e4))
def test_ticks_cover_the_range_and_are_few(low, span):
    ticks = nice_ticks(low, low + span)
    assert ticks[0] <= low + 1e-6 * max(1, abs(low), span)
    assert ticks[-1] >= low + span - 1e-6 * max(1, abs(low), span)
    assert 2 <= len(ticks) <= 12


def test_a_chart_is_wellformed_and_inside_its_frame():
    lines = [
        Series("a < b", [0, 5, 10], [-3.0, 2.5, 100.0], marks=True),
        Series("flat", [0, 10], [1, 1]),
    ]
    chart = line_chart(lines, title="A & B", x_label="x", y_label="y", y_range=(-3, 3))
    figure = xml.etree.ElementTree.fromstring(chart)
    points = [point for line in figure.iter("polyline") for point in line.get("points").split()]
    for point in points:
        x, y = map(float, point.split(","))
        assert 0 <= x <= 460 and 0 <= y <= 280
    assert line_chart([], title="", x_label="", y_label="") == ""
    assert "nan" not in chart


def test_curves_tolerate_empty_cells(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,epoch,train/loss,valid/loss\n0,0,1.5,\n1,0,,2.5\n2,0,nan,x\n3,0,1.0\n")
    assert read_curves(path) == {
        "train/loss": ([0.0, 3.0], [1.5, 1.0]),
        "valid/loss": ([1.0], [2.5]),
    }


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=700))
def test_thinning_keeps_the_range_of_means(values):
    x, y = thin(list(range(len(values))), values, 50)
    assert len(x) == len(y) <= 50
    assert min(values) - 1e-6 <= min(y) and max(y) <= max(values) + 1e-6


@given(st.dictionaries(st.text(min_size=1), st.floats(-5, 20), min_size=1), st.integers(1, 6))
def test_every_utterance_is_in_one_bin(snr_db, bins):
    groups = snr_bins(snr_db, bins)
    assert sorted(name for _, group in groups for name in group) == sorted(snr_db)
    assert [mean for mean, _ in groups] == sorted(mean for mean, _ in groups)


def test_word_errors_fall_with_the_snr(experiment):
    results = Results(experiment, "test")
    snr_db = dict(DataDir(experiment.parent / "data/test_noisy").utt2snr)
    charts = snr_charts(results, {**snr_db, next(iter(snr_db)): math.inf})  # clean speech
    assert len(charts) == 4
    noisy = re.search(r'data-row="noisy"><polyline points="([^"]+)"', charts[0])[1].split()
    heights = [float(point.split(",")[1]) for point in noisy]
    assert heights[0] < heights[-1]  # SVG counts downwards


def test_every_trained_system_has_its_loss_first(experiment):
    charts = training_charts(Results(experiment, "test", labels=PAPER.labels))
    assert [title for title, _ in charts][0] == "SNR, pre-training only (se_pretrain)"
    assert all("<figcaption>loss</figcaption>" in figures[0] for _, figures in charts)


def test_audio_is_the_same_samples_in_16_bits():
    soundfile = pytest.importorskip("soundfile")
    wave = np.array([0.0, 0.5, -1.0, 1.5, 1e-5])
    data = base64.b64decode(audio_uri(wave, 8000).split(",")[1])
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    assert rate == 8000 and samples.tolist() == [0, 16384, -32768, 32767, 0]


def test_a_tone_is_bright_at_its_frequency():
    image = pytest.importorskip("PIL.Image")
    tone = np.sin(2 * np.pi * 2000 * np.arange(16000) / 16000)
    noise = 1e-2 * np.random.default_rng(0).standard_normal(16000)
    tone = tone + noise  # reaches every frequency
    uris, height = spectrograms({("a", False): tone, ("b", False): 0.01 * tone})
    assert height == 1
    level = {
        key: np.array(image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))
        for key, uri in uris.items()
    }
    row = level["a", False].mean(1).argmax()
    assert row == pytest.approx(128 * (1 - 2000 / 8000), abs=1)
    assert level["a", False].max() == 63
    # 40 dB less on the common scale of 70 dB.
    assert level["b", False].max() == pytest.approx(63 * 30 / 70, abs=1)


def test_an_empty_upper_band_is_not_shown():
    image = pytest.importorskip("PIL.Image")
    time = np.arange(16000) / 16000
    uris, height = spectrograms({("a", False): np.sin(2 * np.pi * 3500 * time) * np.hanning(16000)})
    assert height == 0.5
    picture = image.open(io.BytesIO(base64.b64decode(uris["a", False].split(",")[1])))
    assert picture.size[1] == 64


def test_utterances_are_chosen_by_their_snr():
    snr_db = {f"u{i}": float(10 - i) for i in range(11)}
    assert choose(list(snr_db), snr_db, 3) == ["u10", "u5", "u0"]
    assert choose(["b", "a"], {}, 3) == ["a", "b"]
    assert choose(["b", "a"], {}, 1) == ["a"]


def test_examples_have_every_row_and_stay_small(experiment, monkeypatch):
    results = Results(experiment, "test")
    data = DataDir(experiment.parent / "data/test_noisy")
    examples = make_examples(results, data, dict(data.utt2snr), 3)
    assert [round(example.snr_db) for example in examples] == [0, 5, 10]
    assert all(len(example.clips) == len(results.rows) for example in examples)
    assert not any(example.cut for example in examples)
    monkeypatch.setattr("sslse.report.examples.PAGE_BYTES", PAGE_BYTES / 50)
    small = make_examples(results, data, dict(data.utt2snr), 3)
    assert all(example.cut for example in small)
    size = sum(len(clip.audio) for example in small for clip in example.clips)
    assert size < PAGE_BYTES / 50 * 1.05


def test_wrong_words_are_marked_and_escaped():
    marked = mark_errors("a b c d", "a c d <e>")
    assert marked == "a <del>b</del> c d <ins>&lt;e&gt;</ins>"
    assert mark_errors("", "") == "<i>nothing</i>"
