"""CBPC + infoNCE beside pytorch-metric-learning: time and peak memory of forward and backward.

    python bench/cbpc.py [--peer FOLDER] [--frames 375 750 1500 3000] [--repeats 5]

The peer is that package's SupConLoss (CBPC with the positive in its denominator) and its NTXentLoss
with the pairs of infoNCE, utterance by utterance, as equations (9) and (10) demand; both on dot
products. It is no requirement of the project: install it where you like
(``pip install --target FOLDER --no-deps pytorch-metric-learning``) and name the folder. Where its
memory forbids to run it, its ratios are 0. Values and gradients are compared before anything is
timed. Anchors carry gradient, keys (clean speech through a frozen encoder) do not. Labels stay for
1 to 4 frames and recur in an utterance, as sounds do at 40 ms a frame.

One thread; CPU time, medians of interleaved repeats. Peak memory is that of a process of its own,
above what it held just before the step (inputs, and the code that a tiny step has loaded).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
from collections.abc import Callable
from functools import partial

import torch
from timing import interleave
from torch import Tensor

from sslse.criteria.cbpc import CBPCLoss, ContrastiveTokenizerLoss, InfoNCELoss

CBPC_WEIGHT, INFO_NCE_WEIGHT, TEMPERATURE = 0.9, 0.1, 0.5
Step = Callable[[Tensor, Tensor, Tensor], Tensor]


def make_batch(batch: int, frames: int, width: int, clusters: int) -> tuple[Tensor, ...]:
    """Return anchors, keys (B, M, D) and labels (B, M)."""
    generator = torch.Generator().manual_seed(0)
    keys = torch.randn(batch, frames, width, generator=generator) / width**0.25
    anchors = keys + 0.5 * torch.randn(batch, frames, width, generator=generator) / width**0.25
    labels = torch.zeros(batch, frames, dtype=torch.int64)
    for row in labels:
        runs = torch.randint(1, 5, (frames,), generator=generator)
        row += torch.randint(clusters, (frames,), generator=generator).repeat_interleave(runs)[
            :frames
        ]
    return anchors, keys, labels


def our_steps() -> dict[str, Step]:
    """Return the fused sum, and what it saves: the two losses by themselves."""
    # theta = 0 leaves the cross-entropy out.
    same = {"theta": 0.0, "delta": CBPC_WEIGHT, "temperature": TEMPERATURE}
    supcon = CBPCLoss(TEMPERATURE)
    info_nce = InfoNCELoss(TEMPERATURE)
    return {
        "sslse, the same sums": ContrastiveTokenizerLoss(**same),
        "the same, bfloat16 grad": ContrastiveTokenizerLoss(**same, precision="bfloat16"),
        "sslse, without the positive": ContrastiveTokenizerLoss(
            **same, positive_in_denominator=False
        ),
        "sslse, two losses": lambda *inputs: (
            CBPC_WEIGHT * supcon(*inputs) + INFO_NCE_WEIGHT * info_nce(*inputs)
        ),
    }


def peer_step(folder: str | None) -> Step:
    """Return the same sums by pytorch-metric-learning."""
    if folder:
        sys.path.append(folder)
    from pytorch_metric_learning.distances import DotProductSimilarity
    from pytorch_metric_learning.losses import NTXentLoss, SupConLoss
    from pytorch_metric_learning.reducers import SumReducer

    distance, reducer = DotProductSimilarity(normalize_embeddings=False), SumReducer()
    options = {"temperature": TEMPERATURE, "distance": distance, "reducer": reducer}
    supcon, ntxent = SupConLoss(**options), NTXentLoss(**options)

    def step(anchors: Tensor, keys: Tensor, labels: Tensor) -> Tensor:
        values = []
        for anchor, key, label in zip(anchors, keys, labels, strict=True):
            frames = torch.arange(len(label))
            others = label[:, None] == label
            others.fill_diagonal_(False)
            # anchor and positive, anchor and negative: a frame, itself, the rest of its cluster
            pairs = (frames, frames, *others.nonzero(as_tuple=True))
            # labels.clone(): with one tensor for both the package would drop the diagonal
            cbpc = supcon(anchor, label, ref_emb=key, ref_labels=label.clone())
            info_nce = ntxent(anchor, indices_tuple=pairs, ref_emb=key, ref_labels=label.clone())
            values.append(CBPC_WEIGHT * cbpc + INFO_NCE_WEIGHT * info_nce)
        return torch.stack(values)

    return step


def run(step: Step, anchors: Tensor, keys: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return values and the gradient of their sum at the anchors."""
    anchors = anchors.detach().requires_grad_()
    value = step(anchors, keys, labels)
    value.sum().backward()
    return value.detach(), anchors.grad


