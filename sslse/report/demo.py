"""A demo page as papers have on the web: a folder of audio, pictures and one HTML page."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np

from sslse.audio.files import write_audio
from sslse.data.datadir import DataDir
from sslse.data.scp import Table
from sslse.errors import ConfigError, DataError
from sslse.listening.choice import choose_balanced, read_conditions
from sslse.listening.systems import (
    REFERENCE,
    System,
    common_utterances,
    read_systems,
    read_versions,
    refuse_reading_from,
)
from sslse.report.examples import Word, align_words, spectrograms
from sslse.report.format import minus
from sslse.report.results import LABELS
from sslse.runtime.atomic import atomic_open, new_folder

PEAK = 0.99  # louder utterances are lowered, all versions alike


@dataclass(frozen=True)
class Version:
    """What one system made of an utterance; places are relative to the page.

    Args:
        label: of the system.
        audio: place of the WAV file.
        picture: place of the spectrogram.
        hypotheses: recogniser to its words, see ``align_words``.
    """

    label: str
    audio: str
    picture: str
    hypotheses: dict[str, list[Word]] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """One utterance.

    Args:
        text: its true words, "" where unknown.
        facts: id, SNR, length.
        top_hz: highest frequency of the pictures.
        versions: in the order of the systems.
    """

    text: str
    facts: str
    top_hz: float
    versions: list[Version]


def make_demo(
    systems: Sequence[str],
    data: str | os.PathLike,
    out: str | os.PathLike,
    *,
    count: int = 6,
    ids: Sequence[str] = (),
    seed: int = 0,
    max_seconds: float = 12.0,
    labels: Mapping[str, str] | None = None,
    backends: Collection[str] | None = None,
    title: str = "Audio examples",
    authors: str = "",
    abstract: Sequence[str] = (),
    links: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write the folder ``out`` and return its ``index.html``.

    Args:
        systems: as :func:`~sslse.listening.systems.read_systems` takes them; clean speech is the
            last column, where there is some.
        data: noisy data directory of the set.
        out: folder, which must not exist.
        count: utterances, equally many of each condition.
        ids: these utterances instead of a choice.
        seed: of the choice.
        max_seconds: longest utterance that is chosen.
        labels: system to what the page calls it.
        backends: recognisers whose words are shown (default: all).
        title: of the page.
        authors: line below the title.
        abstract: paragraphs.
        links: (text, address).

    Raises:
        ConfigError: options that cannot be.
        DataError: audio that cannot be compared, or an output folder that exists.
    """
    if count < 1:
        raise ConfigError("a demo has at least one utterance")
    for text, address in links:
        if not re.match(r"(https?://|mailto:|[^:]*$)", address):
            raise ConfigError(f"the link '{text}' leads to {address}, which is no web address")
    noisy = DataDir(data)
    opened = read_systems(systems, noisy, need_clean=False)
    refuse_reading_from(out, opened, noisy)
    opened.sort(key=lambda system: system.name == REFERENCE)
    names = {**LABELS, **(labels or {})}
    conditions = read_conditions(noisy)
    chosen = common_utterances(opened, ids)
    if not ids:
        longest = max_seconds * noisy.sample_rate
        chosen = choose_balanced(
            chosen, conditions, count, seed, lambda name: noisy.num_samples(name) <= longest
        )
    heard = {system.name: _hypotheses(system, backends) for system in opened}
    groups: dict[str, list[Item]] = {}
    with new_folder(out) as folder:
        for number, utterance in enumerate(chosen, 1):
            item = _write_item(folder, number, utterance, opened, noisy, names, heard)
            groups.setdefault(conditions.get(utterance, ""), []).append(item)
        with atomic_open(folder / "index.html") as stream:
            stream.write(
                _page(
                    title=title,
                    authors=authors,
                    abstract=abstract,
                    links=links,
                    groups={name: groups[name] for name in sorted(groups, key=_natural)},
                    columns=len(opened),
                    has_words=any(
                        version.hypotheses
                        for items in groups.values()
                        for item in items
                        for version in item.versions
                    ),
                )
            )
    return Path(out) / "index.html"


def _page(**content: object) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sslse.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("demo.html").render(**content)


def _hypotheses(system: System, backends: Collection[str] | None) -> dict[str, Table[str]]:
    """Return recogniser to what it understood."""
    if system.run is None:
        return {}
    found = {path.parent.name.removeprefix("hyp_"): path for path in system.run.glob("hyp_*/text")}
    return {
        name: Table(path)
        for name, path in sorted(found.items())
        if backends is None or name in backends
    }


def _write_item(
    folder: Path,
    number: int,
    utterance: str,
    systems: Sequence[System],
    data: DataDir,
    labels: Mapping[str, str],
    heard: Mapping[str, Mapping[str, Table[str]]],
) -> Item:
    """Write audio and pictures of an utterance."""
    signals, rate = read_versions(systems, utterance)
    peak = max(float(np.abs(signal).max(initial=0)) for signal in signals.values())
    if not peak:
        raise DataError(f"{utterance} is silent in every version; choose another one")
    gain = min(1.0, PEAK / peak)
    pictures, height = spectrograms(signals)
    text = data.text.get(utterance, "") if data.has("text") else ""
    versions = []
    for place, (name, signal) in enumerate(signals.items(), 1):
        stem = f"{number:02}_{place}_" + re.sub(r"[^\w.+-]+", "_", name)
        write_audio(folder / "audio" / f"{stem}.wav", gain * signal, rate)
        with atomic_open(folder / "pictures" / f"{stem}.png", "wb") as stream:
            stream.write(pictures[name])
        words = {
            recognizer: align_words(text, table[utterance])
            for recognizer, table in heard[name].items()
            if text and utterance in table
        }
        label = labels.get(name, name.removeprefix("ft_"))
        places = quote(f"audio/{stem}.wav"), quote(f"pictures/{stem}.png")
        versions.append(Version(label, *places, words))
    seconds = len(signals[systems[0].name]) / rate
    facts = [utterance, f"{seconds:.1f} s"]
    if data.has("utt2snr") and utterance in data.utt2snr:
        facts.insert(1, f"{minus(data.utt2snr[utterance], '.1f')} dB SNR")
    return Item(text, " · ".join(facts), height * rate / 2, versions)


def _natural(text: str) -> list[tuple[str, float]]:
    """Order words by their letters and numbers by their value.

    Example:
        >>> sorted(["SNR 10 dB", "babble", "SNR 0 dB", "SNR −5 dB"], key=_natural)
        ['SNR −5 dB', 'SNR 0 dB', 'SNR 10 dB', 'babble']
    """
    words = re.split(r"((?:(?<!\w)[−-])?\d+(?:\.\d+)?)", text) + ["0"]
    numbers = (float(word.replace("−", "-")) for word in words[1::2])
    return list(zip(words[::2], numbers, strict=True))
