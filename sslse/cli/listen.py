"""Make a listening test of some systems, and read the answers of its listeners.

  sslse listen make exp/seed0/{noisy,ft_snr,ft_ssl_mse}/decode_test/oa0 --data data/test_noisy \\
      --out exp/listening
  sslse listen results exp/listening answers_*.json

make writes OUT/page for the listeners (open OUT/page/form_1.html, or put the folder on any web
server) and OUT/key.json, which says what each file is and stays with you. --kind mushra writes
files for webMUSHRA instead. results prints means with 95 % intervals and puts them as columns
mos_sig, mos_bak, mos_ovrl (or mushra) into the folders of scores of the systems, where 'sslse
report' and 'sslse compare' find them. docs/listening.md explains the design.
"""

from __future__ import annotations

import argparse

SUMMARY = "make a listening test (P.835, MUSHRA), and read its answers"
WRITES = ("out",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two actions, each with its options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="make|results")
    make = actions.add_parser("make", help="write stimuli, pages and the key")
    add = make.add_argument
    add("systems", nargs="+", metavar="[NAME=]PATH", help="folders of audio, with wav.scp")
    add("--data", required=True, help="noisy data directory with clean speech (spk1.scp)")
    add("--out", required=True, help="folder to write; it must not exist")
    add("--kind", default="p835", help="p835: our own pages; mushra: for webMUSHRA (default: p835)")
    add(
        "--utterances",
        type=int,
        default=0,
        help="how many are rated (default: 12, for p835 the next multiple of the systems)",
    )
    add("--ids", metavar="FILE", help="rate these utterances, a line each, instead of a choice")
    add("--training", type=int, default=3, help="utterances for training before (default: 3)")
    add(
        "--forms",
        type=int,
        default=0,
        help="forms (default: p835 one for each system and clean speech, mushra 1)",
    )
    add("--seed", type=int, default=0, help="of all choices (default: 0)")
    add(
        "--level",
        default="active",
        help="what is brought to -26 dB: active, rms, or reference (default: active)",
    )
    add("--max-seconds", type=float, default=12.0, help="longest utterance (default: 12)")
    add("--title", default="Listening test", help="heading of the pages")
    add("--post", default="", metavar="URL", help="address that gets the answers")
    results = actions.add_parser("results", help="read answers, print and store the scores")
    add = results.add_argument
    add("key", help="folder of the test, or its key.json")
    add("answers", nargs="+", help="files that the pages saved, or mushra.csv of webMUSHRA")
    add("--no-scores", action="store_true", help="print alone, write nothing")


def run(args: argparse.Namespace) -> None:
    """Do what is asked."""
    if args.action == "make":
        _make(args)
    else:
        _results(args)


def _make(args: argparse.Namespace) -> None:
    from sslse.listening.ids import read_ids
    from sslse.listening.levels import TARGET_DB
    from sslse.listening.make import make_test

    test = make_test(
        args.systems,
        args.data,
        args.out,
        kind=args.kind,
        count=args.utterances,
        ids=read_ids(args.ids) if args.ids else (),
        training=args.training,
        forms=args.forms,
        seed=args.seed,
        alignment=args.level,
        max_seconds=args.max_seconds,
        title=args.title,
        post=args.post,
    )
    key = test.key
    rated = len({one.utterance for one in key.stimuli.values() if not one.training})
    print(
        f"test {key.test}: {rated} utterances, {', '.join(key.systems)}, {len(key.forms)} form"
        f"{'s' if len(key.forms) > 1 else ''}"
    )
    if key.kind == "p835" and rated % len(key.systems):
        print(
            f"note: {rated} utterances are no multiple of {len(key.systems)} systems, so a form "
            "has some systems once more than others; all forms together are balanced"
        )
    if test.target_db < TARGET_DB:
        print(f"note: level {test.target_db:.1f} dB, because peaks allow no more")
    if key.kind == "mushra":
        print(f"copy the content of {test.folder}/page into the folder of webMUSHRA, then open")
        for form in key.forms:
            print(f"  …/webMUSHRA/?config={key.test}_form{form}.yaml")
    else:
        print(f"for listeners: {test.folder}/page (form_1.html …)")
    print(f"for you alone: {test.folder}/key.json")


def _results(args: argparse.Namespace) -> None:
    from collections import Counter

    from sslse.listening.results import read_results, write_scores

    results = read_results(args.key, args.answers)
    for listener in results.left_out:
        print(
            f"note: {listener} is left out (BS.1534: hidden reference rated below 90 in more than "
            "15 % of the items)"
        )
    forms = Counter(one.form for one in results.sessions)
    if len({forms[form] for form in results.key.forms}) > 1:
        counts = ", ".join(f"{form}: {forms[form]}" for form in results.key.forms)
        print(
            f"note: forms have unequal numbers of listeners ({counts}), so systems are not heard "
            "equally often in each utterance; ask for more"
        )
    print(f"{'':<24} {'column':<10} {'mean':>6}  95% interval      listeners  utterances")
    for system, columns in results.scores.items():
        for column, score in columns.items():
            span = "-" if score.low is None else f"[{score.low:.2f}, {score.high:.2f}]"
            print(
                f"{system:<24} {column:<10} {score.mean:6.2f}  {span:<16} {score.listeners:>10} "
                f"{len(score.values):>11}"
            )
    for folder in [] if args.no_scores else write_scores(results):
        print(f"written: {folder}")
