"""Contrastive loss of wav2vec 2.0 over masked frames."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ContrastiveLoss(nn.Module):
    """−log of the softmax of sim(c_t, q_t)/κ among the target and its distractors.

    All similarities of an utterance are one matrix product, of which the distractors' are picked:
    nothing of size frames × distractors × features is made. A distractor that equals the target
    (the same codebook entries) does not count.

    Args:
        temperature: κ; sim is the cosine.

    Shape:
        context (B, M, D), targets (B, M, D), distractors (B, M, K) with positions 0…M-1,
        valid (B, M), codes (B, M, G) -> (B,)

    Reference:
        Baevski et al. 2020, arXiv 2006.11477, eq. 3; Zhu et al. 2022, arXiv 2205.13293, eq. 5.

    Example:
        >>> targets = torch.eye(3)[None]
        >>> distractors = torch.tensor([[[1, 2], [0, 2], [0, 1]]])
        >>> round(ContrastiveLoss(0.1)(targets, targets, distractors).item(), 5)  # log(1 + 2 / e¹⁰)
        9e-05
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(
        self,
        context: Tensor,
        targets: Tensor,
        distractors: Tensor,
        valid: Tensor | None = None,
        codes: Tensor | None = None,
    ) -> Tensor:
        """Return the mean over the masked frames of each utterance; 0 where it has none.

        Args:
            context: what the transformer says at the M masked frames.
            targets: the quantised features of these frames.
            distractors: K positions in the utterance's list of masked frames for each of them.
            valid: which of the M positions an utterance has; default: all.
            codes: codebook entries of the targets, to find distractors that equal the target;
                default: only a distractor at the target's own position equals it.
        """
        losses = self.frame_losses(context, targets, distractors, codes)
        if valid is None:
            return losses.mean(1)
        return (losses * valid).sum(1) / valid.sum(1).clamp_min(1)

    def frame_losses(
        self, context: Tensor, targets: Tensor, distractors: Tensor, codes: Tensor | None = None
    ) -> Tensor:
        """Return the loss of each masked frame, (B, M)."""
        with torch.autocast(context.device.type, enabled=False):
            # As torch.cosine_similarity; silence may give a context or a target of zeros.
            context = F.normalize(
                context.float() if context.dtype.itemsize < 4 else context, dim=-1
            )
            targets = F.normalize(targets.to(context.dtype), dim=-1)
            similarity = context @ targets.mT / self.temperature  # (B, M, M): frame, target
            own = similarity.diagonal(dim1=1, dim2=2).unsqueeze(-1)
            others = similarity.gather(2, distractors)
            equal = equal_targets(distractors, codes)
            others = others.masked_fill(equal, float("-inf"))
            return torch.cat([own, others], 2).logsumexp(2) - own.squeeze(-1)


@torch.no_grad()
def equal_targets(distractors: Tensor, codes: Tensor | None) -> Tensor:
    """Return which distractors are the target itself or have all its codebook entries.

    Shape:
        distractors (B, M, K), codes (B, M, G) -> (B, M, K)
    """
    if codes is None:
        own = torch.arange(distractors.shape[1], device=distractors.device)
        return distractors == own[:, None]
    equal = torch.ones_like(distractors, dtype=torch.bool)
    for group in codes.unbind(-1):
        theirs = group.unsqueeze(1).expand(-1, group.shape[1], -1).gather(2, distractors)
        equal &= theirs == group.unsqueeze(-1)
    return equal
