"""The published settings of the SUPERB heads are configurations that can be read as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from sslse.systems.training import parse
from sslse.systems.upstream_pretraining import UpstreamPretraining

CONF = Path(__file__).resolve().parents[2] / "conf" / "downstream"
pytestmark = pytest.mark.filterwarnings("ignore:LightningCLI")
HEADS = sorted(path.stem for path in CONF.glob("*.yaml") if path.stem != "noise_robust")


@pytest.fixture(scope="module")
def upstream(tmp_path_factory, tiny_hubert):
    root = tmp_path_factory.mktemp("upstream")
    UpstreamPretraining(tiny_hubert, num_units=4, seed=0).eval().export(root)
    return root / "upstream"


def read(upstream, *names):
    argv = [f"--config={CONF / name}.yaml" for name in names]
    cli = parse([*argv, f"--model.upstream={upstream}"])
    return cli.model, cli.datamodule, cli.config["trainer"]


@pytest.mark.parametrize("name", HEADS)
def test_official_and_noise_robust_set_ups(upstream, name):
    model, data, trainer = read(upstream, name)
    assert data.noise_path is None and trainer["max_steps"] in (30_000, 200_000)
    assert model.optimizer_config.schedule == "constant" and model.optimizer_config.lr == 1e-4
    robust, noisy, _ = read(upstream, name, "noise_robust")
    assert type(robust) is type(model) and robust.head_config == model.head_config
    assert noisy.noise_path == "data/noise_train"
    assert noisy.simulate == {"snr_low": -3, "snr_high": 20, "level": "whole"}
    assert (noisy.train_path, noisy.batch_size) == (data.train_path, data.batch_size)


def test_batches_of_the_benchmark(upstream):
    sizes = {"asr": 32, "ic": 32, "ks": 32, "sid": 8 * 4, "asv": 10 * 5, "sd": 8 * 4}
    for name, size in sizes.items():
        _, data, trainer = read(upstream, name)
        assert data.batch_size * (trainer["accumulate_grad_batches"] or 1) == size


@pytest.mark.parametrize("recipe", ["mini", "an4"])
def test_heads_of_the_small_recipes_and_noise_over_them(upstream, recipe):
    folder = CONF.parents[1] / "egs" / recipe / "sslmse/conf"
    names = [name for name in ("asr_ssl", "asv", "ic") if (folder / f"train_{name}.yaml").is_file()]
    assert "asv" in names and ("ic" in names) == (recipe == "mini")
    for name in names:
        argv = [f"--config={folder}/train_{name}.yaml", f"--model.upstream={upstream}"]
        assert parse(argv).datamodule.noise_path is None
        noisy = parse([*argv, f"--config={CONF}/noise_robust.yaml"]).datamodule
        assert noisy.noise_path and noisy.simulate == {
            "snr_low": -3,
            "snr_high": 20,
            "level": "whole",
        }
        assert noisy.batch_size == parse(argv).datamodule.batch_size


def test_the_recogniser_is_augmented_as_in_the_benchmark(upstream):
    model, _, _ = read(upstream, "asr")
    augment = model.spec_augment
    assert (augment.time_warp, augment.num_time_masks, augment.time_mask_frames) == (5, 2, 40)
    assert (augment.num_feature_masks, augment.feature_mask_width) == (4, 50)
    assert model.head_config["dropout"] == 0.2 and "input_dropout" not in model.head_config
