"""Corpora from their public addresses, as ``addresses.yaml`` names them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sslse.downloads.fetch import fetch, gigabytes
from sslse.downloads.unpack import unpack
from sslse.errors import ConfigError, DataError
from sslse.names import nearest
from sslse.runtime.lock import one_at_a_time
from sslse.runtime.settings import read_settings

ADDRESSES = Path(__file__).with_name("addresses.yaml")
TABLE = "SSLSE_ADDRESSES"  # environment variable: another table, such as of a mirror in the house
UNPACKED = 1.5  # times the archive, where the table does not say it
# What a table may say; explained at its beginning.
CORPUS_KEYS = {"title", "page", "licence", "folder", "parts", "ask", "expects"}
PART_KEYS = {"url", "size", "about", "unpacked", "sha256", "md5", "holds", "to"}


@dataclass(frozen=True)
class Part:
    """An archive of a corpus.

    Args:
        name: of the part.
        urls: addresses of the same archive.
        size: of the archive, bytes; 0 where it is not known.
        about: of the archive, bytes, roughly.
        unpacked: of what it holds, bytes, roughly.
        digest: ``sha256:…`` or ``md5:…``; empty where it is not known.
        holds: folder of the archive that is meant.
        to: where it goes, in the corpus' folder.
    """

    name: str
    urls: tuple[str, ...]
    size: int
    about: int
    unpacked: int
    digest: str
    holds: str
    to: str


@dataclass(frozen=True)
class Corpus:
    """A corpus: its parts, or where to ask for it.

    Args:
        name: what commands call it.
        title: what people call it.
        folder: its folder in the folder of corpora.
        page: where it is described.
        licence: under which it comes.
        parts: its archives.
        ask: what to do where it has no public address.
        expects: the folder that a recipe then needs.
    """

    name: str
    title: str
    folder: str
    page: str
    licence: str
    parts: tuple[Part, ...]
    ask: str
    expects: str


def read_addresses(path: Path | None = None) -> dict[str, Corpus]:
    """Return the corpora of a table by their names.

    Args:
        path: the table; default: that of ``SSLSE_ADDRESSES``, else the one that is shipped.

    Raises:
        ConfigError: it cannot be read, or has an unknown key.
    """
    path = path or Path(os.environ.get(TABLE) or ADDRESSES)
    tree = read_settings(path)
    hosts = tree.get("hosts") or {}
    corpora = {}
    for name, entry in (tree.get("corpora") or {}).items():
        _check_keys(path, name, entry, CORPUS_KEYS)
        parts = []
        for part, facts in (entry.get("parts") or {}).items():
            _check_keys(path, f"{name}: {part}", facts, PART_KEYS)
            parts.append(_part(part, facts, hosts))
        texts = {key: entry.get(key, "") for key in CORPUS_KEYS - {"parts"}}
        corpora[name] = Corpus(name, parts=tuple(parts), **texts)
    return corpora


def _check_keys(path: Path, place: str, entry: dict[str, Any], known: set[str]) -> None:
    for key in entry:
        if key not in known:
            raise ConfigError(f"{path}: {place} has no key '{key}'{nearest(key, sorted(known))}")


def _part(name: str, facts: dict[str, Any], hosts: dict[str, list[str]]) -> Part:
    urls: list[str] = []
    for url in [facts["url"]] if isinstance(facts["url"], str) else facts["url"]:
        host = re.match(r"\{(\w+)\}", url)
        urls += [f"{begin}{url[host.end() :]}" for begin in hosts[host[1]]] if host else [url]
    size = int(facts.get("size", 0))
    about = size or int(facts.get("about", 0))
    kind = next((kind for kind in ("sha256", "md5") if kind in facts), "")
    return Part(
        name,
        tuple(urls),
        size,
        about,
        int(facts.get("unpacked", UNPACKED * about)),
        f"{kind}:{facts[kind]}" if kind else "",
        facts.get("holds", ""),
        facts.get("to", name),
    )


def choose(word: str, corpora: dict[str, Corpus]) -> tuple[Corpus, list[Part]]:
    """Return what ``CORPUS`` or ``CORPUS:PART,PART`` names.

    Raises:
        ConfigError: naming the nearest corpus or part.
    """
    name, _, rest = word.partition(":")
    if name not in corpora:
        raise ConfigError(f"no corpus '{name}'{nearest(name, list(corpora))}")
    parts = {part.name: part for part in corpora[name].parts}
    chosen = [part for part in rest.split(",") if part] or list(parts)
    for part in chosen:
        if part not in parts:
            raise ConfigError(f"{name} has no part '{part}'{nearest(part, list(parts))}")
    return corpora[name], [parts[part] for part in chosen]


def download(words: Sequence[str], folder: Path, keep: bool = False) -> None:
    """Bring corpora, or parts of them, into a folder; what is there already is not touched.

    Args:
        words: ``CORPUS``, ``CORPUS:PART,PART`` or ``VARIABLE=CORPUS…``, where a recipe's ``db.sh``
            names the corpus.
        folder: of the corpora; each gets a folder of its own in it.
        keep: archives, when they are unpacked.

    Raises:
        ConfigError: there is no such corpus or part.
        DataError: one must be asked for, the disk is too small, or an archive cannot be had.
    """
    corpora = read_addresses()
    chosen, closed = [], []
    for word in words:
        variable, _, name = word.rpartition("=")
        corpus, parts = choose(name, corpora)
        if corpus.ask:
            variable = variable or "the variable of the corpus"
            closed.append(
                f"{corpus.title} cannot be downloaded: {corpus.ask}, then set {variable} in db.sh "
                f"to {corpus.expects}"
            )
        chosen += [(corpus, part) for part in parts]
    if closed:
        raise DataError("; ".join(closed))
    left = [(corpus, part) for corpus, part in chosen if not _place(folder, corpus, part).exists()]
    if not left:
        print(f"all of it is in {folder} already")
        return
    folder.mkdir(parents=True, exist_ok=True)
    _require_space(folder, [part for _, part in left], keep)
    for corpus in dict.fromkeys(corpus for corpus, _ in left):
        own = [part for other, part in left if other is corpus]
        print(f"{corpus.title} ({corpus.licence}; {corpus.page})", flush=True)
        with one_at_a_time(folder / f".{corpus.folder}.lock"):
            for part in own:
                _bring(folder, corpus, part, keep)
        print(f"{folder / corpus.folder}: {', '.join(part.name for part in own)}", flush=True)


def _place(folder: Path, corpus: Corpus, part: Part) -> Path:
    return folder / corpus.folder / part.to


def _archive(folder: Path, corpus: Corpus, part: Part) -> Path:
    return folder / f"{corpus.name}.{part.name}.archive"


def _require_space(folder: Path, parts: Sequence[Part], keep: bool) -> None:
    """Refuse before anything is fetched: all that is unpacked, and the largest archive beside it
    (or all, where they are kept)."""
    archives = [part.about for part in parts]
    needed = sum(part.unpacked for part in parts) + (sum(archives) if keep else max(archives))
    free = shutil.disk_usage(folder).free
    print(f"{gigabytes(sum(archives))} to fetch, about {gigabytes(needed)} of disk", flush=True)
    if needed > free:
        raise DataError(
            f"{folder} has {gigabytes(free)} free and about {gigabytes(needed)} are needed; free "
            "some space, choose another folder, or fewer parts"
        )


def _bring(folder: Path, corpus: Corpus, part: Part, keep: bool) -> None:
    place, archive = _place(folder, corpus, part), _archive(folder, corpus, part)
    if place.exists():  # another process was at work
        return
    fetch(part.urls, archive, size=part.size, digest=part.digest, about=part.about)
    print(f"unpacking {part.name}", flush=True)
    try:
        unpack(archive, place, part.holds)
    except DataError:
        # What has no checksum is found out here; the next call fetches it anew.
        if not part.digest:
            archive.unlink()
        raise
    if not keep:
        archive.unlink()


def describe() -> str:
    """Return the table for people: each corpus with its size and licence, or where to ask."""
    lines = []
    for corpus in read_addresses().values():
        if corpus.ask:
            lines.append(f"{corpus.name:24} {corpus.title}: {corpus.ask}")
            continue
        size = gigabytes(sum(part.about for part in corpus.parts))
        lines.append(f"{corpus.name:24} {corpus.title}, {size}, {corpus.licence}")
        if len(corpus.parts) > 1:
            lines.append(f"{'':24} parts: {' '.join(part.name for part in corpus.parts)}")
    return "\n".join(lines)
