"""Trains a word language model on a text: a Transformer by ESPnet, or an n-gram model.

Behind ``sslse train-lm``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from sslse.data.datadir import DataDir
from sslse.data.spelling import UNKNOWN, Spelling
from sslse.errors import ConfigError, DataError
from sslse.espnet.data import BLANK, SENTENCE_END
from sslse.espnet.process import secure_checkpoint
from sslse.espnet.train_asr import (
    CONFIG,
    is_finished,
    place_trainer,
    run_trainer,
    trainer_options,
)
from sslse.runtime.atomic import atomic_open
from sslse.runtime.device import AUTO
from sslse.runtime.settings import read_settings
from sslse.search.ngram_estimation import count_words, estimate_ngrams, write_arpa


def read_sentences(paths: Sequence[Path]) -> list[str]:
    """Return the sentences of texts, without empty ones and with single blanks.

    Raises:
        DataError: a text cannot be read, or none has a sentence.
    """
    sentences: list[str] = []
    for path in paths:
        if path.is_dir():
            lines = list(DataDir(path).text.values())
        else:
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"{path} cannot be read as a text of sentences: {error}") from error
        sentences += [" ".join(line.split()) for line in lines if line.strip()]
    if not sentences:
        raise DataError(f"there is no sentence in {', '.join(map(str, paths))}")
    return sentences


def train_lm(
    text: Sequence[Path],
    exp: Path,
    *,
    max_words: int,
    min_count: int,
    seed: int,
    config: Path | None = None,
    order: int | None = None,
    valid: Sequence[Path] | None = None,
    max_epoch: int | None = None,
    device: str = AUTO,
    ngpu: int | None = None,
) -> None:
    """Make the word list, then the model: a Transformer (``config``) or n-grams (``order``).

    Args:
        text: texts to train on, files of sentences or data directories.
        exp: output folder; the same call continues.
        max_words: most frequent words that are kept.
        min_count: rarer words are ``<unk>``.
        seed: of weights and order.
        config: of ESPnet's lm_train, with ``lm: transformer``.
        order: of the n-gram model, where there is no ``config``.
        valid: texts that rank epochs; needed with ``config``.
        max_epoch: epochs; default: those of the configuration.
        device: where a Transformer computes, as ``choose_device`` takes it.
        ngpu: GPUs; default: 1, or 0 on the CPU.

    Raises:
        ConfigError: an option is out of its range, or ``exp`` is of another training.
        DataError: a text cannot be read or leaves no word.
        SslseError: ESPnet ended without weights.
    """
    if max_words < 1 or min_count < 1 or (order is not None and order < 1):
        raise ConfigError("--max-words, --min-count and --order must be at least 1")
    settings = read_settings(config) if config else {"order": order}
    if config and settings.get("lm") != "transformer":
        raise ConfigError(f"{config}: expected 'lm: transformer', the kind that is decoded")
    if config and not valid:
        raise ConfigError("--config needs --valid, the texts that rank epochs")
    sentences = read_sentences(text)
    words = count_words(sentences, max_words, min_count)
    if not words:
        raise DataError(f"no word occurs {min_count} times; lower --min-count")
    max_epoch = (max_epoch or settings.get("max_epoch", 40)) if config else 0
    record = {
        "config": settings,
        "seed": seed,
        "text": [str(path) for path in text],
        "valid": [str(path) for path in valid or ()],
        "digest": hashlib.sha256("\n".join(sentences).encode()).hexdigest(),
        "max_words": max_words,
        "min_count": min_count,
    }
    if is_finished(exp, record, max_epoch):
        print(f"{exp} is trained already", flush=True)
        return
    exp.mkdir(parents=True, exist_ok=True)
    with atomic_open(exp / "training.json") as stream:
        json.dump({**record, "max_epoch": max_epoch}, stream, indent=2)
    (exp / ".done").unlink(missing_ok=True)
    print(f"{len(sentences)} sentences, {len(words)} words", flush=True)
    if config:
        texts = {"train": sentences, "valid": fit_sentences(read_sentences(valid), words)}
        with atomic_open(exp / CONFIG) as stream:
            yaml.safe_dump(settings, stream, sort_keys=False)
        interpreter, gpus = place_trainer(device, ngpu)
        command = [*interpreter, "-m", "espnet2.bin.lm_train", "--config", str(exp / CONFIG)]
        command += trainer_options(exp, seed, max_epoch, gpus)
        command += ["--token_type", "word", *_write_texts(exp, texts, words)]
        if settings.get("batch_type", "folded") == "folded" and "fold_length" not in settings:
            command += ["--fold_length", "150"]
        secure_checkpoint(exp)
        run_trainer(command, exp, max_epoch)
    else:
        write_arpa(exp / "lm.arpa", *estimate_ngrams(sentences, words, order))
    with atomic_open(exp / ".done") as stream:
        stream.write(f"{len(words)} words, seed {seed}\n")
    print(f"{exp} is trained", flush=True)


def fit_sentences(sentences: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return sentences in the case of the words.

    Raises:
        DataError: most of their words are unknown.
    """
    known, spelling = set(words), Spelling(words, "the language model, whose validation text it is")
    fitted = [spelling.follow(sentence) for sentence in sentences]
    for sentence in fitted:
        own = sentence.split()
        spelling.count(sum(word not in known for word in own), len(own), sentence)
    return fitted


def _write_texts(exp: Path, texts: Mapping[str, Sequence[str]], words: Sequence[str]) -> list[str]:
    """Write what ESPnet's trainer reads; return the options that name it."""
    tokens = exp / "tokens.txt"
    with atomic_open(tokens) as stream:
        stream.write("\n".join([BLANK, UNKNOWN, *words, SENTENCE_END]) + "\n")
    options = ["--token_list", str(tokens)]
    for name, lines in texts.items():
        folder = exp / "data" / name
        with atomic_open(folder / "text") as stream:
            stream.writelines(f"{name}-{i:08d} {line}\n" for i, line in enumerate(lines))
        with atomic_open(folder / "shape") as stream:
            lengths = (len(line.split()) for line in lines)
            stream.writelines(f"{name}-{i:08d} {length}\n" for i, length in enumerate(lengths))
        options += [f"--{name}_data_path_and_name_and_type", f"{folder}/text,text,text"]
        options += [f"--{name}_shape_file", f"{folder}/shape"]
    return options
