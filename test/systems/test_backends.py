"""Heads on a frozen upstream learn toy tasks, the same with and without a cache, and continue to
the same weights after an interruption."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from sslse.audio.files import write_audio
from sslse.cli.main import main
from sslse.data.datadir import write_datadir
from sslse.data.rttm import Turn, write_rttm
from sslse.systems.upstream_pretraining import UpstreamPretraining

RATE = 16000
PITCHES = {"ann": 300, "bob": 700, "cid": 1500, "dan": 3000}


def tone(pitch, seconds):
    time = np.arange(int(RATE * seconds)) / RATE
    return 0.3 * np.sin(2 * np.pi * pitch * time)


def write_set(root, name, per_speaker, seed):
    """Every speaker says 'low' or 'high' in a pitch of their own; intents of two slots."""
    generator = np.random.default_rng(seed)
    tables = {key: {} for key in ("wav_scp", "utt2spk", "utt2label", "utt2intent")}
    for speaker, pitch in PITCHES.items():
        for number in range(per_speaker):
            utterance = f"{speaker}-{name}{number}"
            wave = tone(pitch, generator.uniform(0.4, 0.7)) + generator.normal(0, 0.005, 1)
            wave += generator.normal(0, 0.01, len(wave))
            path = root / name / f"{utterance}.wav"
            write_audio(path, wave.astype(np.float32), RATE)
            tables["wav_scp"][utterance] = str(path)
            tables["utt2spk"][utterance] = speaker
            tables["utt2label"][utterance] = "low" if pitch < 1000 else "high"
            tables["utt2intent"][utterance] = f"{tables['utt2label'][utterance]} {speaker}"
    data = root / "data" / name
    write_datadir(data, **tables)
    names = sorted(tables["wav_scp"])
    trials = [
        f"{int(a.split('-')[0] == b.split('-')[0])} {a} {b}" for a in names for b in names if a < b
    ]
    (data / "trials").write_text("\n".join(trials) + "\n")
    return data


def write_meetings(root, name, count, seed):
    """Two pitches take turns with pauses between them."""
    generator = np.random.default_rng(seed)
    scp, turns = {}, {}
    for number in range(count):
        recording, wave, time = f"{name}{number}", [], 0.0
        turns[recording] = []
        for place in range(4):
            pause, length = generator.uniform(0.3, 0.5), generator.uniform(0.3, 0.6)
            speaker, pitch = (("x", 400), ("y", 2500))[(place + number) % 2]
            wave += [np.zeros(int(pause * RATE)), tone(pitch, length)]
            turns[recording].append(Turn(time + pause, time + pause + length, speaker))
            time += pause + length
        wave = np.concatenate(wave)
        path = root / name / f"{recording}.wav"
        write_audio(path, (wave + generator.normal(0, 0.005, len(wave))).astype(np.float32), RATE)
        scp[recording] = str(path)
    data = root / "data" / name
    write_datadir(data, wav_scp=scp, utt2spk={name: name for name in scp})
    write_rttm(data / "rttm", turns)
    return data


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, tiny_hubert):
    root = tmp_path_factory.mktemp("backends")
    write_set(root, "train", 4, 0)
    write_set(root, "valid", 2, 1)
    write_meetings(root, "train_sd", 10, 2)
    write_meetings(root, "valid_sd", 4, 3)
    noise = root / "noise.wav"
    write_audio(noise, np.random.default_rng(4).normal(0, 0.1, RATE).astype(np.float32), RATE)
    write_datadir(root / "data" / "noise", wav_scp={"n": str(noise)}, utt2spk={"n": "n"})
    UpstreamPretraining(tiny_hubert, num_units=4, seed=0).eval().export(root)
    return root


TASKS = {
    "ic": ("classification.Classification", {"labels": "utt2intent"}, "valid/acc"),
    "sid": ("classification.Classification", {"labels": "utt2spk"}, "valid/acc"),
    "asv": (
        "verification.Verification",
        {
            "head": {"hidden_size": 16, "pooled_size": 24},
            "margin": 0.2,
            "optimizer": {"lr": 5e-3, "schedule": "constant"},
        },
        "valid/eer",
    ),
    "sd": ("diarization.Diarization", {"head": {"hidden_size": 24}}, "valid/der"),
    "vad": (
        "diarization.Diarization",
        {
            "num_speakers": 1,
            "head": {"hidden_size": 24},
            "optimizer": {"lr": 3e-2, "schedule": "constant"},
        },
        "valid/der",
    ),
}


def train(corpus, task, exp, steps, *options, **data):
    """Train; return the exit status."""
    name, model, _ = TASKS[task]
    suffix = "_sd" if task in ("sd", "vad") else ""
    config = {
        "model": {
            "class_path": f"sslse.systems.{name}",
            "init_args": {
                "upstream": str(corpus / "upstream"),
                "optimizer": {"lr": 2e-2, "schedule": "constant"},
                **model,
            },
        },
        "data": {
            "class_path": "sslse.systems.utterance_data.UtteranceData",
            "init_args": {
                "train": str(corpus / f"data/train{suffix}"),
                "valid": str(corpus / f"data/valid{suffix}"),
                "batch_size": 8,
                **data,
            },
        },
        "trainer": {
            "max_steps": steps,
            "val_check_interval": max(1, steps // 2),
            "accelerator": "cpu",
            "devices": 1,
        },
    }
    path = corpus / f"{exp.name}.yaml"
    path.write_text(yaml.safe_dump(config))
    return main(["train", "--config", str(path), "--exp", str(exp), *options])


def last(exp, column):
    import csv

    rows = [row for row in csv.DictReader(open(exp / "metrics.csv")) if row.get(column)]
    return float(rows[-1][column])


STEPS = {"ic": 80, "asv": 100, "vad": 60}
LIMITS = {"asv": 0.15, "vad": 0.4}


@pytest.mark.parametrize("task", STEPS)
def test_a_separable_toy_set_is_learnt(corpus, task, tmp_path):
    exp = tmp_path / task
    assert train(corpus, task, exp, STEPS[task]) == 0
    value = last(exp, TASKS[task][2])
    # Chance is an EER of 0.5; nothing found, or speech everywhere, is a DER of about 1.
    assert value > 0.85 if TASKS[task][2] == "valid/acc" else value < LIMITS[task]
    files = sorted(path.name for path in (exp / "downstream").iterdir())
    assert files == ["config.json", "model.safetensors"]


def weights(exp):
    return load_file(exp / "downstream" / "model.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("task", ["ic", "asv", "sd"])
def test_continued_equals_unbroken_with_noise_and_crops(corpus, task, tmp_path):
    """Everything that is drawn (order, crops, noise) must be drawn again after a restart."""
    options = {"noise": str(corpus / "data/noise"), "crop_seconds": 0.45, "balance": task != "sd"}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for exp in (whole, broken):
        assert train(corpus, task, exp, 8, "--save-every", "3", **options) == 0
    (broken / ".trained").unlink()
    (broken / "checkpoints" / "step00000006.ckpt").unlink()
    shutil.rmtree(broken / "downstream")
    assert train(corpus, task, broken, 8, "--save-every", "3", **options) == 0
    first, second = weights(whole), weights(broken)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    # Noise never goes through the cache; the validation set does.
    assert not (whole / "features" / "train.bin").exists()
    assert (whole / "features" / "valid.bin").exists()


@pytest.mark.parametrize("task, tolerance", [("ic", 1e-5), ("sd", 2e-2)])
def test_cached_training_is_the_same_training(corpus, task, tolerance, tmp_path):
    """The classifier needs only the mean of each state; other caches are rounded to float16."""
    for name, cache in (("cached", True), ("direct", False)):
        assert train(corpus, task, tmp_path / name, 6, cache=cache) == 0
    cached, direct = weights(tmp_path / "cached"), weights(tmp_path / "direct")
    for name in cached:
        torch.testing.assert_close(cached[name], direct[name], atol=tolerance, rtol=tolerance)


def test_crops_come_out_of_cached_features(corpus, tmp_path):
    exp = tmp_path / "cropped"
    assert train(corpus, "sd", exp, 3, crop_seconds=0.5) == 0
    assert (exp / "features" / "train.bin").exists()


def test_an_intent_that_training_never_saw_is_named(corpus, tmp_path, capsys):
    data = corpus / "data" / "strange"
    shutil.copytree(corpus / "data" / "valid", data)
    path = data / "utt2intent"
    path.write_text(path.read_text().replace("low ann", "sing ann"))
    assert train(corpus, "ic", tmp_path / "x", 2, valid=str(data)) == 1
    error = capsys.readouterr().err
    assert "'sing' of slot 1, utterance ann-valid0" in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "task, options, sentence",
    [
        ("sd", {"balance": True}, "data.balance needs classes"),
        ("ic", {"train": "{root}/data/train_sd"}, "has no utt2intent"),
        ("asv", {"valid": "{root}/data/valid_sd"}, "has no trials"),
        ("sid", {"min_seconds": 60.0}, "no utterance of 60 s or more"),
    ],
)
def test_data_that_do_not_fit_are_one_sentence(corpus, task, options, sentence, tmp_path, capsys):
    options = {
        key: value.format(root=corpus) if isinstance(value, str) else value
        for key, value in options.items()
    }
    assert train(corpus, task, tmp_path / "x", 2, **options) == 1
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1


def test_an_upstream_of_another_rate_is_one_sentence(corpus, tmp_path, capsys):
    shutil.copytree(corpus / "upstream", tmp_path / "narrow")
    path = tmp_path / "narrow/preprocessor_config.json"
    path.write_text(path.read_text().replace("16000", "8000"))
    options = (f"--model.upstream={tmp_path}/narrow",)
    assert train(corpus, "ic", tmp_path / "x", 2, *options) == 1
    error = capsys.readouterr().err
    assert "narrow takes 8000 Hz but the data have 16000 Hz" in error and error.count("\n") == 1


def test_more_speakers_than_outputs_are_named(corpus, tmp_path, capsys):
    data = corpus / "data" / "crowd"
    shutil.copytree(corpus / "data" / "train_sd", data)
    with open(data / "rttm", "a") as stream:
        for speaker in ("z", "w"):
            stream.write(f"SPEAKER train_sd0 1 0.1 0.2 <NA> <NA> {speaker} <NA> <NA>\n")
    assert train(corpus, "sd", tmp_path / "x", 2, train=str(data)) == 1
    assert "4 speakers in train_sd0, and the head has 2" in capsys.readouterr().err
