"""The joint system: every combination trains, frozen parts stay, runs continue exactly."""

from __future__ import annotations

import csv
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from sslse.audio.files import read_audio, write_audio
from sslse.data.datadir import write_datadir
from sslse.errors import ConfigError
from sslse.runtime.settings import read_settings
from sslse.systems.base import OptimizerConfig
from sslse.systems.joint_enhancement import FirstPhase, JointEnhancement

SMALL = {
    "name": "conv_tasnet",
    "num_filters": 8,
    "kernel_size": 32,
    "stride": 16,
    "bottleneck_channels": 4,
    "hidden_channels": 6,
    "blocks": 2,
    "repeats": 1,
}
CONFIGS = sorted(Path(__file__).parents[2].glob("conf/joint/*.yaml"))
TOKENS = ["<blank>", "<unk>", "high", "low", "<sos/eos>"]


def build_asr(folder: Path, **changes) -> Path:
    """Write an ESPnet folder with random weights: two recurrent layers, CTC."""
    from espnet2.tasks.asr import ASRTask

    config = {
        **vars(ASRTask.get_parser().parse_args([])),
        "encoder": "rnn",
        "encoder_conf": {
            "num_layers": 1, "hidden_size": 8, "output_size": 8, "subsample": [2], "dropout": 0.0,
        },
        "frontend_conf": {"n_fft": 256, "hop_length": 160, "n_mels": 20},
        "token_list": TOKENS,
        "token_type": "word",
        "ctc_conf": {"dropout_rate": 0.0},
        "model_conf": {"ctc_weight": 1.0, "report_cer": False, "report_wer": False},
        **changes,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    torch.manual_seed(0)
    model, _ = ASRTask.build_model_from_file(folder / "config.yaml")
    torch.save(model.state_dict(), folder / "valid.loss.ave.pth")
    return folder


@pytest.fixture(scope="session")
def asr(tmp_path_factory) -> Path:
    return build_asr(tmp_path_factory.mktemp("asr"))


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory) -> Path:
    """A folder of a tokenizer with 6 random clusters on vectors of 8."""
    from sslse.tokens.tokenizer import Tokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    torch.manual_seed(0)
    Tokenizer(torch.randn(6, 8), downsample_rate=320).save_pretrained(folder)
    return folder


def batch(lengths=(8000, 6000)) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    clean = 0.1 * torch.randn(len(lengths), max(lengths), generator=generator)
    lengths = torch.tensor(lengths)
    clean *= torch.arange(clean.shape[1]) < lengths[:, None]
    noise = 0.1 * torch.randn(clean.shape, generator=generator)
    noise *= torch.arange(clean.shape[1]) < lengths[:, None]
    return {
        "noisy": clean + noise,
        "clean": clean,
        "clean_lengths": lengths,
        "text": ["high", "low"],
    }


def system(name: str, asr: Path, tokenizer: Path | None = None, **changes) -> JointEnhancement:
    (config,) = (path for path in CONFIGS if path.stem == name)
    options = {**read_settings(config)["model"]["init_args"], **changes}
    options["optimizer"] = OptimizerConfig()
    if isinstance(options.get("first_phase"), dict):
        options["first_phase"] = FirstPhase(**options["first_phase"])
    folders = {"asr": str(asr), "tokenizer": str(tokenizer) if tokenizer else None}
    return JointEnhancement(enhancer=SMALL, **folders, **options)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"weights": {"snr": 1.0}}, "has no loss 'snr'"),
        ({"weights": {"nsnr": 0.0}}, "no loss with a weight"),
        ({"weights": {"asr": 1.0}}, "give model.asr"),
        ({"weights": {"nsnr": 1.0}, "surgery": True}, "surgery needs"),
        ({"weights": {"nsnr": 1.0}, "train_asr": True}, "train_asr needs"),
        ({"weights": {"nsnr": 1.0}, "contrastive": {"reduction": "sum"}}, "set model.reduction"),
    ],
)
def test_wrong_configurations_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        JointEnhancement(enhancer=SMALL, **options)


