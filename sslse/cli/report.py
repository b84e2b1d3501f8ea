"""Make the result table, RESULTS.md and one self-contained HTML page from the scores of all seeds.

  sslse report --exp exp --set test --out exp/report --title "My experiment"

It reads exp/seed<S>/<variant>/decode_<set>/oa<weight>/scores, and for the page metrics.csv, wav.scp
and hyp_<recogniser>/text beside them, config.yaml and sizes of the models, the logs of the stages,
and utt2snr, utt2spk and text of the noisy data directory. The table is in results.csv, too. The
page needs no other file but those in index_files, which have the sound of more utterances.
"""

from __future__ import annotations

import argparse

from sslse.cli.argument_types import names, pair, whole_numbers

SUMMARY = "make the result table, RESULTS.md and the HTML page"
WRITES = (
    "out",
    "out/index.html",
    "out/RESULTS.md",
    "out/results.csv",
    "out/index_files",
    "markdown",
    "text",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("--exp", required=True, help="folder of the experiment (with seed0, seed1, …)")
    add("--set", default="test", help="test set to report (default: test)")
    add(
        "--out",
        required=True,
        help="folder of the report; gets index.html, RESULTS.md and results.csv",
    )
    add("--markdown", metavar="FILE", help="write the Markdown page here instead of into --out")
    add("--title", default="Results", help="title of the report (default: Results)")
    add("--data", help="noisy data directory of the set (default: data/SET_noisy beside --exp)")
    add(
        "--method",
        metavar="FILE",
        help="YAML file of a method (egs/TEMPLATE/*.yaml): labels of its variants, claims and "
        "numbers of its paper",
    )
    add(
        "--extension", metavar="FILE", help="YAML file of the recipe, merged above that of --method"
    )
    add("--table", default="", help="table of the paper that this is (default: its main one)")
    add("--figure", default="", help="figure of the paper that this is")
    add(
        "--variants",
        type=names,
        default=[],
        help="comma-separated rows, in this order (default: all scored)",
    )
    add(
        "--backends",
        type=names,
        help="comma-separated, whose scores are columns (default: all that were scored)",
    )
    add(
        "--seeds",
        type=whole_numbers,
        metavar="SEED,SEED",
        help="comma-separated, whose results count (default: all that were scored)",
    )
    add(
        "--without-oa",
        action="store_true",
        help="leave out the rows with observation adding (default: those that are scored stand)",
    )
    add(
        "--label",
        action="append",
        type=pair,
        default=[],
        metavar="VARIANT=TEXT",
        help="what the table calls a variant (repeatable)",
    )
    add(
        "--command",
        action="append",
        default=[],
        help="a command that made the results, to be printed in the report (repeatable)",
    )
    add(
        "--max-clean-wer",
        type=float,
        default=30.0,
        help="word errors of the row 'clean', in percent, beyond which a recogniser is named as "
        "not credible and has no part in the claims (default: 30)",
    )
    add("--remarks", metavar="FILE", help="text file whose paragraphs stand below the table")
    add(
        "--analyses",
        metavar="DIR",
        help="folder of analyses to show: seed<S>/<variant>/ with files of 'sslse analyze'",
    )
    add("--text", metavar="FILE", help="write the printed table here (default: to the terminal)")
    add("--examples", type=int, default=3, help="utterances to see and to hear (default: 3)")
    add(
        "--more-examples",
        type=int,
        default=20,
        help="utterances whose audio is written beside the page, for its table of utterances: "
        "those in which the systems differ most (default: 20)",
    )
    add(
        "--width",
        type=int,
        help="characters of a line of the printed table (default: the terminal's, else 100)",
    )


def run(args: argparse.Namespace) -> None:
    """Write the report, print the table and where the report is."""
    import shutil
    from pathlib import Path

    from sslse.recipe.method import Method
    from sslse.report.build import build_report
    from sslse.report.paper import read_paper
    from sslse.report.table import notes, text_table
    from sslse.runtime.atomic import atomic_open

    paper = None
    if args.method:
        method = Method(Path(args.method), Path(args.extension) if args.extension else None)
        kind = "table" if args.table else "figure" if args.figure else ""
        paper = read_paper(method, kind, args.table or args.figure)
    report = build_report(
        args.exp,
        args.set,
        args.out,
        title=args.title,
        data=args.data,
        paper=paper,
        variants=args.variants,
        labels=dict(args.label),
        commands=args.command,
        num_examples=args.examples,
        more_examples=args.more_examples,
        markdown=args.markdown,
        remarks=args.remarks,
        backends=args.backends,
        seeds=args.seeds,
        added=not args.without_oa,
        analyses=args.analyses,
        most_clean_errors=args.max_clean_wer / 100,
    )
    lines = []
    width = args.width or shutil.get_terminal_size((100, 24)).columns
    for grid in report.grids:
        lines += [text_table(report.results, grid, width), ""]
    lines += [text.replace("the best in bold", "* the best") for text in notes(report.results)]
    lines.append(f"table and claims: {report.markdown}\npage: {report.page}")
    if args.text:
        with atomic_open(args.text) as stream:
            stream.write("\n".join([*lines, ""]))
    else:
        print("\n".join(lines))
