"""egs/xrmb/inversion over a generated corpus: data, noise, the commands of all systems, a
training."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from sslse.data.audio import write_audio
from sslse.data.datadir import DataDir

SPEC = importlib.util.spec_from_file_location("xrmb", Path(__file__).parents[1] / "xrmb.py")
xrmb = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(xrmb)

RECIPE = "xrmb/inversion"
SPEAKERS = ("JW11", "JW12", "JW14", "JW15", "JW20", "JW21")
DRAWN = "--num_valid_speakers 2 --num_test_speakers 2"


@pytest.fixture
def roots(tmp_path) -> dict[str, str]:
    """A corpus of six speakers, and noises as MUSAN and the DNS challenge have them."""
    for speaker in SPEAKERS:
        xrmb.write_speaker(tmp_path / "xrmb", speaker, {2: 1.2, 5: 1.0})
    generator = np.random.default_rng(0)
    for number in range(40):
        noise = generator.normal(0, 0.1, 16000).astype(np.float32)
        name = f"noise-free-sound-{number:04d}.wav"
        write_audio(tmp_path / "musan/noise/free-sound" / name, noise, 16000)
        write_audio(tmp_path / "dns/datasets/noise" / f"hum{number}_0.wav", noise, 16000)
    return {
        "XRMB_ROOT": str(tmp_path / "xrmb"),
        "MUSAN_ROOT": str(tmp_path / "musan"),
        "DNS_NOISE": str(tmp_path / "dns"),
    }


@pytest.mark.slow
def test_from_the_corpus_to_a_trained_system(run_recipe, roots, upstream_folder, tmp_path):
    conditions = tmp_path / "conditions"
    conditions.write_text(
        "babble - snr_low=-5 snr_high=-5 babble_probability=1 babble_talkers=1\n"
        "noise - snr_low=-5 snr_high=-5 babble_probability=0\n"
    )
    steps = "--trainer.max_steps 2 --trainer.val_check_interval 2 --trainer.accelerator cpu"
    done = run_recipe(
        RECIPE,
        *("--local_data_opts", DRAWN, "--conditions", str(conditions), "--nj", "1"),
        *("--upstream_model", str(upstream_folder), "--systems", "joint"),
        *("--finetune_systems", "", "--stop_stage", "4"),
        *("--train_args", steps + " --data.num_workers 0 --data.batch_size 2"),
        **roots,
    )
    assert done.returncode == 0, done.stdout
    speakers = {}
    for name in ("train", "valid", "test"):
        data = DataDir(tmp_path / "data" / name)
        speakers[name] = set(data.utt2spk.values())
        assert len(data) == 4
        noise = set(DataDir(tmp_path / f"data/noise_{name}").utterances)
        assert noise and all(name.startswith("noise-free-sound-") for name in noise)
    assert len(set.union(*speakers.values())) == 6
    noisy = DataDir(tmp_path / "data/test_noisy")
    assert len(noisy) == 8 and noisy.has("tv.scp")
    config = json.loads((tmp_path / "exp/seed0/joint/model/config.json").read_text())
    assert config["upstream"]["config"]["hidden_size"] == 24 and config["mask"]["domain"] == "log1p"
    assert (tmp_path / "exp/seed0/joint/enhancer/model.safetensors").is_file()


def test_every_system_has_its_commands(run_recipe):
    done = run_recipe(RECIPE, "--dry_run", "true", "--nj", "1")
    assert done.returncode == 0, done.stdout
    trained = [line for line in done.stdout.splitlines() if "sslse train" in line]
    systems = "se si_clean si_noisy joint ft_si_noisy ft_cascade ft_joint".split()
    assert len(trained) == len(systems)
    for system in systems:
        own = [line for line in trained if f"seed0/{system} " in line]
        assert len(own) == 1 and "--model.upstream microsoft/wavlm-large" in own[0], system
    for system in [*systems[1:], "cascade"]:
        assert f"seed0/{system}/decode_test/oa0/tv" in done.stdout, system


def test_verification_in_the_place_of_inversion(run_recipe):
    systems = "sv_clean sv_noisy joint_sv"
    done = run_recipe(RECIPE, "--dry_run", "true", "--systems", systems, "--finetune_systems", "")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    for system in systems.split():
        [training] = [line for line in lines if "sslse train" in line and f"/{system} " in line]
        assert ("--data.noise" in training) == (system != "sv_clean")
        assert any("sslse verify" in line and f"seed0/{system}/model" in line for line in lines)
    assert sum("make_trials.py" in line for line in lines) == 1
    assert not any("sslse predict" in line for line in lines)
    done = run_recipe(RECIPE, "--dry_run", "true", "--systems", "joint_vs")
    assert done.returncode != 0 and "did you mean joint_sv?" in done.stdout


def test_the_upstream_and_the_noises_are_options(run_recipe, roots, tmp_path):
    done = run_recipe(
        RECIPE, "--dry_run", "true", "--upstream_model", "facebook/hubert-large-ll60k"
    )
    assert "--model.upstream facebook/hubert-large-ll60k" in done.stdout
    assert "wavlm" not in done.stdout
    options = ["--stop_stage", "1", "--nj", "1", "--local_data_opts", f"{DRAWN} --noise dns"]
    done = run_recipe(RECIPE, *options, **roots)
    assert done.returncode == 0, done.stdout
    assert all(name.startswith("hum") for name in DataDir(tmp_path / "data/noise_test").utterances)


@pytest.mark.parametrize(
    ("variable", "options", "words"),
    [
        ("XRMB_ROOT", "", "there is no folder '/nowhere'; set XRMB_ROOT in db.sh"),
        ("MUSAN_ROOT", "", "set MUSAN_ROOT in db.sh"),
        ("DNS_NOISE", "--noise dns", "set DNS_NOISE in db.sh"),
        ("", "--noise mosan", "--noise: no 'mosan'; did you mean musan?"),
        ("", "--num_test_speakers 4 --num_valid_speakers 2", "leave none to train"),
    ],
)
def test_what_is_wrong_is_one_sentence(run_recipe, roots, variable, options, words):
    wrong = {variable: "/nowhere"} if variable else {}
    local = ["--local_data_opts", options or DRAWN, "--nj", "1", "--stop_stage", "1"]
    done = run_recipe(RECIPE, *local, **{**roots, **wrong})
    assert done.returncode != 0 and words in done.stdout and "Traceback" not in done.stdout