@pytest.mark.slow
class TestLosses:
    """Values and gradients against independent computations."""

    def test_total_is_the_weighted_sum(self, asr, tokenizer):
        model = system("cbpc", asr, tokenizer)
        loss, numbers = model.training_losses(batch())
        weights = model.weights
        numbers = {name: float(value) for name, value in numbers.items()}
        expected = sum(weight * numbers[name] for name, weight in weights.items())
        assert loss.item() == pytest.approx(expected, rel=1e-4)
        theta, delta = 0.7, 0.9
        inner = delta * numbers["cbpc"] + (1 - delta) * numbers["info_nce"]
        contrast = theta * numbers["tokenizer"] + (1 - theta) * inner
        assert numbers["contrastive"] == pytest.approx(contrast, rel=1e-4)

    @pytest.mark.parametrize("name", ["encoder", "aso", "token", "token_cbpc", "cbpc"])
    def test_the_encoder_loss_sums_dimensions_and_frames_are_reduced_alike(
        self, name, asr, tokenizer
    ):
        model = system(name, asr, tokenizer)
        assert model.encoder_loss.reduction == model.contrastive_loss.reduction == "mean"
        pair = batch((8000, 8000))
        parts, _, enhanced = model.loss_parts(pair, {"encoder": 1.0})
        vectors, lengths = model.asr.encode(enhanced, pair["clean_lengths"])
        reference, _ = model.asr.encode(pair["clean"], pair["clean_lengths"])
        expected = (vectors - reference).square().sum() / lengths.sum()
        torch.testing.assert_close(parts["encoder"], expected)
        printed = system(name, asr, tokenizer, reduction="sum")
        value = printed.loss_parts(pair, {"encoder": 1.0})[0]["encoder"]
        torch.testing.assert_close(value, expected * lengths[0])

    def test_an_utterance_has_the_same_loss_alone_and_padded(self, asr, tokenizer):
        weights = {"nsnr": 1.0, "encoder": 1.0, "contrastive": 1.0, "asr": 1.0}
        model = system("cbpc", asr, tokenizer, weights=weights)
        # A network that sees one sample alone: the enhancers' own reach is tested with them.
        model.enhancer.estimate = lambda noisy: noisy.tanh()
        together = batch()
        parts, _, _ = model.loss_parts(together, weights)
        alone = []
        for row, length in enumerate(together["clean_lengths"].tolist()):
            one = {name: value[row : row + 1] for name, value in together.items()}
            one["noisy"], one["clean"] = one["noisy"][:, :length], one["clean"][:, :length]
            alone.append(model.loss_parts(one, weights)[0])
        for name, value in parts.items():
            mean = sum(float(own[name]) for own in alone) / 2
            assert float(value) == pytest.approx(mean, rel=1e-4), name

    def test_conflict_is_the_cosine_of_two_backward_passes(self, asr):
        model = system("straight", asr, conflict_every=1)
        _, numbers = model.training_losses(batch())
        vectors = []
        for part in ("nsnr", "asr"):
            model.zero_grad()
            losses, _, _ = model.loss_parts(batch(), model.weights)
            losses[part].backward()
            gradients = [p.grad for p in model.enhancer.parameters()]
            vectors.append(torch.cat([g.flatten() for g in gradients]))
        expected = torch.nn.functional.cosine_similarity(*vectors, dim=0)
        assert numbers["conflict_cosine"] == pytest.approx(float(expected), abs=1e-4)
        assert numbers["se_gradient_norm"] == pytest.approx(float(vectors[0].norm()), rel=1e-4)

    def test_the_first_phase_trains_the_enhancer_alone(self, asr):
        model = system("aso", asr)
        assert model.current_weights() == {"nsnr": 0.3, "encoder": 0.7}
        first = {id(p) for p in model.learning_parameters()}
        assert first == {id(p) for p in model.enhancer.parameters()}
        later = system("aso", asr, first_phase={"steps": 0})
        assert later.current_weights() == {"nsnr": 1.0, "asr": 1.0}
        whole = {id(p) for part in (later.enhancer, later.asr) for p in part.parameters()}
        assert {id(p) for p in later.learning_parameters()} == whole

    def test_vectors_of_a_learning_recogniser_know_no_chance(self, tmp_path):
        from sslse.espnet.trainable_asr import TrainableASR

        specaug = {"specaug": "specaug", "specaug_conf": {"time_mask_width_range": [0, 10]}}
        model = TrainableASR.from_folder(build_asr(tmp_path, **specaug)).train()
        pair = batch()
        tokens = model.tokenize_batch(pair["text"])
        vectors, losses = [], []
        for _ in range(2):
            vectors.append(model.encode(pair["noisy"], pair["clean_lengths"])[0])
            losses.append(model.loss(pair["noisy"], pair["clean_lengths"], *tokens))
        assert model.training and torch.equal(*vectors) and not torch.equal(*losses)
        model.save_pretrained(tmp_path / "saved")
        again = TrainableASR.from_folder(tmp_path / "saved")
        assert torch.equal(again.encode(pair["noisy"], pair["clean_lengths"])[0], vectors[0])

    def test_transcripts_are_asked_for(self, asr):
        with pytest.raises(ConfigError, match="data.crop_seconds to null"):
            pair = {name: batch()[name] for name in ("noisy", "clean")}
            system("straight", asr).training_losses(pair)

    def test_models_of_another_rate_are_refused(self, asr):
        with pytest.raises(ConfigError, match="takes 16000 Hz but the enhancer gives 8000 Hz"):
            JointEnhancement(
                {"nsnr": 1.0, "encoder": 1.0}, str(asr), enhancer={**SMALL, "sample_rate": 8000}
            )

    def test_a_tokenizer_of_another_encoder_is_refused(self, asr, tmp_path):
        from sslse.tokens.tokenizer import Tokenizer

        for centres, rate in ((torch.randn(6, 9), 320), (torch.randn(6, 8), 640)):
            Tokenizer(centres, downsample_rate=rate).save_pretrained(tmp_path)
            with pytest.raises(ConfigError, match="use the encoder that it was clustered with"):
                system("token", asr, tmp_path)


