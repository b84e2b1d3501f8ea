"""tools/install.sh with a stand-in for uv: idempotent, safe when interrupted, one at a time."""

from __future__ import annotations

import os
import shutil
import signal
import time

import pytest

UV = """#!/usr/bin/env bash
echo "uv $*" >> "$UV_CALLS"
case $1 in
    venv) mkdir -p "${@: -1}/bin" && ln -sf "$REAL_PYTHON" "${@: -1}/bin/python" ;;
    pip)
        if [ -n "${UV_FAIL_PACKAGE:-}" ] && [[ $* = *--editable* ]]; then exit 1; fi
        touch "$SSLSE_VENV/half"
        sleep "${UV_SLEEP:-0}"
        [ -z "${UV_FAIL:-}" ] || exit 1
        touch "$SSLSE_VENV/whole"
        ;;
esac
"""


@pytest.fixture
def installer(checkout, tmp_path):
    """Return a function that starts tools/install.sh into a new environment."""
    uv = tmp_path / "bin/uv"
    uv.parent.mkdir()
    uv.write_text(UV)
    uv.chmod(0o755)
    checkout.environment |= {
        "SSLSE_VENV": str(tmp_path / "env"),
        "UV_CALLS": str(tmp_path / "uv.calls"),
        "REAL_PYTHON": os.path.realpath("/proc/self/exe"),
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
    }
    checkout.venv = tmp_path / "env"
    checkout.installs = lambda: (
        (tmp_path / "uv.calls").read_text().count("--requirements")
        if (tmp_path / "uv.calls").exists()
        else 0
    )
    checkout.command = (str(checkout.root / "tools/install.sh"),)
    return checkout


def test_second_call_has_nothing_to_do(installer):
    status, output = installer.run(*installer.command)
    assert status == 0, output
    assert (installer.venv / "whole").exists()
    assert installer.run(*installer.command) == (0, "")
    assert installer.installs() == 1


def test_changed_lock_brings_up_to_date(installer):
    installer.run(*installer.command)
    (installer.root / "requirements.lock").write_text("nothing==2\n")
    status, output = installer.run(*installer.command)
    assert status == 0 and "up to date" in output
    assert installer.installs() == 2
    assert installer.run(*installer.command) == (0, "")


def test_killed_and_called_again(installer):
    process = installer.start(*installer.command, UV_SLEEP="30")
    limit = time.monotonic() + 20
    while not (installer.venv / "half").exists():
        assert time.monotonic() < limit
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (installer.venv / ".sslse-lock").exists()
    # uv itself lives on and holds the lock until it ends: end it as a power cut would.
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if (
                    f"SSLSE_VENV={installer.venv}".encode()
                    in open(f"/proc/{entry}/environ", "rb").read()
                ):
                    os.kill(int(entry), signal.SIGKILL)
            except OSError:
                continue
    status, output = installer.run(*installer.command)
    assert status == 0, output
    assert "was begun and not finished" in output
    assert (installer.venv / "whole").exists()


def packages(installer) -> list[str]:
    """Return the checkouts whose sslse was installed, in order."""
    calls = (installer.venv.parent / "uv.calls").read_text().splitlines()
    return [line.split("--editable ")[1] for line in calls if "--editable" in line]


def test_a_finished_environment_gets_the_package_without_a_network(installer):
    """Also after the package could not be built; the other packages are not touched."""
    installer.run(*installer.command)
    (installer.venv / ".sslse-checkout").unlink()  # an environment of an earlier version
    status, output = installer.run(*installer.command, UV_FAIL_PACKAGE="1")
    assert status == 1 and "sslse itself could not be installed into" in output
    assert installer.run(*installer.command)[0] == 0
    assert installer.run(*installer.command) == (0, "")
    assert installer.installs() == 1
    assert packages(installer) == [str(installer.root)] * 3
    calls = (installer.venv.parent / "uv.calls").read_text()
    assert calls.count("--offline --no-deps --no-build-isolation") == 3


