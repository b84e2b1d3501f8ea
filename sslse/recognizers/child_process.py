"""Processes that never outlive the one that started them."""

from __future__ import annotations

import ctypes
import signal

PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent dies


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent dies, however that happens (Linux)."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
