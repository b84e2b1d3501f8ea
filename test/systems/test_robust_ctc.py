"""CTC fine-tuning: from pre-training to a recogniser, killed in between; what learns; refusals."""

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from sslse.data.datadir import DataDir
from sslse.downstream.tokens import Tokens
from sslse.errors import ConfigError, DataError
from sslse.recognizers import build_recognizer
from sslse.systems.base import OptimizerConfig
from sslse.systems.robust_ctc import RobustCTC
from sslse.systems.robust_pretraining import RobustPretraining
from sslse.wav2vec2.ctc_wav2vec2 import CTCWav2Vec2

TRAINER = {"accelerator": "cpu", "devices": 1, "log_every_n_steps": 1, "val_check_interval": 3}


@pytest.fixture(scope="module")
def pretraining_config(corpus, robust):
    sizes = {**robust["sizes"], "layerdrop": 0.3}
    options = {**robust["both"], "wav2vec2": sizes, "mask_length": 3}
    config = {
        "model": {
            "class_path": "sslse.systems.robust_pretraining.RobustPretraining",
            "init_args": {**options, "num_distractors": 5},
        },
        "data": {
            "class_path": "sslse.systems.mixture_data.MixtureData",
            "init_args": {
                "train": str(corpus / "data/train"),
                "noise": str(corpus / "data/noise"),
                "valid": str(corpus / "data/valid_noisy"),
                "crop_seconds": 0.4,
                "batch_size": 2,
            },
        },
        "trainer": {**TRAINER, "max_steps": 8},
    }
    path = corpus / "robust_pretraining.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def finetuning_config(corpus, pretrained):
    config = {
        "model": {
            "class_path": "sslse.systems.robust_ctc.RobustCTC",
            "init_args": {
                "branches": "both",
                "init_param": str(pretrained),
                "unit": "word",
                "channel_mask_length": 4,
                "head_only_steps": 2,
                "optimizer": {"lr": 1e-3, "hold_steps": 2, "schedule": "exponential"},
            },
        },
        "data": {
            "class_path": "sslse.systems.transcribed_data.TranscribedData",
            "init_args": {
                "train": str(corpus / "data/train"),
                "valid": str(corpus / "data/valid"),
                "noise": str(corpus / "data/noise"),
                "batch_size": 2,
            },
        },
        "trainer": {**TRAINER, "max_steps": 8},
    }
    path = corpus / "robust_ctc.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def weights(folder):
    return {
        f"{path.relative_to(folder)}:{name}": value
        for path in sorted(folder.rglob("*.safetensors"))
        for name, value in load_file(path).items()
    }


def same(first, second):
    a, b = weights(first), weights(second)
    return a and a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def train(training, config, exp, killed):
    if killed:
        training.kill_when(config, exp, lambda: any((exp / "checkpoints").glob("step*4.ckpt")))
        assert not (exp / ".trained").exists()
    training.finish(config, exp)


@pytest.mark.slow
def test_both_trainings_survive_a_kill_bit_for_bit(corpus, pretraining_config, tmp_path, training):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for exp in (whole, killed):
        train(training, pretraining_config, exp / "pretraining", exp == killed)
    assert same(*(exp / "pretraining" / "robust_wav2vec2" for exp in (whole, killed)))
    config = finetuning_config(corpus, whole / "pretraining" / "robust_wav2vec2")
    for exp in (whole, killed):
        train(training, config, exp / "ctc", exp == killed)
    assert same(*(exp / "ctc" / "recognizer" for exp in (whole, killed)))
    recognizer = build_recognizer("ctc_wav2vec2", whole / "ctc" / "recognizer")
    assert isinstance(recognizer.transcribe([np.zeros(8000, np.float32)], 16000)[0], str)


@pytest.fixture
def prepare(corpus, robust):
    """``prepare(branches, **options)`` -> a tiny system with its tokens."""

    def make(branches="noisy", **options):
        masks = {"channel_mask_length": 4, "time_mask_length": 3}
        options = {**masks, **robust[branches], **options}
        system = RobustCTC(wav2vec2=robust["sizes"], **options)
        system.prepare(DataDir(corpus / "data/train"))
        return system.train()

    return make


