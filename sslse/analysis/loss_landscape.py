"""The loss along a line or over a plane through the weights of a training.

f(m, n) = J(θ₀ + m·δ₁ + n·δ₂), with θ₀ the weights that a fine-tuning began with, δ₁ = θ₁ − θ₀ to
those it ended with, and δ₂ = θ₂ − θ₀ to those of another fine-tuning. J is the CTC loss without
masks and dropout on a fixed set.

  python -m sslse.analysis.loss_landscape --exp exp/ft_a --data data/valid_noisy --out exp/line
  python -m sslse.analysis.loss_landscape --exp exp/ft_a --other exp/ft_b --data data/valid_noisy
  --out exp/plane --nj 2

writes OUT.csv and OUT.png; without --other the line, with it the plane. Points that are in OUT.csv
already are not computed again.

Reference: Li et al. 2018, arXiv 1712.09913; Hao et al. 2019, arXiv 1908.05620; Zhu et al. 2022,
arXiv 2205.13293, section IV-D.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from torch import Tensor, nn

from sslse.analysis.table import read_rows, write_rows
from sslse.data.atomic import atomic_open, atomic_path
from sslse.errors import ConfigError, SslseError, exit_status

SUMMARY = "loss along a line or over a plane through the weights of a fine-tuning"
State = dict[str, Tensor]
Point = tuple[float, ...]


def direction(start: State, end: State, form: Literal["plain", "filter"] = "plain") -> State:
    """Return δ = end − start.

    Args:
        start: θ₀.
        end: weights of the same names and shapes.
        form: ``filter`` gives each row of a weight (a filter) the norm of that row of ``start``, so
            that the scale of a layer does not matter.

    Raises:
        ConfigError: the two have other weights.

    Example:
        >>> start, end = {"w": torch.tensor([[3.0, 4.0]])}, {"w": torch.tensor([[3.0, 4.5]])}
        >>> direction(start, end, "filter")["w"].tolist()
        [[0.0, 5.0]]
    """
    if {n: t.shape for n, t in start.items()} != {n: t.shape for n, t in end.items()}:
        raise ConfigError("the trainings of a loss landscape must have the same network and tokens")
    difference = {name: end[name] - start[name] for name in start}
    if form == "plain":
        return difference
    for name, values in difference.items():
        if values.ndim < 2:
            continue
        rows, reference = values.flatten(1), start[name].flatten(1)
        scale = reference.norm(dim=1) / rows.norm(dim=1).clamp_min(1e-12)
        difference[name] = (rows * scale[:, None]).view_as(values)
    return difference


def grid(low: float, high: float, count: int, dimensions: int) -> list[Point]:
    """Return the points of a line or of a plane, row by row.

    Example:
        >>> grid(-2, 2, 3, 1)
        [(-2.0,), (0.0,), (2.0,)]
    """
    if count < 2 or not low < high:
        raise ConfigError(f"a grid needs 2 points or more from low to high, not {count}")
    axis = [low + (high - low) * place / (count - 1) for place in range(count)]
    axis = [round(value, 10) for value in axis]
    return list(itertools.product(axis, repeat=dimensions))


class Landscape:
    """A network, its loss and the directions; ``loss_at`` leaves the network moved.

    Args:
        model: network whose floating-point weights are moved.
        loss: J of the network as it stands.
        start: θ₀.
        directions: δ₁ and, for a plane, δ₂.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[nn.Module], float],
        start: State,
        directions: Sequence[State],
    ) -> None:
        self.model, self.loss = model, loss
        self.start, self.directions = start, directions

    @torch.no_grad()
    def loss_at(self, point: Point) -> float:
        """Return J(θ₀ + Σ m_i · δ_i)."""
        for name, parameter in weights(self.model).items():
            value = self.start[name].clone()
            for amount, delta in zip(point, self.directions, strict=True):
                value += amount * delta[name]
            parameter.copy_(value)
        return self.loss(self.model)


