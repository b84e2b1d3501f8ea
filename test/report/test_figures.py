"""Charts, training curves, SNR bins, spectrograms, marked words."""

import base64
import io
import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.data.datadir import DataDir
from sslse.report.chart import HEIGHT, WIDTH, Series, line_chart
from sslse.report.curves import snr_bins, snr_charts, thin, training_charts
from sslse.report.examples import (
    PAGE_BYTES,
    align_words,
    choose,
    make_examples,
)
from sslse.report.media import audio_uri, spectrograms
from sslse.report.results import Results

VALUES = st.floats(-1e6, 1e6, allow_subnormal=False)


@settings(max_examples=25)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=9), st.booleans())
def test_points_lie_inside_the_frame_in_their_order(points, limited):
    x, y = zip(*sorted(points), strict=True)
    limits = (min(y), max(y)) if limited else None
    lines = [Series("a < b", x, y, marks=True)]
    chart = line_chart(lines, title="A & B", x_label="$x", y_label="y$", y_range=limits)
    figure = ElementTree.fromstring(chart)
    dots = [(float(dot.get("x")), float(dot.get("y"))) for dot in figure.iter("use")]
    assert len(dots) == len(points)
    assert all(0 <= left <= WIDTH and 0 <= top <= HEIGHT for left, top in dots)
    assert [left for left, _ in dots] == sorted(left for left, _ in dots)
    lowest, highest = (dots[y.index(value)][1] for value in (min(y), max(y)))
    assert lowest >= highest  # SVG counts downwards
    assert [dot.findtext("title") for dot in figure.iter("use")][0].startswith("a < b: ")


def test_a_value_beyond_the_limits_lies_on_them():
    lines = [Series("", [0, 1, 2, 3], [-3.0, 3.0, 100.0, -50.0], marks=True)]
    chart = line_chart(lines, title="", x_label="", y_label="", y_range=(-3, 3))
    first, second, above, below = (
        float(dot.get("y")) for dot in ElementTree.fromstring(chart).iter("use")
    )
    assert (above, below) == (second, first)
    assert line_chart([], title="", x_label="", y_label="") == ""


def test_the_style_sheet_colours_a_chart():
    lines = [Series(str(number), [0, 1], [0, number], number) for number in range(9)]
    chart = line_chart(lines, title="", x_label="x", y_label="y")
    strokes = [path.get("style") for path in ElementTree.fromstring(chart).iterfind(".//g/path")]
    assert all(f"--k{number})" in "".join(strokes) for number in range(8))
    assert "#" not in chart and "font-family" not in chart  # no colour and no font of its own


def test_the_same_points_are_the_same_bytes():
    charts = [
        line_chart([Series("a", [0, 1], [0, y], marks=True)], title="", x_label="", y_label="")
        for y in (1, 1, 2)
    ]
    assert charts[0] == charts[1]
    ids = [re.findall(r'id="(\w+)"', chart) for chart in charts]
    assert ids[0] and not set(ids[0]) & set(ids[2])  # charts of one page share no name


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
    noisy = ElementTree.fromstring(charts[0]).find(".//g[@data-row='noisy']")
    heights = [float(dot.get("y")) for dot in noisy.iter("use")]
    assert heights[0] < heights[-1]  # SVG counts downwards


def test_every_trained_system_has_its_loss_first(experiment, published):
    charts = training_charts(Results(experiment, "test", labels=published.labels))
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
    files, height = spectrograms({("a", ""): tone, ("b", ""): 0.01 * tone})
    assert height == 1
    level = {key: np.array(image.open(io.BytesIO(file))) for key, file in files.items()}
    row = level["a", ""].mean(1).argmax()
    assert row == pytest.approx(128 * (1 - 2000 / 8000), abs=1)
    assert level["a", ""].max() == 63
    # 40 dB less on the common scale of 70 dB.
    assert level["b", ""].max() == pytest.approx(63 * 30 / 70, abs=1)


def test_an_empty_upper_band_is_not_shown():
    image = pytest.importorskip("PIL.Image")
    time = np.arange(16000) / 16000
    files, height = spectrograms({("a", ""): np.sin(2 * np.pi * 3500 * time) * np.hanning(16000)})
    assert height == 0.5
    picture = image.open(io.BytesIO(files["a", ""]))
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


def test_words_are_aligned():
    words = [(kind, heard or said) for kind, heard, said in align_words("a b c d", "a c d <e>")]
    kinds = ["equal", "delete", "equal", "equal", "insert"]
    assert words == list(zip(kinds, ["a", "b", "c", "d", "<e>"], strict=True))
    assert align_words("", "") == []


@given(*[st.lists(st.sampled_from("abc"), max_size=6)] * 2)
def test_an_alignment_holds_both_texts(reference, hypothesis):
    words = align_words(" ".join(reference), " ".join(hypothesis))
    assert [said for *_, said in words if said] == reference
    assert [heard for _, heard, _ in words if heard] == hypothesis
    assert all((kind == "equal") == (heard == said) for kind, heard, said in words)
