"""The skeleton of ``sslse new-recipe``: no placeholder, shellcheck clean, it runs."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from sslse.cli.new_recipe import make_recipe
from sslse.errors import ConfigError, DataError


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


def test_recipe_runs_its_first_stages(checkout, corpus):
    recipe = make_recipe("my-corpus", checkout.root)
    for file in recipe.rglob("*"):
        if file.is_file():
            assert "@NAME@" not in file.read_text(), file
    assert (recipe / "conf/train_se.yaml").is_file()
    roots = {"SPEECH_ROOT": str(corpus / "speech"), "NOISE_ROOT": str(corpus / "noise")}
    status, output = checkout.run("./run.sh", "--stop_stage", "10", cwd=recipe, **roots)
    assert status == 0, output
    lines = (recipe / "data/train/text").read_text().splitlines()
    assert lines == [f"{s}-{n} open the door" for s in ("anna", "ben") for n in (0, 1)]
    assert (recipe / "data/noise_test/wav.scp").read_text().startswith("hum /")
    assert (recipe / "exp/report/index.html").exists()


def test_recipe_says_what_is_missing(checkout, corpus):
    recipe = make_recipe("other", checkout.root)
    status, output = checkout.run("./run.sh", cwd=recipe)
    assert status == 1
    assert "set SPEECH_ROOT in db.sh" in output
    (corpus / "speech/train/anna/1.txt").unlink()
    roots = {"SPEECH_ROOT": str(corpus / "speech"), "NOISE_ROOT": str(corpus / "noise")}
    status, output = checkout.run("./run.sh", cwd=recipe, **roots)
    assert status == 1
    assert "anna/1.wav has no transcript" in output


def test_recipe_passes_shellcheck(checkout):
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("shellcheck is not installed")
    recipe = make_recipe("checked", checkout.root)
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
