"""Analyse what enhancement leaves and adds, what that does to recognisers, and how trainings went.

  sslse analyze errors    --data DATA [--enhanced WAV_SCP] --out OUT
  sslse analyze scaling   --data DATA [--enhanced WAV_SCP] --recognizer KIND --model DIR --out OUT
  sslse analyze layers    --data DATA [--enhanced WAV_SCP] --upstream DIR --out OUT
  sslse analyze landscape --data DATA --exp EXP [--other EXP] --out OUT
  sslse analyze curve     --exp EXP --out OUT

errors splits each enhanced utterance by orthogonal projection into target, noise and artefact and
writes SDR, SNR and SAR in dB to OUT/errors.csv; scaling recognises the speech with one of these
errors made smaller or larger and writes word error rates to OUT/scaling.csv; layers writes the
normalised distance of each layer of an SSL model to clean speech to OUT/layers.csv. DATA is a noisy
data directory with spk1.scp (and text for words).

landscape writes the CTC loss along the line from the weights that a fine-tuning began with to those
that it ended with, or over the plane to those of another one, to OUT.csv; interrupted, the same
command continues. curve writes a measure of the validation set over the epochs of a training to
OUT/curve.csv. The figures of recipes (--figure) run these commands, and `sslse report` draws them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sslse.cli.argument_types import numbers
from sslse.cli.device_options import add_device_argument

SUMMARY = "split enhancement errors; distances per SSL layer; loss landscapes and curves"
WRITES = ("out",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the analyses, each with its options."""
    kinds = parser.add_subparsers(dest="analysis", required=True, metavar="ANALYSIS")
    for name in ("errors", "scaling", "layers"):
        _add_corpus_arguments(kinds.add_parser(name), name)
    _add_landscape_arguments(kinds.add_parser("landscape"))
    _add_curve_arguments(kinds.add_parser("curve"))


def _add_corpus_arguments(parser: argparse.ArgumentParser, analysis: str) -> None:
    add = parser.add_argument
    add("--data", required=True, help="noisy data directory with clean references (spk1.scp)")
    add(
        "--enhanced",
        metavar="WAV_SCP",
        help="enhanced audio: wav.scp or its folder (default: the noisy audio itself)",
    )
    add("--out", required=True, type=Path, help="output folder")
    add("--limit", type=int, default=0, help="at most so many utterances (default: 0, all)")
    if analysis != "errors":
        add_device_argument(parser)
    if analysis == "layers":
        add(
            "--upstream",
            required=True,
            help="folder or hub name of an SSL model, or of a pre-training with branches",
        )
        return
    add("--taps", type=int, default=512, help="length of forgiven filters, samples (default: 512)")
    if analysis == "scaling":
        add("--recognizer", required=True, help="kind of recogniser, as of 'sslse decode'")
        add("--model", help="folder or name of its model")
        add(
            "--scales",
            type=numbers,
            default=[0.0, 0.5, 1.0, 1.5, 2.0],
            help="factors (default: 0,0.5,1,1.5,2)",
        )


def _add_landscape_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--exp", required=True, type=Path, help="folder of a CTC fine-tuning")
    add("--other", type=Path, help="another one, for a plane (default: a line)")
    add("--data", required=True, help="data directory with text")
    add("--out", required=True, type=Path, help="OUT.csv is written")
    add("--points", type=int, default=21, help="points on an axis (default: 21)")
    add("--low", type=float, default=-2.0, help="first (default: -2)")
    add("--high", type=float, help="last (default: 3 on a line, 2 on a plane)")
    add(
        "--form",
        choices=("plain", "filter"),
        default="plain",
        help="directions as they are, or each filter scaled to its norm (default: plain)",
    )
    add("--utterances", type=int, default=32, help="in the loss; 0: all (default: 32)")
    add("--nj", type=int, default=1, help="processes (default: 1)")
    add_device_argument(parser)


def _add_curve_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--exp", required=True, type=Path, help="folder of a training")
    add("--measure", default="valid/contrastive", help="column (default: valid/contrastive)")
    add("--out", required=True, type=Path, help="OUT/curve.csv is written")


def run(args: argparse.Namespace) -> None:
    """Run one analysis and write its file."""
    options = vars(args)
    analysis = options.pop("analysis")
    if analysis == "landscape":
        from sslse.analysis.loss_landscape import landscape

        landscape(**options)
    elif analysis == "curve":
        from sslse.analysis.validation_curve import write_curve

        write_curve(**options)
    else:
        _run_on_corpus(analysis, **options)


def _run_on_corpus(
    analysis: str, data: str, enhanced: str | None, limit: int, out: Path, **options: object
) -> None:
    from sslse.analysis.corpus import EnhancedCorpus
    from sslse.analysis.errors import write_errors, write_scaling
    from sslse.analysis.layers import write_layers
    from sslse.errors import ConfigError

    if options.get("taps", 1) < 1:
        raise ConfigError(f"--taps {options['taps']}: a filter has at least 1 tap")
    corpus = EnhancedCorpus(data, enhanced, limit)
    if analysis == "scaling":
        from sslse.recognizers.base import build_recognizer, takes

        kind, device = options["recognizer"], options.pop("device")
        placed = {"device": device} if takes(kind, "device") else {}
        options["recognizer"] = build_recognizer(kind, options.pop("model"), **placed)
    write = {"errors": write_errors, "scaling": write_scaling, "layers": write_layers}[analysis]
    write(corpus, out, **options)
    print(f"wrote {out}/{analysis}.csv")
