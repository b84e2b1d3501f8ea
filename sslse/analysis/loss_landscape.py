"""The loss along a line or over a plane through the weights of a training.

f(m, n) = J(θ₀ + m·δ₁ + n·δ₂), with θ₀ the weights that a fine-tuning began with, δ₁ = θ₁ − θ₀ to
those it ended with, and δ₂ = θ₂ − θ₀ to those of another fine-tuning. J is the CTC loss without
masks and dropout on a fixed set.

Behind ``sslse analyze landscape``. Points that are in OUT.csv already are not computed again.

Reference: Li et al. 2018, arXiv 1712.09913; Hao et al. 2019, arXiv 1908.05620; Zhu et al. 2022,
arXiv 2205.13293, section IV-D.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from torch import Tensor, nn

from sslse.analysis.table import read_rows, write_rows
from sslse.errors import ConfigError
from sslse.runtime.atomic import atomic_open
from sslse.runtime.device import AUTO, choose_device, to_device
from sslse.runtime.pool import run_parallel
from sslse.runtime.progress import follow

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
        device: where it is computed, as ``choose_device`` takes it.
    """

    def __init__(
        self,
        exp: Path,
        other: Path | None,
        data: str,
        utterances: int,
        form: str,
        device: str = AUTO,
    ) -> None:
        from sslse.data.utterance_dataset import UtteranceDataset
        from sslse.systems.stepwise_data import open_set
        from sslse.systems.transcripts import transcript_describer
        from sslse.wav2vec2.ctc_wav2vec2 import CTCWav2Vec2

        self.device = choose_device(device)
        model = to_device(initial_model(exp), self.device)
        start = {name: value.clone() for name, value in weights(model).items()}
        ends = [
            weights(CTCWav2Vec2.from_pretrained(e / "recognizer", device=self.device))
            for e in (exp, other)
            if e
        ]
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
            scores, frames = model.log_probs(to_device(item["waveform"][None], self.device))
            total += float(
                nn.functional.ctc_loss(
                    scores.transpose(0, 1).cpu(), tokens[None], frames.cpu(),
                    torch.tensor([len(tokens)]),
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
    """Yield the loss at each point, over ``nj`` processes."""
    losses = run_parallel(work, points, nj, initializer=start_worker, initargs=tuple(arguments))
    return follow(losses, len(points), "landscape", "points")


def landscape(
    exp: Path,
    data: str,
    out: Path,
    *,
    other: Path | None,
    points: int,
    low: float,
    high: float | None,
    form: Literal["plain", "filter"],
    utterances: int,
    nj: int,
    device: str = AUTO,
) -> None:
    """Compute the points that are missing in ``out.csv``.

    Args:
        exp: folder of a CTC fine-tuning.
        data: data directory with text.
        out: the file without its ending.
        other: folder of another fine-tuning, for a plane; None: a line.
        points: on an axis.
        low: first value of m and n.
        high: last; None: 3 on a line, 2 on a plane.
        form: see ``direction``.
        utterances: in the loss; 0: all.
        nj: processes.
        device: where they compute, as ``choose_device`` takes it.
    """
    high = high if high is not None else (2.0 if other else 3.0)
    arguments = (exp, other, data, utterances, form, choose_device(device))
    settings = {"exp": str(exp), "other": str(other) if other else None, "data": data}
    settings |= {"utterances": utterances, "form": form}
    rows = explore(
        grid(low, high, points, 2 if other else 1),
        lambda missing: compute_points(missing, nj, arguments),
        out.with_name(out.name + ".csv"),
        settings,
    )
    print(f"wrote {out}.csv: {len(rows)} points")
