"""A trained enhancer as a folder to give away: model card, description, weights; checked."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch

from sslse.data.atomic import atomic_open
from sslse.enhancers.base import CONFIG_NAME, WEIGHTS_NAME, Enhancer
from sslse.errors import DataError

CARD_NAME = "README.md"
TRAINING_NAME = "training.yaml"


def pack(
    exp: str | os.PathLike,
    out: str | os.PathLike,
    name: str | None = None,
    license_name: str | None = None,
) -> str:
    """Write a packed model and check that it loads to the same network.

    Args:
        exp: folder of a training (with ``enhancer/`` in it), or of a saved enhancer.
        out: folder to write; the card comes last.
        name: title of the card; default: the name of ``exp``.
        license_name: for the card; default: none is stated.

    Returns:
        One sentence that says what was written.

    Raises:
        DataError: there is no enhancer in ``exp``, or the packed one differs.
    """
    exp, out = Path(exp), Path(out)
    source = exp if (exp / WEIGHTS_NAME).is_file() else exp / "enhancer"
    if not source.is_dir():
        raise DataError(f"{exp} holds no enhancer: neither {WEIGHTS_NAME} nor the folder enhancer/")
    if out.resolve() == source.resolve():
        raise DataError(f"{out} is the model itself; pack it into another folder")
    enhancer = Enhancer.from_pretrained(source)
    enhancer.save_pretrained(out)
    if (exp / "config.yaml").is_file():
        with atomic_open(out / TRAINING_NAME) as stream:
            stream.write((exp / "config.yaml").read_text(encoding="utf-8"))
    _check(enhancer, out)
    with atomic_open(out / CARD_NAME) as stream:
        stream.write(_card(enhancer, exp, name or exp.resolve().name, license_name))
    size = (out / WEIGHTS_NAME).stat().st_size / 1e6
    return f"packed {source} into {out} ({size:.1f} MB); it loads and gives the same output"


def _check(enhancer: Enhancer, out: Path) -> None:
    noisy = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        if not torch.equal(Enhancer.from_pretrained(out)(noisy), enhancer(noisy)):
            raise DataError(
                f"the model packed in {out} differs from the trained one; pack it again"
            )


def _card(enhancer: Enhancer, exp: Path, name: str, license_name: str | None) -> str:
    count = sum(parameter.numel() for parameter in enhancer.parameters())
    sizes = "\n".join(f"| {key} | {value} |" for key, value in enhancer.config.items())
    weight = _chosen_weight(exp)
    oa = "" if weight is None else f" --oa {weight:g}"
    advice = (
        f"\nFor speech recognition, observation adding with weight {weight:g} was chosen on a "
        "validation set.\n"
        if weight
        else ""
    )
    training = f"\nTrained with the configuration in `{TRAINING_NAME}`.\n"
    return f"""---
library_name: sslse
{f"license: {license_name}{chr(10)}" if license_name else ""}tags:
- speech-enhancement
- audio-to-audio
---

# {name}

A speech enhancer ({type(enhancer).__name__}, {count / 1e6:.2f} million parameters,
{enhancer.sample_rate} Hz, one channel): noisy waveform in, enhanced one of the same length out.

## Use

```sh
sslse enhance noisy.wav -o enhanced --model <this folder>{oa}
```

```python
from sslse import Enhancer

enhancer = Enhancer.from_pretrained("<this folder>")
enhanced = enhancer(noisy)  # tensors of shape (batch, time)
```
{_real_time(enhancer)}{advice}
## Network

| option | value |
|---|---|
{sizes}
{training if (exp / "config.yaml").is_file() else ""}{_results(exp)}
## Files

`{CONFIG_NAME}` (class and options), `{WEIGHTS_NAME}` (weights, no pickle), `{CARD_NAME}`.
"""


def _real_time(enhancer: Enhancer) -> str:
    if not enhancer.causal or enhancer.latency_samples is None:
        return ""
    milliseconds = 1000 * enhancer.latency_samples / enhancer.sample_rate
    return f"""
It works in real time, with an algorithmic latency of {milliseconds:g} ms:

```sh
arecord -q -f S16_LE -r {enhancer.sample_rate} -t wav |
    sslse enhance --stream --model <this folder> | aplay -q
```
"""


def _chosen_weight(exp: Path) -> float | None:
    for path in sorted(exp.glob("oa_*.json")):
        weight = _read_json(path).get("weight")
        if isinstance(weight, int | float):
            return float(weight)
    return None


def _results(exp: Path) -> str:
    """Return a table of the means in ``decode_*/oa*/scores``, with the noisy input as a row."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for path in sorted(exp.glob("decode_*/oa*/scores/summary.json")):
        test_set = path.parts[-4].removeprefix("decode_")
        if "valid" in test_set:
            continue
        noisy = exp.parent / "noisy" / path.parts[-4] / "oa0" / "scores" / "summary.json"
        if noisy.is_file():
            rows[test_set, "noisy input"] = _means(_read_json(noisy))
        weight = path.parts[-3].removeprefix("oa")
        label = "enhanced" if float(weight) == 0 else f"enhanced, observation adding {weight}"
        rows[test_set, label] = _means(_read_json(path))
    columns = list(dict.fromkeys(column for means in rows.values() for column in means))
    if not columns:
        return ""
    lines = ["", "## Results", "", "| set | audio | " + " | ".join(columns) + " |"]
    lines.append("|" + "---|" * (2 + len(columns)))
    for (test_set, label), means in rows.items():
        cells = [means.get(column, "") for column in columns]
        lines.append(f"| {test_set} | {label} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _means(summary: dict[str, Any]) -> dict[str, str]:
    means = {}
    for column, facts in summary.items():
        if isinstance(facts.get("wer"), float):
            means[column] = f"{facts['wer']:.1%}"
        elif isinstance(facts.get("mean"), int | float):
            means[column] = f"{facts['mean']:.2f}"
    return means


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error}); score or select again") from error
    return content if isinstance(content, dict) else {}