def peak_memory(name: str, args: argparse.Namespace, frames: int) -> float:
    """Return the peak of one step in a fresh process, MB."""
    # Large tensors go back to the system when they are freed, so that they do not hide in "before".
    os.environ["MALLOC_MMAP_THRESHOLD_"] = "262144"
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=_measure_peak, args=(queue, name, args, frames))
    process.start()
    process.join()
    if process.exitcode:
        return float("nan")
    return json.loads(queue.get())


def _measure_peak(queue, name: str, args: argparse.Namespace, frames: int) -> None:
    torch.set_num_threads(1)
    step = {**our_steps(), "peer": peer_step(args.peer)}[name]
    run(step, *make_batch(1, 8, args.width, 3))
    inputs = make_batch(args.batch, frames, args.width, args.clusters)
    with open("/proc/self/clear_refs", "w") as stream:
        stream.write("5")  # the highest mark so far is forgotten
    before = _resident("VmRSS")
    run(step, *inputs)
    queue.put(json.dumps(_resident("VmHWM") - before))


def _resident(name: str) -> float:
    """Return a line of the process's status, MB."""
    with open("/proc/self/status") as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith(name)) / 1024


def products(anchors: Tensor, keys: Tensor) -> None:
    """Do the two matrix products that no method can avoid."""
    for anchor, key in zip(anchors, keys, strict=True):
        similarity = anchor @ key.T
        similarity @ key


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="folder with pytorch_metric_learning")
    parser.add_argument("--frames", type=int, nargs="+", default=[375, 750, 1500, 3000])
    parser.add_argument("--width", type=int, default=1500, help="tokenizer outputs")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--clusters", type=int, default=40, help="that occur in an utterance")
    parser.add_argument(
        "--peer-frames",
        type=int,
        default=750,
        help="most frames at which the peer runs: its "
        "matrix of positive and negative pairs has frames³ / clusters entries an utterance",
    )
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    steps = {"peer": peer_step(args.peer), **our_steps()}
    print(f"{args.batch} utterances, D = {args.width}, {args.clusters} clusters in an utterance")
    print(f"{'M':>5}  {'step':24} {'s':>7} {'peer / it':>9} {'it / products':>13} ", end="")
    print(f"{'peak MB':>8} {'peer / it':>9}")
    for frames in args.frames:
        inputs = make_batch(args.batch, frames, args.width, args.clusters)
        chosen = {n: step for n, step in steps.items() if n != "peer" or frames <= args.peer_frames}
        value, gradient = run(steps["sslse, two losses"], *inputs)
        for name in ("sslse, the same sums", "peer"):
            if name not in chosen:
                continue
            ours, slope = run(steps[name], *inputs)
            # the package adds the smallest number of a dtype within logarithms
            torch.testing.assert_close(ours, value, rtol=1e-4, atol=1e-2)
            torch.testing.assert_close(slope, gradient, rtol=1e-3, atol=1e-4)
        runs = {name: partial(run, step, *inputs) for name, step in chosen.items()}
        runs["products"] = partial(products, *inputs[:2])
        times = interleave(runs, args.repeats)
        medians = {name: statistics.median(values) for name, values in times.items()}
        peaks = {name: peak_memory(name, args, frames) for name in chosen}
        for name in chosen:
            print(
                f"{frames:5d}  {name:24} {medians[name]:7.3f} "
                f"{medians.get('peer', 0) / medians[name]:9.2f} "
                f"{medians[name] / medians['products']:13.2f} "
                f"{peaks[name]:8.0f} {peaks.get('peer', 0) / peaks[name]:9.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
