"""Train a word language model on a text: a Transformer by ESPnet, or an n-gram model.

  python -m sslse.recognizers.train_lm --config conf/lm/transformer.yaml \\
      --text wsj.txt --valid data/dev --exp exp/lm
  python -m sslse.recognizers.train_lm --order 3 --text data/train --exp exp/lm_3gram

A text is a file of sentences, one a line, or a data directory, whose 'text' is taken. The
configuration is that of ESPnet's lm_train with 'lm: transformer'; interrupted, the same command
continues with the epoch that was running. The folder is what the option 'lm' of a recogniser and
--lm of 'sslse decode' take.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sslse.data.atomic import atomic_open
from sslse.data.datadir import DataDir
from sslse.errors import ConfigError, DataError, SslseError, exit_status
from sslse.recognizers.espnet_data import BLANK, SENTENCE_END, UNKNOWN
from sslse.recognizers.espnet_process import run_espnet, secure_checkpoint
from sslse.recognizers.ngram_estimation import count_words, estimate_ngrams, write_arpa
from sslse.recognizers.train_espnet import count_gpus, is_finished, read_training_config


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of this module's command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sslse.recognizers.train_lm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--config", type=Path, help="ESPnet LM configuration, YAML: a Transformer")
    kind.add_argument("--order", type=int, help="an n-gram model of this order, such as 3")
    add("--text", required=True, nargs="+", type=Path, help="texts to train on")
    add("--valid", nargs="+", type=Path, help="texts that rank epochs (needed with --config)")
    add("--exp", required=True, type=Path, help="output folder; the same continues")
    add("--max-words", type=int, default=65000, help="most frequent words kept (default: 65000)")
    add("--min-count", type=int, default=1, help="rarer words are <unk> (default: 1)")
    add("--seed", type=int, default=0, help="seed of weights and order (default: 0)")
    add("--max-epoch", type=int, help="epochs (default: that of the configuration)")
    add("--ngpu", type=int, help="GPUs (default: 1 if there is one, else 0)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Train to the end; 1 after an error whose sentence was printed."""
    args = build_parser().parse_args(argv)
    return exit_status("train_lm", lambda: train(args))


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


def train(args: argparse.Namespace) -> None:
    """Make the word list, then the model."""
    if args.max_words < 1 or args.min_count < 1 or (args.order is not None and args.order < 1):
        raise ConfigError("--max-words, --min-count and --order must be at least 1")
    config = read_training_config(args.config) if args.config else {"order": args.order}
    if args.config and config.get("lm") != "transformer":
        raise ConfigError(f"{args.config}: expected 'lm: transformer', the kind that is decoded")
    if args.config and not args.valid:
        raise ConfigError("--config needs --valid, the texts that rank epochs")
    sentences = read_sentences(args.text)
    words = count_words(sentences, args.max_words, args.min_count)
    if not words:
        raise DataError(f"no word occurs {args.min_count} times; lower --min-count")
    max_epoch = (args.max_epoch or config.get("max_epoch", 40)) if args.config else 0
    record = {
        "config": config,
        "seed": args.seed,
        "text": [str(path) for path in args.text],
        "valid": [str(path) for path in args.valid or ()],
        "digest": hashlib.sha256("\n".join(sentences).encode()).hexdigest(),
        "max_words": args.max_words,
        "min_count": args.min_count,
    }
    if is_finished(args.exp, record, max_epoch):
        print(f"{args.exp} is trained already", flush=True)
        return
    args.exp.mkdir(parents=True, exist_ok=True)
    with atomic_open(args.exp / "training.json") as stream:
        json.dump({**record, "max_epoch": max_epoch}, stream, indent=2)
    (args.exp / ".done").unlink(missing_ok=True)
    print(f"{len(sentences)} sentences, {len(words)} words", flush=True)
    if args.order:
        write_arpa(args.exp / "lm.arpa", *estimate_ngrams(sentences, words, args.order))
    else:
        _train_transformer(args, config, max_epoch, sentences, words)
    with atomic_open(args.exp / ".done") as stream:
        stream.write(f"{len(words)} words, seed {args.seed}\n")
    print(f"{args.exp} is trained", flush=True)


def _train_transformer(
    args: argparse.Namespace,
    config: dict[str, Any],
    max_epoch: int,
    sentences: Sequence[str],
    words: Sequence[str],
) -> None:
    """Write what ESPnet's trainer reads, and run it."""
    tokens = args.exp / "tokens.txt"
    with atomic_open(tokens) as stream:
        stream.write("\n".join([BLANK, UNKNOWN, *words, SENTENCE_END]) + "\n")
    command = [sys.executable, "-m", "espnet2.bin.lm_train", "--config", str(args.config)]
    command += ["--output_dir", str(args.exp), "--resume", "true", "--collect_stats", "false"]
    command += ["--seed", str(args.seed), "--max_epoch", str(max_epoch)]
    command += ["--ngpu", str(count_gpus() if args.ngpu is None else args.ngpu)]
    command += ["--token_type", "word", "--token_list", str(tokens)]
    for name, lines in (("train", sentences), ("valid", read_sentences(args.valid))):
        folder = args.exp / "data" / name
        with atomic_open(folder / "text") as stream:
            stream.writelines(f"{name}-{i:08d} {line}\n" for i, line in enumerate(lines))
        with atomic_open(folder / "shape") as stream:
            lengths = (len(line.split()) for line in lines)
            stream.writelines(f"{name}-{i:08d} {length}\n" for i, length in enumerate(lengths))
        command += [f"--{name}_data_path_and_name_and_type", f"{folder}/text,text,text"]
        command += [f"--{name}_shape_file", f"{folder}/shape"]
    if config.get("batch_type", "folded") == "folded" and "fold_length" not in config:
        command += ["--fold_length", "150"]
    secure_checkpoint(args.exp)
    run_espnet(command, args.exp, max_epoch)
    if not list(args.exp.glob("*.pth")):
        raise SslseError(f"ESPnet ended without weights in {args.exp}; see {args.exp}/train.log")


if __name__ == "__main__":
    sys.exit(main())
