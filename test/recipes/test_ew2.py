"""The EW2 recipes: noise groups, published corpora in small, every table, sizes of models."""

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

from sslse.audio.files import write_audio
from sslse.data.datadir import DataDir, write_datadir
from sslse.enhancers import build_enhancer
from sslse.errors import DataError
from sslse.report.paper import read_paper
from sslse.runtime.settings import read_settings


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


def trained(planner, name: str, **options: str) -> dict[str, str]:
    """Return the commands of the trainings by the folder in the experiment and seed 0."""
    jobs = planner.jobs(f"{name}/ew2", **options)
    trained = [job for job in jobs if job.command[:2] == ("sslse", "train")]
    return {job.folder.split("/seed0/")[1]: " ".join(job.command) for job in trained}


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


ROOT = Path(__file__).resolve().parents[2]
SE = "exp/seed0/se_pretrain/enhancer"


def test_small_recipes_have_the_same_tables_and_figures(planner):
    mini, an4 = (planner.method(f"{name}/ew2") for name in ("mini", "an4"))
    for kind in ("table", "figure"):
        wanted, found = mini.parts(kind), an4.parts(kind)
        differ = {
            name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)
        }
        assert wanted and differ <= {"labels", "given", "few"}  # which have options of their own


@pytest.mark.parametrize("name", ["mini", "an4", "librispeech", "chime4"])
def test_every_row_of_a_table_or_figure_is_fine_tuned_from_its_pre_training(planner, name):
    method = planner.method(f"{name}/ew2")
    for kind in ("table", "figure"):
        for number in method.parts(kind).keys() - {"few", "given"}:
            jobs = trained(planner, name, **{kind: number})
            rows = planner(f"{name}/ew2", **{kind: number}).words("variants")
            for row in rows:
                assert "--config conf/finetune" in jobs[row], f"{kind} {number}: {row}"
                if "_scratch" not in row:
                    base = re.sub("_(frozen_encoder|frozen_se|tuned_clean|few|few_clean)$", "", row)
                    assert f"/pt_{base}/robust_wav2vec2" in jobs[row] and f"pt_{base}" in jobs
                else:
                    assert "/pt_" not in jobs[row] and "finetune_scratch" in jobs[row]
            # The corpora of the paper have every row of its tables.
            if kind == "table" and name in ("librispeech", "chime4"):
                printed = {key[0] for key in read_paper(method, kind, number).rows}
                assert printed == set(rows) or number == "labels"


def test_a_given_model_is_fine_tuned_as_it_is_and_continued(planner):
    jobs = trained(planner, "an4", table="given")
    assert "finetune_given.yaml --exp exp/full/seed0/w2v2_given" in jobs["w2v2_given"]
    assert (
        "--init-param default" in jobs["w2v2_given"]
        and "--init-param default" in jobs["pt_ew2_init"]
    )
    assert "/pt_ew2_init/robust_wav2vec2" in jobs["ew2_init"]
    assert "pretrain_given.yaml" in jobs["pt_w2v2_init"] and "pt_w2v2_clean" not in jobs
    assert "finetune_scratch_full.yaml" in jobs["w2v2_scratch"]


def test_switches_reach_the_trainings(planner):
    jobs = trained(planner, "librispeech", table="4")
    assert "--init-param" not in jobs["pt_sew2"] and "train_clean_460" in jobs["pt_sew2"]
    for system in ("ew2", "sew2", "ew2_sew2"):
        job = jobs[f"pt_{system}_init"]
        assert "--init-param facebook/wav2vec2-base" in job and "pretrain_460.yaml" in job
    assert "--model.update_feature_encoder false" in jobs["sew2_init_frozen_encoder"]
    assert "exp_460/seed0/pt_sew2_init/robust_wav2vec2" in jobs["sew2_init_frozen_encoder"]
    assert "train_clean_460" not in jobs["sew2_init"]  # fine-tuning on 100 h
    variants = "w2v2_othernoise ew2_tuned_clean w2v2_scratch_tuned_clean"
    jobs = trained(planner, "librispeech", variants=variants)
    assert "--data.noise data/noise_other" in jobs["pt_w2v2_othernoise"]
    assert "--data.noise_probability 0" in jobs["ew2_tuned_clean"]
    assert "--data.noise_probability 0" not in jobs["pt_ew2"]
    assert "finetune_scratch" in jobs["w2v2_scratch_tuned_clean"]


def test_enhancers_begin_at_random_where_the_paper_has_it(planner):
    """Section IV-C; the variants ``_se`` begin with an enhancer that was trained before."""
    rows = ("sew2", "ew2_sew2", "sew2_init", "ew2_sew2_init")
    jobs = trained(planner, "librispeech", variants=" ".join([*rows, "sew2_scratch"]))
    assert "se_pretrain" not in jobs and not any("enhancer_param" in job for job in jobs.values())
    for row in rows:
        jobs = trained(planner, "librispeech", variants=f"{row}_se")
        fresh = trained(planner, "librispeech", variants=row)[f"pt_{row}"]
        wanted = fresh.replace(f"pt_{row} ", f"pt_{row}_se ")
        assert jobs[f"pt_{row}_se"].replace(f" --model.enhancer_param {SE}", "") == wanted
        assert f"{SE} " in jobs[f"pt_{row}_se"] + " " and f"/pt_{row}_se/" in jobs[f"{row}_se"]
    mini = trained(planner, "mini", variants="sew2 ew2_sew2 ew2_sew2_init sew2_scratch")
    names = ("pt_sew2", "pt_ew2_sew2", "pt_ew2_sew2_init", "sew2_scratch")
    assert all(f"--model.enhancer_param {SE}" in mini[name] for name in names)


