"""How the report prints numbers: names of columns, units, decimals, the true minus sign."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sslse.metrics.base import LISTENED, METRICS, format_value, kind_of


@dataclass(frozen=True)
class Cell:
    """One number of the table.

    Args:
        values: one a seed, in the order of the seeds.
        n_scored: utterances, summed over seeds.
        n_failed: utterances, summed over seeds.
        interval: 95 % interval of what listeners said; None where unknown.
    """

    values: tuple[float, ...]
    n_scored: int
    n_failed: int
    interval: tuple[float, float] | None = None

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float | None:
        """Sample standard deviation over seeds; None for one seed."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


HEADINGS = {
    **LISTENED,
    "sdr": "SDR",
    "si_sdr": "SI-SDR",
    "pesq": "PESQ",
    "pesq_nb": "PESQ NB",
    "stoi": "STOI",
    "dnsmos_sig": "SIG",
    "dnsmos_bak": "BAK",
    "dnsmos_ovrl": "OVRL",
    "csig": "CSIG",
    "cbak": "CBAK",
    "covl": "COVL",
    "llr": "LLR",
    "wss": "WSS",
    "seg_snr": "segmental SNR",
    "ppmc": "PPMC",
}
DECIMALS = {"stoi": 3, "ppmc": 3}


def heading(column: str) -> str:
    """Return what the table calls a column.

    Example:
        >>> heading("si_sdr"), heading("wer_ssl_other")
        ('SI-SDR', 'WER ssl_other')
    """
    kind = kind_of(column)
    if kind:
        return f"{'Acc' if kind == 'acc' else kind.upper()} {column[len(kind) + 1 :]}"
    if column.startswith("ppmc_"):
        return f"PPMC {column[5:]}"
    return HEADINGS.get(column, column)


def unit(column: str) -> str:
    """Return the unit of a column."""
    if kind_of(column):
        return "%"
    return "dB" if column in METRICS and METRICS[column].unit == "dB" else ""


def format_number(column: str, value: float) -> str:
    """Return a value as the tables print it: percent for rates, ∞ for equal signals.

    Example:
        >>> format_number("wer_ssl", 0.2941), format_number("pesq", 1.426)
        ('29.4', '1.43')
    """
    if kind_of(column):
        return minus(100 * value, ".1f")
    return true_minus(format_value(column, value, f".{DECIMALS.get(column, 2)}f"))


def minus(value: float, spec: str) -> str:
    """Return a formatted number with the true minus sign.

    Example:
        >>> minus(-1.25, "+.1f")
        '−1.2'
    """
    return true_minus(format(value, spec))


def true_minus(text: str) -> str:
    """Return a formatted number with the true minus sign."""
    return text.replace("-", "−")


def name_seeds(seeds: Collection[int]) -> str:
    """Return seeds as a sentence begins with them.

    Example:
        >>> name_seeds([0]), name_seeds([0, 2])
        ('Seed 0', 'Seeds 0, 2')
    """
    return f"Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def join_names(names: Iterable[str]) -> str:
    """Return names as a list in a sentence, which stays one where names have commas.

    Example:
        >>> join_names(["SNR", "SNR + LMFB"]), join_names(["SNR, as many steps", "SNR + LMFB"])
        ('SNR, SNR + LMFB', 'SNR, as many steps; SNR + LMFB')
    """
    names = list(names)
    return ("; " if any("," in name for name in names) else ", ").join(names)


def format_cell(column: str, cell: Cell | None) -> tuple[str, str]:
    """Return the mean, with its interval where one is known, and the spread of a cell; the spread
    is empty for one seed.

    Example:
        >>> format_cell("mos_sig", Cell((3.0,), 12, 0, interval=(2.5, 3.46)))
        ('3.00 [2.50, 3.46]', '')
    """
    if cell is None:
        return "", ""
    mean = format_number(column, cell.mean)
    if cell.interval is not None:
        mean += f" [{', '.join(format_number(column, end) for end in cell.interval)}]"
    if cell.spread is None or mean in ("∞", "−∞"):
        return mean, ""
    return mean, format_number(column, cell.spread)
