"""Reported metrics, never trained on: signals, hypotheses, and how sure a difference is."""
