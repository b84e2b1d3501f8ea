"""Noise simulation: a seeded plan, then audio."""
