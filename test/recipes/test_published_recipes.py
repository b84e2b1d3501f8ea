"""egs/librispeech and egs/superb on tiny corpora in the published layouts: the first two stages for
real, all others as commands; and the first one on real LibriSpeech."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from sslse.data.datadir import DataDir
from sslse.data.labels import read_slots
from sslse.data.rttm import read_rttm
from sslse.data.trials import read_trials
from sslse.runtime.settings import read_settings

RATE = 16000


# Recipe → corpus, options of local/data.sh, sizes of the three sets, words of the planned commands.
RECIPES = {
    "librispeech/sslmse": (
        "make_librispeech",
        "--num_train 5",
        (5, 4, 4),
        ("train --config conf/train_se.yaml", "microsoft/wavlm-large", "--normalize whisper="),
    ),
    "superb/asr": ("make_librispeech", "", (2, 2, 2), ("/asr.yaml", "--hyp ssl=")),
    "superb/sv": (
        "make_voxceleb",
        "--num_valid_speakers 2",
        (2, 4, 3),
        ("/asv.yaml", "sslse verify", "--trials asv="),
    ),
    "superb/ic": ("make_fluent", "", (1, 1, 1), ("/ic.yaml", "sslse classify", "ic=utt2intent")),
    "superb/ks": ("make_commands", "", (29, 12, 12), ("/ks.yaml", "--label-file ks=utt2label")),
    "superb/sid": ("make_voxceleb", "", (2, 2, 2), ("/sid.yaml", "--label-file sid=utt2spk")),
    "superb/sd": (
        "make_librimix",
        "",
        (1, 1, 1),
        ("/sd.yaml", "sd/prepared/settings.json", "--rttm"),
    ),
}


@pytest.fixture
def run(repository, tmp_path):
    """Run a recipe in a copy of its folder, in a tree whose other parts are the repository's."""
    for name in ("TEMPLATE", *{recipe.split("/")[0] for recipe in RECIPES}):
        shutil.copytree(
            repository / "egs" / name,
            tmp_path / "egs" / name,
            ignore=shutil.ignore_patterns("data", "exp"),
        )
    for name in ("utils", "bin", "conf", "sslse", "tools", "requirements.lock"):
        (tmp_path / name).symlink_to(repository / name)

    def start(recipe: str, *options: str, **roots: str) -> str:
        done = subprocess.run(
            [tmp_path / "egs" / recipe / "run.sh", *options],
            env={**os.environ, "SSLSE_VENV": str(Path(sys.executable).parents[1]), **roots},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return start


def check_truth(recipe: str, data: DataDir) -> None:
    """What is scored against stands in the noisy test set."""
    task = recipe.split("/")[1]
    if task in ("sslmse", "asr"):
        assert all(len(text.split()) == 2 and text.islower() for text in data.text.values())
    elif task == "sv":
        assert len(read_trials(data.table("trials"), data.utterances)) == 2
    elif task == "ic":
        assert set(read_slots(data, "utt2intent").values()) == {
            ("change_language", "lights", "none")
        }
    elif task == "ks":
        assert len(set(data.utt2label.values())) == 12
    elif task == "sd":
        assert len(read_rttm(data.table("rttm"))["1-2-0_4-5-6"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_first_stages_run_and_the_others_are_planned(
    recipe, run, planner, published_corpora, tmp_path, monkeypatch
):
    make, options, sizes, words = RECIPES[recipe]
    roots = {**getattr(published_corpora, make)(tmp_path), **published_corpora.make_noise(tmp_path)}
    run(recipe, "--stop_stage", "2", "--local_data_opts", options, **roots)
    monkeypatch.chdir(tmp_path / "egs" / recipe)
    assert tuple(len(DataDir(f"data/{name}")) for name in ("train", "valid", "test")) == sizes
    noisy = DataDir("data/test_noisy")
    assert len(noisy) == sizes[2]
    assert all(0 <= snr <= 10 for snr in noisy.utt2snr.values() if np.isfinite(snr))
    check_truth(recipe, noisy)
    planned = run(recipe, "--stage", "3", "--dry_run", "true", **roots)
    for word in words:
        assert word in planned
    # What other tests plan in this process is what the scripts run.
    later = [job for job in planner.jobs(recipe) if job.command[:2] != ("sslse", "simulate")]
    commands = {shlex.join(job.command) for job in later if job.keep in ("", "update")}
    assert commands <= set(planned.splitlines()) and len(commands) > 20


@pytest.mark.slow
def test_corpora_come_by_themselves(run, file_server, published_corpora, tmp_path, monkeypatch):
    """What db.sh does not name is downloaded, as the recipe wants it, and prepared from there."""
    published_corpora.make_librispeech(tmp_path / "made")
    published_corpora.make_noise(tmp_path / "made")
    corpora = {}
    parts = ("train-clean-100", "dev-clean", "test-clean")
    for name, folder, sources in (
        ("librispeech", "LibriSpeech", {part: f"LibriSpeech/{part}" for part in parts}),
        ("dns_noise", "DNS_noise", {"audioset_000": "dns/datasets/noise"}),
    ):
        entries = {}
        for part, source in sources.items():
            base = f"{tmp_path}/{part}"
            shutil.make_archive(base, "gztar", tmp_path / "made", source)
            content = Path(f"{base}.tar.gz").read_bytes()
            file_server.add(f"/{part}.tar.gz", content)
            url = f"{file_server.url}/{part}.tar.gz"
            entries[part] = {"url": url, "size": len(content), "holds": source}
        corpora[name] = {"title": name, "folder": folder, "parts": entries}
    (tmp_path / "addresses.yaml").write_text(yaml.safe_dump({"corpora": corpora}))
    monkeypatch.setenv("SSLSE_ADDRESSES", str(tmp_path / "addresses.yaml"))
    unset = {"LIBRISPEECH": "", "DNS_NOISE": ""}
    dry = run("superb/asr", "--stop_stage", "0", "--dry_run", "true", **unset)
    assert "LIBRISPEECH=librispeech:train-clean-100,dev-clean,test-clean" in dry
    for _ in range(2):
        run("superb/asr", "--stop_stage", "1", **unset)
    recipe = tmp_path / "egs/superb/asr"
    assert {path.name for path in (recipe / "downloads/LibriSpeech").iterdir()} == set(parts)
    monkeypatch.chdir(recipe)
    assert len(DataDir("data/train")) == 2 and len(DataDir("data/noise_train")) > 40
    assert all(len(file.asked) == 1 for file in file_server.files.values())


def test_every_configuration_can_be_read(repository):
    """The published ones are tested as commands above; here as what they build."""
    from sslse.systems.training import parse

    folder = repository / "egs/librispeech/sslmse/conf"
    lmfb = f"--config={repository}/conf/criterion/snr_lmfb.yaml"
    for name, more in (("train_se", []), ("finetune", []), ("finetune", [lmfb])):
        # Fine-tuning begins with a trained folder; any enhancer stands in for it.
        start = [] if name == "train_se" else ["--model.enhancer={name: dccrn}"]
        cli = parse([f"--config={folder}/{name}.yaml", *more, *start])
        config = cli.config["model"]["init_args"]
        assert config["optimizer"].lr == (1e-3 if name == "train_se" else 1e-4)
        assert cli.datamodule.simulate == {"snr_low": -3, "snr_high": 20, "level": "whole"}
        # 50 epochs of 100,000 utterances.
        assert cli.config["trainer"]["max_steps"] * cli.datamodule.batch_size == 50 * 100_000
        if name == "train_se":
            assert sum(p.numel() for p in cli.model.enhancer.parameters()) == pytest.approx(
                13.3e6, rel=0.01
            )


def test_noisy_sets_are_mixed_as_the_paper_says(planner, repository):
    """Sato et al. 2025, 5.1.1 and 5.1.3: the test alone has 0 to 10 dB; levels as in the loss."""
    for recipe in RECIPES:
        ranges = {}
        for job in planner.jobs(recipe):
            if job.command[:2] == ("sslse", "simulate"):
                config = job.command[job.command.index("--config") + 1]
                ranges[job.folder] = read_settings(repository / "egs" / recipe / config)
        training = {"snr_low": -3, "snr_high": 20, "level": "whole"}
        assert ranges == {
            "data/valid_noisy": training,
            "data/test_noisy": {"snr_low": 0, "snr_high": 10, "level": "whole"},
        }
    for path in ("egs/librispeech/sslmse/conf/finetune.yaml", "conf/downstream/noise_robust.yaml"):
        settings = read_settings(repository / path)
        assert settings["data"]["init_args"]["simulate"] == training


@pytest.mark.parametrize("recipe", ["librispeech/sslmse", "librispeech/ew2", "librispeech/cbpc"])
def test_the_level_of_an_snr_is_that_of_whole_signals(planner, repository, recipe):
    """In every noisy set and every training with noise, as in the papers' SNR losses."""
    folder, mixed = repository / "egs" / recipe, 0
    for job in planner.jobs(recipe):
        words = job.command
        files = [word for key, word in zip(words, words[1:], strict=False) if key == "--config"]
        settings = read_settings(*(folder / file for file in files)) if files else {}
        if words[:2] == ("sslse", "train"):
            settings = settings["data"]["init_args"].get("simulate", {})
        if "snr_low" in settings:
            assert settings["level"] == "whole", job.name
            mixed += 1
    assert mixed > 2


def test_a_missing_corpus_is_one_sentence(repository, tmp_path):
    for recipe in RECIPES:
        done = subprocess.run(
            [repository / "egs" / recipe / "local/data.sh"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
        )
        assert done.returncode != 0 and done.stderr.count("\n") == 1, recipe
        assert "in db.sh: " in done.stderr


@pytest.mark.slow
def test_preparation_of_real_librispeech(repository, shared_corpora, published_corpora, tmp_path):
    root = shared_corpora / "LibriSpeech"
    if not (root / "dev-clean").is_dir():
        pytest.skip(f"no LibriSpeech at {root} (set SSLSE_TEST_CORPORA)")
    noise = published_corpora.make_noise(tmp_path)
    parts = (
        "--train_parts",
        "dev-clean",
        "--valid_parts",
        "dev-clean",
        "--test_parts",
        "test-clean",
    )
    done = subprocess.run(
        [repository / "egs/librispeech/sslmse/local/data.sh", *parts, "--num_test", "20"],
        cwd=tmp_path,
        env={
            **os.environ,
            "SSLSE_VENV": str(Path(sys.executable).parents[1]),
            "LIBRISPEECH": str(root),
            **noise,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    train, test = (DataDir(tmp_path / "data" / name) for name in ("train", "test"))
    assert 0 < len(test) <= 20 and not set(train.utt2spk.values()) & set(test.utt2spk.values())
    waveform, rate = test.load(test.utterances[0])
    assert rate == RATE and len(waveform) > RATE
    assert all(text == text.lower() and text for text in test.text.values())
