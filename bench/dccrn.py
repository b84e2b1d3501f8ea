"""Speed of a DCCRN training step, forward and backward, beside espnet2's in one process.

    python bench/dccrn.py [--rounds 7] [--batch 2] [--seconds 4]

Sizes of the CBPC paper: 512-point transform, 25 ms windows every 16 ms, channels 32 64 128 128 256
256, two complex LSTM layers of 256 units. One thread, fp32, E masks. Every round runs all
contestants once, in turn; ratios are medians over rounds of peer time / our time. Time is the
processor time of this process; measure on an idle machine, whose caches are ours alone.
"""

from __future__ import annotations

import argparse
import warnings

import torch
from timing import interleave, print_table, training_step

from sslse.enhancers.dccrn import DCCRN, dccrn_base
from sslse.enhancers.espnet import ESPnetEnhancer

warnings.simplefilter("ignore")


def espnet() -> ESPnetEnhancer:
    """ESPnet's STFT and DCCRN separator, with the guards of our wrapper, which cost next to
    nothing."""
    return ESPnetEnhancer(
        "dccrn",
        {"rnn_layer": 2, "rnn_units": 256, "kernel_num": [32, 64, 128, 128, 256, 256]},
        {"n_fft": 512, "win_length": 400, "hop_length": 256},
    )


def stacked() -> DCCRN:
    """Our network with one stacked product instead of Gauss' three."""
    net = dccrn_base()
    for block in [*net.encoder, *net.decoder]:
        block.convolution.gauss = False
    return net


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="repetitions (default: 7)")
    parser.add_argument("--batch", type=int, default=2, help="waveforms (default: 2)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each (default: 4)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    noisy, clean = 0.1 * torch.randn(2, args.batch, round(16000 * args.seconds))
    nets = {
        "sslse": dccrn_base(),
        "sslse, stacked products": stacked(),
        "espnet2 DCCRN": espnet(),
    }
    runs = {name: training_step(net, noisy, clean) for name, net in nets.items()}
    print_table(interleave(runs, args.rounds), "training step", ours="sslse")


if __name__ == "__main__":
    main()
