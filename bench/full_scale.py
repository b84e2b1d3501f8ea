"""The first stages of egs/librispeech/sslmse at full scale in counts, on corpora of tiny files.

    python bench/full_scale.py [--scale 1] [--root FOLDER] [--nj 2]

Makes LibriSpeech (292,367 recordings, 281,241 of them for training) and the noises of the DNS
challenge (65,000) in their published layouts, prepares and checks their data directories, plans
100,000 mixtures, and starts a training. Prints time, peak memory and disk of each: what depends
on the number of files, not on their length. The corpora need 0.2 GB and 400,000 names.

Other programs take ``make_librispeech`` and ``make_dns_noise`` for corpora of any size.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

REPOSITORY = Path(__file__).resolve().parents[1]
RATE = 16000
MEGABYTE = 1 << 20
LINKS = 10_000  # names of one file; ext4 allows 65,000
KINDS = 16  # lengths of the made recordings

# Part of LibriSpeech -> (utterances, readers), as published.
LIBRISPEECH = {
    "train-clean-100": (28_539, 251),
    "train-clean-360": (104_014, 921),
    "train-other-500": (148_688, 1_166),
    "dev-clean": (2_703, 40),
    "dev-other": (2_864, 33),
    "test-clean": (2_620, 40),
    "test-other": (2_939, 33),
}
TRAINING = [part for part in LIBRISPEECH if part.startswith("train")]
NOISES = 65_000
# Sets of the recipe.
SETS = {"train": 100_000, "valid": 5_000, "test": 3_000}
CHAPTER = 25  # utterances of a chapter
PIECES = 4  # clips of one recording of noise


class Originals:
    """Short recordings that many names are hard links of.

    Args:
        folder: where they are kept, on the same disk as their names.
        ending: ``.flac`` or ``.wav``.
        seconds: shortest and longest.
    """

    def __init__(self, folder: Path, ending: str, seconds: tuple[float, float]) -> None:
        self.folder, self.ending, self.count = folder, ending, 0
        generator = np.random.default_rng(0)
        lengths = np.linspace(*seconds, KINDS) * RATE
        self.sounds = [generator.normal(0, 0.05, int(length)) for length in lengths]

    def link(self, path: Path) -> None:
        """Make one more recording."""
        kind, generation = self.count % KINDS, self.count // (KINDS * LINKS)
        original = self.folder / f"{kind}-{generation}{self.ending}"
        if not original.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            soundfile.write(original, self.sounds[kind], RATE, subtype="PCM_16")
        os.link(original, path)
        self.count += 1


def make_librispeech(
    root: Path, scale: float = 1.0, seconds: tuple[float, float] = (0.1, 0.4)
) -> Path:
    """Write LibriSpeech in its published layout, as noise.

    Args:
        root: the folder ``LibriSpeech`` is made in it.
        scale: share of the published utterances and readers; each part has two at least.
        seconds: shortest and longest utterance.
    """
    originals = Originals(root / ".originals", ".flac", seconds)
    folder, reader = root / "LibriSpeech", 0
    for part, (utterances, readers) in LIBRISPEECH.items():
        left = max(2, round(scale * utterances))
        readers = min(left, max(2, round(scale * readers)))
        for own in shares(left, readers):
            reader += 1
            for chapter, count in enumerate(shares(own, -(-own // CHAPTER))):
                name = f"{reader}-{chapter}"
                place = folder / part / str(reader) / str(chapter)
                place.mkdir(parents=True)
                lines = []
                for number in range(count):
                    originals.link(place / f"{name}-{number:04d}.flac")
                    lines.append(f"{name}-{number:04d} SOME WORDS OF READER {reader}\n")
                (place / f"{name}.trans.txt").write_text("".join(lines))
    return folder


def make_dns_noise(
    root: Path, scale: float = 1.0, seconds: tuple[float, float] = (0.3, 0.6)
) -> Path:
    """Write the noises of the DNS challenge in their published layout.

    Args:
        root: the folder ``DNS-Challenge`` is made in it.
        scale: share of the published clips; 200 at least, so that each of the three sets has some.
        seconds: shortest and longest clip.
    """
    originals = Originals(root / ".originals", ".wav", seconds)
    folder = root / "DNS-Challenge/datasets/noise"
    folder.mkdir(parents=True)
    for number in range(max(200, round(scale * NOISES))):
        name = f"noise_Freesound_{number // PIECES}_{number % PIECES}.wav"
        originals.link(folder / name)
    return folder.parents[1]


def shares(total: int, parts: int) -> Iterator[int]:
    """Yield ``parts`` whole numbers that sum to ``total``, as equal as can be."""
    for part in range(parts):
        yield total * (part + 1) // parts - total * part // parts


@dataclass
class Cost:
    """What a step took.

    Attributes:
        seconds: of the clock.
        cpu_seconds: of all processes.
        peak_mb: largest proportional share of memory of the process and all below it, MiB.
        disk_mb: what it left on disk, MiB.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    disk_mb: float


