"""Cosine scores of pairs of speaker embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sslse.data.scp import Table
from sslse.data.trials import Trial
from sslse.errors import DataError
from sslse.runtime.atomic import atomic_open


def read_embeddings(path: Path) -> tuple[list[str], np.ndarray]:
    """Read a Kaldi text table of vectors; return ids and unit vectors (utterances, E).

    Raises:
        DataError: a line is no vector, or lengths differ.
    """
    table = Table(path, lambda text: np.array(text.strip("[ ]").split(), dtype=np.float32))
    names = list(table)
    vectors = [table[name] for name in names]
    if len({len(vector) for vector in vectors}) != 1:
        raise DataError(f"{path} has no vectors, or vectors of different lengths")
    matrix = np.stack(vectors)
    # A vector of zeros is as far from everything as can be.
    return names, matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)


def score_trials(embeddings: Path, trials: Sequence[Trial], out: Path) -> int:
    """Write ``id id cosine`` of each trial whose utterances have embeddings; return how many.

    Args:
        embeddings: table that ``sslse verify`` wrote.
        trials: pairs to score.
        out: file to write.
    """
    names, vectors = read_embeddings(embeddings)
    row = {name: number for number, name in enumerate(names)}
    known = [trial for trial in trials if trial.enroll in row and trial.test in row]
    with atomic_open(out) as stream:
        for trial in known:
            score = float(vectors[row[trial.enroll]] @ vectors[row[trial.test]])
            print(f"{trial.enroll} {trial.test} {score:.7f}", file=stream)
    return len(known)
