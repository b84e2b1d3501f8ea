"""The compared pairs on the page: every interval drawn on one scale, and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from sslse.report.claims import CAPTION, Claim
from sslse.report.format import heading, minus

FOREST_WIDTH, FOREST_HEIGHT = 300, 22  # pixels of an interval's picture


def claims_section(claims: Sequence[Claim]) -> str:
    """Return the section of the page: intervals as a picture, sentences, how they were made."""
    if not claims:
        return ""
    task = [claim for claim in claims if claim.group == "task"]
    quality = [claim for claim in claims if claim.group == "quality"]
    parts = []
    if task:
        parts.append("<h3>Task</h3>" + forest(task))
        parts.append(f"<details><summary>In words</summary>{_sentences(task)}</details>")
    if quality:
        parts.append("<h3>Signal quality</h3>" + _sentences(quality))
    return "".join(parts) + f'<p class="note">{escape(CAPTION)}</p>'


def _sentences(claims: Sequence[Claim]) -> str:
    items = "".join(
        f'<li><span class="verdict {claim.verdict}">{claim.verdict}</span>'
        f"<span>{escape(claim.sentence)}</span></li>"
        for claim in claims
    )
    return f'<ul class="claims">{items}</ul>'


def forest(claims: Sequence[Claim]) -> str:
    """Return a table of differences of error rates, each interval drawn on one common scale.

    Args:
        claims: of error rates; those of one pair of systems stand together.
    """
    low = min(0.0, *(claim.comparison.low for claim in claims))
    high = max(0.0, *(claim.comparison.high for claim in claims))

    def place(value: float) -> float:
        return 8 + (value - low) / ((high - low) or 1) * (FOREST_WIDTH - 16)

    rows, pair = [], None
    for claim in claims:
        numbers = claim.comparison
        new = (claim.first, claim.second) != pair
        pair = claim.first, claim.second
        name = f"{escape(claim.first)} <span class='meta'>against</span> {escape(claim.second)}"
        picture = (
            f'<svg width="{FOREST_WIDTH}" height="{FOREST_HEIGHT}" class="{claim.verdict}">'
            f'<line class="zero" x1="{place(0):.1f}" x2="{place(0):.1f}" y1="0" '
            f'y2="{FOREST_HEIGHT}"/><line class="interval" x1="{place(numbers.low):.1f}" '
            f'x2="{place(numbers.high):.1f}" y1="11" y2="11"/>'
            f'<circle cx="{place(numbers.difference):.1f}" cy="11" r="4.5"/></svg>'
        )
        rows.append(
            f"<tr{' class=pair' * new}><td>{name if new else ''}</td>"
            f"<td>{escape(heading(claim.column))}</td><td>{100 * numbers.a:.1f}</td>"
            f"<td>{100 * numbers.b:.1f}</td><td>{minus(100 * numbers.difference, '+.1f')}</td>"
            f"<td class='forest'>{picture}</td>"
            f"<td>{numbers.agreeing} of {len(numbers.per_seed)}</td>"
            f'<td class="verdict {claim.verdict}">{claim.verdict}</td></tr>'
        )
    return (
        '<div class="scroll"><table class="forest"><thead><tr><th>A against B</th><th></th>'
        "<th>A<small>%</small></th><th>B<small>%</small></th><th>A − B<small>points</small></th>"
        f"<th>A better ← 95 % interval → worse<small>{minus(100 * low, '.0f')} to "
        f"{minus(100 * high, '+.0f')} points</small></th>"
        "<th>seeds<small>same sign</small></th><th></th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
