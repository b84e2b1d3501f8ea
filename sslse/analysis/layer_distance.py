"""How far noisy speech is from clean speech in each layer of a wav2vec 2.0 with branches.

For each layer ‖h_noisy − h_clean‖₂ / ‖h_clean‖₂, frame by frame, as a mean over the frames of all
utterances. Layer 0 is the feature encoder (after the fusion, where there are two branches).

  python -m sslse.analysis.layer_distance --model exp/ew2/robust_wav2vec2 exp/w2v2/robust_wav2vec2
  --data data/valid_noisy --out exp/report/layer_distance

writes OUT.csv and OUT.png.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from sslse.analysis.table import write_rows
from sslse.data.atomic import atomic_path
from sslse.upstreams.robust_wav2vec2 import RobustWav2Vec2

SUMMARY = "distance of noisy from clean speech in each layer"
ENCODER_FOLDER = "robust_wav2vec2"  # within the folder of a fine-tuned recogniser


@torch.no_grad()
def layer_states(model: RobustWav2Vec2, waveform: Tensor) -> list[Tensor]:
    """Return the features and the state after each layer, (F, D) each, of one waveform (T,)."""
    lengths = torch.tensor([len(waveform)])
    branches = model.encode_branches(waveform[None], lengths)
    features = model.fuse(branches)
    states = model.contextualize(features, branches.frames)
    return [state[0] for state in (features, *states[1:])]


def layer_distances(model: RobustWav2Vec2, pairs: Iterable[tuple[Tensor, Tensor]]) -> list[float]:
    """Return the distance in each layer, the feature encoder first.

    Args:
        model: in evaluation mode.
        pairs: noisy and clean waveforms (T,).
    """
    total = torch.zeros(model.num_layers + 1, dtype=torch.float64)
    frames = 0
    for noisy, clean in pairs:
        for layer, (ours, theirs) in enumerate(
            zip(layer_states(model, noisy), layer_states(model, clean), strict=True)
        ):
            ratio = (ours - theirs).norm(dim=1) / theirs.norm(dim=1).clamp_min(1e-8)
            total[layer] += ratio.double().sum()
        frames += len(ours)
    return (total / max(1, frames)).tolist()


def plot(curves: dict[str, Sequence[float]], path: Path) -> None:
    """Draw the distances of several models over the layers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    for name, values in curves.items():
        axes.plot(range(len(values)), values, marker="o", label=name)
    axes.set(xlabel="layer (0: feature encoder)", ylabel="normalised L2 distance to clean")
    axes.set_ylim(bottom=0)
    axes.legend()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150, metadata={"Software": None})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--model", nargs="+", required=True, help="folders of models")
    parser.add_argument("--data", required=True, help="data directory with wav.scp and spk1.scp")
    parser.add_argument("--out", required=True, help="OUT.csv and OUT.png are written")
    parser.add_argument(
        "--utterances", type=int, default=50, help="use so many; 0: all (default: 50)"
    )


def run(args: argparse.Namespace) -> int:
    """Measure, then write the table and the figure."""
    from sslse.data.dataset import PairDataset
    from sslse.data.modules import open_set

    data = PairDataset(open_set(args.data, 16000, needs=("spk1.scp",)))
    count = min(len(data), args.utterances or len(data))
    curves = {}
    for folder in map(Path, args.model):
        inner = folder / ENCODER_FOLDER
        model = RobustWav2Vec2.from_pretrained(inner if inner.is_dir() else folder).eval()
        items = (data[index] for index in range(count))
        curves[str(folder)] = layer_distances(model, ((i["noisy"], i["clean"]) for i in items))
    rows = [
        {"model": name, "layer": layer, "distance": value}
        for name, values in curves.items()
        for layer, value in enumerate(values)
    ]
    out = Path(args.out)
    write_rows(out.with_name(out.name + ".csv"), rows)
    plot(curves, out.with_name(out.name + ".png"))
    print(f"{out}.csv and {out}.png: {count} utterances")
    return 0


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=SUMMARY)
    add_arguments(_parser)
    raise SystemExit(run(_parser.parse_args()))
