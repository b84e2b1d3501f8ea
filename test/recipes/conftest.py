"""Ways to run or to plan a recipe of the checkout, its data and results in a temporary folder."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sslse.recipe.jobs import Job
from sslse.recipe.method import Method
from sslse.recipe.options import read_options, settle
from sslse.recipe.plan import Plan
from sslse.recipe.stages import jobs_of

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATE = REPOSITORY / "egs/TEMPLATE"


def write_environment(venv: Path, python: str, checkout: Path = REPOSITORY) -> Path:
    """Write a finished environment, as tools/install.sh leaves it, whose Python is a script."""
    script = venv / "bin/python"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\n{python}\n")
    script.chmod(0o755)
    lock = (REPOSITORY / "requirements.lock").read_bytes()
    (venv / ".sslse-lock").write_text(hashlib.sha256(lock).hexdigest() + "\n")
    (venv / ".sslse-checkout").write_text(f"{checkout}\n")
    for extra in (REPOSITORY / "tools/extras").glob("*.txt"):
        (venv / f".sslse-extra-{extra.stem}").write_bytes(extra.read_bytes())
    return venv


@pytest.fixture(scope="session")
def make_environment() -> Callable[..., Path]:
    """``write_environment``, for tests of another checkout."""
    return write_environment


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> Path:
    """A finished environment of this Python."""
    return write_environment(tmp_path_factory.mktemp("venv"), f'exec {sys.executable} "$@"')


@pytest.fixture
def run_recipe(repository, environment, tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """Call with the recipe, options and variables of the environment; both streams are
    ``stdout``."""

    def run(recipe: str, *options: str, **variables: str) -> subprocess.CompletedProcess:
        folders = ["--datadir", str(tmp_path / "data"), "--expdir", str(tmp_path / "exp")]
        return subprocess.run(
            [repository / "egs" / recipe / "run.sh", *folders, *options],
            env={**os.environ, "SSLSE_VENV": str(environment), "OMP_NUM_THREADS": "1", **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run


class Planner:
    """Plans of recipes in this process; the options are those that their run.sh gives.

    Args:
        folder: gets an environment whose Python notes what ``sslse plan options`` would read.
    """

    def __init__(self, folder: Path) -> None:
        self.environment = write_environment(folder, 'cat > "$PLAN_RECORD"; exit 1')
        self.record = folder / "record"
        self.options = functools.cache(self._options)
        self.method = functools.cache(self._method)
        self.jobs = functools.cache(self._jobs)

    def _options(self, recipe: str) -> tuple[dict[str, str], set[str]]:
        """Return the values of all options of a recipe, and the names of those that it gives."""
        variables = {"SSLSE_VENV": str(self.environment), "PLAN_RECORD": str(self.record)}
        subprocess.run(
            [REPOSITORY / "egs" / recipe / "run.sh", "--nj", "2"],
            env={**os.environ, **variables},
            capture_output=True,
        )
        record = self.record.read_bytes()
        self.record.unlink()
        return read_options(record)

    @staticmethod
    def name(recipe: str) -> str:
        """Return the name of a recipe's method."""
        return "sslmse" if recipe.startswith("superb/") else recipe.split("/")[1]

    def _method(self, recipe: str) -> Method:
        extension = REPOSITORY / "egs" / recipe / "conf/method.yaml"
        return Method(TEMPLATE / f"{self.name(recipe)}.yaml", extension)

    def __call__(self, recipe: str, **options: str) -> Plan:
        """Return the plan of a recipe with options of the command line."""
        values, given = self.options(recipe)
        method = self.method(recipe)
        return Plan(method, settle(method, {**values, **options}, given | set(options)), "ROOT")

    def _jobs(self, recipe: str, **options: str) -> list[Job]:
        """Return the jobs of all stages that run, in their order."""
        plan = self(recipe, **options)
        before = Path.cwd()
        os.chdir(REPOSITORY / "egs" / recipe)
        try:
            return [job for name in self.steps(recipe, plan) for job in jobs_of(name, plan)]
        finally:
            os.chdir(before)

    def steps(self, recipe: str, plan: Plan) -> list[str]:
        """Return what the files of the stages ask ``sslse plan`` for."""
        folders = TEMPLATE / "stages", TEMPLATE / self.name(recipe)
        files = {file.name[:2]: file for folder in folders for file in folder.glob("*.sh")}
        steps = []
        for number, file in sorted(files.items()):
            if str(int(number)) not in plan.words("skip_stages"):
                asked = re.findall(
                    r"^run_(?:planned|beside_next) *(\w*)$", file.read_text(), re.MULTILINE
                )
                steps += [step or file.stem[3:] for step in asked]
        return steps


@pytest.fixture(scope="session")
def planner(tmp_path_factory) -> Planner:
    """Plans recipes in this process."""
    return Planner(tmp_path_factory.mktemp("planner"))
