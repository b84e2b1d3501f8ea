"""Make the result table, RESULTS.md and one self-contained HTML page from the scores of all seeds.

  sslse report --exp exp --set test --out exp/report --title "My experiment"

It reads exp/seed<S>/<system>/decode_<set>/oa<weight>/scores, and for the page metrics.csv, wav.scp
and hyp_<recogniser>/text beside them, and utt2snr and text of the noisy data directory.
"""

from __future__ import annotations

import argparse

from sslse.cli.score import _pair
from sslse.report.papers import PAPERS

SUMMARY = "make the result table, RESULTS.md and the HTML page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("--exp", required=True, help="folder of the experiment (with seed0, seed1, …)")
    add("--set", default="test", help="test set to report (default: test)")
    add("--out", required=True, help="folder of the report; gets index.html and RESULTS.md")
    add("--markdown", metavar="FILE", help="write the Markdown page here instead of into --out")
    add("--title", default="Results", help="title of the report (default: Results)")
    add("--data", help="noisy data directory of the set (default: data/SET_noisy beside --exp)")
    add(
        "--paper",
        help="paper whose labels, claims and numbers stand beside the measured ones: "
        f"{', '.join(PAPERS)} (default: none)",
    )
    add("--systems", default="", help="comma-separated rows, in this order (default: all scored)")
    add(
        "--recognizers",
        help="comma-separated, whose word errors are columns (default: all that were scored)",
    )
    add(
        "--without-oa",
        action="store_true",
        help="leave out the rows with observation adding (default: those that are scored stand)",
    )
    add(
        "--label",
        action="append",
        type=_pair,
        default=[],
        metavar="SYSTEM=TEXT",
        help="what the table calls a system (repeatable)",
    )
    add(
        "--command",
        action="append",
        default=[],
        help="a command that made the results, to be printed in the report (repeatable)",
    )
    add("--remarks", metavar="FILE", help="text file whose paragraphs stand below the table")
    add(
        "--analyses",
        metavar="DIR",
        help="folder of analyses to show: seed<S>/<system>/ with layers.csv, curve.csv, line.csv "
        "or plane.csv",
    )
    add("--examples", type=int, default=3, help="utterances to see and to hear (default: 3)")
    add(
        "--width",
        type=int,
        help="characters of a line of the printed table (default: the terminal's, else 100)",
    )


def run(args: argparse.Namespace) -> None:
    """Write the report, print the table and where the report is."""
    import shutil

    from sslse.report.build import build_report
    from sslse.report.table import notes, text_table

    report = build_report(
        args.exp,
        args.set,
        args.out,
        title=args.title,
        data=args.data,
        paper=args.paper,
        systems=[name for name in args.systems.split(",") if name],
        labels=dict(args.label),
        commands=args.command,
        num_examples=args.examples,
        markdown=args.markdown,
        remarks=args.remarks,
        recognizers=None if args.recognizers is None else args.recognizers.split(","),
        added=not args.without_oa,
        analyses=args.analyses,
    )
    width = args.width or shutil.get_terminal_size((100, 24)).columns
    for grid in report.grids:
        print(text_table(report.results, grid, width))
        print()
    for sentence in notes(report.results):
        print(sentence.replace("the best in bold", "* the best"))
    print(f"table and claims: {report.markdown}\npage: {report.page}")
