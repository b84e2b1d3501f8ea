"""Layers of complex-valued networks, in real arithmetic.

A complex signal is a pair (real, imaginary) of tensors of shape (B, C, F, K): utterances, complex
channels, frequencies, frames. A product of complex numbers costs four real ones when it is written
down as it stands. Here it costs one product with a stacked weight, or three by Gauss' identity

    k1 = a·(c + d),  k2 = c·(b − a),  k3 = d·(a + b):   (a + ib)(c + id) = (k1 − k3) + i(k1 + k2),

which saves a quarter of the arithmetic where arithmetic is what takes the time.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

aten = torch.ops.aten

Pair = tuple[Tensor, Tensor]

# Below this many complex channels the sums around Gauss' products cost more than they save.
SMALLEST_GAUSS_CHANNELS = 16


def gauss_pays(x: Tensor, weight: Tensor) -> bool:
    """Whether three products beat one stacked one: full precision on a CPU, enough channels.

    In half precision the differences would cost accuracy; on a GPU one large product is best.
    """
    return (
        x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and not torch.is_autocast_enabled("cpu")
        and min(weight.shape[1:3]) >= SMALLEST_GAUSS_CHANNELS
    )


class ComplexConvolution(nn.Module):
    """Common to both directions: 2 frames wide, every second frequency.

    Args:
        in_channels: complex channels that come in.
        out_channels: complex channels that go out.
        kernel_size: frequencies, odd.
    """

    transposed = False

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 5) -> None:
        super().__init__()
        channels = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        # As in the code of the DCCRN paper.
        self.weight = nn.Parameter(0.05 * torch.randn(2, *channels, kernel_size, 2))
        self.bias = nn.Parameter(torch.zeros(2, out_channels))
        self.margin = kernel_size // 2
        self.gauss: bool | None = None  # None: where it pays

    def product(self, real: Tensor, imag: Tensor) -> Pair:
        """Convolve a complex signal with the complex weight."""
        # Frequencies × frames × channels in memory: several times faster on a CPU.
        real, imag = (x.contiguous(memory_format=torch.channels_last) for x in (real, imag))
        (a, b), (bias_real, bias_imag) = self.weight, self.bias
        if gauss_pays(real, self.weight) if self.gauss is None else self.gauss:
            first = self.convolve(real + imag, a, bias_real)
            second = self.convolve(real, b - a, bias_imag - bias_real)
            third = self.convolve(imag, a + b, None)
            return first - third, first + second
        out, into = (1, 0) if self.transposed else (0, 1)
        rows = torch.cat([a, b], out), torch.cat([-b, a], out)
        weight = torch.cat(rows, into)
        stacked = self.convolve(torch.cat([real, imag], 1), weight, self.bias.flatten())
        return stacked.chunk(2, 1)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Apply a real weight."""
        raise NotImplementedError


