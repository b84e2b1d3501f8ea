"""Commands spoken by eSpeak NG: data/train, data/valid and data/test.

A speaker is a timbre (variant), in several accents, and the pitch of each utterance is drawn anew.
The sets share no timbre, so a test speaker was never heard.
"""

from __future__ import annotations

import functools

import numpy as np
from espeak import ACCENTS, Espeak
from grammar import draw_command

from sslse.audio.files import resample
from sslse.simulate.corpus import Item
from sslse.simulate.corpus_script import corpus_parser, make_sets, run_script

VERSION = 1  # a change of the sound makes old files outdated
# Only variants that speak the same samples in every process (see espeak.py).
VARIANTS = {
    "train": (
        "f1 m1 m2 m4 m5 m6 m8 klatt klatt2 klatt4 Andy Gene Gene2 Jacky Lee Michael steph steph3 "
        "belinda linda"
    ).split(),
    "valid": "Reed shelby quincy norbert".split(),
    "test": "f4 m3 m7 Annie Mike".split(),
}
LEVEL_DB = (-30.0, -22.0)  # RMS of an utterance re full scale
EDGE_SECONDS = (0.1, 0.3)  # silence before and after
FLOOR_DB = -75.0  # RMS of a faint noise: no recording is digitally silent


def plan_items(name: str, count: int, seed: int) -> list[Item]:
    """Return ``count`` utterances, spread evenly over the voices of a set; f(seed, name, index)."""
    voices = [(accent, variant) for variant in VARIANTS[name] for accent in ACCENTS]
    items = []
    for index in range(count):
        generator = np.random.default_rng([seed, *name.encode(), index])
        # 17 shares no factor with the number of voices: all come in turn, neighbours differ, small
        # sets have many.
        accent, variant = voices[index * 17 % len(voices)]
        intent, text = draw_command(generator)
        rate, pitch, pitch_range = (
            int(generator.integers(*bounds)) for bounds in ((140, 190), (35, 66), (35, 66))
        )
        items.append(
            Item(
                name=f"{variant.lower()}-{accent}-{name}{index:05d}",
                recipe=(accent, variant, rate, pitch, pitch_range, int(generator.integers(2**32))),
                speaker=variant.lower(),
                text=text,
                label=intent,
            )
        )
    return items


def render_command(item: Item, espeak: Espeak, sample_rate: int) -> np.ndarray:
    """Return the utterance of one item, float32 ``(time,)``."""
    accent, variant, rate, pitch, pitch_range, seed = item.recipe
    generator = np.random.default_rng(seed)
    voice = f"{ACCENTS[accent]}+{variant}"
    spoken = espeak.speak(item.text, voice, rate, pitch, pitch_range)
    spoken = resample(spoken, espeak.sample_rate, sample_rate)
    heard = np.flatnonzero(np.abs(spoken) > 1e-3)
    spoken = spoken[heard[0] : heard[-1] + 1]
    level = 10 ** (generator.uniform(*LEVEL_DB) / 20)
    spoken = spoken * np.float32(level / np.sqrt(np.mean(spoken**2)))
    edges = [round(generator.uniform(*EDGE_SECONDS) * sample_rate) for _ in range(2)]
    waveform = np.pad(spoken, edges)
    waveform += (generator.standard_normal(len(waveform)) * 10 ** (FLOOR_DB / 20)).astype("f4")
    peak = np.abs(waveform).max()
    return waveform if peak <= 0.95 else waveform * np.float32(0.95 / peak)


def main() -> None:
    """Command line of this script."""
    parser = corpus_parser(__doc__)
    for name in VARIANTS:
        parser.add_argument(f"--num-{name}", required=True, type=int, help="utterances")
    args = parser.parse_args()
    render = functools.partial(render_command, espeak=Espeak(), sample_rate=args.sample_rate)
    sets = ((name, plan_items(name, getattr(args, f"num_{name}"), args.seed)) for name in VARIANTS)
    make_sets(args, sets, render, {"version": VERSION})


if __name__ == "__main__":
    run_script(main)
