"""Loads any word language model by what lies at its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sslse.errors import ConfigError
from sslse.search.ngram_lm import NGramLM
from sslse.search.word_lm import WordLM


def load_word_lm(path: str | Path, **options: Any) -> WordLM:
    """Load a language model by what lies at a path.

    Args:
        path: folder of an ESPnet training (``sslse train-lm``), or a file in ARPA
            format (``.arpa``, ``.arpa.gz``), or a folder with a ``lm.arpa``.
        options: of :meth:`TransformerWordLM.from_espnet`, such as ``dtype``.

    Raises:
        ConfigError: there is nothing there that is a language model.
    """
    path = Path(path)
    if (path / "lm.arpa").is_file():
        path = path / "lm.arpa"
    if path.is_file():
        return NGramLM.from_arpa(path)
    if not path.is_dir():
        raise ConfigError(f"there is no language model {path}: expected a folder or an ARPA file")
    from sslse.search.transformer_lm import TransformerWordLM  # torch, which an n-gram needs not

    return TransformerWordLM.from_espnet(path, **options)
