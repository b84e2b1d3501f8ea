"""Studies of trained systems."""
