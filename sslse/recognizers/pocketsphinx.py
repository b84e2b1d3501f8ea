"""PocketSphinx (optional): a GMM-HMM recogniser with US English built in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sslse.errors import ConfigError, MissingPackageError
from sslse.recognizers.base import Recognizer


class PocketSphinxRecognizer(Recognizer):
    """PocketSphinx with its n-gram model, a JSGF grammar, or a loop over a list of words.

    Args:
        model: folder of an acoustic model; default: the US English one of the package.
        dictionary: pronunciation dictionary; default: CMUdict of the package.
        language_model: n-gram file; default: the one of the package.
        grammar: JSGF file; replaces the n-gram model.
        words: words that may follow each other freely, separated by commas or blanks; replaces the
            n-gram model.

    Raises:
        ConfigError: a file is missing, the grammar is wrong, or a word is not in the dictionary.
        MissingPackageError: pocketsphinx is not installed.
    """

    sample_rate = 16000

    def __init__(
        self,
        model: str | Path | None = None,
        dictionary: str | Path | None = None,
        language_model: str | Path | None = None,
        grammar: str | Path | None = None,
        words: str | Sequence[str] | None = None,
    ) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise MissingPackageError(
                "recogniser 'pocketsphinx' needs the package pocketsphinx: "
                "pip install 'sslse[pocketsphinx]'"
            ) from error
        given = {"language_model": language_model, "grammar": grammar, "words": words}
        if sum(value is not None for value in given.values()) > 1:
            raise ConfigError(f"choose one of the options {', '.join(given)} for pocketsphinx")
        # Batch normalisation: each utterance by its own mean, so that order does not matter.
        options: dict[str, Any] = {
            "samprate": self.sample_rate,
            "cmn": "batch",
            "loglevel": "FATAL",
        }
        for key, path in (("hmm", model), ("dict", dictionary), ("lm", language_model)):
            if path is not None:
                if not Path(path).exists():
                    raise ConfigError(f"pocketsphinx: {path} does not exist")
                options[key] = str(path)
        if grammar is not None or words is not None:
            options["lm"] = None
        try:
            self.decoder = Decoder(**options)
        except RuntimeError as error:
            raise ConfigError(f"pocketsphinx cannot load its model: {error}") from error
        if grammar is not None:
            self._use_grammar(Path(grammar))
        elif words is not None:
            self._use_words(words.replace(",", " ").split() if isinstance(words, str) else words)

    def _use_grammar(self, path: Path) -> None:
        if not path.exists():
            raise ConfigError(f"pocketsphinx: the grammar {path} does not exist")
        try:
            self.decoder.add_jsgf_file("grammar", str(path))
            self.decoder.activate_search("grammar")
        except RuntimeError as error:
            raise ConfigError(
                f"pocketsphinx cannot use the grammar {path}; check its syntax and that each word "
                "is in the dictionary"
            ) from error

    def _use_words(self, words: Sequence[str]) -> None:
        words = [word.lower() for word in words]
        unknown = [word for word in words if self.decoder.lookup_word(word) is None]
        if unknown:
            raise ConfigError(
                f"pocketsphinx: {len(unknown)} of {len(words)} words are not in the dictionary: "
                f"{' '.join(unknown[:5])}"
            )
        loop = f"#JSGF V1.0;\ngrammar words;\npublic <words> = ( {' | '.join(words)} )+ ;\n"
        self.decoder.add_jsgf_string("words", loop)
        self.decoder.activate_search("words")

    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """See :meth:`sslse.recognizers.base.Recognizer.recognize`."""
        return [self._recognize_one(waveform) for waveform in waveforms]

    def _recognize_one(self, waveform: np.ndarray) -> str:
        pcm = np.round(np.clip(waveform, -1, 1) * 32767).astype(np.int16)
        self.decoder.start_utt()
        self.decoder.process_raw(pcm.tobytes(), no_search=False, full_utt=True)
        self.decoder.end_utt()
        hypothesis = self.decoder.hyp()
        return hypothesis.hypstr if hypothesis is not None else ""
