"""The encoder of Whisper as an upstream: log-mel front and transformer, gradient to the waveform.

Whisper is trained with transcripts, not self-supervised; what reads hidden states does not mind.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.errors import ConfigError, DataError
from sslse.upstreams.base import (
    Upstream,
    UpstreamOutput,
    check_layer,
    padding_mask,
    zero_padding,
)
from sslse.upstreams.bfloat16 import use_bfloat16
from sslse.upstreams.huggingface import load_model
from sslse.upstreams.transformer import attend

WINDOW, HOP, RATE = 400, 160, 16000  # of the front, samples and Hz; the same for every Whisper
FRAME = 2 * HOP  # samples between frames of the encoder, whose second convolution halves their rate
SMALLEST_POWER = 1e-10
RANGE = 8.0  # of the log-mel features under the utterance's loudest, decades


class WhisperUpstream(Upstream):
    """The encoder of a Whisper checkpoint of transformers.

    Whisper hears 30 s at a time, shorter speech with silence after it, and attends to that silence
    too. So every utterance is continued with silence to 30 s on its own, and the frames after its
    own ⌈T / 320⌉ are dropped: the states are those of ``WhisperFeatureExtractor`` and transformers'
    encoder, whatever an utterance is batched with. State 0 is the transformer's input (convolutions
    and positions); the last one, of layer L, is ``last_hidden_state``, with the final layer norm.
    Layer drop never happens here, not even in training mode.

    Args:
        name_or_dir: local folder (it always wins) or name on the Hugging Face hub.
        max_layer: stop after this layer; default: the last.
        final_layer_norm: apply the encoder's last layer norm to the state of the last layer; False
            leaves it out.
        pad_to_30s: True: as above, exactly as Whisper was trained. False: only the first
            ⌈T / 320⌉ positions are computed and attended to, which takes a fraction of the time for
            short speech; the states are then other ones (no silence is attended to), still the
            same for any batch. What learned on one kind must be used with it.

    Shape:
        waveform (B, T), lengths (B,) -> states of (B, F, D), lengths (B,)

    Raises:
        ConfigError: no such folder or model, or one of another family.
        DataError: (calls) an utterance is longer than 30 s.

    Reference:
        Radford et al. 2022, arXiv 2212.04356, section 2.2.
    """

    sample_rate, downsample_rate, first_centre = RATE, FRAME, 0.0

    def __init__(
        self,
        name_or_dir: str | Path,
        max_layer: int | None = None,
        final_layer_norm: bool = True,
        pad_to_30s: bool = True,
    ) -> None:
        super().__init__()
        model = load_model(name_or_dir, ("whisper",))
        self._set(model.encoder, max_layer, final_layer_norm, pad_to_30s)

    def _set(
        self, encoder: nn.Module, max_layer: int | None, final_layer_norm: bool, pad_to_30s: bool
    ) -> None:
        from transformers import WhisperFeatureExtractor

        self.model = encoder
        config = encoder.config
        self.num_layers, self.hidden_size = config.encoder_layers, config.d_model
        self.positions = config.max_source_positions  # 1500, 30 s
        self.final_layer_norm = final_layer_norm
        self.pad_to_30s = pad_to_30s
        self.max_layer = self.num_layers if max_layer is None else max_layer
        check_layer(self.max_layer, self.num_layers)
        filters = WhisperFeatureExtractor(feature_size=config.num_mel_bins).mel_filters
        filters = torch.as_tensor(filters, dtype=torch.float32)  # (201, mel bands)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)

    @classmethod
    def from_description(cls, description: dict) -> WhisperUpstream:
        """Build the network of ``describe`` with fresh weights, for a caller who loads its own.

        Raises:
            ConfigError: the description is not one of ours.
        """
        from transformers import WhisperConfig
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        try:
            config = {k: v for k, v in description["config"].items() if k != "model_type"}
            encoder = WhisperEncoder(WhisperConfig(**config))
            options = [description[key] for key in ("final_layer_norm", "pad_to_30s")]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"the description of the upstream cannot be used: {error}") from error
        upstream = cls.__new__(cls)
        nn.Module.__init__(upstream)
        upstream._set(encoder, None, *options)
        return upstream

    def describe(self) -> dict:
        """Return what rebuilds the network, without its weights, as JSON values."""
        config = {**self.model.config.to_diff_dict(), "model_type": "whisper"}
        return {"config": config, **self.options()}

    def options(self) -> dict:
        """See ``Upstream.options``."""
        return {"final_layer_norm": self.final_layer_norm, "pad_to_30s": self.pad_to_30s}

    def freeze_convolutions(self) -> WhisperUpstream:
        """Fix the two convolutions alone ("partial fine-tuning"); the transformer learns."""
        self.model.conv1.requires_grad_(False)
        self.model.conv2.requires_grad_(False)
        return self

    def fix_unused(self) -> None:
        """Fix the weights that no hidden state depends on: DDP wants a gradient for all others."""
        if not self.final_layer_norm:
            self.model.layer_norm.requires_grad_(False)

    def use_bfloat16(self) -> None:
        """Multiply matrices in bfloat16, on a CPU only; the upstream must be frozen."""
        if not self.frozen:
            raise ConfigError("bfloat16 is for a frozen upstream: call freeze() first")
        use_bfloat16(self.model)

    def forward(
        self, waveform: Tensor, lengths: Tensor | None = None, max_layer: int | None = None
    ) -> UpstreamOutput:
        """Return the hidden states of a batch of waveforms; see ``Upstream.forward``."""
        waveform, lengths = zero_padding(waveform, lengths)
        last = self.max_layer if max_layer is None else check_layer(max_layer, self.num_layers)
        longest = int(lengths.max())
        if longest > self.positions * FRAME:
            raise DataError(
                f"an utterance of {longest / RATE:.1f} s is too long for Whisper's encoder, which "
                f"hears {self.positions * FRAME / RATE:g} s: cut it, or crop in training "
                "(data.crop_seconds)"
            )
        frames = (lengths + FRAME - 1) // FRAME
        count = int(frames.max())
        own = padding_mask(frames, count, waveform.device)
        x = self.project(self.log_mel(waveform, count))
        if self.pad_to_30s:
            states = [state[:, :count] for state in self.encode(x, None, last)]
        else:
            states = self.encode(x[:, :count], own, last)
        if own is not None:
            states = [state * own.unsqueeze(-1) for state in states]
        return UpstreamOutput(states, frames)

    def log_mel(self, waveform: Tensor, count: int) -> Tensor:
        """Return log-mel features of waveforms whose padding is zero, as Whisper wants them.

        Args:
            waveform: at most 30 s.
            count: frames of the encoder that are wanted; all are of 30 s with ``pad_to_30s``.

        Shape:
            waveform (B, T) -> (B, bands, K), K = 3000, or what ``count`` frames depend on
        """
        samples = self.positions * FRAME
        # The first convolution and the second see two mel frames after the centre of the last one.
        mels = samples // HOP if self.pad_to_30s else min(samples // HOP, 2 * count + 2)
        half = WINDOW // 2
        x = F.pad(waveform[:, :samples], (0, max(0, samples - waveform.shape[1])))
        x = F.pad(x[:, None], (half, half), mode="reflect")[:, 0]  # as torch.stft's center
        x = x[:, : (mels - 1) * HOP + WINDOW].unfold(1, WINDOW, HOP)  # (B, K, 400)
        with torch.autocast(waveform.device.type, enabled=False):
            spectrum = torch.fft.rfft(x.to(self.window.dtype) * self.window)
            power = spectrum.real.square() + spectrum.imag.square()
            mel = (power @ self.filters).clamp_min(SMALLEST_POWER).log10()
            mel = torch.maximum(mel, mel.amax((1, 2), keepdim=True) - RANGE)
            return ((mel + 4.0) / 4.0).mT

    def project(self, mel: Tensor) -> Tensor:
        """Run the convolutions and add the positions, (B, bands, K) -> (B, K / 2, D)."""
        x = F.gelu(self.model.conv2(F.gelu(self.model.conv1(mel)))).mT
        x = x + self.model.embed_positions.weight[: x.shape[1]]
        return F.dropout(x, self.model.dropout, self.training)

    def encode(self, x: Tensor, mask: Tensor | None, last: int) -> list[Tensor]:
        """Run the transformer up to a layer, (B, F, D) -> ``last + 1`` states of (B, F, D)."""
        states = [x]
        for layer in self.model.layers[:last]:
            states.append(x := run_whisper_layer(layer, x, mask))
        if self.final_layer_norm and last == self.num_layers:
            states[-1] = self.model.layer_norm(x)
        return states


def run_whisper_layer(layer: nn.Module, x: Tensor, mask: Tensor | None) -> Tensor:
    """One layer of Whisper's encoder, (B, F, D) -> (B, F, D); ``mask`` as in ``attend``."""

    def drop(y: Tensor, share: float) -> Tensor:
        return F.dropout(y, share, layer.training)

    y = attend(layer.self_attn, layer.self_attn_layer_norm(x), None, mask)
    x = x + drop(y, layer.dropout)
    y = layer.activation_fn(layer.fc1(layer.final_layer_norm(x)))
    return x + drop(layer.fc2(drop(y, layer.activation_dropout)), layer.dropout)
