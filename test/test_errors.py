"""The last net of every command: no error is a traceback, and none is lost."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from sslse.errors import DEBUG, DataError, exit_status, one_sentence


def fail(error: BaseException):
    raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DataError("data has no wav.scp"), "data has no wav.scp\n"),
        (OSError(errno.ENOSPC, "No space left on device", "out/a"), "out/a: No space left"),
        (OSError(errno.EROFS, "Read-only file system"), "input or output: Read-only file system"),
        (MemoryError(), "out of memory (MemoryError)"),
        (ValueError("a\n  b"), "a b (ValueError)"),
        (ZeroDivisionError(), "no reason given (ZeroDivisionError)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_error_is_one_line_and_status_1(capsys, monkeypatch, error, said):
    monkeypatch.delenv(DEBUG, raising=False)
    assert exit_status("sslse x", lambda: fail(error)) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"sslse x: error: {said}".rstrip()) and printed.count("\n") == 1


def test_the_traceback_is_shown_on_request(capsys, monkeypatch):
    monkeypatch.setenv(DEBUG, "1")
    assert exit_status("sslse x", lambda: fail(ValueError("no"))) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_error_of_a_package_is_placed_in_our_code():
    from sslse.names import nearest

    with pytest.raises(TypeError) as caught:
        nearest("a", 3)
    assert one_sentence(caught.value).endswith("(TypeError, in sslse/names.py)")


def test_output_on_a_full_disk_is_an_error():
    """The status must not say that all was written."""
    program = (
        "import sys; from sslse.errors import exit_status; "
        "sys.exit(exit_status('x', lambda: print('y')))"
    )
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == (
        "x: error: input or output: No space left on device; free some space, then run the same "
        "command again\n"
    )
