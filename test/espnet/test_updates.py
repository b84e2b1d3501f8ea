"""Updates of the full-size trainings of recognisers, from counts of utterances alone."""

from __future__ import annotations

import numpy as np
import pytest

from sslse.espnet.updates import say_updates, updates_per_epoch
from sslse.runtime.settings import read_settings

UTTERANCES, HOURS = 281_241, 960.9  # of LibriSpeech's training parts
TOKENS_A_SECOND = 3.3  # 9.4 million words in 960 h; 1.2 pieces a word
LOGMEL = "egs/librispeech/sslmse/conf/train_asr_logmel.yaml"


def plan(folder, copies=1, vocab_size=5000):
    """Write shape files of LibriSpeech's size: most utterances have 12 to 16 s."""
    generator = np.random.default_rng(0)
    seconds = np.where(
        generator.random(UTTERANCES) < 0.6,
        generator.normal(14.5, 1.2, UTTERANCES),
        generator.uniform(1.5, 14, UTTERANCES),
    )
    seconds *= HOURS * 3600 / seconds.sum()
    tokens = np.maximum(1, generator.normal(TOKENS_A_SECOND, 0.4, UTTERANCES) * seconds)
    with open(folder / "speech", "w") as speech, open(folder / "text", "w") as text:
        for number, pair in enumerate(
            zip((16000 * seconds).tolist(), tokens.tolist(), strict=True)
        ):
            for copy in range(copies):
                speech.write(f"{copy}-{number} {int(pair[0])}\n")
                text.write(f"{copy}-{number} {int(pair[1])},{vocab_size}\n")
    return [folder / "speech", folder / "text"]


@pytest.mark.slow
def test_the_warm_up_of_the_full_size_recogniser_ends_well_inside_its_training(
    repository, tmp_path, capsys
):
    settings = read_settings(repository / LOGMEL)
    shapes = plan(tmp_path)
    each, warmup = updates_per_epoch(settings, shapes), settings["scheduler_conf"]["warmup_steps"]
    total = each * settings["max_epoch"]
    assert 100_000 < total < 150_000 and 2.5 * warmup < total  # ESPnet: 50 epochs of 3 copies
    # ESPnet's own batches, on as much speech.
    theirs = updates_per_epoch({**settings, "batch_bins": 35_000_000, "accum_grad": 4}, shapes)
    assert 3 * 50 * theirs == pytest.approx(total, rel=0.08)
    say_updates(settings, shapes, settings["max_epoch"])
    assert "warning" not in capsys.readouterr().out
    # Without the tokens, and with a third of the utterances, it never did.
    few = updates_per_epoch({**settings, "batch_bins": 35_000_000, "accum_grad": 4}, shapes[:1])
    assert 50 * few * 100_000 / UTTERANCES < warmup


@pytest.mark.slow
def test_the_warm_up_of_the_full_size_transducer_ends_well_inside_its_training(
    repository, tmp_path
):
    settings = read_settings(repository / "conf/asr/conformer_transducer_s.yaml")
    shapes = plan(tmp_path, copies=2, vocab_size=settings["vocab_size"])  # clean and noisy
    total = updates_per_epoch(settings, shapes) * settings["max_epoch"]
    assert 2.5 * settings["scheduler_conf"]["warmup_steps"] < total


def test_a_warm_up_that_does_not_end_is_said(tmp_path, capsys):
    (tmp_path / "speech").write_text("".join(f"u{i} 16000\n" for i in range(40)))
    settings = {"batch_type": "sorted", "batch_size": 4, "accum_grad": 2}
    assert updates_per_epoch(settings, [tmp_path / "speech"]) == 5
    say_updates({**settings, "scheduler_conf": {"warmup_steps": 50}}, [tmp_path / "speech"], 10)
    assert "the warm-up of 50 updates does not end" in capsys.readouterr().out
    say_updates({**settings, "scheduler_conf": {"warmup_steps": 49}}, [tmp_path / "speech"], 10)
    assert capsys.readouterr().out == "5 updates an epoch, 50 in 10 epochs\n"
