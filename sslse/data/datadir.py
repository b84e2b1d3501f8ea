"""Kaldi-style data directories: reading, without any demand on the sort order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from sslse.audio.files import AudioInfo, audio_info, read_audio
from sslse.data.scp import Ids, Table
from sslse.data.segments import Segment, segment_samples
from sslse.data.table_lines import no_file
from sslse.data.table_values import decibels, one_word, sample_count
from sslse.data.utterance import Utterance
from sslse.data.write import invert, write_datadir, write_table
from sslse.errors import DataError
from sslse.names import nearest

__all__ = ["KINDS", "DataDir", "Segment", "write_datadir", "write_table"]

KINDS = {"wav": "wav.scp", "spk1": "spk1.scp", "noise1": "noise1.scp"}
# Files that an item of a training set may read; opened together, see ``DataDir.utterances``.
_SHARED = ("wav.scp", "segments", "spk1.scp", "noise1.scp", "text", "utt2num_samples")


class DataDir:
    """A data directory: ``wav.scp`` and what is known about its utterances.

    Every file is opened on first use and held compactly (see ``Table``). Relative paths inside are
    relative to the current folder, as in Kaldi.

    Args:
        path: the folder.
        allow_pipes: False refuses commands in ``wav.scp``.

    Raises:
        DataError: the folder or its ``wav.scp`` is missing.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp()
        >>> write_datadir(path, wav_scp={"b": "b.wav", "a": "a.wav"}, text={"a": "yes", "b": "no"})
        >>> data = DataDir(path)
        >>> list(data.utterances), data.text["b"], data.has("segments")
        (['a', 'b'], 'no', False)
        >>> [(utterance.id, utterance.text) for utterance in data]
        [('a', 'yes'), ('b', 'no')]
    """

    def __init__(self, path: str | os.PathLike, *, allow_pipes: bool = True) -> None:
        self.path = Path(path)
        self.allow_pipes = allow_pipes
        if not self.path.is_dir():
            raise DataError(f"there is no data directory {self.path}")
        if not self.has("wav.scp"):
            raise DataError(f"{self.path} has no wav.scp, so it is no data directory")

    def __repr__(self) -> str:
        return f"DataDir({str(self.path)!r})"

    def __len__(self) -> int:
        return len(self.utterances)

    def __iter__(self) -> Iterator[Utterance]:
        """Yield the utterances, whose audio is read when it is asked for."""
        return (Utterance(self, name) for name in self.utterances)

    def __getitem__(self, utterance: str) -> Utterance:
        """Return an utterance by its id; DataError where there is none of it."""
        self.source(utterance)
        return Utterance(self, utterance)

    def has(self, name: str) -> bool:
        """Whether a file (``text``, ``spk1.scp`` …) is there.

        Raises:
            DataError: something else is there: a folder, or a link to nothing.
        """
        path = self.path / name
        if path.is_file():
            return True
        if os.path.lexists(path):
            raise DataError(f"{path} is {no_file(path)} where a table is expected; move it away")
        return False

    def table(self, name: str) -> Path:
        """Return the path of a file, or say that it is missing."""
        if not self.has(name):
            raise DataError(f"{self.path} has no {name}")
        return self.path / name

    @cached_property
    def wav_scp(self) -> Table[str]:
        """Recording (or utterance, without ``segments``) to path, archive entry or pipe."""
        return Table(self.table("wav.scp"))

    @cached_property
    def text(self) -> Table[str]:
        """Utterance to transcript."""
        return Table(self.table("text"))

    @cached_property
    def utt2spk(self) -> Table[str]:
        """Utterance to speaker."""
        return Table(self.table("utt2spk"), one_word)

    @cached_property
    def spk2utt(self) -> Mapping[str, list[str]]:
        """Speaker to utterances; made from ``utt2spk`` where the file is missing."""
        if self.has("spk2utt"):
            return Table(self.path / "spk2utt", str.split)
        return invert(self.utt2spk)

    @cached_property
    def segments(self) -> Table[Segment]:
        """Utterance to its place in a recording."""
        return Table(self.table("segments"), Segment.parse)

    @cached_property
    def spk1_scp(self) -> Table[str]:
        """Utterance to its clean reference."""
        return Table(self.table("spk1.scp"))

    @cached_property
    def noise1_scp(self) -> Table[str]:
        """Utterance to the noise that was added."""
        return Table(self.table("noise1.scp"))

    @cached_property
    def utt2snr(self) -> Table[float]:
        """Utterance to signal-to-noise ratio, dB."""
        return Table(self.table("utt2snr"), decibels)

    @cached_property
    def utt2noise(self) -> Table[str]:
        """Utterance to the id of its noise."""
        return Table(self.table("utt2noise"))

    @cached_property
    def utt2condition(self) -> Table[str]:
        """Utterance to the test condition that it stands for."""
        return Table(self.table("utt2condition"))

    @cached_property
    def utt2source(self) -> Table[str]:
        """Utterance to the clean one that it is one of several mixtures of."""
        return Table(self.table("utt2source"), one_word)

    @cached_property
    def utt2label(self) -> Table[str]:
        """Utterance to its class."""
        return Table(self.table("utt2label"))

    @cached_property
    def utt2num_samples(self) -> Table[int]:
        """Utterance to its exact length in samples."""
        return Table(self.table("utt2num_samples"), sample_count)

    @cached_property
    def utterances(self) -> Ids:
        """Ids in the order of ``segments`` or ``wav.scp``.

        Asking for them opens all files that ``load``, ``num_samples`` and ``text`` read, so that
        worker processes forked later share them instead of opening their own.
        """
        for name in _SHARED:
            if self.has(name):
                getattr(self, name.replace(".", "_"))
        return Ids(self.segments if self._segmented else self.wav_scp)

    # A look at the folder for each utterance would cost more than the look-up.
    @cached_property
    def _segmented(self) -> bool:
        return self.has("segments")

    @cached_property
    def _lengths(self) -> Mapping[str, int]:
        return self.utt2num_samples if self.has("utt2num_samples") else {}

    @cached_property
    def sample_rate(self) -> int:
        """Rate of the first utterance, Hz ('sslse validate' checks that all agree)."""
        if not len(self):
            raise DataError(f"{self.path} has no utterances")
        return self.info(self.utterances[0]).sample_rate

    def source(self, utterance: str, kind: str = "wav") -> tuple[str, Segment | None]:
        """Return where the audio of an utterance is, and which part of it.

        Args:
            utterance: id.
            kind: ``wav``, ``spk1`` or ``noise1``.
        """
        if kind not in KINDS:
            raise DataError(f"no audio kind '{kind}'{nearest(kind, KINDS)}")
        name = KINDS[kind]
        scp: Table[str] = getattr(self, name.replace(".", "_"))
        segment = None
        key = utterance
        if self._segmented:
            segment = self.segments.get(utterance)
            # References of segmented data may be cut already: then they carry the utterance id.
            if segment is not None and segment.recording in scp:
                key = segment.recording
            else:
                segment = None
        try:
            source = scp[key]
        except KeyError:
            raise DataError(f"utterance {utterance} is not in {self.path / name}") from None
        if not source:
            line = scp.line_number(scp.find(key))
            raise DataError(f"{self.path / name} line {line}: id {key} has no audio path")
        return source, segment

    def info(self, utterance: str, kind: str = "wav") -> AudioInfo:
        """Return rate, exact length and channels of an utterance, from the audio itself."""
        source, segment = self.source(utterance, kind)
        info = audio_info(source, allow_pipes=self.allow_pipes)
        if segment is None:
            return info
        start, end = segment_samples(segment, info, utterance)
        channels = info.num_channels if segment.channel is None else 1
        return AudioInfo(info.sample_rate, end - start, channels)

    def num_samples(self, utterance: str) -> int:
        """Return the exact length in samples, from ``utt2num_samples`` where that knows it."""
        known = self._lengths.get(utterance)
        return self.info(utterance).num_samples if known is None else known

    def load(
        self,
        utterance: str,
        kind: str = "wav",
        sample_rate: int | None = None,
        start: int = 0,
        num_samples: int | None = None,
    ) -> tuple[np.ndarray, int]:
        """Read an utterance or a part of it.

        Args:
            utterance: id.
            kind: ``wav``, ``spk1`` (clean reference) or ``noise1``.
            sample_rate: expected rate, Hz; another one is an error.
            start: first sample of the utterance.
            num_samples: None reads to the end.

        Returns:
            Waveform, float32, shape (samples,), and its rate in Hz.
        """
        source, segment = self.source(utterance, kind)
        channel = None
        if segment is not None:
            info = audio_info(source, allow_pipes=self.allow_pipes)
            first, end = segment_samples(segment, info, utterance)
            count = end - first - start if num_samples is None else num_samples
            if start < 0 or count < 0 or first + start + count > end:
                raise DataError(
                    f"utterance {utterance} has {end - first} samples, so samples {start} to "
                    f"{start + count} cannot be read"
                )
            start, num_samples, channel = first + start, count, segment.channel
        return read_audio(
            source,
            start=start,
            num_samples=num_samples,
            sample_rate=sample_rate,
            channel=channel,
            allow_pipes=self.allow_pipes,
        )
