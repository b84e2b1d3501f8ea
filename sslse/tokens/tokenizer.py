"""The acoustic tokenizer: encoder vectors to cluster numbers, and to logits of these clusters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sslse.errors import ConfigError
from sslse.model_folder import SavedModel


@torch.no_grad()
def nearest_centres(vectors: Tensor, centres: Tensor) -> Tensor:
    """Return the nearest centre of each vector.

    Shape:
        vectors (…, D), centres (clusters, D) to int64 (…).

    Example:
        >>> nearest_centres(torch.tensor([[0.2], [0.9]]), torch.tensor([[0.0], [1.0]])).tolist()
        [0, 1]
    """
    with torch.autocast(vectors.device.type, enabled=False):
        # argmin ‖v − c‖² = argmax v·c − ‖c‖²/2
        scores = vectors.to(centres.dtype) @ centres.T
        scores -= centres.square().sum(1) / 2
        return scores.max(-1).indices  # several times faster than argmax on a CPU


class Tokenizer(SavedModel):
    """K-means clusters of a frozen encoder's vectors, and one linear layer that predicts them.

    Args:
        centres: cluster centres, (clusters, D).
        sample_rate: Hz, of the encoder.
        downsample_rate: samples from one vector to the next.
        statistics: what is known about the clusters; kept in ``config.json``.

    Shape:
        vectors (B, M, D) to logits (B, M, clusters).

    Reference:
        Lee and Kim 2024, Sensors 24(8):2573, section 3.1.

    Example:
        >>> tokenizer = Tokenizer(torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
        >>> tokenizer.labels(torch.tensor([[[0.2, 0.1], [0.9, 2.0]]])).tolist()
        [[0, 1]]
        >>> tokenizer(torch.zeros(1, 5, 2)).shape
        torch.Size([1, 5, 2])
    """

    noun = "an acoustic tokenizer"
    subfolders = ("tokenizer",)
    frozen = False

    centres: Tensor

    def __init__(
        self,
        centres: Tensor,
        sample_rate: int = 16000,
        downsample_rate: int = 640,
        statistics: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("centres", centres.detach().clone().float())
        self.linear = nn.Linear(centres.shape[1], centres.shape[0])
        self.sample_rate = sample_rate
        self.downsample_rate = downsample_rate
        self.statistics = dict(statistics or {})

    @property
    def num_clusters(self) -> int:
        """D_c, the number of clusters."""
        return self.centres.shape[0]

    @property
    def width(self) -> int:
        """D_e, the size of an encoder vector."""
        return self.centres.shape[1]

    def forward(self, vectors: Tensor) -> Tensor:
        """Return logits z of the clusters."""
        self.check_width(vectors)
        return self.linear(vectors)

    @torch.no_grad()
    def labels(self, vectors: Tensor) -> Tensor:
        """Return the nearest cluster of each vector, int64 (B, M)."""
        self.check_width(vectors)
        return nearest_centres(vectors, self.centres)

    @torch.no_grad()
    def start_at_centres(self) -> None:
        """Set the linear layer to what makes its greatest logit the nearest cluster: logits are
        then those of equal unit-variance Gaussians at the centres."""
        self.linear.weight.copy_(self.centres)
        self.linear.bias.copy_(-self.centres.square().sum(1) / 2)

    def freeze(self) -> Tokenizer:
        """Fix the weights; gradient to the *vectors* still flows."""
        self.frozen = True
        return self.eval().requires_grad_(False)

    def check_width(self, vectors: Tensor) -> None:
        """Refuse vectors of another encoder.

        Raises:
            ConfigError: their size differs.
        """
        if vectors.shape[-1] != self.width:
            raise ConfigError(
                f"the tokenizer takes encoder vectors of size {self.width}, got "
                f"{tuple(vectors.shape)}; use the encoder that it was clustered with"
            )

    def check_encoder(self, encoder: Any) -> None:
        """Refuse an encoder whose vectors are not those of the clusters.

        Args:
            encoder: with ``output_size``, ``sample_rate`` and ``downsample_rate``.

        Raises:
            ConfigError: size or rate differ.
        """
        theirs = (encoder.output_size, encoder.sample_rate, encoder.downsample_rate)
        if theirs != (self.width, self.sample_rate, self.downsample_rate):
            raise ConfigError(
                f"the tokenizer takes vectors of size {self.width}, one for {self.downsample_rate} "
                f"samples at {self.sample_rate} Hz; this encoder gives size {theirs[0]}, one for "
                f"{theirs[2]} samples at {theirs[1]} Hz: use the encoder that it was clustered with"
            )

    @property
    def config(self) -> dict[str, Any]:
        """What rebuilds it with fresh weights, and the statistics of the clusters."""
        return {
            "clusters": self.num_clusters,
            "width": self.width,
            "sample_rate": self.sample_rate,
            "downsample_rate": self.downsample_rate,
            "statistics": self.statistics,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], facts: dict[str, Any], folder: Path) -> Tokenizer:
        """See ``SavedModel``."""
        options = dict(config)
        return cls(torch.zeros(options.pop("clusters"), options.pop("width")), **options)
