"""Speech inversion: hidden states of an upstream to tract variables and source features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sslse.articulation.tract_variables import SOURCE_FEATURES, TRACT_VARIABLES, VELUM
from sslse.criteria.trajectory import TrajectoryLoss, correlation
from sslse.downstream.task_head import TaskHead, normalize_over_time
from sslse.errors import ConfigError
from sslse.transfer import beside, send
from sslse.upstreams.alignment import align_frames
from sslse.upstreams.base import UpstreamOutput, frame_mask
from sslse.upstreams.featurizer import Featurizer
from sslse.upstreams.recurrent import run_recurrent

DEFAULT_GROUPS = {"tract": (*TRACT_VARIABLES, VELUM), "source": SOURCE_FEATURES}


class TractVariableHead(TaskHead):
    """Weighted sum → BiGRU or conformer → linear layers → upsampling → one linear layer a group.

    Frame k of the output belongs to sample ``k · target_hop``, so T samples give
    ``T // target_hop + 1`` frames. An utterance has the same output alone and padded in a batch.

    Args:
        num_states: hidden states of the upstream, its input state included.
        input_size: D, their width.
        hop: samples between upstream frames.
        offset: sample at the centre of the first upstream frame.
        groups: variables of each output layer, by name; they are concatenated in this order.
        encoder: ``gru`` (bidirectional) or ``conformer`` (torchaudio's).
        hidden_sizes: cells in one direction of each GRU; of a conformer, its width, once a layer.
        num_heads: attention heads of the conformer.
        kernel_size: of the conformer's convolutions, odd.
        linear_sizes: of the layers before upsampling.
        upsampling: ``linear`` interpolation at the exact times, or ``repeat``: each frame twice,
            as in the lab's published code, which is up to 1.5 target frames off.
        batch_norm: normalise after upsampling.
        dropout: between layers.
        normalize: layer-normalise each hidden state before the weighted sum.
        utterance_norm: give every feature zero mean and unit variance over each utterance.
        losses: weights of ``TrajectoryLoss``.
        target_hop: samples between output frames.

    Shape:
        hidden states list of (B, F, D), samples (B,) -> (B, K, variables)

    Reference:
        Siriwardena and Espy-Wilson 2023, arXiv 2210.16450 (BiGRU, source features); Attia et al.
        2023, arXiv 2309.09220 (SSL features); Gulati et al. 2020, arXiv 2005.08100 (conformer).
        Sizes are ours.
    """

    noun = "tract-variable head"
    needs = "tv"

    def __init__(
        self,
        num_states: int,
        input_size: int,
        hop: int,
        offset: float,
        groups: Mapping[str, Sequence[str]] | None = None,
        encoder: Literal["gru", "conformer"] = "gru",
        hidden_sizes: Sequence[int] = (256, 128),
        num_heads: int = 4,
        kernel_size: int = 15,
        linear_sizes: Sequence[int] = (128,),
        upsampling: Literal["linear", "repeat"] = "linear",
        batch_norm: bool = False,
        dropout: float = 0.3,
        normalize: bool = False,
        utterance_norm: bool = True,
        losses: Mapping[str, float] | None = None,
        target_hop: int = 160,
    ) -> None:
        super().__init__()
        self.groups = {name: tuple(names) for name, names in (groups or DEFAULT_GROUPS).items()}
        if upsampling not in ("linear", "repeat") or encoder not in ("gru", "conformer"):
            raise ConfigError(
                "a tract-variable head has upsampling linear or repeat and encoder gru or "
                f"conformer, not {upsampling} and {encoder}"
            )
        if upsampling == "repeat" and hop % target_hop:
            raise ConfigError(f"repeat cannot make frames of {target_hop} samples from {hop}")
        self.hop, self.offset, self.target_hop = hop, offset, target_hop
        self.upsampling, self.utterance_norm = upsampling, utterance_norm
        self.featurizer = Featurizer(num_states, normalize=normalize)
        self.dropout = nn.Dropout(dropout)
        self.criterion = TrajectoryLoss(losses)
        if encoder == "gru":
            self.encoder: nn.Module = _GRUStack(input_size, hidden_sizes, dropout)
            width = 2 * hidden_sizes[-1]
        else:
            self.encoder = _ConformerStack(
                input_size, hidden_sizes, num_heads, kernel_size, dropout
            )
            width = hidden_sizes[-1]
        layers = []
        for size in linear_sizes:
            layers.append(nn.Linear(width, size))
            width = size
        self.linear = nn.ModuleList(layers)
        self.batch_norm = nn.BatchNorm1d(width) if batch_norm else None
        self.outputs = nn.ModuleDict(
            {name: nn.Linear(width, len(names)) for name, names in self.groups.items()}
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the output's columns."""
        return tuple(name for names in self.groups.values() for name in names)

    def forward(self, states: UpstreamOutput, num_samples: Tensor) -> Tensor:
        """Return trajectories; frames beyond an utterance's own are zero."""
        x, lengths = self.featurizer(states.hidden_states), states.lengths
        if self.utterance_norm:
            x = normalize_over_time(x, lengths)
            x = x * frame_mask(lengths, x.shape[1], x.device).unsqueeze(-1)
        x = self.encoder(self.dropout(x), lengths)
        for layer in self.linear:
            x = self.dropout(nn.functional.gelu(layer(x)))
        targets = num_samples // self.target_hop + 1
        x = self._upsample(x, lengths, int(targets.max()))
        real = frame_mask(targets, x.shape[1], x.device)
        if self.batch_norm is not None:
            # Statistics over real frames alone, whose places the host knows.
            places = send(frame_mask(targets, x.shape[1]).flatten().nonzero()[:, 0], x.device)
            rows = x.flatten(0, 1)
            normalised = self.batch_norm(rows[places])
            x = torch.zeros_like(rows).index_copy(0, places, normalised).view_as(x)
        output = torch.cat([layer(x) for layer in self.outputs.values()], -1)
        return output * real.unsqueeze(-1)

    def _upsample(self, x: Tensor, lengths: Tensor, num_frames: int) -> Tensor:
        if self.upsampling == "linear":
            return align_frames(x, lengths, num_frames, self.hop, self.offset, self.target_hop)
        index = torch.arange(num_frames, device=x.device) // (self.hop // self.target_hop)
        index = torch.minimum(index, beside(lengths - 1, x)[:, None])  # (B, K)
        return x.gather(1, index.unsqueeze(-1).expand(-1, -1, x.shape[2]))

    def losses(self, output: Tensor, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """See ``TrajectoryLoss``; ``batch["tv"]`` is (B, K, variables), NaN where missing."""
        return self.criterion(output, batch["tv"])

    def scores(self, output: Tensor, batch: dict[str, Any]) -> dict[str, float]:
        """Return the mean correlation over variables and utterances."""
        target = batch["tv"]
        known = ~target.isnan()
        zero = output.new_zeros(())
        values = correlation(
            torch.where(known, output, zero), torch.where(known, target, zero), known
        )
        return {"ppmc": (value := float(values[known.any(1)].mean())), "score": value}


class _GRUStack(nn.Module):
    def __init__(self, input_size: int, hidden_sizes: Sequence[int], dropout: float) -> None:
        super().__init__()
        sizes = [input_size, *(2 * size for size in hidden_sizes)]
        self.layers = nn.ModuleList(
            nn.GRU(width, hidden, batch_first=True, bidirectional=True)
            for width, hidden in zip(sizes, hidden_sizes, strict=False)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        for layer in self.layers:
            x = self.dropout(run_recurrent(layer, x, lengths))
        return x


class _ConformerStack(nn.Module):
    def __init__(
        self,
        input_size: int,
        hidden_sizes: Sequence[int],
        num_heads: int,
        kernel_size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        from torchaudio.models import Conformer

        if len(set(hidden_sizes)) != 1:
            raise ConfigError(f"the layers of a conformer have one width, not {list(hidden_sizes)}")
        width = hidden_sizes[0]
        self.projection = nn.Linear(input_size, width)
        try:
            self.conformer = Conformer(
                width, num_heads, 4 * width, len(hidden_sizes), kernel_size, dropout
            )
        except (ValueError, AssertionError) as error:
            raise ConfigError(f"torchaudio's conformer refuses these sizes: {error}") from error

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = self.projection(x)
        if int(lengths.min()) == x.shape[1]:
            return self._run(x)
        # Its convolutions do not know of padding, so utterances of other lengths go one by one.
        rows = [
            self._run(row[None, :length])[0]
            for row, length in zip(x, lengths.tolist(), strict=True)
        ]
        rows = [nn.functional.pad(row, (0, 0, 0, x.shape[1] - len(row))) for row in rows]
        return torch.stack(rows)

    def _run(self, x: Tensor) -> Tensor:
        # Without padding and so without its mask, for which torchaudio would read the lengths.
        x = x.transpose(0, 1)
        for layer in self.conformer.conformer_layers:
            x = layer(x, None)
        return x.transpose(0, 1)
