"""Say what a recipe would run: the jobs of a stage, or how its options hold.

  … | sslse plan STAGE... --method egs/TEMPLATE/ew2.yaml --extension conf/method.yaml

Options come on standard input, as egs/TEMPLATE/pipeline.sh writes them: NUL-terminated
``name=value``, with a + in front where the command line gave them. STAGE is a stage's name, of
several the jobs of all are printed, as they will probably be; or ``options`` (as assignments of
shell variables, with what tables and recipes set; those of db.sh that are empty name the folders
that stage 0 makes), ``help`` or ``report_folders``.
"""

from __future__ import annotations

import argparse

SUMMARY = "say which jobs a stage of a recipe has"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("stage", nargs="+", help="stages, or options, help, report_folders")
    parser.add_argument("--method", required=True, metavar="FILE", help="YAML file of the method")
    parser.add_argument("--extension", metavar="FILE", help="YAML file of the recipe, if it exists")
    parser.add_argument("--root", default=".", help="checkout, for its scripts (default: .)")


def run(args: argparse.Namespace) -> None:
    """Print one JSON object a job, or what else was asked for."""
    import shlex
    import sys
    from pathlib import Path

    from sslse.recipe.corpora import unnamed_corpora
    from sslse.recipe.method import Method
    from sslse.recipe.options import describe, read_options, settle
    from sslse.recipe.plan import Plan
    from sslse.recipe.stages import check_stage, jobs_of, report_folder
    from sslse.runtime.cores import available_cores

    values, given = read_options(sys.stdin.buffer.read())
    method = Method(Path(args.method), Path(args.extension) if args.extension else None)
    if args.stage == ["help"]:
        print(describe(method))
        return
    if args.stage == ["options"]:
        settled = settle(method, values, given)
        settled["cores"] = str(available_cores())
        print("\n".join(f"{name}={shlex.quote(value)}" for name, value in settled.items()))
        for name, folder in unnamed_corpora(method, settled.get("downloads", "")).items():
            print(f"export {name}={shlex.quote(folder)}")
        return
    plan = Plan(method, values, args.root, ahead=len(args.stage) > 1)
    if args.stage == ["report_folders"]:
        print("\n".join(report_folder(plan, name) for name in plan.words("test_sets")))
        return
    for stage in args.stage:
        check_stage(stage, plan)
    for stage in args.stage:
        for job in jobs_of(stage, plan):
            print(job.line())
