"""A wrong option of a training is one sentence that names the right one."""

from __future__ import annotations

import pytest
import yaml

from sslse.errors import ConfigError
from sslse.systems.training import parse

SYSTEM = "sslse.systems.enhancement.EnhancementSystem"


@pytest.fixture
def config(tmp_path):
    enhancer = {"name": "conv_tasnet", "num_filters": 8, "kernel_size": 32, "stride": 16}
    settings = {
        "model": {"class_path": SYSTEM, "init_args": {"enhancer": enhancer, "criteria": {}}},
        "data": {
            "class_path": "sslse.systems.mixture_data.MixtureData",
            "init_args": {"train": "data/train"},
        },
        "trainer": {"max_steps": 1, "accelerator": "cpu"},
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(settings))
    return f"--config={tmp_path}/train.yaml"


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--trainer.max_stepz=3", "did you mean '--trainer.max_steps'?"),
        ("--max-steps=3", "did you mean '--trainer.max_steps'?"),
        ("--model.init_args.criteri=x", "did you mean '--model.criteria'?"),
        ("--model.optimizer.lrr=1", "did you mean '--model.optimizer.lr'?"),
        ("--data.batch_sizes=3", "did you mean '--data.batch_size'?"),
        (f"--model.class_path={SYSTEM[:-1]}", "did you mean 'EnhancementSystem'?"),
        ("--model.class_path=nothing.at.All", "No module named 'nothing'"),
        ("--trainer.max_steps=three", "trainer.max_steps is three; expected int"),
        ("--data.batch_size=x", "data.batch_size is x; expected int"),
        ("--trainer.precision=13", "trainer.precision is 13; expected 64, 32, 16 or "),
        ("stray", "'stray' is no option"),
    ],
)
def test_one_sentence_that_names_the_nearest_key(config, option, words):
    with pytest.raises(ConfigError) as caught:
        parse([config, option])
    said = str(caught.value)
    assert words in said and "train.yaml cannot be used: " in said
    assert "usage:" not in said and "Union" not in said and len(said) < 500


def test_a_training_without_a_configuration():
    with pytest.raises(ConfigError, match="has no data and no model; name a configuration"):
        parse([])
