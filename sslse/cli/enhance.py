"""Enhance recordings: wav files, folders, wav.scp files, data directories, or standard input ('-').

The output has the rate, length, channels and name of the input; a wav.scp lists what was written.
Each channel of a multi-channel file is enhanced by itself. Interrupted, the same command goes on
where it was; recordings that fail are named, the others go on, and the exit status is 1.

  sslse enhance noisy.wav -o enhanced --model exp/se/enhancer
  sslse enhance recordings/ -o enhanced --model exp/se/enhancer --oa 0.2
  sslse enhance data/test_noisy/wav.scp -o exp/se/decode_test/oa0 --model exp/se/enhancer --nj 2
  sox noisy.flac -t wav - | sslse enhance - -o - --model exp/se/enhancer > enhanced.wav

With --stream a causal enhancer works while the audio comes in, from standard input to standard
output; at the end it says latency, real-time factor and whether it kept up. Ctrl-C ends the input.

  arecord -q -f S16_LE -r 16000 -t wav | sslse enhance --stream --model exp/se/enhancer | aplay -q
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "enhance a wav, a folder, a wav.scp or standard input"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="wav (or flac, ogg, mp3 ...) file, folder, wav.scp, data directory, or - for a wav on "
        "standard input",
    )
    parser.add_argument(
        "-o", "--out", help="output folder; - writes one wav to standard output (with --stream: -)"
    )
    parser.add_argument("--model", required=True, help="folder of a saved enhancer")
    parser.add_argument(
        "--data", action="append", default=[], help="wav.scp or data directory, the same as INPUT"
    )
    parser.add_argument(
        "--oa",
        type=float,
        default=0.0,
        metavar="WEIGHT",
        help="observation adding: weight of the noisy input in the output (default: 0)",
    )
    parser.add_argument(
        "--oa-form",
        choices=("add", "interpolate"),
        default="add",
        help="add: enhanced + WEIGHT * noisy; interpolate: the same with (1 - WEIGHT) * enhanced "
        "(default: add)",
    )
    parser.add_argument("--nj", type=int, default=1, help="processes (default: 1)")
    parser.add_argument(
        "--chunk-seconds",
        type=float,
        default=60.0,
        help="longer recordings are enhanced in chunks of this many seconds (default: 60)",
    )
    parser.add_argument(
        "--margin-seconds",
        type=float,
        help="seconds on either side of a chunk that are computed and thrown away (default: the "
        "context of the enhancer where it is finite, else 2)",
    )
    parser.add_argument(
        "--subtype",
        choices=("PCM_16", "PCM_24", "FLOAT"),
        default="PCM_16",
        help="samples of the written wav (default: PCM_16)",
    )
    parser.add_argument(
        "--device", default="cpu", help="where to compute, such as cpu or cuda:0 (default: cpu)"
    )
    parser.add_argument(
        "--no-pipes", action="store_true", help="refuse commands in wav.scp (default: run them)"
    )
    parser.add_argument(
        "--stream",
        action="store_true",
        help="enhance standard input to standard output while it comes in; needs a causal enhancer",
    )
    parser.add_argument(
        "--block-ms",
        type=float,
        metavar="MS",
        help="with --stream: length of a block in milliseconds (default: one hop of the enhancer)",
    )
    parser.add_argument(
        "--raw",
        type=int,
        metavar="RATE",
        help="with --stream: 16-bit little-endian mono samples at RATE Hz without a header, in and "
        "out (default: wav)",
    )


def run(args: argparse.Namespace) -> int:
    """Enhance everything; 1 if a recording failed."""
    from sslse.enhancers.batch import enhance_all
    from sslse.enhancers.files import EnhanceOptions
    from sslse.enhancers.observation_adding import check_observation
    from sslse.errors import ConfigError

    check_observation(args.oa, args.oa_form)
    inputs = [*args.inputs, *args.data]
    if args.stream:
        return _run_live(inputs, args)
    if args.raw is not None or args.block_ms is not None:
        raise ConfigError("--raw and --block-ms go with --stream")
    if args.out is None:
        raise ConfigError("no output; name a folder with -o, or - for standard output")
    if not inputs:
        raise ConfigError("no input; name a wav, a folder, a wav.scp, a data directory, or -")
    if args.nj < 1:
        raise ConfigError(f"--nj must be 1 or more, not {args.nj}")
    options = EnhanceOptions(
        observation_weight=args.oa,
        observation_form=args.oa_form,
        chunk_seconds=args.chunk_seconds,
        margin_seconds=args.margin_seconds,
        subtype=args.subtype,
        allow_pipes=not args.no_pipes,
    )
    if "-" in inputs or args.out == "-":
        if len(inputs) > 1:
            raise ConfigError("standard input or output goes with one input alone")
        return _run_stream(inputs[0], args, options)
    return enhance_all(inputs, args.out, args.model, options, nj=args.nj, device=args.device)


def _run_live(inputs: list[str], args: argparse.Namespace) -> int:
    """Enhance standard input while it comes in."""
    import signal
    import sys

    from sslse.enhancers.batch import load_enhancer
    from sslse.enhancers.live import LiveOptions, enhance_live, new_report
    from sslse.errors import ConfigError

    if inputs not in ([], ["-"]) or args.out not in (None, "-"):
        raise ConfigError(
            "--stream reads standard input and writes standard output: name neither, or - for both"
        )
    options = LiveOptions(args.block_ms, args.raw, args.oa, args.oa_form, args.subtype)
    enhancer = load_enhancer(args.model, args.device)
    report = new_report(enhancer, options)
    try:
        enhance_live(enhancer, sys.stdin.buffer, sys.stdout.buffer, options, report)
    finally:
        if report.blocks:
            print(f"sslse enhance: {report}", file=sys.stderr)
    return 128 + signal.SIGINT if report.interrupted else 0


def _run_stream(source: str, args: argparse.Namespace, options: object) -> int:
    """Enhance one wav from standard input, to standard output, or both."""
    import shutil
    import sys
    import tempfile

    from sslse.enhancers.batch import load_enhancer
    from sslse.enhancers.files import enhance_recording
    from sslse.enhancers.recordings import Recording
    from sslse.errors import AudioError

    with tempfile.TemporaryDirectory() as folder:
        name, path = source, source
        if source == "-":
            name, path = "standard input", f"{folder}/stdin.wav"
            with open(path, "wb") as stream:
                shutil.copyfileobj(sys.stdin.buffer, stream)
        target = Path(folder) / "out.wav" if args.out == "-" else Path(args.out) / "stdin.wav"
        enhancer = load_enhancer(args.model, args.device)
        try:
            enhance_recording(enhancer, Recording("stdin", path, target), options)
        except AudioError as error:
            raise AudioError(str(error).replace(path, name)) from error
        if args.out == "-":
            with open(target, "rb") as stream:
                shutil.copyfileobj(stream, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    return 0
