"""The paper's search of θ and δ: one after the other, by validation accuracy of the tokenizer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from sslse.errors import ConfigError
from sslse.runtime.atomic import atomic_open
from sslse.runtime.curves import read_curves
from sslse.runtime.data_parallel import rank
from sslse.runtime.device import AUTO

GRID = tuple(round(0.1 * step, 1) for step in range(1, 11))
FIRST_THETA = 0.5


def search_weights(
    accuracy: Callable[[float, float], float],
    thetas: Sequence[float] = GRID,
    deltas: Sequence[float] = GRID,
    first_theta: float = FIRST_THETA,
) -> tuple[float, float, list[dict[str, float]]]:
    """Return the best θ, the best δ and the table of all that was tried.

    First δ varies at ``first_theta``, then θ at the best δ. Of equal accuracies the first wins.

    Args:
        accuracy: validation accuracy of a tokenizer trained with (θ, δ); called once a pair.
        thetas: candidates of θ.
        deltas: candidates of δ.
        first_theta: θ while δ is searched.

    Reference:
        Lee and Kim 2024, Sensors 24(8):2573, section 3.2 (δ from 0.1 to 1.0 at θ = 0.5).

    Example:
        >>> theta, delta, table = search_weights(lambda t, d: 1 - (t - 0.7) ** 2 - (d - 0.9) ** 2)
        >>> theta, delta, len(table)
        (0.7, 0.9, 19)
    """
    known: dict[tuple[float, float], float] = {}

    def best(pairs: list[tuple[float, float]]) -> tuple[float, float]:
        for pair in pairs:
            if pair not in known:
                known[pair] = accuracy(*pair)
        return max(pairs, key=lambda pair: known[pair])

    _, delta = best([(first_theta, delta) for delta in deltas])
    theta, delta = best([(theta, delta) for theta in thetas])
    table = [
        {"theta": theta, "delta": delta, "accuracy": value}
        for (theta, delta), value in known.items()
    ]
    return theta, delta, table


def best_accuracy(metrics: Path) -> float:
    """Return the highest validation accuracy that a training logged.

    Raises:
        ConfigError: it has none.
    """
    _, values = read_curves(metrics).get("valid/accuracy", ([], []))
    if not values:
        raise ConfigError(
            f"{metrics} has no valid/accuracy: give data.valid, and trainer.val_check_interval "
            "at most trainer.max_steps"
        )
    return max(values)


def search(
    config: Sequence[str | Path],
    exp: str | Path,
    *,
    thetas: Sequence[float],
    deltas: Sequence[float],
    first_theta: float,
    seed: int,
    save_every: int,
    device: str = AUTO,
    overrides: Sequence[str] = (),
) -> None:
    """Train a tokenizer for each pair and copy the best one to ``<exp>/tokenizer``.

    Each pair is an experiment of its own in ``<exp>/search``, so that an interrupted search goes on
    where it was. ``<exp>/losses.yaml`` gives the best pair to the training of an enhancer;
    ``<exp>/search.json`` is written last.

    Args: see ``search_weights`` and ``sslse.systems.training.train``.
    """
    from sslse.systems.training import train

    exp = Path(exp)

    def folder(theta: float, delta: float) -> Path:
        return exp / "search" / f"theta{theta:g}_delta{delta:g}"

    def accuracy(theta: float, delta: float) -> float:
        weights = [f"--model.contrastive.theta={theta}", f"--model.contrastive.delta={delta}"]
        train(
            config,
            folder(theta, delta),
            seed=seed,
            save_every=save_every,
            average_best=1,
            device=device,
            overrides=[*overrides, *weights],
        )
        value = best_accuracy(folder(theta, delta) / "metrics.csv")
        print(f"theta {theta:g}, delta {delta:g}: accuracy {value:.4f}", flush=True)
        return value

    theta, delta, table = search_weights(accuracy, thetas, deltas, first_theta)
    if rank():
        return  # the first of the processes that trained writes
    for path in (folder(theta, delta) / "tokenizer").iterdir():
        (exp / "tokenizer").mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, exp / "tokenizer" / path.name)
    weights = {"theta": theta, "delta": delta}
    with atomic_open(exp / "losses.yaml") as stream:
        stream.write(f"model: {{init_args: {{contrastive: {json.dumps(weights)}}}}}\n")
    with atomic_open(exp / "search.json") as stream:
        json.dump({**weights, "table": table}, stream, indent=1)
    print(f"wrote {exp / 'tokenizer'} (theta {theta:g}, delta {delta:g})")
