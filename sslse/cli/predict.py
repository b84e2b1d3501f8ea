"""Predict tract variables of recordings: wav files, folders, wav.scp files, data directories.

Writes OUT/tv.ark and OUT/tv.scp at 100 Hz (frame k is k / 100 s), and on request one CSV table and
one picture a recording (spectrogram and trajectories). Values are as the model was trained on them:
deviations from the mean of a speaker, in units of its standard deviation. Recordings that fail are
named, the others go on, and the exit status is 1.

  sslse predict x.wav --model exp/joint/model -o predicted --csv --plot
  sslse predict data/test_noisy/wav.scp --model exp/joint/model -o exp/joint/decode_test
"""

from __future__ import annotations

import argparse

from sslse.cli.device_options import add_batch_argument, add_device_argument

SUMMARY = "predict tract variables of recordings"
WRITES = ("out", "out/tv.scp", "out/tv.ark")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="wav (or flac, ogg, mp3 ...) file, folder, wav.scp or data directory",
    )
    parser.add_argument("--model", required=True, help="folder 'model' of a multi-task training")
    parser.add_argument(
        "-o", "--out", default="predicted", help="output folder (default: predicted)"
    )
    parser.add_argument("--csv", action="store_true", help="write OUT/csv/ID.csv (default: no)")
    parser.add_argument("--plot", action="store_true", help="write OUT/plots/ID.png (default: no)")
    add_device_argument(parser)
    add_batch_argument(parser)
    parser.add_argument(
        "--no-pipes", action="store_true", help="refuse commands in wav.scp (default: run them)"
    )


def run(args: argparse.Namespace) -> int:
    """Predict everything; 1 if a recording failed."""
    from sslse.downstream.prediction import predict_all
    from sslse.report.trajectories import draw_trajectories

    return predict_all(
        args.inputs,
        args.model,
        args.out,
        table=args.csv,
        plot=draw_trajectories if args.plot else None,
        device=args.device,
        batch_seconds=args.batch_seconds,
        allow_pipes=not args.no_pipes,
    )
