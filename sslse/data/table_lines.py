"""What a line of a Kaldi table is; readers, ``validate`` and ``fix-data`` all ask here.

A table is UTF-8 text (a byte-order mark at its beginning is skipped), its lines end with a line
break, and fields are separated by the blanks of C. Readers refuse what Kaldi, ESPnet and Python
would take for different things: NUL bytes, a carriage return within a line, and ids with other
spaces or marks of Unicode. Such characters in words are refused by ``validate`` alone.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from sslse.errors import DataError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# What ``str.split`` takes for white space and C does not, and the byte-order mark.
_SPACES = "\x1c-\x1f\x85\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_ODD = re.compile(f"[{_SPACES}\ufeff]")
_INNER_RETURN = re.compile(rb"[^ \t\v\f\r\n][ \t\v\f]*\r[ \t\v\f\r]*[^ \t\v\f\r\n]")
ODD_FIRST_BYTES = b"\x1c\x1d\x1e\x1f\xc2\xe1\xe2\xe3\xef"  # that they begin with in UTF-8


class Fault(NamedTuple):
    """Why a line cannot be used."""

    one: str
    """Continues 'line 3 …'."""
    many: str
    """Continues '5 lines that …'."""
    remedy: str


NOT_UTF_8 = Fault(
    "is not UTF-8", "are not UTF-8", "convert the file with 'iconv -f latin1 -t utf-8'"
)
NUL_BYTE = Fault(
    "has a NUL byte",
    "have a NUL byte",
    "the file is damaged or UTF-16; copy it again, or convert it with 'iconv -f utf-16le -t utf-8'",
)
INNER_RETURN = Fault(
    "has a carriage return within",
    "have a carriage return within",
    r"end lines with a line break ('tr \"\r\" \"\n\"')",
)
ODD_ID = Fault(
    "has an id with a no-break or other space of Unicode, or a byte-order mark, in it",
    "have an id with a no-break or other space of Unicode, or a byte-order mark, in it",
    "'sslse fix-data' writes _ for the space and removes the mark",
)


def read_table_bytes(path: str | os.PathLike) -> bytes:
    """Return the bytes of a table.

    Raises:
        DataError: it is a folder, cannot be read, or is UTF-16.
    """
    try:
        data = Path(path).read_bytes()
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder where a file of lines is expected") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if data.startswith(UTF_16_MARKS):
        raise DataError(f"{path} is UTF-16; convert it with 'iconv -f utf-16 -t utf-8'")
    return data


def no_file(path: str | os.PathLike) -> str:
    """Say what is there in place of a file."""
    return "a folder" if os.path.isdir(path) else "a link to nothing, or no file"


def refuse_faults(path: str | os.PathLike, data: bytes) -> None:
    """Refuse a table that has NUL bytes, or a carriage return within a line.

    Raises:
        DataError: with the number of the first such line.
    """
    place = data.find(b"\0")
    if place >= 0:
        refuse_line(path, 1 + data.count(b"\n", 0, place), NUL_BYTE)
    if b"\r" in data and (match := _INNER_RETURN.search(data)) is not None:
        refuse_line(path, 1 + data.count(b"\n", 0, match.start()), INNER_RETURN)


def refuse_line(path: str | os.PathLike, number: int, fault: Fault) -> NoReturn:
    """Raise the DataError that names a line and what is wrong with it."""
    raise DataError(f"{path} line {number} {fault.one}; {fault.remedy}")


def split_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of each line that is not blank, without its line break."""
    for number, line in enumerate(data.removeprefix(BYTE_ORDER_MARK).split(b"\n"), 1):
        if line := line.strip():
            yield number, line


def line_fault(line: bytes) -> Fault | None:
    """Return why no reader takes a line, or None; ids are looked at by :func:`is_odd`.

    Example:
        >>> line_fault(b"u1 caf\\xe9").one, line_fault(b"u1 word")
        ('is not UTF-8', None)
    """
    if b"\0" in line:
        return NUL_BYTE
    if b"\r" in line:
        return INNER_RETURN
    try:
        line.decode()
    except UnicodeDecodeError:
        return NOT_UTF_8
    return None


def read_lines(path: str | os.PathLike) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line of a list (``rttm``, ``trials``, scores).

    Raises:
        DataError: the file cannot be read, or a line is faulty.
    """
    for number, line in split_lines(read_table_bytes(path)):
        fault = line_fault(line)
        if fault is not None:
            refuse_line(path, number, fault)
        text = line.decode()
        if is_odd(text):
            raise DataError(
                f"{path} line {number} has a no-break or other space of Unicode, or a byte-order "
                "mark, in it; write plain spaces"
            )
        yield number, text


def is_odd(text: str) -> bool:
    """Whether a text has spaces that only some programs take for spaces, or a byte-order mark.

    Example:
        >>> is_odd("two words"), is_odd("two\\u00a0words")
        (False, True)
    """
    return _ODD.search(text) is not None


def tidy_id(key: str) -> str:
    """Return an id without marks, and with ``_`` for each space.

    Example:
        >>> tidy_id("\\ufeffu\\u00a01")
        'u_1'
    """
    return _ODD.sub("_", key.replace("\ufeff", "")) or "_"


def tidy_value(value: str) -> str:
    """Return words without marks, and with plain spaces.

    Example:
        >>> tidy_value("two\\u00a0words")
        'two words'
    """
    return _ODD.sub(" ", value.replace("\ufeff", "")).strip()


def one_form(key: str) -> str:
    """Return an id in Unicode's composed form: é is one character, not e and an accent."""
    return key if key.isascii() else unicodedata.normalize("NFC", key)


def as_written(names: Iterable[str], ids: Iterable[str]) -> dict[str, str]:
    """Return name to the id that it is in another Unicode form, for the names that are.

    Example:
        >>> as_written(["e\\u0301", "a", "b"], ["\\u00e9", "a"])
        {'e\u0301': 'é'}
    """
    odd = [name for name in names if not name.isascii()]
    if not odd:
        return {}
    forms = {one_form(key): key for key in ids if not key.isascii()}
    found = {name: forms.get(one_form(name), name) for name in odd}
    return {name: key for name, key in found.items() if name != key}