def write_config(corpus: Path, folder: Path, asr: Path, tokenizer: Path | None, shared: Path):
    """Return ``conf/joint/X.yaml`` and the configuration that a recipe adds to it."""
    own = read_settings(shared)["model"]
    options = {"enhancer": SMALL, "conflict_every": 1, "asr": str(asr)}
    options["optimizer"] = {"lr": 0.01, "patience": 0, "warmup_steps": 2}
    if "contrastive" in own["init_args"]["weights"]:
        options["tokenizer"] = str(tokenizer)
    if "first_phase" in own["init_args"]:
        options["first_phase"] = {"steps": 1}
    data = {"crop_seconds": None, "max_seconds": 3.0}
    if "asr" not in own["init_args"]["weights"]:
        data = {"crop_seconds": 0.4}
    data.update(
        train=str(corpus / "data" / "train"),
        noise=str(corpus / "data" / "noise"),
        valid=str(corpus / "data" / "valid_noisy"),
        simulate={"snr_low": 0, "snr_high": 10},
        batch_size=4,
    )
    config = {
        "model": {"class_path": own["class_path"], "init_args": options},
        "data": {"class_path": "sslse.systems.mixture_data.MixtureData", "init_args": data},
        "trainer": {
            "max_steps": 2,
            "val_check_interval": 2,
            "gradient_clip_val": 5.0,
            "accelerator": "cpu",
            "devices": 1,
            "log_every_n_steps": 1,
        },
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(config))
    return [shared, path]


@pytest.fixture(scope="session")
def transcribed(corpus) -> Path:
    """The corpus of ``conftest.py``; its noisy validation set with words."""
    text = (corpus / "data" / "valid" / "text").read_text()
    (corpus / "data" / "valid_noisy" / "text").write_text(text)
    return corpus


