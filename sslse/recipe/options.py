"""The options of a run: what the command line, a table, the recipe and the method say."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from sslse.errors import ConfigError
from sslse.names import OA_FOLDERS, nearest
from sslse.recipe.method import Method


def read_options(record: bytes) -> tuple[dict[str, str], set[str]]:
    """Return the values of all options, and the names of those that the command line gave.

    Args:
        record: NUL-terminated ``name=value``, or ``+name=value`` where it was given.

    Example:
        >>> read_options(b"nj=2\\0+seeds=0 1\\0")
        ({'nj': '2', 'seeds': '0 1'}, {'seeds'})
    """
    values, given = {}, set()
    for item in record.decode().split("\0")[:-1]:
        name, _, value = item.partition("=")
        values[name.removeprefix("+")] = value
        if name.startswith("+"):
            given.add(name[1:])
    return values, given


def settle(method: Method, values: Mapping[str, str], given: Collection[str]) -> dict[str, str]:
    """Return the options as they hold: the recipe's or the method's own, above them those that go
    with one that is given, those of its full size where it is asked for, those of a table, those of
    the command line.

    Raises:
        ConfigError: an unknown table, figure, variant, back-end or option, or an impossible value.
    """
    values = dict(values)
    kinds = [kind for kind in ("table", "figure") if values.get(kind)]
    if len(kinds) > 1:
        raise ConfigError("--table and --figure: give one of them")
    own = method.tree.get("options") or {}
    sources = [own]
    for name, options in (method.tree.get("with") or {}).items():
        if values.get(name) if name in given else own.get(name, values.get(name)):
            sources.append(options)
    if values.get("full") == "true":
        if not method.tree.get("full"):
            raise ConfigError("--full true: this recipe has one size; leave the option away")
        sources.append(method.tree["full"])
    for kind in kinds:
        part = method.part(kind, values[kind])
        rows = {name: part[name] for name in ("variants", "backends") if name in part}
        sources.append({**rows, **(part.get("options") or {})})
    for source in sources:
        for name, value in source.items():
            if name not in values:
                raise ConfigError(f"{method}: no option '{name}'{nearest(name, list(values))}")
            if name not in given:
                values[name] = _text(value)
    check(method, values)
    return values


def _text(value: Any) -> str:
    """Return a YAML value as a shell variable holds it.

    Example:
        >>> _text(["a", 1]), _text(True), _text(None)
        ('a 1', 'true', '')
    """
    if isinstance(value, list):
        return " ".join(map(_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def check(method: Method, values: Mapping[str, str]) -> None:
    """Refuse names that the method does not have, and values that cannot be."""
    method.check("variants", values.get("variants", "").split(), "variants")
    backends = values.get("backends", "").split()
    method.check("backends", backends, "backends")
    seeds = values.get("seeds", "").split()
    if not seeds or not all(re.fullmatch(r"\d+", seed) for seed in seeds):
        raise ConfigError(f"--seeds: '{values.get('seeds', '')}' is no list of whole numbers")
    device = values.get("device", "auto")
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps", device):
        raise ConfigError(f"--device: '{device}' is none of auto, cpu, cuda, cuda:1 …")
    weights = values.get("oa_weights", "").split()
    for word in weights:
        if not 0 <= _number(word) <= 1:
            raise ConfigError(f"--oa_weights: '{word}' is no number of 0 to 1")
    method.check("backends", values.get("oa_recogniser", "").split(), "oa_recogniser")
    form = values.get("oa_form", "add")
    if form not in OA_FOLDERS:
        raise ConfigError(f"--oa_form: no '{form}'{nearest(form, OA_FOLDERS)}")
    for name in backends:
        among = method.entries[name].get("choose", {}).get("among")
        words = values.get(among, "").split()
        if among and (not words or any(math.isnan(_number(word)) for word in words)):
            raise ConfigError(f"--{among}: '{values.get(among, '')}' is no list of numbers")
    for word in values.get("max_utts", "").split():
        if not re.fullmatch(r"[a-z_]+=[1-9]\d*", word):
            raise ConfigError(f"--max_utts: '{word}' is no METRIC=NUMBER, such as dnsmos=40")
    recognises = any(method.entries[name].get("words") for name in backends)
    if len(weights) > 1 and not recognises and not values.get("se_exp"):
        raise ConfigError(
            "--oa_weights: one of several is chosen by word errors: --backends needs a recogniser"
        )


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def describe(method: Method) -> str:
    """Return what ``--help`` says of a method: variants, back-ends, tables and figures."""
    lines = []
    defaults = method.tree.get("options") or {}
    for section, title in (("variants", "Variants"), ("backends", "Back-ends")):
        names = [name for name in method.names(section)]
        chosen = _text(defaults.get(section)).split()
        if names:
            lines += ["", f"{title} (* default):"]
        for name in names:
            mark = "*" if name in chosen else " "
            lines.append(f"{mark} {name:28} {method.entries[name].get('label', '')}".rstrip())
    for kind in ("table", "figure"):
        parts = method.parts(kind)
        if parts:
            lines += ["", f"{kind.capitalize()}s:"]
        lines += [f"  --{kind} {name:20} {part.get('caption', '')}" for name, part in parts.items()]
    return "\n".join(lines)
