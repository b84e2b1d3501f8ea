"""Lists of utterances that a user chose."""

from __future__ import annotations

import os

from sslse.data.scp import Table
from sslse.errors import DataError


def read_ids(path: str | os.PathLike) -> list[str]:
    """Return the first word of each line of a file.

    Raises:
        DataError: there is no such file, or it names nothing.
    """
    ids = list(Table(path))
    if not ids:
        raise DataError(f"{path} names no utterance")
    return ids
