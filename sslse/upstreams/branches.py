"""What a folder of a wav2vec 2.0 with branches says about itself in its ``config.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from sslse.errors import ConfigError

Branches = Literal["noisy", "enhanced", "both"]
NAMES = {
    "noisy": "the noisy branch (EW2)",
    "enhanced": "the enhanced branch (SEW2)",
    "both": "the noisy and the enhanced branch (EW2+SEW2)",
}


def stored_branches(directory: str | Path) -> dict[str, Any] | None:
    """Return ``branches`` and ``fusion`` of a folder of this model; None for other checkpoints."""
    path = Path(directory) / "config.json"
    if not path.is_file():
        return None
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(
            f"{directory} cannot be loaded: its config.json is no JSON ({error}); copy it again"
        ) from error
    if config.get("branches") not in NAMES:
        return None
    return {"branches": config["branches"], "fusion": config.get("fusion")}
