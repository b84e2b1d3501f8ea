"""A small experiment in the layout that the stages write, with scores drawn at random."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.data.datadir import write_table
from sslse.metrics.scores import write_failed, write_summary, write_values
from sslse.recipe.method import Method
from sslse.report.paper import Paper, read_paper

TEMPLATE = Path(__file__).resolve().parents[2] / "egs/TEMPLATE"
RATE = 16000
# System -> word error probability, SDR in dB; lower errors for the later ones.
SYSTEMS = {
    "clean": (0.03, 100.0),
    "noisy": (0.45, 5.0),
    "se_pretrain": (0.38, 9.8),
    "ft_snr": (0.36, 10.5),
    "ft_lmfb": (0.33, 10.3),
    "ft_ssl_mse": (0.24, 10.2),
}
WORDS = "zero one two three four five six seven eight nine".split()
RECOGNIZERS = {"ssl": 0.0, "ssl_other": 0.02, "logmel": 0.05}


def make_experiment(
    root: Path,
    seeds: tuple[int, ...] = (0, 1, 2),
    num_utterances: int = 40,
    seconds: float = 0.6,
    num_audio: int = 3,
    failed: int = 0,
) -> Path:
    """Write ``root/data/test_noisy`` and ``root/exp``; return the latter.

    Args:
        root: folder.
        seeds: numbers of the seeds.
        num_utterances: of the test set.
        seconds: length of an utterance.
        num_audio: utterances that have audio: those at both ends and in the middle of the SNRs.
        failed: utterances of noisy that PESQ failed on.
    """
    rng = np.random.default_rng(0)
    utterances = [f"utt{number:03}" for number in range(num_utterances)]
    snr_db = dict(zip(utterances, np.linspace(0, 10, num_utterances), strict=True))
    text = {name: " ".join(rng.choice(WORDS, 4)) for name in utterances}
    heard = [utterances[i] for i in np.linspace(0, num_utterances - 1, num_audio).astype(int)]
    time = np.arange(int(seconds * RATE)) / RATE
    clean = {
        name: 0.2 * np.sin(2 * np.pi * (200 + 1500 * time * (1 + number)) * time)
        for number, name in enumerate(heard)
    }
    noise = {name: 0.1 * rng.standard_normal(len(time)) for name in heard}
    data = root / "data" / "test_noisy"
    write_table(data / "utt2snr", snr_db)
    write_table(data / "text", text)
    write_table(data / "wav.scp", {name: f"{data}/{name}.wav" for name in utterances})
    for seed in seeds:
        for system, (rate, sdr) in SYSTEMS.items():
            home = root / "exp" / f"seed{seed}" / system
            for weight in ("0",) if system in ("clean", "noisy") else ("0", "0.2"):
                run = home / "decode_test" / f"oa{weight}"
                level = {"clean": 0.0, "noisy": 1.0}.get(system, 0.3 + float(weight))
                for name in heard:
                    write_audio(run / f"wav/{name}.wav", clean[name] + level * noise[name], RATE)
                write_table(run / "wav.scp", {name: f"{run}/wav/{name}.wav" for name in heard})
                shift = 0.02 if weight != "0" else 0.0
                _write_scores(
                    run, rng, text, snr_db, rate - shift, sdr, failed * (system == "noisy")
                )
            if system not in ("clean", "noisy"):
                table = {"0": {"wer_ssl": 0.3, "mean": 0.3}, "0.2": {"wer_ssl": 0.2, "mean": 0.2}}
                choice = {"weight": 0.2, "table": table}
                (home / "oa_valid.json").write_text(json.dumps(choice))
                (home / "metrics.csv").write_text(_curves(rng))
    return root / "exp"


def _write_scores(run, rng, text, snr_db, rate, sdr, failed) -> None:
    scores = run / "scores"
    scores.mkdir(parents=True, exist_ok=True)
    summary: dict[str, dict] = {}
    broken = {(name, "pesq"): "PESQ: No utterances detected" for name in list(text)[:failed]}
    values = {
        "sdr": (sdr, 1.0),
        "si_sdr": (sdr - 0.5, 1.0),
        "pesq": (1.4 + sdr / 50, 0.1),
        "stoi": (0.85 + sdr / 1000, 0.02),
        "dnsmos_sig": (3.0, 0.1),
        "dnsmos_bak": (2.5 + sdr / 20, 0.1),
        "dnsmos_ovrl": (2.2 + sdr / 40, 0.1),
    }
    for column, (mean, spread) in values.items():
        entries = {
            name: (min(100.0, mean + spread * float(rng.standard_normal())),)
            for name in text
            if (name, column) not in broken
        }
        write_values(scores / column, entries)
        summary[column] = {
            "mean": sum(value for (value,) in entries.values()) / len(entries),
            "n_scored": len(entries),
            "n_failed": len(text) - len(entries),
        }
    for recognizer, more in RECOGNIZERS.items():
        errors, hypotheses = {}, {}
        for name, words in text.items():
            chance = (rate + more) * (1.5 - snr_db[name] / 10)
            said = [w if rng.random() > chance else "eight" for w in words.split()]
            wrong = sum(a != b for a, b in zip(said, words.split(), strict=True))
            errors[name], hypotheses[name] = (wrong, len(said)), " ".join(said)
        write_table(run / f"hyp_{recognizer}" / "text", hypotheses)
        write_values(scores / f"wer_{recognizer}", errors)
        counts = [sum(column) for column in zip(*errors.values(), strict=True)]
        summary[f"wer_{recognizer}"] = {
            "errors": counts[0],
            "words": counts[1],
            "wer": counts[0] / counts[1],
            "n_scored": len(errors),
            "n_failed": 0,
        }
    write_failed(scores / "failed", broken)
    summary["about"] = {"utterances": len(text), "versions": {"pesq": "0.0.4"}}
    write_summary(scores / "summary.json", summary)


def _curves(rng: np.random.Generator) -> str:
    lines = ["step,epoch,train/loss,train/snr,valid/loss,valid/snr_db"]
    for step in range(9, 500, 10):
        loss = -8 * (1 - np.exp(-step / 80)) + 0.6 * rng.standard_normal()
        valid = f"{loss + 0.5:.4f},{-loss:.4f}" if (step + 1) % 50 == 0 else ","
        lines.append(f"{step},,{loss:.4f},{loss:.4f},{valid}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``exp`` folder of a small experiment; a session writes it once, tests only read it."""
    return make_experiment(tmp_path_factory.mktemp("recipe"), failed=2)


@pytest.fixture(scope="session", name="make_experiment")
def make_experiment_fixture() -> Callable[..., Path]:
    """The function, for tests that need an experiment of their own."""
    return make_experiment


@pytest.fixture(scope="session")
def published() -> Paper:
    """What the paper of SSL-MSE says of its main table."""
    return read_paper(Method(TEMPLATE / "sslmse.yaml"))
