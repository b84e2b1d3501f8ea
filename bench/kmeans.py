"""Clustering of vectors on disk beside scikit-learn's ``partial_fit`` on vectors in memory.

    python bench/kmeans.py [--vectors 10000000] [--width 144] [--clusters 1500]

Ours reads float16 shards, leaves the silent fifth out, shuffles, steps, and writes its state after
each shard; the peer is handed contiguous float32 batches that are already in memory, and does
nothing else. Both take steps of one size from the same starting centres (their making is not
timed). They run shard by shard in turn, so that other work on the machine hits both alike. One
thread; CPU time and wall time; the peak memory of this process is printed beside the size of the
vectors as float32, and does not grow with them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from sslse.data.draws import Stream, draw_generator
from sslse.tokens.kmeans import (
    STATE_NAME,
    StreamingKMeans,
    batches,
    initial_sample,
)
from sslse.tokens.vectors import VectorStore, begin_store, plan_shards, write_shard

FRAMES = 300  # of an utterance: 12 s at 25 Hz


def write_store(path: Path, args: argparse.Namespace) -> VectorStore:
    """Write random vectors around random centres."""
    utterances = [f"u{number:07d}" for number in range(-(-args.vectors // FRAMES))]
    facts = {
        "encoder": "random",
        "width": args.width,
        "sample_rate": 16000,
        "downsample_rate": 640,
        "dtype": "float16",
        "cutoff_db": 40.0,
        "shard_utterances": args.shard_utterances,
    }
    begin_store(path, facts, utterances)
    centres = np.random.default_rng(0).standard_normal((200, args.width)).astype(np.float32)
    for number, names in enumerate(plan_shards(utterances, args.shard_utterances)):
        generator = np.random.default_rng(number)
        vectors, speech = {}, {}
        for name in names:
            noise = generator.standard_normal((FRAMES, args.width), dtype=np.float32)
            vectors[name] = centres[generator.integers(len(centres), size=FRAMES)] + noise
            speech[name] = np.arange(FRAMES) >= FRAMES // 5
        write_shard(path, number, vectors, speech, "float16")
    return VectorStore(path)


def memory(name: str) -> float:
    """Return a line of this process's status, MB."""
    with open("/proc/self/status") as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith(name)) / 1024


class Clock:
    """CPU and wall seconds of blocks, summed."""

    def __init__(self) -> None:
        self.busy = self.wall = 0.0

    def __enter__(self) -> None:
        self.begin = time.process_time(), time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.busy += time.process_time() - self.begin[0]
        self.wall += time.perf_counter() - self.begin[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=int, default=10_000_000)
    parser.add_argument("--width", type=int, default=144)
    parser.add_argument("--clusters", type=int, default=1500)
    parser.add_argument("--batch-size", type=int, default=16384)
    parser.add_argument("--shard-utterances", type=int, default=1000)
    parser.add_argument("--folder", help="where to work (default: the folder for temporary files)")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when scikit-learn is imported
    torch.set_num_threads(1)
    from sklearn.cluster import MiniBatchKMeans

    root = Path(tempfile.mkdtemp(dir=args.folder))
    try:
        store = write_store(root / "vectors", args)
        sample = initial_sample(store, max(args.batch_size, 3 * args.clusters), 0)
        ours = StreamingKMeans(args.clusters, args.batch_size, 0)
        ours.step(sample)
        start, first_peak = ours.centres.clone().numpy(), None
        peer = MiniBatchKMeans(
            args.clusters, init=start, n_init=1, batch_size=args.batch_size, compute_labels=False
        )
        peer.partial_fit(sample)
        with open("/proc/self/clear_refs", "w") as stream:
            stream.write("5")  # the highest mark of writing the vectors is forgotten
        before = memory("VmRSS")
        ours_clock, peer_clock = Clock(), Clock()
        for shard in range(store.num_shards):
            with ours_clock:
                shuffle = draw_generator(0, Stream.SHARD_SHUFFLE, shard)
                for batch in batches(store, shard, args.batch_size, shuffle):
                    ours.step(batch)
                ours.save(root / STATE_NAME, shard + 1, {})
            shuffle = draw_generator(0, Stream.SHARD_SHUFFLE, shard)
            ready = list(batches(store, shard, args.batch_size, shuffle))
            with peer_clock:
                for batch in ready:
                    peer.partial_fit(batch)
            del ready
            peak = memory("VmHWM")
            first_peak = first_peak or peak
        moved = np.linalg.norm(ours.centres.numpy() - start) / np.linalg.norm(start)
    finally:
        shutil.rmtree(root)
    count = store.num_speech
    print(
        f"{count} of {len(store) * FRAMES} vectors of {args.width}, {args.clusters} clusters, "
        f"{store.num_shards} shards; centres moved by {moved:.2f} of their norm"
    )
    for name, clock in (("sslse, streamed", ours_clock), ("partial_fit alone", peer_clock)):
        print(
            f"{name:18} {count / clock.busy:9.0f} vectors/s CPU {count / clock.wall:9.0f} wall   "
            f"throughput / peer {peer_clock.busy / clock.busy:.3f} CPU, "
            f"{peer_clock.wall / clock.wall:.3f} wall"
        )
    size = count * args.width * 4 / 2**20
    print(
        f"memory {before:.0f} MB before, at most {first_peak:.0f} MB after the first shard, "
        f"{peak:.0f} MB after the last (the vectors are {size:.0f} MB)"
    )


if __name__ == "__main__":
    main()
