"""Two processes that train together end, with the losses and the weights of one process.

Layers that are left out, parameters that a step does not reach, and means over what utterances have
different amounts of (masked frames, frames of a recording) are where they would part or wait for
each other for ever. Dropout is off: its noise is drawn by every process for itself.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from sslse.audio.files import write_audio
from sslse.data.datadir import write_datadir
from sslse.data.rttm import Turn, write_rttm
from sslse.runtime.pool import WorkerDied
from sslse.systems.training import deaths_of_others

pytestmark = pytest.mark.slow

RATE = 16000
STEPS = 3
STALLED = 120  # s in which no process has printed anything
#: Their gradient is zero but for rounding, which Adam blows up to a step.
NO_GRADIENT = re.compile(r"(k_proj|fusion.*key)\.bias")
JOINT = ("straight", "aso", "grad", "encoder", "token", "token_cbpc", "cbpc")
SYSTEMS = (
    *("ew2", "ew2_sew2", "hubert", "robust_ctc", "ssl_mse"),
    *(f"joint_{name}" for name in JOINT),
    *("tokenizer", "asr", "ic", "asv", "sd", "inversion"),
)


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_speech(root: Path, name: str, seconds: tuple[float, float]) -> str:
    """Eight tones of four speakers with all that a task may ask for."""
    generator = np.random.default_rng(len(name))
    tables: dict = {key: {} for key in ("wav_scp", "text", "utt2spk", "utt2intent")}
    turns = {}
    for number in range(8):
        length = generator.uniform(*seconds)
        time = np.arange(round(RATE * length)) / RATE
        wave = 0.3 * np.sin(2 * np.pi * 300 * (1 + number) * time)
        wave += 0.01 * generator.standard_normal(len(time))
        speaker, word = f"s{number % 4}", ("low", "high")[number % 2]
        utterance = f"{speaker}-{name}{number}"
        path = root / name / f"{utterance}.wav"
        write_audio(path, wave.astype(np.float32), RATE)
        tables["wav_scp"][utterance] = str(path)
        tables["text"][utterance], tables["utt2spk"][utterance] = word, speaker
        tables["utt2intent"][utterance] = f"{word} {speaker}"
        turns[utterance] = [Turn(0.1, 0.25, "x"), Turn(0.2, length, "y")]
    data = root / "data" / name
    write_datadir(data, **tables)
    write_rttm(data / "rttm", turns)
    return str(data)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory, robust, tiny_hubert, upstream_folder) -> dict[str, list[str]]:
    """Name of a system to its configurations."""
    root = tmp_path_factory.mktemp("two")
    here = Path(__file__).parent
    joint = load(here / "test_joint_enhancement.py")
    vectors = load(here / "test_tokenizer.py")
    vectors.write_store(root / "vectors", 12, 1)
    from sslse.tokens.tokenizer import Tokenizer

    torch.manual_seed(0)
    Tokenizer(torch.randn(6, 5), downsample_rate=640).save_pretrained(root / "clusters")
    Tokenizer(torch.randn(6, 8), downsample_rate=320).save_pretrained(root / "tokenizer")
    asr = joint.build_asr(root / "asr")
    equal, other = (write_speech(root, *way) for way in (("eq", (0.5, 0.5)), ("any", (0.4, 0.8))))
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)
    write_audio(root / "noise.wav", noise, RATE)
    scp = {"n": str(root / "noise.wav")}
    write_datadir(root / "data/noise", wav_scp=scp, utt2spk={"n": "n"})
    spoken = load(here.parent / "articulation.py").write_articulation(root / "articulation")
    configs: dict[str, list[str]] = {}

    def add(name: str, kind: str, model: dict, data: dict, sort: str = "MixtureData", **trainer):
        module = sort.replace("Data", "_data").lower()
        if sort in ("MixtureData", "TrajectoryData"):
            data = {"noise": str(root / "data/noise"), "simulate": {"snr_high": 5}, **data}
        config = {
            "model": {"class_path": f"sslse.systems.{kind}", "init_args": model},
            "data": {
                "class_path": f"sslse.systems.{module}.{sort}",
                "init_args": {"batch_size": 4, **data},
            },
            "trainer": {"accelerator": "cpu", "gradient_clip_val": 5.0, **trainer},
        }
        path = root / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config))
        configs[name] = [str(path)]

    crops = {"train": other, "crop_seconds": 0.4}
    wav2vec2 = {**robust["sizes"], "num_hidden_layers": 3, "layerdrop": 0.5}
    masks = {"wav2vec2": wav2vec2, "mask_length": 3, "num_distractors": 5}
    pretraining = "robust_pretraining.RobustPretraining"
    add("ew2", pretraining, {**masks, **robust["noisy"]}, crops)
    add("ew2_sew2", pretraining, {**masks, **robust["both"]}, crops)
    still = {name: 0.0 for name in ("hidden_dropout", "attention_dropout", "activation_dropout")}
    still |= {"feat_proj_dropout": 0.0, **tiny_hubert}
    add(
        "hubert",
        "upstream_pretraining.UpstreamPretraining",
        {"hubert": still, "num_units": 4},
        crops,
    )
    ctc = {"wav2vec2": wav2vec2, "unit": "word", "dropout": 0.0, "channel_mask_length": 4}
    add(
        *("robust_ctc", "robust_ctc.RobustCTC"),
        *({**ctc, "head_only_steps": 1}, {"train": other}, "TranscribedData"),
    )
    upstream = str(upstream_folder)
    criteria = {
        "snr": {"criterion": "SNRLoss"},
        "ssl": {"criterion": "SSLMSELoss", "upstream": upstream},
    }
    add(
        *("ssl_mse", "enhancement.EnhancementSystem"),
        *({"enhancer": joint.SMALL, "criteria": criteria, "alpha": 0.5}, crops),
    )
    for path in joint.CONFIGS:
        if path.stem not in JOINT:
            continue
        name, folder = f"joint_{path.stem}", root / path.stem
        folder.mkdir()
        (root / "data/train").unlink(missing_ok=True)
        (root / "data/train").symlink_to(equal)
        made = joint.write_config(root, folder, asr, root / "tokenizer", path)
        config = yaml.safe_load(made[1].read_text())
        config["data"]["init_args"]["valid"] = None
        if path.stem != "standalone":
            config["model"]["init_args"]["optimizer"] = {"lr": 1e-3, "schedule": "constant"}
        made[1].write_text(yaml.safe_dump(config))
        configs[name] = [str(file) for file in made]
    tokenizer = {"tokenizer": str(root / "clusters"), "contrastive": {"theta": 0.7, "delta": 0.9}}
    vector_data = {"train": str(root / "vectors")}
    add("tokenizer", "tokenizer.TokenizerTraining", tokenizer, vector_data, "VectorData")
    vector_data = {**vector_data, "valid": str(root / "vectors")}
    once = {"val_check_interval": STEPS}
    add("search", "tokenizer.TokenizerTraining", tokenizer, vector_data, "VectorData", **once)
    on = {"upstream": upstream}
    asr_head = {"projection_size": 8, "hidden_size": 8, "num_layers": 1, "dropout": 0.0}
    speaker_head = {"hidden_size": 16, "pooled_size": 24}
    labelled, transcribed = "UtteranceData", "TranscribedData"
    heads = {"tv": {"head": "tract_variables", "hidden_sizes": [8], "linear_sizes": [8]}}
    heads["tv"] |= {"losses": {"mse": 1.0, "pc": 0.5}, "dropout": 0.0}
    se = {"mask": {"hidden_size": 8, "num_layers": 1}, "criteria": {"snr": criteria["snr"]}}
    speech = {"train": other}
    add(
        "asr",
        "ctc_asr.CTCRecognition",
        {**on, "unit": "word", "head": asr_head},
        speech,
        transcribed,
    )
    add("ic", "classification.Classification", {**on, "labels": "utt2intent"}, speech, labelled)
    add("asv", "verification.Verification", {**on, "head": speaker_head}, speech, labelled)
    add("sd", "diarization.Diarization", {**on, "head": {"hidden_size": 8}}, speech, labelled)
    add(
        *("inversion", "multi_task.MultiTaskSystem", {**on, "heads": heads, **se}),
        *({"train": str(spoken / "data/train"), "crop_seconds": 0.6}, "TrajectoryData"),
    )
    return configs


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def wait_while_they_go_on(processes: list[subprocess.Popen], logs: list[Path]) -> None:
    """Return when all have ended, or the two that train together stand still or lack one."""
    printed, since = -1, time.monotonic()
    while any(process.poll() is None for process in processes):
        size = sum(log.stat().st_size for log in logs)
        if size != printed:
            printed, since = size, time.monotonic()
        if time.monotonic() - since > STALLED or processes[1].poll() or processes[2].poll():
            return
        time.sleep(0.1)


@pytest.fixture(scope="module")
def runs(jobs, tmp_path_factory):
    """Folder of the experiments by the number of processes, and what the processes printed."""
    root = tmp_path_factory.mktemp("exp")
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "NODE_RANK": "0"}
    processes, logs = [], []
    for count, rank in ((1, 0), (2, 0), (2, 1)):
        several = [f"--trainer.devices={count}"]
        several += ["--trainer.strategy=ddp"] if count > 1 else []
        several += [f"--trainer.max_steps={STEPS}", "--trainer.log_every_n_steps=1"]
        work = [
            {
                "name": name,
                "configs": configs,
                "exp": str(root / str(count) / name),
                "options": several,
            }
            for name, configs in jobs.items()
        ]
        (root / f"{count}.json").write_text(json.dumps(work))
        environment = {**os.environ, **(address if count > 1 else {})}
        if count > 1:
            environment["LOCAL_RANK"] = str(rank)
        logs.append(root / f"log{count}.{rank}")
        with open(logs[-1], "w") as log:
            command = [sys.executable, str(Path(__file__).with_name("plugin") / "train_all.py")]
            processes.append(
                subprocess.Popen(
                    [*command, str(root / f"{count}.json")],
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
    try:
        wait_while_they_go_on(processes, logs)
    finally:
        for process in processes:
            process.kill()
    return root, [log.read_text() for log in logs]


def rows(exp: Path) -> list[dict[str, float]]:
    with open(exp / "metrics.csv") as stream:
        return [
            {name: float(value) for name, value in row.items() if value and "train/" in name}
            for row in csv.DictReader(stream)
        ]


@pytest.mark.parametrize("name", SYSTEMS)
def test_two_processes_train_as_one(name, runs):
    root, logs = runs
    for log in logs:
        assert f"end {name}\n" in log, log[-3000:]
    alone, together = (root / str(count) / name for count in (1, 2))
    first, second = rows(alone), rows(together)
    assert len(first) == len(second) == STEPS
    for one, two in zip(first, second, strict=True):
        assert one.keys() == two.keys() and "train/loss" in one
        for key, value in one.items():
            if "gradient_norm" in key and name == "ssl_mse":
                continue  # of each process's own batch
            assert two[key] == pytest.approx(value, rel=2e-3, abs=2e-4), key
    weights = [
        torch.load(exp / f"checkpoints/step{STEPS:08d}.ckpt")["state_dict"]
        for exp in (alone, together)
    ]
    assert weights[0].keys() == weights[1].keys()
    for key, value in weights[0].items():
        if not NO_GRADIENT.search(key):
            torch.testing.assert_close(weights[1][key], value, rtol=1e-3, atol=1e-4, msg=key)


def test_the_death_of_a_partner_is_one_sentence():
    said = (
        "[/x/gloo/transport/tcp/pair.cc:538] Read error [127.0.0.1]:24989: Connection reset by peer"
    )
    with pytest.raises(WorkerDied, match="another process of this training ended"):
        with deaths_of_others():
            raise RuntimeError(said)
    with pytest.raises(RuntimeError, match="shape"), deaths_of_others():
        raise RuntimeError("shape [2] is invalid")


def test_a_search_of_many_trainings_is_that_of_one_process(runs):
    root, logs = runs
    for log in logs:
        assert "end search\n" in log, log[-3000:]
    found = [json.loads((root / count / "search/search.json").read_text()) for count in "12"]
    assert found[0]["theta"] == found[1]["theta"] and len(found[1]["table"]) == 2
    assert (root / "2/search/tokenizer/model.safetensors").exists()
