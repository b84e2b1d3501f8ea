"""Our enhancers beside published ones on one noisy test set, in one run; the table is Markdown.

    python bench/enhancers.py --data data/test_noisy --ours FOLDER --oa 0 0.4 --peers DIR \\
        --whisper DIR --out /tmp/enhancers

--data has wav.scp (noisy), spk1.scp (clean) and, for word errors, text; --peers is described in
bench/enhancer_peers.py (those whose files are not there are left out, and said). Every system hears
every recording as a stream, in blocks of 20 ms (peers: of their own hop) on one core; the real-time
factor is processor time over duration, the median over recordings. A delay against the noisy
speech is measured once (largest cross-correlation) and taken away before scoring. Scores are those
of 'sslse score', word errors those of 'sslse decode' with Whisper's normaliser; brackets are 95 %
intervals by a bootstrap over speakers and their utterances, and * marks a difference to noisy whose
interval leaves out zero. What is there from an earlier run is not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from enhancer_peers import PEERS, NSNet2, Peer

from sslse.audio.files import resample, write_audio
from sslse.cli.main import main as sslse
from sslse.data.datadir import DataDir, write_table
from sslse.enhancers.base import Enhancer
from sslse.enhancers.observation_adding import add_observation
from sslse.errors import DataError, exit_status
from sslse.metrics.base import format_value, lower_is_better
from sslse.metrics.bootstrap import mean_interval, paired_bootstrap
from sslse.metrics.scores import read_column, read_groups

RATE, BLOCK = 16000, 320  # Hz; samples of a block: 20 ms
MOST_DELAY = 1600  # samples of RATE: 0.1 s
COLUMNS = {
    "si_sdr": "SI-SDR dB",
    "pesq": "PESQ",
    "stoi": "STOI",
    "dnsmos_ovrl": "DNSMOS OVRL",
    "covl": "COVL",
    "wer_whisper": "WER %",
}
Run = Callable[[np.ndarray], tuple[np.ndarray, float]]  # noisy -> enhanced and processor seconds


def run_ours(net: Enhancer) -> Run:
    """Stream an enhancer of ours in blocks of 20 ms."""

    def run(noisy: np.ndarray) -> tuple[np.ndarray, float]:
        blocks, stream = torch.from_numpy(noisy).split(BLOCK), net.stream()
        start = time.process_time()
        parts = [stream.push(block) for block in blocks]
        seconds = time.process_time() - start
        return torch.cat([*parts, stream.finish()]).numpy(), seconds

    return run


def run_peer(peer: Peer) -> Run:
    """Stream a peer in blocks of its hop, at its rate."""

    def run(noisy: np.ndarray) -> tuple[np.ndarray, float]:
        own = resample(noisy, RATE, peer.rate)
        own = np.pad(own, (0, MOST_DELAY * peer.rate // RATE))  # the end comes late
        if isinstance(peer, NSNet2):
            start = time.process_time()
            enhanced = peer.whole(own)
        else:
            enhance = peer.begin()
            frames = np.pad(own, (0, -len(own) % peer.hop)).reshape(-1, peer.hop)
            start = time.process_time()
            enhanced = np.concatenate([enhance(frame) for frame in frames])
        seconds = time.process_time() - start
        return resample(enhanced.astype(np.float32), peer.rate, RATE), seconds

    return run


def delay_of(enhanced: np.ndarray, noisy: np.ndarray) -> int:
    """Return how many samples later the enhanced speech is, 0 to ``MOST_DELAY``."""
    size = 1 << (len(enhanced) + len(noisy)).bit_length()
    spectra = np.fft.rfft(enhanced, size), np.fft.rfft(noisy, size)
    return int(np.abs(np.fft.irfft(spectra[0] * spectra[1].conj()))[: MOST_DELAY + 1].argmax())


def enhance_set(data: DataDir, run: Run, oas: dict[float, Path], aligned: bool) -> float:
    """Enhance a set, add the noisy speech by each weight; return the median real-time factor."""
    facts = next(iter(oas.values())) / "speed.json"
    if all((folder / "wav.scp").is_file() for folder in oas.values()) and facts.is_file():
        return json.loads(facts.read_text())["real_time_factor"]
    tables: dict[float, dict[str, str]] = {oa: {} for oa in oas}
    factors, delay = [], 0 if aligned else None
    for name in data.utterances:
        noisy, _ = data.load(name, sample_rate=RATE)
        enhanced, seconds = run(np.ascontiguousarray(noisy, np.float32))
        factors.append(seconds * RATE / len(noisy))
        delay = delay_of(enhanced, noisy) if delay is None else delay
        enhanced = np.pad(enhanced[delay:], (0, len(noisy)))[: len(noisy)]
        for oa, folder in oas.items():
            path = folder / "audio" / f"{name.replace('/', '%2F')}.wav"
            write_audio(path, add_observation(enhanced, noisy, oa), RATE, subtype="FLOAT")
            tables[oa][name] = str(path)
    for oa, folder in oas.items():
        write_table(folder / "wav.scp", tables[oa])
    factor = statistics.median(factors)
    facts.write_text(json.dumps({"real_time_factor": factor, "delay_samples": delay}))
    return factor


def judge(data: str, folder: Path, whisper: str | None, max_utts: list[str]) -> Path:
    """Recognise and score what stands in a folder's ``wav.scp``; return the folder of scores."""
    scores, scp = folder / "scores", str(folder / "wav.scp")
    command = ["score", "--reference", data, "--enhanced", scp, "--out", str(scores), "--nj", "1"]
    command += ["--metrics", "si_sdr,pesq,stoi,dnsmos,composite"]
    command += ["--allow-failed", *(f"--max-utts={limit}" for limit in max_utts)]
    if whisper:
        words = ["decode", "--recognizer", "whisper", "--model", whisper, "--data", scp]
        if sslse([*words, "--out", str(folder / "hyp")]):
            raise DataError(f"Whisper failed on {scp}")
        command += ["--hyp", f"whisper={folder / 'hyp/text'}", "--normalize", f"whisper={whisper}"]
    sslse(command)
    return scores


