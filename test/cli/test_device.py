"""Every command that runs a model has the one option --device, and a recipe hands it on."""

from __future__ import annotations

import argparse
import importlib

import pytest

from sslse.cli.main import COMMANDS, main
from sslse.recipe.jobs import MODELS, TRAINING


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return every command, and every analysis, with its parser."""
    found = {}
    for name in COMMANDS:
        parser = argparse.ArgumentParser()
        module = importlib.import_module(f"sslse.cli.{name.replace('-', '_')}")
        module.add_arguments(parser)
        found[name] = parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                found |= {f"{name} {sub}": own for sub, own in action.choices.items()}
    return found


def test_the_device_is_one_option_of_all_that_run_a_model():
    helps = {}
    for name, parser in parsers().items():
        for action in parser._actions:
            if "--device" in action.option_strings:
                assert action.default == "auto", name
                helps[name] = action.help
    assert set(helps) == MODELS | TRAINING
    assert all("auto (the first GPU, else the CPU)" in text for text in helps.values())


COMMAND_LINES = {
    "enhance": "{tmp}/wav.scp -o {tmp}/out --model {model}",
    "predict": "{tmp}/wav.scp -o {tmp}/out --model {model}",
    "decode": "--recognizer ctc --data {tmp}/wav.scp --out {tmp}/out --model {model}",
    "classify": "--data {tmp}/wav.scp --out {tmp}/out --model {model}",
    "diarize": "--data {tmp}/wav.scp --out {tmp}/out --model {model}",
    "train": "--config {tmp}/none.yaml --exp {tmp}/exp",
}


@pytest.mark.parametrize("command", COMMAND_LINES)
def test_a_gpu_that_is_not_there_is_one_sentence(command, tmp_path, capsys, monkeypatch):
    import torch

    from sslse.enhancers import build_enhancer

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "wav.scp").write_text("a a.wav\n")
    sizes = {"num_filters": 8, "kernel_size": 4, "stride": 2, "blocks": 2, "repeats": 1}
    build_enhancer("conv_tasnet", **sizes).save_pretrained(tmp_path / "enhancer")
    line = COMMAND_LINES[command].format(tmp=tmp_path, model=tmp_path / "enhancer")
    assert main([command, *line.split(), "--device", "cuda"]) == 1
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith(f"sslse {command}: error: the device 'cuda' cannot be used: ")
    assert not (tmp_path / "out" / "text").exists()
