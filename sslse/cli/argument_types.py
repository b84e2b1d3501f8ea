"""Types of options that several commands have: pairs, and lists with commas."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

Number = TypeVar("Number", int, float)


def pair(text: str) -> tuple[str, str]:
    """Return name and value of ``NAME=VALUE``.

    Raises:
        argparse.ArgumentTypeError: one of them is missing.

    Example:
        >>> pair("asr=exp/asr")
        ('asr', 'exp/asr')
    """
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=VALUE")
    return name, value


def names(text: str) -> list[str]:
    """Return the names of a list; an empty text has none.

    Example:
        >>> names("sdr, pesq"), names("")
        (['sdr', 'pesq'], [])
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def numbers(text: str) -> list[float]:
    """Return the numbers of a list.

    Raises:
        argparse.ArgumentTypeError: it is empty, or something else is among them.

    Example:
        >>> numbers("0,0.5,1")
        [0.0, 0.5, 1.0]
    """
    return _parsed(text, float, "numbers such as 0,0.5,1")


def whole_numbers(text: str) -> list[int]:
    """Return the whole numbers of a list.

    Raises:
        argparse.ArgumentTypeError: it is empty, or something else is among them.

    Example:
        >>> whole_numbers("0,2")
        [0, 2]
    """
    return _parsed(text, int, "whole numbers such as 0,1,2")


def _parsed(text: str, kind: Callable[[str], Number], what: str) -> list[Number]:
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no list of {what}") from None
