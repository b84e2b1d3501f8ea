"""A small test set with audio of three systems, in the layout that the stages write."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sslse.audio.files import write_audio
from sslse.data.datadir import write_datadir, write_table
from sslse.metrics.scores import write_summary, write_values

RATE = 16000
NOISE = {"noisy": 0.1, "weak": 0.05, "strong": 0.02}
WORDS = "zero one two three four five six seven eight nine".split()


def make_set(root: Path, num_utterances: int = 8, seconds: float = 0.3) -> tuple[Path, list[str]]:
    """Write ``root/data/test_noisy`` and ``root/exp``; return the data directory and the folders of
    noisy, weak and strong."""
    rng = np.random.default_rng(0)
    ids = [f"utt{number:02}" for number in range(num_utterances)]
    time = np.arange(int(seconds * RATE)) / RATE
    tables: dict[str, dict[str, str]] = {name: {} for name in ("clean", *NOISE)}
    for number, name in enumerate(ids):
        envelope = np.abs(np.sin(np.pi * 4 * time)) ** 0.5
        clean = 0.2 * envelope * np.sin(2 * np.pi * (200 + 40 * number + 900 * time) * time)
        noise = rng.standard_normal(len(time))
        for system, level in {"clean": 0.0, **NOISE}.items():
            path = root / "audio" / system / f"{name}.wav"
            write_audio(path, clean + level * noise, RATE)
            tables[system][name] = str(path)
    data = root / "data" / "test_noisy"
    text = {name: " ".join(rng.choice(WORDS, 4)) for name in ids}
    write_datadir(
        data,
        wav_scp=tables["noisy"],
        spk1_scp=tables["clean"],
        text=text,
        utt2snr={name: float(number % 2 * 10) for number, name in enumerate(ids)},
    )
    runs = []
    for system in NOISE:
        run = root / "exp" / "seed0" / system / "decode_test" / "oa0"
        write_table(run / "wav.scp", tables[system])
        said = {name: words.replace("one", "nine") for name, words in text.items()}
        write_table(run / "hyp_ssl" / "text", said)
        write_values_of(run / "scores", ids)
        runs.append(str(run))
    return data, runs


def write_values_of(folder: Path, ids: list[str]) -> None:
    """Write a folder of scores with one column."""
    folder.mkdir(parents=True)
    write_values(folder / "pesq", {name: (2.0,) for name in ids})
    entry = {"mean": 2.0, "n_scored": len(ids), "n_failed": 0}
    about = {"utterances": len(ids), "versions": {}}
    write_summary(folder / "summary.json", {"pesq": entry, "about": about})
