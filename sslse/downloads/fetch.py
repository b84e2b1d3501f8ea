"""Large files from the network: in pieces, continued after a break, whole or absent."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sslse.errors import DataError
from sslse.runtime.atomic import atomic_open, unwritable
from sslse.runtime.progress import follow

BLOCK = 1 << 20  # bytes
TRIES = 5  # in a row that bring nothing
LONGEST_WAIT = 60.0  # seconds between two tries
TIMEOUT = (30.0, 60.0)  # seconds: to connect, and without a byte
AGAIN = (408, 429, 500, 502, 503, 504)  # what a server answers that may serve later


class _Unavailable(Exception):
    """An address will not give the file."""


class _Interrupted(Exception):
    """It may give it, or the rest of it, later."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait  # seconds, as the server asked


def fetch(
    urls: Sequence[str], path: Path, *, size: int = 0, digest: str = "", about: int = 0
) -> None:
    """Bring a file from the first of its addresses that gives it.

    What came before a break lies in ``NAME.part`` and is continued, also by a later process, where
    the server still has the same file. Proxies are those of the environment.

    Args:
        urls: addresses of the same file.
        path: where it goes; a file that is there is compared and taken.
        size: bytes, where they are known.
        digest: ``sha256:…`` or ``md5:…``, where it is known.
        about: bytes, roughly, for the time that is left.

    Raises:
        DataError: no address gives the file, it is another one, or the disk is full.
    """
    if path.is_file():  # put there by hand, or by a process that was killed afterwards
        problem = _difference(path, size, digest)
        if problem:
            raise DataError(f"{path} is another file ({problem}); delete it to have it fetched")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part, problems = path.with_name(f"{path.name}.part"), []
    for url in urls:
        try:
            _bring(url, part, size, digest, about)
            _check(part, size, digest)
        except _Unavailable as problem:
            problems.append(f"{url} {problem}")
            continue
        except OSError as error:
            raise unwritable(part, error.strerror or str(error)) from error
        os.replace(part, path)
        _note(part).unlink(missing_ok=True)
        return
    raise DataError(
        f"cannot get {path.name}: {'; '.join(problems)}; run the same command again later, or put "
        f"the file at {path} yourself"
    )


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _bring(url: str, part: Path, size: int, digest: str, about: int) -> None:
    """Fill ``part`` from one address, with breaks and waits between."""
    tries, most = 0, 0  # bytes
    while True:
        try:
            return _receive(url, part, size, digest, about)
        except _Interrupted as problem:
            have = part.stat().st_size if part.is_file() else 0
            tries = 0 if have > most else tries + 1
            most = max(most, have)
            if tries == TRIES:
                raise _Unavailable(f"{problem}, {TRIES} times in a row") from problem
            time.sleep(min(LONGEST_WAIT, problem.wait or 2.0**tries))


def _receive(url: str, part: Path, size: int, digest: str, about: int) -> None:
    import requests
    import urllib3

    from sslse import __version__

    start, validator = _what_is_there(url, part, digest)
    # As the file is: of an archive, servers call the compression an encoding.
    headers = {"Accept-Encoding": "identity", "User-Agent": f"sslse/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            start, total = _read_answer(answer, part, start, size)
            if total is not None and start == total:
                return
            _require_space(part.parent, max(total or about, start) - start)
            if not start:
                _write_note(url, answer, part)
            blocks = answer.raw.stream(BLOCK, decode_content=False)
            left = math.ceil((max(total or about, start) - start) / BLOCK)
            with open(part, "ab" if start else "wb") as stream:
                for block in follow(blocks, left, part.name.removesuffix(".part"), "MiB"):
                    stream.write(block)
                stream.flush()
                os.fsync(stream.fileno())
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        permanent = (requests.exceptions.InvalidURL, requests.exceptions.SSLError)
        if isinstance(error, (*permanent, requests.exceptions.TooManyRedirects)):
            raise _Unavailable(f"fails: {error}") from error
        unreached = isinstance(error, requests.ConnectionError)
        how = "cannot be reached" if unreached else f"broke off ({type(error).__name__})"
        raise _Interrupted(how) from error
    if total is not None and part.stat().st_size != total:
        raise _Interrupted(f"ended after {part.stat().st_size} of {total} bytes")


def _what_is_there(url: str, part: Path, digest: str) -> tuple[int, str]:
    """Return how much of the file is there, and what says that the server's is the same."""
    if not part.is_file():
        return 0, ""
    try:
        note = json.loads(_note(part).read_text(encoding="utf-8"))
        known, validator = note["url"] == url, str(note["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        known, validator = False, ""
    # Of several addresses, or without a validator, only a checksum tells whether the halves fit.
    if (known and validator) or digest:
        return part.stat().st_size, validator if known else ""
    return 0, ""


def _write_note(url: str, answer: Any, part: Path) -> None:
    tag = answer.headers.get("ETag", "")
    # A weak tag may stand for other bytes.
    weak = not tag or tag.startswith("W/")
    validator = answer.headers.get("Last-Modified", "") if weak else tag
    with atomic_open(_note(part)) as stream:
        json.dump({"url": url, "validator": validator}, stream)


def _read_answer(answer: Any, part: Path, start: int, size: int) -> tuple[int, int | None]:
    """Return where the body begins in the file, and the file's length if the server says it."""
    status = answer.status_code
    if status in AGAIN:
        wait = answer.headers.get("Retry-After", "")
        raise _Interrupted(
            f"answered {status} {answer.reason}", float(wait) if wait.isdigit() else 0.0
        )
    if status == 416:
        if answer.headers.get("Content-Range", "") == f"bytes */{start}":
            return start, start
        part.unlink(missing_ok=True)
        raise _Interrupted("has another file than before")
    if status not in (200, 206):
        raise _Unavailable(f"answered {status} {answer.reason}")
    if status == 206:
        span, _, whole = answer.headers.get("Content-Range", "").partition("/")
        if not span.startswith(f"bytes {start}-"):
            part.unlink(missing_ok=True)
            raise _Interrupted("sent another part of the file than it was asked for")
        total = int(whole) if whole.isdigit() else None
    else:
        start = 0
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise _Unavailable("gives a web page in place of the file")
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
    if size and total is not None and total != size:
        raise _Unavailable(f"gives another file: {total} bytes, expected {size}")
    return start, total


def _check(part: Path, size: int, digest: str) -> None:
    """Compare size and checksum; what differs is thrown away."""
    problem = _difference(part, size, digest)
    if problem:
        part.unlink()
        _note(part).unlink(missing_ok=True)
        raise _Unavailable(f"gave another file: {problem}")


def _difference(path: Path, size: int, digest: str) -> str:
    """Return what is wrong with a file; empty where it is as expected."""
    have = path.stat().st_size
    if size and have != size:
        return f"{have} bytes, expected {size}"
    if not digest:
        return ""
    kind, _, expected = digest.partition(":")
    state = hashlib.new(kind, usedforsecurity=False)
    with open(path, "rb") as stream:
        while block := stream.read(BLOCK):
            state.update(block)
    found = state.hexdigest()
    return "" if found == expected else f"{kind} {found}, expected {expected}"


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"{folder} has {gigabytes(free)} free and {gigabytes(needed)} are to come; free some "
            "space or choose another folder, then run the same command again"
        )


def gigabytes(size: float) -> str:
    """Format a number of bytes.

    Example:
        >>> gigabytes(337926286), gigabytes(23049477885)
        ('0.34 GB', '23 GB')
    """
    return f"{size / 1e9:.2g} GB" if size < 1e10 else f"{size / 1e9:.0f} GB"
