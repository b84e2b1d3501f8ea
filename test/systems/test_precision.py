"""A precision that a configuration names for other machines does not make a training crawl."""

from __future__ import annotations

import pytest

from sslse.runtime.device import has_units
from sslse.systems import training as module

SENTENCE = "no units for bfloat16"


@pytest.mark.parametrize(
    ("precision", "units", "used"),
    [
        ("bf16-mixed", False, "32-true"),
        ("bf16-mixed", True, "bf16-mixed"),
        ("64-true", False, "64-true"),
        ("32-true", False, "32-true"),
    ],
)
def test_bfloat16_is_for_cpus_that_have_units_for_it(monkeypatch, capsys, precision, units, used):
    monkeypatch.setattr(module, "has_units", lambda dtype: units)
    settings = {"accelerator": "cpu", "precision": precision}
    module.avoid_slow_bfloat16(settings)
    assert settings["precision"] == used
    assert (SENTENCE in capsys.readouterr().out) == (used != precision)


def test_a_gpu_keeps_the_precision_of_the_configuration(monkeypatch):
    monkeypatch.setattr(module, "has_units", lambda dtype: False)
    monkeypatch.setattr(module, "choose_device", lambda: "cuda:0")
    settings = {"accelerator": "auto", "precision": "bf16-mixed"}
    module.avoid_slow_bfloat16(settings)
    assert settings["precision"] == "bf16-mixed"


@pytest.mark.slow
def test_the_command_line_orders_what_a_configuration_proposes(
    enhancement_config, tmp_path, training
):
    proposed = tmp_path / "bf16.yaml"
    proposed.write_text("trainer: {precision: bf16-mixed}\n")
    options = ("--trainer.max_steps", "2", "--device", "cpu")
    output = training.finish(enhancement_config, tmp_path / "a", "--config", proposed, *options)
    assert (SENTENCE in output) != has_units("bfloat16")
    ordered = ("--trainer.precision", "bf16-mixed")
    assert SENTENCE not in training.finish(enhancement_config, tmp_path / "b", *ordered, *options)
