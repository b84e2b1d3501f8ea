"""Errors that a user can act on: one clear sentence each, printed without a traceback by the
command line."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable


class SslseError(Exception):
    """Base of all errors whose message is written for the user (what, where, expected, how to
    fix)."""


class AudioError(SslseError):
    """An audio file, archive entry or pipe cannot be used."""


class DataError(SslseError):
    """A data directory or one of its files is wrong."""


class ConfigError(SslseError):
    """An option or a configuration key is wrong."""


class MissingPackageError(SslseError):
    """An optional package is needed and not installed."""


def exit_status(name: str, run: Callable[[], int | None]) -> int:
    """Run a command and return its exit status; what the user can act on is one sentence.

    Args:
        name: what the sentence begins with.
        run: does the work; what it returns is the status (None: 0).

    Example:
        >>> exit_status("sum", lambda: print(1 + 1))
        2
        0
    """
    try:
        return run() or 0
    except SslseError as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted; the same command continues", file=sys.stderr)
        return 128 + signal.SIGINT
