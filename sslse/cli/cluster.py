"""Cluster stored encoder vectors by mini-batch K-means: the start of an acoustic tokenizer.

Vectors of silence are left out. What is written is a tokenizer whose linear layer is untrained;
'sslse train' with sslse.systems.tokenizer.TokenizerTraining trains it. Interrupted, the same
command goes on where it was and ends with the same clusters.

  sslse cluster --vectors exp/tokenizer/vectors/train --out exp/tokenizer/clusters --clusters 1500
"""

from __future__ import annotations

import argparse

SUMMARY = "cluster encoder vectors for an acoustic tokenizer"
WRITES = ("out",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--vectors", required=True, help="folder of 'sslse extract'")
    parser.add_argument("--out", required=True, help="output folder")
    parser.add_argument("--clusters", type=int, default=1500, help="clusters (default: 1500)")
    parser.add_argument("--epochs", type=int, default=3, help="passes (default: 3)")
    parser.add_argument(
        "--batch-size", type=int, default=16384, help="vectors in a step (default: 16384)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed (default: 0)")
    parser.add_argument(
        "--labels",
        help="file of lines 'utterance label label ...', one label a vector or one for all: "
        "reports the clusters' purity (default: none)",
    )


def run(args: argparse.Namespace) -> None:
    """Cluster and print the statistics."""
    import json
    from pathlib import Path

    from sslse.errors import ConfigError
    from sslse.tokens.kmeans import cluster
    from sslse.tokens.vectors import VectorStore

    for name in ("clusters", "epochs", "batch_size"):
        if getattr(args, name) < 1:
            option = name.replace("_", "-")
            raise ConfigError(f"--{option} must be at least 1, not {getattr(args, name)}")
    tokenizer = cluster(
        VectorStore(args.vectors),
        Path(args.out),
        args.clusters,
        args.epochs,
        args.batch_size,
        args.seed,
        args.labels,
    )
    print(json.dumps(tokenizer.statistics))
