"""Libri2Mix for diarization: data/train, data/valid and data/test with rttm.

The published layout is ROOT/wav16k/max/{train-100,dev,test}/{mix_clean,mix_both,s1,s2}/ID.wav, with
ID = READER-CHAPTER-NUMBER_READER-CHAPTER-NUMBER. Who speaks when comes from --alignments, the
published word alignments of LibriSpeech (PART/READER/CHAPTER/READER-CHAPTER.alignment.txt), as in
SUPERB; without them, from the level of the sources s1 and s2.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sslse.audio.files import read_audio
from sslse.corpora.base import corpus_parser, find_audio, require, run_corpus, write_set
from sslse.data.activity import MIN_PAUSE_SECONDS, active_turns
from sslse.data.rttm import Turn, merge_turns
from sslse.errors import DataError
from sslse.runtime.pool import run_parallel

SOURCE = "https://github.com/JorisCos/LibriMix"
ALIGNMENTS = "https://github.com/CorentinJ/librispeech-alignments"
PARTS = {"train-100": "train", "dev": "valid", "test": "test"}


def read_alignments(root: Path) -> dict[str, list[tuple[float, float]]]:
    """Return utterance to its stretches of words, s; pauses shorter than 0.2 s belong to them.

    A line is ``ID ",WORD,,WORD," "END,END,END"``: words (empty: a pause) and their ends.

    Raises:
        DataError: there is no such file, or a line is damaged.
    """
    spoken: dict[str, list[tuple[float, float]]] = {}
    for path in find_audio(root, "**/*.alignment.txt"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                utterance, words, ends = line.split(" ")
                names = words.strip('"').split(",")
                times = [float(end) for end in ends.strip('"').split(",")]
                pairs = list(zip(names, [0.0, *times[:-1]], times, strict=True))
            except ValueError as error:
                raise DataError(f"{path} line {number} is no alignment of {ALIGNMENTS}") from error
            stretches: list[tuple[float, float]] = []
            for word, start, end in pairs:
                if not word:
                    continue
                if stretches and start - stretches[-1][1] < MIN_PAUSE_SECONDS:
                    stretches[-1] = (stretches[-1][0], end)
                else:
                    stretches.append((start, end))
            spoken[utterance] = stretches
    return spoken


def mixture_turns(
    mixture: str, folder: Path, spoken: dict[str, list[tuple[float, float]]] | None
) -> list[Turn]:
    """Return who speaks when in one mixture; both sources begin at its start.

    Raises:
        DataError: an utterance has no alignment, or a source is missing.
    """
    turns = []
    for number, utterance in enumerate(mixture.split("_"), 1):
        reader = utterance.split("-")[0]
        if spoken is None:
            path = folder / f"s{number}" / f"{mixture}.wav"
            waveform, rate = read_audio(require(path, f"source {number} of a mixture", SOURCE))
            turns += active_turns(waveform, rate, reader)
        elif utterance in spoken:
            turns += [Turn(start, end, reader) for start, end in spoken[utterance]]
        else:
            raise DataError(
                f"{utterance} of the mixture {mixture} has no alignment; get the parts "
                f"of all mixtures from {ALIGNMENTS}, or leave --alignments out"
            )
    return merge_turns(turns)


def prepare(
    root: Path,
    part: str,
    out: Path,
    mixture: str = "mix_clean",
    alignments: Path | None = None,
    nj: int = 1,
) -> None:
    """Write the data directory of one part.

    Args:
        root: folder Libri2Mix.
        part: ``train-100``, ``dev`` or ``test``.
        out: data directory. With noisy mixtures, ``spk1.scp`` has those without noise.
        mixture: ``mix_clean`` or ``mix_both`` (with noise).
        alignments: folder of word alignments.
        nj: processes.

    Raises:
        DataError: a part of the corpus is missing.
    """
    folder = require(root / "wav16k" / "max" / part, f"the part {part} (16 kHz, max)", SOURCE)
    audio = {
        path.stem: path
        for path in find_audio(require(folder / mixture, "the mixtures", SOURCE), "*.wav")
    }
    spoken = read_alignments(alignments) if alignments is not None else None
    names = list(audio)
    turns = dict(
        run_parallel(
            lambda name: mixture_turns(name, folder, spoken),
            names,
            nj,
            fork=True,
            ordered=True,
            chunk_size=8,
        )
    )
    tables = {"utt2spk": {name: name for name in names}}
    if mixture != "mix_clean" and (folder / "mix_clean").is_dir():
        tables["spk1_scp"] = {name: folder / "mix_clean" / f"{name}.wav" for name in names}
    write_set(out, audio, rttm=turns, **tables)


def main(args: argparse.Namespace) -> None:
    """Prepare all three parts."""
    for part, name in PARTS.items():
        prepare(args.root, part, args.data / name, args.mixture, args.alignments, args.nj)


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder Libri2Mix (LIBRI2MIX)")
    parser.add_argument(
        "--mixture", choices=("mix_clean", "mix_both"), default="mix_clean", help="of the corpus"
    )
    parser.add_argument("--alignments", type=Path, help="word alignments of LibriSpeech")
    parser.add_argument("--nj", default=1, type=int, help="processes")
    run_corpus(main, parser.parse_args())
