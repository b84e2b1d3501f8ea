"""Stands in for sslse where a test is about the scripts: writes what a command would write."""
