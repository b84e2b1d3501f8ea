"""What every upstream is: a self-supervised speech model, waveform to hidden states."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sslse.errors import ConfigError
from sslse.transfer import send


@dataclass
class UpstreamOutput:
    """Hidden states of a batch.

    Args:
        hidden_states: one (B, F, D) tensor a state; index 0 is the transformer's input, 1…L its
            layers. Frames beyond an utterance's own are zero.
        lengths: frames of each utterance, int64 (B,), on the host.
    """

    hidden_states: list[Tensor]
    lengths: Tensor


class Upstream(nn.Module, ABC):
    """Base of all upstreams.

    A subclass sets ``sample_rate`` (Hz), ``downsample_rate`` (samples a frame), ``num_layers`` (L)
    and ``hidden_size`` (D), and writes ``forward``.
    """

    sample_rate: int
    downsample_rate: int
    num_layers: int
    hidden_size: int
    final_layer_norm = True
    frozen = False

    @abstractmethod
    def forward(
        self, waveform: Tensor, lengths: Tensor | None = None, max_layer: int | None = None
    ) -> UpstreamOutput:
        """Return the hidden states of a batch of waveforms.

        Args:
            waveform: zero-padded to one length.
            lengths: samples of each, best on the host (see ``sslse.transfer``);
                default: all of them.
            max_layer: stop after this layer; default: the constructor's.

        Shape:
            waveform (B, T), lengths (B,) -> ``max_layer + 1`` states of (B, F, D)
        """

    def freeze(self) -> Upstream:
        """Fix weights and evaluation mode for good; gradient to the *waveform* still flows."""
        self.frozen = True
        self.requires_grad_(False)
        return self.eval()

    def options(self) -> dict[str, Any]:
        """Return the options of ``load_upstream`` that decide what its hidden states are: what was
        trained on them is used with the same ones."""
        return {"final_layer_norm": self.final_layer_norm}

    def remove_weight_norm(self) -> None:  # noqa: B027
        """Replace factors of a weight by the weight itself, where a model has such."""

    def fix_unused(self) -> None:  # noqa: B027
        """Fix the weights that no hidden state depends on, where a model has such."""

    def train(self, mode: bool = True) -> Upstream:
        """Switch the mode; a frozen upstream stays in evaluation mode."""
        return super().train(mode and not self.frozen)


def check_layer(layer: int, num_layers: int) -> int:
    """Return ``max_layer`` if an upstream with so many layers has it.

    Raises:
        ConfigError: it has not.
    """
    if not 0 <= layer <= num_layers:
        raise ConfigError(
            f"max_layer {layer} does not fit an upstream with {num_layers} layers: "
            f"give a number from 0 to {num_layers}"
        )
    return layer


def choose_layers(layers: str | Sequence[int], num_layers: int) -> list[int]:
    """Return the indices of the hidden states that a name stands for, in rising order.

    Args:
        layers: ``latter_half`` (of the transformer's layers), ``all`` (layers 1…L), ``with_input``
            (0…L), ``last``, or a list of indices, in which 0 is the transformer's input.
        num_layers: L.

    Raises:
        ConfigError: an unknown name, or an index that the model does not have.

    Example:
        >>> choose_layers("latter_half", 12)
        [7, 8, 9, 10, 11, 12]
        >>> choose_layers([3, 0], 5)
        [0, 3]
    """
    named = {
        "latter_half": range(num_layers // 2 + 1, num_layers + 1),
        "all": range(1, num_layers + 1),
        "with_input": range(num_layers + 1),
        "last": [num_layers],
    }
    if isinstance(layers, str):
        if layers not in named:
            raise ConfigError(
                f"layers must be {', '.join(named)} or a list of numbers, not '{layers}'"
            )
        return list(named[layers])
    chosen = sorted(set(layers))
    if not chosen or chosen[0] < 0 or chosen[-1] > num_layers:
        raise ConfigError(
            f"layers {list(layers)} do not fit an upstream with {num_layers} layers: "
            f"give numbers from 0 (the transformer's input) to {num_layers}"
        )
    return chosen


def frame_mask(lengths: Tensor, num_frames: int, device: torch.device | None = None) -> Tensor:
    """Return which frames are real, bool (B, F), on a device (default: that of the lengths).

    Example:
        >>> frame_mask(torch.tensor([2, 1]), 2).tolist()
        [[True, True], [True, False]]
    """
    lengths = lengths if device is None else send(lengths, device)
    return torch.arange(num_frames, device=lengths.device) < lengths[:, None]


def padding_mask(
    frames: Tensor, num_frames: int, device: torch.device | None = None
) -> Tensor | None:
    """Return which frames are real (B, F); None where all are."""
    return None if int(frames.min()) >= num_frames else frame_mask(frames, num_frames, device)


def zero_padding(waveform: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return waveforms with zeros beyond their lengths, and the lengths on the host."""
    if waveform.ndim != 2 or waveform.shape[1] == 0:
        raise ValueError(f"expected waveform (batch, time >= 1), got {tuple(waveform.shape)}")
    if lengths is None:
        lengths = torch.full((len(waveform),), waveform.shape[1])
    lengths = lengths.cpu()
    if int(lengths.min()) < waveform.shape[1]:
        # where, not a product: padding may hold anything, NaN too.
        real = frame_mask(lengths, waveform.shape[1], waveform.device)
        waveform = torch.where(real, waveform, waveform.new_zeros(()))
    return waveform, lengths
