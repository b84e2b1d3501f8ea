"""Any source of sound (file, archive entry, pipe) as a ``SoundFile`` whose length is the truth."""

from __future__ import annotations

import functools
import os
import shlex
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import soundfile

from sslse.audio.ark import split_entry, view_entry
from sslse.audio.container import Examined, examine
from sslse.audio.pipes import is_pipe, run_pipe
from sslse.audio.view import View
from sslse.errors import AudioError, DataError

HIGHEST_RATE = 10_000_000  # Hz; more is a damaged header
# libsndfile does not find a sample of these again, or does not know how many there are.
_IN_ONE_GO = ("MPEG", "VORBIS", "OPUS", "DWVW")
_BLOCK = 1 << 16  # samples


class _Forward(soundfile.SoundFile):
    """A file that is read from its beginning to its end, without a look at its length."""

    def seekable(self) -> bool:
        return False


@contextmanager
def open_sound(
    source: str | os.PathLike, allow_pipes: bool = True
) -> Iterator[soundfile.SoundFile]:
    """Open a file, ``file.ark:123`` or a command that ends in ``|``.

    Good files of plain samples and flac are opened as they are; what cannot be sought is decoded
    once and kept in a temporary file.

    Raises:
        AudioError: the source is missing, empty, truncated or no audio, or its rate is impossible.
    """
    name = os.fspath(source)
    if is_pipe(name) and not allow_pipes:
        raise AudioError(
            f"the pipe '{name}' is refused because pipes are switched off; convert the audio once "
            "and write its path, or allow pipes"
        )
    with _view(name) as (view, stamp):
        stream = _open(name, view, examine(view))
        if _must_be_decoded(stream):
            stream.close()
            stream = soundfile.SoundFile(View(_decoded(name, stamp)))
        with stream:
            if stream.frames == 0:
                raise AudioError(f"{name} is empty: it has a header but no samples")
            yield stream


def is_plain(path: str | os.PathLike) -> bool:
    """Whether libsndfile alone reads a file to its end, and every part of it.

    Raises:
        AudioError: as ``open_sound``.
    """
    name = os.fspath(path)
    with _view(name) as (view, _):
        sound = examine(view)
        with _open(name, view, sound) as stream:
            return not (sound.mended or _must_be_decoded(stream))


@contextmanager
def _view(name: str) -> Iterator[tuple[View, object]]:
    """Give the bytes of a source, and what changes when they change."""
    if is_pipe(name):
        output = _pipe_output(name)
        yield View(output), hash(output)
        return
    entry = split_entry(name)
    path = name if entry is None else entry[0]
    try:
        stream = open(path, "rb", buffering=0)
    except FileNotFoundError as error:
        if entry is not None:
            raise AudioError(f"cannot read archive {path}: it does not exist") from error
        raise AudioError(f"{path} does not exist (paths are relative to {os.getcwd()})") from error
    except IsADirectoryError as error:
        raise AudioError(f"{path} is a folder, not an audio file") from error
    except (OSError, ValueError) as error:
        raise AudioError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from error
    with stream:
        state = os.fstat(stream.fileno())
        if stat.S_ISFIFO(state.st_mode):
            raise AudioError(
                f"{path} is a pipe, which can be read once only; write it to a file, give it on "
                "standard input (-), or let wav.scp have its command: 'COMMAND |'"
            )
        if state.st_size == 0:
            raise AudioError(f"{path} is empty (0 bytes)")
        view = View(stream) if entry is None else view_entry(stream, entry[1])
        yield view, (state.st_ino, state.st_size, state.st_mtime_ns)


