"""A pretended GPU: what runs on it computes on the CPU, and every mistake of placement is seen.

Without a GPU two mistakes stay hidden: a tensor made on the wrong device, and a line that reads a
value from the device and so waits until all work given to it is done. Here tensors say that they
are on ``cuda:0`` and hold their values in ordinary ones. An operation between both kinds fails as
it would on a GPU, and every read is noted in ``waits`` with the line of ``sslse`` it comes from.

    with PretendedGPU() as gpu:
        network.to("cuda")
        network(waveform.to("cuda")).sum().backward()
    assert not gpu.waits

``PretendedGPU(autocast=torch.bfloat16)`` runs forward only, under autocast as a GPU has it.
cuDNN is off: recurrent layers run by PyTorch's own operations.
"""

from __future__ import annotations

import contextlib
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

import sslse

DEVICE = torch.device("cuda:0")
PACKAGE = str(Path(sslse.__file__).parent)
# Operations whose result has a size that depends on values, or that check values.
READS = {
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "equal",
    "_unique2",
    "unique_dim",
    "unique_consecutive",
    "_linalg_check_errors",
}
# Operations that take host tensors beside those on the device.
MIXED = {
    *("copy_", "_to_copy", "index", "index_put_", "_ctc_loss", "_ctc_loss_backward"),
    *("_use_cudnn_ctc_loss", "_use_miopen_ctc_loss"),
    *("_pack_padded_sequence", "_pack_padded_sequence_backward"),
}
TRANSFERS = ("copy_", "_to_copy")


def _lstm_cell(igates, hgates, cell, ibias=None, hbias=None):
    gates = igates + hgates + (0 if ibias is None else ibias + hbias)
    take, keep, candidate, out = gates.chunk(4, 1)
    cell = keep.sigmoid() * cell + take.sigmoid() * candidate.tanh()
    return out.sigmoid() * cell.tanh(), cell, gates


def _gru_cell(igates, hgates, hidden, ibias=None, hbias=None):
    if ibias is not None:
        igates, hgates = igates + ibias, hgates + hbias
    (ir, iz, inew), (hr, hz, hnew) = igates.chunk(3, 1), hgates.chunk(3, 1)
    new = (inew + (ir + hr).sigmoid() * hnew).tanh()
    return new + (iz + hz).sigmoid() * (hidden - new), igates.new_empty(0)


# Operations that a CPU does not have, and those that only set a flag, which is not seen here.
STAND_INS = {
    **{"_thnn_fused_lstm_cell": _lstm_cell, "_thnn_fused_gru_cell": _gru_cell},
    **{"_conj": torch.conj_physical, "_neg_view": torch.neg},
    **{f"_use_{library}_ctc_loss": lambda *_: False for library in ("cudnn", "miopen")},
}


class _OnGPU(torch.Tensor):
    """A tensor that says it is on the device; ``values`` holds what is in it."""

    values: torch.Tensor
    device = property(lambda self: DEVICE)
    is_cuda = True
    is_cpu = False
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def wrap(values: torch.Tensor, backwards: bool) -> _OnGPU:
        # PyTorch's backward pass asks the driver about a real device, and has autocast look at it:
        # the C++ side sees a meta tensor where gradients are wanted.
        tensor = torch.Tensor._make_wrapper_subclass(
            _OnGPU,
            values.shape,
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device=torch.device("meta") if backwards else DEVICE,
        )
        tensor.values = values
        return tensor

    @classmethod
    def __torch_dispatch__(cls, function: Any, *_: Any, **__: Any) -> Any:
        raise RuntimeError(f"{function} on the pretended GPU after its block has ended")

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def __repr__(self) -> str:
        return f"on {DEVICE}: {self.values}"


