"""What must be true of every script and recipe of the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SHARED_FILES = ("path.sh", "cmd.sh")  # equal in all recipes


def tracked(repository: Path) -> list[Path]:
    """Return the files of the repository that git knows or does not ignore."""
    listing = subprocess.run(
        ["git", "-C", str(repository), "ls-files", "-co", "--exclude-standard"],
        capture_output=True,
        text=True,
    )
    if listing.returncode != 0:
        pytest.skip("no git checkout")
    return [repository / name for name in listing.stdout.splitlines()]


def shell_scripts(repository: Path) -> list[Path]:
    scripts = []
    for file in tracked(repository):
        if file.is_file() and not file.is_symlink():
            with open(file, "rb") as stream:
                head = stream.read(64).split(b"\n")[0]
            if file.suffix == ".sh" or (head.startswith(b"#!") and b"sh" in head.split(b"/")[-1]):
                scripts.append(file)
    return scripts


def test_shellcheck(repository):
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("shellcheck is not installed (tools/install.sh installs it)")
    done = subprocess.run(
        [program, *shell_scripts(repository)], capture_output=True, text=True, cwd=repository
    )
    assert done.returncode == 0, done.stdout


def test_every_executable_script_is_strict(repository):
    """Also inside command substitutions and functions, an error must not pass unseen."""
    for file in shell_scripts(repository):
        text = file.read_text()
        if text.startswith("#!") and file.name != "sslse":
            assert "\nset -euo pipefail\n" in text, file


def test_no_pipe_into_a_reader_that_stops_early(repository):
    """With pipefail the writer's SIGPIPE would now and then fail the whole line."""
    early = re.compile(r"\|\s*(grep -\w*q|head\b)")
    for file in shell_scripts(repository):
        text = file.read_text()
        if "pipefail" in text or not text.startswith("#!"):
            for number, line in enumerate(text.splitlines(), start=1):
                assert not early.search(line), f"{file}:{number}: {line}"


def test_the_number_of_a_stage_is_its_file_name(repository):
    template = repository / "egs/TEMPLATE"
    systems = [script.stem for script in template.glob("*.sh") if (template / script.stem).is_dir()]
    assert "sslmse" in systems
    files = []
    for folder in ["stages", *systems]:
        stages = sorted((template / folder).iterdir())
        numbers = [int(file.name[:2]) for file in stages]
        assert numbers == sorted(set(numbers)), f"two stages of {folder} have one number"
        files += stages
    for file in files:
        assert re.fullmatch(r"\d\d_[a-z_]+\.sh", file.name)
        text = file.read_text()
        assert not re.search(r"[Ss]tage[ _]\d", text), f"{file.name} names a stage's number"
        assert re.search(r"^# [A-Z].*\.$", text, re.MULTILINE), f"{file.name} says not what it does"


def test_recipes_share_what_is_no_setting(repository):
    recipes = sorted(path.parent for path in repository.glob("egs/*/*/run.sh"))
    recipes = [recipe for recipe in recipes if "TEMPLATE" not in recipe.parts]
    assert len(recipes) >= 2
    for recipe in recipes:
        for name in SHARED_FILES:
            assert (recipe / name).read_text() == (recipes[0] / name).read_text(), recipe / name
        for name in ("run.sh", "local/data.sh"):
            assert (recipe / name).stat().st_mode & 0o111, f"{recipe / name} is not executable"


def test_no_path_of_a_machine(repository):
    pattern = re.compile(r"/(home|root|work|Users|mnt|scratch)/\w|/tmp/(?!\w*\$)\w+/")
    for file in tracked(repository):
        if file.suffix in (".sh", ".yaml", ".yml", ".toml", ".lock", ".in"):
            for number, line in enumerate(file.read_text().splitlines(), start=1):
                assert not pattern.search(line), f"{file}:{number}: {line}"