@pytest.mark.parametrize("name", ["librispeech", "chime4", "mini", "an4"])
def test_configurations_have_an_enhancer_to_begin_at_random(name):
    folder = ROOT / "egs" / name / "ew2/conf"
    for path in [*folder.glob("pretrain*.yaml"), *folder.glob("finetune_scratch.yaml")]:
        settings = read_settings(path)["model"]["init_args"]
        assert settings["enhancer"]["name"] == "demucs", path
        enhancer = build_enhancer(**settings["enhancer"])
        if name in ("librispeech", "chime4"):
            millions = sum(weight.numel() for weight in enhancer.parameters()) / 1e6
            assert millions == pytest.approx(33.5, rel=0.01)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("librispeech/ew2/conf/pretrain", 12.5), ("chime4/ew2/conf/pretrain", 7.4)],
)
def test_a_batch_of_the_full_size_is_that_of_wav2vec2_base(name, seconds):
    """64 × 1.4 M samples in pre-training, 8 × 3.2 M in fine-tuning; seconds of a mean utterance."""

    def hours(path):
        settings = read_settings(path)
        batch = settings["data"]["init_args"]["batch_size"]
        return batch * settings["trainer"]["accumulate_grad_batches"] * seconds / 3600

    path = ROOT / "egs" / f"{name}.yaml"
    assert hours(path) == pytest.approx(64 * 1.4e6 / 16000 / 3600, rel=0.05)
    one_gpu = path.with_name("pretrain_one_gpu.yaml")
    assert not one_gpu.exists() or hours(one_gpu) == hours(path)
    finetuning = path.with_name("finetune.yaml")
    assert hours(finetuning) == pytest.approx(8 * 3.2e6 / 16000 / 3600, rel=0.05)


@pytest.mark.parametrize("name", ["librispeech", "chime4"])
def test_pre_training_is_that_of_the_paper(name):
    """Section III-B, and nothing of what makes up for small corpora."""
    settings = read_settings(ROOT / "egs" / name / "ew2/conf/pretrain.yaml")
    options = settings["model"]["init_args"]
    published = {
        **{"mask_probability": 0.065, "mask_length": 10, "num_distractors": 100},
        **{"temperature": 0.1, "gumbel": [2.0, 0.5, 0.999995]},
        **{"diversity_weight": 0.1, "feature_weight": 10.0},
        **{"consistency_weight": 1.0, "enhancement_weight": 0.1, "feature_gradient": 0.1},
    }
    assert {key: options[key] for key in published} == published
    small_corpora = {"cluster_crops", "mel_filters", "fusion_sees_masked", "enhancer_gradient"}
    assert not small_corpora & options.keys()


def test_other_readings_of_the_paper_are_variants(planner):
    variants = "ew2_entropy ew2_mask_shares ew2_mask_starts sew2_printed"
    jobs = trained(planner, "librispeech", variants=variants)
    assert "--model.diversity entropy" in jobs["pt_ew2_entropy"]
    assert "--model.time_mask_probability 0.0065" in jobs["ew2_mask_shares"]
    assert "--model.channel_mask_share 1.6" in jobs["ew2_mask_starts"]  # 0.05 times 32 channels
    assert "/pt_ew2/robust_wav2vec2" in jobs["ew2_mask_starts"]
    assert '"form": "printed", "stft_weight": 1.0' in jobs["pt_sew2_printed"]


def test_few_clean_labels_on_a_given_model_and_on_its_continuations(planner):
    jobs = trained(planner, "librispeech", table="few")
    rows = {"w2v2_given_few", "w2v2_init_few", "ew2_init_few"}
    assert set(jobs) == rows | {"pt_w2v2_init", "pt_ew2_init"}
    for row in rows:
        assert "finetune_10h" in jobs[row] and "--data.hours 10" in jobs[row]
        assert "--data.noise_probability 0" in jobs[row]
    assert "--init-param facebook/wav2vec2-base" in jobs["w2v2_given_few"]
    assert "/pt_ew2_init/robust_wav2vec2" in jobs["ew2_init_few"]
    assert "--init-param facebook/wav2vec2-base" in jobs["pt_ew2_init"]


def test_recorded_speech_gets_no_noise(planner):
    commands = [" ".join(job.command) for job in planner.jobs("chime4/ew2")]
    output = "\n".join(commands)
    assert "--data.noise" not in output and "--data.train data/tr05" in output
    assert "--text data/local/wsj_lm.txt" in output and "conf/lm/transformer.yaml" in output
    assert "--beam 500" in output and "--lm-weight 1.0" in output
    assert "data/et05_real_noisy" in output


@pytest.fixture(scope="module")
def wav2vec2_sizes():
    from transformers import Wav2Vec2Config, Wav2Vec2ForPreTraining

    def count(path):
        sizes = read_settings(path)["model"]["init_args"]["wav2vec2"]
        with torch.device("meta"):
            model = Wav2Vec2ForPreTraining(Wav2Vec2Config(**sizes))
        return sum(parameter.numel() for parameter in model.parameters()) / 1e6

    return count


@pytest.mark.parametrize(("name", "millions"), [("pretrain", 45), ("pretrain_460", 95)])
def test_models_have_the_size_of_the_paper(wav2vec2_sizes, name, millions):
    path = ROOT / "egs/librispeech/ew2/conf" / f"{name}.yaml"
    assert wav2vec2_sizes(path) == pytest.approx(millions, rel=0.03)


@pytest.fixture
def group_noises(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository / "egs/an4/ew2/local"))
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
