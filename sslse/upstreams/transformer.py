"""The transformer of wav2vec 2.0, HuBERT and WavLM on the weights of a transformers model.

The three families share their parts and their names in transformers; WavLM adds a relative position
bias, made once a batch, that each layer gates by its own input.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.upstreams.strided_convolution import frozen_grouped_convolution


def position_embedding(module: nn.Module, x: Tensor, mask: Tensor | None) -> Tensor:
    """Convolutional position embedding of frames whose padding is zero, (B, F, D) -> (B, F, D)."""
    y = x.transpose(1, 2)  # (B, D, F)
    if getattr(module, "batch_norm", None) is not None:
        y = module.batch_norm(y)
        y = y if mask is None else y * mask[:, None]  # batch norm makes zeros non-zero
    conv = module.conv
    if y.device.type == "cpu" and not conv.weight.requires_grad:
        y = frozen_grouped_convolution(y, conv)
    else:
        y = conv(y)
    y = module.padding(y)
    return module.activation(y).transpose(1, 2)


def position_bias(attention: nn.Module, num_frames: int) -> Tensor:
    """WavLM's relative position bias, (H, F, F); one for all layers and utterances."""
    return attention.compute_bias(num_frames, num_frames)


def gate(attention: nn.Module, heads: Tensor) -> Tensor:
    """WavLM's gate of the position bias by the layer's input, (B, H, F, D/H) -> (B, H, F, 1)."""
    projected = attention.gru_rel_pos_linear(heads).unflatten(-1, (2, 4)).sum(-1)
    a, b = torch.sigmoid(projected).chunk(2, dim=-1)
    return a * (b * attention.gru_rel_pos_const - 1.0) + 2.0


def attend(attention: nn.Module, x: Tensor, bias: Tensor | None, mask: Tensor | None) -> Tensor:
    """Multi-head self-attention.

    Args:
        attention: attention module of a transformers layer.
        x: (B, F, D).
        bias: WavLM's position bias (H, F, F).
        mask: real frames, bool (B, F); None: all.
    """
    heads = attention.num_heads

    def split(y: Tensor) -> Tensor:
        return y.unflatten(-1, (heads, -1)).transpose(1, 2)  # (B, H, F, D/H)

    weights_mask = None
    if bias is not None:
        weights_mask = gate(attention, split(x)) * bias  # (B, H, F, F)
        if mask is not None:
            weights_mask = weights_mask.masked_fill(~mask[:, None, None], float("-inf"))
    elif mask is not None:
        weights_mask = mask[:, None, None]  # (B, 1, 1, F)
    y = F.scaled_dot_product_attention(
        split(attention.q_proj(x)),
        split(attention.k_proj(x)),
        split(attention.v_proj(x)),
        attn_mask=weights_mask,
        dropout_p=attention.dropout if attention.training else 0.0,
    )
    return attention.out_proj(y.transpose(1, 2).flatten(2))


def run_layer(
    layer: nn.Module, x: Tensor, bias: Tensor | None, mask: Tensor | None, pre_norm: bool
) -> Tensor:
    """One transformer layer, (B, F, D) -> (B, F, D).

    Args:
        layer: a transformers encoder layer.
        x: its input.
        bias: see ``attend``.
        mask: see ``attend``.
        pre_norm: layer norm before each block (``do_stable_layer_norm``) instead of after it.
    """
    if pre_norm:
        x = x + layer.dropout(attend(layer.attention, layer.layer_norm(x), bias, mask))
        x = x + layer.feed_forward(layer.final_layer_norm(x))
        adapter = getattr(layer, "adapter_layer", None)
        return x if adapter is None else x + adapter(x)
    x = layer.layer_norm(x + layer.dropout(attend(layer.attention, x, bias, mask)))
    return layer.final_layer_norm(x + layer.feed_forward(x))
