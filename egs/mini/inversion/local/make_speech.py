"""Random phone strings spoken by VocalTractLab with their articulation: data/train, valid, test.

Each set has tv.scp (tract variables at 100 Hz, exactly aligned with the audio) and speakers of its
own. Needs the optional package vocaltractlab_cython (GPL-3.0); see tools/install.sh.
"""

from __future__ import annotations

import functools
import resource
import time
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import numpy as np
from gestures import gestural_score
from phones import PAUSE, check_phones, draw_phones
from speakers import F0, Speaker, draw_speaker, speak_with
from vocal_tract import HOP, RATE, VocalTract

from sslse.articulation.source_features import source_features
from sslse.articulation.tract_variables import (
    SOURCE_FEATURES,
    TRACT_VARIABLES,
    VELUM,
    pellet_tract_variables,
    tube_tract_variables,
)
from sslse.articulation.trajectories import write_trajectories
from sslse.errors import ConfigError, DataError
from sslse.runtime.atomic import atomic_path
from sslse.simulate.corpus import Item
from sslse.simulate.corpus_script import corpus_parser, make_sets, run_script

VERSION = 2  # a change of sound or targets makes old files outdated
SAMPLE_RATE = 16000  # Hz; frames fall on whole samples at this rate
LEVEL_DB = (-30.0, -22.0)  # RMS of an utterance re full scale
FLOOR_DB = -60.0  # RMS of a faint noise re the utterance: no recording is digitally silent
COLUMNS = (*TRACT_VARIABLES, VELUM, *SOURCE_FEATURES)
SETS = ("train", "valid", "test")
BACK, MIDDLE, TIP, UPPER, LOWER = range(5)  # pellets of ``Motion``


def plan_items(
    name: str,
    count: int,
    num_speakers: int,
    seed: int,
    seconds: tuple[float, float],
    text: Path | None,
) -> list[Item]:
    """Return ``count`` utterances, spread evenly over the speakers; f(seed, name, index)."""
    if count < 2 * num_speakers:
        raise ConfigError(
            f"{count} utterances of {num_speakers} speakers in {name} leave one with fewer than "
            "two; articulators need two or more to be normalised"
        )
    given = [line.split() for line in text.read_text().splitlines()] if text else []
    items = []
    for index in range(count):
        generator = np.random.default_rng([seed, *name.encode(), index])
        speaker = draw_speaker(name, index % num_speakers, seed)
        utterance = f"{speaker.name}-{index:05d}"
        spoken = draw_phones(generator, generator.uniform(*seconds) / speaker.rate)
        if given:
            phones = given[index % len(given)]
            spoken = [(phone, 0.11) for phone in (PAUSE, *phones, PAUSE)]
        check_phones([phone for phone, _ in spoken], utterance)
        segments = tuple((phone, round(length * speaker.rate, 4)) for phone, length in spoken)
        items.append(
            Item(
                name=utterance,
                recipe=(segments, astuple(speaker), int(generator.integers(2**32))),
                speaker=speaker.name,
                text=" ".join(phone for phone, _ in segments if phone != PAUSE),
            )
        )
    return items


def render_speech(
    item: Item, vocal_tract: VocalTract, wall: np.ndarray, targets: str, folder: Path
) -> np.ndarray:
    """Return the utterance of one item, float32 (time,), and write its trajectory beside it."""
    segments, speaker_facts, seed = item.recipe
    speaker = Speaker(*speaker_facts)
    generator = np.random.default_rng(seed)
    motion = vocal_tract.move(gestural_score(segments), pellets=targets == "pellet")
    tubes = vocal_tract.tubes(motion.tract)
    glottis = speak_with(speaker, motion.glottis, generator)
    sound = vocal_tract.synthesize(tubes, glottis, speaker.size)
    # Variables keep the size of the one anatomy: the speaker's size is a constant factor.
    if targets == "pellet":
        points = motion.pellets
        body = points[:, [BACK, MIDDLE]]
        variables = pellet_tract_variables(
            points[:, UPPER], points[:, LOWER], points[:, TIP], body, wall
        )
    else:
        variables = tube_tract_variables(tubes.length, tubes.area, tubes.articulator, tubes.incisor)
    source = source_features(sound, SAMPLE_RATE, len(glottis), glottis[:, F0])
    values = np.concatenate([variables, tubes.velum[:, None], source], 1).astype(np.float32)
    if not np.isfinite(sound).all() or not np.abs(sound).max() > 0:
        raise DataError(f"VocalTractLab gave no sound for {item.name} ({item.text})")
    with atomic_path(folder / f"{item.name}.npy", sync=False) as temporary:
        np.save(temporary, values)
    level = 10 ** (generator.uniform(*LEVEL_DB) / 20)
    sound = sound * (level / np.sqrt(np.mean(sound**2)))
    sound += level * 10 ** (FLOOR_DB / 20) * generator.standard_normal(len(sound))
    peak = np.abs(sound).max()
    return (sound if peak <= 0.95 else sound * (0.95 / peak)).astype(np.float32)


def _stored(items: list[Item], folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    for item in items:
        yield item.name, np.load(folder / f"{item.name}.npy", allow_pickle=False)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    """Command line of this script."""
    parser = corpus_parser(__doc__)
    for name in SETS:
        parser.add_argument(f"--num-{name}", required=True, type=int, help="utterances")
        parser.add_argument(f"--num-{name}-speakers", required=True, type=int, help="speakers")
    parser.add_argument(
        "--targets",
        choices=("pellet", "tube"),
        default="pellet",
        help="tract variables of flesh points, as in XRMB, or of tubes, in half the time",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        nargs=2,
        default=(2.2, 3.4),
        metavar=("LOW", "HIGH"),
        help="duration of an utterance at a normal rate",
    )
    parser.add_argument(
        "--phones", type=Path, help="phone strings to speak, one a line, instead of random ones"
    )
    args = parser.parse_args()
    if args.sample_rate != SAMPLE_RATE:
        raise ConfigError(f"--sample-rate is {SAMPLE_RATE} Hz here: frames fall on whole samples")
    assert RATE * 160 == SAMPLE_RATE * HOP  # 10 ms at both rates
    sets = {
        name: plan_items(
            name,
            getattr(args, f"num_{name}"),
            getattr(args, f"num_{name}_speakers"),
            args.seed,
            tuple(args.seconds),
            args.phones,
        )
        for name in SETS
    }
    vocal_tract = VocalTract()
    wall = vocal_tract.wall()
    options = {"version": VERSION, "targets": args.targets}
    began, used = time.monotonic(), _cpu_seconds()
    for name, items in sets.items():
        folder = args.audio / name
        render = functools.partial(
            render_speech,
            vocal_tract=vocal_tract,
            wall=wall,
            targets=args.targets,
            folder=folder,
        )
        made = make_sets(args, [(name, items)], render, options, chunk_size=1)
        if made or not (args.data / name / "tv.scp").exists():
            scp = args.data / name / "tv.scp"
            write_trajectories(scp, folder / "tv.ark", _stored(items, folder), COLUMNS)
    wall_time, cpu_time = time.monotonic() - began, _cpu_seconds() - used
    seconds = sum(
        length for items in sets.values() for item in items for _, length in item.recipe[0]
    )
    print(
        f"{seconds / 60:.1f} min of speech: {cpu_time:.0f} s of CPU time "
        f"({cpu_time / seconds:.2f} s for a second of speech), {wall_time:.0f} s on {args.nj} "
        f"processes (efficiency {cpu_time / max(wall_time * args.nj, 1e-9):.2f})"
    )


if __name__ == "__main__":
    run_script(main)
