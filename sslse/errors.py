"""Errors that a user can act on: one clear sentence each, printed without a traceback by the
command line."""


class SslseError(Exception):
    """Base of all errors whose message is written for the user (what, where, expected, how to
    fix)."""


class AudioError(SslseError):
    """An audio file, archive entry or pipe cannot be used."""


class DataError(SslseError):
    """A data directory or one of its files is wrong."""


class ConfigError(SslseError):
    """An option or a configuration key is wrong."""


class MissingPackageError(SslseError):
    """An optional package is needed and not installed."""
