"""A copy of a recording: one channel at another rate, read and written in blocks."""

from __future__ import annotations

import filecmp
from pathlib import Path

import numpy as np
import soundfile

from sslse.audio.files import open_blocks, resample_blocks
from sslse.runtime.atomic import atomic_path, unwritable


def copy_sound(source: Path, target: Path, sample_rate: int, channel: int | str = 0) -> int:
    """Write a recording as 16-bit wav and return its number of samples.

    A file of the same content stays as it is, with its time: what was made from it stays valid.

    Args:
        source: a file of any kind of sound.
        target: ``.wav``; its folder is made.
        sample_rate: Hz.
        channel: which one is taken, or ``mean`` of all.

    Raises:
        AudioError: the source cannot be read.
        DataError: the target cannot be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> soundfile.write(folder / "a.flac", np.full((800, 2), 0.5), 8000)
        >>> copy_sound(folder / "a.flac", folder / "b.wav", 16000, "mean")
        1600
    """
    new = target.with_suffix(".new.wav")
    with open_blocks(source, allow_pipes=False) as (info, blocks):
        waveforms = (one_channel(block, channel) for block in blocks)
        count = 0
        try:
            with (
                atomic_path(new, sync=False) as temporary,
                soundfile.SoundFile(
                    temporary,
                    "w",
                    samplerate=sample_rate,
                    channels=1,
                    subtype="PCM_16",
                    format="WAV",
                ) as stream,
            ):
                for waveform in resample_blocks(waveforms, info.sample_rate, sample_rate):
                    stream.write(waveform)
                    count += len(waveform)
        except soundfile.LibsndfileError as error:
            raise unwritable(target, error.error_string) from error
    if target.is_file() and filecmp.cmp(new, target, shallow=False):
        new.unlink()
    else:
        new.replace(target)
    return count


def one_channel(block: np.ndarray, channel: int | str) -> np.ndarray:
    """Return one channel of a block, or the mean of all: (samples, channels) -> (samples,)."""
    return block.mean(axis=1) if channel == "mean" else np.ascontiguousarray(block[:, channel])
