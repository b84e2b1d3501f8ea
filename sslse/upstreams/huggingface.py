"""wav2vec 2.0, HuBERT and WavLM checkpoints of transformers as upstreams."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sslse.errors import ConfigError
from sslse.upstreams.base import (
    Upstream,
    UpstreamOutput,
    check_layer,
    padding_mask,
    zero_padding,
)
from sslse.upstreams.bfloat16 import use_bfloat16
from sslse.upstreams.convolution import (
    convolve,
    normalize_waveform,
    output_lengths,
    pad_to,
    receptive_field,
)
from sslse.upstreams.transformer import position_bias, position_embedding, run_layer

FAMILIES = ("wav2vec2", "hubert", "wavlm")


class HuggingFaceUpstream(Upstream):
    """A checkpoint of transformers, run such that padding changes no real frame.

    The hidden states of an utterance are those of transformers' own forward on that utterance
    alone (``output_hidden_states=True``, and ``last_hidden_state`` as the last of them), whatever
    it is batched with: attention does not see
    padded frames, and statistics over time (input normalisation, the group norm after the first
    convolution of the "base" models) leave them out. Layer drop and time masking never happen here,
    not even in training mode. An utterance shorter than a frame is continued with zeros to one.

    Args:
        name_or_dir: local folder (it always wins) or name on the Hugging Face hub.
        max_layer: stop after this layer; default: the last.
        final_layer_norm: for models with ``do_stable_layer_norm`` (the "large" ones): apply the
            encoder's last layer norm to the state of the last layer, as s3prl (whose last state is
            the encoder's output), fairseq and transformers 4 do; transformers 5 leaves it out of
            ``hidden_states``. False: as there.
        normalize_input: zero mean and unit variance for each utterance; default: what the
            checkpoint's ``preprocessor_config.json`` says (``do_normalize``).

    Shape:
        waveform (B, T), lengths (B,) -> states of (B, F, D), lengths (B,)

    Raises:
        ConfigError: no such folder or model, another family, or a checkpoint that does not fit its
            configuration.

    Reference:
        Baevski et al. 2020, arXiv 2006.11477; Hsu et al. 2021, arXiv 2106.07447;
        Chen et al. 2022, arXiv 2110.13900.
    """

    def __init__(
        self,
        name_or_dir: str | Path,
        max_layer: int | None = None,
        final_layer_norm: bool = True,
        normalize_input: bool | None = None,
    ) -> None:
        super().__init__()
        model = load_model(name_or_dir)
        preprocessor = load_preprocessor(name_or_dir, needed=normalize_input is None)
        if normalize_input is None:
            normalize_input = preprocessor["do_normalize"]
        rate = preprocessor.get("sampling_rate", 16000)
        self._set(model, max_layer, final_layer_norm, normalize_input, rate)

    def _set(
        self,
        model: nn.Module,
        max_layer: int | None,
        final_layer_norm: bool,
        normalize_input: bool,
        sample_rate: int,
    ) -> None:
        self.model = model
        config = model.config
        self.normalize_input = normalize_input
        self.sample_rate = sample_rate
        self.num_layers = config.num_hidden_layers
        self.hidden_size = config.hidden_size
        self.pre_norm = config.do_stable_layer_norm
        self.final_layer_norm = final_layer_norm and self.pre_norm
        self.field, self.downsample_rate = receptive_field(self.conv_layers)
        self.max_layer = self.num_layers if max_layer is None else max_layer
        check_layer(self.max_layer, self.num_layers)

    @classmethod
    def from_description(cls, description: dict) -> HuggingFaceUpstream:
        """Build the network of ``describe`` with fresh weights, for a caller who loads its own.

        Raises:
            ConfigError: the description is not one of ours.
        """
        from transformers import AutoConfig, AutoModel

        try:
            config = dict(description["config"])
            model = AutoModel.from_config(AutoConfig.for_model(config.pop("model_type"), **config))
            options = (description[key] for key in ("normalize_input", "sample_rate"))
            normalize_input, sample_rate = options
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"the description of the upstream cannot be used: {error}") from error
        last = description.get("final_layer_norm", False)
        upstream = cls.of(model, normalize_input, sample_rate, last)
        upstream.remove_weight_norm()
        return upstream

    @classmethod
    def of(
        cls, model: nn.Module, normalize_input: bool, sample_rate: int, final_layer_norm: bool
    ) -> HuggingFaceUpstream:
        """Return the upstream of a network of transformers, for a caller who trains it."""
        upstream = cls.__new__(cls)
        nn.Module.__init__(upstream)
        upstream._set(model, None, final_layer_norm, normalize_input, sample_rate)
        return upstream

    def describe(self) -> dict:
        """Return what rebuilds the network, without its weights, as JSON values."""
        return {
            "config": {
                **self.model.config.to_diff_dict(),
                "model_type": self.model.config.model_type,
            },
            "normalize_input": self.normalize_input,
            "sample_rate": self.sample_rate,
            "final_layer_norm": self.final_layer_norm,
        }

    @property
    def first_centre(self) -> float:
        """Sample at the centre of the window that the first frame sees."""
        return (self.field - 1) / 2

    @property
    def conv_layers(self) -> nn.ModuleList:
        """The convolutions of the front."""
        return self.model.feature_extractor.conv_layers

    def freeze(self) -> HuggingFaceUpstream:
        """Fix the weights; weight norm of the position convolution is worked out once."""
        self.remove_weight_norm()
        super().freeze()
        return self

    def freeze_convolutions(self) -> HuggingFaceUpstream:
        """Fix the convolutional front alone ("partial fine-tuning"); the transformer learns."""
        self.model.feature_extractor.requires_grad_(False)
        return self

    def fix_unused(self) -> None:
        """Fix the weights that no hidden state depends on: DDP wants a gradient for all others."""
        for name, parameter in self.model.named_parameters():
            last_norm = name.startswith("encoder.layer_norm.") and self.pre_norm
            if name == "masked_spec_embed" or (last_norm and not self.final_layer_norm):
                parameter.requires_grad_(False)

    def remove_weight_norm(self) -> None:
        """Replace the two factors of the position convolution's weight by the weight itself."""
        conv = self.model.encoder.pos_conv_embed.conv
        if parametrize.is_parametrized(conv, "weight"):
            parametrize.remove_parametrizations(conv, "weight")

    def use_bfloat16(self) -> None:
        """Multiply matrices in bfloat16, on a CPU only; the upstream must be frozen."""
        if not self.frozen:
            raise ConfigError("bfloat16 is for a frozen upstream: call freeze() first")
        use_bfloat16(self.model, self.conv_layers[1:])

    def forward(
        self, waveform: Tensor, lengths: Tensor | None = None, max_layer: int | None = None
    ) -> UpstreamOutput:
        """Return the hidden states of a batch of waveforms; see ``Upstream.forward``."""
        waveform, lengths = zero_padding(waveform, lengths)
        last = self.max_layer if max_layer is None else check_layer(max_layer, self.num_layers)
        x, frames = self.project(waveform, lengths)
        mask = padding_mask(frames, x.shape[1], x.device)
        states = self.encode(x, mask, last)
        if mask is not None:
            states = [state * mask.unsqueeze(-1) for state in states]
        return UpstreamOutput(states, frames)

    def project(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Run the convolutions and the projection of their features on zero-padded waveforms.

        Shape:
            waveform (B, T), lengths (B,) -> (B, F, D), frames (B,)
        """
        if self.normalize_input:
            waveform = normalize_waveform(waveform, lengths)
        waveform, lengths = pad_to(waveform, self.field), lengths.clamp_min(self.field)
        x = self.model.feature_projection(convolve(waveform, lengths, self.conv_layers))
        x = x[0] if isinstance(x, tuple) else x  # HuBERT's returns the projection only
        return x, output_lengths(lengths, self.conv_layers)

    def encode(self, x: Tensor, mask: Tensor | None, last: int) -> list[Tensor]:
        """Run the transformer up to a layer, (B, F, D) -> ``last + 1`` states of (B, F, D)."""
        encoder = self.model.encoder
        if mask is not None:
            x = x * mask.unsqueeze(-1)
        x = x + position_embedding(encoder.pos_conv_embed, x, mask)
        if not self.pre_norm:
            x = encoder.layer_norm(x)
        states = [x := encoder.dropout(x)]
        bias = None
        if self.model.config.model_type == "wavlm":
            bias = position_bias(encoder.layers[0].attention, x.shape[1])
        for layer in encoder.layers[:last]:
            states.append(x := run_layer(layer, x, bias, mask, self.pre_norm))
        if self.final_layer_norm and last == self.num_layers:
            states[-1] = encoder.layer_norm(x)
        return states


def load_model(name_or_dir: str | Path, families: Sequence[str] = FAMILIES) -> nn.Module:
    """Load a transformers model of one of the families in fp32; a local folder wins over the hub.

    Raises:
        ConfigError: see ``HuggingFaceUpstream``.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModel

    local = Path(name_or_dir).is_dir()
    try:
        config = AutoConfig.from_pretrained(name_or_dir, local_files_only=local)
        if config.model_type not in families:
            raise ConfigError(
                f"upstream '{name_or_dir}' is a '{config.model_type}' model; "
                f"the families supported are {', '.join((*FAMILIES, 'whisper'))}"
            )
        model, info = AutoModel.from_pretrained(
            name_or_dir,
            local_files_only=local,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ConfigError(explain(name_or_dir, local, error)) from error
    # The mask embedding is used in pre-training only, and a decoder never.
    missing = sorted(
        key
        for key in info["missing_keys"]
        if key != "masked_spec_embed" and not key.startswith("decoder.")
    )
    if missing:
        raise ConfigError(
            f"upstream '{name_or_dir}' lacks {len(missing)} weights that its config.json asks for "
            f"(the first: {missing[0]}); the two files do not belong together"
        )
    # Heads and quantisers of other trainings may be there, but no further layers.
    spare = sorted(key for key in info["unexpected_keys"] if ".layers." in f".{key}")
    if spare:
        raise ConfigError(
            f"upstream '{name_or_dir}' has {len(spare)} weights of layers that its config.json "
            f"(num_hidden_layers {config.num_hidden_layers}) does not know (the first: "
            f"{spare[0]}); the two files do not belong together"
        )
    return model


def explain(name_or_dir: str | Path, local: bool, error: Exception) -> str:
    """Return the sentence for a checkpoint that cannot be loaded."""
    reason = str(error).strip().splitlines()[0]
    if local:
        return f"upstream folder {name_or_dir} cannot be loaded ({reason})"
    return (
        f"upstream '{name_or_dir}' is no local folder, and neither the Hugging Face hub nor its "
        f"local cache gives such a model ({reason}); give a folder with config.json and "
        "model.safetensors"
    )


def load_preprocessor(name_or_dir: str | Path, needed: bool) -> dict:
    """Return ``preprocessor_config.json``; {} where it is neither there nor needed."""
    from transformers.utils import cached_file

    path = cached_file(
        str(name_or_dir),
        "preprocessor_config.json",
        local_files_only=Path(name_or_dir).is_dir(),
        _raise_exceptions_for_missing_entries=False,
    )
    if path is None:
        if needed:
            raise ConfigError(
                f"upstream '{name_or_dir}' has no preprocessor_config.json, so whether it wants "
                "normalised input is unknown; add the file or give normalize_input: true or false"
            )
        return {}
    return {"do_normalize": True, **json.loads(Path(path).read_text(encoding="utf-8"))}
