"""The entry point: quick, helpful, one sentence for a user's error."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest

from sslse.cli import main as entry
from sslse.errors import DataError

HEAVY = ("torch", "numpy", "scipy", "soundfile", "lightning", "transformers", "espnet2")


def python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True)


def test_nothing_heavy_is_imported_by_the_package_and_its_help():
    """Also by the modules of all commands, of which a help text needs one."""
    code = (
        "import importlib, sys, sslse, sslse.cli.main as m\n"
        "for name in m.COMMANDS: importlib.import_module('sslse.cli.' + name.replace('-', '_'))\n"
        f"print(*[name for name in {HEAVY} if name in sys.modules])"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_help_is_quick():
    """Under 0.3 s of processor time, which a busy machine does not stretch."""
    begin = os.times()
    done = python("-m", "sslse", "--help")
    end = os.times()
    assert done.returncode == 0
    used = end.children_user + end.children_system - begin.children_user - begin.children_system
    assert used < 0.3


@pytest.mark.parametrize("name", entry.COMMANDS)
def test_every_command_has_its_file_and_help(name, capsys):
    module = importlib.import_module(f"sslse.cli.{name.replace('-', '_')}")
    assert "\n" not in module.SUMMARY and module.SUMMARY
    with pytest.raises(SystemExit) as stop:
        entry.main([name, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: sslse {name}")
    assert (module.__doc__ or "").strip().splitlines()[0][:40] in text


def test_general_help_names_every_command(capsys):
    assert entry.main([]) == 0
    text = capsys.readouterr().out
    for name, summary in entry.COMMANDS.items():
        assert name in text and summary in text


def test_unknown_command_names_the_nearest(capsys):
    with pytest.raises(SystemExit) as stop:
        entry.main(["enhnace"])
    assert stop.value.code == 2
    assert "no command 'enhnace'; did you mean 'enhance'?" in capsys.readouterr().err


def fake_command(monkeypatch, run):
    module = importlib.import_module("sslse.cli.doctor")
    monkeypatch.setattr(module, "run", run)


def test_user_error_is_one_sentence(monkeypatch, capsys):
    def run(args):
        raise DataError("data/x has no wav.scp")

    fake_command(monkeypatch, run)
    assert entry.main(["doctor"]) == 1
    assert capsys.readouterr().err == "sslse doctor: error: data/x has no wav.scp\n"


def test_interrupt_says_how_to_continue(monkeypatch, capsys):
    def run(args):
        raise KeyboardInterrupt

    fake_command(monkeypatch, run)
    assert entry.main(["doctor"]) == 130
    assert "the same command continues" in capsys.readouterr().err


def test_reader_that_goes_away():
    done = subprocess.run(
        f"{sys.executable} -m sslse --help | head -n 1; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[0].startswith("usage: sslse")
