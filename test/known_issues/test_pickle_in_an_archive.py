"""kaldiio unpickles archive entries that begin with PKL, which runs code; ours are audio only."""

from __future__ import annotations

import kaldiio
import pytest

from sslse.audio.files import read_audio
from sslse.errors import AudioError


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_archive_entry_runs_no_code(tmp_path):
    ark, marker = tmp_path / "a.ark", tmp_path / "marker"
    kaldiio.save_ark(str(ark), {"u": Payload(str(marker))}, write_function="pickle")
    with pytest.raises(AudioError, match="is no audio"):
        read_audio(f"{ark}:2")
    assert not marker.exists()
