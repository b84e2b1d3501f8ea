"""``sslse new-recipe``: what it writes for its options, and what it refuses."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import yaml

from sslse.cli.main import main
from sslse.enhancers import build_enhancer

SIZES = {
    "num_filters": 8,
    "bottleneck_channels": 8,
    "hidden_channels": 8,
    "blocks": 1,
    "repeats": 1,
}


@pytest.fixture
def root(repository, tmp_path):
    """A checkout with what a recipe is made of."""
    for folder in ("egs/TEMPLATE", "egs/mini/sslmse"):
        unwanted = shutil.ignore_patterns("data", "exp") if "mini" in folder else None
        shutil.copytree(repository / folder, tmp_path / "root" / folder, ignore=unwanted)
    return tmp_path / "root"


@pytest.fixture
def new_recipe(root, capsys):
    """Call with arguments; returns exit status, standard output and error."""

    def run(*arguments):
        capsys.readouterr()
        status = main(["new-recipe", *map(str, arguments), "--root", str(root)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def enhancer(tmp_path):
    """A folder of an enhancer at 8 kHz."""
    build_enhancer("conv_tasnet", sample_rate=8000, **SIZES).save_pretrained(tmp_path / "given")
    return tmp_path / "given"


def corpora(recipe):
    """Return the variables of a recipe's db.sh, as the shell reads them."""
    command = f'. "{recipe}/db.sh"; printf "%s\\n" "${{SPEECH_ROOT}}" "${{NOISE_ROOT}}"'
    done = subprocess.run(["bash", "-uc", command], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "task, method", [("recognition", "sslmse"), ("enhancement", "enhancement")]
)
def test_folders_are_written_as_they_are(new_recipe, root, tmp_path, task, method):
    speech = tmp_path / 'my $HOME\'s "clean" {speech}'
    speech.mkdir()
    status, out, _ = new_recipe("a", "--task", task, "--speech", speech)
    assert status == 0 and f"made {root}/egs/a/{method}; next:" in out
    assert corpora(root / "egs/a" / method) == [str(speech), ""]
    for file in (root / "egs/a").rglob("*"):
        assert not file.is_file() or "@" not in file.read_text().replace("$@", "").replace(
            "[@]", ""
        )


def test_a_given_enhancer_settles_the_rate(new_recipe, root, enhancer, tmp_path):
    status, out, _ = new_recipe(
        "b", "--task", "enhancement", "--speech", tmp_path, "--init", enhancer
    )
    recipe = root / "egs/b/enhancement"
    assert status == 0 and f"--model {recipe}/exp/seed0/finetuned/packed" in out
    settings = {path.stem: yaml.safe_load(path.read_text()) for path in recipe.glob("conf/*.yaml")}
    assert settings["method"]["options"] == {"init": str(enhancer)}
    assert settings["simulate"]["sample_rate"] == 8000
    assert settings["train_se"]["data"]["init_args"]["sample_rate"] == 8000
    assert "\nsample_rate=8000  # " in (recipe / "local/data.sh").read_text()


def test_without_one_a_new_enhancer_is_trained(new_recipe, root):
    status, out, _ = new_recipe("c", "--task", "enhancement")
    assert status == 0 and "1. set SPEECH_ROOT in db.sh" in out and "exp/seed0/own/packed" in out
    method = yaml.safe_load((root / "egs/c/enhancement/conf/method.yaml").read_text())
    assert method["options"] == {"init": ""}


@pytest.mark.parametrize(
    "options, words",
    [
        (("--task", "enhancement", "--speech", "nowhere"), "there is no folder nowhere"),
        (("--task", "enhancement", "--noise", "nowhere"), "there is no folder nowhere"),
        (("--task", "enhancement", "--init", "nowhere"), "no folder nowhere"),
        (("--task", "enhancement", "--init", "."), "holds no config.json"),
        (
            ("--task", "enhancement", "--init", "GIVEN", "--sample-rate", "16000"),
            "works at 8000 Hz",
        ),
        (("--task", "enhancement", "--sample-rate", "0"), "must be 1 or more"),
        (("--init", "GIVEN"), "go with --task enhancement"),
        (("--sample-rate", "16000"), "go with --task enhancement"),
    ],
)
def test_bad_options_are_one_sentence_and_make_nothing(
    new_recipe, root, enhancer, options, words, tmp_path, monkeypatch
):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    options = [str(enhancer) if word == "GIVEN" else word for word in options]
    status, out, err = new_recipe("d", *options)
    assert status == 1 and words in err and len(err.strip().splitlines()) == 1
    assert not (root / "egs/d").exists()


def test_a_recipe_is_never_replaced(new_recipe):
    assert new_recipe("e", "--task", "enhancement")[0] == 0
    status, _, err = new_recipe("e", "--task", "enhancement")
    assert status == 1 and "exists already" in err
    assert new_recipe("e")[0] == 0  # another task, another folder
