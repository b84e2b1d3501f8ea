"""Computed noises: data/noise_train, data/noise_valid and data/noise_test without any recording.

Each generator takes a random generator, a length and a rate, draws its own parameters and returns
float64 ``(num_samples,)`` of any level. Half of the test noises are of kinds that no other set has.
Babble is not among them: it is made of other speakers of a set itself, when it is mixed.

    python -m sslse.simulate.computed --data data --num-noise-train 200
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from sslse.simulate.corpus import Item
from sslse.simulate.corpus_script import corpus_parser, make_sets, run_script

Generator = np.random.Generator


def coloured(generator: Generator, num_samples: int, exponent: float) -> np.ndarray:
    """Return Gaussian noise whose power falls as 1/f**exponent."""
    spectrum = np.fft.rfft(generator.standard_normal(num_samples))
    frequency = np.maximum(np.arange(len(spectrum)), 1)
    return np.fft.irfft(spectrum * frequency ** (-exponent / 2), num_samples)


def band(
    generator: Generator, waveform: np.ndarray, rate: int, low: float, high: float
) -> np.ndarray:
    """Filter to a random band of one to two octaves, centred between ``low`` and ``high`` Hz."""
    centre = np.exp(generator.uniform(np.log(low), np.log(high)))
    half = 2 ** generator.uniform(0.5, 1.0)
    edges = [max(centre / half, 30), min(centre * half, 0.45 * rate)]
    return sosfilt(butter(2, edges, "bandpass", fs=rate, output="sos"), waveform)


def white(generator: Generator, num_samples: int, rate: int) -> np.ndarray:
    """White noise."""
    return generator.standard_normal(num_samples)


def pink(generator: Generator, num_samples: int, rate: int) -> np.ndarray:
    """About 3 dB less per octave."""
    return coloured(generator, num_samples, generator.uniform(0.7, 1.3))


def brown(generator: Generator, num_samples: int, rate: int) -> np.ndarray:
    """About 6 dB less per octave, over a little pink noise."""
    deep = coloured(generator, num_samples, generator.uniform(1.6, 2.2))
    top = coloured(generator, num_samples, 1.0)
    return deep / deep.std() + generator.uniform(0.1, 0.4) * top / top.std()


def hum(generator: Generator, num_samples: int, rate: int) -> np.ndarray:
    """Mains and transformer: harmonics of 45 to 65 Hz, with hiss."""
    time = np.arange(num_samples) / rate
    base = generator.uniform(45, 65)
    waveform = 0.05 * generator.standard_normal(num_samples)
    for harmonic in range(1, int(generator.integers(12, 40))):
        amplitude = generator.uniform(0.2, 1.0) / harmonic**0.7
        phase = generator.uniform(0, 2 * np.pi)
        waveform += amplitude * np.sin(2 * np.pi * base * harmonic * time + phase)
    return waveform


def modulated(generator: Generator, num_samples: int, rate: int) -> np.ndarray:
    """Waves and wind: pink noise in a band that swells 0.3 to 6 times a second."""
    time = np.arange(num_samples) / rate
    swell = generator.uniform(0.3, 6.0)
    depth = generator.uniform(0.6, 1.0)
    envelope = 1 + depth * np.sin(2 * np.pi * (swell * time + generator.random()))
    return envelope * band(generator, coloured(generator, num_samples, 0.5), rate, 200, 3000)


def chirps(generator: Generator, num_samples: int, rate: int) -> np.ndarray:
    """Birds and beeps: short gliding tones."""
    waveform = 0.02 * generator.standard_normal(num_samples)
    for _ in range(int(generator.uniform(2, 6) * num_samples / rate) + 1):
        length = int(generator.uniform(0.05, 0.4) * rate)
        start = int(generator.integers(max(num_samples - length, 1)))
        edges = generator.uniform(400, 4000, size=2)
        phase = 2 * np.pi * np.cumsum(np.linspace(*edges, length)) / rate
        tone = np.hanning(length) * np.sin(phase) * generator.uniform(0.3, 1.0)
        waveform[start : start + length] += tone[: num_samples - start]
    return waveform


def impulses(generator: Generator, num_samples: int, rate: int) -> np.ndarray:
    """Knocks and clicks: decaying bursts at random times."""
    decay = int(generator.uniform(0.01, 0.08) * rate)
    body = generator.standard_normal(5 * decay) * np.exp(-np.arange(5 * decay) / decay)
    body = band(generator, body, rate, 300, 3000)
    hits = generator.random(num_samples) < generator.uniform(2, 10) / rate
    hits[int(generator.integers(num_samples))] = True
    waveform = fftconvolve(hits * generator.uniform(0.3, 1.0, num_samples), body)[:num_samples]
    return waveform + 0.01 * body.std() * generator.standard_normal(num_samples)


def bursts(generator: Generator, num_samples: int, rate: int) -> np.ndarray:
    """Rattle and rustle: band noise that is switched on and off."""
    switch = np.repeat(
        generator.random(num_samples // (rate // 20) + 1) < generator.uniform(0.3, 0.7), rate // 20
    )[:num_samples]
    smooth = lfilter([0.01], [1, -0.99], switch.astype(float))
    return (smooth + 0.02) * band(
        generator, generator.standard_normal(num_samples), rate, 300, 4000
    )


def machine(generator: Generator, num_samples: int, rate: int) -> np.ndarray:
    """Engine: harmonics of a drifting speed with pulsating noise."""
    drift = np.cumsum(generator.standard_normal(num_samples)) / np.sqrt(num_samples)
    speed = generator.uniform(15, 60) * (1 + 0.1 * drift)
    phase = 2 * np.pi * np.cumsum(speed) / rate
    waveform = np.zeros(num_samples)
    for harmonic in range(1, 25):
        amplitude = generator.uniform(0.1, 1.0) / harmonic**0.5
        waveform += amplitude * np.sin(harmonic * phase + generator.uniform(0, 2 * np.pi))
    noise = band(generator, generator.standard_normal(num_samples), rate, 300, 2500)
    pulse = 1 + np.sin(phase * int(generator.integers(1, 5)))
    return waveform / waveform.std() + generator.uniform(0.5, 1.5) * pulse * noise / noise.std()


def siren(generator: Generator, num_samples: int, rate: int) -> np.ndarray:
    """Alarm: a tone with harmonics that wails or alternates."""
    time = np.arange(num_samples) / rate
    swing = np.sin(2 * np.pi * generator.uniform(0.4, 3.0) * time + generator.uniform(0, 6))
    if generator.random() < 0.5:
        swing = np.sign(swing)
    phase = 2 * np.pi * np.cumsum(generator.uniform(500, 1200) * 2 ** (0.4 * swing)) / rate
    waveform = sum(np.sin(k * phase) / k for k in (1, 2, 3, 4))
    return waveform + 0.05 * generator.standard_normal(num_samples)


def rain(generator: Generator, num_samples: int, rate: int) -> np.ndarray:
    """Rain: hundreds of small drops a second over hiss."""
    drops = generator.standard_normal(num_samples) ** 3
    drops *= generator.random(num_samples) < generator.uniform(100, 600) / rate
    ring = np.exp(-np.arange(rate // 100) / (rate * generator.uniform(0.0005, 0.002)))
    waveform = fftconvolve(drops, ring * generator.standard_normal(len(ring)))[:num_samples]
    hiss = band(generator, generator.standard_normal(num_samples), rate, 1500, 5000)
    return waveform / waveform.std() + generator.uniform(0.3, 0.8) * hiss / hiss.std()


def music(generator: Generator, num_samples: int, rate: int) -> np.ndarray:
    """Music: plucked chords of a pentatonic scale."""
    waveform = np.zeros(num_samples)
    beat = int(rate * generator.uniform(0.2, 0.5))
    base = generator.uniform(110, 220)
    scale = np.array([0, 2, 4, 7, 9, 12, 14, 16, 19, 21])
    time = np.arange(2 * beat) / rate
    for start in range(0, num_samples, beat):
        for step in generator.choice(scale, size=3, replace=False):
            frequency = base * 2 ** (step / 12)
            note = sum(np.sin(2 * np.pi * k * frequency * time) / k**1.5 for k in range(1, 7))
            note = note * np.exp(-time * generator.uniform(2, 8))
            waveform[start : start + len(note)] += note[: num_samples - start]
    return waveform


# Kinds that all sets have, with parameters of their own, and kinds that only the test set has.
COMMON: dict[str, Callable[[Generator, int, int], np.ndarray]] = {
    function.__name__: function
    for function in (white, pink, brown, hum, modulated, chirps, impulses, bursts, machine)
}
TEST_ONLY: dict[str, Callable[[Generator, int, int], np.ndarray]] = {
    function.__name__: function for function in (siren, rain, music)
}


VERSION = 1  # a change of the sound makes old files outdated
SECONDS = (4.0, 8.0)
KINDS = {
    "noise_train": [*COMMON],
    "noise_valid": [*COMMON],
    "noise_test": [*COMMON, *TEST_ONLY, *TEST_ONLY, *TEST_ONLY],
}


def plan_items(name: str, count: int, seed: int, all_kinds: bool = False) -> list[Item]:
    """Return ``count`` noises, kind by kind in turn; f(seed, name, index)."""
    kinds = [*COMMON, *TEST_ONLY] if all_kinds else KINDS[name]
    items = []
    for index in range(count):
        kind = kinds[index % len(kinds)]
        utterance = f"{kind}-{name.removeprefix('noise_')}{index:04d}"
        items.append(Item(utterance, (kind, [seed, *name.encode(), index]), label=kind))
    return items


def at_level(waveform: np.ndarray) -> np.ndarray:
    """Return a noise without offset, float32, at about −25 dB re full scale."""
    waveform = waveform - waveform.mean()
    gain = min(10 ** (-25 / 20) / waveform.std(), 0.95 / np.abs(waveform).max())
    return (waveform * gain).astype(np.float32)


def render_noise(item: Item, sample_rate: int) -> np.ndarray:
    """Return one noise, float32 (time,)."""
    kind, seed = item.recipe
    generator = np.random.default_rng(seed)
    num_samples = round(generator.uniform(*SECONDS) * sample_rate)
    return at_level({**COMMON, **TEST_ONLY}[kind](generator, num_samples, sample_rate))


def main() -> None:
    """Command line of this script."""
    parser = corpus_parser(__doc__)
    for name in KINDS:
        option = f"--num-{name.replace('_', '-')}"
        parser.add_argument(option, default=0, type=int, help="noises (default: 0, no such set)")
    parser.add_argument(
        "--all-kinds", action="store_true", help="every set has all kinds, of other parameters"
    )
    args = parser.parse_args()
    render = functools.partial(render_noise, sample_rate=args.sample_rate)
    counts = {name: getattr(args, f"num_{name}") for name in KINDS}
    sets = (
        (name, plan_items(name, count, args.seed, args.all_kinds))
        for name, count in counts.items()
        if count
    )
    make_sets(args, sets, render, {"version": VERSION}, "noises")


if __name__ == "__main__":
    run_script(main)
