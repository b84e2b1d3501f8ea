"""Numbers that the papers print, to stand beside the measured ones, never instead of them."""

from __future__ import annotations

from dataclasses import dataclass

from sslse.errors import ConfigError
from sslse.report.claims import compare_rows
from sslse.report.format import heading, minus
from sslse.report.results import Key, Results


@dataclass(frozen=True)
class Change:
    """A relative change that a paper reports.

    Args:
        first: row whose change it is.
        second: row it is relative to.
        column: prefix of the measured columns to compare with.
        text: what it is, in the paper.
        percent: relative change, percent.
    """

    first: Key
    second: Key
    column: str
    text: str
    percent: float


@dataclass(frozen=True)
class Paper:
    """What a paper's table says about rows that the report has.

    Args:
        citation: whose numbers.
        setting: how they differ from a small recipe's.
        columns: names of its numbers.
        rows: row to numbers, None where the text gives none.
        changes: relative changes in its text.
    """

    citation: str
    setting: str
    columns: tuple[str, ...]
    rows: dict[Key, tuple[float | None, ...]]
    changes: tuple[Change, ...]


PAPERS = {
    "sslmse": Paper(
        citation="Sato et al. 2025, Front. Signal Process. 5:1587969, Table 1 and section 5.2",
        setting=(
            "LibriSpeech with DNS noise at 0 to 10 dB, Conv-TasNet of full size, SSL-MSE with "
            "WavLM Large, fixed addition ratio; only the numbers that its text gives"
        ),
        columns=("WER SSL head %", "WER Whisper %", "OVRL"),
        rows={
            ("clean", False): (None, 3.9, None),
            ("noisy", False): (None, 9.3, None),
            ("ft_snr", True): (12.2, 10.3, 2.93),
            ("ft_ssl_mse", False): (11.3, 9.6, 3.42),
        },
        changes=(
            Change(("ft_ssl_mse", False), ("ft_snr", False), "wer_", "WER, SSL head", -22),
            Change(("ft_ssl_mse", False), ("ft_snr", False), "wer_", "WER, Whisper medium", -21),
        ),
    ),
}


def find_paper(name: str | None) -> Paper | None:
    """Return a paper by its name, None for none.

    Raises:
        ConfigError: the name is unknown.
    """
    if not name:
        return None
    if name not in PAPERS:
        raise ConfigError(f"no numbers of a paper '{name}'; known are {', '.join(PAPERS)}")
    return PAPERS[name]


def paper_lines(results: Results, paper: Paper) -> list[tuple[str, str, str]]:
    """Return (what, in the paper, measured here) for each relative change that a paper reports."""
    lines = []
    for change in paper.changes:
        measured = []
        for column in results.columns:
            if column.startswith(change.column):
                comparison = compare_rows(results, change.first, change.second, column)
                if comparison is not None and comparison.b:
                    relative = 100 * comparison.difference / comparison.b
                    measured.append(f"{heading(column)} {minus(relative, '+.0f')} %")
        if measured:
            first, second = (results.rows[key].label for key in (change.first, change.second))
            lines.append(
                (
                    f"{change.text}: {first} relative to {second}",
                    f"{minus(change.percent, '+.0f')} %",
                    ", ".join(measured),
                )
            )
    return lines
