"""Say what is installed, what is missing and how to get it.

The exit status is 1 if something that is needed is missing.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from sslse import __version__
from sslse.runtime.cores import available_cores

SUMMARY = "say what is installed, what is missing and how to get it"
ROOT = Path(__file__).resolve().parents[2]

# Programs that are useful and not needed, with what they serve for and the Debian package.
PROGRAMS = {
    "git": ("the version in logs", "git"),
    "flac": ("wav.scp pipes that call it", "flac"),
    "sox": ("wav.scp pipes that call it", "sox"),
    "ffmpeg": ("wav.scp pipes that call it", "ffmpeg"),
    "sph2pipe": ("wav.scp pipes of LDC corpora", "sph2pipe"),
    "sbatch": ("SSLSE_BACKEND=slurm", "slurm-client"),
    "chromium": ("the test of the report page", "chromium"),
}


class Finding(NamedTuple):
    """One line of the doctor: ``state`` is ok, missing (needed) or absent (optional)."""

    state: str
    what: str
    advice: str = ""


def requirement_names(lock: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (package, version, environment marker) of each line of a lock file."""
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum() and "==" in line:
            pin, _, marker = line.rstrip(" \\").partition(";")
            name, version = pin.strip().split("==")
            yield name, version, marker.strip()


def check_python() -> Finding:
    """Check the interpreter's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 10) <= sys.version_info[:2] <= (3, 12):
        return Finding("ok", f"Python {version} at {sys.executable}")
    return Finding("missing", f"Python {version}", "3.10 to 3.12 is needed; run tools/install.sh")


def check_packages(lock: Path) -> Iterator[Finding]:
    """Compare the installed packages with the lock file, whose markers choose for this machine."""
    try:
        from packaging.markers import Marker
    except ImportError:
        yield Finding("missing", "the Python packages", "run tools/install.sh")
        return
    right, wrong = 0, []
    for name, version, marker in requirement_names(lock):
        if marker and not Marker(marker).evaluate():
            continue
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            installed = "none"
        # A build label (torch 2.12.1+cu130) is no other version.
        if installed.partition("+")[0] == version.partition("+")[0]:
            right += 1
        else:
            wrong.append(f"{name} {installed}, not {version}")
    if wrong:
        shown = "; ".join(wrong[:5]) + ("; …" if len(wrong) > 5 else "")
        advice = f"{shown}; run tools/install.sh"
        yield Finding("missing", f"{len(wrong)} of {right + len(wrong)} packages", advice)
    else:
        yield Finding("ok", f"{right} Python packages as in {lock.name}")


def check_programs() -> Iterator[Finding]:
    """Look for the optional programs."""
    for program, (purpose, package) in PROGRAMS.items():
        path = shutil.which(program)
        if path:
            yield Finding("ok", f"{program} at {path}")
        else:
            yield Finding("absent", program, f"only for {purpose}: apt-get install {package}")


def check_machine() -> Iterator[Finding]:
    """Count processors, GPUs and free disk space."""
    yield Finding("ok", f"{available_cores()} CPU cores")
    if shutil.which("nvidia-smi"):
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
        gpus = [line.split(" (")[0] for line in listing.stdout.splitlines()]
        yield Finding("ok" if gpus else "absent", "; ".join(gpus) or "GPU")
    else:
        yield Finding("absent", "GPU", "the small recipes need none")
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    advice = "" if free > 5 else "a small recipe writes about 2 GB"
    yield Finding("ok" if free > 5 else "absent", f"{free:.0f} GB free in {Path.cwd()}", advice)


def examine(root: Path = ROOT) -> list[Finding]:
    """Return all findings.

    Args:
        root: the checkout; an installed package without one is not compared with a lock file.
    """
    lock = root / "requirements.lock"
    packages = list(check_packages(lock)) if lock.exists() else []
    return [check_python(), *packages, *check_machine(), *check_programs()]


def version_of(package: str) -> str:
    """Return an installed package's version, read without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def one_line() -> str:
    """Return interpreter, versions and commit, for the head of a log."""
    from sslse.runtime.source import git_commit

    version = ".".join(map(str, sys.version_info[:3]))
    return (
        f"sslse {__version__} (git {git_commit() or 'none'}), "
        f"Python {version} at {sys.executable}, torch {version_of('torch')}"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--one-line", action="store_true", help="only print versions, interpreter and commit"
    )
    parser.add_argument(
        "--pace",
        type=int,
        metavar="PROCESSES",
        help="only print how long a piece of training takes here in so many processes at a time, "
        "over what it takes on the machine that the recipes' minutes were measured on",
    )


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 if something needed is missing."""
    if args.one_line:
        print(one_line())
        return 0
    if args.pace:
        from sslse.runtime.pace import measure_pace

        print(f"{measure_pace(args.pace):.3f}")
        return 0
    findings = examine()
    print(f"sslse {__version__} in {ROOT}")
    for state, what, advice in findings:
        print(f"  {state:8} {what}{f' ({advice})' if advice else ''}")
    missing = sum(finding.state == "missing" for finding in findings)
    print("something needed is missing, see above" if missing else "all that is needed is here")
    return int(missing > 0)
