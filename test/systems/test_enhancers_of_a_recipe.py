"""Enhancers besides the recipe's own, real-time and larger ones, train and export by its config."""

from __future__ import annotations

import pytest
import torch

from sslse.cli.main import main
from sslse.enhancers import build_enhancer
from sslse.enhancers.base import Enhancer
from sslse.runtime.settings import read_settings

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "name",
    [
        "band_split_small_causal",
        "conv_tasnet_small_causal",
        "dccrn_small_causal",
        "demucs_small_causal",
        "espnet_tfgridnet",
    ],
)
def test_two_steps_and_an_export(enhancement_config, repository, tmp_path, name):
    if name.startswith("espnet"):
        pytest.importorskip("espnet2")
    path = repository / "conf" / "enhancer" / f"{name}.yaml"
    enhancer = read_settings(path)["model"]["init_args"]["enhancer"]
    arguments = ["train", "--config", str(enhancement_config), "--exp", str(tmp_path)]
    arguments += ["--config", str(path)]
    steps = ["--trainer.max_steps", "2", "--trainer.val_check_interval", "2"]
    assert main([*arguments, *steps, "--data.batch_size", "2"]) == 0
    net = Enhancer.from_pretrained(tmp_path / "enhancer")
    torch.manual_seed(0)
    begun = build_enhancer(**enhancer)
    trained = dict(net.named_parameters())
    assert net.config == begun.config
    assert any(not torch.equal(trained[key], value) for key, value in begun.named_parameters())
    noisy = 0.1 * torch.randn(3000)
    with torch.no_grad():
        enhanced = net(noisy[None])[0]
    assert enhanced.isfinite().all()
    if net.causal:
        stream = net.stream()
        parts = [*map(stream.push, noisy.split(net.hop_samples)), stream.finish()]
        torch.testing.assert_close(torch.cat(parts), enhanced, rtol=1e-3, atol=1e-5)
