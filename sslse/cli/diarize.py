"""Find who speaks when, or when anybody speaks, and write it as RTTM.

Frame probabilities go to OUT/posteriors, the turns to OUT/rttm. Interrupted, the same command goes
on where it was; another threshold or filter only makes the turns again. Several values of them are
all tried against rttm of the data directory (a validation set), the best one is kept and written to
OUT/settings.json, which --settings takes for the test set.

  sslse diarize --model exp/ds_sd/downstream --data data/dev --out exp/ds_sd/diarize_dev \\
      --threshold 0.3,0.4,0.5,0.6,0.7 --median 1,11
  sslse diarize --model exp/ds_sd/downstream --data data/test --out exp/ds_sd/diarize_test \\
      --settings exp/ds_sd/diarize_dev/settings.json
  sslse diarize --detector silero --data wav.scp --out exp/vad_silero
"""

from __future__ import annotations

import argparse

from sslse.cli.argument_types import numbers, whole_numbers
from sslse.cli.head_options import add_head_arguments, run_head

SUMMARY = "find who speaks when, or when anybody speaks"
WRITES = ("out", "out/rttm", "out/posteriors", "out/failed")
DETECTORS = {
    "head": "sslse.recognizers.heads:DiarizerRecognizer",
    "silero": "sslse.recognizers.vad:SileroVAD",
    "webrtc": "sslse.recognizers.vad:WebRTCVAD",
    "energy": "sslse.recognizers.vad:EnergyVAD",
}


def _frames(text: str) -> list[int]:
    if not all(part.isdigit() and int(part) % 2 for part in text.split(",")):
        raise argparse.ArgumentTypeError(f"'{text}' is no list of odd numbers of frames")
    return whole_numbers(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("--model", help="'downstream' folder of a trained diarization or speech detection head")
    add(
        "--detector",
        choices=sorted(DETECTORS),
        default="head",
        help="head (our own, needs --model), or detectors of speech: silero (package silero-vad), "
        "webrtc (package webrtcvad-wheels), energy (for clean speech only) (default: head)",
    )
    add_head_arguments(parser, "the turns go to OUT/rttm", of="a head")
    add("--threshold", type=numbers, default=[0.5], help="least probability (default: 0.5)")
    add(
        "--median",
        type=_frames,
        help="frames of the median filter, odd (default: 11 with a head, else 1)",
    )
    add("--settings", help="settings.json of a validation set, instead of --threshold, --median")


def run(args: argparse.Namespace) -> int:
    """Diarize the set; 1 if an utterance failed."""
    from pathlib import Path

    from sslse.errors import ConfigError
    from sslse.recognizers.turns import load_settings, write_turns

    head = args.detector == "head"
    if head != bool(args.model):
        raise ConfigError(
            "give --model, the 'downstream' folder of a trained head"
            if head
            else f"the detector {args.detector} has its own model; leave --model out"
        )
    medians = args.median or [11 if head else 1]
    grid = [(threshold, median) for threshold in args.threshold for median in medians]
    if args.settings:
        grid = [load_settings(Path(args.settings))]
    data = Path(args.data)
    if len(grid) > 1 and not (data / "rttm").is_file():
        raise ConfigError(
            f"{len(grid)} settings can only be compared on a data directory with rttm, and "
            f"{data} has none; give one --threshold and one --median, or --settings"
        )
    failed = run_head(args, DETECTORS[args.detector], args.model, "posteriors")
    write_turns(Path(args.out), grid, data / "rttm" if len(grid) > 1 else None)
    return int(failed > 0)
