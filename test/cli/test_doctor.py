"""The doctor compares the environment with the lock file."""

from __future__ import annotations

import importlib.metadata

from sslse.cli.doctor import check_packages, examine, one_line, requirement_names
from sslse.cli.main import main


def write_lock(path, text):
    path.write_text(text)
    return path


def test_reads_pins_with_markers(tmp_path):
    lock = write_lock(
        tmp_path / "lock",
        "# made by uv\nnumpy==2.0 ; python_full_version < '3.11'\n    # via x\nsoxr==1.0\n",
    )
    assert list(requirement_names(lock)) == [
        ("numpy", "2.0", "python_full_version < '3.11'"),
        ("soxr", "1.0", ""),
    ]


def test_wrong_and_missing_packages_are_named(tmp_path):
    pytest_version = importlib.metadata.version("pytest")
    lock = write_lock(
        tmp_path / "lock",
        f"pytest=={pytest_version}\nno-such-package==1.2\nnumpy==0.0.1\n"
        "other-machine==3 ; sys_platform == 'win32'\n",
    )
    (finding,) = check_packages(lock)
    assert finding.state == "missing"
    assert finding.what == "2 of 3 packages"
    assert "no-such-package none, not 1.2" in finding.advice
    assert "not 0.0.1" in finding.advice and "tools/install.sh" in finding.advice


def test_this_environment_has_what_is_needed(repository, capsys):
    assert not [finding for finding in examine(repository) if finding.state == "missing"]
    assert main(["doctor"]) == 0
    assert "all that is needed is here" in capsys.readouterr().out


def test_missing_package_is_exit_status_one(tmp_path, monkeypatch, capsys):
    write_lock(tmp_path / "requirements.lock", "no-such-package==1\n")
    monkeypatch.setattr("sslse.cli.doctor.examine", lambda: examine(tmp_path))
    assert main(["doctor"]) == 1
    assert "something needed is missing" in capsys.readouterr().out


def test_one_line_for_logs():
    line = one_line()
    assert "\n" not in line
    assert line.startswith("sslse ") and "Python 3." in line and "torch 2." in line
