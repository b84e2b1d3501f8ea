"""Enhance recordings: make the speech in them clearer by taking noise away.

INPUT is a sound file, a folder, a wav.scp, a data directory, or - (standard input). The output has
the rate, length, channels and name of the input; a multi-channel file is enhanced channel by
channel. An input is never overwritten. One file without -o becomes NAME_enhanced.wav beside it:

  sslse enhance noisy.wav
  sslse enhance noisy.wav -o clean.wav

A folder or a list becomes a folder, in which wav.scp lists what was written. Interrupted, the same
command goes on where it was; recordings that fail are named, the others go on, and the exit status
is 1.

  sslse enhance recordings/ -o enhanced
  sslse enhance data/test_noisy/wav.scp -o exp/se/decode_test/oa0 --model exp/se --nj 2
  sox noisy.flac -t wav - | sslse enhance - -o - > enhanced.wav

--model is another enhancer than the one that comes with sslse ('sslse models' lists them). For
speech recognition a share of the noisy input often helps: try --oa 0.2.

With --stream a causal enhancer works while the audio comes in, from standard input to standard
output; at the end it says latency, real-time factor and whether it kept up. Ctrl-C ends the input.
It works in one thread, the fastest way for small networks; OMP_NUM_THREADS says otherwise.

  arecord -q -f S16_LE -r 16000 -t wav | sslse enhance --stream | aplay -q
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sslse.cli.device_options import add_device_argument
from sslse.names import OA_FOLDERS
from sslse.runtime.device import AUTO

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
        "-o",
        "--out",
        help="output folder; of one recording also a file that ends in .wav or .flac, or - for "
        "standard output (default, for one file alone: its name with _enhanced, beside it)",
    )
    parser.add_argument(
        "--model",
        help="folder of an enhancer or of its training, or a name on the Hugging Face hub "
        "(default: the enhancer that comes with sslse)",
    )
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
        choices=tuple(OA_FOLDERS),
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
    add_device_argument(parser)
    parser.add_argument(
        "--no-pipes", action="store_true", help="refuse commands in wav.scp (default: run them)"
    )
    parser.add_argument(
        "--stream",
        action="store_true",
        help="enhance standard input to standard output while it comes in; needs a causal "
        "enhancer; --device auto is the CPU",
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
    if not inputs:
        raise ConfigError("no input; name a wav, a folder, a wav.scp, a data directory, or -")
    if args.nj < 1:
        raise ConfigError(f"--nj must be 1 or more, not {args.nj}")
    if args.out is None:
        args.out = _beside(inputs)
    options = EnhanceOptions(
        observation_weight=args.oa,
        observation_form=args.oa_form,
        chunk_seconds=args.chunk_seconds,
        margin_seconds=args.margin_seconds,
        subtype=args.subtype,
        allow_pipes=not args.no_pipes,
    )
    one_file = _is_one_file(args.out)
    if "-" in inputs or args.out == "-" or one_file:
        source = inputs[0]
        if one_file and (len(inputs) > 1 or Path(source).is_dir() or source.endswith(".scp")):
            raise ConfigError(f"-o {args.out} is one file, for one recording; name a folder")
        if len(inputs) > 1:
            raise ConfigError("standard input or output goes with one input alone")
        if args.out.lower().endswith(".flac") and args.subtype == "FLOAT":
            raise ConfigError(f"-o {args.out}: flac holds no FLOAT samples; write .wav")
        return _run_single(source, args, options)
    return enhance_all(inputs, args.out, args.model, options, nj=args.nj, device=args.device)


def _run_live(inputs: list[str], args: argparse.Namespace) -> int:
    """Enhance standard input while it comes in."""
    import os
    import signal
    import sys

    import torch

    from sslse.enhancers.base import Enhancer
    from sslse.enhancers.live import LiveOptions, enhance_live, new_report
    from sslse.errors import ConfigError

    if inputs not in ([], ["-"]) or args.out not in (None, "-"):
        raise ConfigError(
            "--stream reads standard input and writes standard output: name neither, or - for both"
        )
    options = LiveOptions(args.block_ms, args.raw, args.oa, args.oa_form, args.subtype)
    # Blocks are a few milliseconds: a GPU would be busy with being asked.
    device = "cpu" if args.device == AUTO else args.device
    enhancer = Enhancer.from_pretrained(args.model, device=device)
    report = new_report(enhancer, options)
    threads = torch.get_num_threads()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)  # of a short block, threads wait for each other most of the time
    try:
        enhance_live(enhancer, sys.stdin.buffer, sys.stdout.buffer, options, report)
    finally:
        torch.set_num_threads(threads)
        if report.blocks:
            print(f"sslse enhance: {report}", file=sys.stderr)
    return 128 + signal.SIGINT if report.interrupted else 0


def _beside(inputs: list[str]) -> str:
    """Return where one recording goes when nobody says where."""
    from sslse.errors import ConfigError

    path = Path(inputs[0])
    if len(inputs) > 1 or inputs[0] == "-" or path.is_dir() or path.suffix == ".scp":
        raise ConfigError("no output; name a folder with -o, or - for standard output")
    ending = ".flac" if path.suffix.lower() == ".flac" else ".wav"
    return str(path.with_name(f"{path.stem}_enhanced{ending}"))


def _is_one_file(out: str) -> bool:
    """Tell whether an output names a sound file, not a folder."""
    from sslse.errors import ConfigError

    path = Path(out)
    if path.is_dir() or out.endswith("/"):
        return False
    ending = path.suffix.lower()
    if ending in (".ogg", ".opus", ".mp3", ".m4a", ".sph"):
        raise ConfigError(f"-o {out}: a file ends in .wav or .flac; else name a folder")
    return ending in (".wav", ".flac")


def _run_single(source: str, args: argparse.Namespace, options: object) -> int:
    """Enhance one recording; standard input, standard output or a file may be its ends."""
    import shutil
    import sys
    import tempfile

    from sslse.data.places import refuse_overwriting
    from sslse.enhancers.base import Enhancer
    from sslse.enhancers.batch import say, warn_of_clipping, warn_of_lost_band
    from sslse.enhancers.files import enhance_recording
    from sslse.enhancers.recordings import Recording
    from sslse.errors import AudioError

    with tempfile.TemporaryDirectory() as folder:
        target = Path(args.out)
        if args.out == "-":
            target = Path(folder) / "out.wav"
        elif not _is_one_file(args.out):
            target /= "stdin.wav"
        refuse_overwriting([target], ["/dev/stdin" if source == "-" else source])
        name, path = source, source
        if source == "-":
            name, path = "standard input", f"{folder}/stdin.wav"
            with open(path, "wb") as stream:
                shutil.copyfileobj(sys.stdin.buffer, stream)
        enhancer = Enhancer.from_pretrained(args.model, device=args.device)
        try:
            done = enhance_recording(enhancer, Recording("stdin", path, target), options)
        except AudioError as error:
            raise AudioError(str(error).replace(path, name)) from error
        if args.out == "-":
            with open(target, "rb") as stream:
                shutil.copyfileobj(stream, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    warn_of_clipping({"standard output" if args.out == "-" else str(target): done})
    warn_of_lost_band([done])
    if args.out != "-":
        say(f"{done.seconds:.1f} s of audio -> {target}")
    return 0
