"""The recipe of the everyday enhancer: its plan, and its data where the corpora are."""

from __future__ import annotations

import pytest

from sslse.data.datadir import DataDir
from sslse.enhancers import build_enhancer
from sslse.runtime.settings import read_settings
from sslse.simulate.config import SimulateConfig
from sslse.simulate.plan import read_plan

RECIPE = "enhancer/sslmse"


def test_trainings_and_validation_are_in_rooms_of_their_own(planner):
    jobs = {job.folder: " ".join(job.command) for job in planner.jobs(RECIPE)}
    assert "--rir data/rir_valid" in jobs["data/valid_noisy"]
    simulated = [folder for folder in jobs if folder.startswith("data/test_so_noisy")]
    assert simulated and not any("--rir" in jobs[folder] for folder in simulated)
    for name in ("se_pretrain", "ft_snr", "ft_ssl_mse", "ft_ssl_mse_whisper"):
        assert "--data.rirs data/rir_train" in jobs[f"exp/seed0/{name}"]
    assert "--model.upstream exp/seed0/upstream" in jobs["exp/seed0/ft_ssl_mse"]
    given = planner.jobs(RECIPE, upstream_model="default", variants="ft_ssl_mse")
    commands = {job.folder: " ".join(job.command) for job in given}
    assert "--model.upstream default" in commands["exp/seed0/ft_ssl_mse"]
    assert "exp/seed0/upstream" not in commands


def test_full_size_has_settings_that_are_there(planner, repository):
    jobs = planner.jobs(RECIPE, full="true")
    named = [word for job in jobs for word in job.command if word.endswith(".yaml")]
    assert any(word.endswith("train_se_full.yaml") for word in named)
    for word in named:
        assert (repository / "egs" / RECIPE / word).is_file(), word


def test_the_enhancer_is_live_and_small(repository):
    conf = repository / "egs" / RECIPE / "conf"
    settings = read_settings(conf / "train_se_full.yaml")["model"]["init_args"]
    net = build_enhancer(**settings["enhancer"])
    assert net.latency_samples <= 0.02 * net.sample_rate
    assert sum(parameter.numel() for parameter in net.parameters()) < 2e6
    assert set(settings["criteria"]) == {"snr", "stft"}
    tuned = read_settings(conf / "finetune.yaml")["model"]["init_args"]
    assert tuned["enhancer"] is None and set(tuned["criteria"]) == {"snr", "stft"}


def test_validation_hears_what_training_hears(repository):
    trained = read_settings(repository / "conf/data/recordings.yaml")["data"]["init_args"]
    validated = read_settings(repository / "conf/simulate/recordings.yaml")
    assert SimulateConfig.from_dict(trained["simulate"]) == SimulateConfig.from_dict(validated)


@pytest.mark.slow
def test_stages_1_and_2_on_the_shared_corpora(
    shared_corpora, run_recipe, published_corpora, tmp_path
):
    pytest.importorskip("pyroomacoustics")
    folders = {"AN4": "an4", "ESC50": "noise/ESC-50", "LIBRISPEECH": "LibriSpeech", "RIRS": "rir"}
    corpora = {name: str(shared_corpora / folder) for name, folder in folders.items()}
    for name, folder in {**corpora, "TEST_NOISE": ""}.items():
        if folder and not (shared_corpora / folder).is_dir():
            pytest.skip(f"{name} is not beside the checkout")
    corpora["TEST_NOISE"] = str(shared_corpora / "noise/nonspeech")
    corpora["SPEECHOCEAN762"] = published_corpora.make_speechocean762(tmp_path / "speechocean762")
    options = ["--stage", "1", "--stop_stage", "2", "--local_data_opts"]
    options += ["--num_noise_train 12 --num_noise_valid 12 --num_rir_train 3"]
    done = run_recipe(RECIPE, *options, **corpora)
    assert done.returncode == 0, done.stdout
    data = {
        path.name: DataDir(path)
        for path in (tmp_path / "data").iterdir()
        if (path / "wav.scp").is_file()
    }
    for first, second in (("train", "valid"), ("train", "test_so"), ("train", "test_an4")):
        assert not set(data[first].utt2spk.values()) & set(data[second].utt2spk.values())
    for first, second in (
        ("noise_train", "noise_valid"),
        ("noise_train", "noise_test_an4"),
        ("rir_train", "rir_valid"),
    ):
        assert not set(data[first].utterances) & set(data[second].utterances)
    # ESC-10 alone, whose licence allows it, and computed noises.
    assert len(data["noise_train"]) < 300 + 12
    assert len(data["test_libri_noisy"]) == 3 * len(data["test_libri"]) == 18
    assert set(data["test_libri_noisy"].utt2snr.values()) == {0.0, 5.0, 10.0}
    plans = read_plan(tmp_path / "data/valid_noisy/plan.jsonl").values()
    assert any(plan.rir for plan in plans) and all(plan.channel is not None for plan in plans)
