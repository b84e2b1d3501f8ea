"""The sound files of a folder, known by what is in them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import soundfile

from sslse.audio import mpeg
from sslse.errors import DataError

_MAGIC = re.compile(
    rb"RIFF....WAVE|RF64....WAVE|riff\x2e\x91\xcf\x11|fLaC|OggS|\.snd|dns\.|FORM....AIF[FC]|caff"
    rb"|NIST_1A|ID3[\x02-\x04]|"
    # Not libsndfile's: m4a and other MPEG-4, Matroska, WMA, AAC, WavPack, Monkey's Audio, TTA, AMR
    rb"....ftyp(?:M4|mp4|iso|3gp|dash)|\x1aE\xdf\xa3|0&\xb2u\x8ef\xcf\x11|\xff[\xf0\xf1\xf8\xf9]"
    rb"|wvpk|MAC |TTA1|#!AMR|ajkg",
    re.DOTALL,
)


def sounds_below(
    folder: Path, without: Path | None = None, beside: tuple[str, ...] = ()
) -> list[Path]:
    """Return the sound files of a folder and of those below it, sorted; links are followed.

    A file whose name says that it is sound is one, too: whoever reads it says what is wrong. What
    is left out is counted on standard error; names that begin with a dot are passed over.

    Args:
        folder: where to look.
        without: a folder that is passed over, such as one for output.
        beside: small endings of what belongs to the sounds (transcripts), which is not counted.

    Raises:
        DataError: a folder cannot be read.
    """
    sounds, others = [], []
    for place, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        here = Path(place)
        above = {here.resolve(), *here.resolve().parents}
        if without is not None and without.resolve() in above:
            folders.clear()
            continue
        # A link to a folder above would go round for ever.
        folders[:] = [name for name in folders if (here / name).resolve() not in above]
        for name in names:
            if not name.startswith(".") and not name.lower().endswith(beside):
                (sounds if _may_be_sound(here / name) else others).append(here / name)
    if others:
        first = ", ".join(str(file.relative_to(folder)) for file in sorted(others)[:3])
        more = ", …" if len(others) > 3 else ""
        print(
            f"sslse: {len(others)} files of {folder} are no sound and are left out ({first}{more})",
            file=sys.stderr,
        )
    return sorted(sounds)


def is_sound(head: bytes) -> bool:
    """Whether a file that begins with these bytes (12 or more) is a sound file of any kind.

    Example:
        >>> is_sound(b"fLaC and so on"), is_sound(b"once upon a time")
        (True, False)
    """
    is_utf16 = head.startswith(b"\xff\xfe")  # its mark is a rare kind of MPEG frame, too
    return _MAGIC.match(head) is not None or (mpeg.is_frame(head) and not is_utf16)


def _may_be_sound(path: Path) -> bool:
    if path.exists() and not path.is_file():  # a named pipe would wait for ever
        return False
    try:
        with open(path, "rb") as stream:
            head = stream.read(16)
    except OSError:
        return True
    return is_sound(head) or path.suffix[1:].upper() in soundfile.available_formats()


def _refuse(error: OSError) -> None:
    raise DataError(f"cannot read the folder {error.filename}: {error.strerror}") from error
