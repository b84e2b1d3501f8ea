"""Mini-batch K-means over vectors on disk: bounded memory, and continued to the same centres."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from sslse.data.atomic import atomic_path
from sslse.data.sampler import draw_generator
from sslse.data.scp import Table
from sslse.data.vectors import VectorStore
from sslse.errors import ConfigError, DataError
from sslse.metrics.clusters import agreement, usage
from sslse.recognizers.tokenizer import Tokenizer

# Streams of ``draw_generator``.
ORDER_STREAM, SAMPLE_STREAM, STEP_STREAM, SHUFFLE_STREAM = 21, 22, 23, 24
STATE_NAME = "kmeans.safetensors"
PROGRESS_SECONDS = 30.0


class StreamingKMeans:
    """scikit-learn's ``MiniBatchKMeans`` with its state in a file without pickle.

    What is random in a step is drawn from (seed, step) alone, so that a continued clustering ends
    with the very centres of an unbroken one.

    Args:
        num_clusters: clusters.
        batch_size: vectors in a step.
        seed: seed.
    """

    def __init__(self, num_clusters: int, batch_size: int, seed: int) -> None:
        from sklearn.cluster import MiniBatchKMeans

        self.seed = seed
        # Without labels of each batch, which would cost a second assignment.
        self.kmeans = MiniBatchKMeans(num_clusters, batch_size=batch_size, compute_labels=False)

    @property
    def steps(self) -> int:
        """Batches seen, that of the initial centres included."""
        return getattr(self.kmeans, "n_steps_", 0)

    @property
    def centres(self) -> np.ndarray:
        """Cluster centres, float32 (clusters, D)."""
        return self.kmeans.cluster_centers_

    def step(self, vectors: np.ndarray) -> None:
        """Move the centres towards a batch (N, D); the first one gives them by k-means++."""
        number = int(draw_generator(self.seed, STEP_STREAM, self.steps).integers(2**32))
        self.kmeans._random_state = np.random.RandomState(number)
        self.kmeans.partial_fit(vectors)

    def save(self, path: Path, shards_done: int, options: dict[str, str]) -> None:
        """Write the state after so many shards."""
        from safetensors.numpy import save_file

        kmeans = self.kmeans
        numbers = (shards_done, kmeans.n_steps_, kmeans._n_since_last_reassign, kmeans._batch_size)
        tensors = {
            "centres": kmeans.cluster_centers_,
            "counts": kmeans._counts,
            "numbers": np.array(numbers, np.int64),
        }
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata=options)

    def load(self, path: Path, options: dict[str, str]) -> int:
        """Read what ``save`` wrote; return the shards that are done.

        Raises:
            ConfigError: it was written with other options.
        """
        from safetensors import SafetensorError, safe_open
        from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

        try:
            with safe_open(path, framework="np") as stream:
                tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
                begun = stream.metadata()
        except SafetensorError as error:
            raise ConfigError(f"{path} cannot be read ({error}); remove it to start over") from None
        for name, value in options.items():
            if begun.get(name) != value:
                raise ConfigError(
                    f"{path.parent} was begun with {name} = {begun.get(name)} and is now asked to "
                    f"continue with {value}; choose another --out, or remove that folder"
                )
        kmeans = self.kmeans
        kmeans.cluster_centers_ = tensors["centres"].copy()
        kmeans._counts = tensors["counts"].copy()
        done, kmeans.n_steps_, kmeans._n_since_last_reassign, kmeans._batch_size = (
            int(number) for number in tensors["numbers"]
        )
        kmeans.n_features_in_ = tensors["centres"].shape[1]
        kmeans._n_threads = _openmp_effective_n_threads()  # which does not change any sum
        return done


def shard_order(store: VectorStore, epochs: int, seed: int) -> list[int]:
    """Return the shards in the order in which they are read."""
    orders = (
        draw_generator(seed, ORDER_STREAM, epoch).permutation(store.num_shards)
        for epoch in range(epochs)
    )
    return [int(shard) for order in orders for shard in order]


def batches(
    store: VectorStore, shard: int, size: int, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield the speech vectors of a shard in shuffled batches of nearly equal size, float32 (N, D),
    none greater than ``size``."""
    vectors, speech = store.shard(shard, mapped=False)
    rows = np.flatnonzero(speech)
    if not len(rows):
        return
    held = torch.from_numpy(vectors)  # torch converts half precision several times faster
    order = torch.from_numpy(generator.permutation(rows))
    for chosen in order.tensor_split(-(-len(rows) // size)):
        yield held[chosen].float().numpy()


def initial_sample(store: VectorStore, count: int, seed: int) -> np.ndarray:
    """Return about ``count`` speech vectors, from all shards alike."""
    total, parts = store.num_speech, []
    for shard in range(store.num_shards):
        vectors, speech = store.shard(shard)
        rows = np.flatnonzero(speech)
        wanted = min(len(rows), -(-count * len(rows) // total))
        chosen = draw_generator(seed, SAMPLE_STREAM, shard).choice(rows, wanted, replace=False)
        parts.append(vectors[np.sort(chosen)].astype(np.float32))
    return np.concatenate(parts)


def cluster(
    store: VectorStore,
    out: Path,
    num_clusters: int = 1500,
    epochs: int = 3,
    batch_size: int = 16384,
    seed: int = 0,
    labels: str | None = None,
) -> Tokenizer:
    """Cluster the speech vectors of a store and write a tokenizer whose linear layer is untrained.

    One shard is in memory at a time. The state is saved after each.

    Args:
        store: encoder vectors.
        out: folder of the tokenizer; ``kmeans.safetensors`` in it is the state.
        num_clusters: clusters.
        epochs: passes over the vectors.
        batch_size: vectors in a step.
        seed: seed of centres, order and linear layer.
        labels: file of lines ``utterance label label …``, one label a vector, or one for all.

    Returns:
        The tokenizer, its statistics filled in.

    Raises:
        DataError: fewer vectors than clusters.
        ConfigError: ``out`` was begun with other options.
    """
    if num_clusters > store.num_speech:
        raise DataError(
            f"{num_clusters} clusters need as many vectors, but {store.path} has "
            f"{store.num_speech} that are not silent; take fewer clusters or more speech"
        )
    options = {
        "vectors": str(store.path),
        "clusters": str(num_clusters),
        "batch_size": str(batch_size),
        "seed": str(seed),
    }
    kmeans = StreamingKMeans(num_clusters, batch_size, seed)
    state, done = out / STATE_NAME, 0
    if state.exists():
        done = kmeans.load(state, options)
        print(f"continuing {out} after {done} shards", file=sys.stderr)
    else:
        kmeans.step(initial_sample(store, max(batch_size, 3 * num_clusters), seed))
    order = shard_order(store, epochs, seed)
    started = said = time.monotonic()
    for position in range(done, len(order)):
        shuffle = draw_generator(seed, SHUFFLE_STREAM, position)
        for batch in batches(store, order[position], batch_size, shuffle):
            kmeans.step(batch)
        kmeans.save(state, position + 1, options)
        if time.monotonic() - said > PROGRESS_SECONDS:
            said, left = time.monotonic(), len(order) - position - 1
            seconds = (said - started) / (position + 1 - done) * left
            print(f"{left} of {len(order)} shards left, {seconds:.0f} s", file=sys.stderr)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tokenizer = Tokenizer(
            torch.from_numpy(kmeans.centres), store.sample_rate, store.downsample_rate
        )
    tokenizer.statistics = describe(tokenizer, store, labels)
    tokenizer.save_pretrained(out)
    return tokenizer


def describe(
    tokenizer: Tokenizer, store: VectorStore, labels: str | None = None
) -> dict[str, float]:
    """Return usage and, with labels, agreement of the clusters over the speech of a store.

    Raises:
        DataError: an utterance has no labels, or another number of them than of vectors.
    """
    counts = np.zeros(tokenizer.num_clusters, np.int64)
    table = Table(labels) if labels else None
    joint: dict[str, np.ndarray] = {}
    distance = 0.0
    for index, utterance in enumerate(store.utterances):
        item = store[index]
        vectors = item["vectors"][item["speech"]]
        clusters = tokenizer.labels(vectors)
        distance += float((vectors - tokenizer.centres[clusters]).square().sum())
        counts += np.bincount(clusters.numpy(), minlength=len(counts))
        if table is not None:
            names = _labels_of(utterance, table, len(item["speech"]), labels)
            spoken = zip(clusters.tolist(), item["speech"].numpy().nonzero()[0], strict=True)
            for number, frame in spoken:
                joint.setdefault(names[frame], np.zeros_like(counts))[number] += 1
    statistics = {
        "vectors": int(counts.sum()),
        "inertia": distance / max(1, int(counts.sum())),
        **usage(counts),
    }
    if joint:
        statistics.update(agreement(np.stack(list(joint.values()), 1)))
    return statistics


def _labels_of(utterance: str, table: Table, frames: int, path: str | None) -> list[str]:
    if utterance not in table:
        raise DataError(f"{path} has no labels of utterance {utterance}")
    names = table[utterance].split()
    if len(names) == 1:
        return names * frames
    if len(names) != frames:
        raise DataError(
            f"{path} has {len(names)} labels of utterance {utterance}, which has {frames} vectors; "
            "give one label a vector, or one for the whole utterance"
        )
    return names
