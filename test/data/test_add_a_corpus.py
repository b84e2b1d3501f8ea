"""The examples of docs/add_a_corpus.md run as printed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.checking.validate import validate
from sslse.data.datadir import DataDir


def example(repository: Path, language: str) -> str:
    text = (repository / "docs" / "add_a_corpus.md").read_text()
    return re.search(rf"```{language}\n(.*?)```", text, re.S).group(1)


@pytest.fixture
def corpus(tmp_path: Path, rng: np.random.Generator) -> Path:
    for set_name in ("train", "valid", "test"):
        for name in ("anna/1", "anna/2", "bo/1"):
            path = tmp_path / "corpus" / set_name / f"{name}.flac"
            write_audio(path, rng.uniform(-0.3, 0.3, 400), 16000)
            path.with_suffix(".txt").write_text(f"words of {name}\n")
    return tmp_path / "corpus"


def check(path: Path) -> None:
    assert validate(path).problems == []
    data = DataDir(path)
    assert data.utterances == ["anna-1", "anna-2", "bo-1"]
    assert data.text["bo-1"] == "words of bo/1"
    assert data.spk2utt["anna"] == ["anna-1", "anna-2"]


def test_shell_example(repository, corpus, tmp_path):
    (tmp_path / "path.sh").write_text(
        f"export SSLSE_ROOT={repository} PATH={repository}/bin:$PATH\n"
    )
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", example(repository, "bash")],
        cwd=tmp_path,
        check=True,
        env={**os.environ, "SPEECH_ROOT": str(corpus)},
    )
    for set_name in ("train", "valid", "test"):
        check(tmp_path / "data" / set_name)


def test_python_example(repository, corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = example(repository, "python")
    exec(code, {"root": corpus / "train"})
    check(tmp_path / "data" / "train")
