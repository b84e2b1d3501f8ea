"""CHiME-4, one-channel track: data/tr05, data/dt05_real_noisy and data/et05_real_noisy.

The published layout is ROOT/data/audio/16kHz/isolated/SET_PLACE_KIND/SPEAKER_SENTENCE_PLACE.CHn.wav
(KIND: real or simu; CH0: close-talk microphone, of real recordings), isolated/tr05_org with
SPEAKER_SENTENCE_ORG.wav (what simulated training speech was made of), for the track
isolated_1ch_track/SET_PLACE_real with SPEAKER_SENTENCE_PLACE.wav, transcripts in
ROOT/data/transcriptions/SET_KIND.dot_all, those of simulated training speech in the .dot files of
WSJ0 (below ROOT/data/WSJ0, or --wsj0).

data/tr05 has real and simulated speech of all channels but CH2, which faces away from the speaker;
spk1.scp is the recording of the close-talk microphone (real) or the original (simulated).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sslse.corpora.base import corpus_parser, find_audio, require, run_corpus, write_set
from sslse.corpora.wsj import read_dots
from sslse.errors import DataError, examples

SOURCE = "LDC (LDC2017S24), https://www.chimechallenge.org/challenges/chime4"
PLACES = ("bus", "caf", "ped", "str")
CHANNELS = (1, 3, 4, 5, 6)
SOUND = Path("data/audio/16kHz")


def read_transcripts(path: Path) -> dict[str, str]:
    """Return SPEAKER_SENTENCE_PLACE to its words, of a ``.dot_all`` file.

    Raises:
        DataError: the file is missing or damaged.
    """
    return read_dots([require(path, "the transcripts", SOURCE)])


def prepare_train(root: Path, out: Path, wsj0: Path | None = None) -> None:
    """Write the training set: real and simulated, every channel of :data:`CHANNELS`.

    Args:
        root: folder of the corpus.
        out: data directory.
        wsj0: folder of WSJ0 (default: that within the corpus).

    Raises:
        DataError: a part of the corpus is missing.
    """
    folder = root / SOUND / "isolated"
    words = read_transcripts(root / "data/transcriptions/tr05_real.dot_all")
    originals = wsj0 or root / "data/WSJ0"
    dots = sorted(require(originals, "WSJ0 with its .dot files", SOURCE).rglob("*.[dD][oO][tT]"))
    sentences = {name.upper(): text for name, text in read_dots(dots).items()}
    audio, clean, text, speakers = {}, {}, {}, {}
    for kind in ("real", "simu"):
        for place in PLACES:
            part = require(folder / f"tr05_{place}_{kind}", f"{kind} speech, {place}", SOURCE)
            channels = "".join(map(str, CHANNELS))
            for path in find_audio(part, f"*.CH[{channels}].wav"):
                name, channel = path.stem.split(".")
                speaker, sentence, _ = name.split("_")
                utterance = f"{name}_{channel}_{kind.upper()}"
                audio[utterance], speakers[utterance] = path, speaker
                if kind == "real":
                    clean[utterance] = part / f"{name}.CH0.wav"
                    text[utterance] = words.get(name, "")
                else:
                    clean[utterance] = folder / "tr05_org" / f"{speaker}_{sentence}_ORG.wav"
                    text[utterance] = sentences.get(sentence.upper(), "")
    check(audio, text, clean, root)
    write_set(out, audio, text=text, utt2spk=speakers, spk1_scp=clean)


def prepare_track(root: Path, name: str, out: Path) -> None:
    """Write the real speech of a set of the one-channel track, with its place as condition.

    Args:
        root: folder of the corpus.
        name: ``dt05`` or ``et05``.
        out: data directory.

    Raises:
        DataError: a part of the corpus is missing.
    """
    words = read_transcripts(root / f"data/transcriptions/{name}_real.dot_all")
    audio, clean, text, speakers, places = {}, {}, {}, {}, {}
    for place in PLACES:
        part = f"{name}_{place}_real"
        folder = root / SOUND / "isolated_1ch_track" / part
        for path in find_audio(require(folder, f"the track's speech, {place}", SOURCE), "*.wav"):
            utterance = f"{path.stem}_REAL"
            audio[utterance] = path
            clean[utterance] = root / SOUND / "isolated" / part / f"{path.stem}.CH0.wav"
            text[utterance] = words.get(path.stem, "")
            speakers[utterance], places[utterance] = path.stem.split("_")[0], place
    check(audio, text, clean, root)
    write_set(out, audio, text=text, utt2spk=speakers, spk1_scp=clean, utt2condition=places)


def check(audio: dict, text: dict, clean: dict, root: Path) -> None:
    """Refuse recordings without words or without their clean reference.

    Raises:
        DataError: there are such recordings.
    """
    silent = [name for name, words in text.items() if not words]
    if silent:
        raise DataError(
            f"{len(silent)} of {len(audio)} recordings of {root} have no transcript: "
            f"{examples(silent)}; unpack data/transcriptions and WSJ0 again from {SOURCE}"
        )
    lost = sorted({path for path in clean.values() if not path.is_file()})
    if lost:
        raise DataError(
            f"{len(lost)} clean references of {root} are missing (the first: {lost[0]}); "
            f"get isolated/ from {SOURCE}"
        )


def main(args: argparse.Namespace) -> None:
    """Prepare the three sets."""
    prepare_train(args.root, args.data / "tr05", args.wsj0)
    for name in ("dt05", "et05"):
        prepare_track(args.root, name, args.data / f"{name}_real_noisy")


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of CHiME-4 (CHIME4)")
    parser.add_argument("--wsj0", type=Path, help="folder of WSJ0 (default: that in the corpus)")
    run_corpus(main, parser.parse_args())