def test_a_moved_checkout_is_mended(installer):
    installer.environment["SSLSE_VENV"] = str(installer.root / ".venv")
    assert installer.run(*installer.command)[0] == 0
    moved = installer.root.rename(installer.root.with_name("moved"))
    command, environment = str(moved / "tools/install.sh"), {"SSLSE_VENV": str(moved / ".venv")}
    assert installer.run(command, cwd=moved, **environment)[0] == 0
    assert installer.run(command, cwd=moved, **environment) == (0, "")
    assert packages(installer) == [str(installer.root), str(moved)]
    assert installer.installs() == 1


def test_checkouts_that_share_an_environment_do_not_take_turns(installer):
    """The package is that of the first checkout until that is gone."""
    other = installer.root.with_name("other")
    shutil.copytree(installer.root, other, symlinks=True)
    command = str(other / "tools/install.sh")
    (installer.root / "setup.py").touch()
    (other / "setup.py").touch()
    assert installer.run(*installer.command)[0] == 0
    assert installer.run(command, cwd=other) == (0, "")
    shutil.rmtree(installer.root)
    assert installer.run(command, cwd=other) == (0, "")
    assert packages(installer) == [str(installer.root), str(other)]
    assert (installer.venv / ".sslse-checkout").read_text() == f"{other}\n"


def test_failure_is_said_and_the_next_call_goes_on(installer):
    status, output = installer.run(*installer.command, UV_FAIL="1")
    assert status == 1
    assert "the packages could not be installed" in output
    assert installer.run(*installer.command)[0] == 0


def test_two_calls_at_once_install_once(installer):
    first = installer.start(*installer.command, UV_SLEEP="2")
    limit = time.monotonic() + 20
    while not (installer.venv / "half").exists():
        assert time.monotonic() < limit
        time.sleep(0.05)
    status, output = installer.run(*installer.command)
    assert status == 0
    assert "waiting for it" in output
    first.communicate(timeout=30)
    assert first.returncode == 0
    assert installer.installs() == 1


def test_without_a_compiler_only_pesq_is_left_out(installer, tmp_path):
    """It is said, nothing is tried again in vain, and a compiler that comes later is noticed."""
    (installer.root / "requirements.lock").write_text("nothing==1\npesq==0.0.4\n")
    python = tmp_path / "bin/bare-python"
    python.write_text(
        '#!/bin/sh\ncase "$*" in *sysconfig*) echo /nowhere ;;'
        ' *) exec "$REAL_PYTHON" "$@" ;; esac\n'
    )
    python.chmod(0o755)
    bare = {"REAL_PYTHON": installer.environment["REAL_PYTHON"]}
    uv = tmp_path / "bin/uv"
    uv.write_text(UV.replace('"$REAL_PYTHON"', f'"{python}"'))
    status, output = installer.run(*installer.command, **bare)
    assert status == 0, output
    assert "leaving out the metric PESQ" in output
    assert (installer.venv / ".requirements").read_text() == "nothing==1\n"
    assert installer.run(*installer.command, **bare) == (0, "")
    python.write_text('#!/bin/sh\nexec "$REAL_PYTHON" "$@"\n')
    status, output = installer.run(*installer.command, **bare)
    assert status == 0 and "PESQ" not in output
    assert installer.installs() == 2


def test_no_suitable_python(installer, tmp_path):
    old = tmp_path / "old/python3"
    old.parent.mkdir()
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.2\nexit 1\n')
    old.chmod(0o755)
    status, output = installer.run(*installer.command, SSLSE_PYTHON=str(old))
    assert status == 1
    assert "Python 3.10, 3.11 or 3.12 is needed; found" in output and "(Python 3.8.2)" in output
    assert not installer.venv.exists()


def test_a_folder_of_other_things_is_left_alone(installer):
    installer.venv.mkdir()
    (installer.venv / "thesis.tex").touch()
    status, output = installer.run(*installer.command)
    assert status == 1
    assert "is neither empty nor an environment" in output
    assert (installer.venv / "thesis.tex").exists()


def test_environment_of_another_maker_keeps_its_packages(installer):
    """An environment that exists is only added to, also after an interrupted update."""
    (installer.venv / "bin").mkdir(parents=True)
    (installer.venv / "bin/python").symlink_to(installer.environment["REAL_PYTHON"])
    (installer.venv / "other").touch()
    assert installer.run(*installer.command, UV_FAIL="1")[0] == 1
    status, output = installer.run(*installer.command)
    assert status == 0 and "installing every package again" in output
    assert (installer.venv / "other").exists()
