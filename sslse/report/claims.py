"""What holds and what does not: each claim computed by a paired bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sslse.errors import DataError
from sslse.metrics.base import kind_of, lower_is_better
from sslse.metrics.bootstrap import Comparison, paired_bootstrap
from sslse.report.format import format_number, heading, minus, unit
from sslse.report.results import Results
from sslse.report.row import Key, Row

BETTER, NO_BETTER, AGAINST = "better than", "no better than", "against"
HOLDS, OPEN, REVERSED, LOWER, HIGHER = "holds", "open", "reversed", "lower", "higher"
Pair = tuple[Key, Key] | tuple[Key, Key, str]
"""Two rows and, where it is about some columns alone, their pattern."""

EXPECTED = {True: "Claims", False: "Differences of which nothing is claimed"}
"""Titles of the two sorts of claims."""

HEADS = (
    *("claim", "measure", "first", "second", "difference [95 % interval]", "seeds", "verdict"),
)
CAPTION = (
    "Each line is a paired bootstrap over the test set (10 000 draws, the results of all seeds "
    "pooled): speakers are drawn, then the utterances of each with all their mixtures; where "
    "speakers are not known, or there is one, utterances. “Seeds” are those whose own difference "
    "has the same sign. Differences of percentages are points. The interval covers the choice of "
    "speakers and utterances, not the choice of seeds: a claim is open where the interval holds "
    "zero or the seeds disagree. "
    "Nothing is corrected for the number of comparisons."
)


@dataclass(frozen=True)
class Claim:
    """One compared pair.

    Args:
        verdict: ``holds`` or ``reversed`` where the interval leaves zero out in favour of the first
            or the second system and every seed agrees, otherwise ``open``; ``higher`` or ``lower``
            where nothing is expected.
        relation: what is claimed of the first to the second.
        first: label of the first system.
        second: label of the second system.
        column: what is compared.
        comparison: the numbers.
    """

    verdict: str
    relation: str
    first: str
    second: str
    column: str
    comparison: Comparison

    @property
    def expected(self) -> bool:
        """Whether one of the systems is expected to be better."""
        return self.relation != AGAINST

    @property
    def text(self) -> str:
        """What is claimed of the two systems."""
        return f"“{self.first}” {self.relation} “{self.second}”"

    @property
    def measure(self) -> str:
        """What is compared, with its unit."""
        return f"{heading(self.column)} {unit(self.column)}".strip()

    @property
    def values(self) -> tuple[str, str]:
        """What the two systems reach."""
        a, b = self.comparison.a, self.comparison.b
        return format_number(self.column, a), format_number(self.column, b)

    @property
    def difference(self) -> str:
        """First minus second; points where the measure is a percentage."""
        return _signed(self.column, self.comparison.difference)

    @property
    def interval(self) -> str:
        """95 % interval of the difference."""
        low, high = self.comparison.low, self.comparison.high
        return f"[{_signed(self.column, low)}, {_signed(self.column, high)}]"

    @property
    def relative(self) -> str:
        """Difference in percent of what the second system reaches."""
        numbers = self.comparison
        return minus(100 * numbers.difference / numbers.b if numbers.b else 0.0, "+.0f")

    @property
    def seeds(self) -> str:
        """Seeds whose difference has the sign of the whole."""
        total = len(self.comparison.per_seed)
        return f"{self.comparison.agreeing} of {total}" if total > 1 else "one"


def claim_table(claims: Sequence[Claim]) -> list[tuple[str, ...]]:
    """Return lines under :data:`HEADS`; a pair is named in its first line."""
    lines, last = [], ""
    for claim in claims:
        text = claim.text if claim.text != last else ""
        last = claim.text
        difference = f"{claim.difference} {claim.interval}"
        line = (text, claim.measure, *claim.values, difference, claim.seeds, claim.verdict)
        lines.append(line)
    return lines


def compare_rows(results: Results, first: Key, second: Key, column: str) -> Comparison | None:
    """Compare two rows over the seeds that both have; None where they have nothing in common."""
    rows = results.rows
    if first not in rows or second not in rows:
        return None
    tables = [rows[key].column(column) for key in (first, second)]
    seeds = [seed for seed in tables[0] if seed in tables[1]]
    if not seeds:
        return None
    pairs = ([table[seed] for seed in seeds] for table in tables)
    try:
        return paired_bootstrap(
            *pairs,
            lower_is_better=lower_is_better(column),
            trials=kind_of(column) == "eer",
            groups=_groups(rows[first], rows[second]),
            known=results.drawn,
        )
    except DataError:  # no utterance in common, or no words: there is nothing to compare
        return None


def _groups(first: Row, second: Row) -> dict[str, tuple[str, str]] | None:
    both = first.groups, second.groups
    return None if None in both else {**both[0], **both[1]}


def make_claims(
    results: Results,
    better: Sequence[Pair],
    compared: Sequence[tuple[Key, Key, str]],
    tasks: Sequence[str] = ("wer_*",),
    not_better: Sequence[Pair] = (),
) -> list[Claim]:
    """Compare every pair that was scored: those with an expectation first.

    A recogniser that is not credible (see ``Results.doubtful``) proves nothing, so it has no claim.

    Args:
        results: the table.
        better: first system expected to be better than the second, in every column of ``tasks``
            (that matches the pattern, where one is given with the pair).
        compared: (first, second, column) of which the difference is told without expectation.
        tasks: patterns of columns (``*`` and ``?``).
        not_better: first system expected to be no better than the second, likewise.
    """
    asked = []
    for relation, pairs in ((BETTER, better), (NO_BETTER, not_better)):
        for first, second, *own in pairs:
            asked += [
                (relation, first, second, column)
                for column in results.columns
                if column not in results.doubtful
                if any(fnmatchcase(column, task) for task in tasks)
                if all(fnmatchcase(column, pattern) for pattern in own)
            ]
    asked += [
        (AGAINST, *one)
        for one in compared
        if one[2] in results.columns and one[2] not in results.doubtful
    ]
    claims = []
    for relation, first, second, column in asked:
        comparison = compare_rows(results, first, second, column)
        if comparison is not None:
            verdict = _verdict(relation, column, comparison)
            labels = (results.rows[key].label for key in (first, second))
            claims.append(Claim(verdict, relation, *labels, column, comparison))
    return claims


def _verdict(relation: str, column: str, comparison: Comparison) -> str:
    # The interval knows nothing of the choice of seeds, which may weigh more than the utterances.
    if not comparison.certain or comparison.agreeing < len(comparison.per_seed):
        return OPEN
    higher = comparison.difference >= 0
    if relation == AGAINST:
        return HIGHER if higher else LOWER
    better = higher != lower_is_better(column)
    return HOLDS if better == (relation == BETTER) else REVERSED


def _signed(column: str, value: float) -> str:
    """A difference with its sign: points for rates, else the digits of the table."""
    sign = "−" if value < 0 else "+"
    return sign + format_number(column, abs(value))
