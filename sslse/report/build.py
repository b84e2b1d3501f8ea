"""Write a report: the table as text, RESULTS.md and the HTML page."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sslse import __version__
from sslse.data.datadir import DataDir
from sslse.errors import DataError
from sslse.metrics.credibility import MOST_CLEAN_ERRORS, RateTable
from sslse.report.analyses import read_analyses
from sslse.report.choices import Choice, read_choices
from sslse.report.claims import make_claims
from sslse.report.conditions import condition_tables
from sslse.report.csv_table import NAME, write_csv
from sslse.report.examples import make_examples
from sslse.report.explorer import explorer_data, ranked, read_numbers, write_versions
from sslse.report.grid import Grid, common_grids, main_grid
from sslse.report.markdown import results_markdown
from sslse.report.page import html_page
from sslse.report.paper import Paper
from sslse.report.provenance import read_provenance
from sslse.report.results import Results
from sslse.report.trajectories import trajectory_examples
from sslse.runtime.atomic import atomic_open


@dataclass(frozen=True)
class Report:
    """What was written.

    Args:
        results: all scores.
        grids: the tables: all measures; the same of the seeds that all rows have, where some
            have more; one measure by test condition.
        markdown: path of ``RESULTS.md``.
        page: path of the HTML page.
    """

    results: Results
    grids: list[Grid]
    markdown: Path
    page: Path


def build_report(
    exp: str | os.PathLike,
    set_name: str,
    out: str | os.PathLike,
    *,
    title: str = "Results",
    data: str | os.PathLike | None = None,
    paper: Paper | None = None,
    variants: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    commands: Sequence[str] = (),
    num_examples: int = 3,
    more_examples: int = 20,
    markdown: str | os.PathLike | None = None,
    remarks: str | os.PathLike | None = None,
    backends: Sequence[str] | None = None,
    seeds: Collection[int] | None = None,
    added: bool = True,
    analyses: str | os.PathLike | None = None,
    most_clean_errors: float = MOST_CLEAN_ERRORS,
) -> Report:
    """Read all scores of a test set and write the report.

    Args:
        exp: folder of the experiment.
        set_name: name of the test set.
        out: folder of the report; gets ``index.html``, ``RESULTS.md`` and ``results.csv``.
        title: of the report.
        data: noisy data directory of the set, with ``utt2snr`` and ``text``
            (default: ``data/<set>_noisy`` beside ``exp`` where it exists).
        paper: whose labels, claims and numbers stand beside; see ``read_paper``.
        variants: rows (default: all scored).
        labels: system to what the table calls it.
        commands: that made the results, printed as they are.
        num_examples: utterances to see and hear.
        more_examples: utterances whose audio stands beside the page, in ``index_files``: those in
            which the systems differ most.
        markdown: path of the Markdown file (default: in ``out``).
        remarks: text file whose paragraphs stand below the table, beside the notes.
        backends: whose scores are columns (default: all that were scored).
        seeds: those that count (default: all).
        added: whether systems with observation adding are rows.
        analyses: folder of analyses of the systems, see ``read_analyses``.
        most_clean_errors: see ``Results``.

    Raises:
        DataError: nothing was scored, or the file of remarks does not exist.
    """
    folder = Path(data) if data else Path(exp).parent / "data" / f"{set_name}_noisy"
    noisy = DataDir(folder) if data or folder.is_dir() else None
    snr_db = dict(noisy.utt2snr) if noisy is not None and noisy.has("utt2snr") else {}
    results = Results(
        exp,
        set_name,
        variants,
        {**(paper.labels if paper else {}), **(labels or {})},
        conditions=_conditions(noisy),
        pattern=paper.overall if paper else "*",
        show=paper.show if paper else ("*",),
        backends=backends,
        seeds=seeds,
        added=added,
        most_clean_errors=most_clean_errors,
    )
    claims = []
    if paper:
        claims = make_claims(results, paper.better, paper.compared, paper.tasks, paper.not_better)
    common = {
        "title": title,
        "claims": claims,
        "tables": [*common_grids(results), *condition_tables(results, paper)],
        "paper": paper,
        "settings": weight_tables(results) if added else [],
        "commands": list(commands),
        "versions": _versions(results),
        "remarks": read_remarks(remarks) if remarks else [],
        "analyses": read_analyses(Path(analyses), results) if analyses else [],
    }
    examples = make_examples(results, noisy, snr_db, num_examples) if noisy is not None else []
    articulated = []
    if noisy is not None:
        articulated = trajectory_examples(results, noisy, snr_db, num_examples)
    heard = {example.utterance for example in examples if not example.cut}
    numbers, beside = read_numbers(results), {}
    if noisy is not None:
        order = [name for name in ranked(results, numbers) if name not in heard]
        beside = write_versions(results, noisy, Path(out), order, more_examples)
    explorer = explorer_data(results, noisy, snr_db, numbers, embedded=heard, beside=beside)
    page = Path(out) / "index.html"
    text = Path(markdown) if markdown else Path(out) / "RESULTS.md"
    with atomic_open(page) as stream:
        stream.write(
            html_page(
                results,
                snr_db=snr_db,
                examples=examples,
                trajectories=articulated,
                explorer=explorer,
                provenance=read_provenance(results),
                **common,
            )
        )
    write_csv(results, paper, Path(out) / NAME)
    with atomic_open(text) as stream:
        stream.write(results_markdown(results, **common))
    return Report(results, [main_grid(results), *common["tables"]], text, page)


def _conditions(noisy: DataDir | None) -> dict[str, str]:
    if noisy is None or not noisy.has("utt2condition"):
        return {}
    return dict(noisy.utt2condition)


def read_remarks(path: str | os.PathLike) -> list[str]:
    """Return the paragraphs of a text file, each on one line.

    Raises:
        DataError: there is no such file.
    """
    if not Path(path).is_file():
        raise DataError(f"there is no file of remarks {path}")
    text = Path(path).read_text(encoding="utf-8")
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def weight_tables(results: Results) -> list[tuple[str, str, RateTable]]:
    """Return (system, chosen weight, weight to error rates), a line for each different choice."""
    lines = []
    for system in results.systems:
        seen: list[Choice] = []
        for seed, decode in sorted(results.folders[system].items()):
            for choice in read_choices(decode.parent):
                if choice not in seen:
                    seen.append(choice)
                    name = results.labels.get(system, system)
                    name += " (interpolated)" if choice.form == "interpolate" else ""
                    name += f", seed {seed}" if len(seen) > 1 else ""
                    lines.append((name, f"{choice.weight:g}", choice.table))
    return lines


def _versions(results: Results) -> dict[str, str]:
    return {
        "sslse": __version__,
        "Python": platform.python_version(),
        **results.about.get("versions", {}),
    }
