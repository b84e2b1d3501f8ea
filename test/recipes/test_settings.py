"""Every configuration of the recipes resolves, and no shared one is left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from jsonargparse import ArgumentParser

from sslse.runtime.settings import read_settings, settings_files
from sslse.simulate.config import SimulateConfig

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("mini", "an4", "speechocean762", "enhancer")  # recipes
OWN = sorted(
    path
    for path in ROOT.glob("egs/*/*/conf/*.yaml")
    if path.name != "method.yaml" and "ci_" not in str(path)
)
SHARED = sorted(ROOT.glob("conf/**/*.yaml"))
pytestmark = pytest.mark.filterwarnings("ignore:LightningCLI")


def is_training(settings: dict) -> bool:
    return all("class_path" in settings.get(part, {}) for part in ("model", "data"))


@pytest.fixture(scope="module")
def parser() -> ArgumentParser:
    import lightning

    from sslse.systems.base import System

    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(System, "model")
    parser.add_subclass_arguments(lightning.LightningDataModule, "data")
    parser.add_class_arguments(lightning.Trainer, "trainer")
    return parser


@pytest.mark.parametrize("path", [*OWN, *SHARED], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_configuration_resolves(path, parser):
    settings = read_settings(path)
    assert settings, "an empty configuration"
    if path.parent.name == "simulate" or path.name == "simulate.yaml":
        SimulateConfig.from_dict(settings)
    elif is_training(settings):
        assert settings["trainer"]["accelerator"] == "auto"
        if path in OWN or path.parent.name in ("downstream", "joint"):
            model, data = settings["model"]["init_args"], settings["data"]["init_args"]
            if settings["model"]["class_path"].endswith("TokenizerTraining"):  # what a stage passes
                model["tokenizer"], data["train"], data["valid"] = "clusters", "train", "valid"
            parser.parse_object(settings)
            assert settings["trainer"]["max_steps"] > 0 and data["train"]


def test_trainings_of_full_size_read_their_data_beside_the_training():
    checked = 0
    for path in [*OWN, *SHARED]:
        settings = read_settings(path)
        if not is_training(settings):
            continue
        small = path.stem.endswith("small") or path.relative_to(ROOT).parts[1] in SMALL
        workers = settings["data"]["init_args"].get("num_workers", 0)
        assert workers == (0 if small else "auto"), path
        checked += not small
    assert checked > 20


def test_the_joint_trainings_resolve_with_their_losses(parser):
    finetunes = [path for path in OWN if path.match("cbpc/conf/finetune.yaml")]
    losses = sorted((ROOT / "conf/joint").glob("*.yaml"))
    assert len(finetunes) == 3 and len(losses) == 8
    for path in losses:
        for finetune in finetunes:
            settings = read_settings(path, finetune)
            assert is_training(settings)
            parser.parse_object(settings)


@pytest.mark.parametrize("corpus", ["mini", "an4", "librispeech"])
def test_criteria_of_the_fine_tunings(corpus):
    conf = ROOT / "egs" / corpus / "sslmse/conf"
    for name, parts in {
        "snr": ["snr"],
        "snr_asr": ["snr", "asr"],
        "snr_lmfb": ["snr", "lmfb"],
        "snr_ssl_mse": ["snr", "ssl_mse"],
    }.items():
        shared = ROOT / "conf/criterion" / f"{name}.yaml"
        settings = read_settings(conf / "finetune.yaml", shared)
        assert list(settings["model"]["init_args"]["criteria"]) == parts
        assert settings["model"]["init_args"]["enhancer"] is None
        # The loss of a recogniser needs transcripts, so whole utterances.
        assert (settings["data"]["init_args"]["crop_seconds"] is None) == (name == "snr_asr")


def test_no_shared_configuration_is_left_over():
    """A recipe, a stage or a page of the documentation names it, or another builds on it."""
    used = {file.resolve() for path in OWN for file in settings_files(path)}
    texts = [*ROOT.glob("egs/**/*.sh"), *ROOT.glob("egs/**/*.yaml"), *ROOT.glob("docs/*.md")]
    named = "\n".join(path.read_text() for path in texts if "ci_" not in str(path))
    for path in SHARED:
        name = str(path.relative_to(ROOT))
        pattern = re.escape(name).replace(re.escape(path.stem), rf"({re.escape(path.stem)}|%s)")
        if re.search(pattern, named) or f"`{path.name}`" in named:
            used.update(file.resolve() for file in settings_files(path))
    assert [str(path.relative_to(ROOT)) for path in SHARED if path.resolve() not in used] == []


def test_a_setting_that_repeats_its_base_is_none():
    """A difference says what differs."""
    for path in [*OWN, *SHARED]:
        own = yaml.safe_load(path.read_text())
        bases = own.pop("base", [])
        bases = [path.parent / base for base in ([bases] if isinstance(bases, str) else bases)]
        base = read_settings(*bases)
        repeated = sorted(repeats(own, base))
        assert not repeated, f"{path}: {repeated}"


def repeats(own: dict, base: dict, prefix: str = ""):
    named = ("class_path", "name", "criterion", "head")
    if any(isinstance(own.get(key), str) and own[key] != base.get(key) for key in named):
        return
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            yield from repeats(value, base[key], f"{prefix}{key}.")
        elif key in base and base[key] == value:
            yield f"{prefix}{key}"
