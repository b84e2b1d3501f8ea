#!/usr/bin/env python3
"""Print the language model weight whose hypotheses have the fewest word errors.

best_hypotheses.py REFERENCE_TEXT FOLDER WEIGHT...     reads FOLDER/hyp_lm_WEIGHT/text
"""

from __future__ import annotations

import sys
from pathlib import Path

from sslse.data.scp import Table
from sslse.metrics.wer import word_errors


def main(reference: str, folder: str, *weights: str) -> None:
    """Print the best weight; of equal ones the first."""
    truth = dict(Table(Path(reference)))
    errors = {}
    for weight in weights:
        said = dict(Table(Path(folder) / f"hyp_lm_{weight}" / "text"))
        errors[weight] = sum(word_errors(truth[name], said.get(name, ""))[0] for name in truth)
        print(f"language model weight {weight}: {errors[weight]} word errors", file=sys.stderr)
    print(min(errors, key=lambda weight: errors[weight]))


if __name__ == "__main__":
    main(*sys.argv[1:])
