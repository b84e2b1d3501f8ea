"""Corpora in published layouts with generated sound, tiny for tests, longer for rehearsals.

Each ``make_…(root, seconds, count)`` writes below a folder and returns the variables of db.sh.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sslse.audio.files import write_audio
from sslse.corpora import speech_commands

RATE = 16000
PARTS = "train-clean-100 train-clean-360 train-other-500 dev-clean dev-other test-clean test-other"


def tone(path: Path, seconds: float = 0.4) -> None:
    """Write a tone in noise that swells four times a second, as speech does, between two pauses."""
    time = np.arange(int(seconds * RATE)) / RATE
    swell = np.sin(np.pi * np.clip(time / seconds * 1.2 - 0.1, 0, 1)) * (
        1.2 - np.cos(8 * np.pi * time)
    )
    noise = np.random.default_rng(list(path.name.encode())).standard_normal(len(time))
    wave = swell * (0.1 * np.sin(RATE * time) + 0.02 * noise)
    write_audio(path, wave.astype(np.float32), RATE)


def sentence(number: int, words: int = 2) -> str:
    """Return words of two syllables; a number always has the same."""
    generator = np.random.default_rng(number)
    syllables = [c + v for c in "BCDFGHJKLMNPRSTVWZ" for v in "AEIOU"]
    return " ".join("".join(generator.choice(syllables, 2)) for _ in range(words))


def make_noise(root: Path, seconds: float = 0.6, count: int = 60) -> dict[str, str]:
    """Noises of the DNS challenge; 60 are enough for a validation and a test share of 5 % each."""
    for number in range(count):
        tone(root / "dns/datasets/noise" / f"hum_{number}x.wav", seconds)
    return {"DNS_NOISE": str(root / "dns")}


def make_musan(root: Path, seconds: float = 1.0, count: int = 40) -> dict[str, str]:
    """Noises of MUSAN."""
    for number in range(count):
        name = f"noise-free-sound-{number:04d}.wav"
        tone(root / "musan/noise/free-sound" / name, seconds)
    return {"MUSAN_ROOT": str(root / "musan")}


def write_chapter(
    part: Path, chapter: str, texts: Sequence[str], write: Callable[[Path], None] = tone
) -> list[str]:
    """Write a chapter of LibriSpeech, such as "84-121", and return the names of its utterances."""
    folder = part.joinpath(*chapter.split("-"))
    names = [f"{chapter}-{number:04}" for number in range(len(texts))]
    for name in names:
        write(folder / f"{name}.flac")
    lines = [f"{name} {text}\n" for name, text in zip(names, texts, strict=True)]
    (folder / f"{chapter}.trans.txt").write_text("".join(lines))
    return names


def make_librispeech(root: Path, seconds: float = 0.4, count: int = 2) -> dict[str, str]:
    """All parts of LibriSpeech, a chapter each; a word lasts 0.4 s."""
    words = max(2, int(seconds / 0.4))
    for reader, part in enumerate(PARTS.split()):
        texts = [sentence(100 * reader + number, words) for number in range(count)]
        sound = functools.partial(tone, seconds=seconds)
        write_chapter(root / "LibriSpeech" / part, f"{reader}-7", texts, sound)
    return {"LIBRISPEECH": str(root / "LibriSpeech")}


def make_voxceleb(
    root: Path, seconds: float = 0.4, count: int = 2, speakers: int = 3
) -> dict[str, str]:
    """VoxCeleb1 with its trials and its split for identification; two more speakers are tested."""
    lines = []
    first, second = (f"id{speakers + n}" for n in (1, 2))
    for part, numbers in (
        ("dev", range(1, speakers + 1)),
        ("test", range(speakers + 1, speakers + 3)),
    ):
        for speaker in numbers:
            for number in range(1, count + 1):
                name = f"id{speaker}/v/{number:05}.wav"
                tone(root / f"vox/{part}/wav" / name, seconds)
                if part == "dev":
                    lines.append(f"{1 + (number + speaker) % 3} {name}\n")
    (root / "vox/veri_test2.txt").write_text(
        f"1 {first}/v/00001.wav {first}/v/00002.wav\n0 {first}/v/00001.wav {second}/v/00001.wav\n"
    )
    (root / "vox/iden_split.txt").write_text("".join(lines))
    return {"VOXCELEB1": str(root / "vox")}


def make_fluent(root: Path, seconds: float = 0.4, count: int = 1) -> dict[str, str]:
    """Fluent Speech Commands, one speaker a set."""
    (root / "fluent/data").mkdir(parents=True)
    head = ",path,speakerId,transcription,action,object,location\n"
    for name in ("train", "valid", "test"):
        lines = []
        for number in range(count):
            path = f"wavs/speakers/{name}/{chr(97 + number)}.wav"
            tone(root / "fluent" / path, seconds)
            lines.append(f"{number},{path},{name},Lights on,change language,lights,none\n")
        (root / "fluent/data" / f"{name}_data.csv").write_text(head + "".join(lines))
    return {"FLUENT_COMMANDS": str(root / "fluent")}


def make_commands(root: Path, seconds: float = 0.1) -> dict[str, str]:
    """Speech Commands 0.01: an utterance a word and set."""
    speakers = {speech_commands.split_of(f"{n:08x}_nohash_0.wav"): n for n in range(40)}
    for word in (*speech_commands.WORDS, "bed"):
        for speaker in speakers.values():
            tone(root / "train" / word / f"{speaker:08x}_nohash_0.wav", seconds)
    tone(root / "train/_background_noise_/hum.wav", 11.0)
    for label in (*speech_commands.WORDS, "_silence_", "_unknown_"):
        tone(root / "test" / label / "00000001_nohash_0.wav", seconds)
    return {"SPEECH_COMMANDS": str(root / "train"), "SPEECH_COMMANDS_TEST": str(root / "test")}


def make_librimix(root: Path, seconds: float = 1.0, count: int = 1) -> dict[str, str]:
    """Libri2Mix."""
    for part in ("train-100", "dev", "test"):
        for name in ("mix_clean", "s1", "s2"):
            for number in range(count):
                tone(root / "mix/wav16k/max" / part / name / f"1-2-{number}_4-5-6.wav", seconds)
    return {"LIBRI2MIX": str(root / "mix")}


def make_voicebank(root: Path, seconds: float = 0.4, count: int = 2) -> dict[str, str]:
    """VoiceBank-DEMAND at 48 kHz: a voiced sound that comes and goes, and noise."""
    folder, generator = root / "VoiceBank-DEMAND", np.random.default_rng(0)
    time = np.arange(int(seconds * 48000)) / 48000
    voice = sum(np.sin(2 * np.pi * 130 * k * time) / k for k in range(1, 20))
    clean = 0.1 * voice * np.sin(2 * np.pi * 2 * time) ** 2
    speakers = {"trainset_28spk": ("p226", "p227", "p228", "p287"), "testset": ("p232", "p257")}
    for part, names in speakers.items():
        for kind in (f"clean_{part}_wav", f"noisy_{part}_wav", f"{part}_txt", "logfiles"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        log = []
        for speaker in names:
            for number in range(1, count + 1):
                name = f"{speaker}_{number:03}"
                noisy = clean + 0.02 * generator.standard_normal(len(time))
                for kind, sound in (("clean", clean), ("noisy", noisy)):
                    path = folder / f"{kind}_{part}_wav/{name}.wav"
                    write_audio(path, sound.astype(np.float32), 48000)
                (folder / f"{part}_txt/{name}.txt").write_text("Please call Stella, it’s me.\n")
                log.append(f"{name} {'bus' if number == 1 else 'cafe'} {2.5 * number}\n")
        (folder / f"logfiles/log_{part}.txt").write_text("".join(log))
    return {"VOICEBANK": str(folder)}


def make_xrmb(root: Path, seconds: float = 1.2, speakers: int = 6) -> dict[str, str]:
    """The X-ray microbeam database: two tasks a speaker."""
    path = Path(__file__).parent / "xrmb.py"
    spec = importlib.util.spec_from_file_location("xrmb", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for number in range(speakers):
        module.write_speaker(root / "xrmb", f"JW{11 + number}", {2: seconds, 5: seconds})
    return {"XRMB_ROOT": str(root / "xrmb")}


def make_speechocean762(root: Path, utterances: int = 1) -> str:
    """Write a corpus in the published layout, some utterances of each of 20 and 2 speakers."""
    for part, first, count in (("train", 1000, 20), ("test", 2000, 2)):
        (root / part).mkdir(parents=True)
        tables = {"wav.scp": "", "text": "", "utt2spk": ""}
        for speaker in range(first, first + count):
            for number in range(utterances):
                name = f"{number}{speaker}"
                file = f"WAVE/SPEAKER{speaker}/{name}.WAV"
                path = (root / file).with_suffix(".wav")
                wave = 0.1 * np.sin(0.1 * np.arange(8000.0))
                write_audio(path, wave.astype(np.float32), RATE)
                path.rename(root / file)
                tables["wav.scp"] += f"{name}\t{file}\n"
                tables["text"] += f"{name}\tMARK IS GOING\n"
                tables["utt2spk"] += f"{name}\t{speaker}\n"
        for name, lines in tables.items():
            (root / part / name).write_text(lines)
    return str(root)
