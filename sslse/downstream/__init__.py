"""Task heads on an upstream."""
