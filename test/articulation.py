"""The committed utterances with articulation as data directories."""

from __future__ import annotations

from pathlib import Path

import kaldiio
import numpy as np

from sslse.articulation.trajectories import read_names, write_trajectories
from sslse.audio.files import write_audio
from sslse.data.datadir import write_datadir
from sslse.data.scp import Table

FOLDER = Path(__file__).parent / "fixtures" / "articulation"


def write_articulation(root: Path) -> Path:
    """Write ``data/{train,valid,noise,valid_noisy}`` below ``root``; return ``root``."""
    text, speakers = (dict(Table(FOLDER / name)) for name in ("text", "utt2spk"))
    archive = FOLDER / "tv.ark"
    trajectories = dict(kaldiio.load_ark(str(archive)))
    for name in ("train", "valid"):
        chosen = [utterance for utterance in text if utterance.startswith(name)]
        wav = {utterance: str(FOLDER / f"{utterance}.flac") for utterance in chosen}
        tables = {
            "wav_scp": wav,
            "text": {utterance: text[utterance] for utterance in chosen},
            "utt2spk": {utterance: speakers[utterance] for utterance in chosen},
        }
        folders = [name] if name == "train" else ["valid", "valid_noisy"]
        for folder in folders:
            extra = {"spk1_scp": wav} if folder == "valid_noisy" else {}
            write_datadir(root / "data" / folder, **tables, **extra)
            write_trajectories(
                root / "data" / folder / "tv.scp",
                root / f"{folder}.ark",
                ((utterance, trajectories[utterance]) for utterance in chosen),
                read_names(archive),
            )
    noise = np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32)
    write_audio(root / "noise.wav", noise, 16000)
    write_datadir(root / "data/noise", wav_scp={"n": str(root / "noise.wav")}, utt2spk={"n": "n"})
    return root
