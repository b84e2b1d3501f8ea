"""egs/xrmb/inversion over a generated corpus: data, noise, the commands of all systems, a
training."""

import importlib.util
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.data.datadir import DataDir
from sslse.errors import ConfigError
from sslse.report.paper import read_paper
from sslse.runtime.settings import read_settings

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
def test_from_the_corpus_to_a_trained_system(run_recipe, planner, roots, upstream_folder, tmp_path):
    steps = "--trainer.max_steps 2 --trainer.val_check_interval 2 --trainer.accelerator cpu"
    done = run_recipe(
        RECIPE,
        *("--local_data_opts", DRAWN, "--nj", "1", "--stop_stage", "4"),
        *("--upstream_model", str(upstream_folder), "--variants", "joint"),
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
    conditions = planner.method(RECIPE).tree["conditions"]
    assert Counter(noisy.utt2condition.values()) == dict.fromkeys(conditions, 4)
    assert noisy.has("tv.scp")
    config = json.loads((tmp_path / "exp/seed0/joint/model/config.json").read_text())["config"]
    assert config["upstream"]["config"]["hidden_size"] == 24 and config["mask"]["domain"] == "log1p"
    assert (tmp_path / "exp/seed0/joint/enhancer/model.safetensors").is_file()


def trained(jobs):
    """Return the command of each training by the folder in the experiment and seed 0."""
    jobs = [job for job in jobs if job.command[:2] == ("sslse", "train")]
    return {job.folder.removeprefix("exp/seed0/"): " ".join(job.command) for job in jobs}


def test_every_system_has_its_commands(planner):
    jobs = planner.jobs(RECIPE)
    commands = trained(jobs)
    systems = "se si_clean si_noisy joint ft_si_noisy ft_cascade ft_joint".split()
    assert set(commands) == set(systems)
    assert all("--model.upstream microsoft/wavlm-large" in line for line in commands.values())
    assert "--model.front exp/seed0/se/enhancer" in commands["ft_cascade"]
    for system in systems[4:]:
        assert "--init-param exp/seed0/si_clean/model" in commands[system]
    predicted = {job.folder: job.command for job in jobs if "predict" in job.command}
    rows = [*systems[1:], "cascade"]
    assert set(predicted) == {f"exp/seed0/{row}/decode_test/oa0/tv" for row in rows}
    # The cascade is the inversion of clean speech that hears what the enhancer made.
    cascade = predicted["exp/seed0/cascade/decode_test/oa0/tv"]
    assert (
        "exp/seed0/se/decode_test/oa0/wav.scp" in cascade and "exp/seed0/si_clean/model" in cascade
    )


@pytest.mark.parametrize("recipe", ["mini/inversion", RECIPE])
def test_a_waveform_decoder_in_the_place_of_the_mask(planner, recipe, repository, monkeypatch):
    commands = trained(planner.jobs(recipe, table="decoder"))
    command = commands["joint_decoder_skip"].split()
    assert command[command.index("--model.decoder.skip") + 1] == "true"
    monkeypatch.chdir(repository / "egs" / recipe)
    configs = [Path(command[i + 1]) for i, word in enumerate(command) if word == "--config"]
    options = read_settings(*configs)["model"]["init_args"]
    assert options["mask"] is None and options["decoder"]["channels"] and "tv" in options["heads"]
    assert options["criteria"]["waveform"]["criterion"] == "DemucsLoss"
    # All else is that of the joint training with a mask.
    joint = read_settings(Path("conf/train_joint.yaml"))["model"]["init_args"]
    del options["criteria"]["waveform"], options["decoder"]
    assert options == {**joint, "mask": None}


@pytest.mark.parametrize("recipe", ["mini/inversion", RECIPE])
def test_the_gain_stands_beside_each_baseline_that_the_abstract_may_mean(planner, recipe):
    paper = read_paper(planner.method(recipe))
    beside = {}
    for change in paper.changes:
        assert change.first == ("joint", "")
        beside.setdefault((change.condition, change.percent), set()).add(change.second[0])
    baselines = {"si_clean", "si_noisy", "cascade"}
    assert beside == {("babble_-5", 80.95): baselines, ("noise_-5", 38.98): baselines}
    assert "does not say what the baseline is" in paper.setting
    default = planner(recipe).variants
    assert baselines < set(default)


def test_verification_in_the_place_of_inversion(planner):
    systems = "sv_clean sv_noisy joint_sv"
    jobs = planner.jobs(RECIPE, variants=systems)
    commands = trained(jobs)
    assert set(commands) == set(systems.split())
    lines = [" ".join(job.command) for job in jobs]
    for system in systems.split():
        assert ("--data.noise" in commands[system]) == (system != "sv_clean")
        assert any("sslse verify" in line and f"seed0/{system}/model" in line for line in lines)
    assert sum("sslse make-trials" in line for line in lines) == 1
    assert not any("sslse predict" in line for line in lines)
    with pytest.raises(ConfigError, match="did you mean 'joint_sv'?"):
        planner(RECIPE, variants="joint_vs")


def test_the_upstream_is_an_option(planner):
    other = "facebook/hubert-large-ll60k"
    commands = trained(planner.jobs(RECIPE, upstream_model=other))
    assert all(f"--model.upstream {other}" in line for line in commands.values())


def test_the_noises_are_an_option(run_recipe, roots, tmp_path):
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
        ("", "--noise mosan", "--noise: no 'mosan'; did you mean 'musan'?"),
        ("", "--num_test_speakers 4 --num_valid_speakers 2", "leave none to train"),
    ],
)
def test_what_is_wrong_is_one_sentence(run_recipe, roots, variable, options, words):
    wrong = {variable: "/nowhere"} if variable else {}
    local = ["--local_data_opts", options or DRAWN, "--nj", "1", "--stop_stage", "1"]
    done = run_recipe(RECIPE, *local, **{**roots, **wrong})
    assert done.returncode != 0 and words in done.stdout and "Traceback" not in done.stdout
