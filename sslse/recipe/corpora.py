"""The corpora of a recipe: which of them stage 0 brings, and where they then are."""

from __future__ import annotations

import os

from sslse.downloads.download import choose, read_addresses
from sslse.recipe.method import Method


def unnamed_corpora(method: Method, downloads: str) -> dict[str, str]:
    """Return the variables that ``db.sh`` leaves empty, and the folders that stage 0 makes for
    them; an empty name for a corpus that cannot be downloaded.

    Args:
        method: whose ``corpora`` says which variables there are.
        downloads: folder of stage 0.
    """
    wanted = method.tree.get("corpora")
    if not wanted:
        return {}
    addresses, found = read_addresses(), {}
    for name, word in wanted.items():
        corpus, _ = choose(word, addresses)
        folder = f"{downloads}/{corpus.folder}" if corpus.folder else ""
        # A run has set what was empty: see `sslse plan options`.
        if os.environ.get(name, "") in ("", folder):
            found[name] = folder
    return found
