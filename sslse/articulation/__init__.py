"""Articulation beside audio: flesh points, tract variables, trajectories, crops of them."""
