"""Recurrent layers over utterances of different lengths."""

from __future__ import annotations

from torch import Tensor, nn

from sslse.transfer import send


def run_recurrent(layer: nn.RNNBase, x: Tensor, lengths: Tensor) -> Tensor:
    """Run a recurrent layer, which sees no padding in either direction; its output there is zero.

    Args:
        layer: with ``batch_first``.
        x: padded frames.
        lengths: frames of each utterance, on the host.

    Shape:
        x (B, F, C), lengths (B,) -> (B, F, H)

    Example:
        >>> import torch
        >>> layer, x = nn.GRU(2, 3, batch_first=True, bidirectional=True), torch.randn(2, 5, 2)
        >>> y = run_recurrent(layer, x, torch.tensor([3, 5]))
        >>> torch.allclose(y[0, :3], layer(x[:1, :3])[0][0], atol=1e-6), y[0, 3:].any().item()
        (True, False)
    """
    # Sorted here and not by PyTorch, which waits for the device to bring the order back.
    falling, order = lengths.cpu().sort(descending=True)
    packed = nn.utils.rnn.pack_padded_sequence(
        x.index_select(0, send(order, x.device)), falling, batch_first=True
    )
    y, _ = nn.utils.rnn.pad_packed_sequence(
        layer(packed)[0], batch_first=True, total_length=x.shape[1]
    )
    return y.index_select(0, send(order.argsort(), x.device))
