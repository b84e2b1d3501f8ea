"""Whole utterances with words, mixed on the fly: what an item is, and that it depends on its number
alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sslse.data.audio import write_audio
from sslse.data.datadir import DataDir, write_datadir
from sslse.data.dataset import TranscribedMixtureDataset, TranscribedPairDataset, pad_pairs
from sslse.data.sampler import Draw
from sslse.simulate.config import SimulateConfig
from sslse.simulate.mixer import NoiseMixer

RATE = 16000
WORDS = {"a": "go up", "b": "stop", "c": ""}


def encode(text: str) -> list[int]:
    return [len(word) for word in text.split()]


@pytest.fixture
def speech(tmp_path):
    generator = np.random.default_rng(0)
    scp = {}
    for name, seconds in (("a", 0.5), ("b", 0.25), ("c", 0.3), ("noise", 1.0)):
        waveform = 0.1 * generator.standard_normal(round(seconds * RATE)).astype(np.float32)
        write_audio(tmp_path / f"{name}.wav", waveform, RATE)
        scp[name] = str(tmp_path / f"{name}.wav")
    noise = {"noise": scp.pop("noise")}
    spk = dict.fromkeys(scp, "s")
    write_datadir(tmp_path / "train", wav_scp=scp, spk1_scp=scp, text=WORDS, utt2spk=spk)
    write_datadir(tmp_path / "noise", wav_scp=noise, utt2spk={"noise": "n"})
    return DataDir(tmp_path / "train")


def dataset(speech, **options):
    config = SimulateConfig.from_dict({"snr_low": 0, "snr_high": 5, "sample_rate": RATE})
    mixer = NoiseMixer(DataDir(speech.path.parent / "noise"), config)
    return TranscribedMixtureDataset(speech, mixer, encode, **options)


def test_items_are_whole_and_depend_on_their_number_alone(speech):
    data = dataset(speech, seed=3)
    assert data.utterances == ["a", "b"]  # c has no words
    item, again, other = data[Draw(0, 7)], dataset(speech, seed=3)[Draw(0, 7)], data[Draw(0, 8)]
    assert len(item["noisy"]) == len(item["clean"]) == RATE // 2
    assert item["tokens"].tolist() == [2, 2]
    assert all(torch.equal(item[name], again[name]) for name in item)
    assert torch.equal(item["clean"], other["clean"]) or item["clean"].shape == other["clean"].shape
    assert not torch.equal(item["noisy"], other["noisy"])
    assert dataset(speech, max_seconds=0.3).utterances == ["b"]


def test_batches_have_one_length_for_both_and_their_tokens(speech):
    data = dataset(speech)
    batch = pad_pairs([data[Draw(0, 0)], data[Draw(1, 1)]])
    assert batch["noisy"].shape == batch["clean"].shape == (2, RATE // 2)
    assert batch["lengths"].tolist() == [RATE // 2, RATE // 4]
    assert batch["tokens"].tolist() == [[2, 2], [4, 0]]
    assert batch["tokens_lengths"].tolist() == [2, 1]
    assert not batch["noisy"][1, RATE // 4 :].any()


def test_validation_pairs_have_tokens(speech):
    item = TranscribedPairDataset(speech, encode)[1]
    assert item["tokens"].tolist() == [4] and torch.equal(item["noisy"], item["clean"])
