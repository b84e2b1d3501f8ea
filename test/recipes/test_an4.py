"""The recipes of AN4 and speechocean762: two sizes, their data where the corpora are."""

from __future__ import annotations

import pytest

from sslse.data.datadir import DataDir
from sslse.data.trials import read_trials
from sslse.errors import ConfigError
from sslse.recipe.method import PARTS
from sslse.recipe.options import settle

RECIPES = ["an4/sslmse", "an4/ew2", "an4/cbpc", "speechocean762/sslmse"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_full_size_has_other_folders_and_settings_that_are_there(planner, recipe, repository):
    method = planner.method(recipe)
    quick = {job.folder for job in planner.jobs(recipe) if job.keep != "always"}
    for options in [
        {},
        *({kind: number} for kind in PARTS for number in method.parts(kind)),
    ]:
        plan = planner(recipe, full="true", **options)
        assert plan.seeds == [0, 1, 2]
        if options:  # a table's own options are stronger
            part = method.part(*next(iter(options.items())))
            if "variants" in part:
                assert plan.words("variants") == part["variants"]
        jobs = planner.jobs(recipe, full="true", **options)
        for job in jobs:
            for word in job.command:
                if word.endswith(".yaml") and not word.startswith("/"):
                    assert (repository / "egs" / recipe / word).is_file(), word
        trained = {job.folder for job in jobs if job.kind == "train"}
        assert trained and not trained & quick


def test_a_recipe_of_one_size_refuses_another(planner):
    values, given = planner.options("mini/sslmse")
    with pytest.raises(ConfigError, match="one size"):
        settle(planner.method("mini/sslmse"), {**values, "full": "true"}, given)


def test_ssl_models_are_given_or_trained_on_both_corpora(planner):
    def trained(**options):
        jobs = planner.jobs("an4/sslmse", variants="ft_ssl_mse ft_ssl_mse_other", **options)
        return {job.folder: " ".join(job.command) for job in jobs}

    own = trained(upstream_model="")
    assert "--data.train data/pretrain " in own["exp/seed0/upstream"]
    assert "conf/train_upstream_other.yaml" in own["exp/seed1/upstream"]
    given = trained(upstream_model="default", upstream_other_model="other")
    assert not any(folder.endswith("/upstream") for folder in given)
    assert "--model.upstream default" in given["exp/seed0/ft_ssl_mse"]
    assert "--model.upstream other" in given["exp/seed0/ft_ssl_mse_other"]


def test_the_frozen_systems_have_the_recogniser_as_it_was_trained(planner):
    jobs = {job.folder: " ".join(job.command) for job in planner.jobs("an4/cbpc", table="frozen")}
    for name, asr in {"ft_straight_frozen": "asr", "ft_straight": "ft_straight/asr"}.items():
        judged = jobs[f"exp/seed0/{name}/decode_test/oa0/hyp_transducer"]
        assert f"--model exp/seed0/{asr} " in judged
    assert jobs["exp/seed0/ft_straight_frozen"].endswith("--model.train_asr false")


def test_the_loss_on_whispers_encoder(planner):
    options = {"variants": "ft_ssl_mse_whisper", "backends": "ssl_whisper", "whisper_model": "W"}
    jobs = {job.folder: " ".join(job.command) for job in planner.jobs("an4/sslmse", **options)}
    for name in ("ft_ssl_mse_whisper", "ds_ssl_whisper"):
        assert "--model.upstream W" in jobs[f"exp/seed0/{name}"]


@pytest.fixture(scope="module")
def corpora(shared_corpora) -> dict[str, str]:
    folders = {"AN4": shared_corpora / "an4", "ESC50": shared_corpora / "noise/ESC-50"}
    for name, folder in folders.items():
        if not folder.is_dir():
            pytest.skip(f"{name} is not beside the checkout")
    return {name: str(folder) for name, folder in folders.items()}


@pytest.mark.parametrize("recipe", ["an4/sslmse", "an4/ew2", "an4/cbpc"])
def test_stages_1_and_2_on_a_share_of_an4(recipe, corpora, run_recipe, published_corpora, tmp_path):
    options = ["--stage", "1", "--stop_stage", "2", "--local_data_opts", "--max_utts 20"]
    if recipe == "an4/sslmse":
        options += ["--backends", "ssl asv"]
    with_both = recipe == "an4/ew2"
    other = published_corpora.make_speechocean762(tmp_path / "speechocean762") if with_both else ""
    done = run_recipe(recipe, *options, SPEECHOCEAN762=other, **corpora)
    assert done.returncode == 0, done.stdout
    data = tmp_path / "data"
    sets = {name: DataDir(data / name) for name in ("train", "valid", "test", "pretrain")}
    for first, second in (("train", "valid"), ("train", "test"), ("valid", "test")):
        voices = [set(sets[name].utt2spk.values()) for name in (first, second)]
        assert not voices[0] & voices[1]
    assert len(sets["test"]) == len(sets["valid"]) == 20
    assert len(set(sets["test"].utt2spk.values())) == 10  # the share has all speakers
    others = [name for name in sets["pretrain"].utterances if name not in sets["train"].wav_scp]
    assert len(sets["pretrain"]) == len(sets["train"]) + len(others)
    assert len(others) == (5 if with_both else 0)  # 15 of the 20 speakers validate
    mixtures = {"an4/sslmse": 4, "an4/ew2": 11, "an4/cbpc": 2 * 3}[recipe]
    assert len(DataDir(data / "test_noisy")) == 20 * mixtures
    if recipe == "an4/sslmse":
        assert read_trials(data / "test_noisy/trials")


def test_stages_1_and_2_on_speechocean762(corpora, run_recipe, published_corpora, tmp_path):
    root = published_corpora.make_speechocean762(tmp_path / "speechocean762", utterances=3)
    options = ["--stage", "1", "--stop_stage", "2"]
    own = "--valid_utterances 2 --test_utterances 2"
    done = run_recipe(
        "speechocean762/sslmse", *options, "--local_data_opts", own, SPEECHOCEAN762=root, **corpora
    )
    assert done.returncode == 0, done.stdout
    sets = {name: DataDir(tmp_path / "data" / name) for name in ("train", "valid", "test")}
    assert len(sets["test"]) == 2 * 2 and len(set(sets["test"].utt2spk.values())) == 2
    assert len(sets["valid"]) == 2 * 15 and len(sets["train"]) == 3 * 5
    assert not {*sets["train"].utt2spk.values()} & {*sets["valid"].utt2spk.values()}
    assert len(DataDir(tmp_path / "data/test_noisy")) == 2 * 2
    assert read_trials(tmp_path / "data/test_noisy/trials")
