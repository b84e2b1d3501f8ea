"""Recognise speech with any recogniser and write the words in Kaldi's format.

The audio is a data directory, or a file of lines 'id path'. Audio at another rate than the model's
is resampled, and this is said. Interrupted, the same command goes on where it was; utterances that
fail are named, the others go on, and the exit status is 1.

  sslse decode --recognizer espnet --model exp/asr --data data/test --out exp/asr/decode_test
  sslse decode --recognizer whisper --model openai/whisper-base.en --data wav.scp --out hyp
  sslse decode --recognizer pocketsphinx --option words=yes,no --data data/test --out hyp
  sslse decode --recognizer ctc --model exp/ctc/downstream --beam 500 --lm exp/lm --lm-weight 1 \
      --data data/test --out exp/ctc/decode_test_lm --device cuda --dtype bfloat16 --nj 4
"""

from __future__ import annotations

import argparse

from sslse.cli.device_options import (
    add_batch_argument,
    add_device_argument,
    add_processes_argument,
)
from sslse.runtime.device import DTYPES

SUMMARY = "recognise speech with any recogniser"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--recognizer",
        required=True,
        help="kind: ctc (our head on an SSL upstream), ctc_wav2vec2 (a fine-tuned wav2vec 2.0: "
        "EW2, SEW2, EW2+SEW2), espnet (an ESPnet ASR folder), ctc_espnet (its CTC branch, for "
        "--lm), whisper, pocketsphinx, or MODULE:CLASS of your own",
    )
    parser.add_argument(
        "--model",
        help="folder of its model, or hub name for whisper (default: its own, if it has one)",
    )
    parser.add_argument(
        "--data", required=True, help="data directory, or a file of lines 'id path'"
    )
    parser.add_argument("--out", required=True, help="output folder; the words go to OUT/text")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="option of the recogniser, such as beam_size=5; may be repeated (default: none)",
    )
    search = parser.add_argument_group("beam search of CTC recognisers (default: best path)")
    search.add_argument("--beam", type=int, help="hypotheses kept (default: 1, no search)")
    search.add_argument(
        "--lm", help="word language model: folder of 'sslse train-lm', or ARPA file (default: none)"
    )
    search.add_argument("--lm-weight", type=float, help="its weight (default: 1)")
    search.add_argument("--word-score", type=float, help="added for each word (default: 0)")
    search.add_argument(
        "--nbest", type=int, help="write so many hypotheses with scores to OUT/nbest (default: 1)"
    )
    add_device_argument(parser, "the model (and a Transformer language model)")
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        help="numbers of its products (default: float32; Whisper on a GPU: float16)",
    )
    add_batch_argument(parser)
    add_processes_argument(parser)
    parser.add_argument(
        "--no-pipes", action="store_true", help="refuse commands in wav.scp (default: run them)"
    )


def run(args: argparse.Namespace) -> int:
    """Recognise the set; 1 if an utterance failed."""
    from pathlib import Path

    from sslse.recognizers.decode_worker import DecodeTask
    from sslse.recognizers.decoding import decode

    options = dict(map(_parse_option, args.option))
    for key in ("beam", "lm", "lm_weight", "word_score", "nbest", "dtype"):
        if getattr(args, key) is not None:
            options[key] = getattr(args, key)
    task = DecodeTask(
        recognizer=args.recognizer,
        model=args.model,
        data=args.data,
        options=options,
        device=args.device,
        batch_seconds=args.batch_seconds,
        allow_pipes=not args.no_pipes,
    )
    summary = decode(task, Path(args.out), args.nj)
    if summary.num_failed:
        print(
            f"{summary.num_failed} of {summary.num_utterances} utterances failed, see "
            f"{args.out}/failed; the others are in {args.out}/text; the same command tries "
            "them again"
        )
    return int(summary.num_failed > 0)


def _parse_option(argument: str) -> tuple[str, object]:
    import yaml

    from sslse.errors import ConfigError
    from sslse.runtime.settings import Loader

    key, equals, value = argument.partition("=")
    if not equals or not key:
        raise ConfigError(f"--option {argument}: expected KEY=VALUE, for example beam_size=5")
    return key.replace("-", "_"), yaml.load(value, Loader)
