"""Every system of the inversion comparison learns, exports, and continues after a kill."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

from sslse.cli.main import main
from sslse.data.datadir import DataDir
from sslse.data.trials import pair_utterances, write_trials
from sslse.downstream.multi_task import MultiTaskModel
from sslse.enhancers.base import Enhancer
from sslse.errors import ConfigError, SslseError
from sslse.metrics.eer import equal_error_rate
from sslse.metrics.scores import read_summary
from sslse.recognizers.embeddings import read_embeddings
from sslse.recognizers.heads import EmbeddingRecognizer
from sslse.systems.multi_task import MultiTaskSystem

HEADS = {
    "tv": {
        **{"head": "tract_variables", "hidden_sizes": [8], "linear_sizes": [8]},
        **{"losses": {"mse": 1.0, "pc": 0.5}},
    }
}
SE = {
    "mask": {"hidden_size": 8, "num_layers": 1},
    "criteria": {
        "log_magnitude": {"criterion": "LogMagnitudeLoss"},
        "snr": {"criterion": "SNRLoss"},
    },
}
DECODER = {"channels": 12, "kernel_size": 5}


def _articulation():
    path = Path(__file__).resolve().parents[1] / "articulation.py"
    spec = importlib.util.spec_from_file_location("articulation", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def root(tmp_path_factory, tiny_hubert):
    folder = _articulation().write_articulation(tmp_path_factory.mktemp("inversion"))
    torch.manual_seed(0)
    HubertModel(HubertConfig(**tiny_hubert)).save_pretrained(folder / "upstream")
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder / "upstream")
    return folder


def write_config(root, name, noisy=True, **model):
    data = {"train": root / "data/train", "valid": root / "data/valid_noisy"}
    data = {key: str(path) for key, path in data.items()}
    if noisy:
        data |= {
            "noise": str(root / "data/noise"),
            "simulate": {"snr_low": -5, "babble_probability": 0.5, "babble_talkers": 3},
        }
    config = {
        "model": {
            "class_path": "sslse.systems.multi_task.MultiTaskSystem",
            "init_args": {"upstream": str(root / "upstream"), **model},
        },
        "data": {
            "class_path": "sslse.systems.trajectory_data.TrajectoryData",
            "init_args": {**data, "dither_db": -60, "crop_seconds": 0.6, "batch_size": 4},
        },
        "trainer": {
            **{"max_steps": 4, "val_check_interval": 2, "accelerator": "cpu", "devices": 1},
            **{"log_every_n_steps": 1},
        },
    }
    path = root / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def train(root, name, *options, **model):
    config = write_config(root, name, **model)
    exp = root / "exp" / name
    assert main(["train", "--config", config, "--exp", str(exp), *options]) == 0
    return exp


@pytest.mark.slow
def test_all_systems_train_and_export(root, capsys):
    clean = train(root, "si_clean", noisy=False, heads=HEADS)
    se = train(root, "se", **SE)
    noisy = train(root, "si_noisy", heads=HEADS, upstream_training="partial")
    joint = train(root, "joint", heads=HEADS, **SE)
    waveform = train(root, "waveform", heads=HEADS, **{**SE, "mask": None, "decoder": DECODER})
    starts = ("--init-param", str(clean / "model"), "--model.front", str(se / "enhancer"))
    criteria = SE["criteria"]
    cascade = train(root, "cascade", *starts, heads=HEADS, front="elsewhere", criteria=criteria)
    capsys.readouterr()
    later = train(root, "later", *("--init-param", str(clean / "model")), heads=HEADS, **SE)
    assert f"from {clean / 'model'}: upstream, heads.tv" in capsys.readouterr().out
    sound = torch.randn(1, 4000)
    for exp in (clean, noisy, joint, waveform, cascade, later):
        output = MultiTaskModel.from_pretrained(exp / "model")(sound).outputs["tv"]
        assert output.shape == (1, 26, 10)
    for exp in (se, joint, waveform, cascade, later):
        assert Enhancer.from_pretrained(exp / "enhancer")(sound).shape == (1, 4000)
    assert not (clean / "enhancer").exists() and not (noisy / "enhancer").exists()
    # Partly trained: the convolutions are those of before, the transformer is not.
    before = load_file(root / "upstream/model.safetensors")
    after = load_file(noisy / "model/model.safetensors")
    for name, value in before.items():
        if "conv_layers" in name:
            assert torch.equal(after[f"upstream.model.{name}"], value)
    name = "encoder.layers.0.attention.q_proj.weight"
    assert not torch.equal(after[f"upstream.model.{name}"], before[name])
    # And the command works on what the training left.
    out = root / "predicted"
    inputs = [str(root / "data/valid/wav.scp"), "--model", str(joint / "model"), "-o", str(out)]
    assert main(["predict", *inputs, "--csv", "--plot"]) == 0
    name = "validm00-00000"
    assert (out / f"plots/{name}.png").read_bytes()[:4] == b"\x89PNG"
    lines = (out / f"csv/{name}.csv").read_text().splitlines()
    assert (
        len(lines) == 113 and lines[0].startswith("seconds,LA,LP,TTCL") and lines[2][:4] == "0.01"
    )
    score = ["score", "--reference", str(root / "data/valid"), "--tv", str(out / "tv.scp")]
    assert main([*score, "--out", str(out / "scores")]) == 0
    assert "ppmc_TBCD" in capsys.readouterr().out


@pytest.mark.slow
def test_interrupted_and_continued_equals_unbroken(root, monkeypatch):
    """Stopped in the middle of the third step, the same command gives the same bits."""
    config = write_config(root, "resume", heads=HEADS, upstream_training="frozen", **SE)

    def run(name):
        command = ["train", "--config", config, "--exp", str(root / "exp" / name)]
        return main([*command, "--save-every", "2", "--average-best", "0"])

    assert run("unbroken") == 0
    whole = MultiTaskSystem.training_losses

    def stops(self, batch):
        if self.global_step == 2:
            raise SslseError("the power failed")
        return whole(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(MultiTaskSystem, "training_losses", stops)
        assert run("broken") == 1
    assert not (root / "exp/broken/model").exists()
    assert run("broken") == 0
    unbroken, broken = (
        load_file(root / f"exp/{name}/model/model.safetensors") for name in ("unbroken", "broken")
    )
    assert unbroken.keys() == broken.keys()
    assert all(torch.equal(broken[name], value) for name, value in unbroken.items())
    # Frozen: the upstream is bit for bit the one of the folder; the head is not that of step 2.
    before = load_file(root / "upstream/model.safetensors")
    for name, value in before.items():
        if "parametrizations" not in name:
            assert torch.equal(broken[f"upstream.model.{name}"], value)
    early = torch.load(root / "exp/broken/checkpoints/step00000002.ckpt", weights_only=True)
    bias = "model.heads.tv.linear.0.bias"
    assert not torch.equal(early["state_dict"][bias], broken[bias.removeprefix("model.")])
    assert not any("upstream" in name for name in early["state_dict"])


def system(root, **options):
    return MultiTaskSystem(str(root / "upstream"), heads=HEADS, **options)


def batch():
    torch.manual_seed(0)
    noisy = torch.randn(2, 6400)
    tv = torch.randn(2, 41, 10)
    tv[0, 5:9] = float("nan")
    return {"noisy": noisy, "clean": noisy + 0.1 * torch.randn(2, 6400), "tv": tv}


def test_joint_loss_is_the_sum_of_its_tasks(root):
    joint = system(root, **SE, enhancement_weight=0.3).eval()
    loss, numbers = joint.training_losses(batch())
    wanted = numbers["tv_mse"] + 0.5 * numbers["tv_pc"]
    wanted += 0.3 * (numbers["log_magnitude"] + numbers["snr"])
    assert float(loss.detach()) == pytest.approx(float(wanted), rel=1e-4)


@pytest.mark.parametrize("part", [{}, {"mask": None, "decoder": DECODER}], ids=["mask", "decoder"])
def test_both_tasks_teach_the_upstream(root, part):
    """The gradient of the joint loss at the upstream is the sum of those of the two tasks."""

    def gradient(scale_tv, scale_se):
        heads = {"tv": {**HEADS["tv"], "weight": scale_tv}}
        joint = MultiTaskSystem(
            str(root / "upstream"), heads=heads, **{**SE, **part}, enhancement_weight=scale_se
        ).eval()
        joint.training_losses(batch())[0].backward()
        layer = joint.model.upstream.model.encoder.layers[0].attention.q_proj.weight
        return layer.grad.clone()

    one, other, both = gradient(1.0, 0.0), gradient(0.0, 1.0), gradient(1.0, 1.0)
    assert one.any() and other.any()
    torch.testing.assert_close(both, one + other, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("part", [{}, {"mask": None, "decoder": DECODER}], ids=["mask", "decoder"])
def test_whatever_learns_gets_a_gradient(root, part):
    """Distributed training stops at a parameter without one."""
    joint = system(root, **{**SE, **part})
    joint.training_losses(batch())[0].backward()
    learning = {n: p for n, p in joint.named_parameters() if p.requires_grad}
    assert [name for name, value in learning.items() if value.grad is None] == []


def test_the_upstream_has_its_own_rate(root):
    groups = system(root, upstream_lr=0.1).parameter_groups()
    assert [group["lr"] for group in groups] == pytest.approx([1e-3, 1e-4])
    frozen = system(root, upstream_training="frozen").parameter_groups()
    assert len(frozen) == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"heads": None}, "needs a head, a mask, a decoder or a front"),
        ({"heads": None, "decoder": {}}, "nothing to learn"),
        ({"heads": None, "mask": {}}, "nothing to learn"),
        ({"criteria": SE["criteria"]}, "are of enhanced speech"),
        ({"front": {"kernel_size": 3}}, "needs a 'name' for a new one"),
    ],
)
def test_contradictions_are_refused(root, options, reason):
    with pytest.raises(ConfigError, match=reason):
        MultiTaskSystem(str(root / "upstream"), **{"heads": HEADS, **options})


SPEAKERS = {"sv": {"head": "speaker", "num_speakers": 3, "hidden_size": 8, "pooled_size": 12}}


@pytest.mark.slow
def test_verification_with_enhancement_from_training_to_the_error_rate(root, capsys):
    """Speakers in place of articulation: the same system, ranked and scored by pairs."""
    valid = str(root / "data/train")  # the validation speaker is alone
    exp = train(root, "joint_sv", "--data.valid", valid, heads=SPEAKERS, **SE)
    assert "valid/sv_eer" in (exp / "metrics.csv").read_text().splitlines()[0]
    assert Enhancer.from_pretrained(exp / "enhancer")(torch.randn(1, 4000)).shape == (1, 4000)
    data = DataDir(root / "data/train")
    trials, out = root / "trials", root / "verify"
    write_trials(trials, pair_utterances(data.utt2spk))
    options = ["--trials", str(trials), "--out", str(out), "--batch-seconds", "3"]
    assert main(["verify", "--model", str(exp / "model"), "--data", valid, *options]) == 0
    # Batches pad utterances of other lengths; alone each has the same embedding.
    model = MultiTaskModel.from_pretrained(exp / "model")
    names, vectors = read_embeddings(out / "xvector")
    for name, vector in zip(names, vectors, strict=True):
        waveform, _ = data.load(name)
        alone = model(torch.from_numpy(waveform)[None]).outputs["sv"][0].detach().numpy()
        np.testing.assert_allclose(vector, alone / np.linalg.norm(alone), atol=1e-3)
    score = ["score", "--reference", valid, "--trials", f"sv={out}/scores"]
    assert main([*score, "--trial-list", str(trials), "--out", str(root / "sv")]) == 0
    row = dict(zip(names, vectors, strict=True))
    lines = [line.split() for line in (out / "scores").read_text().splitlines()]
    assert len(lines) == 15
    for first, second, cosine in lines:
        assert float(cosine) == pytest.approx(row[first] @ row[second], abs=1e-6)
    same = np.array([data.utt2spk[first] == data.utt2spk[second] for first, second, _ in lines])
    expected = equal_error_rate(np.array([float(line[2]) for line in lines]), same)
    assert read_summary(root / "sv")["eer_sv"]["eer"] == pytest.approx(expected, abs=1e-9)
    with pytest.raises(ConfigError, match="has no speaker head"):
        EmbeddingRecognizer(_without_heads(root))


def _without_heads(root):
    MultiTaskSystem(str(root / "upstream"), **SE).export(root / "no_heads")
    return root / "no_heads/model"


def test_a_validation_set_that_cannot_rank_verification_is_refused(root, capsys):
    config = write_config(root, "one_voice", heads=SPEAKERS)
    assert main(["train", "--config", config, "--exp", str(root / "exp/one_voice")]) == 1
    assert "cannot rank the head 'sv': its utterances are all of one" in capsys.readouterr().err


def test_more_speakers_than_the_head_has_classes_are_refused(root):
    few = MultiTaskSystem(str(root / "upstream"), heads={"sv": {**SPEAKERS["sv"]}})
    noisy = torch.randn(2, 6400)
    with pytest.raises(ConfigError, match="num_speakers 3, but the training set has 6 or more"):
        few.training_losses({"noisy": noisy, "clean": noisy, "speaker": torch.tensor([0, 5])})
