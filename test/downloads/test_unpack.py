"""Archives that are damaged, hostile or other ones than expected."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile

import pytest

from sslse.downloads import unpack as module
from sslse.downloads.unpack import unpack
from sslse.errors import DataError

FILES = {"top/README": b"read me", "top/part/a.wav": b"a" * 5000, "top/part/b.wav": b"b" * 5000}


def make(path, files=FILES):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stream:
            for name, content in files.items():
                stream.writestr(name, content)
        return path
    with tarfile.open(path, f"w:{path.suffix[1:]}") as stream:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            stream.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("kind", ["gz", "bz2", "zip"])
def test_the_first_folder_that_branches_or_the_one_that_is_meant(tmp_path, kind):
    archive = make(tmp_path / f"archive.{kind}")
    unpack(archive, tmp_path / "all")
    unpack(archive, tmp_path / "sub/one", "top/part")
    assert (tmp_path / "all/part/a.wav").read_bytes() == FILES["top/part/a.wav"]
    assert sorted(path.name for path in (tmp_path / "sub/one").iterdir()) == ["a.wav", "b.wav"]
    flat = make(tmp_path / f"flat.{kind}", {"./one": b"1", "./__MACOSX/one": b"2"})
    unpack(flat, tmp_path / "flat")
    assert (tmp_path / "flat/one").read_bytes() == b"1"
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("kind", ["gz", "bz2", "zip"])
def test_a_damaged_archive_leaves_nothing(tmp_path, kind):
    archive = make(tmp_path / f"archive.{kind}")
    whole = archive.read_bytes()
    half = whole[: len(whole) // 2]
    changed = bytearray(whole)
    for place in range(len(whole) // 3, len(whole) // 3 + 20):
        changed[place] ^= 0xFF
    for content in (half, bytes(changed), b"<html>", b""):
        archive.write_bytes(content)
        with pytest.raises(DataError, match="is damaged|has no files"):
            unpack(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


def test_another_archive(tmp_path):
    with pytest.raises(DataError, match="has no top/other; it is another archive"):
        unpack(make(tmp_path / "archive.gz"), tmp_path / "out", "top/other")
    with pytest.raises(DataError, match="has no files"):
        unpack(make(tmp_path / "empty.gz", {}), tmp_path / "out")


@pytest.mark.parametrize("kind", ["gz", "zip"])
@pytest.mark.parametrize("name", ["../escaped", "/tmp/sslse-escaped", "a/../../escaped"])
def test_nothing_is_written_outside(tmp_path, kind, name):
    (tmp_path / "in").mkdir()
    archive = make(tmp_path / "in" / f"x.{kind}", {"good": b"1", name: b"2"})
    if kind == "gz" and name.startswith("/"):
        unpack(archive, tmp_path / "in/out")  # tar takes the slash away
    else:
        with pytest.raises(DataError, match="is not unpacked"):
            unpack(archive, tmp_path / "in/out")
    assert not (tmp_path / "escaped").exists() and not (tmp_path / "in/escaped").exists()
    assert not module.Path("/tmp/sslse-escaped").exists()


def test_links_to_the_outside_are_refused(tmp_path):
    path = tmp_path / "x.gz"
    with tarfile.open(path, "w:gz") as stream:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        stream.addfile(link)
    with pytest.raises(DataError, match="is not unpacked"):
        unpack(path, tmp_path / "out")


def test_what_a_killed_process_left_is_replaced(tmp_path):
    (tmp_path / ".out.unpacking/old").mkdir(parents=True)
    unpack(make(tmp_path / "archive.gz"), tmp_path / "out")
    assert not list(tmp_path.rglob("old")) and not (tmp_path / ".out.unpacking").exists()


def test_a_zip_that_does_not_fit(tmp_path, monkeypatch):
    archive = make(tmp_path / "archive.zip")
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match="holds 1e-05 GB and .* has 1e-06 GB free"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()
