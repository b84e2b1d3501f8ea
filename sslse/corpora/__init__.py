"""Data preparation of published corpora in their published layouts: data directories, no copies of
audio."""