def _open(
    name: str,
    view: View,
    sound: Examined,
    kind: type[soundfile.SoundFile] = soundfile.SoundFile,
) -> soundfile.SoundFile:
    """Open a view, refusing what is truncated."""
    if sound.missing is not None:
        raise AudioError(f"{name} is truncated: {sound.missing}; copy or make it again")
    if sound.chained:
        raise _unreadable(name, "no single recording", "it has several ogg streams in a row", view)
    is_file = not sound.mended and not is_pipe(name) and split_entry(name) is None
    try:
        stream = kind(os.fsencode(name) if is_file else sound.view)
    except soundfile.LibsndfileError as error:
        raise _unreadable(name, "no audio that can be read", error.error_string, view) from error
    if stream.samplerate > HIGHEST_RATE:
        stream.close()
        raise AudioError(
            f"{name} has a damaged header: its rate is {stream.samplerate} Hz, more than "
            f"{HIGHEST_RATE}"
        )
    return stream


def _unreadable(name: str, what: str, reason: str, view: View) -> AudioError:
    """Say which program may read what libsndfile cannot."""
    sentence = f"{name} is {what}: {reason.rstrip('.')}"
    if is_pipe(name):
        return AudioError(sentence)
    file = "FILE" if split_entry(name) else shlex.quote(name)
    sphere = view.at(0, 7) == b"NIST_1A"
    command = f"sph2pipe -f wav {file} |" if sphere else f"ffmpeg -i {file} -f wav - |"
    return AudioError(
        f"{sentence}; if another program can read it, let wav.scp have a pipe in place of the "
        f"path: '{command}'"
    )


def _is_unknown(stream: soundfile.SoundFile) -> bool:
    return stream.frames >= 1 << 62  # what libsndfile says of a flac whose writer did not know


def _must_be_decoded(stream: soundfile.SoundFile) -> bool:
    if stream.format == "FLAC":
        return _is_unknown(stream) or not _has_last_sample(stream)
    return stream.subtype.startswith(_IN_ONE_GO) or not stream.seekable()


def _has_last_sample(stream: soundfile.SoundFile) -> bool:
    # The size of a flac does not say whether it is cut.
    if stream.frames == 0:
        return True
    try:
        stream.seek(stream.frames - 1)
        whole = len(stream.read(1)) == 1
        stream.seek(0)
    except soundfile.LibsndfileError:
        return False
    return whole


@functools.lru_cache(maxsize=4)
def _decoded(name: str, stamp: object) -> BinaryIO:
    """Decode a source to its end, into a temporary file of plain samples."""
    spool, done = tempfile.TemporaryFile(), 0
    with _view(name) as (view, _):
        sound = examine(view)
        with (
            _open(name, view, sound, _Forward) as stream,
            soundfile.SoundFile(
                *(spool.fileno(), "w", stream.samplerate, stream.channels, "FLOAT"),
                format="W64",
                closefd=False,
            ) as target,
        ):
            frame_bytes = 4 * stream.channels
            promised = 0 if sound.endless or _is_unknown(stream) else stream.frames
            while len(block := _next_block(stream, name, view)):
                try:
                    target.write(block)
                except soundfile.LibsndfileError as error:
                    raise _no_space(name) from error
                done += len(block)
        if os.fstat(spool.fileno()).st_size < done * frame_bytes:
            raise _no_space(name)
    if done < promised:
        raise AudioError(
            f"{name} is truncated: its header promises {promised} samples but they end at {done}; "
            "copy or make it again"
        )
    return spool


def _next_block(stream: soundfile.SoundFile, name: str, view: View) -> np.ndarray:
    try:
        return stream.read(_BLOCK, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise _unreadable(
            name, "damaged after its header, or truncated", error.error_string, view
        ) from error


def _no_space(name: str) -> DataError:
    return DataError(
        f"cannot decode {name} into {tempfile.gettempdir()}: the system refused to store it; free "
        "some space there, or set TMPDIR to another folder"
    )


@functools.lru_cache(maxsize=1)
def _pipe_output(command: str) -> bytes:
    # The last one: length and samples of an utterance, or all segments of a recording, run once.
    return run_pipe(command)
