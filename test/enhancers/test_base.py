"""Saving, loading, and every way in which a saved folder can be wrong."""

from __future__ import annotations

import json
import os
import stat

import pytest
import torch
from safetensors.torch import load_file, save_file

from sslse.enhancers import build_enhancer
from sslse.enhancers.base import Enhancer
from sslse.errors import ConfigError, DataError


@pytest.fixture
def saved(tiny, tmp_path):
    tiny().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize(
    "changes", [{}, {"norm": "cumulative", "causal": True, "normalize_input": False}]
)
def test_save_and_load_is_bit_identical(tiny, tmp_path, changes):
    net, noisy = tiny(**changes), torch.randn(2, 100)
    net.save_pretrained(tmp_path)
    again = Enhancer.from_pretrained(tmp_path)
    assert not again.training
    assert again.config == net.config
    assert torch.equal(again(noisy), net(noisy))


def test_files_are_readable_by_others_and_leave_nothing_beside(saved):
    assert sorted(path.name for path in saved.iterdir()) == ["config.json", "model.safetensors"]
    umask = os.umask(0)
    os.umask(umask)
    for path in saved.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_missing_folder(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        Enhancer.from_pretrained(tmp_path / "nothing")


def test_folder_without_config(tmp_path):
    with pytest.raises(DataError, match="holds no config.json"):
        Enhancer.from_pretrained(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"class": "ConvTasNet"}', '{"config": {}}'])
def test_config_that_is_none(saved, content):
    (saved / "config.json").write_text(content)
    with pytest.raises(DataError, match="config.json"):
        Enhancer.from_pretrained(saved)


def test_config_with_an_unknown_option_or_class(saved):
    for wrong in ({"class": "Nobody", "config": {}}, {"class": "ConvTasNet", "config": {"n": 1}}):
        (saved / "config.json").write_text(json.dumps(wrong))
        with pytest.raises(DataError, match="cannot be used"):
            Enhancer.from_pretrained(saved)


def test_missing_weights(saved):
    (saved / "model.safetensors").unlink()
    with pytest.raises(DataError, match="model.safetensors is missing"):
        Enhancer.from_pretrained(saved)


@pytest.mark.parametrize("keep", [0, 5, 60, -20])
def test_truncated_weights(saved, keep):
    path = saved / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="is damaged"):
        Enhancer.from_pretrained(saved)


def test_weights_of_another_network(saved, tiny):
    tensors = load_file(saved / "model.safetensors")
    for change in ("absent", "other shape", "extra"):
        wrong = dict(tensors)
        if change == "absent":
            del wrong["bottleneck.bias"]
        elif change == "other shape":
            wrong["bottleneck.bias"] = torch.zeros(3)
        else:
            wrong["bottleneck.more"] = torch.zeros(3)
        save_file(wrong, saved / "model.safetensors")
        with pytest.raises(DataError, match="does not fit config.json.*'bottleneck"):
            Enhancer.from_pretrained(saved)


def test_nothing_is_unpickled(saved):
    (saved / "model.safetensors").unlink()
    torch.save({"x": torch.zeros(1)}, saved / "pytorch_model.bin")
    with pytest.raises(DataError):
        Enhancer.from_pretrained(saved)


def test_unknown_names_are_answered_with_known_ones():
    with pytest.raises(ConfigError, match="there are conv_tasnet, .*espnet"):
        build_enhancer("wave_u_net")
    with pytest.raises(ConfigError, match="did you mean 'num_filters'"):
        build_enhancer("conv_tasnet", num_filter=3)


def test_explicit_level_replaces_that_of_the_utterance(tiny):
    net, noisy = tiny(), torch.randn(2, 100)
    level = noisy.square().mean(1, keepdim=True).sqrt()
    torch.testing.assert_close(net(noisy, level), net(noisy))
