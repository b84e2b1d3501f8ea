"""Checking and repairing data directories."""
