"""A training step of Demucs (H=64) beside the usual formulation, and the speed of its stream.

    python bench/demucs.py [--rounds 5] [--batch 2] [--seconds 4]

The peer is written here the way the public implementation is: channels first, convolution layers
of PyTorch one after the other, resampling by two with a one-channel convolution each, torch.stft
in the loss. Both networks have the same weights and their outputs are compared first. One thread;
float32 and, where the CPU has units for it, bfloat16 products (autocast) of both. Every round
runs all in turn; ratios are medians over rounds. Time is processor time.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from timing import interleave, print_table
from torch import Tensor, nn

from sslse.criteria.demucs import DemucsLoss
from sslse.enhancers.demucs import Demucs
from sslse.enhancers.resampler import ZEROS
from sslse.runtime.device import has_units

RESOLUTIONS = ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200))


def half_sample_filter() -> Tensor:
    """Return the windowed sinc between two samples, (1, 1, 112)."""
    window = torch.hann_window(4 * ZEROS + 1, periodic=False)[1::2]
    time = torch.linspace(-ZEROS + 0.5, ZEROS - 0.5, 2 * ZEROS)
    return (torch.sinc(time) * window).view(1, 1, -1)


def double_rate(x: Tensor) -> Tensor:
    """Interpolate (B, 1, T) -> (B, 1, 2T)."""
    between = F.conv1d(x, half_sample_filter(), padding=ZEROS)[..., 1:]
    return torch.stack([x, between], -1).flatten(-2)


def halve_rate(x: Tensor) -> Tensor:
    """Take every second sample of (B, 1, 2T) after the filter."""
    even, odd = x[..., ::2], x[..., 1::2]
    return 0.5 * (even + F.conv1d(odd, half_sample_filter(), padding=ZEROS)[..., :-1])


class UsualDemucs(nn.Module):
    """Demucs from PyTorch's layers, with the weights of another Demucs."""

    def __init__(self, network: Demucs) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        kernel, stride = network.kernel_size, network.stride
        for block in network.encoder:
            channels = len(block.bias)
            conv = nn.Conv1d(len(block.weight) // kernel, channels, kernel, stride)
            conv.weight.data = block.weight.data.unflatten(0, (kernel, -1)).permute(2, 1, 0).clone()
            conv.bias.data = block.bias.data.clone()
            gate = nn.Conv1d(channels, 2 * channels, 1)
            gate.load_state_dict(
                {"weight": block.gate.weight.data[..., None], "bias": block.gate.bias.data}
            )
            self.encoder.append(nn.Sequential(conv, nn.ReLU(), gate, nn.GLU(1)))
        for block in network.decoder:
            channels = block.gate.in_features
            gate = nn.Conv1d(channels, 2 * channels, 1)
            gate.load_state_dict(
                {"weight": block.gate.weight.data[..., None], "bias": block.gate.bias.data}
            )
            conv = nn.ConvTranspose1d(channels, len(block.bias), kernel, stride)
            conv.weight.data = block.weight.data.unflatten(1, (kernel, -1)).mT.contiguous()
            conv.bias.data = block.bias.data.clone()
            layers = [gate, nn.GLU(1), conv]
            self.decoder.append(nn.Sequential(*layers, *[nn.ReLU()] * block.activation))
        self.lstm = nn.LSTM(channels_of(network), channels_of(network), network.lstm.num_layers)
        self.lstm.load_state_dict(network.lstm.state_dict())
        self.kernel, self.stride = kernel, stride

    def valid_length(self, length: int) -> int:
        """Return the least length of which no convolution drops a sample."""
        length *= 4
        for _ in self.encoder:
            length = max(1, math.ceil((length - self.kernel) / self.stride) + 1)
        for _ in self.encoder:
            length = (length - 1) * self.stride + self.kernel
        return math.ceil(length / 4)

    def forward(self, noisy: Tensor) -> Tensor:
        """Enhance (B, T)."""
        samples = noisy.shape[1]
        level = noisy.square().mean(1, keepdim=True).sqrt()
        x = F.pad((noisy / level)[:, None], (0, self.valid_length(samples) - samples))
        x = double_rate(double_rate(x))
        skips = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
        x, _ = self.lstm(x.permute(2, 0, 1))
        x = x.permute(1, 2, 0)
        for block in self.decoder:
            skip = skips.pop()
            x = block(x + skip[..., : x.shape[-1]])
        return halve_rate(halve_rate(x))[:, 0, :samples] * level


def channels_of(network: Demucs) -> int:
    """Return the width of the LSTM."""
    return network.lstm.input_size


def usual_loss(enhanced: Tensor, clean: Tensor) -> Tensor:
    """L1 and, over three resolutions, spectral convergence and log magnitude of the whole batch."""
    convergence = magnitude = 0
    for n_fft, hop, size in RESOLUTIONS:
        estimate, target = (
            torch.stft(x, n_fft, hop, size, torch.hann_window(size), return_complex=True)
            for x in (enhanced, clean)
        )
        estimate, target = (
            (x.real**2 + x.imag**2).clamp(min=1e-7).sqrt() for x in (estimate, target)
        )
        convergence = convergence + (target - estimate).norm("fro") / target.norm("fro")
        magnitude = magnitude + F.l1_loss(target.log(), estimate.log())
    return F.l1_loss(enhanced, clean) + 0.5 * (convergence + magnitude) / 3


def training_step(
    net: nn.Module, loss: Callable[..., Tensor], noisy: Tensor, clean: Tensor, rounded: bool = False
) -> Callable[[], None]:
    """Forward, loss and backward."""

    def run() -> None:
        net.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            value = loss(net(noisy), clean).mean()
        value.backward()

    return run


def stream_factor(seconds: float, piece: int) -> float:
    """Return time over duration of a stream that takes pieces of so many samples."""
    net = Demucs(level="running").eval()
    stream = net.stream()
    noisy = 0.1 * torch.randn(round(16000 * seconds))
    begin = time.process_time()
    for part in noisy.split(piece):
        stream.push(part)
    stream.finish()
    return (time.process_time() - begin) / seconds


def main() -> None:
    """Print the ratio and the real-time factors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="repetitions (default: 5)")
    parser.add_argument("--batch", type=int, default=2, help="waveforms (default: 2)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each (default: 4)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    samples = round(16000 * args.seconds)
    noisy, clean = 0.1 * torch.randn(2, args.batch, samples)
    ours = Demucs()
    usual = UsualDemucs(ours)
    with torch.no_grad():
        a, b = ours(noisy), usual(noisy)
        difference = (a - b)[:, : -ours.hop_samples * 16].norm() / a.norm()
    print(f"relative difference of the outputs: {difference:.1e}")
    runs = {
        "sslse": training_step(ours, DemucsLoss(), noisy, clean),
        "usual formulation": training_step(usual, usual_loss, noisy, clean),
    }
    if has_units("bfloat16"):
        runs["sslse, bfloat16"] = training_step(ours, DemucsLoss(), noisy, clean, True)
        runs["usual, bfloat16"] = training_step(usual, usual_loss, noisy, clean, True)
    print_table(interleave(runs, args.rounds), "training step", peer="usual formulation")
    for piece in (256, 1024, 4096):
        factor = stream_factor(args.seconds, piece)
        print(f"stream, pieces of {piece / 16:.0f} ms: real-time factor {factor:.2f}")


if __name__ == "__main__":
    main()
