"""Which recognisers may judge: those that recognise clean speech."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sslse.metrics.scores import SUMMARY, read_summary

MOST_CLEAN_ERRORS = 0.3  # of the words of clean speech, beyond which a recogniser judges nothing
RateTable = Mapping[str, Mapping[str, float]]  # setting -> wer_<recogniser>, mean -> rate


def clean_error_rates(summaries: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return ``wer_<recogniser>`` of clean speech, pooled over summaries of scores (seeds).

    Example:
        >>> seeds = [{"wer_a": {"errors": 1, "words": 4}}, {"wer_a": {"errors": 3, "words": 4}}]
        >>> clean_error_rates(seeds)
        {'wer_a': 0.5}
    """
    errors: dict[str, float] = {}
    words: dict[str, float] = {}
    for summary in summaries:
        for name, entry in summary.items():
            if name.startswith("wer_") and "errors" in entry:
                errors[name] = errors.get(name, 0) + entry["errors"]
                words[name] = words.get(name, 0) + entry["words"]
    return {name: errors[name] / words[name] for name in errors if words[name]}


def not_credible(rates: Mapping[str, float], most: float) -> dict[str, float]:
    """Return the recognisers that err too often on clean speech to judge anything, with their rate.

    Example:
        >>> not_credible({"wer_ssl": 0.08, "wer_logmel": 0.9}, most=0.3)
        {'wer_logmel': 0.9}
    """
    return {name: rate for name, rate in rates.items() if rate > most}


def choose_judges(names: Iterable[str], doubtful: Mapping[str, float]) -> list[str]:
    """Return the recognisers whose mean error rate chooses a setting: all that are credible; where
    none is, the one that errs least on clean speech.

    Args:
        names: ``wer_<recogniser>`` of all.
        doubtful: those that are not credible, with their rate, as ``not_credible`` returns them.

    Example:
        >>> choose_judges(["wer_logmel", "wer_ssl"], {"wer_logmel": 0.9})
        ['wer_ssl']
        >>> choose_judges(["wer_logmel", "wer_ssl"], {"wer_logmel": 0.9, "wer_ssl": 0.4})
        ['wer_ssl']
    """
    names = list(names)
    credible = [name for name in names if name not in doubtful]
    return credible or [min(names, key=doubtful.__getitem__)]


def chooses_alone(table: RateTable, doubtful: Mapping[str, float]) -> str:
    """Return the recogniser that chose alone, because none was credible; else nothing.

    Args:
        table: setting to error rates, as ``select_setting`` returns it.
        doubtful: see ``choose_judges``.

    Example:
        >>> table = {"0.2": {"wer_a": 0.6, "wer_b": 0.5, "mean": 0.6}}
        >>> chooses_alone(table, {"wer_a": 0.4, "wer_b": 0.7}), chooses_alone(table, {"wer_b": 0.7})
        ('wer_a', '')
    """
    if not doubtful:
        return ""
    names = sorted({name for rates in table.values() for name in rates} - {"mean"})
    judge = choose_judges(names, doubtful)[0]
    return judge if judge in doubtful else ""


def clean_beside(scores: Path) -> Path:
    """Return where the scores of clean speech are: the row ``clean`` beside a row of a set.

    Example:
        >>> str(clean_beside(Path("exp/seed0/ft_snr/decode_valid/oa0.2/scores")))
        'exp/seed0/clean/decode_valid/oa0/scores'
    """
    decode = scores.parents[1]
    return decode.parent.with_name("clean") / decode.name / "oa0" / "scores"


def find_doubtful(
    scores: Iterable[Path], most: float = MOST_CLEAN_ERRORS, clean: Sequence[Path] = ()
) -> dict[str, float]:
    """Return the recognisers that take no part in a choice, with their rate on clean speech.

    Args:
        scores: folders of scores that are compared.
        most: highest word error rate of clean speech at which a recogniser is credible.
        clean: folders of scores of clean speech; default: those beside ``scores``, where there are.
    """
    folders = clean or [
        path for path in dict.fromkeys(map(clean_beside, scores)) if (path / SUMMARY).is_file()
    ]
    return not_credible(clean_error_rates(map(read_summary, folders)), most)
