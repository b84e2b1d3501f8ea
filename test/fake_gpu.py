"""A GPU that is none: its tensors say that they are on ``meta``, and their numbers are on the CPU.

What torch refuses on a GPU is refused here: an operation on tensors of two devices, numpy of what
has not been brought back. So a test shows without a GPU that models and inputs are moved, all of
them, and that the results are those of the CPU. (Of ``cuda`` torch asks the driver itself.)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

GPU = torch.device("meta")
aten = torch.ops.aten
# Operations that take tensors of both devices: copies, indices, lengths of packed sequences.
BETWEEN = {aten.copy_.default, aten._to_copy.default, aten.index.Tensor, aten.index_put_.default}
BETWEEN |= {aten.index_put.default, aten._pack_padded_sequence.default}
BETWEEN |= {aten._index_put_impl_.default, aten._pad_packed_sequence.default}


class OnGPU(torch.Tensor):
    """A tensor of the GPU."""

    elem: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, elem: torch.Tensor) -> OnGPU:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            elem.size(),
            strides=elem.stride(),
            storage_offset=elem.storage_offset(),
            dtype=elem.dtype,
            layout=elem.layout,
            device=GPU,
        )
        made.elem = elem
        return made

    def tolist(self) -> Any:  # which torch refuses for all subclasses
        return self.elem.tolist()

    def new_tensor(self, data: Any, dtype: torch.dtype | None = None, **_: Any) -> torch.Tensor:
        return OnGPU(self.elem.new_tensor(data, dtype=dtype))

    def __repr__(self) -> str:
        return f"OnGPU({self.elem})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


def compute(func: Any, args: Any, kwargs: Any) -> Any:
    """Run an operation, and put the result where torch would."""
    given, tree = tree_flatten((args, kwargs))
    there = [value for value in given if isinstance(value, OnGPU)]
    here = [value for value in given if is_here(value) and value.dim() > 0]
    if there and here and func not in BETWEEN:
        shapes = [tuple(value.shape) for value in (*there, *here)]
        raise RuntimeError(f"{func} of tensors of two devices, of shapes {shapes}")
    devices = [value for value in given if isinstance(value, torch.device)]
    on_gpu = devices[0] == GPU if devices else bool(there)
    if func in BETWEEN and not devices:
        on_gpu = isinstance(given[0], OnGPU)
    plain = [
        torch.device("cpu") if isinstance(value, torch.device) else lift(value) for value in given
    ]
    plain_args, plain_kwargs = tree_unflatten(plain, tree)
    result = func(*plain_args, **plain_kwargs)
    if func._schema.is_mutable and result is not None and isinstance(args[0], torch.Tensor):
        if isinstance(result, torch.Tensor) and result is lift(args[0]):
            return args[0]
    if (
        on_gpu and func is aten._pack_padded_sequence.default
    ):  # the sizes of its batches stay on the CPU
        return OnGPU(result[0]), result[1]
    return tree_map(lambda value: OnGPU(value) if on_gpu and is_here(value) else value, result)


def is_here(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and not isinstance(value, OnGPU)


def lift(value: Any) -> Any:
    return value.elem if isinstance(value, OnGPU) else value


def from_numbers(make: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Return torch's maker of tensors from lists, which asks no mode, as one that moves them."""

    def moved(data: Any, *args: Any, device: Any = None, **options: Any) -> torch.Tensor:
        made = make(data, *args, **options)
        return made if device is None else made.to(device)

    return moved


def enter_no_grad() -> torch.no_grad:
    context = torch.no_grad()
    context.__enter__()
    return context


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


@contextlib.contextmanager
def fake_gpu() -> Iterator[str]:
    """Give the name of the device."""
    mode = torch.inference_mode
    with pytest.MonkeyPatch.context() as patch, _Mode():
        # Tensors of a class of their own cannot count versions in the mode of inference.
        patch.setattr(mode, "__enter__", lambda self: setattr(self, "own", enter_no_grad()))
        patch.setattr(mode, "__exit__", lambda self, *reason: self.own.__exit__(*reason))
        for name in ("tensor", "as_tensor"):
            patch.setattr(torch, name, from_numbers(getattr(torch, name)))
        # Autocast knows no meta device; what is computed is on the CPU.
        autocast = torch.autocast
        patch.setattr(
            torch,
            "autocast",
            lambda kind, *a, **k: autocast("cpu" if kind == GPU.type else kind, *a, **k),
        )
        yield GPU.type
