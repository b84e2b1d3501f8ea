"""A trained ESPnet recogniser whose weights stay as they are."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from sslse.espnet.differentiable_asr import DifferentiableASR


class FrozenASR(DifferentiableASR):
    """An ASR model that never changes; the gradient goes to the waveform alone.

    Args:
        model: an ``ESPnetASRModel``; it is frozen.
        sample_rate: Hz.
        encode_text: transcript to token ids.
        exact: see ``DifferentiableASR``.

    Example:
        ``asr = FrozenASR.from_folder("exp/asr")``, then
        ``asr.loss(waveform, None, *asr.tokenize_batch(["GO UP"]))``
    """

    frozen = True

    def __init__(
        self,
        model: nn.Module,
        sample_rate: int,
        encode_text: Callable[[str], list[int]],
        exact: bool = True,
    ) -> None:
        super().__init__(model, sample_rate, encode_text, exact)
        self.requires_grad_(False)

    def train(self, mode: bool = True) -> FrozenASR:
        """Stay in evaluation mode, whatever is asked."""
        return super().train(False)
