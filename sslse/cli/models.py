"""List the models that are known here: what --model of other commands can be given.

The shipped ones (the default of --model, and of an upstream named 'default'), the folders of
packed models and of trainings below this folder, and the models of the Hugging Face hub that are in
its local cache. Any other model of the hub is fetched when it is named: user/name or
user/name@revision. Nothing here asks the network.

  sslse models
  sslse models --folder egs/mini/sslmse
"""

from __future__ import annotations

import argparse

SUMMARY = "list the models that are known here"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--folder", default=".", help="where to look for folders of models (default: this folder)"
    )


def run(args: argparse.Namespace) -> int:
    """Print one line for each."""
    from pathlib import Path

    from sslse.catalogue import known_models
    from sslse.errors import DataError
    from sslse.known_models import SHIPPED

    folder = Path(args.folder)
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; give --folder another one")
    models = known_models(folder)
    header = ("name", "kind", "network", "rate", "from")
    rows = [header] + [
        (m.name, m.kind, m.network, f"{m.sample_rate} Hz" if m.sample_rate else "", m.origin)
        for m in models
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    if models:
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join(cells).rstrip())
    shipped = {model.kind for model in models if model.origin == "shipped"}
    for kind in SHIPPED:
        if kind not in shipped:
            print(f"This copy of sslse has no default {kind}: give a folder or a name on the hub.")
    return 0
