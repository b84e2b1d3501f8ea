"""Corpora from their public addresses."""
