"""One written form of what was said, so that spelling is no error: Whisper's own normaliser."""

from __future__ import annotations

import json
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

    Raises:
        ConfigError: the checkpoint has no such table, or cannot be found.

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

    path = Path(model) / SPELLINGS
    if not Path(model).is_dir():
        path = _cached(str(model))
    try:
        spellings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}, the spellings of Whisper's normaliser, cannot be read ({error}); copy "
            f"{SPELLINGS} of the published checkpoint there"
        ) from error
    return EnglishTextNormalizer(spellings)


def _cached(name: str) -> Path:
    from transformers.utils import cached_file

    try:
        return Path(cached_file(name, SPELLINGS))
    except (OSError, ValueError) as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), repr(error))
        raise ConfigError(
            f"'{name}' is neither a local folder nor can {SPELLINGS} of that name be had from the "
            f"hub: {reason}"
        ) from error
