"""What every enhancer is: a network from noisy to enhanced waveforms, saved without a pickle."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from sslse.data.atomic import atomic_open
from sslse.enhancers import build_enhancer
from sslse.errors import ConfigError, DataError

if TYPE_CHECKING:
    from sslse.enhancers.stream import EnhancerStream

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
SMALLEST_LEVEL = 1e-8  # RMS; below it a waveform counts as digital silence


def input_level(waveform: Tensor) -> Tensor:
    """Return the RMS level of each waveform, never below ``SMALLEST_LEVEL``.

    Shape:
        waveform (batch, time) -> (batch, 1)
    """
    power = waveform.square().mean(dim=-1, keepdim=True)
    return power.clamp_min(SMALLEST_LEVEL**2).sqrt()  # in this order: sqrt has no gradient at 0


class Enhancer(nn.Module, ABC):
    """Base of all enhancers.

    A subclass sets ``self.config`` (the keyword arguments that rebuild it) and writes ``estimate``.

    Args:
        sample_rate: of the waveforms that go in and come out, in Hz.
        normalize_input: divide each utterance by its RMS level before the network and multiply
            the output by it, so that the level of a recording does not matter.
    """

    config: dict[str, Any]
    hop_samples: int = 1  # samples between frames; parts of a recording start at multiples of it
    causal: bool = False  # no output waits for more than a little later input; ``stream`` works

    def __init__(self, sample_rate: int = 16000, normalize_input: bool = True) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.normalize_input = normalize_input

    @abstractmethod
    def estimate(self, noisy: Tensor) -> Tensor:
        """Run the network on level-normalised waveforms, (batch, time) -> (batch, time)."""

    @property
    def context_samples(self) -> int | None:
        """How many samples on either side change an output sample; None: the whole utterance."""
        return None

    @property
    def latency_samples(self) -> int | None:
        """Algorithmic latency: an output sample depends on fewer than this many later samples.

        None: on the whole utterance, as where ``normalize_input`` divides by its level.
        """
        return None

    def extra_repr(self) -> str:
        """Say the latency where the network is printed."""
        if self.latency_samples is None:
            return ""
        return f"algorithmic latency {1000 * self.latency_samples / self.sample_rate:g} ms"

    def stream(self) -> EnhancerStream:
        """Begin to enhance a recording that arrives in pieces.

        Raises:
            ConfigError: the enhancer looks at the whole utterance or is in training mode.
        """
        from sslse.enhancers.stream import not_causal

        raise not_causal(self)

    def forward(self, noisy: Tensor, level: Tensor | None = None) -> Tensor:
        """Enhance a batch of waveforms.

        Args:
            noisy: waveforms of one length T >= 1.
            level: RMS levels to normalise by, for a caller who has only a part of the utterance;
                default: the level of each row. Ignored where ``normalize_input`` is false.

        Shape:
            noisy (batch, time), level (batch, 1) -> (batch, time)
        """
        if noisy.ndim != 2 or noisy.shape[1] == 0:
            raise ValueError(
                f"expected noisy of shape (batch, time >= 1), got {tuple(noisy.shape)}"
            )
        if not self.normalize_input:
            return self.estimate(noisy)
        level = input_level(noisy) if level is None else level.clamp_min(SMALLEST_LEVEL)
        return self.estimate(noisy / level) * level

    def save_pretrained(self, directory: str | os.PathLike) -> None:
        """Write ``config.json`` and ``model.safetensors``; each file appears whole or not at all.

        Args:
            directory: made if missing; older files in it are replaced.
        """
        from safetensors.torch import save

        directory = Path(directory)
        tensors = {name: tensor.contiguous() for name, tensor in self.state_dict().items()}
        # Written through our own stream: save_file would leave a file that only its owner may read.
        with atomic_open(directory / WEIGHTS_NAME, "wb") as stream:
            stream.write(save(tensors, metadata={"format": "pt"}))
        with atomic_open(directory / CONFIG_NAME) as stream:
            json.dump({"class": type(self).__name__, "config": self.config}, stream, indent=2)
            stream.write("\n")

    @staticmethod
    def from_pretrained(directory: str | os.PathLike) -> Enhancer:
        """Load what ``save_pretrained`` wrote, in evaluation mode.

        Args:
            directory: a local folder with ``config.json`` and ``model.safetensors``.

        Raises:
            DataError: the folder is missing, incomplete, damaged, or its two files do not fit.
        """
        directory = Path(directory)
        description = _read_config(directory)
        try:
            enhancer = build_enhancer(description["class"], **description["config"])
        except ConfigError as error:
            raise DataError(f"{directory / CONFIG_NAME} cannot be used: {error}") from error
        tensors = _read_weights(directory / WEIGHTS_NAME)
        expected = enhancer.state_dict()
        for name in sorted(expected.keys() | tensors.keys()):
            stored, wanted = tensors.get(name), expected.get(name)
            if stored is None or wanted is None or stored.shape != wanted.shape:
                raise DataError(
                    f"{directory / WEIGHTS_NAME} does not fit {CONFIG_NAME} beside it: '{name}' is "
                    f"{_shape(stored)} in the file and {_shape(wanted)} in the model; "
                    "save the model again"
                )
        enhancer.load_state_dict(tensors)
        return enhancer.eval()


def _shape(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else str(tuple(tensor.shape))


def _read_config(directory: Path) -> dict[str, Any]:
    path = directory / CONFIG_NAME
    if not directory.is_dir():
        raise DataError(f"no enhancer at {directory}: the folder does not exist")
    if not path.is_file():
        raise DataError(
            f"{directory} holds no {CONFIG_NAME}; a saved enhancer is a folder with {CONFIG_NAME} "
            f"and {WEIGHTS_NAME}"
        )
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error}); save the model again") from error
    if not isinstance(description, dict) or not isinstance(description.get("config"), dict):
        raise DataError(
            f'{path} is not an enhancer\'s: it needs {{"class": NAME, "config": {{...}}}}'
        )
    if not isinstance(description.get("class"), str):
        raise DataError(f'{path} does not name the "class" of the enhancer')
    return description


def _read_weights(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise DataError(f"{path} is missing; save the model again or copy the whole folder")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(
            f"{path} is damaged ({error}); copy it again or save the model again"
        ) from error
