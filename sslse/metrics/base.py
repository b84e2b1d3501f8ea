"""The table of metrics: what is reported about a signal or a hypothesis, never trained on.

A metric of a signal is a function ``metric(clean, enhanced, sample_rate) -> float`` (or several
named floats) on whole utterances, shape (T,), full scale ±1. It raises :class:`MetricFailure` where
it has no value: such an utterance is counted and listed as failed, and is never a zero in a mean.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sslse.errors import ConfigError, SslseError
from sslse.names import nearest


class MetricFailure(SslseError):
    """A metric has no value for this utterance; the message is the reason that is listed."""


@dataclass(frozen=True)
class Metric:
    """One entry of the table.

    Args:
        function: ``"module:function"``, imported only by the processes that compute it.
        columns: names of the numbers that it gives; each becomes a file of the scores folder.
        unit: of the numbers, for people.
        needs_clean: whether it compares with a clean reference.
    """

    function: str
    columns: tuple[str, ...]
    unit: str
    needs_clean: bool = True

    def load(self) -> Callable[[np.ndarray | None, np.ndarray, int], float | dict[str, float]]:
        """Import and return the function."""
        module, _, name = self.function.partition(":")
        return getattr(importlib.import_module(module), name)


DNSMOS_COLUMNS = ("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "dnsmos_p808")

LISTENED = {  # columns that listeners gave ('sslse listen')
    "mos_sig": "SIG (listeners)",
    "mos_bak": "BAK (listeners)",
    "mos_ovrl": "OVRL (listeners)",
    "mushra": "MUSHRA (listeners)",
}

LIMIT_DB = 100.0  # equal signals score it; the 98 dB of 16-bit samples lie below

METRICS: dict[str, Metric] = {
    "sdr": Metric("sslse.metrics.ratios:sdr", ("sdr",), "dB"),
    "si_sdr": Metric("sslse.metrics.ratios:si_sdr", ("si_sdr",), "dB"),
    "snr": Metric("sslse.metrics.ratios:snr", ("snr",), "dB"),
    "pesq": Metric("sslse.metrics.quality:pesq", ("pesq",), "MOS"),
    "pesq_nb": Metric("sslse.metrics.quality:pesq_nb", ("pesq_nb",), "MOS"),
    "stoi": Metric("sslse.metrics.intelligibility:stoi", ("stoi",), "0 to 1"),
    "estoi": Metric("sslse.metrics.intelligibility:estoi", ("estoi",), "0 to 1"),
    "composite": Metric(
        "sslse.metrics.composite_quality:composite", ("csig", "cbak", "covl"), "1 to 5"
    ),
    "llr": Metric("sslse.metrics.segments:llr", ("llr",), "nat, lower is better"),
    "wss": Metric("sslse.metrics.segments:wss", ("wss",), "lower is better"),
    "seg_snr": Metric("sslse.metrics.segments:seg_snr", ("seg_snr",), "dB"),
    "dnsmos": Metric(
        "sslse.metrics.dnsmos_networks:dnsmos",
        DNSMOS_COLUMNS,
        "MOS without reference",
        needs_clean=False,
    ),
}

# Their versions decide the values, so they stand in every summary.
PACKAGES = ("numpy", "scipy", "pesq", "pystoi", "speechmos", "onnxruntime", "jiwer")


# Prefixes of the columns of back-ends, ``<kind>_<name>``; all are fractions, printed in percent.
ERROR_RATES = {
    "wer": "word errors",
    "cer": "character errors",
    "eer": "equal error rate of verification",
    "der": "diarization errors",
    "fer": "frame errors of speech activity",
}
RATES = {**ERROR_RATES, "acc": "utterances with all classes right"}


def kind_of(column: str) -> str:
    """Return the kind of a back-end's column, a key of :data:`RATES`; empty for a signal's.

    Example:
        >>> kind_of("wer_ssl_other"), kind_of("si_sdr")
        ('wer', '')
    """
    kind, _, name = column.partition("_")
    return kind if kind in RATES and name else ""


def format_value(column: str, value: float, spec: str) -> str:
    """Return a value as text; a ratio of equal signals is infinite.

    Args:
        column: name of the column.
        value: as it is stored, ratios limited to ±:data:`LIMIT_DB`.
        spec: format of a finite one.

    Example:
        >>> format_value("sdr", 100.0, ".4g"), format_value("sdr", 12.345, ".4g")
        ('∞', '12.35')
    """
    if column in METRICS and METRICS[column].unit == "dB" and abs(value) >= LIMIT_DB:
        return "∞" if value > 0 else "-∞"
    return format(value, spec)


def lower_is_better(column: str) -> bool:
    """Whether a smaller number is a better one (error rates, distances) or a worse one (the rest).

    Example:
        >>> lower_is_better("wer_ssl"), lower_is_better("pesq"), lower_is_better("acc_ic")
        (True, False, False)
    """
    return kind_of(column) in ERROR_RATES or column in ("llr", "wss")


def parse_metrics(names: str | Sequence[str]) -> list[str]:
    """Return the names of a comma-separated list, checked against :data:`METRICS`.

    Raises:
        ConfigError: a name is unknown; the message names the nearest or all.

    Example:
        >>> parse_metrics("sdr,pesq")
        ['sdr', 'pesq']
    """
    items = names.split(",") if isinstance(names, str) else list(names)
    chosen = list(dict.fromkeys(name.strip() for name in items if name.strip()))
    for name in chosen:
        if name not in METRICS:
            raise ConfigError(f"no metric '{name}'{nearest(name, METRICS)}")
    return chosen


def check_signal(name: str, signal: np.ndarray) -> np.ndarray:
    """Return ``signal`` as float64 (T,) if a metric can be computed on it.

    Raises:
        MetricFailure: it is empty, not one-dimensional, not finite, silent, or constant.
    """
    signal = np.asarray(signal, dtype=np.float64)
    if signal.ndim != 1:
        raise MetricFailure(f"the {name} signal has shape {signal.shape}, one channel is expected")
    if not signal.size:
        raise MetricFailure(f"the {name} signal is empty")
    if not np.isfinite(signal).all():
        raise MetricFailure(f"the {name} signal holds samples that are not finite")
    if not signal @ signal:
        raise MetricFailure(f"the {name} signal is silent (every sample is zero)")
    if signal.min() == signal.max():
        count = "one sample" if signal.size == 1 else f"{signal.size} equal samples"
        raise MetricFailure(f"the {name} signal is constant ({count}), which is no sound")
    return signal


def check_pair(clean: np.ndarray, enhanced: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both signals as float64 (T,) if they can be compared sample by sample.

    Raises:
        MetricFailure: one of them is unusable or their lengths differ.
    """
    clean, enhanced = check_signal("clean", clean), check_signal("enhanced", enhanced)
    if len(clean) != len(enhanced):
        raise MetricFailure(
            f"the lengths differ: {len(clean)} clean and {len(enhanced)} enhanced samples"
        )
    return clean, enhanced