class PretendedGPU(TorchDispatchMode):
    """See the module.

    Args:
        autocast: type of autocast for the device; None: none, and backward works.
    """

    def __init__(self, autocast: torch.dtype | None = None) -> None:
        super().__init__()
        self.autocast = autocast
        self.waits: list[str] = []

    def __enter__(self) -> PretendedGPU:
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(_no_driver())
        self._stack.enter_context(_autocast(self.autocast))
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._stack.close()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = function._schema.name.removeprefix("aten::")
        if name in ("is_pinned", "_pin_memory"):
            return name == "is_pinned" or args[0]
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        inside = [x for x in tensors if isinstance(x, _OnGPU)]
        result_inside = bool(inside)
        if kwargs.get("device") is not None:
            result_inside = torch.device(kwargs["device"]).type in ("cuda", "meta")
            kwargs["device"] = torch.device("cpu")
        if name == "copy_":
            result_inside = isinstance(args[0], _OnGPU)
        if inside:
            self._check(function, name, args, tensors)
        if inside or result_inside:
            self._watch(name, args, kwargs, bool(inside), result_inside)
        values = tree_map(lambda x: x.values if isinstance(x, _OnGPU) else x, (args, kwargs))
        if name == "_to_copy" and tensors and bool(inside) != result_inside:
            values[1].pop("non_blocking", None)
        result = STAND_INS.get(name, function)(*values[0], **values[1])
        if not result_inside:
            return result
        if torch.Tag.inplace_view in function.tags:  # the outside learns of its new shape, too
            with no_dispatch():
                function(*args, **kwargs)
        if name == "_pack_padded_sequence":
            return _OnGPU.wrap(result[0], self.autocast is None), result[1]  # sizes: for the host
        known = {id(x.values): x for x in inside}  # in place: the very tensor comes back
        backwards = self.autocast is None

        def place(x: Any) -> Any:
            if not isinstance(x, torch.Tensor):
                return x
            return known[id(x)] if id(x) in known else _OnGPU.wrap(x, backwards)

        return tree_map(place, result)

    def put(self, *things: Any) -> Any:
        """Return modules and (nested) tensors on the device; lengths stay on the host.

        Raises:
            AssertionError: a tensor of a module stays behind.
        """
        before = list(self.waits)
        placed = [_put(thing) for thing in things]
        self.waits = before
        return placed[0] if len(placed) == 1 else placed

    def _check(self, function: Any, name: str, args: Any, tensors: list[torch.Tensor]) -> None:
        """Refuse host tensors among those of the device, but for single numbers."""
        if name in MIXED:
            return
        for tensor in tensors:
            if not isinstance(tensor, _OnGPU) and (tensor.ndim or name in ("cat", "stack")):
                shapes = [tuple(x.shape) for x in tensors]
                raise RuntimeError(
                    f"{function} of tensors on cuda:0 and cpu, {shapes}, at {_line()}"
                )

    def _watch(
        self, name: str, args: Any, kwargs: dict[str, Any], inside: bool, result_inside: bool
    ) -> None:
        """Note an operation that makes the host wait for the device."""
        wait = name in READS
        if name in TRANSFERS:
            source = args[1] if name == "copy_" else args[0]
            between = isinstance(source, _OnGPU) != result_inside
            no_wait = kwargs.get("non_blocking") or (name == "copy_" and len(args) > 2 and args[2])
            # A copy to the host that does not wait would be read before it is there.
            wait = between and (not result_inside or not (no_wait or source.ndim == 0))
        if name in ("index", "index_put_", "index_put"):
            indices = [x for x in args[1] if x is not None]
            masks = [x for x in indices if x.dtype in (torch.bool, torch.uint8)]
            fills = name != "index" and args[2].numel() == 1  # is a masked_fill
            wait = bool(masks and not fills) or any(not isinstance(x, _OnGPU) for x in indices)
        if name == "repeat_interleave":
            wait = kwargs.get("output_size") is None
        if name == "_ctc_loss":
            wait = any(isinstance(x, _OnGPU) for x in args[2:4])
        if wait:
            self.waits.append(f"{name} at {_line()}")


def _put(thing: Any, name: str = "") -> Any:
    if isinstance(thing, nn.Module):
        thing.to(DEVICE)
        for where, tensor in (*thing.named_parameters(), *thing.named_buffers()):
            assert isinstance(tensor, _OnGPU), f"{where} does not move with its module"
        return thing
    if isinstance(thing, dict):
        return {key: _put(value, key) for key, value in thing.items()}
    if isinstance(thing, torch.Tensor) and not name.endswith("lengths"):
        return thing.detach().to(DEVICE).requires_grad_(thing.requires_grad)
    return thing


def _line() -> str:
    """Return the innermost line of the library, or of whatever else calls."""
    frames = traceback.extract_stack()
    ours = [x for x in frames if x.filename.startswith(PACKAGE)]
    others = [x for x in frames if "/torch/" not in x.filename and x.filename != __file__]
    frame = (ours or others)[-1]
    return f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} ({frame.line})"


@contextlib.contextmanager
def _no_driver() -> Iterator[None]:
    """Let PyTorch believe in the device, without a driver."""
    torch._C._ensureCUDADeviceGuardSet()
    lift = torch._C._only_lift_cpu_tensors()
    overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
    torch._C._set_only_lift_cpu_tensors(True)
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with mock.patch("torch.cuda._lazy_init"), torch.backends.cudnn.flags(enabled=False):
            yield
    finally:
        torch._C._set_only_lift_cpu_tensors(lift)
        torch.__future__.set_overwrite_module_params_on_conversion(overwrite)


@contextlib.contextmanager
def _autocast(dtype: torch.dtype | None) -> Iterator[None]:
    """Autocast of the device; ``torch.autocast`` switches itself off where no device is found."""
    if dtype is None:
        yield
        return
    before = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cuda", dtype)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.filterwarnings("ignore", message=".*CUDA is not available")
            yield
    finally:
        torch.clear_autocast_cache()
        torch.set_autocast_enabled("cuda", before[0])
        torch.set_autocast_dtype("cuda", before[1])