def weights(model: nn.Module) -> State:
    """Return the learned weights of a network by name."""
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def explore(
    points: Iterable[Point], compute: Callable[[list[Point]], Iterable[tuple[Point, float]]],
    path: Path, settings: dict[str, Any],
) -> list[dict[str, float]]:  # fmt: skip
    """Compute the points that ``path`` does not hold, writing it after each of them.

    Args:
        points: all of them.
        compute: yields the loss at each of some points, in any order.
        path: CSV file with the columns m, n and loss.
        settings: what the losses depend on; a file of other settings is refused.

    Raises:
        ConfigError: the file was made by other settings.
    """
    points = list(points)
    record = path.with_suffix(".json")
    if path.is_file() and record.is_file() and json.loads(record.read_text()) != settings:
        raise ConfigError(f"{path} was made by other settings ({record}); choose another --out")
    with atomic_open(record) as stream:
        json.dump(settings, stream, indent=1)
    axes = ("m", "n")[: len(points[0])]
    known = {
        tuple(float(row[axis]) for axis in axes): float(row["loss"]) for row in read_rows(path)
    }

    def rows() -> list[dict[str, float]]:
        return [
            {**dict(zip(axes, point, strict=True)), "loss": known[point]}
            for point in points
            if point in known
        ]

    for point, loss in compute([point for point in points if point not in known]):
        known[point] = loss
        write_rows(path, rows())
    return rows()