def measure(command: list[str], folder: Path, output: Path, environment: Mapping[str, str]) -> Cost:
    """Run a command and watch it and its children.

    Args:
        command: program and arguments.
        folder: to run in.
        output: where it writes; what is there more afterwards is its disk.
        environment: of the command.

    Raises:
        RuntimeError: it fails; the sentence has the end of what it printed.
    """
    before = disk_mb(output)
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        peak = Peak(process.pid)
        peak.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - begin
        peak.stop()
        if process.returncode != 0:
            log.seek(0)
            tail = log.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{' '.join(command)}: exit status {process.returncode}\n{tail}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    most = max(peak.most / MEGABYTE, usage.ru_maxrss / 1024)  # it may be too short to be looked at
    return Cost(seconds, cpu_seconds, most, disk_mb(output) - before)


class Peak(threading.Thread):
    """Looks at the memory of a process and its children every quarter of a second.

    A page that n processes share counts 1/n in each, so that forked workers count what they copy.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.most, self._end = pid, 0, threading.Event()

    def run(self) -> None:
        """Look until ``stop``."""
        while not self._end.wait(0.25):
            self.most = max(self.most, sum(map(pss_bytes, family(self.pid))))

    def stop(self) -> None:
        """End the looking."""
        self._end.set()
        self.join()


def family(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for parent in found:
        for file in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, file.read_text().split())
            except OSError:
                continue  # it has ended meanwhile
    return found


def pss_bytes(pid: int) -> int:
    """Return the proportional set size of a process; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def disk_mb(folder: Path) -> float:
    """Return what a folder takes on disk, MiB; a file of several names counts once."""
    done = subprocess.run(["du", "-sk", folder], capture_output=True, text=True)
    return int(done.stdout.split()[0]) / 1024 if done.stdout else 0.0


TRAINING_START = """
import sys
from torch.utils.data import DataLoader
from sslse.data.padding import pad_batch
from sslse.data.sampler import StatelessBatchSampler
from sslse.systems.mixture_data import MixtureData
train, noise, crop, workers = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
whole = crop == "whole"
data = MixtureData(train, noise, None, {"snr_low": -3, "snr_high": 20, "level": "whole"},
                   crop_seconds=None if whole else float(crop), max_seconds=16 if whole else None)
data.setup("fit")
lengths = [data.train_set.speech.num_samples(name) for name in data.train_set.utterances]
lengths = lengths if whole else None
sampler = StatelessBatchSampler(len(data.train_set), 16, 312500, lengths=lengths)
loader = DataLoader(data.train_set, batch_sampler=sampler, num_workers=workers,
                    collate_fn=pad_batch if whole else None)
for number, batch in zip(range(50), loader):
    pass
"""

READING = """
import sys
from sslse.data.datadir import DataDir
from sslse.data.fingerprint import audio_facts, fingerprint
data = DataDir(sys.argv[1])
names = list(data.utterances)
words = sum(len(data.text[name]) for name in names)
speakers = {data.utt2spk[name] for name in names}
if sys.argv[2] == "fingerprint":
    fingerprint([audio_facts(data, name) for name in names])
"""


