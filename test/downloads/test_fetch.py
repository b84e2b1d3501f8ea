"""Files from a server that breaks off, is busy, serves other files or knows no ranges."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket

import numpy as np
import pytest

from sslse.downloads import fetch as module
from sslse.downloads.fetch import fetch
from sslse.errors import DataError

CONTENT = np.random.default_rng(0).bytes(3_000_000)
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Waits are noted, not waited for."""
    noted = []
    monkeypatch.setattr(module.time, "sleep", noted.append)
    return noted


@pytest.mark.parametrize("facts", [{"size": len(CONTENT)}, {"digest": SHA256}, {}])
def test_a_whole_file_comes_and_is_not_fetched_again(file_server, tmp_path, facts):
    file = file_server.add("/a", CONTENT)
    for _ in range(2):
        fetch([f"{file_server.url}/a"], tmp_path / "new/a", **facts)
    assert (tmp_path / "new/a").read_bytes() == CONTENT and len(file.asked) == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a"]


def test_a_break_is_continued_where_it_was(file_server, tmp_path):
    file = file_server.add("/a", CONTENT, faults=["cut", "cut"])
    fetch([f"{file_server.url}/a"], tmp_path / "a", size=len(CONTENT))
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert [asked.get("Range") for asked in file.asked] == [
        None,
        "bytes=1500000-",
        "bytes=2250000-",
    ]
    assert file.asked[1]["If-Range"] == '"one"'


def test_another_process_continues(file_server, tmp_path, monkeypatch):
    file = file_server.add("/a", CONTENT, faults=["cut", 404])
    with pytest.raises(DataError, match="/a answered 404"):
        fetch([f"{file_server.url}/a"], tmp_path / "a")
    assert (tmp_path / "a.part").stat().st_size == 1_500_000
    fetch([f"{file_server.url}/a"], tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT and "Range" in file.asked[-1]


@pytest.mark.parametrize("change", [{"ranges": False}, {"etag": ""}, {"etag": 'W/"weak"'}])
def test_without_ranges_or_validator_it_begins_anew(file_server, tmp_path, change):
    file = file_server.add("/a", CONTENT, faults=["cut"], **change)
    fetch([f"{file_server.url}/a"], tmp_path / "a", size=len(CONTENT))
    assert (tmp_path / "a").read_bytes() == CONTENT and len(file.asked) == 2


def test_a_file_that_changed_meanwhile_is_not_mixed(file_server, tmp_path):
    file_server.add("/a", b"x" * len(CONTENT), faults=["cut", 404], etag='"old"')
    with pytest.raises(DataError):
        fetch([f"{file_server.url}/a"], tmp_path / "a")
    file_server.add("/a", CONTENT)
    fetch([f"{file_server.url}/a"], tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_wrong_range_is_not_taken(file_server, tmp_path):
    file_server.add("/a", CONTENT, faults=["cut", "slip"])
    fetch([f"{file_server.url}/a"], tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_part_that_is_the_whole_file(file_server, tmp_path):
    file_server.add("/a", CONTENT)
    (tmp_path / "a.part").write_bytes(CONTENT)
    note = {"url": f"{file_server.url}/a", "validator": '"one"'}
    (tmp_path / "a.part.json").write_text(json.dumps(note))
    fetch([f"{file_server.url}/a"], tmp_path / "a", digest=SHA256)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(file_server, tmp_path, waits):
    file_server.add("/a", CONTENT, faults=[503, 429, 500])
    fetch([f"{file_server.url}/a"], tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT and waits == [2, 4, 8]


def test_it_does_not_try_for_ever(file_server, tmp_path):
    file = file_server.add("/a", CONTENT, faults=[503] * 99)
    with pytest.raises(DataError, match="answered 503 .*5 times in a row; .* again later"):
        fetch([f"{file_server.url}/a"], tmp_path / "a")
    assert len(file.asked) == 5
    # The same break again and again brings nothing new.
    file = file_server.add("/b", CONTENT, faults=["cut"] * 99, ranges=False)
    with pytest.raises(DataError, match="ended after 1500000 of 3000000|broke off"):
        fetch([f"{file_server.url}/b"], tmp_path / "b")
    assert len(file.asked) == 6


def test_a_server_that_is_not_there(file_server, tmp_path, waits):
    file_server.add("/a", CONTENT)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}/a"
        with pytest.raises(DataError, match="/a cannot be reached, 5 times in a row; run the same"):
            fetch([closed], tmp_path / "a")
        assert waits == [2, 4, 8, 16]
        fetch([closed, f"{file_server.url}/a"], tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_the_next_address_is_taken(file_server, tmp_path):
    file_server.add("/page", CONTENT, faults=["page"])
    file_server.add("/other", CONTENT[:-1])
    file_server.add("/same length", CONTENT[::-1])
    file_server.add("/good", CONTENT)
    urls = [f"{file_server.url}/{name}" for name in ("gone", "page", "other")]
    with pytest.raises(DataError) as caught:
        fetch(urls, tmp_path / "a", size=len(CONTENT), digest=SHA256)
    for words in (
        "/gone answered 404",
        "/page gives a web page",
        "2999999 bytes, expected 3000000",
    ):
        assert words in str(caught.value)
    assert f"put the file at {tmp_path / 'a'} yourself" in str(caught.value)
    fetch([*urls, f"{file_server.url}/good"], tmp_path / "a", size=len(CONTENT), digest=SHA256)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_wrong_file_is_thrown_away(file_server, tmp_path):
    file_server.add("/a", CONTENT[::-1])
    with pytest.raises(DataError, match="gave another file: sha256 .*, expected"):
        fetch([f"{file_server.url}/a"], tmp_path / "a", digest=SHA256)
    file_server.add("/b", CONTENT[:-1], length=False)
    with pytest.raises(DataError, match="gave another file: 2999999 bytes, expected 3000000"):
        fetch([f"{file_server.url}/b"], tmp_path / "b", size=len(CONTENT))
    assert not list(tmp_path.iterdir())


def test_a_file_that_was_put_there_is_compared(file_server, tmp_path):
    file = file_server.add("/a", CONTENT)
    (tmp_path / "a").write_bytes(CONTENT)
    fetch([f"{file_server.url}/a"], tmp_path / "a", size=len(CONTENT), digest=SHA256)
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(DataError, match="is another file .4 bytes, expected 3000000.; delete it"):
        fetch([f"{file_server.url}/a"], tmp_path / "a", size=len(CONTENT))
    assert (tmp_path / "a").read_bytes() == b"mine" and not file.asked


def test_too_little_disk_is_said_before_the_first_byte(file_server, tmp_path, monkeypatch):
    file_server.add("/a", CONTENT)
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match="has 0.001 GB free and 0.003 GB are to come"):
        fetch([f"{file_server.url}/a"], tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_meanwhile_keeps_what_came(file_server, tmp_path, monkeypatch):
    file_server.add("/a", CONTENT)

    def full(blocks, *_):
        yield next(iter(blocks))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "follow", full)
        with pytest.raises(DataError, match="No space left on device; free some space"):
            fetch([f"{file_server.url}/a"], tmp_path / "a")
    assert (tmp_path / "a.part").stat().st_size == 1 << 20
    fetch([f"{file_server.url}/a"], tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