def plot(rows: Sequence[dict[str, float]], path: Path) -> None:
    """Draw the curve or the surface; the loss is on a logarithmic scale."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 3.5), layout="constrained")
    axes = figure.subplots()
    m = [row["m"] for row in rows]
    loss = torch.tensor([row["loss"] for row in rows]).clamp_min(1e-6)
    if "n" not in rows[0]:
        axes.plot(m, loss, marker=".")
        axes.set(xlabel="m", ylabel="loss", yscale="log")
    else:
        drawn = axes.tricontourf(m, [row["n"] for row in rows], loss.log10(), levels=20)
        axes.set(xlabel="m", ylabel="n")
        figure.colorbar(drawn, label="log10 of the loss")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150, metadata={"Software": None})


def initial_model(exp: Path) -> nn.Module:
    """Return the network that a CTC fine-tuning began with, from its configuration and its seed.

    Raises:
        ConfigError: the folder is no CTC fine-tuning.
    """
    from sslse.data.datadir import DataDir
    from sslse.systems.robust_ctc import RobustCTC

    path = exp / "config.yaml"
    if not path.is_file():
        raise ConfigError(f"{exp} has no config.yaml; give the folder of a CTC fine-tuning")
    config = yaml.safe_load(path.read_text())
    if not config["model"]["class_path"].endswith("RobustCTC"):
        raise ConfigError(f"{exp} is no CTC fine-tuning but {config['model']['class_path']}")
    options = {k: v for k, v in config["model"]["init_args"].items() if k != "optimizer"}
    system = RobustCTC(**options)
    system.prepare(DataDir(config["data"]["init_args"]["train"]))
    return system.model.eval()


class CTCLandscape:
    """A landscape of CTC fine-tunings that a worker process can build.

    Args:
        exp: folder of the fine-tuning.
        other: folder of another one for the second direction; None: a line.
        data: data directory with text.
        utterances: so many of its utterances enter the loss; 0: all.
        form: see ``direction``.
    """

    def __init__(self, exp: Path, other: Path | None, data: str, utterances: int, form: str):
        from sslse.data.dataset import UtteranceDataset
        from sslse.data.modules import open_set
        from sslse.downstream.ctc_wav2vec2 import CTCWav2Vec2
        from sslse.systems.transcripts import transcript_describer

        model = initial_model(exp)
        start = {name: value.clone() for name, value in weights(model).items()}
        ends = [weights(CTCWav2Vec2.from_pretrained(e / "recognizer")) for e in (exp, other) if e]
        speech = open_set(data, model.sample_rate, needs=("text",))
        dataset = UtteranceDataset(speech, transcript_describer(speech, model.tokens))
        count = min(len(dataset), utterances or len(dataset))
        self.items = [dataset[index] for index in range(count)]
        directions = [direction(start, end, form) for end in ends]
        self.landscape = Landscape(model, self.loss, start, directions)

    def loss(self, model: nn.Module) -> float:
        """Return the CTC loss over tokens, as a mean over the utterances."""
        total = 0.0
        for item in self.items:
            tokens = item["tokens"]
            scores, frames = model.log_probs(item["waveform"][None])
            total += float(
                nn.functional.ctc_loss(
                    scores.transpose(0, 1), tokens[None], frames, torch.tensor([len(tokens)]),
                    reduction="sum", zero_infinity=True,
                )
            ) / max(1, len(tokens))  # fmt: skip
        return total / len(self.items)


_landscape: CTCLandscape


def start_worker(*arguments: Any) -> None:
    """Build the landscape once a process."""
    global _landscape
    torch.set_num_threads(1)
    _landscape = CTCLandscape(*arguments)


def work(point: Point) -> float:
    """Return the loss at a point."""
    return _landscape.landscape.loss_at(point)


def compute_points(
    points: list[Point], nj: int, arguments: Sequence[Any]
) -> Iterable[tuple[Point, float]]:
    """Yield the loss at each point, over ``nj`` processes.

    Raises:
        SslseError: a process died.
    """
    from sslse.metrics.pool import WorkerDied, run_parallel

    if nj == 1 or len(points) < 2:
        if points:
            start_worker(*arguments)
        for point in points:
            yield point, work(point)
        return
    for point, answer in run_parallel(work, points, nj, start_worker, tuple(arguments)):
        if isinstance(answer, WorkerDied):
            raise SslseError(f"the process at {point} died: {answer}; the same command continues")
        yield point, answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--exp", required=True, help="folder of a CTC fine-tuning")
    parser.add_argument("--other", help="another one, for a plane (default: a line)")
    parser.add_argument("--data", required=True, help="data directory with text")
    parser.add_argument("--out", required=True, help="OUT.csv and OUT.png are written")
    parser.add_argument("--points", type=int, default=21, help="points on an axis (default: 21)")
    parser.add_argument("--low", type=float, default=-2.0, help="first (default: -2)")
    parser.add_argument("--high", type=float, help="last (default: 3 on a line, 2 on a plane)")
    parser.add_argument(
        "--form", choices=("plain", "filter"), default="plain",
        help="directions as they are, or each filter scaled to its norm (default: plain)",
    )  # fmt: skip
    parser.add_argument(
        "--utterances", type=int, default=32, help="in the loss; 0: all (default: 32)"
    )
    parser.add_argument("--nj", type=int, default=1, help="processes (default: 1)")


def run(args: argparse.Namespace) -> int:
    """Compute what is missing, then draw."""
    other = Path(args.other) if args.other else None
    high = args.high if args.high is not None else (2.0 if other else 3.0)
    points = grid(args.low, high, args.points, 2 if other else 1)
    arguments = (Path(args.exp), other, args.data, args.utterances, args.form)
    settings = {"exp": args.exp, "other": args.other, "data": args.data}
    settings |= {"utterances": args.utterances, "form": args.form}
    out = Path(args.out)
    rows = explore(
        points,
        lambda missing: compute_points(missing, args.nj, arguments),
        out.with_name(out.name + ".csv"),
        settings,
    )
    plot(rows, out.with_name(out.name + ".png"))
    print(f"{out}.csv and {out}.png: {len(rows)} points")
    return 0


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=SUMMARY)
    add_arguments(_parser)
    _args = _parser.parse_args()
    sys.exit(exit_status("loss_landscape", lambda: run(_args)))
