"""Speaker verification: an x-vector on an upstream, trained by AM-softmax (SUPERB's ASV head)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.downstream.preparation import Preparation
from sslse.downstream.task_head import TaskHead
from sslse.errors import ConfigError
from sslse.transfer import beside
from sslse.upstreams.base import UpstreamOutput, frame_mask
from sslse.upstreams.featurizer import Featurizer

# (kernel, dilation) of the time-delay layers; together they see 15 frames.
LAYERS = ((5, 1), (3, 2), (3, 3), (1, 1), (1, 1))
CONTEXT = 1 + sum((kernel - 1) * dilation for kernel, dilation in LAYERS)
# Variances below this count as this, so that a constant utterance has a gradient.
VARIANCE_FLOOR = 1e-8


class XVector(nn.Module):
    """Weighted sum → linear → five time-delay layers → mean and deviation over time → embedding.

    Padding changes nothing: convolutions have no padding of their own, and pooling takes real
    frames only; its deviation is that of a sample (over one frame less), as PyTorch's ``std``. An
    utterance of fewer than 15 frames is continued with its last frame **(ours)**.

    Args:
        num_states: hidden states of the upstream, its input state included.
        input_size: D, their width.
        hidden_size: width of the time-delay layers but the last, and of the linear layers.
        pooled_size: width of the last one.
        he_init: begin with weights that keep the size of the signals through the layers (He et al.
            2015), which short trainings need **(ours)**; SUPERB's begin smaller, as PyTorch's do.

    Shape:
        hidden states list of (B, F, D), lengths (B,) -> (B, hidden_size)

    Reference:
        Snyder et al. 2018, "X-vectors: robust DNN embeddings for speaker recognition", ICASSP;
        Yang et al. 2021, arXiv 2105.01051 (SUPERB, without batch normalisation).
    """

    def __init__(
        self,
        num_states: int,
        input_size: int,
        hidden_size: int = 512,
        pooled_size: int = 1500,
        he_init: bool = False,
    ) -> None:
        super().__init__()
        self.featurizer = Featurizer(num_states, weights="learned")
        self.projection = nn.Linear(input_size, hidden_size)
        widths = [hidden_size] * len(LAYERS) + [pooled_size]
        self.layers = nn.ModuleList(
            nn.Conv1d(widths[number], widths[number + 1], kernel, dilation=dilation)
            for number, (kernel, dilation) in enumerate(LAYERS)
        )
        self.embedding = nn.Linear(2 * pooled_size, hidden_size)
        self.output = nn.Linear(hidden_size, hidden_size)
        for layer in (*self.layers, self.embedding, self.output) if he_init else ():
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, hidden_states: Sequence[Tensor], lengths: Tensor) -> Tensor:
        """Return the embedding that verification compares, (B, hidden_size)."""
        x = self.projection(self.featurizer(hidden_states))  # (B, F, H)
        if int(lengths.min()) < CONTEXT:
            x, lengths = repeat_last_frame(x, lengths)
        x = x.transpose(1, 2)
        for layer in self.layers:
            x = torch.relu(layer(x))  # (B, P, F - 14)
        frames = beside(lengths - (CONTEXT - 1), x)
        real = frame_mask(frames, x.shape[-1]).unsqueeze(1)
        count = frames.view(-1, 1)
        mean = (x * real).sum(-1) / count
        variance = ((x - mean.unsqueeze(-1)).square() * real).sum(-1) / (count - 1).clamp_min(1)
        pooled = torch.cat([mean, variance.clamp_min(VARIANCE_FLOOR).sqrt()], dim=-1)
        return torch.relu(self.embedding(pooled))

    def before_loss(self, embeddings: Tensor) -> Tensor:
        """Return what the training loss classifies, (B, hidden_size)."""
        return torch.relu(self.output(embeddings))


def repeat_last_frame(x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Continue utterances (B, F, D) of fewer than ``CONTEXT`` frames with their last one.

    Example:
        >>> x, lengths = repeat_last_frame(torch.tensor([[[1.0], [2.0], [9.0]]]), torch.tensor([2]))
        >>> x.squeeze().tolist()[:4], lengths.tolist()
        ([1.0, 2.0, 2.0, 2.0], [15])
    """
    places = torch.arange(max(x.shape[1], CONTEXT), device=x.device).expand(len(x), -1)
    places = torch.minimum(places, beside(lengths, x).unsqueeze(-1) - 1).unsqueeze(-1)
    return x.gather(1, places.expand(-1, -1, x.shape[-1])), lengths.clamp_min(CONTEXT)