def cells(scores: Path, noisy: Path) -> list[str]:
    """Return the numbers of a row with their intervals."""
    row = []
    groups = read_groups([scores, noisy])
    for column in COLUMNS:
        if not (scores / column).is_file():
            row.append("")
            continue
        own, other = read_column(scores, column), read_column(noisy, column)
        unit = 100 if column.startswith("wer") else 1
        lower = lower_is_better(column)
        compared = paired_bootstrap([own], [other], lower_is_better=lower, groups=groups)
        star = "*" if compared.certain else ""
        if format_value(column, compared.a, ".2f") == "∞":  # the SI-SDR of clean speech
            row.append("∞")
            continue
        if unit == 1:
            low, high = mean_interval({name: pair[0] for name, pair in own.items()}, groups)
            row.append(f"{compared.a:.2f}{star} [{low:.2f}, {high:.2f}]")
        else:
            low, high = 100 * compared.low, 100 * compared.high
            row.append(f"{100 * compared.a:.1f}{star} [{low:+.1f}, {high:+.1f} to noisy]")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--data", required=True, help="noisy data directory with spk1.scp")
    add("--ours", action="append", default=[], help="folder of an enhancer (repeatable)")
    add("--oa", type=float, nargs="+", default=[0.0], help="observation adding of ours")
    add("--peers", type=Path, help="folder of the files of published enhancers")
    add("--whisper", help="folder or hub name of a Whisper model")
    add("--max-utts", action="append", default=[], help="METRIC=NUMBER, as of 'sslse score'")
    add("--out", type=Path, required=True, help="folder of everything that is made")
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = DataDir(args.data)
    rows: list[tuple[str, Path, int | None, float | None]] = []
    for name, kind in (("clean", "spk1"), ("noisy", "wav")):
        table = data.table("spk1.scp" if kind == "spk1" else "wav.scp")
        (args.out / name).mkdir(parents=True, exist_ok=True)
        (args.out / name / "wav.scp").write_bytes(Path(table).read_bytes())
        rows.append((name, args.out / name, None, None))
    for folder in args.ours:
        net = Enhancer.from_pretrained(folder)
        name = Path(folder).parent.name if Path(folder).name == "enhancer" else Path(folder).name
        own = {oa: args.out / f"ours_{name}_oa{oa:g}" for oa in args.oa}
        factor = enhance_set(data, run_ours(net), own, aligned=True)
        size = sum(parameter.numel() for parameter in net.parameters())
        for oa, place in own.items():
            rows.append((f"ours, {name}{f', OA {oa:g}' if oa else ''}", place, size, factor))
    for name, kind in PEERS.items() if args.peers else ():
        try:
            peer = kind(args.peers)
        except (DataError, OSError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        place = args.out / name.replace(" ", "")
        factor = enhance_set(data, run_peer(peer), {0.0: place}, aligned=False)
        rows.append((name, place, peer.parameters, factor))
    scores = {
        name: judge(args.data, place, args.whisper, args.max_utts) for name, place, *_ in rows
    }
    print(f"\n{len(data)} recordings of {args.data}\n")
    print("| |", " | ".join(COLUMNS.values()), "| parameters | real-time factor |")
    print("|---|" + "--:|" * (len(COLUMNS) + 2))
    for name, _, size, factor in rows:
        sizes = "" if size is None else f"{size / 1e6:.2f} M"
        speed = "" if factor is None else f"{factor:.3f}"
        print(f"| {name} |", " | ".join([*cells(scores[name], scores["noisy"]), sizes, speed]), "|")


if __name__ == "__main__":
    sys.exit(exit_status("enhancers.py", main))
