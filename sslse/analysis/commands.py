"""The analyses of ``sslse analyze``: read the sets, compute, write tables and plots."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sslse.analysis.corpus import EnhancedCorpus
from sslse.analysis.errors import direct_scaling, error_ratios, join_word_errors
from sslse.analysis.layers import layer_distances, load_model
from sslse.analysis.output import write_plot, write_table
from sslse.errors import ConfigError

NOISY = "noisy"  # name of the set when no enhanced audio is given


def run_analysis(args: argparse.Namespace, out: Path) -> None:
    """Run the analysis ``args.analysis``; see ``sslse analyze --help``."""
    if args.taps < 1:
        raise ConfigError(f"--taps {args.taps}: a filter has at least 1 tap")
    enhanced = named(args.enhanced, "--enhanced") or {NOISY: None}
    corpora = {
        name: EnhancedCorpus(args.data, folder, args.limit) for name, folder in enhanced.items()
    }
    {"errors": errors, "scaling": scaling, "scatter": scatter, "layers": layers}[args.analysis](
        args, corpora, out
    )
    print(f"wrote {out}")


def named(arguments: Sequence[str], option: str) -> dict[str, str]:
    """Return ``{"a": "DIR"}`` of ``["a=DIR"]``.

    Raises:
        ConfigError: a name is missing or given twice.
    """
    result: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or not name or not value:
            raise ConfigError(
                f"{option} {argument}: expected NAME=PATH, for example snr=exp/se/wav"
            )
        if name in result:
            raise ConfigError(f"{option}: the name '{name}' is given twice")
        result[name] = value
    return result


def errors(args: argparse.Namespace, corpora: dict[str, EnhancedCorpus], out: Path) -> None:
    """Ratios of the error parts, per utterance and their means."""
    table, means = [], []
    for name, corpus in corpora.items():
        rows = list(error_ratios(corpus, args.taps))
        table += [{"system": name, **row} for row in rows]
        means.append({"system": name, "utterances": len(rows), **mean_ratios(rows)})
    write_table(out, "errors", table)
    write_table(out, "errors_mean", means)
    clouds = {
        name: columns([row for row in table if row["system"] == name], "snr", "sar")
        for name in corpora
    }
    write_plot(out / "errors.png", clouds, "SNR in dB", "SAR in dB", points=True)
    for row in means:
        numbers = "  ".join(f"{key} {row[key]:.2f} dB" for key in ("sdr", "snr", "sar"))
        print(f"{row['system']}: {numbers}")


def scaling(args: argparse.Namespace, corpora: dict[str, EnhancedCorpus], out: Path) -> None:
    """Direct scaling analysis: WER over the factor of each error part."""
    from sslse.recognizers import build_recognizer

    if not args.recognizer:
        raise ConfigError("scaling needs --recognizer KIND (and its --model)")
    try:
        scales = [float(value) for value in args.scales.split(",")]
    except ValueError:
        raise ConfigError(f"--scales {args.scales}: expected numbers such as 0,0.5,1") from None
    parts = [part.strip() for part in args.parts.split(",")]
    recognizer = build_recognizer(args.recognizer, args.model)
    table = []
    for name, corpus in corpora.items():
        rows = direct_scaling(corpus, recognizer, parts, scales, args.taps)
        table += [{"system": name, **row} for row in rows]
    write_table(out, "scaling", table)
    curves = {
        f"{name}, {part}": columns(
            [row for row in table if (row["system"], row["part"]) == (name, part)], "scale", "wer"
        )
        for name in corpora
        for part in parts
    }
    write_plot(out / "scaling.png", curves, "factor of the error part", "WER")


def scatter(args: argparse.Namespace, corpora: dict[str, EnhancedCorpus], out: Path) -> None:
    """Artefacts against word errors, per utterance."""
    from sslse.data.scp import Table

    files = named(args.words, "--words")
    lacking = sorted(set(corpora) ^ set(files))
    if lacking:
        raise ConfigError(f"scatter needs --enhanced and --words for each name; see {lacking}")
    table, summary = [], []
    for name, corpus in corpora.items():
        words = Table(Path(files[name]))
        rows = join_word_errors(error_ratios(corpus, args.taps), corpus.noisy.text, words)
        if not rows:
            raise ConfigError(f"{files[name]} has no words of an utterance of {args.data}")
        table += [{"system": name, **row} for row in rows]
        sar, wer = columns(rows, "sar", "wer")
        varies = np.std(sar) > 0 and np.std(wer) > 0
        total = sum(row["errors"] for row in rows) / sum(row["words"] for row in rows)
        correlation = float(np.corrcoef(sar, wer)[0, 1]) if varies else float("nan")
        summary.append(
            {"system": name, **mean_ratios(rows), "wer": total, "sar_wer_correlation": correlation}
        )
    write_table(out, "scatter", table)
    write_table(out, "scatter_mean", summary)
    clouds = {
        name: columns([row for row in table if row["system"] == name], "sar", "wer")
        for name in corpora
    }
    write_plot(out / "scatter.png", clouds, "SAR in dB", "WER", points=True)


def layers(args: argparse.Namespace, corpora: dict[str, EnhancedCorpus], out: Path) -> None:
    """Normalised distance to clean speech in each layer."""
    if not args.upstream:
        raise ConfigError("layers needs --upstream FOLDER (an SSL model)")
    upstream = load_model(args.upstream)
    table, curves = [], {}
    for name, corpus in corpora.items():
        values = layer_distances(upstream, corpus, corpus.sample_rate)
        mean, deviation = values.mean(0).tolist(), values.std(0).tolist()
        table += [
            {"system": name, "layer": layer, "distance": mean[layer], "deviation": deviation[layer]}
            for layer in range(len(mean))
        ]
        curves[name] = (range(len(mean)), mean)
    write_table(out, "layers", table)
    write_plot(out / "layers.png", curves, "layer (0: input)", "normalised distance")


def mean_ratios(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the mean of each ratio."""
    return {key: float(np.mean([row[key] for row in rows])) for key in ("sdr", "snr", "sar")}


def columns(rows: Sequence[dict[str, Any]], *keys: str) -> tuple[list[float], ...]:
    """Return some columns of a table as lists."""
    return tuple([row[key] for row in rows] for key in keys)
