"""Speed of a Conv-TasNet training step, forward and backward, beside its peers in one process.

    python bench/conv_tasnet.py [--rounds 7] [--batch 2] [--seconds 4]

Sizes of the SSL-MSE paper: N=4096, L=320, B=256, H=512, P=3, X=8, R=4. One thread, fp32. The
ceiling is the matrix products of the step alone. Every round runs all contestants once, in turn;
ratios are medians over rounds of peer time / our time. Time is the processor time of this process,
which other work on the machine disturbs less than wall time, but it does: shared caches slow our
step more than the peers', whose convolutions are bound by arithmetic. Measure on an idle machine.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import torch
from timing import interleave, print_table, training_step
from torch import Tensor

from sslse.enhancers.conv_tasnet import conv_tasnet_base

warnings.simplefilter("ignore")


def espnet() -> Callable[[Tensor], Tensor]:
    """ESPnet's encoder, TCN separator and decoder."""
    from sslse.enhancers.espnet import ESPnetEnhancer

    return ESPnetEnhancer(
        "tcn",
        {"layer": 8, "stack": 4, "bottleneck_dim": 256, "hidden_dim": 512, "norm_type": "gLN"},
        {"channel": 4096, "kernel_size": 320, "stride": 160},
    )


def torchaudio() -> Callable[[Tensor], Tensor]:
    """Torchaudio's ConvTasNet, which has skip connections besides."""
    from torchaudio.models import ConvTasNet

    class OneOutput(ConvTasNet):
        def forward(self, noisy: Tensor) -> Tensor:
            return super().forward(noisy[:, None])[:, 0]

    return OneOutput(1, 320, 4096, 3, 256, 512, 8, 4)


def plain() -> Callable[[Tensor], Tensor]:
    """Our network without its fused functions."""
    net = conv_tasnet_base()
    net.fused = False
    return net


def products(batch: int, samples: int) -> Callable[[], None]:
    """The matrix products of one step: (rows, inner, columns), forward and both gradients."""
    rows = batch * (samples // 160 + 1)
    layers = [(256, 512), (512, 256)] * 32 + [(4096, 256), (256, 4096), (4096, 320)]
    tensors = [
        (torch.randn(rows, inputs), torch.randn(outputs, inputs), torch.randn(rows, outputs))
        for inputs, outputs in layers
    ]
    frames, encoder = torch.randn(rows, 320), torch.randn(4096, 320)

    def run() -> None:
        features = frames @ encoder.t()
        features.t() @ frames  # the waveform needs no gradient
        for x, weight, gradient in tensors:
            x @ weight.t()
            gradient @ weight
            gradient.t() @ x

    return run


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="repetitions (default: 7)")
    parser.add_argument("--batch", type=int, default=2, help="waveforms (default: 2)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each (default: 4)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    samples = round(16000 * args.seconds)
    noisy, clean = 0.1 * torch.randn(2, args.batch, samples)
    nets = {
        "sslse": conv_tasnet_base(),
        "sslse, plain layers": plain(),
        "espnet2 TCN": espnet(),
        "torchaudio": torchaudio(),
    }
    runs = {name: training_step(net, noisy, clean) for name, net in nets.items()}
    runs["products alone"] = products(args.batch, samples)
    print_table(interleave(runs, args.rounds), "training step", ours="sslse")


if __name__ == "__main__":
    main()
