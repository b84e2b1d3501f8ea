"""Errors that a user can act on: one clear sentence each, printed without a traceback by the
command line."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Collection
from pathlib import Path

DEBUG = "SSLSE_DEBUG"  # environment variable: show where an unexpected error came from
PACKAGE = Path(__file__).parent

HINTS = {  # error number to how it is mended
    errno.EEXIST: "; a file stands where a folder is needed: choose another name",
    errno.ENOTDIR: "; a file stands where a folder is needed: choose another name",
    errno.EISDIR: "; a folder stands where a file is needed: choose another name",
    errno.ENOSPC: "; free some space, then run the same command again",
    errno.EDQUOT: "; free some space, then run the same command again",
    errno.EROFS: "; choose another folder",
    errno.EACCES: "; choose another folder, or ask for the right to use it",
    errno.ENAMETOOLONG: "; shorten it",
    errno.EMFILE: "; raise the limit ('ulimit -n')",
}


EXAMPLES = 5  # things that a sentence names of many


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


def examples(ids: Collection[str]) -> str:
    """Return up to five ids; characters that cannot be seen are written as their codes.

    Example:
        >>> examples("abcdefg")
        'a, b, c, d, e, …'
    """
    shown = [key if key.isprintable() else ascii(key) for key in sorted(ids)[:EXAMPLES]]
    return ", ".join(shown) + (", …" if len(ids) > EXAMPLES else "")


def one_sentence(error: BaseException) -> str:
    """Return what an error says: of ours its sentence, of the system the file, of others the place.

    Args:
        error: what was raised; a failed item of a batch is reported with this.

    Example:
        >>> one_sentence(DataError("data/train has no wav.scp"))
        'data/train has no wav.scp'
        >>> one_sentence(IsADirectoryError(21, "Is a directory", "data/text"))
        'data/text: Is a directory; a folder stands where a file is needed: choose another name'
    """
    text = _writable(" ".join(str(error).split()))
    if isinstance(error, SslseError):
        return text
    if isinstance(error, OSError) and error.strerror:
        paths = [_writable(os.fsdecode(name)) for name in (error.filename, error.filename2) if name]
        where = " -> ".join(paths) or "input or output"
        return f"{where}: {error.strerror}{HINTS.get(error.errno or 0, '')}"
    if isinstance(error, MemoryError):
        text = "out of memory"
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if PACKAGE in Path(frame.filename).parents and frame.filename != __file__
    ]
    where = f", in {Path(ours[-1].filename).relative_to(PACKAGE.parent)}" if ours else ""
    return f"{text[:400] or 'no reason given'} ({type(error).__name__}{where})"


def _writable(text: str) -> str:
    """Return text that every file takes; bytes of names that are no UTF-8 become codes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def exit_status(name: str, run: Callable[[], int | None]) -> int:
    """Run a command and return its exit status; what goes wrong is one sentence.

    With the environment variable ``SSLSE_DEBUG=1`` the traceback of an error follows.

    Args:
        name: what the sentence begins with.
        run: does the work; what it returns is the status (None: 0).

    Raises:
        BrokenPipeError: the reader of standard output has gone.

    Example:
        >>> exit_status("sum", lambda: print(1 + 1))
        2
        0
    """
    try:
        status = run() or 0
        sys.stdout.flush()  # a full disk must not be found out after the status
        return status
    except KeyboardInterrupt:
        print(f"{name}: interrupted; the same command continues", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        raise
    except Exception as error:
        _drop_output()
        debug = os.environ.get(DEBUG, "") not in ("", "0")
        hint = (
            "" if debug or isinstance(error, (SslseError, OSError)) else f"; {DEBUG}=1 shows more"
        )
        print(f"{name}: error: {one_sentence(error)}{hint}", file=sys.stderr)
        if debug:
            traceback.print_exception(error)
        return 1


def _drop_output() -> None:
    """Let go of output that cannot be written, of which the interpreter would complain at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
