"""What the model card of an enhancer says: how to use it, and its results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sslse.enhancers.base import Enhancer
from sslse.errors import DataError
from sslse.names import OA_FOLDERS


def enhancer_card(enhancer: Enhancer, exp: Path) -> str:
    """Return Markdown for the card of an enhancer.

    Args:
        enhancer: in evaluation mode.
        exp: folder of its training, whose scores become a table.
    """
    form, weight = _chosen_weight(exp)
    oa = "" if weight is None else f" --oa {weight:g}"
    oa += f" --oa-form {form}" if form != "add" else ""
    advice = (
        f"\nFor speech recognition, observation adding with weight {weight:g} was chosen on a "
        "validation set.\n"
        if weight
        else ""
    )
    return f"""
A noisy waveform of one channel at {enhancer.sample_rate} Hz in, the enhanced one of the same length
out.

```sh
sslse enhance noisy.wav -o enhanced --model <this folder>{oa}
```

```python
from sslse import Enhancer

enhanced = Enhancer.from_pretrained("<this folder>").enhance(noisy)  # (time,) or (batch, time)
```
{_real_time(enhancer)}{advice}{_results(exp)}"""


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


def _chosen_weight(exp: Path) -> tuple[str, float | None]:
    """Return form and weight of observation adding, where one was chosen."""
    for form, start in OA_FOLDERS.items():
        for path in sorted(exp.glob(f"{start}_*.json")):
            weight = _read_json(path).get("weight")
            if isinstance(weight, int | float):
                return form, float(weight)
    return "add", None


def _results(exp: Path) -> str:
    """Return a table of the means in ``decode_*/o[ai]*/scores``, with the noisy input as a row."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for path in sorted(exp.glob("decode_*/o[ai]*/scores/summary.json")):
        test_set = path.parts[-4].removeprefix("decode_")
        if "valid" in test_set:
            continue
        noisy = exp.parent / "noisy" / path.parts[-4] / "oa0" / "scores" / "summary.json"
        if noisy.is_file():
            rows[test_set, "noisy input"] = _means(_read_json(noisy))
        start, weight = path.parts[-3][:2], path.parts[-3][2:]
        label = "enhanced" if float(weight) == 0 else f"enhanced, observation adding {weight}"
        label += " (interpolated)" if start == OA_FOLDERS["interpolate"] else ""
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