def digest(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.mark.slow
@pytest.mark.parametrize("shared", CONFIGS, ids=lambda path: path.stem)
def test_every_system_trains_and_leaves_frozen_parts_alone(
    shared, transcribed, asr, tokenizer, tmp_path
):
    from sslse.systems.training import train

    configs = write_config(transcribed, tmp_path, asr, tokenizer, shared)
    before = digest(asr), digest(tokenizer)
    exp = tmp_path / "exp"
    train(configs, exp, seed=0, save_every=1, average_best=0)
    assert (digest(asr), digest(tokenizer)) == before
    resolved = yaml.safe_load((exp / "config.yaml").read_text())["model"]["init_args"]
    own = read_settings(shared)["model"]["init_args"]
    assert resolved["weights"] == own["weights"]
    assert resolved["optimizer"]["schedule"] == "plateau"
    checkpoint = torch.load(exp / "checkpoints" / "step00000002.ckpt", weights_only=True)
    kept = {key.split(".")[0] for key in checkpoint["state_dict"]}
    trained_asr = own.get("train_asr", False)
    assert kept == ({"enhancer", "asr"} if trained_asr else {"enhancer"})
    assert (exp / "enhancer" / "model.safetensors").exists()
    rows = list(csv.DictReader(open(exp / "metrics.csv")))
    if set(own["weights"]) > {"nsnr"}:
        cosines = [float(row["train/conflict_cosine"]) for row in rows[:2]]
        assert all(-1 <= value <= 1 for value in cosines)
    assert (exp / "asr").exists() == trained_asr
    if trained_asr:
        import numpy as np

        from sslse.recognizers.espnet import ESPnetRecognizer

        original = torch.load(asr / "valid.loss.ave.pth", weights_only=True)
        learned = torch.load(exp / "asr" / "joint.ave.pth", weights_only=True)
        assert original.keys() == learned.keys()
        assert any(not torch.equal(original[key], learned[key]) for key in original)
        recognizer = ESPnetRecognizer(exp / "asr")
        assert len(recognizer.transcribe([np.zeros(8000, np.float32)], 16000)) == 1


PLUGIN = Path(__file__).with_name("plugin")


def run(configs: list[Path], exp: Path, *options: str, status: int = 0, **environment) -> str:
    command = [sys.executable, "-m", "sslse", "train", "--exp", str(exp)]
    command += [f"--config={path}" for path in configs]
    command += ["--save-every", "2", "--average-best", "0", "--trainer.max_steps", "6", *options]
    path = os.pathsep.join([str(PLUGIN), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == status, done.stderr[-2000:]
    return done.stdout


def equal_lengths(data: Path, folder: Path) -> Path:
    """Write the set with 0.5 s of every utterance."""
    scp = {}
    for line in (data / "wav.scp").read_text().splitlines():
        name, path = line.split(maxsplit=1)
        waveform, rate = read_audio(path)
        write_audio(folder / f"{name}.wav", waveform[: rate // 2], rate)
        scp[name] = str(folder / f"{name}.wav")
    tables = (dict(line.split() for line in open(data / name)) for name in ("text", "utt2spk"))
    text, utt2spk = tables
    write_datadir(folder / "data", wav_scp=scp, text=text, utt2spk=utt2spk)
    return folder / "data"


def tiny_config(corpus: Path, folder: Path) -> list[Path]:
    """The configuration of Joint-Grad with a recogniser that needs no ESPnet."""
    (grad,) = (path for path in CONFIGS if path.stem == "grad")
    configs = []
    for source in write_config(corpus, folder, folder, None, grad):
        config = read_settings(source)
        config["model"]["class_path"] = "tiny_recognizer.TinyJoint"
        if "data" in config:
            # Processes pad to the longest of their own utterances, which enters global norms.
            train = equal_lengths(corpus / "data" / "train", folder / "equal")
            config["data"]["init_args"]["train"] = str(train)
        configs.append(folder / f"tiny_{source.name}")
        configs[-1].write_text(yaml.safe_dump(config))
    return configs


def final(exp: Path) -> dict[str, torch.Tensor]:
    asr = torch.load(exp / "asr" / "joint.ave.pth", weights_only=True)
    return {**load_file(exp / "enhancer" / "model.safetensors"), **asr}


@pytest.mark.slow
def test_surgery_continues_exactly_and_equals_itself_on_two_processes(transcribed, tmp_path):
    config = tiny_config(transcribed, tmp_path)
    whole, broken, shared = (tmp_path / name for name in ("whole", "broken", "shared"))
    run(config, whole)
    # Killed before a validation that lowers the rate; the checkpoint before follows another one.
    run(config, broken, status=-signal.SIGKILL, DIE_AT_STEP="4")
    assert "continuing" in run(config, broken)
    assert all(torch.equal(final(whole)[name], value) for name, value in final(broken).items())
    logs = [list(csv.DictReader(open(exp / "metrics.csv"))) for exp in (whole, broken)]
    assert logs[0] == logs[1] and len(logs[0]) == 6
    states = [torch.load(exp / "checkpoints" / "step00000006.ckpt") for exp in (whole, broken)]
    assert states[0]["callbacks"]["Plateau"] == states[1]["callbacks"]["Plateau"]
    assert states[0]["callbacks"]["Plateau"]["scale"] == 0.25
    two = ("--trainer.devices", "2", "--trainer.strategy", "ddp")
    run(config, shared, *two)
    for name, value in final(shared).items():
        torch.testing.assert_close(value, final(whole)[name], rtol=1e-4, atol=1e-6)
    rows = [list(csv.DictReader(open(exp / "metrics.csv"))) for exp in (whole, shared)]
    for alone, together in zip(*rows, strict=True):
        cosines = [float(row["train/conflict_cosine"]) for row in (alone, together)]
        assert cosines[0] == pytest.approx(cosines[1], abs=1e-4)
