"""The enhancement system: what it builds, keeps in a checkpoint and refuses."""

import csv
from types import SimpleNamespace

import pytest
import torch

from sslse.enhancers.base import Enhancer
from sslse.errors import ConfigError, SslseError
from sslse.systems.base import OptimizerConfig, step_seed
from sslse.systems.enhancement import EnhancementSystem
from sslse.systems.metrics_file import MetricsFile

SMALL = {
    "name": "conv_tasnet",
    "num_filters": 8,
    "kernel_size": 32,
    "stride": 16,
    "bottleneck_channels": 4,
    "hidden_channels": 6,
    "blocks": 2,
    "repeats": 1,
}
SNR = {"snr": {"criterion": "SNRLoss"}}


def test_the_seed_decides_the_initial_weights():
    first, again, other = (EnhancementSystem(SNR, SMALL, seed=seed) for seed in (1, 1, 2))
    waveform = torch.randn(1, 400)
    assert torch.equal(first.enhancer(waveform), again.enhancer(waveform))
    assert not torch.equal(first.enhancer(waveform), other.enhancer(waveform))


def test_export_and_init_param_are_the_same_network(tmp_path):
    system = EnhancementSystem(SNR, SMALL).eval()
    (folder,) = system.export(tmp_path)
    again = EnhancementSystem(SNR, init_param=str(folder)).eval()
    waveform = torch.randn(2, 555)
    assert torch.equal(system.enhancer(waveform), again.enhancer(waveform))
    assert torch.equal(Enhancer.from_pretrained(folder)(waveform), again.enhancer(waveform))


def test_loss_is_the_weighted_sum_of_its_parts(monkeypatch):
    criteria = {
        "snr": {"criterion": "SNRLoss", "weight": 0.5},
        "stft": {"criterion": "MultiResolutionSTFTLoss", "weight": 3.0},
    }
    system = EnhancementSystem(criteria, SMALL, gradient_norm_every=0)
    batch = {"noisy": torch.randn(2, 4000), "clean": torch.randn(2, 4000)}
    loss, parts = system.training_losses(batch)
    parts = {name: value.item() for name, value in parts.items()}
    assert loss.item() == pytest.approx(0.5 * parts["snr"] + 3.0 * parts["stft"], rel=1e-5)


def test_alpha_sweeps_between_snr_and_the_other():
    criteria = {
        "stft": {"criterion": "MultiResolutionSTFTLoss", "weight": 3.0},
        "snr": {"criterion": "SNRLoss"},
    }
    batch = {"noisy": torch.randn(2, 4000), "clean": torch.randn(2, 4000)}
    for alpha in (0.0, 0.3, 1.0):
        system = EnhancementSystem(criteria, SMALL, alpha=alpha, gradient_norm_every=0)
        loss, parts = system.training_losses(batch)
        expected = alpha * parts["snr"] + (1 - alpha) * 3.0 * parts["stft"]
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
        # The resolved configuration is written with its keys sorted: their order means nothing.
        again = EnhancementSystem(dict(sorted(criteria.items())), SMALL, alpha=alpha)
        assert again.criterion.weights == system.criterion.weights


def test_transcripts_reach_a_frozen_recogniser_that_no_checkpoint_holds(frozen_asr):
    criteria = {"snr": {"criterion": "SNRLoss"}, "asr": {"criterion": "ASRLoss", "asr": frozen_asr}}
    system = EnhancementSystem(criteria, SMALL, gradient_norm_every=0)
    clean = torch.randn(2, 8000)
    batch = {
        "noisy": clean + torch.randn(2, 8000),
        "clean": clean,
        "clean_lengths": torch.tensor([8000, 6000]),
        "text": ["ab", "fed"],
    }
    loss, parts = system.training_losses(batch)
    enhanced = system.enhancer(batch["noisy"])
    words = frozen_asr.tokenize_batch(batch["text"])
    expected = frozen_asr.loss(enhanced, batch["clean_lengths"], *words).mean()
    assert parts["asr"] == pytest.approx(expected.item(), rel=1e-4)
    loss.backward()
    assert all(p.grad is not None for p in system.enhancer.parameters())
    checkpoint = {"state_dict": system.state_dict()}
    system.on_save_checkpoint(checkpoint)
    assert {name.split(".")[0] for name in checkpoint["state_dict"]} == {"enhancer"}
    system.load_state_dict(checkpoint["state_dict"])
    del batch["text"]
    with pytest.raises(ConfigError, match="'asr' needs transcripts"):
        system.training_losses(batch)


