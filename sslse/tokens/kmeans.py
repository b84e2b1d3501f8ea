"""Mini-batch K-means over vectors on disk: bounded memory, and continued to the same centres."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sslse.data.draws import Stream, draw_generator
from sslse.data.scp import Table
from sslse.errors import ConfigError, DataError
from sslse.metrics.clusters import agreement, usage
from sslse.runtime.atomic import atomic_open
from sslse.runtime.progress import follow
from sslse.tokens.tokenizer import Tokenizer, nearest_centres
from sslse.tokens.vectors import VectorStore

# Streams of ``draw_generator``.
STATE_NAME = "kmeans.safetensors"
SMALL_CLUSTER = 0.01  # of the vectors of the greatest cluster


class StreamingKMeans:
    """Mini-batch K-means whose state is one file without pickle.

    A centre is the mean of all vectors that were nearest to it when their batch came. Centres that
    hold almost none are moved to random vectors of a batch, as in scikit-learn. What is random in a
    step is drawn from (seed, step) alone, so that a continued clustering ends with the very centres
    of an unbroken one.

    Args:
        num_clusters: clusters.
        batch_size: vectors in a step.
        seed: seed.

    Reference:
        Sculley 2010, Web-scale k-means clustering.
    """

    def __init__(self, num_clusters: int, batch_size: int, seed: int) -> None:
        self.num_clusters, self.batch_size, self.seed = num_clusters, batch_size, seed
        self.centres = torch.zeros(0)  # float32 (clusters, D)
        self.counts = torch.zeros(num_clusters)  # vectors of each cluster
        self.steps = 0  # that of the initial centres included
        self.since_moving = 0  # vectors since small clusters were last looked for

    def step(self, vectors: np.ndarray) -> None:
        """Move the centres towards a batch (N, D); the first one gives them by k-means++."""
        from sklearn.cluster import kmeans_plusplus

        number = int(draw_generator(self.seed, Stream.KMEANS_STEP, self.steps).integers(2**32))
        random = np.random.RandomState(number)
        if not self.steps:
            centres, _ = kmeans_plusplus(vectors, self.num_clusters, random_state=random)
            self.centres = torch.from_numpy(centres)
        self.steps += 1
        self.since_moving += self.batch_size
        move = bool((self.counts == 0).any()) or self.since_moving >= 10 * self.num_clusters
        batch = torch.from_numpy(vectors)
        # In parts, whose distances stay in the cache.
        labels = torch.cat([nearest_centres(part, self.centres) for part in batch.split(512)])
        sums = (self.centres * self.counts[:, None]).index_add_(0, labels, batch)
        new = torch.bincount(labels, minlength=self.num_clusters)
        self.counts += new
        means = sums * (1 / self.counts)[:, None]
        self.centres = torch.where(new[:, None] > 0, means, self.centres)
        if move:
            self.since_moving = 0
            self._move_small_clusters(batch, random)

    def _move_small_clusters(self, batch: Tensor, random: np.random.RandomState) -> None:
        small = self.counts < SMALL_CLUSTER * self.counts.max()
        most = len(batch) // 2
        if small.sum() > most:
            small[torch.from_numpy(np.argsort(self.counts.numpy())[most:])] = False
        if small.any():
            chosen = random.choice(len(batch), int(small.sum()), replace=False)
            self.centres[small] = batch[torch.from_numpy(chosen)]
            self.counts[small] = self.counts[~small].min()  # else they would be small again

    def save(self, path: Path, shards_done: int, options: dict[str, str]) -> None:
        """Write the state after so many shards."""
        from safetensors.torch import save

        numbers = torch.tensor([shards_done, self.steps, self.since_moving])
        tensors = {"centres": self.centres, "counts": self.counts, "numbers": numbers}
        with atomic_open(path, "wb") as stream:
            stream.write(save(tensors, metadata=options))

    def load(self, path: Path, options: dict[str, str]) -> int:
        """Read what ``save`` wrote; return the shards that are done.

        Raises:
            ConfigError: it was written with other options.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as stream:
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
        self.centres, self.counts = tensors["centres"], tensors["counts"]
        done, self.steps, self.since_moving = tensors["numbers"].tolist()
        return done


def shard_order(store: VectorStore, epochs: int, seed: int) -> list[int]:
    """Return the shards in the order in which they are read."""
    orders = (
        draw_generator(seed, Stream.SHARD_ORDER, epoch).permutation(store.num_shards)
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
        chosen = draw_generator(seed, Stream.SHARD_SAMPLE, shard).choice(
            rows, wanted, replace=False
        )
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
        "vectors_made_from": store.made_from,
        "clusters": str(num_clusters),
        "batch_size": str(batch_size),
        "seed": str(seed),
    }
    kmeans = StreamingKMeans(num_clusters, min(batch_size, store.num_speech), seed)
    state, done = out / STATE_NAME, 0
    if state.exists():
        done = kmeans.load(state, options)
        print(f"continuing {out} after {done} shards", file=sys.stderr)
    else:
        kmeans.step(initial_sample(store, max(batch_size, 3 * num_clusters), seed))
    order = shard_order(store, epochs, seed)
    for position in follow(range(done, len(order)), len(order) - done, "cluster", "shards"):
        shuffle = draw_generator(seed, Stream.SHARD_SHUFFLE, position)
        for batch in batches(store, order[position], batch_size, shuffle):
            kmeans.step(batch)
        kmeans.save(state, position + 1, options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tokenizer = Tokenizer(kmeans.centres, store.sample_rate, store.downsample_rate)
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
