"""egs/librispeech and egs/superb on tiny corpora in the published layouts: the first two stages for
real, all others as commands; and the first one on real LibriSpeech."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sslse.corpora import speech_commands
from sslse.data.audio import write_audio
from sslse.data.datadir import DataDir
from sslse.data.labels import read_slots
from sslse.data.rttm import read_rttm
from sslse.data.trials import read_trials

RATE = 16000


def tone(path: Path, seconds: float = 0.4) -> None:
    wave = 0.2 * np.sin(np.arange(int(seconds * RATE)))
    write_audio(path, wave.astype(np.float32), RATE)


def make_noise(root: Path) -> dict[str, str]:
    for number in range(60):  # enough for a validation and a test share of 5 % each
        tone(root / "dns/datasets/noise" / f"hum_{number}x.wav", 0.6)
    return {"DNS_NOISE": str(root / "dns")}


def make_librispeech(root: Path) -> dict[str, str]:
    names = "train-clean-100 train-clean-360 train-other-500 dev-clean dev-other test-clean"
    for reader, part in enumerate([*names.split(), "test-other"]):
        folder = root / "LibriSpeech" / part / str(reader) / "7"
        for number in range(2):
            tone(folder / f"{reader}-7-000{number}.flac")
        lines = [f"{reader}-7-000{number} SOME WORDS\n" for number in range(2)]
        (folder / f"{reader}-7.trans.txt").write_text("".join(lines))
    return {"LIBRISPEECH": str(root / "LibriSpeech")}


def make_voxceleb(root: Path) -> dict[str, str]:
    for part, speakers in (("dev", range(1, 4)), ("test", range(4, 6))):
        for speaker in speakers:
            for number in (1, 2):
                tone(root / f"vox/{part}/wav/id{speaker}/v/0000{number}.wav")
    (root / "vox/veri_test2.txt").write_text(
        "1 id4/v/00001.wav id4/v/00002.wav\n0 id4/v/00001.wav id5/v/00001.wav\n"
    )
    split = "1 id1/v/00001.wav\n2 id1/v/00002.wav\n3 id2/v/00001.wav\n"
    (root / "vox/iden_split.txt").write_text(split)
    return {"VOXCELEB1": str(root / "vox")}


def make_fluent(root: Path) -> dict[str, str]:
    (root / "fluent/data").mkdir(parents=True)
    head = ",path,speakerId,transcription,action,object,location\n"
    for name in ("train", "valid", "test"):
        path = f"wavs/speakers/{name}/a.wav"
        tone(root / "fluent" / path)
        line = f"0,{path},{name},Lights on,change language,lights,none\n"
        (root / "fluent/data" / f"{name}_data.csv").write_text(head + line)
    return {"FLUENT_COMMANDS": str(root / "fluent")}


def make_commands(root: Path) -> dict[str, str]:
    speakers = {speech_commands.split_of(f"{n:08x}_nohash_0.wav"): n for n in range(40)}
    for word in (*speech_commands.WORDS, "bed"):
        for speaker in speakers.values():
            tone(root / "train" / word / f"{speaker:08x}_nohash_0.wav", 0.1)
    tone(root / "train/_background_noise_/hum.wav", 11.0)
    for label in (*speech_commands.WORDS, "_silence_", "_unknown_"):
        tone(root / "test" / label / "00000001_nohash_0.wav", 0.1)
    return {"SPEECH_COMMANDS": str(root / "train"), "SPEECH_COMMANDS_TEST": str(root / "test")}


def make_librimix(root: Path) -> dict[str, str]:
    for part in ("train-100", "dev", "test"):
        for name in ("mix_clean", "s1", "s2"):
            tone(root / "mix/wav16k/max" / part / name / "1-2-3_4-5-6.wav", 1.0)
    return {"LIBRI2MIX": str(root / "mix")}


# Recipe → corpus, options of local/data.sh, sizes of the three sets, words of the planned commands.
RECIPES = {
    "librispeech/sslmse": (
        make_librispeech,
        "--num_train 5",
        (5, 4, 4),
        ("train --config conf/train_se.yaml", "microsoft/wavlm-large", "--normalize whisper="),
    ),
    "superb/asr": (make_librispeech, "", (2, 2, 2), ("/asr.yaml", "--hyp ssl=")),
    "superb/sv": (
        make_voxceleb,
        "--num_valid_speakers 2",
        (2, 4, 3),
        ("/asv.yaml", "sslse verify", "--trials asv="),
    ),
    "superb/ic": (make_fluent, "", (1, 1, 1), ("/ic.yaml", "sslse classify", "ic=utt2intent")),
    "superb/ks": (make_commands, "", (29, 12, 12), ("/ks.yaml", "--label-file ks=utt2label")),
    "superb/sid": (make_voxceleb, "", (1, 1, 1), ("/sid.yaml", "--label-file sid=utt2spk")),
    "superb/sd": (make_librimix, "", (1, 1, 1), ("/sd.yaml", "sd/turns/settings.json", "--rttm")),
}


@pytest.fixture
def run(repository, tmp_path):
    """Run a recipe in a copy of its folder, in a tree whose other parts are the repository's."""
    for name in ("TEMPLATE", *{recipe.split("/")[0] for recipe in RECIPES}):
        shutil.copytree(
            repository / "egs" / name,
            tmp_path / "egs" / name,
            ignore=shutil.ignore_patterns("data", "exp"),
        )
    for name in ("utils", "bin", "conf", "sslse", "tools", "requirements.lock"):
        (tmp_path / name).symlink_to(repository / name)

    def start(recipe: str, *options: str, **roots: str) -> str:
        done = subprocess.run(
            [tmp_path / "egs" / recipe / "run.sh", *options],
            env={**os.environ, "SSLSE_VENV": str(Path(sys.executable).parents[1]), **roots},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return start


def check_truth(recipe: str, data: DataDir) -> None:
    """What is scored against stands in the noisy test set."""
    task = recipe.split("/")[1]
    if task in ("sslmse", "asr"):
        assert set(data.text.values()) == {"some words"}
    elif task == "sv":
        assert len(read_trials(data.table("trials"), data.utterances)) == 2
    elif task == "ic":
        assert set(read_slots(data, "utt2intent").values()) == {
            ("change_language", "lights", "none")
        }
    elif task == "ks":
        assert len(set(data.utt2label.values())) == 12
    elif task == "sd":
        assert len(read_rttm(data.table("rttm"))["1-2-3_4-5-6"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_first_stages_run_and_the_others_are_planned(recipe, run, tmp_path, monkeypatch):
    make, options, sizes, words = RECIPES[recipe]
    roots = {**make(tmp_path), **make_noise(tmp_path)}
    run(recipe, "--stop_stage", "2", "--local_data_opts", options, **roots)
    monkeypatch.chdir(tmp_path / "egs" / recipe)
    assert tuple(len(DataDir(f"data/{name}")) for name in ("train", "valid", "test")) == sizes
    noisy = DataDir("data/test_noisy")
    assert len(noisy) == sizes[2]
    assert all(0 <= snr <= 10 for snr in noisy.utt2snr.values() if np.isfinite(snr))
    check_truth(recipe, noisy)
    parts = [path.name for path in sorted(Path("conf").iterdir()) if "." not in path.name]
    parts.remove("options")
    assert {"table_1", "table_2", "table_3"} <= set(parts)
    planned = run(recipe, "--stage", "3", "--dry_run", "true", **roots)
    for word in words:
        assert word in planned
    for part in parts:
        option = part.split("_")
        planned = run(recipe, f"--{option[0]}", option[1], "--stage", "3", "--dry_run", "true")
        assert "sslse enhance" in planned and "sslse score" in planned
        if recipe != "librispeech/sslmse":
            assert "--model ../../librispeech/sslmse/exp/seed0/ft_snr/enhancer" in planned
            assert "se_pretrain --seed" not in planned
            assert ("@noise/downstream" in planned) == (part == "table_3")


def test_every_configuration_can_be_read(repository):
    """The published ones are tested as commands above; here as what they build."""
    from sslse.systems.training import parse

    folder = repository / "egs/librispeech/sslmse/conf"
    for name in ("train_se", "finetune_snr", "finetune_lmfb"):
        # Fine-tuning begins with a trained folder; any enhancer stands in for it.
        start = [] if name == "train_se" else ["--model.enhancer={name: dccrn}"]
        cli = parse([f"--config={folder}/{name}.yaml", *start])
        config = cli.config["model"]["init_args"]
        assert config["optimizer"].lr == (1e-3 if name == "train_se" else 1e-4)
        assert cli.datamodule.simulate == {"snr_low": -3, "snr_high": 20}
        # 50 epochs of 100,000 utterances.
        assert cli.config["trainer"]["max_steps"] * cli.datamodule.batch_size == 50 * 100_000
        if name == "train_se":
            assert sum(p.numel() for p in cli.model.enhancer.parameters()) == pytest.approx(
                13.3e6, rel=0.01
            )


def test_a_missing_corpus_is_one_sentence(repository, tmp_path):
    for recipe in RECIPES:
        done = subprocess.run(
            [repository / "egs" / recipe / "local/data.sh"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
        )
        assert done.returncode != 0 and done.stderr.count("\n") == 1, recipe
        assert "in db.sh: " in done.stderr


@pytest.mark.slow
def test_preparation_of_real_librispeech(repository, shared_corpora, tmp_path):
    root = shared_corpora / "LibriSpeech"
    if not (root / "dev-clean").is_dir():
        pytest.skip(f"no LibriSpeech at {root} (set SSLSE_TEST_CORPORA)")
    noise = make_noise(tmp_path)
    parts = (
        "--train_parts",
        "dev-clean",
        "--valid_parts",
        "dev-clean",
        "--test_parts",
        "test-clean",
    )
    done = subprocess.run(
        [repository / "egs/librispeech/sslmse/local/data.sh", *parts, "--num_test", "20"],
        cwd=tmp_path,
        env={
            **os.environ,
            "SSLSE_VENV": str(Path(sys.executable).parents[1]),
            "LIBRISPEECH": str(root),
            **noise,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    train, test = (DataDir(tmp_path / "data" / name) for name in ("train", "test"))
    assert 0 < len(test) <= 20 and not set(train.utt2spk.values()) & set(test.utt2spk.values())
    waveform, rate = test.load(test.utterances[0])
    assert rate == RATE and len(waveform) > RATE
    assert all(text == text.lower() and text for text in test.text.values())
