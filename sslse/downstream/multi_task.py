"""One upstream for several tasks: enhancement by a mask or before it, and heads on its states."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sslse.data.atomic import atomic_open
from sslse.downstream.task_head import build_head
from sslse.enhancers import build_enhancer
from sslse.enhancers.base import SMALLEST_LEVEL, Enhancer
from sslse.enhancers.ssl_mask import SSLMaskEnhancer, build_mask
from sslse.errors import ConfigError, DataError
from sslse.upstreams.base import frame_mask
from sslse.upstreams.huggingface import HuggingFaceUpstream

CONFIG_NAME, WEIGHTS_NAME = "config.json", "model.safetensors"


@dataclass
class MultiTaskOutput:
    """What a multi-task model gives for a batch.

    Args:
        enhanced: waveforms (B, T); None where the model does not enhance.
        outputs: name of a head to its estimates.
    """

    enhanced: Tensor | None
    outputs: dict[str, Tensor] = field(default_factory=dict)


class MultiTaskModel(nn.Module):
    """Noisy waveform → (front enhancer) → upstream → spectral mask and task heads.

    Args:
        upstream: shared by the mask and all heads.
        heads: by name: ``{"head": kind, …}`` and keys of that kind (see ``build_head``).
        mask: keys of ``SpectralMask``; None has no mask.
        front: an enhancer of the waveform before the upstream; None has none.

    Reference:
        Tabatabaee and Espy-Wilson 2026, arXiv 2601.14516 (enhancement and inversion on one trained
        upstream; its layers are not published, these are ours).
    """

    def __init__(
        self,
        upstream: HuggingFaceUpstream,
        heads: dict[str, dict[str, Any]] | None = None,
        mask: dict[str, Any] | None = None,
        front: Enhancer | None = None,
    ) -> None:
        super().__init__()
        if not heads and mask is None and front is None:
            raise ConfigError("a multi-task model needs a head, a mask or a front enhancer")
        self.head_configs = {name: dict(config) for name, config in (heads or {}).items()}
        self.mask_config = mask
        upstream.remove_weight_norm()
        self.upstream = upstream
        self.front = front
        self.mask = None if mask is None else build_mask(upstream, mask)
        for name, config in self.head_configs.items():
            if "head" not in config:
                raise ConfigError(f"the task '{name}' needs a 'head' (its kind)")
        self.heads = nn.ModuleDict(
            {
                name: build_head(upstream=upstream, **config)
                for name, config in self.head_configs.items()
            }
        )
        self.sample_rate = upstream.sample_rate

    @property
    def enhances(self) -> bool:
        """Whether there is an enhanced waveform."""
        return self.mask is not None or self.front is not None

    def forward(self, noisy: Tensor, lengths: Tensor | None = None) -> MultiTaskOutput:
        """Run everything.

        Args:
            noisy: zero-padded waveforms of any level.
            lengths: samples of each; default: all.

        Shape:
            noisy (B, T), lengths (B,) -> enhanced (B, T) and the heads' own shapes
        """
        if lengths is None:
            lengths = torch.full((len(noisy),), noisy.shape[1], device=noisy.device)
        real = frame_mask(lengths, noisy.shape[1])
        waveform = torch.where(real, noisy, noisy.new_zeros(()))
        power = waveform.square().sum(1, keepdim=True) / lengths[:, None]
        level = power.clamp_min(SMALLEST_LEVEL**2).sqrt()
        waveform = waveform / level
        if self.front is not None:
            waveform = self._run_front(waveform, lengths)
        states = self.upstream(waveform, lengths)
        enhanced = None
        if self.mask is not None:
            enhanced = self.mask(waveform, lengths, states) * level
        elif self.front is not None:
            enhanced = waveform * level
        outputs = {name: head(states, lengths) for name, head in self.heads.items()}
        return MultiTaskOutput(enhanced, outputs)

    def _run_front(self, waveform: Tensor, lengths: Tensor) -> Tensor:
        if int(lengths.min()) == waveform.shape[1]:
            return self.front(waveform)
        rows = [
            nn.functional.pad(self.front(row[None, :length])[0], (0, len(row) - length))
            for row, length in zip(waveform, lengths.tolist(), strict=True)
        ]
        return torch.stack(rows)

    def enhancer(self) -> Enhancer | None:
        """Return the enhancing part as an enhancer of its own (weights are shared)."""
        if self.mask is None:
            return self.front
        front = None
        if self.front is not None:
            front = {"name": type(self.front).__name__, **self.front.config}
        enhancer = SSLMaskEnhancer(
            self.upstream.describe(), self.mask_config, front, self.sample_rate
        )
        enhancer.upstream, enhancer.mask, enhancer.front = self.upstream, self.mask, self.front
        return enhancer

    def save_pretrained(self, directory: str | os.PathLike) -> None:
        """Write ``config.json`` and ``model.safetensors``; each appears whole or not at all."""
        from safetensors.torch import save

        directory = Path(directory)
        tensors = {name: tensor.contiguous() for name, tensor in self.state_dict().items()}
        with atomic_open(directory / WEIGHTS_NAME, "wb") as stream:
            stream.write(save(tensors, metadata={"format": "pt"}))
        front = None
        if self.front is not None:
            front = {"name": type(self.front).__name__, **self.front.config}
        config = {
            "class": type(self).__name__,
            "upstream": self.upstream.describe(),
            "heads": self.head_configs,
            "mask": self.mask_config,
            "front": front,
        }
        with atomic_open(directory / CONFIG_NAME) as stream:
            json.dump(config, stream, indent=2)
            stream.write("\n")

    @staticmethod
    def from_pretrained(directory: str | os.PathLike) -> MultiTaskModel:
        """Load what ``save_pretrained`` wrote, in evaluation mode.

        Raises:
            DataError: the folder is missing, incomplete or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        directory = Path(directory)
        try:
            config = json.loads((directory / CONFIG_NAME).read_text(encoding="utf-8"))
            if config.get("class") != MultiTaskModel.__name__:
                raise DataError(
                    f"{directory} holds a {config.get('class', 'thing without a class')}; a "
                    "multi-task model is needed (the folder 'model' of its experiment)"
                )
            front = config["front"]
            model = MultiTaskModel(
                HuggingFaceUpstream.from_description(config["upstream"]),
                config["heads"],
                config["mask"],
                None if front is None else build_enhancer(**front),
            )
            model.load_state_dict(load_file(directory / WEIGHTS_NAME))
        except OSError as error:
            raise DataError(
                f"there is no model at {directory} ({error}); it is a folder with {CONFIG_NAME} "
                f"and {WEIGHTS_NAME}"
            ) from error
        except (ValueError, KeyError, RuntimeError, SafetensorError, ConfigError) as error:
            raise DataError(f"the model in {directory} is damaged ({error}); save it again") from (
                error
            )
        return model.eval()

    def start_from(self, directory: str | os.PathLike) -> list[str]:
        """Take over all parts that a saved model has too; return their names.

        Raises:
            ConfigError: it shares no part with this model, or a part has other sizes.
        """
        other = self.from_pretrained(directory)
        mine, theirs = dict(_parts(self)), dict(_parts(other))
        common = [name for name in mine if name in theirs]
        if not common:
            raise ConfigError(f"{directory} has none of the parts {', '.join(mine)}")
        for name in common:
            try:
                mine[name].load_state_dict(copy.deepcopy(theirs[name].state_dict()))
            except RuntimeError as error:
                raise ConfigError(
                    f"the part '{name}' of {directory} has other sizes than this model's: "
                    f"{' '.join(str(error).split())[:300]}"
                ) from error
        return common


def _parts(model: MultiTaskModel) -> list[tuple[str, nn.Module]]:
    named = [("front", model.front), ("upstream", model.upstream), ("mask", model.mask)]
    named += [(f"heads.{name}", head) for name, head in model.heads.items()]
    return [(name, part) for name, part in named if part is not None]