def batch(samples=(4000, 3000)):
    return {
        "waveform": torch.randn(2, max(samples)),
        "waveform_lengths": torch.tensor(samples),
        "tokens": torch.tensor([[3, 4], [3, 0]]),
        "tokens_lengths": torch.tensor([2, 1]),
        "text": ["hi", "h"],
    }


def test_a_public_checkpoint_is_tuned_as_it_is(corpus, robust, tmp_path):
    """Without any pre-training here: an ordinary folder of transformers, a few labels."""
    import transformers

    public = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**robust["sizes"])).eval()
    public.save_pretrained(tmp_path)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(tmp_path)
    system = RobustCTC(init_param=str(tmp_path), time_mask_length=3, channel_mask_length=4)
    system.prepare(DataDir(corpus / "data/train"))
    waveform = torch.nn.functional.layer_norm(torch.randn(1, 4000), (4000,))
    with torch.no_grad():
        states = system.model.eval().encoder(waveform).hidden_states
        expected = public(waveform).last_hidden_state
    torch.testing.assert_close(states[-1], expected, rtol=1e-3, atol=1e-4)
    loss, _ = system.train().training_losses(batch())
    loss.backward()
    assert loss.isfinite()


@pytest.mark.parametrize("channels", [512, 768])
def test_a_twentieth_of_the_channels_and_half_of_the_frames_are_masked(corpus, robust, channels):
    """``mask_channel_prob`` 0.05 of fairseq with 32 channels; p = 0.065 with 10 frames."""
    sizes = {**robust["sizes"], "hidden_size": channels, "num_hidden_layers": 1}
    system = RobustCTC(wav2vec2=sizes)  # with the masks that it has where nothing is said
    system.prepare(DataDir(corpus / "data/train"))
    generators = [torch.Generator().manual_seed(seed) for seed in range(3000)]
    time, channel = system.draw_masks(torch.full((3000,), 10 * 16000), generators)
    assert channel.shape == (3000, channels)
    assert channel.float().mean().item() == pytest.approx(0.05, rel=0.03)
    assert time.float().mean().item() == pytest.approx(1 - (1 - 0.065) ** 10, rel=0.03)


@pytest.mark.parametrize("head_only", [0, 1])
def test_what_is_left_out_has_the_gradient_zero_and_what_rests_has_none(prepare, head_only):
    system = prepare(head_only_steps=head_only)
    system.model.encoder.network.config.layerdrop = 1.0
    system.learning = [p for p in system.model.encoder.parameters() if p.requires_grad]
    system.training_losses(batch())[0].backward()
    layer = system.model.encoder.wav2vec2.encoder.layers[0].attention.q_proj.weight
    front = system.model.encoder.conv_layers[0].conv.weight
    assert layer.grad is None and (front.grad is None) == bool(head_only)
    system.on_before_optimizer_step(None)
    assert system.model.output.weight.grad.any()
    if head_only:
        assert layer.grad is None and front.grad is None
    else:
        assert not layer.grad.any() and front.grad.any()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "kind", ["silence", "clipped", "one frame", pytest.param("35 s", marks=pytest.mark.slow)]
)
def test_a_step_is_finite_on(prepare, kind, precision):
    """One frame is shorter than its transcript, for which there is no alignment."""
    system = prepare("both")
    item = batch((35 * 16000, 35 * 16000) if kind == "35 s" else (4000, 4000))
    if kind == "silence":
        item["waveform"].zero_()
    elif kind == "clipped":
        item["waveform"] = 50 * item["waveform"].sign()
    elif kind == "one frame":
        item["waveform"] = item["waveform"][:, :30]
        item["waveform_lengths"] = torch.tensor([30, 1])
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        loss, _ = system.training_losses(item)
    loss.backward()
    assert loss.isfinite()
    gradients = [p.grad for p in system.parameters() if p.grad is not None]
    assert gradients and all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("branches", ["noisy", "enhanced", "both"])
def test_the_whole_model_learns(prepare, branches):
    system = prepare(branches)
    system.training_losses(batch())[0].backward()
    silent = [n for n, p in system.named_parameters() if p.requires_grad and p.grad is None]
    assert not silent
    updated = {n for n, p in system.named_parameters() if p.grad is not None}
    assert any("feature_extractor" in name for name in updated)
    assert any(".enhancer." in name for name in updated) == (branches != "noisy")


