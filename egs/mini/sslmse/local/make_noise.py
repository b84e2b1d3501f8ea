"""Generated noises: data/noise_train, data/noise_valid and data/noise_test.

Each set draws its own parameters. The test set also has kinds of noise that no other set has, and
every set has babble of its own voices, which speak no commands.
"""

from __future__ import annotations

import functools

import numpy as np
from espeak import ACCENTS, Espeak

from sslse.audio.files import resample
from sslse.simulate.computed import COMMON, TEST_ONLY, at_level
from sslse.simulate.corpus import Item
from sslse.simulate.corpus_script import corpus_parser, make_sets, run_script

VERSION = 1  # a change of the sound makes old files outdated
SECONDS = (4.0, 10.0)
KINDS = {
    "noise_train": [*COMMON, "babble"],
    "noise_valid": [*COMMON, "babble"],
    # Half of the test noises are of kinds that were never heard in training.
    "noise_test": [*COMMON, "babble", *TEST_ONLY, *TEST_ONLY, *TEST_ONLY],
}
# Voices that speak in no set of commands.
BABBLE_VARIANTS = {
    "noise_train": "david edward grandma zac robert john travis antonio".split(),
    "noise_valid": "anika paul michel marcelo".split(),
    "noise_test": "aunty grandpa boris rob benjamin".split(),
}
BABBLE = (
    "did you see the film that everybody was talking about last summer",
    "we should really take the earlier train because the other one never arrives on time",
    "my sister bought an old boat and now she wants to paint it green",
    "there was nothing left on the table except some bread and a little cheese",
    "he told me the same story again and i still do not believe a word",
    "they are building another bridge across the river near the station",
    "i would have come sooner but nobody answered when i knocked",
    "the children found a small dog behind the school and took it home",
)


def plan_items(name: str, count: int, seed: int) -> list[Item]:
    """Return ``count`` noises, kind by kind in turn; f(seed, name, index)."""
    kinds = KINDS[name]
    return [
        Item(
            name=f"{kinds[index % len(kinds)]}-{name.removeprefix('noise_')}{index:04d}",
            recipe=(name, kinds[index % len(kinds)], [seed, *name.encode(), index]),
            label=kinds[index % len(kinds)],
        )
        for index in range(count)
    ]


def babble(
    generator: np.random.Generator, num_samples: int, rate: int, name: str, espeak: Espeak
) -> np.ndarray:
    """Return four to seven voices that talk at the same time."""
    waveform = np.zeros(num_samples)
    for _ in range(int(generator.integers(4, 8))):
        variant = generator.choice(BABBLE_VARIANTS[name])
        voice = f"{ACCENTS[str(generator.choice(list(ACCENTS)))]}+{variant}"
        text = ". ".join(generator.permutation(BABBLE)[:3])
        spoken = espeak.speak(text, voice, int(generator.integers(130, 190)))
        spoken = resample(spoken, espeak.sample_rate, rate)
        spoken = np.roll(spoken, int(generator.integers(len(spoken))))
        level = generator.uniform(0.5, 1.0) / spoken.std()
        waveform += level * np.resize(spoken, num_samples)
    return waveform


def render_noise(item: Item, espeak: Espeak, sample_rate: int) -> np.ndarray:
    """Return one noise, float32 ``(time,)``, at about −25 dB re full scale."""
    name, kind, seed = item.recipe
    generator = np.random.default_rng(seed)
    num_samples = round(generator.uniform(*SECONDS) * sample_rate)
    if kind == "babble":
        waveform = babble(generator, num_samples, sample_rate, name, espeak)
    else:
        waveform = {**COMMON, **TEST_ONLY}[kind](generator, num_samples, sample_rate)
    return at_level(waveform)


def main() -> None:
    """Command line of this script."""
    parser = corpus_parser(__doc__)
    for name in KINDS:
        option = f"--num-{name.replace('_', '-')}"
        parser.add_argument(option, required=True, type=int, help="noises")
    args = parser.parse_args()
    render = functools.partial(render_noise, espeak=Espeak(), sample_rate=args.sample_rate)
    sets = ((name, plan_items(name, getattr(args, f"num_{name}"), args.seed)) for name in KINDS)
    make_sets(args, sets, render, {"version": VERSION}, "noises")


if __name__ == "__main__":
    run_script(main)
