"""Cleaning up after a write below something that is no folder hid the sentence by a traceback."""

from __future__ import annotations

import pytest

from sslse.errors import DataError
from sslse.runtime.atomic import atomic_open


def test_write_below_a_file_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        with atomic_open(tmp_path / "file" / "text") as stream:
            stream.write("never")
