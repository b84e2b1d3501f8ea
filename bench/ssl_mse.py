"""A step of SSL-MSE beside the naive one: loss and gradient at the waveform, WavLM Base size.

    python bench/ssl_mse.py [--batch 2] [--seconds 2] [--repeats 5]

The naive step is what a first script does: transformers' own forward, the teacher's weights left
trainable, the clean branch with gradient, all layers, float32. Weights are random: values do not
matter for speed. One thread; CPU time, which on an idle machine is wall time and on a busy one does
not count what others do; medians of interleaved repeats. Beside the ratios stands the machine's own
ceiling: the step's matrix products alone at the speed of one large product.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable

import torch
import transformers
from timing import interleave
from torch import Tensor, nn

from sslse.criteria.ssl_mse import SSLMSELoss
from sslse.runtime.device import has_units


def naive_step(model: nn.Module, enhanced: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Return loss and gradient with everything left as transformers has it."""
    model.zero_grad()
    enhanced = enhanced.clone().requires_grad_()
    latter_half = model.config.num_hidden_layers // 2 + 1

    def features(waveform: Tensor) -> Tensor:
        states = model(waveform, output_hidden_states=True).hidden_states
        return torch.stack(states[latter_half:]).mean(0)

    loss = (features(enhanced) - features(clean)).square().mean((1, 2))
    loss.mean().backward()
    return loss.detach(), enhanced.grad


def our_step(
    criterion: nn.Module, enhanced: Tensor, clean: Tensor, known: object = None
) -> tuple[Tensor, Tensor]:
    """Return loss and gradient by ``SSLMSELoss``."""
    enhanced = enhanced.clone().requires_grad_()
    loss = criterion(enhanced, clean, clean_features=known)
    loss.mean().backward()
    return loss.detach(), enhanced.grad


def count_operations(model: nn.Module, batch: int, samples: int) -> float:
    """Return floating point operations of the matrix products of one forward."""
    total, frames = 0.0, samples
    for layer in model.feature_extractor.conv_layers:
        frames = (frames - layer.conv.kernel_size[0]) // layer.conv.stride[0] + 1
        total += 2 * frames * layer.conv.weight.numel()
    for module in model.modules():
        if isinstance(module, nn.Linear):
            total += 2 * frames * module.weight.numel()
    config = model.config
    width = config.hidden_size
    groups = config.num_conv_pos_embedding_groups
    total += 2 * frames * width * width // groups * config.num_conv_pos_embeddings
    total += config.num_hidden_layers * 4 * frames * frames * width  # attention
    return batch * total


def best_product_speed() -> float:
    """Return floating point operations a second of one large matrix product."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    times = []
    for _ in range(30):
        begin = time.process_time()
        a @ b
        times.append(time.process_time() - begin)
    return 2 * 1024**3 / min(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=2, help="utterances in a step (default 2)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each (default 2)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each step (default 5)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    samples = int(arguments.seconds * 16000)
    clean = 0.1 * torch.randn(arguments.batch, samples)
    enhanced = clean + 0.05 * torch.randn_like(clean)
    with tempfile.TemporaryDirectory() as folder:
        transformers.utils.logging.disable_progress_bar()
        model = transformers.WavLMModel(transformers.WavLMConfig()).eval()
        model.save_pretrained(folder)
        transformers.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(folder)
        criterion = SSLMSELoss(folder)
        bfloat16 = SSLMSELoss(folder, precision="bfloat16") if has_units("bfloat16") else None
    known = criterion.encode_clean(clean)
    steps: dict[str, Callable[[], tuple[Tensor, Tensor]]] = {
        "naive": lambda: naive_step(model, enhanced, clean),
        "sslse": lambda: our_step(criterion, enhanced, clean),
        "sslse, clean features given": lambda: our_step(criterion, enhanced, clean, known),
    }
    if bfloat16 is not None:
        steps["sslse, bfloat16 products"] = lambda: our_step(bfloat16, enhanced, clean)

    values, gradient = steps["naive"]()
    for name, step in steps.items():
        ours, slope = step()
        error = float(((ours - values) / values).abs().max())
        slope_error = float((slope - gradient).norm() / gradient.norm())
        print(f"{name}: relative difference of value {error:.1e}, of gradient {slope_error:.1e}")
    times = interleave(steps, arguments.repeats, warm_up=False)
    operations, speed = count_operations(model, arguments.batch, samples), best_product_speed()
    # forward passes: enhanced, clean; backward: to inputs, and for the naive step to weights too
    passes = {"naive": 6, "sslse": 3, "sslse, clean features given": 2}
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"one large float32 product: {speed / 1e9:.0f} GFLOP/s")
    for name, median in medians.items():
        line = f"{name:30s} {median:6.2f} s  {medians['naive'] / median:5.2f}x"
        if name in passes:
            line += f"  (products alone {passes[name] * operations / speed:.2f} s)"
        print(line)


if __name__ == "__main__":
    main()