class Steps:
    """The steps, in their order.

    Args:
        root: folder of everything.
        scale: share of the published counts.
        nj: processes.
    """

    def __init__(self, root: Path, scale: float, nj: int) -> None:
        self.root, self.scale, self.nj = root, scale, nj
        self.recipe = REPOSITORY / "egs/librispeech/sslmse"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "SSLSE_VENV": str(Path(sys.prefix)),
            "PATH": f"{REPOSITORY}/bin:{sys.prefix}/bin:{os.environ['PATH']}",
            "LIBRISPEECH": str(root / "corpora/LibriSpeech"),
            "DNS_NOISE": str(root / "corpora/DNS-Challenge"),
            "OMP_NUM_THREADS": "1",
        }
        self.whole = sum(self.count(LIBRISPEECH[part][0]) for part in TRAINING)
        self.drawn = self.count(100_000)
        self.noises = max(200, self.count(NOISES))

    def count(self, published: int) -> int:
        """Return how many of a published number there are."""
        return max(2, round(self.scale * published))

    def run(self) -> None:
        """Run and print all."""
        heads = f"{'count':>8} {'seconds':>8} {'CPU s':>8} {'peak MiB':>9} {'disk MiB':>9}"
        print(f"{'step':54} {heads}")
        for name, count, command, folder in self.steps():
            cost = measure(command, folder, self.root, self.environment)
            numbers = f"{cost.seconds:8.1f} {cost.cpu_seconds:8.1f} {cost.peak_mb:9.0f}"
            print(f"{name:54} {count:8} {numbers} {cost.disk_mb:9.1f}", flush=True)

    def steps(self) -> Iterator[tuple[str, int, list[str], Path]]:
        """Yield name, count, command and folder of each step."""
        python, root, nj = sys.executable, self.root, str(self.nj)
        made = [python, str(Path(__file__).resolve()), "--scale", str(self.scale)]
        corpora = [*made, "--only-corpora", str(root / "corpora")]
        yield "corpora in the published layout", self.whole + self.noises, corpora, root
        parts = ["--root", self.environment["LIBRISPEECH"], "--parts", " ".join(TRAINING)]
        join = [python, "-m", "sslse.corpora.librispeech", *parts, "--lower", "--join", "train_960"]
        yield "stage 1: data/train_960", self.whole, join, root
        counts = [f"--num_{name}={self.count(number)}" for name, number in SETS.items()]
        yield (
            "stage 1: local/data.sh (train, valid, test, noises)",
            self.drawn + self.noises,
            [str(self.recipe / "local/data.sh"), *counts],
            root,
        )
        validate = ["sslse", "validate", "--nj", nj, "--write-lengths"]
        for name, number in (("train_960", self.whole), ("train", self.drawn)):
            yield f"stage 1: sslse validate data/{name}", number, [*validate, f"data/{name}"], root
        noise = [*validate, "data/noise_train"]
        yield "stage 1: sslse validate data/noise_train", self.noises, noise, root
        reading = [python, "-c", READING, "data/train_960"]
        yield "data directory: every id, text and speaker", self.whole, [*reading, ""], root
        state = [*reading, "fingerprint"]
        yield "the same, and a fingerprint of its audio", self.whole, state, root
        plan = ["sslse", "simulate", "--speech", "data/train", "--noise", "data/noise_train"]
        plan += ["--out", "data/train_noisy", "--plan-only"]
        plan += ["--config", str(REPOSITORY / "conf/simulate/sato_valid.yaml")]
        yield "stage 2: sslse simulate --plan-only data/train", self.drawn, plan, root
        yield "the same again (the plan is there)", self.drawn, plan, root
        start = [python, "-c", TRAINING_START, "data/train_960", "data/noise_train"]
        yield "training on crops: 50 batches, 2 workers", self.whole, [*start, "4", "2"], root
        yield "training on whole utterances: the same", self.whole, [*start, "whole", "2"], root
        run = [str(self.recipe / "run.sh"), "--datadir", str(root / "data")]
        run += ["--expdir", str(root / "exp"), "--dry_run", "true", "--figure", "3"]
        yield "sslse plan of all stages (--figure 3 --dry_run)", 10, run, root


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="share of the published counts")
    parser.add_argument(
        "--root", type=Path, help="folder to make and to remove (default: in TMPDIR)"
    )
    parser.add_argument("--nj", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--keep", action="store_true", help="leave the folder there")
    parser.add_argument("--only-corpora", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only_corpora:
        make_librispeech(args.only_corpora, args.scale)
        make_dns_noise(args.only_corpora, args.scale)
        return
    root = args.root or Path(tempfile.mkdtemp(prefix="sslse-full-scale-"))
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        parser.error(f"{root} is not empty; give another folder, or remove it")
    try:
        Steps(root, args.scale, args.nj).run()
    finally:
        if not args.keep:
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
