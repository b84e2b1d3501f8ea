"""wav2vec 2.0 with a branch for noisy speech, one for enhanced speech, or both and their fusion.

A folder of this model is an ordinary transformers checkpoint (``config.json`` with two more keys,
``branches`` and ``fusion``; ``model.safetensors`` of a ``Wav2Vec2ForPreTraining``) with, where
there is an enhanced branch, ``enhancer/`` and, where there are both, ``fusion.safetensors`` in it.
With the noisy branch alone nothing is added: any program that knows wav2vec 2.0 can use the folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sslse.enhancers.base import Enhancer
from sslse.errors import ConfigError
from sslse.model_files import (
    check_tensors,
    describe,
    read_tensors,
    write_tensors,
    write_transformers,
)
from sslse.runtime.data_parallel import SHARED
from sslse.runtime.device import to_device
from sslse.transfer import beside
from sslse.upstreams.base import Upstream, UpstreamOutput, frame_mask, padding_mask, zero_padding
from sslse.upstreams.branches import NAMES, Branches, stored_branches
from sslse.upstreams.convolution import (
    convolve,
    normalize_waveform,
    output_lengths,
    pad_to,
    receptive_field,
)
from sslse.upstreams.folder import find_upstream
from sslse.upstreams.transformer import position_embedding, run_layer
from sslse.wav2vec2.fusion import build_fusion
from sslse.wav2vec2.wav2vec2_folder import load_network, normalizes

FUSION_FILE = "fusion.safetensors"


@dataclass
class BranchFeatures:
    """What the feature encoder gives.

    Args:
        features: by branch, ``noisy`` and ``enhanced``, each (B, F, C).
        frames: frames of each utterance (B,).
        enhanced: the enhanced waveform (B, T), where there is that branch.
    """

    features: dict[str, Tensor]
    frames: Tensor
    enhanced: Tensor | None = None

    @property
    def num_frames(self) -> int:
        """Frames of the longest utterance, F."""
        return next(iter(self.features.values())).shape[1]


class RobustWav2Vec2(Upstream):
    """wav2vec 2.0 with branches; an upstream whose hidden states are those of its transformer.

    Padding changes no real frame, if it changes no real sample of the enhancer (Demucs; not
    networks with norms over the whole utterance).

    Args:
        network: ``Wav2Vec2ForPreTraining`` of transformers.
        branches: what enters: the waveform as it is, enhanced, or both.
        fusion: ``{"name": "dual_attention", "heads": 8}`` or ``{"name": "concat"}``; for both
            branches only.
        enhancer: of the enhanced branch.
        normalize_input: zero mean and unit variance of each utterance.

    Shape:
        waveform (B, T), lengths (B,) -> states of (B, F, D), lengths (B,)

    Raises:
        ConfigError: parts that do not fit the branches.

    Reference:
        Zhu et al. 2022, arXiv 2205.13293 (EW2, SEW2, EW2+SEW2).
    """

    def __init__(
        self,
        network: nn.Module,
        branches: Branches = "noisy",
        fusion: dict[str, Any] | None = None,
        enhancer: Enhancer | None = None,
        normalize_input: bool = True,
    ) -> None:
        super().__init__()
        if branches not in NAMES:
            raise ConfigError(f"branches must be noisy, enhanced or both, not '{branches}'")
        config = network.config
        self.network = network
        self.branches = branches
        self.normalize_input = normalize_input
        self.sample_rate = 16000
        self.num_layers = config.num_hidden_layers
        self.hidden_size = config.hidden_size
        self.pre_norm = config.do_stable_layer_norm
        self.field, self.downsample_rate = receptive_field(self.conv_layers)
        self.max_layer: int | None = None
        self.fresh_quantizer = True
        self.enhancer = self.fusion = None
        self.fusion_config = (
            dict(fusion or {"name": "dual_attention"}) if branches == "both" else None
        )
        if branches != "noisy":
            if enhancer is None:
                raise ConfigError(f"{NAMES[branches]} needs an enhancer")
            if enhancer.sample_rate != self.sample_rate:
                raise ConfigError(
                    f"the enhancer works at {enhancer.sample_rate} Hz and wav2vec 2.0 at "
                    f"{self.sample_rate} Hz"
                )
            self.enhancer = enhancer
        if branches == "both":
            self.fusion = build_fusion(dimension=config.conv_dim[-1], **self.fusion_config)

    @classmethod
    def build(
        cls,
        wav2vec2: dict[str, Any],
        branches: Branches,
        fusion: dict[str, Any] | None = None,
        enhancer: Enhancer | None = None,
        normalize_input: bool = True,
    ) -> RobustWav2Vec2:
        """Build a model with fresh weights from keys of transformers' ``Wav2Vec2Config``.

        Raises:
            ConfigError: a key that it does not have.
        """
        from transformers import Wav2Vec2Config, Wav2Vec2ForPreTraining

        unknown = sorted(set(wav2vec2) - set(Wav2Vec2Config().to_dict()))
        if unknown:
            raise ConfigError(
                f"model.wav2vec2 has keys that Wav2Vec2Config does not know: {unknown}"
            )
        # The embedding of masked frames exists only where this is above zero.
        config = Wav2Vec2Config(**{"mask_time_prob": 0.065, **wav2vec2})
        return cls(Wav2Vec2ForPreTraining(config), branches, fusion, enhancer, normalize_input)

    @property
    def wav2vec2(self) -> nn.Module:
        """The wav2vec 2.0 without the parts of pre-training."""
        return self.network.wav2vec2

    @property
    def conv_layers(self) -> nn.ModuleList:
        """The convolutions of the feature encoder."""
        return self.wav2vec2.feature_extractor.conv_layers

    def encode(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Run the shared feature encoder, (B, T) -> Z (B, F, C), frames (B,)."""
        if self.normalize_input:
            with torch.autocast(waveform.device.type, enabled=False):
                waveform = normalize_waveform(
                    waveform.to(self.conv_layers[0].conv.weight.dtype), lengths
                )
        waveform, lengths = pad_to(waveform, self.field), lengths.clamp_min(self.field)
        features = convolve(waveform, lengths, self.conv_layers)
        return features, output_lengths(lengths, self.conv_layers)

    def enhance(self, noisy: Tensor, lengths: Tensor) -> Tensor:
        """Enhance zero-padded waveforms; the padding stays zero."""
        lengths = beside(lengths, noisy)
        level = (noisy.square().sum(1) / lengths).sqrt().unsqueeze(1)
        enhanced = self.enhancer(noisy, level)
        return enhanced * frame_mask(lengths, noisy.shape[1])

    def encode_branches(
        self, noisy: Tensor, lengths: Tensor, enhancer_gradient: float = 1.0
    ) -> BranchFeatures:
        """Run enhancer and feature encoder on zero-padded waveforms.

        Args:
            noisy: (B, T).
            lengths: samples of each utterance.
            enhancer_gradient: factor of the gradient from the features to the enhancer.
        """
        features, enhanced, frames = {}, None, None
        if self.branches != "enhanced":
            features["noisy"], frames = self.encode(noisy, lengths)
        if self.branches != "noisy":
            enhanced = self.enhance(noisy, lengths)
            heard = scale_gradient(enhanced, enhancer_gradient)
            features["enhanced"], frames = self.encode(heard, lengths)
        return BranchFeatures(features, frames, enhanced)

    def fuse(self, branches: BranchFeatures, hidden: Tensor | None = None) -> Tensor:
        """Return the features (B, F, C) that enter the transformer.

        Args:
            branches: features of each branch.
            hidden: frames (B, F) that the attention of the fusion shall not see.
        """
        features = list(branches.features.values())
        if self.fusion is None:
            return features[0]
        if hidden is None:
            mask = padding_mask(branches.frames, branches.num_frames, features[0].device)
            return self.fusion(*features, mask)
        real = frame_mask(branches.frames, branches.num_frames, hidden.device)
        seen = real & ~hidden
        # Where all frames are hidden there would be nothing to attend to.
        return self.fusion(*features, torch.where(seen.any(1, keepdim=True), seen, real))

    def contextualize(
        self,
        features: Tensor,
        frames: Tensor,
        time_mask: Tensor | None = None,
        channel_mask: Tensor | None = None,
        last: int | None = None,
    ) -> list[Tensor]:
        """Run the transformer.

        Args:
            features: (B, F, C).
            frames: frames of each utterance.
            time_mask: frames that are replaced by the mask embedding, (B, F).
            channel_mask: channels that are zero in all frames of an utterance, (B, D).
            last: stop after this layer; default: the last, to whose state a model with
                ``do_stable_layer_norm`` applies its final norm.

        Returns:
            The transformer's input and the state after each layer, (B, F, D) each.
        """
        last = self.num_layers if last is None else last
        encoder, model = self.wav2vec2.encoder, self.wav2vec2
        mask = padding_mask(frames, features.shape[1], features.device)
        x, _ = model.feature_projection(features)
        if time_mask is not None:
            embedding = model.masked_spec_embed.to(x.dtype)
            x = torch.where(time_mask.unsqueeze(-1), embedding, x)
        if channel_mask is not None:
            x = x.masked_fill(channel_mask.unsqueeze(1), 0.0)
        if mask is not None:
            x = x * mask.unsqueeze(-1)
        x = x + position_embedding(encoder.pos_conv_embed, x, mask)
        if not self.pre_norm:
            x = encoder.layer_norm(x)
        states = [x := encoder.dropout(x)]
        drop = model.config.layerdrop if self.training else 0.0
        for layer in encoder.layers[:last]:
            # The same in all processes; the gradient of a layer that is left out is zero.
            if not drop or float(torch.rand((), generator=SHARED)) >= drop:
                x = run_layer(layer, x, None, mask, self.pre_norm)
            states.append(x)
        if self.pre_norm and last == self.num_layers:
            states[-1] = encoder.layer_norm(x)
        return states

    def forward(
        self, waveform: Tensor, lengths: Tensor | None = None, max_layer: int | None = None
    ) -> UpstreamOutput:
        """Return the hidden states of a batch of noisy waveforms; see ``Upstream.forward``."""
        waveform, lengths = zero_padding(waveform, lengths)
        branches = self.encode_branches(waveform, lengths)
        last = self.max_layer if max_layer is None else max_layer
        states = self.contextualize(self.fuse(branches), branches.frames, last=last)
        mask = padding_mask(branches.frames, states[0].shape[1], waveform.device)
        if mask is not None:
            states = [state * mask.unsqueeze(-1) for state in states]
        return UpstreamOutput(states, branches.frames)

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the folder that ``from_pretrained`` reads."""
        from transformers import Wav2Vec2FeatureExtractor

        directory = Path(directory)
        if self.enhancer is not None:
            self.enhancer.save_pretrained(directory / "enhancer")
        if self.fusion is not None:
            write_tensors(directory / FUSION_FILE, self.fusion.state_dict())
        preprocessor = Wav2Vec2FeatureExtractor(
            sampling_rate=self.sample_rate,
            do_normalize=self.normalize_input,
            return_attention_mask=True,
        )
        ours = describe(type(self).__name__, branches=self.branches, fusion=self.fusion_config)
        write_transformers(directory, self.network, preprocessor, **ours)

    @classmethod
    def from_pretrained(
        cls,
        directory: str | Path,
        branches: Branches | None = None,
        fusion: dict[str, Any] | None = None,
        enhancer: Enhancer | None = None,
        add_branches: bool = False,
        device: str = "cpu",
    ) -> RobustWav2Vec2:
        """Load a folder of this model, or an ordinary wav2vec 2.0 or HuBERT to add branches to.

        Args:
            directory: the folder, that of its training, or its name on the hub.
            branches: what the caller expects; default: what the folder has (``noisy`` for an
                ordinary checkpoint).
            fusion: for an ordinary checkpoint, see the class.
            enhancer: for an ordinary checkpoint; replaces that of a folder, where given.
            add_branches: take a folder with the noisy branch for an ordinary checkpoint, which it
                is, too.
            device: where to put it, as ``choose_device`` takes it.

        Raises:
            ConfigError: the folder has other branches, or cannot be read.
            DataError: a file of ours in it is missing or damaged.
        """
        directory = find_upstream(directory)
        network, has_quantizer = load_network(directory)
        stored = stored_branches(directory)
        if add_branches and stored and stored["branches"] == "noisy":
            stored = None
        if stored and branches and branches != stored["branches"]:
            raise ConfigError(
                f"{directory} was pre-trained with {NAMES[stored['branches']]}, and the "
                f"configuration asks for {NAMES[branches]}; the branches of pre-training and "
                f"fine-tuning must be the same: set branches: {stored['branches']}, or choose "
                "another folder"
            )
        if stored and fusion and stored["fusion"] and fusion != stored["fusion"]:
            raise ConfigError(
                f"{directory} has the fusion {stored['fusion']}, and the configuration asks for "
                f"{fusion}"
            )
        branches = branches or (stored["branches"] if stored else "noisy")
        if stored:
            fusion = stored["fusion"]
            if enhancer is None and branches != "noisy":
                enhancer = Enhancer.from_pretrained(Path(directory) / "enhancer")
        model = cls(network, branches, fusion, enhancer, normalizes(directory))
        model.fresh_quantizer = not has_quantizer
        if stored and model.fusion is not None:
            path = Path(directory) / FUSION_FILE
            tensors = read_tensors(path)
            check_tensors(path, tensors, model.fusion.state_dict())
            model.fusion.load_state_dict(tensors)
        return to_device(model.eval(), device)


def scale_gradient(x: Tensor, factor: float) -> Tensor:
    """Return x, whose gradient is ``factor`` times as large.

    Example:
        >>> x = torch.ones(2, requires_grad=True)
        >>> gradient = torch.autograd.grad(scale_gradient(x, 0.1).sum(), x)[0]
        >>> torch.allclose(gradient, torch.tensor(0.1))
        True
    """
    return x if factor == 1 else factor * x + (1 - factor) * x.detach()
