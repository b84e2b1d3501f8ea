"""Simulated room impulse responses: data/rir_train and data/rir_valid, by pyroomacoustics.

Shoe-box rooms by the image-source method; every room has one microphone and one talker.

    python -m sslse.simulate.rooms --data data --num-rir-train 200
"""

from __future__ import annotations

import functools

import numpy as np

from sslse.errors import MissingPackageError
from sslse.simulate.corpus import Item
from sslse.simulate.corpus_script import corpus_parser, make_sets, run_script

VERSION = 1  # a change of the sound makes old files outdated
SETS = ("rir_train", "rir_valid", "rir_test")
SMALLEST, LARGEST = (2.5, 2.5, 2.3), (9.0, 7.0, 3.8)  # m
REVERBERATION = (0.15, 0.7)  # s until the sound is 60 dB weaker
DISTANCE = (0.3, 3.0)  # m from the talker to the microphone
WALL = 0.4  # m that both are away from walls
MOST_REFLECTIONS = 40  # of the longest path; later ones are far below the noise


def render_room(item: Item, sample_rate: int) -> np.ndarray:
    """Return the response of one room, float32 (time,), with a peak of 0.9.

    Raises:
        MissingPackageError: pyroomacoustics is not installed.
    """
    try:
        import pyroomacoustics
    except ImportError as error:
        raise MissingPackageError(
            "simulated rooms need pyroomacoustics; install it (tools/install.sh does)"
        ) from error
    generator = np.random.default_rng(item.recipe)
    size = generator.uniform(SMALLEST, LARGEST)
    shortest = 0.161 * size.prod() / (2 * (size[0] * size[1] + size[2] * (size[0] + size[1])))
    # Sabine: walls that absorb all leave ``shortest``; a little more can be had.
    time = max(generator.uniform(*REVERBERATION), 1.2 * shortest)
    absorption, reflections = pyroomacoustics.inverse_sabine(time, size)
    room = pyroomacoustics.ShoeBox(
        size,
        fs=sample_rate,
        materials=pyroomacoustics.Material(absorption),
        max_order=min(reflections, MOST_REFLECTIONS),
    )
    while True:
        microphone, talker = generator.uniform(WALL, size - WALL, (2, 3))
        if DISTANCE[0] <= np.linalg.norm(microphone - talker) <= DISTANCE[1]:
            break
    room.add_source(talker)
    room.add_microphone(microphone)
    room.compute_rir()
    response = np.asarray(room.rir[0][0])[: round(1.2 * time * sample_rate)]
    return (0.9 * response / np.abs(response).max()).astype(np.float32)


def main() -> None:
    """Command line of this script."""
    parser = corpus_parser(__doc__)
    for name in SETS:
        option = f"--num-{name.replace('_', '-')}"
        parser.add_argument(option, default=0, type=int, help="rooms (default: 0, no such set)")
    args = parser.parse_args()
    counts = {name: getattr(args, f"num_{name}") for name in SETS}
    sets = (
        (name, [Item(f"{name}{n:04d}", [args.seed, *name.encode(), n]) for n in range(count)])
        for name, count in counts.items()
        if count
    )
    render = functools.partial(render_room, sample_rate=args.sample_rate)
    make_sets(args, sets, render, {"version": VERSION}, "rooms")


if __name__ == "__main__":
    run_script(main)
