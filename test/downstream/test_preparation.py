"""What a head does to waveforms before its upstream hears them: alike in training and in use."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sslse.audio.files import write_audio
from sslse.audio.silence import remove_silence
from sslse.data.datadir import DataDir, write_datadir
from sslse.data.draws import Draw
from sslse.data.utterance_dataset import UtteranceDataset
from sslse.downstream.multi_task import MultiTaskModel
from sslse.downstream.preparation import Preparation
from sslse.errors import ConfigError
from sslse.recognizers.heads import EmbeddingRecognizer
from sslse.systems.multi_task import MultiTaskSystem
from sslse.systems.verification import Verification
from sslse.upstreams import load_upstream

RATE = 16000
PAUSE = np.zeros(RATE // 2, np.float32)


def voice(seconds, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(int(RATE * seconds)).astype("float32")


@pytest.fixture
def spoken(tmp_path):
    """Two utterances of 1.5 s of speech with pauses, and one that is little else than a pause."""
    waves = {
        "long": np.concatenate([PAUSE, voice(0.5), PAUSE, voice(1.0, 1), PAUSE]),
        "other": np.concatenate([voice(1.5, 2), PAUSE, PAUSE, PAUSE]),
        "pause": np.concatenate([voice(0.3, 3), *[PAUSE] * 5]),
    }
    for name, wave in waves.items():
        write_audio(tmp_path / f"{name}.wav", wave, RATE)
    files = {name: str(tmp_path / f"{name}.wav") for name in waves}
    write_datadir(tmp_path / "data", wav_scp=files, utt2spk={name: name for name in files})
    return DataDir(tmp_path / "data")


def test_gain_comes_before_the_threshold_and_silence_stays_whole():
    prepare = Preparation(gain_db=-3.0, remove_silence=True)
    quiet = np.full(8000, 0.00135, np.float32)  # 0.0956 % of full scale after 3 dB less
    assert (
        np.allclose(prepare(quiet, RATE), 0.7079458 * quiet) and len(prepare(quiet, RATE)) == 8000
    )
    wave = np.concatenate([voice(0.5), quiet, voice(0.5, 1)])
    assert len(prepare(wave, RATE)) < 17000 and len(remove_silence(wave, RATE)) > 23900
    assert prepare(wave, RATE).dtype == np.float32
    assert not Preparation() and prepare


def test_crops_are_of_what_is_left(spoken):
    prepare = Preparation(-3.0, remove_silence=True)
    data = UtteranceDataset(
        spoken,
        lambda name, start, count: {"name": name},
        crop_seconds=1.0,
        min_seconds=1.0,
        prepare=prepare,
    )
    whole = {name: prepare(spoken.load(name)[0], RATE) for name in spoken.utterances}
    for index, name in enumerate(spoken.utterances):
        np.testing.assert_array_equal(data[index]["waveform"].numpy(), whole[name])
    seen = set()
    for number in range(30):
        item = data[Draw(number % 3, number)]
        again = data[Draw(number % 3, number)]
        crop = item["waveform"].numpy()
        assert again["name"] == item["name"] and np.array_equal(again["waveform"].numpy(), crop)
        assert len(crop) == RATE
        windows = np.lib.stride_tricks.sliding_window_view(whole[item["name"]], RATE)
        assert (windows[:, :50] == crop[:50]).all(1).any()
        seen.add(item["name"])
    assert seen == {"long", "other"}  # the pause is too short without its silence


def test_verification_hears_what_training_heard(upstream_folder, tmp_path):
    torch.manual_seed(0)
    head = {"head": "speaker", "num_speakers": 2, "hidden_size": 6, "pooled_size": 7}
    head |= {"gain_db": -3.0, "remove_silence": True}
    source = str(upstream_folder)
    frozen = load_upstream(source).freeze()
    model = MultiTaskModel(frozen, {"speaker": head}, normalize_level=False, source=source).eval()
    model.save_pretrained(tmp_path / "downstream")
    recognizer = EmbeddingRecognizer(tmp_path)
    wave = np.concatenate([PAUSE, voice(0.5), PAUSE, voice(0.6, 1)])
    (said,) = recognizer.transcribe([wave], RATE)
    prepared = torch.from_numpy(model.heads["speaker"].preparation(wave, RATE))[None]
    assert prepared.shape[1] < 1.3 * RATE < len(wave)
    with torch.no_grad():
        expected = model(prepared).outputs["speaker"][0]
    found = torch.tensor([float(value) for value in said.strip("[ ]").split()])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    # A training of that head gives its data the same.
    system = Verification(source, {k: head[k] for k in ("gain_db", "remove_silence")})
    system.build_head(num_speakers=2)
    assert system.preparation == recognizer.head.preparation == Preparation(-3.0, True)


def test_a_head_beside_others_hears_what_they_hear(upstream_folder):
    head = {"head": "speaker", "num_speakers": 2, "remove_silence": True}
    with pytest.raises(ConfigError, match="model.heads.who: gain_db and remove_silence are for"):
        MultiTaskSystem(str(upstream_folder), heads={"who": head})
