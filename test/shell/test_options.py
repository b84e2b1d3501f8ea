"""utils/parse_options.sh: options, help made of comments, errors that name the nearest."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from sslse.recipe.method import Method
from sslse.recipe.options import describe

SCRIPT = """#!/usr/bin/env bash
# Does things.
#
# Usage: x.sh
set -euo pipefail

# Flow:
stage=1  # first stage
use_rir=false  # add rooms
# Data:
train_set="a b"  # sets (names)
empty=""  # nothing
hidden=7
. "{root}/utils/parse_options.sh"
check_integer stage
check_words train_set a b c
echo "${{stage}}|${{use_rir}}|${{train_set}}|${{empty}}|${{hidden}}|${{positional[*]}}"
"""


@pytest.fixture
def script(tmp_path: Path, repository: Path):
    file = tmp_path / "x.sh"
    file.write_text(SCRIPT.format(root=repository))

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", str(file), *arguments],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"]},
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_defaults_and_values(script):
    assert script() == (0, "1|false|a b||7|\n")
    arguments = ("--stage", "3", "--use-rir=true", "--train_set", "c a", "--empty", "x=y", "word")
    assert script(*arguments) == (0, "3|true|c a|x=y|7|word\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stag", "3"), "unknown option --stag; did you mean '--stage'?"),
        (("--use_rri", "true"), "unknown option --use_rri; did you mean '--use_rir'?"),
        (("--trainset=a",), "unknown option --trainset; did you mean '--train_set'?"),
        (("--hidden", "3"), "unknown option --hidden"),
        (("--PATH", "/"), "unknown option --PATH"),
        (("--a.b", "3"), "unknown option --a.b"),
        (("--qqqqqqqq",), "unknown option --qqqqqqqq (--help"),
        (("--stage",), "--stage needs a value"),
        (("--use_rir", "yes"), "--use_rir must be true or false, not 'yes'"),
        (("--stage", "two"), "--stage must be a whole number, not 'two'"),
        (("--train_set", "a d"), "--train_set: no 'd'"),
    ],
)
def test_errors_are_one_sentence(script, arguments, message):
    status, output = script(*arguments)
    assert status == 2
    assert output.startswith("x.sh: error: ")
    assert message in output
    assert output.count("\n") == 1


def test_help_is_made_of_the_comments(script):
    status, output = script("--stage", "5", "--help")
    assert status == 0
    assert output.startswith("Does things.\n\nUsage: x.sh\n\nFlow:\n")
    assert "--stage                first stage [5]\n" in output
    assert "\nData:\n" in output and "sets (names) [a b]" in output
    assert "hidden" not in output


def test_help_of_a_recipe_names_every_option_variant_and_table(repository):
    template = repository / "egs/TEMPLATE"
    done = subprocess.run(
        [template / "sslmse.sh", "--help"],
        cwd=repository / "egs/mini/sslmse",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stderr == ""
    text = (template / "options.sh").read_text() + (template / "sslmse.sh").read_text()
    names = re.findall(r"^([a-z_]+)=.*  # ", text, re.MULTILINE)
    assert len(names) > 25
    for name in names:
        assert f"\n  --{name} " in done.stdout
    method = Method(template / "sslmse.yaml", repository / "egs/mini/sslmse/conf/method.yaml")
    assert done.stdout.endswith(f"{describe(method)}\n")


def test_help_of_a_recipe_shows_its_own_defaults(repository):
    def help_of(*options):
        command = [repository / "egs/an4/sslmse/run.sh", *options, "--help"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert re.search(r"--upstream_model .* \[default\]\n", help_of())
    assert re.search(r"--expdir .* \[exp/full\]\n", help_of("--full", "true"))
