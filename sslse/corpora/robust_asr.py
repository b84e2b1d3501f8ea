"""Noises and noisy test set of Robust-E2E-ASR (Prasad et al. 2021): LibriSpeech in FreeSound noise.

The published files are the noises TYPE_*.wav in folders whose names contain train or test, and the
noisy test set ID_TYPE_SNRdb.wav: 120 utterances of test-clean, 7 types, 5 SNRs (0, 5, 10, 15, 20
dB). They may lie anywhere below ROOT. Written are

  data/noise_SET     for each of --noise-sets: the training noises, with their types (utt2label)
  data/test_noisy    the noisy test set with utt2condition (a_car_0 …), and the same 120 utterances
                     without noise (clean); references and words are those of LibriSpeech
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from sslse.corpora import librispeech
from sslse.corpora.base import corpus_parser, run_corpus, without_silence, write_set
from sslse.data.datadir import DataDir
from sslse.errors import DataError, examples

SOURCE = "https://github.com/archiki/Robust-E2E-ASR"
# Type A is relatively stationary, type B is not.
TYPES = {
    "car": "a_car",
    "metrosubway": "a_metro",
    "traffic": "a_traffic",
    "babble": "b_babble",
    "airportstation": "b_airport",
    "caferestaurant": "b_cafe",
    "acvacuum": "b_vacuum",
}
SNRS = (0, 5, 10, 15, 20)
MIXTURE = re.compile(r"(\d+-\d+-\d+)_([A-Za-z/ -]+)_(-?\d+)db", re.IGNORECASE)
UTTERANCES = 120


def noise_type(name: str) -> str | None:
    """Return the type of a noise, None for an unknown one.

    Example:
        >>> noise_type("AirportStation"), noise_type("Metro"), noise_type("Rain")
        ('b_airport', 'a_metro', None)
    """
    plain = re.sub("[^a-z]", "", name.lower())
    for known, short in TYPES.items():
        if plain and (plain == known or plain == short.split("_")[1] or known.startswith(plain)):
            return short
    return None


def prepare_noise(root: Path, outs: list[Path]) -> None:
    """Write the training noises into each of the data directories.

    Raises:
        DataError: a type has no noise.
    """
    noises, kinds = {}, {}
    for path in sorted(root.rglob("*.wav")):
        kind = noise_type(path.stem.split("_")[0])
        folders = "/".join(path.relative_to(root).parts[:-1]).lower()
        if kind is not None and "train" in folders and not MIXTURE.fullmatch(path.stem):
            name = re.sub(r"\s+", "_", path.stem)
            noises[name], kinds[name] = path, kind
    noises = without_silence(noises, root)
    kinds = {name: kinds[name] for name in noises}
    missing = sorted(set(TYPES.values()) - set(kinds.values()))
    if missing:
        raise DataError(
            f"{root} has no training noises of {', '.join(missing)} (TYPE_*.wav in a folder whose "
            f"name contains train); get them from {SOURCE}"
        )
    for out in outs:
        write_set(out, noises, utt2spk={name: name for name in noises}, utt2label=kinds)


def prepare_test(root: Path, clean: DataDir, out: Path, complete: bool = True) -> None:
    """Write the noisy test set, and its utterances without noise.

    Args:
        root: folder of the noisy files.
        clean: data directory of test-clean.
        out: data directory.
        complete: refuse a set that does not have every utterance in every condition.

    Raises:
        DataError: files are missing, or a file belongs to no utterance of test-clean.
    """
    audio, snrs, conditions, source = {}, {}, {}, {}
    for path in sorted(root.rglob("*.wav")):
        match = MIXTURE.fullmatch(path.stem)
        kind = noise_type(match[2]) if match else None
        if match is None or kind is None:
            continue
        utterance, snr = match[1], int(match[3])
        name = f"{utterance}-{kind}_{snr}"
        audio[name], source[name] = path, utterance
        snrs[name], conditions[name] = snr, f"{kind}_{snr}"
    if not audio:
        raise DataError(f"{root} has no noisy files such as 1089-134686-0000_Car_5db.wav; {SOURCE}")
    strange = set(source.values()) - set(clean.utterances)
    if strange:
        raise DataError(
            f"{len(strange)} utterances of {root} are not in {clean.path}: {examples(strange)}"
        )
    utterances = sorted(set(source.values()))
    expected = len(utterances) * len(TYPES) * len(SNRS)
    if complete and (len(utterances), len(audio)) != (UTTERANCES, expected):
        raise DataError(
            f"{root} has {len(audio)} noisy files of {len(utterances)} utterances; the published "
            f"set has {UTTERANCES * len(TYPES) * len(SNRS)} of {UTTERANCES}; get it from {SOURCE}, "
            "or say --partial"
        )
    for utterance in utterances:
        name = f"{utterance}-clean"
        audio[name], source[name] = Path(clean.wav_scp[utterance]), utterance
        snrs[name], conditions[name] = float("inf"), "clean"
    write_set(
        out,
        audio,
        text={name: clean.text[utterance] for name, utterance in source.items()},
        utt2spk={name: clean.utt2spk[utterance] for name, utterance in source.items()},
        utt2snr=snrs,
        utt2condition=conditions,
        spk1_scp={name: Path(clean.wav_scp[utterance]) for name, utterance in source.items()},
    )


def main(args: argparse.Namespace) -> None:
    """Prepare noises and test set."""
    prepare_noise(args.root, [args.data / f"noise_{name}" for name in args.noise_sets.split()])
    librispeech.prepare(args.librispeech, "test-clean", args.data / "test_clean")
    clean = DataDir(args.data / "test_clean")
    prepare_test(args.root, clean, args.data / "test_noisy", not args.partial)


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of the data of Robust-E2E-ASR (ROBUST_ASR)")
    parser.add_argument("--librispeech", required=True, type=Path, help="folder of LibriSpeech")
    parser.add_argument("--noise-sets", default="train dev", help="sets that get these noises")
    parser.add_argument("--partial", action="store_true", help="take a part of the test set, too")
    run_corpus(main, parser.parse_args())
