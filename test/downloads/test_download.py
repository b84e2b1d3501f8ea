"""``sslse download`` against a server on the loopback, and the shipped table of addresses."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile

import pytest
import yaml

from sslse.cli.main import main
from sslse.downloads import download as module
from sslse.downloads import fetch as fetching
from sslse.downloads.download import ADDRESSES, read_addresses


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


PARTS = {
    name: archive({"Libri/README": b"read", f"Libri/{name}/1.flac": name.encode() * 5000})
    for name in ("dev", "test")
}
WHOLE = archive({"made-by-us/a/1.wav": b"one" * 1000, "made-by-us/b/2.wav": b"two"})


@pytest.fixture
def table(file_server, tmp_path, monkeypatch):
    """A table whose addresses are those of the server; the files are at /dev, /test and /whole."""
    monkeypatch.setattr(fetching.time, "sleep", lambda _: None)
    for name, content in PARTS.items():
        file_server.add(f"/{name}", content)
    file_server.add("/whole", WHOLE)
    parts = {
        name: {
            "url": f"{{here}}/{name}",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "holds": f"Libri/{name}",
        }
        for name, content in PARTS.items()
    }
    facts = {"licence": "free", "page": "https://example.org"}
    corpora = {
        "libri": {"title": "Libri", "folder": "Libri", "parts": parts, **facts},
        "whole": {
            "title": "Whole",
            "folder": "Whole",
            "parts": {"whole": {"url": "{here}/whole", "about": len(WHOLE), "to": "."}},
            **facts,
        },
        "closed": {"title": "Closed", "ask": "ask its maker", "expects": "the folder of discs"},
        "secret": {"title": "Secret", "ask": "ask nobody", "expects": "a folder"},
    }
    path = tmp_path / "addresses.yaml"
    path.write_text(yaml.safe_dump({"hosts": {"here": [file_server.url]}, "corpora": corpora}))
    monkeypatch.setenv("SSLSE_ADDRESSES", str(path))
    monkeypatch.chdir(tmp_path)
    return file_server.files


def test_parts_come_into_one_folder_and_nothing_else_stays(table, tmp_path, capsys):
    assert main(["download", "libri:dev", "whole", "--to", "corpora"]) == 0
    assert main(["download", "libri", "--to", "corpora"]) == 0
    assert main(["download", "libri", "whole", "--to", "corpora"]) == 0
    assert (tmp_path / "corpora/Libri/dev/1.flac").read_bytes() == b"dev" * 5000
    assert (tmp_path / "corpora/Libri/test/1.flac").is_file()
    assert (tmp_path / "corpora/Whole/a/1.wav").read_bytes() == b"one" * 1000
    assert [len(table[name].asked) for name in ("/dev", "/test", "/whole")] == [1, 1, 1]
    seen = {path.name for path in (tmp_path / "corpora").iterdir()}
    assert seen == {"Libri", "Whole", ".Libri.lock", ".Whole.lock"}
    assert "all of it is in corpora already" in capsys.readouterr().out


def test_breaks_and_busy_answers(table, tmp_path):
    table["/dev"].faults += [503, "cut"]
    assert main(["download", "libri"]) == 0
    assert (tmp_path / "downloads/Libri/dev/1.flac").read_bytes() == b"dev" * 5000
    assert "Range" in table["/dev"].asked[-1]


def test_what_cannot_be_had_is_one_sentence_and_the_rest_stays(table, tmp_path, capsys):
    table["/test"].faults += [404]
    assert main(["download", "libri"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "/test answered 404" in error
    assert (tmp_path / "downloads/Libri/dev").is_dir()
    assert not (tmp_path / "downloads/Libri/test").exists()
    assert main(["download", "libri"]) == 0 and len(table["/dev"].asked) == 1


def test_a_wrong_or_damaged_file(table, tmp_path, capsys):
    table["/dev"].content = table["/dev"].content[::-1]
    assert main(["download", "libri:dev"]) == 1
    assert "gave another file: sha256" in capsys.readouterr().err
    # Without a checksum the archive tells.
    table["/whole"].content, good = WHOLE[: len(WHOLE) // 2], table["/whole"].content
    assert main(["download", "whole"]) == 1
    assert "whole.whole.archive is damaged" in capsys.readouterr().err
    assert {path.suffix for path in (tmp_path / "downloads").iterdir()} == {".lock"}
    table["/whole"].content = good
    assert main(["download", "whole"]) == 0


def test_too_little_disk_is_said_before_anything_is_asked(table, tmp_path, monkeypatch, capsys):
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    assert main(["download", "libri", "whole"]) == 1
    assert "free and about" in capsys.readouterr().err
    assert not any(file.asked for file in table.values())


def test_all_that_must_be_asked_for_is_one_message(table, capsys):
    words = ["libri", "ROOT=closed", "secret"]
    assert main(["download", *words]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and not table["/dev"].asked
    assert "Closed cannot be downloaded: ask its maker, then set ROOT in db.sh to the f" in error
    assert "Secret cannot be downloaded: ask nobody, then set the variable of the corpus" in error


def test_names_that_are_unknown(table, capsys):
    for words, message in (
        (["librii"], "no corpus 'librii'; did you mean 'libri'"),
        (["libri:dew"], "libri has no part 'dew'; did you mean 'dev'"),
    ):
        assert main(["download", *words]) == 1
        assert message in capsys.readouterr().err


def test_archives_may_be_kept(table, tmp_path):
    assert main(["download", "libri:dev", "--keep-archives"]) == 0
    assert (tmp_path / "downloads/libri.dev.archive").read_bytes() == PARTS["dev"]


def test_several_processes_fetch_once(table, tmp_path):
    command = [sys.executable, "-m", "sslse", "download", "libri", "whole", "--to", "corpora"]
    processes = [subprocess.Popen(command, cwd=tmp_path) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert [len(file.asked) for file in table.values()] == [1, 1, 1]
    assert (tmp_path / "corpora/Libri/test/1.flac").is_file()


def test_the_shipped_table(monkeypatch, capsys):
    monkeypatch.delenv("SSLSE_ADDRESSES", raising=False)
    corpora = read_addresses()
    for corpus in corpora.values():
        assert corpus.title and bool(corpus.ask) == bool(corpus.expects) != bool(corpus.parts)
        if corpus.parts:
            assert corpus.licence and corpus.page.startswith("http") and corpus.folder
        for part in corpus.parts:
            assert part.about > 0 and part.unpacked > part.about / 2
            assert all(re.match(r"https?://[\w.-]+/", url) for url in part.urls) and part.urls
            digits = {"sha256": 64, "md5": 32}
            kind, _, digest = part.digest.partition(":")
            assert not kind or re.fullmatch(f"[0-9a-f]{{{digits[kind]}}}", digest)
    folders = [corpus.folder for corpus in corpora.values() if corpus.folder]
    assert len(folders) == len(set(folders))
    assert corpora["librispeech"].parts[0].urls[1].startswith("https://openslr.trmal.net/")
    assert main(["download"]) == 0
    assert "librispeech" in capsys.readouterr().out and ADDRESSES.is_file()


def test_a_table_with_an_unknown_key(table, tmp_path, capsys):
    (tmp_path / "addresses.yaml").write_text("corpora: {a: {titel: A}}\n")
    assert main(["download", "a"]) == 1
    assert "a has no key 'titel'; did you mean 'title'" in capsys.readouterr().err