def test_checkpoints_hold_what_learns_and_what_a_criterion_has_seen(upstream_folder):
    """The statistics beside a frozen upstream change in training; the upstream does not."""
    criteria = {
        "snr": {"criterion": "SNRLoss"},
        "ssl": {"criterion": "SSLMSELoss", "normalize": "clean_stats"},
    }
    system = EnhancementSystem(criteria, SMALL, upstream=str(upstream_folder))
    clean = torch.randn(2, 8000)
    system.train().compare(clean, {"noisy": clean, "clean": clean})
    checkpoint = {"state_dict": system.state_dict()}
    system.on_save_checkpoint(checkpoint)
    kept = checkpoint["state_dict"]
    assert not [name for name in kept if ".upstream." in name]
    again = EnhancementSystem(criteria, SMALL, upstream=str(upstream_folder), seed=1)
    again.load_state_dict(kept)
    name = "criterion.criteria.ssl.clean_mean"
    assert kept[name].any() and torch.equal(again.state_dict()[name], kept[name])
    assert all(torch.equal(again.state_dict()[key], value) for key, value in kept.items())
    del kept["enhancer.bottleneck.bias"]
    with pytest.raises(SslseError, match="the checkpoint does not fit this training.*bottleneck"):
        again.load_state_dict(kept)


def test_a_frozen_model_of_another_rate_is_refused(frozen_asr):
    criteria = {"asr": {"criterion": "ASRLoss", "asr": frozen_asr}}
    with pytest.raises(ConfigError, match="16000 Hz but the enhancer at 8000 Hz"):
        EnhancementSystem(criteria, {**SMALL, "sample_rate": 8000})


def test_data_of_another_rate_are_refused(tmp_path):
    """Also of an enhancer from a folder, of whose rate no configuration speaks."""
    EnhancementSystem(SNR, {**SMALL, "sample_rate": 8000}).export(tmp_path)
    system = EnhancementSystem(SNR, init_param=str(tmp_path))
    data = SimpleNamespace(sample_rate=16000)
    system.trainer = SimpleNamespace(datamodule=data)
    with pytest.raises(ConfigError, match="works at 8000 Hz but the data at 16000 Hz"):
        system.setup("fit")
    data.sample_rate = 8000
    system.setup("fit")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"criteria": {"snr": {"weight": 1}}, "enhancer": SMALL}, "needs a 'criterion'"),
        ({"criteria": SNR}, "model.init_param"),
        ({"criteria": SNR, "enhancer": {"num_filters": 8}}, "needs a 'name'"),
        ({"criteria": {"x": {"criterion": "SSLMSELoss"}}, "enhancer": SMALL}, "model.upstream"),
        ({"criteria": {"x": {"criterion": "ASRLoss"}}, "enhancer": SMALL}, "model.asr"),
        ({"criteria": SNR, "enhancer": SMALL, "alpha": 0.5}, "two criteria"),
    ],
)
def test_wrong_configurations_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        EnhancementSystem(**options)


def test_loss_that_is_not_finite_stops_with_a_sentence():
    system = EnhancementSystem(SNR, SMALL)
    batch = {"noisy": torch.full((1, 400), float("nan")), "clean": torch.randn(1, 400)}
    with pytest.raises(SslseError, match="the loss is nan at step 0"):
        system.training_step(batch, 0)


def test_a_loss_that_was_not_read_yet_leaves_no_checkpoint():
    system = EnhancementSystem(SNR, SMALL)
    good, bad = torch.tensor(1.5), torch.tensor(float("nan"))
    system.unread = [(6, {"loss": good, "snr": good}), (7, {"loss": good, "step": 0.25})]
    assert system.read_numbers() == {"loss": 1.5, "snr": 1.5, "step": 0.25}
    assert system.read_numbers() == {}
    system.unread = [(8, {"loss": good}), (9, {"loss": bad, "snr": bad}), (10, {"loss": bad})]
    with pytest.raises(SslseError, match=r"the loss is nan at step 9 \(snr nan\)"):
        system.on_save_checkpoint({"state_dict": system.state_dict()})


def test_schedules_begin_and_end_where_they_say():
    for schedule in ("linear", "cosine"):
        config = OptimizerConfig(warmup_steps=5, schedule=schedule, final_fraction=0.1)
        factors = [config.factor(step, 50) for step in range(51)]
        assert factors[4] == 1.0 and factors[-1] == pytest.approx(0.1)
        assert all(a >= b - 1e-12 for a, b in zip(factors[5:], factors[6:], strict=False))


def test_step_seeds_do_not_collide():
    seeds = {
        step_seed(seed, step, rank) for seed in range(3) for step in range(500) for rank in (0, 1)
    }
    assert len(seeds) == 3 * 500 * 2


def test_metrics_file_continues_after_the_resumed_step(tmp_path):
    path = tmp_path / "metrics.csv"
    first = MetricsFile(path)
    for step in range(5):
        first.log_metrics({"train/loss": float(step)}, step)
    first.log_metrics({"valid/loss": 9.0}, 3)
    first.save()
    second = MetricsFile(path, resume_step=3)
    second.log_metrics({"train/loss": 30.0}, 3)
    second.save()
    rows = list(csv.DictReader(open(path)))
    assert [row["train/loss"] for row in rows] == ["0", "1", "2", "30"]
