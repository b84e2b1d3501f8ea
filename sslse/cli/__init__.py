"""The `sslse` command line: one file per command."""
