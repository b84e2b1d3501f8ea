"""Make a demo page of some systems, as papers have on the web.

  sslse demo exp/seed0/{noisy,ft_snr,ft_ssl_mse}/decode_test/oa0 --data data/test_noisy \\
      --out demo --title "My paper" --authors "A. Author, B. Author" --link Paper=https://arxiv.org/abs/…

OUT is a folder with index.html, audio and spectrograms; all links are relative and nothing is
loaded from elsewhere, so it can be put on any web server, or opened as a file. Systems are columns
in the order of the arguments, clean speech last; utterances are grouped by condition.
"""

from __future__ import annotations

import argparse

from sslse.cli.argument_types import names, pair

SUMMARY = "make a demo page: audio, spectrograms and words of some systems"
WRITES = ("out",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("systems", nargs="+", metavar="[NAME=]PATH", help="folders of audio, with wav.scp")
    add("--data", required=True, help="noisy data directory of the set")
    add("--out", required=True, help="folder to write; it must not exist")
    add("--utterances", type=int, default=6, help="how many, over all conditions (default: 6)")
    add("--ids", metavar="FILE", help="these utterances, a line each, instead of a choice")
    add("--seed", type=int, default=0, help="of the choice (default: 0)")
    add("--max-seconds", type=float, default=12.0, help="longest that is chosen (default: 12)")
    add(
        "--label",
        action="append",
        type=pair,
        default=[],
        metavar="NAME=TEXT",
        help="what the page calls a system (repeatable)",
    )
    add(
        "--backends",
        type=names,
        help="comma-separated, whose words are shown (default: all; '' for none)",
    )
    add("--title", default="Audio examples", help="heading (default: Audio examples)")
    add("--authors", default="", help="line below the heading")
    add("--abstract", metavar="FILE", help="text file with the paragraphs of the abstract")
    add(
        "--link",
        action="append",
        type=pair,
        default=[],
        metavar="TEXT=URL",
        help="a link below the authors (repeatable)",
    )


def run(args: argparse.Namespace) -> None:
    """Write the folder and print where it is."""
    from sslse.listening.ids import read_ids
    from sslse.report.build import read_remarks
    from sslse.report.demo import make_demo

    page = make_demo(
        args.systems,
        args.data,
        args.out,
        count=args.utterances,
        ids=read_ids(args.ids) if args.ids else (),
        seed=args.seed,
        max_seconds=args.max_seconds,
        labels=dict(args.label),
        backends=args.backends,
        title=args.title,
        authors=args.authors,
        abstract=read_remarks(args.abstract) if args.abstract else (),
        links=args.link,
    )
    print(f"page: {page}")
