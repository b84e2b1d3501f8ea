"""A pre-trained SSL model as a folder to give away, with weights of half the size, and its card."""

from __future__ import annotations

from pathlib import Path

import torch

from sslse.errors import DataError
from sslse.model_files import CONFIG_NAME, WEIGHTS_NAME, write_transformers
from sslse.runtime.atomic import atomic_open
from sslse.runtime.curves import read_curves

FARTHEST = 0.01  # of hidden states in float16 from those in float32, relative to their norm


def find_ssl_model(exp: Path) -> Path | None:
    """Return the folder of an SSL model in transformers' form: this one, or one of its training."""
    from sslse.upstreams.branches import stored_branches
    from sslse.upstreams.folder import find_upstream, model_type
    from sslse.upstreams.huggingface import FAMILIES

    try:
        folder = find_upstream(exp) if exp.is_dir() else None
    except DataError:
        return None
    known = folder is not None and model_type(folder) in FAMILIES and not stored_branches(folder)
    return Path(folder) if known else None


def pack_ssl_model(source: Path, exp: Path, out: Path, name: str, license_name: str | None) -> str:
    """Write float16 weights, check the hidden states that they give, and write the card.

    Args:
        source: folder of the model, see ``find_ssl_model``.
        exp: folder of the training, for the card, or of the model.
        out: folder to write, another one.
        name: title of the card.
        license_name: for the card.

    Returns:
        One sentence that says what was written.

    Raises:
        DataError: float16 changes its hidden states.
    """
    from transformers import AutoFeatureExtractor

    from sslse.upstreams import load_upstream

    whole = load_upstream(source)
    rounded = load_upstream(source)
    rounded.model.half().float()
    pairs = zip(_states(whole), _states(rounded), strict=True)
    error = max(float((a - b).norm() / a.norm()) for a, b in pairs)
    if not error <= FARTHEST:  # nor where it is not a number
        raise DataError(
            f"in float16 the hidden states of {source} are {error:.2g} away from what they were, "
            f"more than {FARTHEST:g}; give the model away as it is"
        )
    write_transformers(out, rounded.model.half(), AutoFeatureExtractor.from_pretrained(source))
    with atomic_open(out / "README.md") as stream:
        stream.write(_card(whole, exp, name, license_name))
    size = (out / WEIGHTS_NAME).stat().st_size / 1e6
    return (
        f"packed {source} into {out} ({size:.1f} MB, float16); its hidden states are within "
        f"{error:.1g} of the trained ones"
    )


@torch.no_grad()
def _states(upstream: torch.nn.Module) -> list[torch.Tensor]:
    noise = torch.randn(1, 32000, generator=torch.Generator().manual_seed(0)) * 0.1
    return upstream(noise).hidden_states


def _card(upstream: torch.nn.Module, exp: Path, name: str, license_name: str | None) -> str:
    config = upstream.model.config
    count = sum(parameter.numel() for parameter in upstream.model.parameters()) / 1e6
    head = f"license: {license_name}\n" if license_name else ""
    return f"""---
library_name: sslse
{head}tags:
- speech
- self-supervised
---

# {name}

A self-supervised model of speech ({type(upstream.model).__name__}, {count:.2f} million parameters,
{config.num_hidden_layers} layers of {config.hidden_size} values). A waveform at 16000 Hz in, hidden
states out. Weights are stored in float16 and computed with in float32.
{_training(exp)}
## Load

```python
from sslse.upstreams import load_upstream

states = load_upstream("<this folder>")(waveform).hidden_states  # (B, T) -> layers of (B, F, D)
```

In recipes: `--upstream_model <this folder>`. Transformers' `AutoModel` reads it as well.

## Files

`{CONFIG_NAME}` (network), `{WEIGHTS_NAME}` (weights, no pickle), `preprocessor_config.json`.
"""


def _training(exp: Path) -> str:
    curves = read_curves(exp / "metrics.csv")
    last = {name: values[-1] for name, (_, values) in curves.items() if name.startswith("valid/")}
    if not last:
        return ""
    step = max(steps[-1] for name, (steps, _) in curves.items() if name in last)
    lines = "".join(
        f"| {name.removeprefix('valid/').replace('_', ' ')} | {value:.3f} |\n"
        for name, value in last.items()
    )
    return f"""
## Training

{int(step) + 1:,} steps. On the validation set:

| number | value |
|---|--:|
{lines}"""
