"""The X-ray microbeam corpus as data/train, data/valid and data/test, with tract variables.

Speakers of validation and test are drawn by --seed, or named in files, one a line; what they leave
goes to training. Recordings that cannot be used are named and left out.
"""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path

import numpy as np

from sslse.articulation.source_features import source_features
from sslse.articulation.tract_variables import SOURCE_FEATURES, TRACT_VARIABLES
from sslse.articulation.trajectories import frame_count, write_trajectories
from sslse.audio.files import audio_info, read_audio, resample
from sslse.corpora.xrmb import XRMBSpeaker, find_speakers
from sslse.data.datadir import write_datadir
from sslse.errors import DataError, SslseError
from sslse.runtime.pool import run_parallel
from sslse.simulate.corpus_script import run_script
from sslse.simulate.pcm import quantize, write_pcm16

RATE = 16000  # Hz
SETS = ("train", "valid", "test")
COLUMNS = (*TRACT_VARIABLES, *SOURCE_FEATURES)

Task = tuple[XRMBSpeaker, Path, Path]


def choose_speakers(
    speakers: list[XRMBSpeaker], lists: dict[str, Path], counts: dict[str, int], seed: int
) -> dict[str, list[XRMBSpeaker]]:
    """Return the speakers of each set; no speaker is in two.

    Args:
        speakers: of the corpus.
        lists: set to a file of speaker ids.
        counts: set to a number of speakers, drawn where the set has no file.
        seed: of the draw.

    Raises:
        DataError: a listed speaker is not in the corpus or in two sets, or none is left to train.
    """
    by_name = {speaker.name: speaker for speaker in speakers}
    taken: dict[str, str] = {}
    for set_name, path in lists.items():
        for name in path.read_text(encoding="utf-8").upper().split():
            if name not in by_name:
                raise DataError(f"{path} names {name}, which is not among {', '.join(by_name)}")
            if name in taken:
                raise DataError(f"{name} is in {taken[name]} and in {set_name}; choose one")
            taken[name] = set_name
    free = [name for name in sorted(by_name) if name not in taken]
    free = [free[place] for place in np.random.default_rng(seed).permutation(len(free))]
    for set_name, count in counts.items():
        if set_name not in lists:
            taken |= dict.fromkeys(free[:count], set_name)
            free = free[count:]
    if "train" not in lists:
        taken |= dict.fromkeys(free, "train")
    chosen: dict[str, list[XRMBSpeaker]] = {name: [] for name in SETS}
    for name, set_name in sorted(taken.items()):
        chosen[set_name].append(by_name[name])
    if not chosen["train"]:
        raise DataError(
            f"the corpus has {len(by_name)} speakers, and validation and test leave none to train; "
            "lower --num-valid-speakers and --num-test-speakers"
        )
    return chosen


def prepare(
    task: Task, audio: Path, longest: float, tolerance: int
) -> tuple[str, int, np.ndarray] | str:
    """Write the audio of one task at 16 kHz; return id, samples, trajectory, or why not."""
    speaker, wav, txy = task
    utterance = f"{speaker.name}-{wav.stem.lower()}"
    try:
        info = audio_info(wav)
        if info.num_samples > longest * info.sample_rate:
            return f"{wav} lasts {info.num_samples / info.sample_rate:.0f} s; left out"
        waveform, rate = read_audio(wav)
        waveform = resample(waveform, rate, RATE)
        frames = frame_count(len(waveform), RATE)
        variables = speaker.tract_variables(txy, frames, tolerance)
    except SslseError as error:
        return f"{utterance} is left out: {error}"
    source = source_features(waveform, RATE, frames)
    write_pcm16(audio / f"{utterance}.wav", quantize(np.clip(waveform, -1, 32767 / 32768)), RATE)
    return utterance, len(waveform), np.concatenate([variables, source], 1)


def main() -> None:
    """Command line of this script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", required=True, type=Path, help="folder with JW11, JW12 ...")
    parser.add_argument("--data", default="data", type=Path, help="where data directories go")
    parser.add_argument("--audio", default="data/audio", type=Path, help="where wav files go")
    for name in SETS:
        parser.add_argument(f"--{name}-speakers", type=Path, help=f"file of speakers of {name}")
    for name in SETS[1:]:
        parser.add_argument(
            f"--num-{name}-speakers", type=int, default=5, help=f"speakers of {name} to draw"
        )
    parser.add_argument("--seed", type=int, default=0, help="of the draw of speakers")
    parser.add_argument("--longest", type=float, default=60.0, help="of a recording, s")
    parser.add_argument(
        "--tolerance", type=int, default=1, help="frames between the ends of audio and .txy"
    )
    parser.add_argument("--nj", type=int, default=1, help="processes")
    args = parser.parse_args()
    lists = {name: path for name in SETS if (path := getattr(args, f"{name}_speakers"))}
    counts = {name: getattr(args, f"num_{name}_speakers") for name in SETS[1:]}
    chosen = choose_speakers(find_speakers(args.corpus), lists, counts, args.seed)
    for name, speakers in chosen.items():
        tasks = [(speaker, *pair) for speaker in speakers for pair in speaker.tasks()]
        if not tasks:
            print(f"{name}: no speakers")
            continue
        folder, audio = args.data / name, args.audio / name
        audio.mkdir(parents=True, exist_ok=True)
        made, dropped = [], 0
        work = functools.partial(
            prepare, audio=audio, longest=args.longest, tolerance=args.tolerance
        )
        answers = run_parallel(work, tasks, args.nj, fork=True, ordered=True, chunk_size=4)
        for _, result in answers:
            if isinstance(result, str):
                dropped += 1
                print(f"warning: {result}", file=sys.stderr)
            else:
                made.append(result)
        if not made:
            raise DataError(f"no recording of {name} can be used; see the warnings above")
        scp = ((utterance, values) for utterance, _, values in made)
        write_datadir(
            folder,
            wav_scp={utterance: str(audio / f"{utterance}.wav") for utterance, _, _ in made},
            utt2spk={utterance: utterance.split("-")[0] for utterance, _, _ in made},
            utt2num_samples={utterance: samples for utterance, samples, _ in made},
        )
        write_trajectories(folder / "tv.scp", audio / "tv.ark", scp, COLUMNS)
        hours = sum(samples for _, samples, _ in made) / RATE / 3600
        known = np.isfinite(np.concatenate([values for _, _, values in made])).mean()
        print(
            f"{folder}: {len(made)} recordings of {len(speakers)} speakers, {hours:.2f} h, "
            f"{known:.1%} of all values known, {dropped} recordings left out"
        )


if __name__ == "__main__":
    run_script(main)
