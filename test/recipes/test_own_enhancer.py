"""The commands of docs/your_own_data.md, in a copy of the checkout, on a few seconds of sound."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest

from sslse.audio.files import audio_info, read_audio, write_audio
from sslse.enhancers.base import Enhancer

COPIED = ("bin", "conf", "egs/TEMPLATE", "egs/mini/sslmse", "sslse", "tools", "utils")
FEW = (
    "--train_args '--trainer.max_steps 2 --trainer.val_check_interval 1' --metrics si_sdr "
    "--local_data_opts '--num_noises 9' --nj 1"
)


@pytest.fixture
def checkout(repository, tmp_path, make_environment, rng):
    """A copy of the checkout with recordings of four speakers, and a function that runs commands in
    it."""
    root = tmp_path / "checkout"
    unwanted = shutil.ignore_patterns("data", "exp", "__pycache__", ".uv-venv")
    for folder in COPIED:
        # The library and conf have folders of the name of a recipe's.
        ignore = unwanted if folder.startswith("egs") else shutil.ignore_patterns("__pycache__")
        shutil.copytree(repository / folder, root / folder, ignore=ignore)
    shutil.copy(repository / "requirements.lock", root)
    (tmp_path / "venv").mkdir()
    make_environment(tmp_path / "venv", f'exec {sys.executable} "$@"', root)
    envelope = np.abs(np.sin(np.arange(24000) / 2500))
    for speaker in ("ann", "bob", "eve", "jim"):
        for number, rate in enumerate((16000, 24000)):
            sound = 0.1 * envelope * rng.standard_normal(24000)
            write_audio(tmp_path / f"clean/{speaker}/{number}.wav", sound, rate)
    write_audio(root / "noisy.wav", 0.1 * rng.standard_normal((44100, 2)), 44100)

    def run(command: str, folder: str = ".") -> str:
        command = command.replace("/recordings/clean", str(tmp_path / "clean"))
        path = f"{root}/bin{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=root / folder,
            env={
                **{k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
                **{"PATH": path, "SSLSE_VENV": str(tmp_path / "venv"), "OMP_NUM_THREADS": "1"},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout

    run.root = root
    return run


@pytest.mark.slow
def test_every_command_of_the_page(checkout, repository):
    page = (repository / "docs/your_own_data.md").read_text()
    first, options, tuned = (
        block.splitlines() for block in re.findall(r"^```sh\n(.*?)^```", page, re.S | re.M)
    )
    # A trained and packed enhancer, and a recording without a reference that it enhances.
    make, run, enhance = first
    checkout(make)
    said = checkout(f"{run} {FEW}")
    assert "8 recordings taken" in said and "4 resampled to 16000 Hz (from 24000 Hz)" in said
    assert "split by speaker" in said and "noises are computed" in said
    assert re.findall(r"Stage (\d+) ", said) == ["1", "2", "3", "7", "8", "9", "10"]
    checkout(enhance)
    assert audio_info(checkout.root / "enhanced.wav") == audio_info(checkout.root / "noisy.wav")
    given, _ = read_audio(checkout.root / "noisy.wav", channel="all")
    assert not np.allclose(given, read_audio(checkout.root / "enhanced.wav", channel="all")[0])
    packed = shlex.split(enhance)[shlex.split(enhance).index("--model") + 1]
    assert Enhancer.from_pretrained(checkout.root / packed).latency_samples == 320

    folder = shlex.split(options[0])[1]
    for command in options[1:]:
        command = command.split("#")[0]
        assert "sslse train" in checkout(f"{command} --expdir exp/dry --dry_run true", folder)

    # The training of the shipped enhancer goes on with its architecture.
    make, run = (command.split("#")[0] for command in tuned)
    checkout(make)
    commands = checkout(f"{run} --dry_run true")
    assert "--init-param default" in commands
    assert "pack --exp exp/seed0/finetuned --out exp/seed0/finetuned/packed" in commands
    checkout(f"{run} {FEW}")
    made = Enhancer.from_pretrained(
        checkout.root / "egs/tuned/enhancement/exp/seed0/finetuned/packed"
    )
    assert made.config == Enhancer.from_pretrained().config
