"""Generated noises other than babble: data/noise_train, data/noise_valid and data/noise_test.

Babble is made of other speakers of each set itself, when it is mixed. Half of the test noises are
of kinds that no other set has.
"""

from __future__ import annotations

import functools

import numpy as np
from noises import COMMON, TEST_ONLY

from sslse.simulate.corpus import Item
from sslse.simulate.corpus_script import corpus_parser, make_sets, run_script

VERSION = 1  # a change of the sound makes old files outdated
SECONDS = (4.0, 8.0)
KINDS = {
    "noise_train": [*COMMON],
    "noise_valid": [*COMMON],
    "noise_test": [*COMMON, *TEST_ONLY, *TEST_ONLY, *TEST_ONLY],
}


def plan_items(name: str, count: int, seed: int) -> list[Item]:
    """Return ``count`` noises, kind by kind in turn; f(seed, name, index)."""
    items = []
    for index in range(count):
        kind = KINDS[name][index % len(KINDS[name])]
        utterance = f"{kind}-{name.removeprefix('noise_')}{index:04d}"
        items.append(Item(utterance, (kind, [seed, *name.encode(), index]), label=kind))
    return items


def render_noise(item: Item, sample_rate: int) -> np.ndarray:
    """Return one noise, float32 (time,), at about −25 dB re full scale."""
    kind, seed = item.recipe
    generator = np.random.default_rng(seed)
    num_samples = round(generator.uniform(*SECONDS) * sample_rate)
    waveform = {**COMMON, **TEST_ONLY}[kind](generator, num_samples, sample_rate)
    waveform = waveform - waveform.mean()
    gain = min(10 ** (-25 / 20) / waveform.std(), 0.95 / np.abs(waveform).max())
    return (waveform * gain).astype(np.float32)


def main() -> None:
    """Command line of this script."""
    parser = corpus_parser(__doc__)
    for name in KINDS:
        option = f"--num-{name.replace('_', '-')}"
        parser.add_argument(option, required=True, type=int, help="noises")
    args = parser.parse_args()
    render = functools.partial(render_noise, sample_rate=args.sample_rate)
    sets = ((name, plan_items(name, getattr(args, f"num_{name}"), args.seed)) for name in KINDS)
    make_sets(args, sets, render, {"version": VERSION}, "noises")


if __name__ == "__main__":
    run_script(main)