class ComplexConv2d(ComplexConvolution):
    """Halve the frequencies; a frame sees itself and the one before.

    Shape:
        (B, C, F, K) -> (B, C', F / 2, K), twice
    """

    def forward(self, real: Tensor, imag: Tensor, history: Pair | None = None) -> Pair:
        """Convolve; ``history`` is the frame before the first one, default zeros."""
        if history is None:
            return self.product(F.pad(real, (1, 0)), F.pad(imag, (1, 0)))
        return self.product(torch.cat([history[0], real], 3), torch.cat([history[1], imag], 3))

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Apply a real weight."""
        return F.conv2d(x, weight, bias, stride=(2, 1), padding=(self.margin, 0))


class ComplexConvTranspose2d(ComplexConvolution):
    """Double the frequencies; one frame more comes out than goes in.

    Output frame k sees the input frames k − 1 and k.

    Shape:
        (B, C, F, K) -> (B, C', 2 F, K + 1), twice
    """

    transposed = True

    def forward(self, real: Tensor, imag: Tensor) -> Pair:
        """Convolve."""
        return self.product(real, imag)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Apply a real weight."""
        return F.conv_transpose2d(
            x, weight, bias, stride=(2, 1), padding=(self.margin, 0), output_padding=(1, 0)
        )


class _LeakyFunction(torch.autograd.Function):
    """PReLU with one slope; the gradient of the slope is summed without a tensor of its own."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope)
        return F.leaky_relu(x, slope.item())

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, slope = ctx.saved_tensors
        slope_gradient = (gradient * x.clamp_max(0)).sum().view(1)
        return aten.leaky_relu_backward(gradient, x, slope.item(), False), slope_gradient


class SharedPReLU(nn.PReLU):
    """PReLU with one slope, on a CPU several times faster in training than PyTorch's."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply it; any shape."""
        traced = torch.compiler.is_compiling() or torch.onnx.is_in_onnx_export()
        if x.device.type != "cpu" or traced:
            return super().forward(x)
        return _LeakyFunction.apply(x, self.weight)


class PairBatchNorm(nn.Module):
    """Batch normalisation of real and imaginary channels, each by its own statistics."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.real, self.imag = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, real: Tensor, imag: Tensor) -> Pair:
        """Normalise."""
        return self.real(real), self.imag(imag)


class ComplexBatchNorm(nn.Module):
    """Whitening of (real, imaginary) by their 2 × 2 covariance, then a symmetric 2 × 2 gain.

    Args:
        channels: complex channels.
        momentum: of the running statistics.
        epsilon: added to both variances.

    Reference:
        C. Trabelsi et al., "Deep complex networks", ICLR 2018, section 3.5.
    """

    def __init__(self, channels: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        # Rows: real-real, real-imaginary, imaginary-imaginary. The gain is positive definite.
        self.gain = nn.Parameter(torch.ones(3, channels))
        nn.init.uniform_(self.gain.data[1], -0.9, 0.9)
        self.bias = nn.Parameter(torch.zeros(2, channels))
        self.register_buffer("running_mean", torch.zeros(2, channels))
        self.register_buffer(
            "running_covariance", torch.tensor([[1.0], [0.0], [1.0]]).repeat(1, channels)
        )

    def forward(self, real: Tensor, imag: Tensor) -> Pair:
        """Normalise."""
        if self.training:
            mean = torch.stack([real.mean((0, 2, 3)), imag.mean((0, 2, 3))])
            moments = ((real, real), (real, imag), (imag, imag))
            ends = ((0, 0), (0, 1), (1, 1))
            covariance = torch.stack(
                [
                    (x * y).mean((0, 2, 3)) - mean[i] * mean[j]
                    for (x, y), (i, j) in zip(moments, ends, strict=True)
                ]
            )
            with torch.no_grad():
                self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
                self.running_covariance.lerp_(covariance.to(self.running_covariance), self.momentum)
        else:
            mean, covariance = self.running_mean, self.running_covariance
        rr, ri, ii = covariance
        rr, ii = rr + self.epsilon, ii + self.epsilon
        # The inverse square root of a 2 x 2 matrix in closed form.
        root = (rr * ii - ri.square()).clamp_min(self.epsilon**2).sqrt()
        scale = 1 / (root * (rr + ii + 2 * root).sqrt())
        urr, uri, uii = (ii + root) * scale, -ri * scale, (rr + root) * scale
        grr, gri, gii = self.gain
        # Gain times whitening, as four numbers a channel; the mean goes into the bias.
        matrix = torch.stack(
            [
                torch.stack([grr * urr + gri * uri, grr * uri + gri * uii]),
                torch.stack([gri * urr + gii * uri, gri * uri + gii * uii]),
            ]
        )  # (2, 2, C)
        shift = self.bias - (matrix * mean).sum(1)
        (a, b), (c, d) = matrix[..., None, None]
        shift = shift[..., None, None]
        return a * real + b * imag + shift[0], c * real + d * imag + shift[1]


class ComplexLSTM(nn.Module):
    """(L_r + i·L_i)(x_r + i·x_i) of two real LSTMs; each runs once, over both parts as one batch.

    Args:
        input_size: complex features of a frame.
        hidden_size: complex units.

    Shape:
        (K, B, I) -> (K, B, H), twice
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.real, self.imag = (nn.LSTM(input_size, hidden_size) for _ in range(2))

    def forward(self, real: Tensor, imag: Tensor, state: list | None = None) -> tuple[Pair, list]:
        """Return the frames and the state after the last one."""
        both = torch.cat([real, imag], 1)  # (K, 2 B, I)
        by_real, real_state = self.real(both, state and state[0])
        by_imag, imag_state = self.imag(both, state and state[1])
        (rr, ir), (ri, ii) = by_real.chunk(2, 1), by_imag.chunk(2, 1)
        return (rr - ii, ir + ri), [real_state, imag_state]
