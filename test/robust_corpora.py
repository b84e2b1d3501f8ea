"""Tiny corpora in published layouts: CHiME-4, WSJ texts, Robust-E2E-ASR, LibriSpeech, NOISEX-92."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from published_corpora import write_chapter

from sslse.audio.files import write_audio
from sslse.corpora.noisex92 import NAMES

RATE = 16000
SECONDS = 0.5  # of what has no length of its own; rehearsals set more
TYPES = "Babble AirportStation Car MetroSubway CafeRestaurant Traffic ACVacuum".split()


def write_noise(path: Path, seconds: float | None = None, rate: int = RATE) -> None:
    """Write noise that depends on the name of the file."""
    generator = np.random.default_rng(list(path.name.encode()))
    waveform = 0.05 * generator.standard_normal(int((seconds or SECONDS) * rate))
    write_audio(path, waveform.astype(np.float32), rate)


def make_chime4(root: Path) -> Path:
    """One utterance a place and kind in training, one a place in dt05 and et05."""
    sound, words = root / "data/audio/16kHz", root / "data/transcriptions"
    words.mkdir(parents=True)
    lines: dict[str, list[str]] = {"tr05": [], "dt05": [], "et05": []}
    for place in ("bus", "caf", "ped", "str"):
        for part, speaker, sentence in (
            ("tr05", "F01", "22GC010A"),
            ("dt05", "M03", "050C0101"),
            ("et05", "M03", "050C0101"),
        ):
            name = f"{speaker}_{sentence}_{place.upper()}"
            for channel in range(7):
                write_noise(sound / f"isolated/{part}_{place}_real/{name}.CH{channel}.wav")
            lines[part].append(f"read in the {place} ({name})")
            if part != "tr05":
                write_noise(sound / f"isolated_1ch_track/{part}_{place}_real/{name}.wav")
        for channel in range(1, 7):
            name = f"011_011C0201_{place.upper()}.CH{channel}.wav"
            write_noise(sound / f"isolated/tr05_{place}_simu/{name}")
    write_noise(sound / "isolated/tr05_org/011_011C0201_ORG.wav")
    for part, text in lines.items():
        (words / f"{part}_real.dot_all").write_text("\n".join(text) + "\n")
    dots = root / "data/WSJ0/wsj0/transcrp/dots/si_tr_s/011/011c0201.dot"
    dots.parent.mkdir(parents=True)
    dots.write_text("[cough] the *sale* of sixty-one (011c0201)\n")
    return root


def make_wsj1(root: Path) -> Path:
    """Two packed texts of the language model."""
    texts = {"87": b"<s id=1>\nsix sales\na second -line\n</s>\n", "89": b"Of nineteen eighty-nine"}
    for year, text in texts.items():
        path = root / f"13-32.1/wsj1/doc/lng_modl/lm_train/np_data/{year}/w{year}_001.z"
        path.parent.mkdir(parents=True)
        path.write_bytes(gzip.compress(text))
    return root


def make_librispeech(root: Path, part: str, reader: str, count: int = 2) -> list[str]:
    """One chapter of a part; returns its utterances."""
    numbers = "ONE TWO SIX TEN".split()
    texts = [f"HE WAS NUMBER {numbers[place % 4]}" for place in range(count)]
    return write_chapter(root / part, f"{reader}-70968", texts, write_noise)


def make_robust_asr(root: Path, libri: Path) -> tuple[Path, Path]:
    """Noises of each type and two utterances in every condition; test-clean has one more."""
    utterances = make_librispeech(libri, "test-clean", "61", 3)[:2]
    for kind in TYPES:
        write_noise(root / f"noise/train/{kind}_1.wav", 2.0)
        write_noise(root / f"noise/test/{kind}_9.wav", 2.0)
        for snr in (0, 5, 10, 15, 20):
            for utterance in utterances:
                write_noise(root / f"noisy_test/{utterance}_{kind}_{snr}db.wav")
    return root, libri


def make_noisex92(root: Path) -> Path:
    """The fifteen noises, a second each, at their published rate."""
    for name in NAMES:
        write_noise(root / f"{name}.wav", 1.0, 19980)
    return root
