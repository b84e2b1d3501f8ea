"""One upstream for several tasks: enhancement from its states or before it, and task heads."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from sslse.downstream.former_head import upgrade_head
from sslse.downstream.task_head import TaskHead, build_head
from sslse.enhancers import build_enhancer
from sslse.enhancers.base import SMALLEST_LEVEL, Enhancer
from sslse.enhancers.ssl_decoder import SSLDecoderEnhancer
from sslse.enhancers.ssl_mask import SSLMaskEnhancer
from sslse.errors import ConfigError, DataError
from sslse.model_files import place_beside
from sslse.model_folder import SavedModel
from sslse.transfer import beside
from sslse.upstreams import build_upstream, load_upstream
from sslse.upstreams.base import Upstream, frame_mask

Head = TypeVar("Head", bound=TaskHead)


@dataclass
class MultiTaskOutput:
    """What a multi-task model gives for a batch.

    Args:
        enhanced: waveforms (B, T); None where the model does not enhance.
        outputs: name of a head to its estimates.
    """

    enhanced: Tensor | None
    outputs: dict[str, Tensor] = field(default_factory=dict)


class MultiTaskModel(SavedModel):
    """Noisy waveform → (front enhancer) → upstream → spectral mask or decoder, and task heads.

    A head of SUPERB is such a model with one head, nothing else, and an upstream that is frozen and
    stays where it is: ``normalize_level=False, source=FOLDER``.

    Args:
        upstream: shared by the enhancement and all heads.
        heads: by name: ``{"head": kind, …}`` and keys of that kind (see ``build_head``).
        mask: keys of ``SpectralMask``; None has no mask.
        front: an enhancer of the waveform before the upstream; None has none.
        normalize_level: divide each waveform by its RMS level before all else.
        source: where a frozen upstream comes from, a folder or hub name, and where its weights are
            left; None: they are saved with the model.
        decoder: keys of ``WaveformDecoder``, in place of a mask; None has none.

    Reference:
        Tabatabaee and Espy-Wilson 2026, arXiv 2601.14516 (enhancement and inversion on one trained
        upstream; its layers are not published, these are ours).
    """

    noun = "a multi-task model"
    subfolders = ("model", "downstream")

    def __init__(
        self,
        upstream: Upstream,
        heads: dict[str, dict[str, Any]] | None = None,
        mask: dict[str, Any] | None = None,
        front: Enhancer | None = None,
        normalize_level: bool = True,
        source: str | None = None,
        decoder: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if not heads and mask is None and decoder is None and front is None:
            raise ConfigError("a multi-task model needs a head, a mask, a decoder or a front")
        if mask is not None and decoder is not None:
            raise ConfigError("a multi-task model enhances by a mask or by a decoder: give one")
        self.head_configs = {name: dict(config) for name, config in (heads or {}).items()}
        self.mask_config, self.decoder_config = mask, decoder
        self.normalize_level = normalize_level
        self.source = source
        if source is None:
            upstream.remove_weight_norm()
        self.upstream = upstream
        self.front = front
        self.mask = self.decoder = None
        if mask is not None:
            self.mask = SSLMaskEnhancer.build_network(upstream, mask)
        if decoder is not None:
            self.decoder = SSLDecoderEnhancer.build_network(upstream, decoder)
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
        return any(part is not None for part in (self.mask, self.decoder, self.front))

    def forward(self, noisy: Tensor, lengths: Tensor | None = None) -> MultiTaskOutput:
        """Run everything.

        Args:
            noisy: zero-padded waveforms of any level.
            lengths: samples of each; default: all.

        Shape:
            noisy (B, T), lengths (B,) -> enhanced (B, T) and the heads' own shapes
        """
        if lengths is None:
            lengths = torch.full((len(noisy),), noisy.shape[1])
        lengths = lengths.cpu()
        real = frame_mask(lengths, noisy.shape[1], noisy.device)
        waveform = torch.where(real, noisy, noisy.new_zeros(()))
        level = waveform.new_ones(len(waveform), 1)
        if self.normalize_level:
            power = waveform.square().sum(1, keepdim=True) / beside(lengths, noisy)[:, None]
            level = power.clamp_min(SMALLEST_LEVEL**2).sqrt()
        waveform = waveform / level
        if self.front is not None:
            waveform = self._run_front(waveform, lengths)
        states = self.upstream(waveform, lengths)
        enhanced = None
        network = self.decoder if self.mask is None else self.mask
        if network is not None:
            enhanced = network(waveform, lengths, states) * level
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
        front = None if self.front is None else describe_enhancer(self.front)
        options = {"front": front, "sample_rate": self.sample_rate}
        if self.mask is not None:
            enhancer = SSLMaskEnhancer(self.upstream.describe(), self.mask_config, **options)
            enhancer.mask = self.mask
        elif self.decoder is not None:
            enhancer = SSLDecoderEnhancer(self.upstream.describe(), self.decoder_config, **options)
            enhancer.decoder = self.decoder
        else:
            return self.front
        enhancer.upstream, enhancer.front = self.upstream, self.front
        return enhancer

    @property
    def config(self) -> dict[str, Any]:
        """What rebuilds the model with fresh weights."""
        return {
            "upstream": None if self.source else self.upstream.describe(),
            "heads": self.head_configs,
            "mask": self.mask_config,
            "decoder": self.decoder_config,
            "front": None if self.front is None else describe_enhancer(self.front),
            "normalize_level": self.normalize_level,
        }

    def facts(self, folder: Path) -> dict[str, Any]:
        """Say where a frozen upstream is (a folder as a relative path), and its sizes."""
        if self.source is None:
            return {}
        local = Path(self.source).exists()
        sizes = {"num_states": self.upstream.num_layers + 1, "width": self.upstream.hidden_size}
        place = os.path.relpath(self.source, folder) if local else self.source
        return {"upstream": place, **self.upstream.options(), **sizes}

    def weights(self) -> dict[str, Tensor]:
        """Return all, or all but those of an upstream that is elsewhere."""
        state = self.state_dict()
        if self.source is None:
            return state
        return {name: value for name, value in state.items() if not name.startswith("upstream.")}

    def standalone(self) -> MultiTaskModel:
        """See ``SavedModel``: the weights of a frozen upstream in a folder come with the model."""
        if self.source is not None and Path(self.source).exists():
            if not hasattr(self.upstream, "describe"):
                raise DataError(
                    f"the upstream {self.source} is no ordinary SSL model, so it cannot come with "
                    "the head; give both folders away as they lie"
                )
            self.source = None
        return self

    @classmethod
    def from_config(
        cls, config: dict[str, Any], facts: dict[str, Any], folder: Path
    ) -> MultiTaskModel:
        """See ``SavedModel``."""
        source = None
        if config["upstream"] is None:
            source = place_beside(folder, facts["upstream"])
            # Heads of before this key were trained without the norm.
            options = {"final_layer_norm": facts.get("final_layer_norm", False)}
            options |= {key: facts[key] for key in ("pad_to_30s",) if key in facts}
            upstream = load_upstream(source, **options).freeze()
            _check_sizes(folder, facts, upstream)
        else:
            upstream = build_upstream(config["upstream"])
        front = config["front"]
        return cls(
            upstream,
            config["heads"],
            config["mask"],
            None if front is None else build_enhancer(**front),
            config.get("normalize_level", True),
            source,
            config.get("decoder"),
        )

    @classmethod
    def upgrade(
        cls, described: dict[str, Any], tensors: dict[str, Tensor]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """See ``SavedModel``; heads of SUPERB once had a format of their own."""
        if "head" in described:
            return upgrade_head(described, tensors)
        return super().upgrade(described, tensors)

    def find_head(self, kind: type[Head], where: object = "this model") -> tuple[str, Head]:
        """Return the name and the head of a kind, the first if there are several.

        Raises:
            ConfigError: ``where`` has none.
        """
        for name, head in self.heads.items():
            if isinstance(head, kind):
                return name, head
        has = ", ".join(head.noun for head in self.heads.values()) or "none"
        raise ConfigError(f"{where} has no {kind.noun} (it has: {has})")

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


def describe_enhancer(enhancer: Enhancer) -> dict[str, Any]:
    """Return the arguments of ``build_enhancer`` that build such an enhancer."""
    return {"name": type(enhancer).__name__, **enhancer.config}


def _check_sizes(folder: Path, facts: dict[str, Any], upstream: Upstream) -> None:
    """Refuse an upstream that is not that of the training."""
    expected = (facts["num_states"], facts["width"])
    sizes = (upstream.num_layers + 1, upstream.hidden_size)
    if expected != sizes:
        raise DataError(
            f"the head {folder} was trained on {expected[0]} hidden states of width {expected[1]}, "
            f"and its upstream {facts['upstream']} has {sizes[0]} of width {sizes[1]}; put the "
            "upstream of its training back, or train the head again"
        )


def _parts(model: MultiTaskModel) -> list[tuple[str, nn.Module]]:
    named = [("front", model.front), ("upstream", model.upstream)]
    named += [("mask", model.mask), ("decoder", model.decoder)]
    named += [(f"heads.{name}", head) for name, head in model.heads.items()]
    return [(name, part) for name, part in named if part is not None]
