"""Sentences about what holds and what does not: each computed by a paired bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sslse.metrics.base import kind_of, lower_is_better
from sslse.metrics.bootstrap import Comparison, paired_bootstrap
from sslse.report.format import format_number, heading, minus, unit
from sslse.report.results import Key, Results

HOLDS, OPEN, REVERSED, LOWER, HIGHER = "holds", "open", "reversed", "lower", "higher"


@dataclass(frozen=True)
class Claim:
    """One compared pair.

    Args:
        verdict: ``holds`` or ``reversed`` where the interval leaves zero out in favour of the first
            or the second system and every seed agrees, otherwise ``open``; ``higher`` or ``lower``
            for quality.
        sentence: numbers included.
        group: ``task`` or ``quality``.
        first: label of the first system.
        second: label of the second system.
        column: what is compared.
        comparison: the numbers.
    """

    verdict: str
    sentence: str
    group: str
    first: str
    second: str
    column: str
    comparison: Comparison


def compare_rows(results: Results, first: Key, second: Key, column: str) -> Comparison | None:
    """Compare two rows over the seeds that both have; None where one was not scored."""
    rows = results.rows
    if first not in rows or second not in rows:
        return None
    tables = [rows[key].column(column) for key in (first, second)]
    seeds = [seed for seed in tables[0] if seed in tables[1]]
    if not seeds:
        return None
    pairs = ([table[seed] for seed in seeds] for table in tables)
    return paired_bootstrap(
        *pairs, lower_is_better=lower_is_better(column), trials=kind_of(column) == "eer"
    )


def make_claims(
    results: Results,
    better: Sequence[tuple[Key, Key]],
    compared: Sequence[tuple[Key, Key, str]],
    tasks: Sequence[str] = ("wer_*",),
) -> list[Claim]:
    """Compare every pair that was scored: in the task first, then in quality.

    Args:
        results: the table.
        better: first system expected to be better than the second, in every column of ``tasks``.
        compared: (first, second, column) of which the difference is told without expectation.
        tasks: patterns of columns (``*`` and ``?``).
    """
    claims = []
    columns = [c for c in results.columns if any(fnmatchcase(c, task) for task in tasks)]
    for first, second in better:
        for column in columns:
            comparison = compare_rows(results, first, second, column)
            if comparison is not None:
                claims.append(_task_claim(results, first, second, column, comparison))
    for first, second, column in compared:
        if column in results.columns:
            comparison = compare_rows(results, first, second, column)
            if comparison is not None:
                claims.append(_quality_claim(results, first, second, column, comparison))
    return claims


def _signed(column: str, value: float) -> str:
    """A difference with its sign: points for error rates, else the digits of the table."""
    if lower_is_better(column):
        return minus(100 * value, "+.1f")
    sign = "−" if value < 0 else "+"
    return sign + format_number(column, abs(value))


def _interval(column: str, comparison: Comparison) -> str:
    return f"[{_signed(column, comparison.low)}, {_signed(column, comparison.high)}]"


def _seeds(comparison: Comparison) -> str:
    total = len(comparison.per_seed)
    return f"in {comparison.agreeing} of {total} seeds" if total > 1 else "one seed"


def _doubt(comparison: Comparison) -> str:
    """Return what leaves a comparison open; nothing where it is settled."""
    if not comparison.certain:
        return " The interval holds zero."
    # The interval knows nothing of the choice of seeds, which may weigh more than the utterances.
    return " The seeds disagree." if comparison.agreeing < len(comparison.per_seed) else ""


def _task_claim(
    results: Results, first: Key, second: Key, column: str, comparison: Comparison
) -> Claim:
    a, b = results.rows[first].label, results.rows[second].label
    lower = lower_is_better(column)
    better = comparison.difference <= 0 if lower else comparison.difference >= 0
    doubt = _doubt(comparison)
    verdict = OPEN if doubt else HOLDS if better else REVERSED
    relative = minus(100 * comparison.difference / comparison.b if comparison.b else 0.0, "+.0f")
    percent = " %" if unit(column) == "%" else ""
    sentence = (
        f"{heading(column)}: “{a}” is {'better' if better else 'worse'} than “{b}”: "
        f"{format_number(column, comparison.a)}{percent} against "
        f"{format_number(column, comparison.b)}{percent} "
        f"({_signed(column, comparison.difference)}{' points' if percent else ''}, {relative} % "
        f"relative; 95 % interval {_interval(column, comparison)}, "
        f"P(better) {comparison.probability:.3f}, {_seeds(comparison)}).{doubt}"
    )
    return Claim(verdict, sentence, "task", a, b, column, comparison)


def _quality_claim(
    results: Results, first: Key, second: Key, column: str, comparison: Comparison
) -> Claim:
    a, b = results.rows[first].label, results.rows[second].label
    higher = comparison.difference >= 0
    doubt = _doubt(comparison)
    verdict = OPEN if doubt else HIGHER if higher else LOWER
    name = f"{heading(column)} ({unit(column)})" if unit(column) else heading(column)
    sentence = (
        f"{name}: “{a}” {format_number(column, comparison.a)} against “{b}” "
        f"{format_number(column, comparison.b)} ({_signed(column, comparison.difference)}; "
        f"95 % interval {_interval(column, comparison)}, {_seeds(comparison)}).{doubt}"
    )
    return Claim(verdict, sentence, "quality", a, b, column, comparison)


CAPTION = (
    "Each sentence is a paired bootstrap over the utterances of the test set (10 000 draws, the "
    "results of all seeds pooled). The interval covers the choice of utterances, not the choice of "
    "seeds, so that a comparison is open where the seeds disagree, too. Nothing is corrected for "
    "the number of comparisons."
)
