"""Analyse what enhancement leaves and adds, and what that does to recognisers.

  sslse analyze errors  --data DATA --enhanced a=DIR --enhanced b=DIR --out OUT
  sslse analyze scaling --data DATA --enhanced a=DIR --recognizer KIND --model DIR --out OUT
  sslse analyze scatter --data DATA --enhanced a=DIR --words a=DECODE/text --out OUT
  sslse analyze layers  --data DATA [--enhanced a=DIR] --upstream DIR --out OUT

errors splits each enhanced utterance by orthogonal projection into target, noise and artefact and
writes SDR, SNR and SAR in dB; scaling recognises the speech with one of these errors made smaller
or larger; scatter sets them against word errors; layers gives the normalised distance of each layer
of an SSL model to clean speech. DATA is a noisy data directory with spk1.scp (and text for words).
OUT gets csv, json and png files.
"""

from __future__ import annotations

import argparse

SUMMARY = "split enhancement errors, set them against WER; distances per SSL layer"
ANALYSES = ("errors", "scaling", "scatter", "layers")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of all analyses."""
    add = parser.add_argument
    add("analysis", choices=ANALYSES, help="which one, see above")
    add("--data", required=True, help="noisy data directory with clean references (spk1.scp)")
    add(
        "--enhanced",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="data directory of enhanced audio; may be repeated (default: the noisy audio itself)",
    )
    add(
        "--words",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="scatter: recognised words of each NAME, lines 'id words'",
    )
    add("--out", required=True, help="output folder")
    add("--taps", type=int, default=512, help="length of forgiven filters, samples (default: 512)")
    add("--limit", type=int, default=0, help="at most so many utterances (default: 0, all)")
    add("--scales", default="0,0.5,1,1.5,2", help="scaling: factors (default: 0,0.5,1,1.5,2)")
    add("--parts", default="noise,artifact", help="scaling: which (default: noise,artifact)")
    add("--recognizer", help="scaling: kind of recogniser, as of 'sslse decode'")
    add("--model", help="scaling: folder or name of its model")
    add(
        "--upstream",
        help="layers: folder or hub name of an SSL model, or of a pre-training with branches",
    )


def run(args: argparse.Namespace) -> None:
    """Run one analysis and write its files."""
    from pathlib import Path

    from sslse.analysis.commands import run_analysis

    run_analysis(args, Path(args.out))
