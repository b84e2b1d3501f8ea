"""The skeleton of ``sslse new-recipe``: no placeholder, shellcheck clean, it runs."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from sslse.cli.new_recipe import METHODS, make_recipe
from sslse.errors import ConfigError, DataError
from sslse.runtime.settings import read_settings


@pytest.fixture
def corpus(tmp_path, rng):
    for set in ("train", "valid", "test"):
        for speaker in ("anna", "ben"):
            folder = tmp_path / "speech" / set / speaker
            folder.mkdir(parents=True)
            for number in range(2):
                noise = rng.normal(0, 0.1, 8000).astype(np.float32)
                soundfile.write(folder / f"{number}.wav", noise, 16000)
                (folder / f"{number}.txt").write_text("open the\n door\n")
        (tmp_path / "noise" / set).mkdir(parents=True)
        soundfile.write(tmp_path / "noise" / set / "hum.flac", np.full(8000, 0.1), 16000)
    return tmp_path


def test_recipe_runs_its_first_stages(checkout, corpus, repository):
    recipe = make_recipe("my-corpus", checkout.root)
    for file in recipe.rglob("*"):
        if file.is_file():
            assert "@NAME@" not in file.read_text(), file
    shutil.copytree(repository / "conf", checkout.root / "conf", dirs_exist_ok=True)
    own = recipe / "conf/train_se.yaml"
    model = checkout.root / "egs/mini/sslmse/conf/train_se.yaml"
    settings = read_settings(own)
    assert settings == read_settings(model)
    # What is written here stays here: the recipe whose settings it begins with keeps its own.
    own.write_text(own.read_text() + "trainer: {max_steps: 7}\n")
    assert read_settings(own) == {**settings, "trainer": {**settings["trainer"], "max_steps": 7}}
    assert read_settings(model) == settings
    roots = {"SPEECH_ROOT": str(corpus / "speech"), "NOISE_ROOT": str(corpus / "noise")}
    status, output = checkout.run("./run.sh", "--stop_stage", "10", cwd=recipe, **roots)
    assert status == 0, output
    lines = (recipe / "data/train/text").read_text().splitlines()
    assert lines == [f"{s}-{n} open the door" for s in ("anna", "ben") for n in (0, 1)]
    assert (recipe / "data/noise_test/wav.scp").read_text().startswith("hum /")
    assert (recipe / "exp/report/index.html").exists()


def enhancement(checkout, corpus, repository, *options):
    """Run a new recipe for enhancement, with own noises; returns the recipe, status and output."""
    shutil.copytree(repository / "conf", checkout.root / "conf", dirs_exist_ok=True)
    recipe = make_recipe("own", checkout.root, "enhancement")
    for set in ("train", "valid"):  # three noises in all
        soundfile.write(corpus / "noise" / set / "hiss.flac", np.full(8000, 0.1), 16000)
    roots = {"SPEECH_ROOT": str(corpus / "speech"), "NOISE_ROOT": str(corpus / "noise")}
    return recipe, *checkout.run("./run.sh", *options, cwd=recipe, **roots)


def test_recipe_for_enhancement_needs_no_transcripts(checkout, corpus, repository):
    for transcript in (corpus / "speech").rglob("*.txt"):
        transcript.unlink()
    recipe, status, output = enhancement(checkout, corpus, repository)
    assert status == 0, output
    assert "speech: 12 recordings taken" in output and "split by speaker" in output
    stages = re.findall(r"Stage (\d+) ", output)
    assert stages == ["1", "2", "3", "7", "8", "9", "10"]
    assert (recipe / "exp/seed0/own/packed/README.md").exists()
    assert not (recipe / "data/train/text").exists()
    calls = [call.split()[0] for call in checkout.calls() if "validate" not in call]
    assert sorted(set(calls)) == ["enhance", "pack", "report", "score", "simulate", "train"]
    scores = [call for call in checkout.calls() if call.startswith("score")]
    assert len(scores) == 3 and not any("--hyp" in call for call in scores)


def test_recipe_for_enhancement_starts_from_a_given_one(checkout, corpus, repository):
    recipe, status, output = enhancement(checkout, corpus, repository, "--init", "some/where")
    assert status == 0, output
    trained = [call for call in checkout.calls() if call.startswith("train")]
    assert len(trained) == 1 and "--exp exp/seed0/finetuned" in trained[0]
    assert "--config conf/finetune_se.yaml" in trained[0]
    assert trained[0].endswith("--init-param some/where")
    models = re.findall(r"enhance .* --model (\S+)", "\n".join(checkout.calls()))
    assert sorted(models) == ["exp/seed0/finetuned/enhancer", "some/where"]
    packed = [path.parent.parent.name for path in recipe.glob("exp/seed0/*/packed/README.md")]
    assert packed == ["finetuned"]


def test_recipe_for_enhancement_has_no_recognisers(checkout, corpus, repository):
    _, status, output = enhancement(checkout, corpus, repository, "--backends", "ssl")
    assert status == 2 and "--backends ssl: enhancement has no backends" in output


def test_recipe_says_what_is_missing(checkout, corpus):
    recipe = make_recipe("other", checkout.root)
    status, output = checkout.run("./run.sh", cwd=recipe)
    assert status == 1
    assert "set SPEECH_ROOT in db.sh" in output
    (corpus / "speech/train/anna/1.txt").unlink()
    roots = {"SPEECH_ROOT": str(corpus / "speech"), "NOISE_ROOT": str(corpus / "noise")}
    status, output = checkout.run("./run.sh", "--stop_stage", "1", cwd=recipe, **roots)
    assert status == 0
    assert not (recipe / "exp/seed0").exists()
    left_out = f"warning: 1 of 4 files of {corpus}/speech/train are left out: anna/1.wav has no "
    assert left_out in output and "(all of them: data/train/.left_out)" in output


@pytest.mark.parametrize("task", METHODS)
def test_recipe_passes_shellcheck(checkout, task):
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("shellcheck is not installed")
    recipe = make_recipe("checked", checkout.root, task)
    scripts = [recipe / "run.sh", recipe / "local/data.sh", recipe / "db.sh", recipe / "path.sh"]
    done = subprocess.run([program, *scripts], capture_output=True, text=True, cwd=recipe)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "a/b", ".x"])
def test_names_that_are_no_folder(checkout, name):
    with pytest.raises(ConfigError, match="cannot name a recipe"):
        make_recipe(name, checkout.root)


def test_existing_recipe_is_kept(checkout):
    with pytest.raises(DataError, match="exists already"):
        make_recipe("mini", checkout.root)
    with pytest.raises(DataError, match="is no checkout"):
        make_recipe("x", checkout.root / "egs")
