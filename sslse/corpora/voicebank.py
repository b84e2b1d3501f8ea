"""VoiceBank-DEMAND (28 speakers): data/train, data/valid_noisy and data/test_noisy, in pairs.

The published layout is, below ROOT, clean_trainset_28spk_wav, noisy_trainset_28spk_wav,
clean_testset_wav and noisy_testset_wav with SPEAKER_NUMBER.wav at 48 kHz, the transcripts in
trainset_28spk_txt and testset_txt, and noise and SNR of each utterance in log_trainset_28spk.txt
and log_testset.txt, in ROOT or in ROOT/logfiles. The speech is noisy already: spk1.scp names the
clean recordings, utt2condition says NOISE_SNR. Audio is resampled once, to DATA/audio.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from sslse.audio.files import audio_info, read_audio, resample, write_audio
from sslse.corpora.base import corpus_parser, find_audio, first_of, require, run_corpus, write_set
from sslse.errors import DataError
from sslse.runtime.pool import run_parallel
from sslse.runtime.progress import follow

SOURCE = "https://doi.org/10.7488/ds/2117"
RATE = 16000
PARTS = {"train": "trainset_28spk", "test": "testset"}
VALID_SPEAKERS = ("p226", "p287")


def read_log(root: Path, part: str) -> dict[str, tuple[str, float]]:
    """Return utterance to its noise and SNR, dB.

    Raises:
        DataError: the log is missing, or a line is not ``UTTERANCE NOISE SNR``.
    """
    name = f"log_{part}.txt"
    path = first_of((root / name, root / "logfiles" / name), "the list of noises", SOURCE)
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        try:
            if words:
                utterance, noise, snr = words
                found[utterance] = (noise, float(snr))
        except ValueError as error:
            raise DataError(
                f"{path} line {number} is '{line}', expected 'UTTERANCE NOISE SNR'"
            ) from error
    return found


def read_pairs(root: Path, part: str) -> dict[str, tuple[Path, Path]]:
    """Return utterance to its noisy and its clean file.

    Raises:
        DataError: a folder or one file of a pair is missing.
    """
    kinds = []
    for kind in ("noisy", "clean"):
        folder = require(root / f"{kind}_{part}_wav", f"{kind} speech", SOURCE)
        kinds.append({path.stem: path for path in find_audio(folder, "*.wav")})
    noisy, clean = kinds
    alone = sorted(noisy.keys() ^ clean.keys())
    if alone:
        raise DataError(
            f"{root} has {len(alone)} utterances of {part} that are not both noisy and clean (the "
            f"first: {alone[0]}); unpack the corpus again from {SOURCE}"
        )
    return {name: (noisy[name], clean[name]) for name in noisy}


def read_words(root: Path, part: str, names: Iterable[str]) -> dict[str, str]:
    """Return utterance to its words in small letters, without marks; nothing without the folder.

    Raises:
        DataError: the folder is there and some of it is not.
    """
    folder = root / f"{part}_txt"
    if not folder.is_dir():
        return {}
    words = {}
    for name in names:
        path = require(folder / f"{name}.txt", "a transcript", SOURCE)
        text = path.read_text(encoding="utf-8-sig").lower().replace("’", "'")
        kept = "".join(sign if sign.isalnum() or sign == "'" else " " for sign in text)
        words[name] = " ".join(kept.split())
    return words


def _convert(files: tuple[Path, Path], rate: int) -> None:
    """Resample one recording unless that was done since it last changed."""
    source, target = files
    if target.is_file() and target.stat().st_mtime >= source.stat().st_mtime:
        return
    waveform, own = read_audio(source, channel=0)
    write_audio(target, resample(waveform, own, rate), rate)


def prepare(
    root: Path,
    out: Path,
    valid_speakers: Iterable[str] = VALID_SPEAKERS,
    sample_rate: int = RATE,
    nj: int = 1,
) -> None:
    """Write the three data directories; the test set is the published one.

    Args:
        root: folder of the corpus.
        out: where the data directories and resampled audio go.
        valid_speakers: training speakers who validate instead.
        sample_rate: of the resampled audio, Hz.
        nj: processes that resample.

    Raises:
        DataError: a part of the corpus is missing, or there is no such speaker.
    """
    root = first_of(
        (root / "noisy_testset_wav", root / "VoiceBank-DEMAND/noisy_testset_wav"), "speech", SOURCE
    ).parent
    chosen = set(valid_speakers)
    pairs = {part: read_pairs(root, folder) for part, folder in PARTS.items()}
    logs = {part: read_log(root, folder) for part, folder in PARTS.items()}
    words = {part: read_words(root, folder, pairs[part]) for part, folder in PARTS.items()}
    speakers = {name.split("_")[0] for name in pairs["train"]}
    if not chosen < speakers:
        unknown = ", ".join(sorted(chosen - speakers)) or "nobody is left to train"
        raise DataError(f"--valid-speakers: not among the {len(speakers)} of {root}: {unknown}")
    unlisted = sorted(name for part in PARTS for name in pairs[part].keys() - logs[part].keys())
    if unlisted:
        raise DataError(
            f"{root} has no noise and SNR of {len(unlisted)} utterances in its log files (the "
            f"first: {unlisted[0]}); get them again from {SOURCE}"
        )
    audio, copies = out / "audio", []
    for part in PARTS:
        for name, files in pairs[part].items():
            targets = tuple(audio / kind / f"{name}.wav" for kind in ("noisy", "clean"))
            copies += zip(files, targets, strict=True)
            pairs[part][name] = targets
    done = run_parallel(partial(_convert, rate=sample_rate), copies, nj, chunk_size=20)
    for _ in follow(done, len(copies), "resample", "files"):
        pass
    valid = {name: pair for name, pair in pairs["train"].items() if name.split("_")[0] in chosen}
    train = {name: pair for name, pair in pairs["train"].items() if name not in valid}
    for folder, part, own in (
        ("train", "train", train),
        ("valid_noisy", "train", valid),
        ("test_noisy", "test", pairs["test"]),
    ):
        if own:
            _write(out / folder, own, logs[part], words[part])


def _write(
    path: Path,
    pairs: dict[str, tuple[Path, Path]],
    log: dict[str, tuple[str, float]],
    words: dict[str, str],
) -> None:
    """Write a data directory of pairs; of a pair whose lengths differ nothing can be learned."""
    for name, (noisy, clean) in pairs.items():
        lengths = [audio_info(file).num_samples for file in (noisy, clean)]
        if lengths[0] != lengths[1]:
            raise DataError(f"{name} has {lengths[0]} noisy and {lengths[1]} clean samples")
    tables = {"text": {name: words[name] for name in pairs}} if words else {}
    write_set(
        path,
        {name: noisy for name, (noisy, _) in pairs.items()},
        spk1_scp={name: clean for name, (_, clean) in pairs.items()},
        utt2spk={name: name.split("_")[0] for name in pairs},
        utt2snr={name: log[name][1] for name in pairs},
        utt2noise={name: log[name][0] for name in pairs},
        utt2condition={name: f"{log[name][0]}_{log[name][1]:g}" for name in pairs},
        **tables,
    )


def main(args: argparse.Namespace) -> None:
    """Prepare the three sets."""
    prepare(args.root, args.data, args.valid_speakers.split(), args.sample_rate, args.nj)


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of VoiceBank-DEMAND (VOICEBANK)")
    parser.add_argument(
        "--valid-speakers",
        default=" ".join(VALID_SPEAKERS),
        help=f"training speakers who validate (default: {' '.join(VALID_SPEAKERS)})",
    )
    parser.add_argument("--sample-rate", default=RATE, type=int, help=f"Hz (default: {RATE})")
    parser.add_argument(
        "--nj", default=os.cpu_count() or 1, type=int, help="processes (default: all cores)"
    )
    run_corpus(main, parser.parse_args())