class AMSoftmax(nn.Module):
    """Additive-margin softmax: cross-entropy of s·(cos θ − m·[own class]).

    Args:
        input_size: width of the embeddings.
        num_classes: training speakers.
        scale: s.
        margin: m.

    Shape:
        embeddings (B, E), classes int64 (B,) -> loss (B,)

    Reference:
        Wang et al. 2018, arXiv 1801.05599, equation 5.
    """

    def __init__(
        self, input_size: int, num_classes: int, scale: float = 30.0, margin: float = 0.4
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_classes, input_size))
        nn.init.xavier_normal_(self.weight)
        self.scale = scale
        self.margin = margin

    def forward(self, embeddings: Tensor, classes: Tensor) -> Tensor:
        """Return the loss of each utterance."""
        cosines = F.normalize(embeddings, dim=-1) @ F.normalize(self.weight, dim=-1).T
        # Not by F.one_hot, which reads the greatest class.
        own = classes.unsqueeze(-1) == torch.arange(len(self.weight), device=classes.device)
        logits = self.scale * (cosines - self.margin * own)
        return F.cross_entropy(logits, classes, reduction="none")


class SpeakerHead(TaskHead):
    """x-vector of the hidden states; its output is the embedding that verification compares.

    Args:
        num_states: hidden states of the upstream, its input state included.
        input_size: D, their width.
        num_speakers: of the training set, or more.
        hidden_size: width of the embedding.
        pooled_size: width of the last time-delay layer.
        scale: of AM-softmax.
        margin: of AM-softmax.
        he_init: as of ``XVector``.
        gain_db: see ``Preparation``; −3 in the benchmark.
        remove_silence: see there; true in the benchmark.

    Shape:
        hidden states list of (B, F, D), samples (B,) -> (B, hidden_size)

    Reference:
        Yang et al. 2021, arXiv 2105.01051 (SUPERB ASV); Tabatabaee and Espy-Wilson 2026, arXiv
        2601.14516 (speaker verification as future work).
    """

    noun = "speaker head"
    needs = "speaker"

    def __init__(
        self,
        num_states: int,
        input_size: int,
        num_speakers: int,
        hidden_size: int = 512,
        pooled_size: int = 1500,
        scale: float = 30.0,
        margin: float = 0.4,
        he_init: bool = False,
        gain_db: float = 0.0,
        remove_silence: bool = False,
    ) -> None:
        super().__init__()
        self.preparation = Preparation(gain_db, remove_silence)
        self.network = XVector(num_states, input_size, hidden_size, pooled_size, he_init=he_init)
        self.criterion = AMSoftmax(hidden_size, num_speakers, scale, margin)

    def forward(self, states: UpstreamOutput, num_samples: Tensor) -> Tensor:
        """Return embeddings."""
        return self.network(states.hidden_states, states.lengths)

    def losses(self, output: Tensor, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return AM-softmax; ``batch["speaker"]`` is (B,), numbers of training speakers.

        Raises:
            ConfigError: the training set has more speakers than ``num_speakers``.
        """
        if not batch["speaker"].is_cuda:  # what lies on a GPU is not read
            self.check_speakers(int(batch["speaker"].max()) + 1)
        loss = self.criterion(self.network.before_loss(output), batch["speaker"])
        return loss, {"am_softmax": loss}

    def check_speakers(self, count: int) -> None:
        """Refuse a training set of so many speakers.

        Raises:
            ConfigError: they are more than ``num_speakers``.
        """
        known = len(self.criterion.weight)
        if count > known:
            raise ConfigError(
                f"the speaker head has num_speakers {known}, but the training set has {count} or "
                "more; set it to their number"
            )
