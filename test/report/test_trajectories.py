"""Pictures of articulation in the page: what was measured, the worst and the best row."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from sslse.articulation.trajectories import write_trajectories
from sslse.audio.files import write_audio
from sslse.cli.main import main
from sslse.data.datadir import DataDir, write_datadir
from sslse.report.build import build_report
from sslse.report.results import Results
from sslse.report.trajectories import _standard, trajectory_examples

NAMES = ("LA", "TTCD")


@pytest.fixture
def experiment(tmp_path):
    """Four utterances and three systems whose error grows: ``good``, ``middling``, ``bad``."""
    rng = np.random.default_rng(0)
    data, waves, truth = tmp_path / "data" / "test_noisy", {}, {}
    for number in range(4):
        name = f"u{number}"
        waves[name] = str(tmp_path / f"{name}.wav")
        write_audio(waves[name], 0.1 * rng.standard_normal(16000), 16000)
        truth[name] = np.cumsum(rng.standard_normal((101, 2)), 0).astype(np.float32)
    truth["u1"][40:60, 0] = np.nan  # a pellet that was lost
    write_datadir(data, wav_scp=waves, utt2spk=dict.fromkeys(waves, "s"))
    (data / "utt2snr").write_text("".join(f"u{n} {5 * n}\n" for n in range(4)))
    write_trajectories(data / "tv.scp", data / "tv.ark", truth.items(), NAMES)
    for system, error in (("good", 0.1), ("middling", 1.0), ("bad", 5.0)):
        folder = tmp_path / "exp" / "seed0" / system / "decode_test" / "oa0"
        (folder / "tv").mkdir(parents=True)
        # Another order and another unit than the truth's.
        guesses = {
            name: (100 * np.nan_to_num(curve) + 100 * error * rng.standard_normal(curve.shape))[
                :, ::-1
            ].astype(np.float32)
            for name, curve in truth.items()
        }
        write_trajectories(
            folder / "tv" / "tv.scp", folder / "tv" / "tv.ark", guesses.items(), NAMES[::-1]
        )
        options = ["--tv", str(folder / "tv" / "tv.scp"), "--out", str(folder / "scores")]
        assert main(["score", "--reference", str(data), *options]) == 0
    return tmp_path / "exp"


def test_worst_and_best_are_drawn_for_utterances_from_lowest_to_highest_snr(experiment):
    data = DataDir(experiment.parent / "data" / "test_noisy")
    examples = trajectory_examples(Results(experiment, "test"), data, dict(data.utt2snr), 3)
    assert [example.utterance for example in examples] == ["u0", "u2", "u3"]
    for example in examples:
        kind, _, coded = example.picture.partition(",")
        assert kind == "data:image/png;base64"
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(coded))).convert("RGB"))
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200  # spectrogram and curves


def test_the_page_has_the_section_only_where_there_are_trajectories(experiment, tmp_path):
    build_report(experiment, "test", tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text()
    assert (
        page.count('alt="measured and predicted trajectories of ') == 3
        and "PPMC against the SNR" in page
    )
    (experiment.parent / "data" / "test_noisy" / "tv.scp").unlink()
    build_report(experiment, "test", tmp_path / "report")
    assert 'id="trajectories"' not in (tmp_path / "report" / "index.html").read_text()


def test_curves_are_standardised_over_the_frames_that_were_measured():
    curve = np.array([[1.0, 7.0], [3.0, 7.0], [99.0, 7.0]])
    missing = np.array([[False, False], [False, False], [True, False]])
    standard = _standard(curve, missing)
    np.testing.assert_allclose(standard, [[-1, 0], [1, 0], [np.nan, 0]])
