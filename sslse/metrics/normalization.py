"""One written form of what was said, so that spelling is no error: Whisper's own normaliser."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from sslse.errors import ConfigError

SPELLINGS = "normalizer.json"


def whisper_normalizer(model: str | Path) -> Callable[[str], str]:
    """Return the English normaliser of a Whisper checkpoint.

    It writes small letters without punctuation or fillers, digits for numbers, whole words for
    contractions, and one of several spellings, as the checkpoint's table of spellings says. It
    belongs to hypothesis and reference alike. Of the checkpoint only that table is read.

    Args:
        model: local folder, which always wins, or hub name such as ``openai/whisper-medium``.

    A checkpoint without that table (``normalizer.json``) keeps the spellings as they are, which is
    said.

    Raises:
        ConfigError: the table is damaged, or there is no such folder or name.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / SPELLINGS).write_text('{"colour": "color"}')
        >>> whisper_normalizer(folder)("Mr. Smith, it's the twenty-first COLOUR!")
        'mister smith it is the 21st color'

    Reference:
        Radford et al. 2022, arXiv 2212.04356, appendix C.
    """
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    path = _file_of(model, SPELLINGS)
    if path is None or not path.exists():
        other = _file_of(model, "config.json", needed=True)
        if not other.exists():
            raise ConfigError(
                f"{model} holds neither {SPELLINGS} nor config.json, so it is no Whisper checkpoint"
            )
        say_no_spellings(model)
        return EnglishTextNormalizer({})
    try:
        spellings = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(spellings, dict):
            raise ValueError("it is no table of words")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}, the spellings of Whisper's normaliser, cannot be read ({error}); copy "
            f"{SPELLINGS} of the published checkpoint there"
        ) from error
    return EnglishTextNormalizer(spellings)


def say_no_spellings(model: str | Path) -> None:
    """Say that words keep their spelling."""
    print(
        f"note: {model} has no {SPELLINGS}, so the normaliser leaves spellings as they are "
        "('colour'); copy it from the published checkpoint to make them one",
        file=sys.stderr,
        flush=True,
    )


def _file_of(model: str | Path, file: str, needed: bool = False) -> Path | None:
    """Return a file of a folder or hub name; None where a hub name has none, if not needed."""
    if Path(model).is_dir():
        return Path(model) / file
    from transformers.utils import cached_file

    name = str(model)
    try:
        path = cached_file(name, file, _raise_exceptions_for_missing_entries=needed)
        return None if path is None else Path(path)
    except (OSError, ValueError) as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), repr(error))
        raise ConfigError(
            f"'{name}' is neither a local folder nor can {SPELLINGS} of that name be had from the "
            f"hub: {reason}"
        ) from error
