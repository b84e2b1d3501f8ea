"""Speech Commands v1 or v2 with SUPERB's twelve classes: data/train, data/valid and data/test.

ROOT is the folder of the training archive, ROOT/WORD/SPEAKER_nohash_N.wav with
ROOT/_background_noise_/*.wav; --test is that of the test archive, with folders of the twelve
classes, _silence_ and _unknown_ among them. As in SUPERB, speakers are shared out by the hash of
their name: 10 % validate, 10 % are kept for the test archive, the rest train. Silence is cut from
the background noises, a second at a time; the last tenth of each noise validates.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from sslse.audio.files import audio_info
from sslse.corpora.base import corpus_parser, find_audio, require, run_corpus, write_set

SOURCE = "https://www.tensorflow.org/datasets/catalog/speech_commands"
WORDS = "yes no up down left right on off stop go".split()
SILENCE, UNKNOWN, NOISE = "_silence_", "_unknown_", "_background_noise_"
VALID_PERCENT, TEST_PERCENT = 10.0, 10.0
HASH_RANGE = 2**27 - 1  # of the corpus' own rule
SILENCE_SECONDS = 1.0
SILENCE_SHIFT_SECONDS = 0.5


def split_of(file_name: str) -> str:
    """Return the set of a recording by the corpus' own rule (its README): a speaker has one.

    Example:
        >>> split_of("0a7c2a8d_nohash_0.wav") == split_of("0a7c2a8d_nohash_3.wav")
        True
    """
    speaker = file_name.split("_nohash_")[0].removesuffix(".wav")
    number = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % (HASH_RANGE + 1)
    percent = number * 100 / HASH_RANGE
    if percent < VALID_PERCENT:
        return "valid"
    return "test" if percent < VALID_PERCENT + TEST_PERCENT else "train"


def label_of(word: str) -> str:
    """Return the class of a word: itself, or ``_unknown_``."""
    return word if word in WORDS or word == SILENCE else UNKNOWN


def word_sets(root: Path) -> dict[str, dict[str, Path]]:
    """Return set to utterance to file; ids begin with the speaker."""
    sets: dict[str, dict[str, Path]] = {"train": {}, "valid": {}, "test": {}}
    for path in find_audio(root, "*/*.wav"):
        if path.parent.name != NOISE:
            sets[split_of(path.name)][f"{path.stem}-{path.parent.name}"] = path
    return sets


def silences(noises: list[Path], valid: bool) -> dict[str, tuple[str, float, float]]:
    """Return utterance to its second of a background noise."""
    parts = {}
    for path in noises:
        info = audio_info(path)
        seconds = info.num_samples / info.sample_rate
        border = 0.9 * seconds
        start, end = (border, seconds) if valid else (0.0, border)
        number = 0
        while start + SILENCE_SECONDS <= end + 1e-9:
            name = f"{NOISE}{path.stem}-{number:04d}"
            parts[name] = (
                f"{NOISE}{path.stem}",
                round(start, 4),
                round(start + SILENCE_SECONDS, 4),
            )
            start += SILENCE_SHIFT_SECONDS
            number += 1
    return parts


def prepare_training(root: Path, out: Path) -> None:
    """Write ``out/train`` and ``out/valid``.

    Raises:
        DataError: a word or the background noises are missing.
    """
    for word in WORDS:
        require(root / word, f"the folder of the word '{word}'", SOURCE)
    noises = find_audio(require(root / NOISE, "the folder of background noises", SOURCE), "*.wav")
    sets = word_sets(root)
    for name in ("train", "valid"):
        words, silence = sets[name], silences(noises, name == "valid")
        recordings = {**words, **{f"{NOISE}{path.stem}": path for path in noises}}
        labels = {utterance: label_of(path.parent.name) for utterance, path in words.items()}
        speakers = {utterance: utterance.split("_nohash_")[0] for utterance in words}
        write_set(
            out / name,
            recordings,
            segments={**{utterance: (utterance, 0.0, -1) for utterance in words}, **silence},
            utt2label={**labels, **dict.fromkeys(silence, SILENCE)},
            utt2spk={**speakers, **{utterance: NOISE for utterance in silence}},
        )


def prepare_test(test: Path, out: Path) -> None:
    """Write ``out/test`` from the test archive.

    Raises:
        DataError: a class is missing.
    """
    for label in (*WORDS, SILENCE, UNKNOWN):
        require(test / label, f"the test folder of '{label}'", SOURCE)
    audio = {f"{path.stem}-{path.parent.name}": path for path in find_audio(test, "*/*.wav")}
    write_set(
        out / "test",
        audio,
        utt2label={utterance: label_of(path.parent.name) for utterance, path in audio.items()},
        utt2spk={utterance: utterance.split("_nohash_")[0] for utterance in audio},
    )


def main(args: argparse.Namespace) -> None:
    """Prepare the training archive and, if given, the test archive."""
    prepare_training(args.root, args.data)
    if args.test is not None:
        prepare_test(args.test, args.data)


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of the training archive (SPEECH_COMMANDS)")
    parser.add_argument("--test", type=Path, help="folder of the test archive")
    run_corpus(main, parser.parse_args())
