"""Commands of sslse in processes that are forked off one that has the heavy imports done."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import threading
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["torch", "lightning", "transformers", "soundfile", "scipy.signal", "matplotlib", "commands"]
)


def _child(arguments: list[str], fifo: str, largest_file: int | None) -> None:
    stream = os.open(fifo, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(stream, descriptor)
    os.setsid()
    os.environ["OMP_NUM_THREADS"] = "1"
    from sslse.cli.main import main

    if largest_file is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails then
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    status = 1
    try:
        status = main(arguments)
    finally:
        # An interpreter that ends waits for its threads (of pools), a forked process does not.
        for thread in set(threading.enumerate()) - {threading.main_thread()}:
            if not thread.daemon:
                thread.join()
        # As at the end of an interpreter: what is in the buffers may not fit.
        with contextlib.suppress(OSError):
            sys.stdout.flush()
    sys.exit(status)


def run_command(
    *arguments: object, largest_file: int | None = None, seconds: float = 600
) -> tuple[int | None, str]:
    """Run ``sslse ARGUMENTS``; return its exit status (None: it hung and was ended) and its words.

    Args:
        arguments: of the command line.
        largest_file: bytes; a write beyond fails, as on a full disk.
        seconds: that it may take.
    """
    with tempfile.TemporaryDirectory() as folder:
        fifo = str(Path(folder) / "fifo")
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        process = _CONTEXT.Process(target=_child, args=([*map(str, arguments)], fifo, largest_file))
        said = bytearray()
        process.start()

        def drain() -> None:
            with contextlib.suppress(BlockingIOError):
                while piece := os.read(reader, 1 << 16):
                    said.extend(piece)

        for _ in range(int(seconds / 0.05)):
            drain()
            process.join(0.05)
            if process.exitcode is not None:
                break
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        drain()
        os.close(reader)
        process.join()
        hung = process.exitcode == -signal.SIGKILL
        return None if hung else process.exitcode, said.decode("utf-8", "replace")
