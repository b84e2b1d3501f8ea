"""ESPnet's transducer loss without the package ``warprnnt_pytorch``, which no registry carries.

ESPnet imports ``RNNTLoss`` of that package and leaves the interpreter without it. ``provide``
puts this module in its place, on torchaudio's own transducer loss. As a program it does so for
another one, which is how an ESPnet training gets it:

  python -m sslse.espnet.warprnnt espnet2.bin.asr_train --config …
"""

from __future__ import annotations

import importlib.util
import sys

import torch
from torch import Tensor, nn

from sslse.transfer import send

PACKAGE = "warprnnt_pytorch"


def transducer_loss(
    logits: Tensor, targets: Tensor, frames: Tensor, target_lengths: Tensor, blank: int = 0
) -> Tensor:
    """Negative log-probability of each utterance's tokens over all alignments, in nat.

    Args:
        logits: joint network's outputs before any softmax.
        targets: token ids; what lies beyond a length may be anything within the vocabulary.
        frames: encoder vectors of each utterance.
        target_lengths: tokens of each utterance.
        blank: id of the blank.

    Shape:
        logits (B, F, U + 1, V), targets (B, U), frames (B,), target_lengths (B,) -> (B,)

    Reference:
        Graves 2012, arXiv 1211.3711.

    Example:
        >>> one = torch.ones(1, dtype=torch.int64)  # one frame, one token: token, then blank
        >>> loss = transducer_loss(torch.zeros(1, 1, 2, 4), torch.tensor([[3]]), one, one)
        >>> round(loss.item(), 4)  # 2 log(4)
        2.7726
    """
    from torchaudio.functional import rnnt_loss

    logits = logits.float()  # torchaudio knows neither bfloat16 nor float64
    return rnnt_loss(
        logits.contiguous(),
        targets.int().contiguous(),
        send(frames.int(), logits.device),
        send(target_lengths.int(), logits.device),
        blank=blank,
        clamp=-1,
        reduction="none",
    )


class RNNTLoss(nn.Module):
    """Stands for the class of the same name in ``warprnnt_pytorch``.

    Args:
        blank: id of the blank.
        fastemit_lambda: must be 0, as in ESPnet.
        reduction: ``mean`` (over the batch), ``sum`` or ``none``.
    """

    def __init__(
        self, blank: int = 0, fastemit_lambda: float = 0.0, reduction: str = "mean"
    ) -> None:
        super().__init__()
        if fastemit_lambda:
            raise ValueError("FastEmit needs the package warprnnt_pytorch; set fastemit_lambda: 0")
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"reduction must be mean, sum or none, not '{reduction}'")
        self.blank = blank
        self.reduction = reduction

    def forward(self, acts: Tensor, labels: Tensor, act_lens: Tensor, label_lens: Tensor) -> Tensor:
        """Return the loss; the arguments are those of ``transducer_loss``."""
        loss = transducer_loss(acts, labels, act_lens, label_lens, self.blank)
        return loss if self.reduction == "none" else getattr(torch, self.reduction)(loss)


def provide() -> None:
    """Let ``import warprnnt_pytorch`` find this module where the package is absent."""
    if PACKAGE not in sys.modules and importlib.util.find_spec(PACKAGE) is None:
        sys.modules[PACKAGE] = sys.modules[__name__]


def main(argv: list[str]) -> None:
    """Run the module ``argv[0]`` as a program with the other arguments."""
    import runpy

    from sslse.espnet import warprnnt

    warprnnt.provide()  # not this copy, whose name is __main__
    sys.argv = argv
    runpy.run_module(argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
