"""Connected digits from single recordings of the Free Spoken Digit Dataset: data/train, data/valid
and data/test.

An utterance is 3 to 7 recordings of one speaker with pauses between them. The sets share no
speaker. Because the corpus has so few speakers, the training set also gets pseudo-speakers: the
same voices played slower or faster, which moves pitch and formants as another vocal tract would.
So do data/voices_valid and data/voices_test, on request: the validation and the test speaker as
several voices, for speaker verification.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from pathlib import Path

import numpy as np

from sslse.audio.files import read_audio, resample
from sslse.errors import DataError
from sslse.simulate.corpus import Item
from sslse.simulate.corpus_script import corpus_parser, make_sets, run_script

SETS = ("train", "valid", "test")
DIGITS = "zero one two three four five six seven eight nine".split()
VERSION = 1  # a change of the sound makes old files outdated
RECORDED_RATE = 8000  # Hz, of the published recordings
FILE_NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")
PAUSE_SECONDS = (0.05, 0.3)
EDGE_SECONDS = (0.1, 0.3)  # before the first and after the last digit
LEVEL_DB = (-30.0, -22.0)  # RMS of an utterance re full scale
TAKE_LEVEL_DB = 2.0  # a digit is up to this much louder or softer than its neighbours
FLOOR_DB = -75.0  # RMS of the faint noise that fills the pauses: no recording is digitally silent
FADE_SECONDS = 0.005

Takes = dict[str, dict[int, list[str]]]


def list_takes(root: Path) -> Takes:
    """Return speaker → digit → file names, sorted.

    Raises:
        DataError: the folder holds no recordings.
    """
    takes: Takes = {}
    folder = root / "recordings" if (root / "recordings").is_dir() else root
    for path in sorted(folder.glob("*.wav")):
        if match := FILE_NAME.fullmatch(path.name):
            digits = takes.setdefault(match[2], {digit: [] for digit in range(10)})
            digits[int(match[1])].append(str(path))
    if not takes:
        raise DataError(
            f"no recordings such as 7_jackson_32.wav in {folder}; set FSDD_ROOT to a copy of "
            "https://github.com/Jakobovski/free-spoken-digit-dataset"
        )
    return takes


@functools.cache
def read_take(path: str) -> np.ndarray:
    """Return one recording at 8 kHz with faded ends and an RMS of 1."""
    waveform, _ = read_audio(path, sample_rate=RECORDED_RATE)
    waveform = waveform - waveform.mean()
    fade = np.linspace(0, 1, round(FADE_SECONDS * RECORDED_RATE), dtype=np.float32)
    waveform[: len(fade)] *= fade
    waveform[-len(fade) :] *= fade[::-1]
    return waveform / np.sqrt(np.mean(waveform**2) + 1e-10)


def plan_items(
    name: str, takes: Takes, speakers: list[str], factors: list[float], count: int, seed: int
) -> list[Item]:
    """Return ``count`` utterances, evenly over speakers × speeds; f(seed, name, index)."""
    voices = [(speaker, factor) for factor in factors for speaker in speakers]
    items = []
    for index in range(count):
        generator = np.random.default_rng([seed, *name.encode(), index])
        speaker, factor = voices[index % len(voices)]
        person = speaker if factor == 1 else f"sp{factor:g}-{speaker}"
        digits = generator.integers(10, size=int(generator.integers(3, 8))).tolist()
        files = [str(generator.choice(takes[speaker][digit])) for digit in digits]
        items.append(
            Item(
                name=f"{person}-{name}{index:05d}",
                recipe=(files, factor, int(generator.integers(2**32))),
                speaker=person,
                text=" ".join(DIGITS[digit] for digit in digits),
            )
        )
    return items


def render_digits(item: Item, sample_rate: int) -> np.ndarray:
    """Return the utterance of one item, float32 ``(time,)``, empty above 4 kHz."""
    files, factor, seed = item.recipe
    generator = np.random.default_rng(seed)

    def pause(seconds: tuple[float, float]) -> np.ndarray:
        return np.zeros(round(generator.uniform(*seconds) * RECORDED_RATE), dtype=np.float32)

    parts = [pause(EDGE_SECONDS)]
    for file in files:
        gain_db = generator.uniform(-TAKE_LEVEL_DB, TAKE_LEVEL_DB)
        parts += [read_take(file) * np.float32(10 ** (gain_db / 20)), pause(PAUSE_SECONDS)]
    parts[-1] = pause(EDGE_SECONDS)
    waveform = np.concatenate(parts)
    if factor != 1:
        # Read as if recorded at another rate: slower is lower and longer. Back at 8 kHz the band
        # ends at 4 kHz again.
        waveform = resample(waveform, round(RECORDED_RATE * factor), RECORDED_RATE)
    level_db = generator.uniform(*LEVEL_DB)
    waveform = waveform * (10 ** (level_db / 20) / np.sqrt(np.mean(waveform**2)))
    floor = generator.standard_normal(len(waveform)) * 10 ** (FLOOR_DB / 20)
    waveform = resample((waveform + floor).astype(np.float32), RECORDED_RATE, sample_rate)
    peak = np.abs(waveform).max()
    return waveform if peak <= 0.95 else waveform * np.float32(0.95 / peak)


def main() -> None:
    """Command line of this script."""
    parser = corpus_parser(__doc__)
    parser.add_argument("--fsdd", required=True, type=Path, help="copy of the FSDD repository")
    for name in SETS:
        parser.add_argument(f"--{name}-speakers", required=True, help="names, space between")
        parser.add_argument(f"--num-{name}", required=True, type=int, help="utterances")
    parser.add_argument("--num-voices", default=0, type=int, help="of voices_valid, voices_test")
    parser.add_argument("--num-perturbed", required=True, type=int, help="more for training")
    parser.add_argument("--speed-factors", required=True, help="of the pseudo-speakers")
    args = parser.parse_args()

    takes = list_takes(args.fsdd)
    speakers = {name: getattr(args, f"{name}_speakers").split() for name in SETS}
    for name, count in Counter(sum(speakers.values(), [])).items():
        if count > 1:
            raise DataError(f"speaker {name} is in more than one set; sets must share no speaker")
    factors = [float(factor) for factor in args.speed_factors.split()]
    render = functools.partial(render_digits, sample_rate=args.sample_rate)
    for own_speakers in speakers.values():
        missing = [speaker for speaker in own_speakers if speaker not in takes]
        if missing:
            raise DataError(
                f"no recordings of {missing[0]} in {args.fsdd}; there are: {' '.join(takes)}"
            )
    sets = {
        name: plan_items(name, takes, own_speakers, [1.0], getattr(args, f"num_{name}"), args.seed)
        for name, own_speakers in speakers.items()
    }
    sets["train"] += plan_items(
        "perturbed", takes, speakers["train"], factors, args.num_perturbed, args.seed
    )
    if args.num_voices:
        for name in ("valid", "test"):
            sets[f"voices_{name}"] = plan_items(
                f"voices{name}", takes, speakers[name], [1.0, *factors], args.num_voices, args.seed
            )
    make_sets(args, sets.items(), render, {"version": VERSION})


if __name__ == "__main__":
    run_script(main)
