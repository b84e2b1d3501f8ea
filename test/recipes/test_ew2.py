"""The EW2 recipes: noise groups, published corpora in small, every option file, sizes of models."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from sslse.data.audio import write_audio
from sslse.data.datadir import DataDir, write_datadir
from sslse.errors import DataError
from sslse.report.papers import find_paper

RECIPES = ("mini", "fsdd", "librispeech", "chime4")


@pytest.fixture
def recipe(repository, tmp_path):
    """``recipe(name)`` -> a copy of egs/<name>/ew2 in a checkout that shares the rest."""
    root = tmp_path / "checkout"
    (root / "tools").mkdir(parents=True)
    (root / "tools/install.sh").write_text("#!/bin/sh\n")
    (root / "tools/install.sh").chmod(0o755)
    for name in (
        "bin",
        "conf",
        "sslse",
        "utils",
        "egs/TEMPLATE",
        "egs/mini/sslmse",
        "egs/fsdd/sslmse",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(repository / name)

    def copy(name):
        folder = root / "egs" / name / "ew2"
        ignore = shutil.ignore_patterns("data", "exp*")
        shutil.copytree(repository / "egs" / name / "ew2", folder, ignore=ignore)
        return folder

    return copy


def run(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [folder / "run.sh", *options],
        env={**os.environ, "SSLSE_VENV": str(Path(sys.executable).parents[1]), **environment},
        capture_output=True,
        text=True,
    )


def commands(folder: Path, *options: str) -> str:
    """Return the output of a dry run."""
    done = run(folder, "--dry_run", "true", "--stage", "3", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_librispeech_as_published(recipe, robust_corpora, tmp_path):
    folder = recipe("librispeech")
    robust, libri = robust_corpora.make_robust_asr(tmp_path / "robust", tmp_path / "LibriSpeech")
    for part, reader in (("train-clean-100", "19"), ("train-clean-360", "14"), ("dev-clean", "84")):
        robust_corpora.make_librispeech(libri, part, reader)
    corpora = {"LIBRISPEECH": str(libri), "ROBUST_ASR": str(robust)}
    corpora["NOISEX92"] = str(robust_corpora.make_noisex92(tmp_path / "noisex"))
    options = ("--stop_stage", "2", "--local_data_opts", "--partial true")
    done = run(folder, *options, **corpora)
    assert done.returncode == 0, done.stderr + done.stdout
    data = {path.name: DataDir(path) for path in (folder / "data").iterdir() if path.is_dir()}
    assert len(data["train_clean_460"]) == 4 == 2 * len(data["train_clean_100"])
    assert len(data["test_noisy"]) == 2 * 36 and len(data["noise_other"]) == 15
    snr = np.array([float(value) for value in data["dev_clean_noisy"].utt2snr.values()])
    assert len(snr) == 2 and (snr >= 0).all() and (snr <= 25).all()
    assert "nothing left to do" in run(folder, *options, **corpora).stdout


@pytest.mark.slow
def test_chime4_as_published(recipe, robust_corpora, tmp_path):
    folder = recipe("chime4")
    corpora = {"CHIME4": str(robust_corpora.make_chime4(tmp_path / "CHiME4"))}
    corpora["WSJ1"] = str(robust_corpora.make_wsj1(tmp_path / "wsj1"))
    done = run(folder, "--stop_stage", "2", **corpora)
    assert done.returncode == 0, done.stderr + done.stdout
    assert len(DataDir(folder / "data/tr05")) == 40
    assert {path.name for path in (folder / "data").glob("*05*")} == {
        *("tr05", "dt05_real_noisy", "et05_real_noisy")
    }
    assert len((folder / "data/local/wsj_lm.txt").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "words"),
    [("librispeech", "set LIBRISPEECH in db.sh"), ("chime4", "set CHIME4 in db.sh")],
)
def test_a_corpus_that_is_not_named_is_one_sentence(repository, tmp_path, name, words):
    script = repository / "egs" / name / "ew2/local/data.sh"
    (tmp_path / "db.sh").write_text((script.parents[1] / "db.sh").read_text())
    done = subprocess.run([script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and words in done.stderr


def parts(repository: Path) -> list[tuple[str, str]]:
    return [
        (name, path.name)
        for name in RECIPES
        for path in sorted((repository / "egs" / name / "ew2/conf").glob("*_[0-9]"))
    ]


ROOT = Path(__file__).resolve().parents[2]


def test_small_recipes_have_the_same_tables_and_figures(repository):
    mini, fsdd = (repository / "egs" / name / "ew2/conf" for name in ("mini", "fsdd"))
    for _, part in [pair for pair in parts(repository) if pair[0] == "mini"]:
        assert (mini / part).read_text() == (fsdd / part).read_text(), part


@pytest.mark.parametrize("name", ["mini", "librispeech", "chime4"])
def test_every_table_and_figure_names_systems_that_are_trained(recipe, repository, name):
    folder = recipe(name)
    (folder / "data").mkdir()
    for _, part in [pair for pair in parts(repository) if pair[0] == name]:
        kind, number = part.split("_")
        if (name, kind) == ("chime4", "table"):
            output = commands(folder)
        else:
            output = commands(folder, f"--{kind}", number)
        options = dict(
            line[2:].split(" ", 1)
            for line in (folder / "conf" / part).read_text().splitlines()
            if line.startswith("--")
        )
        exp = options.get("expdir", "exp")
        for system in options["systems"].split():
            assert "sslse train --config conf/finetune" in output
            assert f"--exp {exp}/seed0/{system} " in output, f"{part}: {system} is not fine-tuned"
            if "_scratch" not in system:
                base = re.sub("_(frozen_encoder|frozen_se|tuned_clean)$", "", system)
                assert f"--exp {exp}/seed0/pt_{base} " in output
        paper = find_paper(f"ew2/{number}" if kind == "table" else f"ew2/figure_{number}")
        # The corpora of the paper have every row of its tables.
        if kind == "table" and name in ("librispeech", "chime4"):
            assert {key[0] for key in paper.rows} == set(options["systems"].split())


def test_switches_reach_the_trainings(recipe):
    folder = recipe("librispeech")
    output = commands(folder, "--table", "4")
    jobs = {m[1]: m[0] for m in re.finditer(r"sslse train .*?--exp exp_460/seed0/(\S+) .*", output)}
    assert "--model.init_param" not in jobs["pt_sew2"] and "train_clean_460" in jobs["pt_sew2"]
    for system in ("ew2", "sew2", "ew2_sew2"):
        job = jobs[f"pt_{system}_init"]
        assert "--init-param facebook/wav2vec2-base" in job and "pretrain_460.yaml" in job
    assert "--model.update_feature_encoder false" in jobs["sew2_init_frozen_encoder"]
    assert "pt_sew2_init/robust_wav2vec2" in jobs["sew2_init_frozen_encoder"]
    assert "train_clean_460" not in jobs["sew2_init"]  # fine-tuning on 100 h
    output = commands(
        folder, "--systems", "w2v2_othernoise ew2_tuned_clean w2v2_scratch_tuned_clean"
    )
    jobs = {m[1]: m[0] for m in re.finditer(r"sslse train .*?--exp exp/seed0/(\S+) .*", output)}
    assert "--data.noise data/noise_other" in jobs["pt_w2v2_othernoise"]
    assert "--data.noise_probability 0" in jobs["ew2_tuned_clean"]
    assert "--data.noise_probability 0" not in jobs["pt_ew2"]
    assert "finetune_scratch" in jobs["w2v2_scratch_tuned_clean"]


def test_recorded_speech_gets_no_noise(recipe):
    output = commands(recipe("chime4"))
    assert "--data.noise" not in output and "--data.train data/tr05" in output
    assert "--text data/local/wsj_lm.txt" in output and "conf/lm/transformer.yaml" in output
    assert "--beam 500" in output and "--lm-weight 1.0" in output
    assert "data/et05_real_noisy" in output


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--systems", "ew2_init_scratch"), "no 'ew2_init_scratch'"),
        (("--systems", "ew3"), "no 'ew3'"),
        (("--figure", "3"), "no file of options conf/figure_3"),
    ],
)
def test_systems_and_figures_that_do_not_exist(recipe, option, words):
    done = run(recipe("mini"), "--dry_run", "true", *option)
    assert done.returncode == 2 and words in done.stderr


@pytest.fixture(scope="module")
def wav2vec2_sizes():
    from transformers import Wav2Vec2Config, Wav2Vec2ForPreTraining

    def count(path):
        sizes = yaml.safe_load(path.read_text())["model"]["init_args"]["wav2vec2"]
        with torch.device("meta"):
            model = Wav2Vec2ForPreTraining(Wav2Vec2Config(**sizes))
        return sum(parameter.numel() for parameter in model.parameters()) / 1e6

    return count


@pytest.mark.parametrize(("name", "millions"), [("pretrain", 45), ("pretrain_460", 95)])
def test_models_have_the_size_of_the_paper(wav2vec2_sizes, name, millions):
    path = ROOT / "egs/librispeech/ew2/conf" / f"{name}.yaml"
    assert wav2vec2_sizes(path) == pytest.approx(millions, rel=0.03)


@pytest.mark.parametrize("name", RECIPES)
def test_configurations_can_be_read(name, tmp_path, monkeypatch):
    """Keys and types of every training, without its data and without a public model."""
    from jsonargparse import ArgumentParser

    from sslse.data.modules import StepwiseData
    from sslse.systems.base import System

    for path in sorted((ROOT / "egs" / name / "ew2/conf").glob("*.yaml")):
        config = yaml.safe_load(path.read_text())
        if "model" not in config:
            continue
        parser = ArgumentParser(exit_on_error=False)
        parser.add_subclass_arguments(System, "model")
        parser.add_subclass_arguments(StepwiseData, "data")
        parser.parse_object({"model": config["model"], "data": config["data"]})
        assert config["trainer"]["max_steps"] > 0


@pytest.fixture
def group_noises(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository / "egs/fsdd/ew2/local"))
    sys.modules.pop("group_noises", None)
    return importlib.import_module("group_noises")


def test_steadier_half_is_type_a(group_noises, tmp_path, rng):
    scp = {}
    for number in range(5):
        waveform = 0.01 * rng.standard_normal(16000)
        waveform[:8000] *= 1 + number  # a step of the level, larger from file to file
        scp[f"n{4 - number}"] = str(tmp_path / f"{number}.wav")
        write_audio(tmp_path / f"{number}.wav", waveform.astype(np.float32), 16000)
    write_datadir(tmp_path / "noise", wav_scp=scp, utt2spk={name: name for name in scp})
    group_noises.group(tmp_path / "noise")
    groups = [set(DataDir(tmp_path / f"noise_{suffix}").utterances) for suffix in "ab"]
    assert groups == [{"n4", "n3", "n2"}, {"n1", "n0"}]
    write_datadir(tmp_path / "one", wav_scp={"n0": scp["n0"]}, utt2spk={"n0": "n0"})
    with pytest.raises(DataError, match="has 1 noises"):
        group_noises.group(tmp_path / "one")
