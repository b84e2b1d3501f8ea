"""Where models run: the one choice of device, and what a name of a device means."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from sslse.errors import ConfigError

AUTO = "auto"
DTYPES = ("float32", "bfloat16", "float16")


def choose_device(name: str = AUTO) -> str:
    """Return the device that a name means on this machine.

    Args:
        name: ``auto`` (the first GPU of CUDA, else the CPU), ``cpu``, ``cuda`` (the first GPU),
            ``cuda:1`` … as torch counts them, or another kind of device that torch knows.

    Raises:
        ConfigError: it is not there.

    Example:
        >>> choose_device("cpu")
        'cpu'
    """
    if name == "cpu":  # what has no model need not wait for torch
        return name
    import torch

    if name == AUTO:
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind != "cuda":
        with refuse(name):
            torch.zeros(0, device=torch.device(name))
        return name
    if not re.fullmatch(r"cuda(:\d+)?", name):
        raise _refused(name, "expected auto, cpu, cuda, or cuda:1 for the second GPU")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= count:
        seen = f"cuda:0 to cuda:{count - 1}" if count > 1 else "cuda:0 alone" if count else "no GPU"
        raise _refused(name, f"torch finds {seen} here; say --device cpu, or auto")
    return f"cuda:{int(number or 0)}"


def describe_device(device: str) -> str:
    """Return a device as a log line names it.

    Args:
        device: of ``choose_device``.

    Example:
        >>> describe_device("cpu")
        'cpu'
    """
    if not device.startswith("cuda"):
        return device
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})"


def to_device(value: Any, device: str) -> Any:
    """Move a model or a tensor.

    Args:
        value: anything with a method ``to``.
        device: as ``choose_device`` takes it.

    Raises:
        ConfigError: the device is not there.
    """
    device = choose_device(device)
    with refuse(device):
        return value.to(device)


def lower_precision(device: str, dtype: str) -> contextlib.AbstractContextManager:
    """Return a context whose matrix products are in a type of numbers; float32 changes nothing.

    Args:
        device: of ``choose_device``.
        dtype: of ``choose_dtype``; sums and norms stay in float32.
    """
    if dtype == "float32":
        return contextlib.nullcontext()
    import torch

    return torch.autocast(torch.device(device).type, getattr(torch, dtype))


def has_units(dtype: str) -> bool:
    """Tell whether this CPU has units for a type of numbers: AMX or AVX-512 for the short ones."""
    import torch

    unit = {"bfloat16": "bf16", "float16": "fp16"}.get(dtype)
    capabilities = torch.cpu.get_capabilities()
    return unit is None or any(capabilities.get(f"{set_}_{unit}") for set_ in ("amx", "avx512"))


def choose_dtype(dtype: str, device: str) -> str:
    """Return the type of numbers that products are computed in where one was asked for.

    A CPU without units for a short type computes in float32: it would gain no time, and its LSTMs
    refuse.

    Args:
        dtype: one of ``DTYPES``.
        device: of ``choose_device``.

    Raises:
        ConfigError: there is no such type.
    """
    check_dtype(dtype)
    if device != "cpu" or has_units(dtype):
        return dtype
    print(f"warning: this CPU has no units for {dtype}: computed in float32", flush=True)
    return "float32"


def check_dtype(dtype: str) -> None:
    """Refuse what is no type of numbers that networks compute in.

    Raises:
        ConfigError: naming those that are.
    """
    if dtype not in DTYPES:
        raise ConfigError(f"dtype '{dtype}': expected {', '.join(DTYPES[:-1])} or {DTYPES[-1]}")


@contextlib.contextmanager
def refuse(name: str):  # noqa: ANN201 - a context
    """Turn what torch says of a device that cannot be used into a sentence."""
    try:
        yield
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise _refused(name, " ".join(str(error).split())[:200]) from error


def _refused(name: str, reason: str) -> ConfigError:
    return ConfigError(f"the device '{name}' cannot be used: {reason}")
