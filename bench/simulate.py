"""Noise simulation beside a per-file script and beside bare decoding and encoding.

    python bench/simulate.py [--utterances 300] [--repeats 5] [--nj 2]

Prints audio hours per minute of each, and ratios: medians of repeated runs, interleaved, because
other work on the machine hits all alike. The per-file script does what the published synthesis
scripts of noisy speech do for each utterance: read the whole speech and the whole noise, normalise
both, mix at an SNR, rescale, write noisy, clean and noise. It is written here in that style, with
as many processes. All write the same three 16-bit files per utterance.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from sslse.data.datadir import write_datadir
from sslse.simulate.config import SimulateConfig
from sslse.simulate.offline import simulate

RATE = 16000
Pair = tuple[Path, Path, Path, int]


def make_inputs(root: Path, utterances: int, noises: int, noise_seconds: float) -> float:
    """Write speech of 4 to 16 s and noises; return the hours of speech."""
    generator = np.random.default_rng(0)
    total = 0
    for name, count in (("speech", utterances), ("noise", noises)):
        paths = {}
        for index in range(count):
            seconds = generator.uniform(4, 16) if name == "speech" else noise_seconds
            waveform = 0.05 * generator.standard_normal(int(seconds * RATE))
            waveform *= 1 + np.sin(np.arange(len(waveform)) / 3000)
            paths[f"{name}{index:05d}"] = str(root / name / f"{index:05d}.wav")
            (root / name).mkdir(exist_ok=True)
            soundfile.write(paths[f"{name}{index:05d}"], waveform, RATE, subtype="PCM_16")
            total += len(waveform) if name == "speech" else 0
        write_datadir(root / name, wav_scp=paths)
    return total / RATE / 3600


def per_file(pair: Pair) -> None:
    """Mix one utterance in the style of the published scripts."""
    speech_path, noise_path, out, seed = pair
    generator = np.random.default_rng(seed)
    clean, rate = soundfile.read(speech_path)
    noise, _ = soundfile.read(noise_path)
    while len(noise) < len(clean):
        noise = np.concatenate([noise, noise])
    start = int(generator.integers(len(noise) - len(clean) + 1))
    target = 10 ** (-25 / 20)
    clean = clean * (target / np.sqrt(np.mean(clean**2)))
    noise = noise * (target / np.sqrt(np.mean(noise**2)))
    noise = noise[start : start + len(clean)]
    rms = np.sqrt(np.mean(noise**2))
    noise = noise * (target / rms / 10 ** (generator.uniform(0, 10) / 20))
    noisy = clean + noise
    level = 10 ** (generator.uniform(-35, -15) / 20) / np.sqrt(np.mean(noisy**2))
    noisy, clean, noise = noisy * level, clean * level, noise * level
    highest = max(np.max(np.abs(wave)) for wave in (noisy, clean, noise))
    if highest > 0.99:
        noisy, clean, noise = (wave * (0.99 / highest) for wave in (noisy, clean, noise))
    for name, waveform in (("noisy", noisy), ("clean", clean), ("noise", noise)):
        soundfile.write(out / f"{name}_{speech_path.name}", waveform, rate)


def bare(pair: Pair) -> None:
    """Decode the speech and encode it three times, without any arithmetic."""
    speech_path, _, out, _ = pair
    samples, rate = soundfile.read(speech_path, dtype="int16")
    for name in ("noisy", "clean", "noise"):
        soundfile.write(out / f"{name}_{speech_path.name}", samples, rate, subtype="PCM_16")


def run_pool(root: Path, function: Callable[[Pair], None], nj: int) -> None:
    """Apply a per-file function to all utterances, each with a random noise."""
    out = root / "out"
    out.mkdir()
    speech = sorted((root / "speech").glob("*.wav"))
    noises = sorted((root / "noise").glob("*.wav"))
    choice = np.random.default_rng(1).integers(len(noises), size=len(speech))
    pairs = [(path, noises[choice[i]], out, i) for i, path in enumerate(speech)]
    with multiprocessing.get_context("fork").Pool(nj) as pool:
        pool.map(function, pairs, chunksize=8)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--utterances", type=int, default=300, help="of 4 to 16 s")
    parser.add_argument("--noises", type=int, default=40)
    parser.add_argument("--noise-seconds", type=float, default=60.0, help="length of a noise, s")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--nj", type=int, default=2, help="processes")
    parser.add_argument("--folder", help="where to work (default: the folder for temporary files)")
    args = parser.parse_args()

    root = Path(tempfile.mkdtemp(dir=args.folder))
    config = SimulateConfig(sample_rate=RATE)
    contestants = {
        "sslse simulate": lambda: simulate(
            root / "speech", root / "noise", root / "out", config, nj=args.nj
        ),
        "per-file script": lambda: run_pool(root, per_file, args.nj),
        "bare decode + encode": lambda: run_pool(root, bare, args.nj),
    }
    try:
        hours = make_inputs(root, args.utterances, args.noises, args.noise_seconds)
        print(
            f"{args.utterances} utterances, {hours:.2f} h; {args.noises} noises of "
            f"{args.noise_seconds:g} s; {args.nj} processes; {args.repeats} runs each"
        )
        # Name → (wall time, CPU time of all processes) of each run, s.
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
        for _ in range(args.repeats):
            for name, contestant in contestants.items():
                wall, busy = time.perf_counter(), sum(os.times()[:4])
                contestant()
                runs[name].append((time.perf_counter() - wall, sum(os.times()[:4]) - busy))
                shutil.rmtree(root / "out")
    finally:
        shutil.rmtree(root)
    ours = runs["sslse simulate"]
    print(f"{'':22} audio h/min   wall / ours   CPU / ours   (medians of pairs)")
    for name, values in runs.items():
        wall, busy = (
            statistics.median(v[i] / o[i] for v, o in zip(values, ours, strict=True))
            for i in (0, 1)
        )
        speed = 60 * hours / statistics.median(value[0] for value in values)
        print(f"{name:22} {speed:11.2f}   {wall:11.2f}   {busy:10.2f}")


if __name__ == "__main__":
    main()
