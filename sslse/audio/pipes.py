"""Piped entries of ``wav.scp`` (``sph2pipe -f wav x.wv1 |``), run without a shell.

A pipe is a program that the author of the file chose. Only known audio tools are started, with the
arguments as they are: nothing is expanded, redirected or substituted. For data that is not trusted,
refuse pipes altogether (``--no-pipes``).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile

from sslse.errors import AudioError

_APT = "install it with 'apt install {}' or 'conda install -c conda-forge {}'"
_KALDI = "it is part of Kaldi: put kaldi/src/featbin on PATH"
# Tool -> how to get it.
TOOLS = {
    "sph2pipe": "build it from https://github.com/burrmill/sph2pipe, or convert to flac once",
    "flac": _APT.format("flac", "flac"),
    "sox": _APT.format("sox", "sox"),
    "ffmpeg": _APT.format("ffmpeg", "ffmpeg"),
    "lame": _APT.format("lame", "lame"),
    "mpg123": _APT.format("mpg123", "mpg123"),
    "oggdec": _APT.format("vorbis-tools", "vorbis-tools"),
    "opusdec": _APT.format("opus-tools", "opus-tools"),
    "shorten": _APT.format("shorten", "shorten"),
    "cat": _APT.format("coreutils", "coreutils"),
    "gunzip": _APT.format("gzip", "gzip"),
    "gzip": _APT.format("gzip", "gzip"),
    "zcat": _APT.format("gzip", "gzip"),
    "bunzip2": _APT.format("bzip2", "bzip2"),
    "bzcat": _APT.format("bzip2", "bzip2"),
    "xzcat": _APT.format("xz-utils", "xz"),
    "wav-copy": _KALDI,
    "wav-reverberate": _KALDI,
}
_PUNCTUATION = "|&;<>()"
_STDERR_TAIL = 300  # characters quoted in a message


def is_pipe(source: str) -> bool:
    """Whether an entry of ``wav.scp`` is a command."""
    return source.rstrip().endswith("|")


def parse_pipe(command: str) -> list[list[str]]:
    """Split a piped entry into the arguments of its stages.

    Args:
        command: the entry, with its last ``|``.

    Raises:
        AudioError: it needs a shell, or runs something else than a known audio tool.

    Example:
        >>> parse_pipe("gunzip -c 'my file.wav.gz' | sox - -t wav - rate 16k |")
        [['gunzip', '-c', 'my file.wav.gz'], ['sox', '-', '-t', 'wav', '-', 'rate', '16k']]
    """
    # Messages of the tool are shown only when it fails, which is what this redirection asks for.
    text = re.sub(r"\s2>\s*/dev/null(?=\s|\||$)", " ", command)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=_PUNCTUATION)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError as error:
        raise AudioError(
            f"cannot read the pipe '{command}': {error} (a quote is not closed)"
        ) from error
    stages: list[list[str]] = [[]]
    for token in tokens:
        if token == "|":
            stages.append([])
        elif token and set(token) <= set(_PUNCTUATION):
            raise AudioError(
                f"the pipe '{command}' has '{token}': pipes run without a shell, so only programs "
                "joined by '|' work; write 'cat FILE | …' for an input, or convert the audio once"
            )
        else:
            stages[-1].append(token)
    if stages[-1] or len(stages) < 2 or not all(stages[:-1]):
        raise AudioError(f"the pipe '{command}' has an empty stage; expected 'PROGRAM ARGUMENTS |'")
    for stage in stages[:-1]:
        _check_stage(stage, command)
    return stages[:-1]


def _check_stage(stage: list[str], command: str) -> None:
    program = stage[0]
    name = os.path.basename(program)
    if name not in TOOLS:
        raise AudioError(
            f"the pipe '{command}' runs '{program}', which is not one of the known audio tools "
            f"({', '.join(TOOLS)}); convert the audio once and write its path"
        )
    if "/" in program and not os.path.isabs(program):
        raise AudioError(
            f"the pipe '{command}' runs '{program}' by a relative path; write '{name}' or an "
            "absolute path"
        )
    for argument in stage[1:]:
        if "$" in argument or "`" in argument:
            raise AudioError(
                f"the pipe '{command}' has '{argument}', which a shell would expand; pipes run "
                "without a shell, so write the value"
            )
        # SoX and Kaldi's programs hand such arguments to a shell of their own.
        nested = argument.partition("=")[2] or argument
        if nested.strip().startswith("|"):
            raise AudioError(f"the pipe '{command}' hides a command in '{argument}'; it is not run")
        if is_pipe(nested):
            if not re.fullmatch(r"[\w\s./:,=+|-]*", nested):
                raise AudioError(
                    f"the pipe '{command}' hides a command in '{argument}' with characters that a "
                    "shell would interpret; use plain file names"
                )
            parse_pipe(nested)


def run_pipe(command: str) -> bytes:
    """Run a piped entry and return all that it writes.

    Args:
        command: the entry of ``wav.scp``, with its last ``|``.

    Raises:
        AudioError: a tool is missing or fails, or nothing is written. The message quotes the tool's
            own.
    """
    stages = parse_pipe(command)
    for stage in stages:
        if shutil.which(stage[0]) is None:
            how = TOOLS[os.path.basename(stage[0])]
            raise AudioError(
                f"the pipe '{command}' needs '{stage[0]}', which is not installed; {how}"
            )
    processes: list[subprocess.Popen] = []
    messages = [tempfile.TemporaryFile() for _ in stages]
    output = b""
    try:
        for stage, message in zip(stages, messages, strict=True):
            source = processes[-1].stdout if processes else subprocess.DEVNULL
            processes.append(
                subprocess.Popen(stage, stdin=source, stdout=subprocess.PIPE, stderr=message)
            )
            if source is not subprocess.DEVNULL:
                source.close()  # so that the earlier stage notices when its reader ends
        output = processes[-1].stdout.read()
        codes = [process.wait() for process in processes]
        for index, (stage, code) in enumerate(zip(stages, codes, strict=True)):
            # A reader that has enough may close its input; the writer then ends by SIGPIPE.
            if code == 0 or (code == -signal.SIGPIPE and index < len(stages) - 1):
                continue
            raise AudioError(
                f"the pipe '{command}' failed: '{stage[0]}' ended with "
                + (f"status {code}" if code > 0 else f"signal {-code}")
                + _quote(messages[index])
            )
        if not output:
            raise AudioError(
                f"the pipe '{command}' wrote no audio (0 bytes)" + _quote(messages[-1])
            )
    except OSError as error:
        raise AudioError(f"cannot run the pipe '{command}': {error.strerror or error}") from error
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        for message in messages:
            message.close()
    return output


def _quote(message: tempfile._TemporaryFileWrapper) -> str:
    """Return the end of a tool's messages, on one line."""
    message.seek(0)
    text = " ".join(message.read().decode("utf-8", "replace").split())
    if not text:
        return " and no message"
    return f" and said: {text[-_STDERR_TAIL:]}"