def test_switches_freeze_enhancer_and_feature_encoder(prepare):
    system = prepare("both", update_enhancer=False, update_feature_encoder=False)
    system.training_losses(batch())[0].backward()
    updated = {n for n, p in system.named_parameters() if p.grad is not None}
    assert updated
    assert not any("feature_extractor" in name or ".enhancer." in name for name in updated)


def test_scratch_and_pretraining_begin_with_one_filter_bank(robust):
    sizes = {**robust["sizes"], "conv_kernel": [256, 16, 8], "conv_stride": [80, 4, 2]}
    options = {"wav2vec2": sizes, "mel_filters": {"f_max": 3800}}
    scratch = RobustCTC(**options).encoder
    pretraining = RobustPretraining(**options).model
    first, second = (model.conv_layers[0].conv.weight for model in (scratch, pretraining))
    assert torch.equal(first, second)
    assert not torch.equal(first, RobustCTC(wav2vec2=sizes).encoder.conv_layers[0].conv.weight)


def test_head_alone_learns_at_first(prepare):
    system = prepare(head_only_steps=1)
    system.learning = [p for p in system.model.encoder.parameters() if p.requires_grad]
    system.training_losses(batch())[0].backward()
    assert {n for n, p in system.named_parameters() if p.grad is not None} == {
        "model.output.weight", "model.output.bias",
    }  # fmt: skip
    assert all(parameter.requires_grad for parameter in system.learning)


def test_enhancer_has_its_own_rate(prepare):
    system = prepare("both", enhancer_lr=0.1)
    rest, enhancer = system.parameter_groups()
    assert {id(p) for p in enhancer["params"]} == {
        id(p) for p in system.model.encoder.enhancer.parameters()
    }
    assert enhancer["lr"] == pytest.approx(0.1 * rest["lr"])
    learning = sum(p.requires_grad for p in system.parameters())
    assert len(rest["params"]) + len(enhancer["params"]) == learning
    assert len(prepare("noisy", enhancer_lr=0.1).parameter_groups()) == 1
    assert len(prepare("both", update_enhancer=False).parameter_groups()) == 1


def test_scores_do_not_depend_on_the_batch(prepare):
    model = prepare("both").model.eval().double()
    waveform = torch.randn(2, 4000).double()
    alone, frames = model.log_probs(waveform[:1, :3000])
    together, lengths = model.log_probs(waveform, torch.tensor([3000, 4000]))
    assert lengths[0] == frames[0]
    torch.testing.assert_close(together[0, : frames[0]], alone[0], rtol=1e-5, atol=1e-6)
    total = alone.exp().sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total), atol=1e-5, rtol=0)


def test_folder_gives_the_same_scores_and_text(prepare, tmp_path):
    system = prepare("both").eval()
    (folder,) = system.export(tmp_path)
    again = CTCWav2Vec2.from_pretrained(folder)
    waveform = torch.randn(1, 4000)
    torch.testing.assert_close(again.log_probs(waveform), system.model.log_probs(waveform))
    assert again.tokens.symbols == system.tokens.symbols and again.tokens.symbols[0] == "<blank>"


def test_other_branches_than_those_of_pretraining_are_refused(robust, tmp_path):
    system = RobustPretraining(wav2vec2=robust["sizes"], **robust["both"])
    (folder,) = system.export(tmp_path)
    with pytest.raises(ConfigError, match=r"EW2\+SEW2.*asks for the noisy branch.*set branches"):
        RobustCTC(branches="noisy", init_param=str(folder))


def test_wrong_folder_is_told(tmp_path):
    with pytest.raises(DataError, match="holds no config.json; .* in recognizer/"):
        build_recognizer("ctc_wav2vec2", tmp_path)


def test_thirty_characters():
    text = "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG'S"
    assert len(Tokens.from_transcripts([text], "char")) == 30


def test_tri_stage_schedule():
    config = OptimizerConfig(
        warmup_steps=10, hold_steps=40, schedule="exponential", final_fraction=0.05
    )
    factors = [config.factor(step, 100) for step in range(101)]
    assert factors[9:50] == [1.0] * 41 and factors[100] == pytest.approx(0.05)
    assert factors[75] == pytest.approx(0.05**0.5)
