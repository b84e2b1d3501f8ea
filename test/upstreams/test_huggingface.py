import json
import shutil

import pytest
import torch
from transformers import Wav2Vec2FeatureExtractor

from sslse.errors import ConfigError, SslseError
from sslse.upstreams import load_upstream

LENGTHS = torch.tensor([3000, 1750, 801])


@pytest.fixture
def waveform():
    torch.manual_seed(1)
    return 0.1 * torch.randn(3, 3000) + 0.02


def theirs(folder, model, waveform):
    """Hidden states by transformers' own preprocessing and forward, one utterance."""
    preprocessor = Wav2Vec2FeatureExtractor.from_pretrained(folder)
    values = preprocessor(waveform.numpy(), sampling_rate=16000, return_tensors="pt").input_values
    with torch.no_grad():
        return model(values, output_hidden_states=True)


def test_padded_batch_equals_transformers_on_each_utterance_alone(checkpoint, waveform):
    folder, model = checkpoint
    for upstream in (load_upstream(folder), load_upstream(folder).freeze()):
        with torch.no_grad():
            output = upstream.eval()(waveform, LENGTHS)
        for row, length in enumerate(LENGTHS):
            output_of_theirs = theirs(folder, model, waveform[row, :length])
            states = [*output_of_theirs.hidden_states[:-1], output_of_theirs.last_hidden_state]
            assert len(states) == len(output.hidden_states) == upstream.num_layers + 1
            frames = int(output.lengths[row])
            assert frames == states[0].shape[1]
            for ours, expected in zip(output.hidden_states, states, strict=True):
                torch.testing.assert_close(ours[row, :frames], expected[0], atol=1e-5, rtol=1e-5)
                assert not ours[row, frames:].any()


@pytest.mark.parametrize("family", ["WavLM", "Hubert", "Wav2Vec2"])
def test_states_of_large_models_are_those_of_the_benchmark(make_checkpoint, waveform, family):
    """By hooks, as s3prl takes them: what enters each layer, and the output of the encoder."""
    folder = make_checkpoint(family, do_stable_layer_norm=True, feat_extract_norm="layer")
    upstream = load_upstream(folder).eval()
    seen = []
    hooks = [
        layer.register_forward_pre_hook(
            lambda module, args, kwargs: seen.append(args[0]), with_kwargs=True
        )
        for layer in upstream.model.encoder.layers
    ]
    hooks.append(
        upstream.model.encoder.register_forward_hook(lambda module, args, out: seen.append(out[0]))
    )
    theirs(folder, upstream.model, waveform[0])
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        ours = upstream(waveform[:1]).hidden_states
    for state, expected in zip(ours, seen, strict=True):
        torch.testing.assert_close(state, expected, atol=1e-5, rtol=1e-5)
    # Frames of a normalised state, before its scale and shift, have mean 0 and variance 1.
    norm = upstream.model.encoder.layer_norm
    plain = (ours[-1] - norm.bias) / norm.weight
    assert plain.mean(-1).abs().max() < 1e-4
    assert (plain.var(-1, unbiased=False) - 1).abs().max() < 1e-2


def test_final_layer_norm_is_the_last_hidden_state_of_transformers(make_checkpoint, waveform):
    folder = make_checkpoint("WavLM", do_stable_layer_norm=True, feat_extract_norm="layer")
    upstream = load_upstream(folder)
    with torch.no_grad():
        last = upstream.eval()(waveform[:1]).hidden_states[-1]
        middle = upstream(waveform[:1], max_layer=2).hidden_states[-1]
        without = load_upstream(folder, final_layer_norm=False)
        plain = without.eval()(waveform[:1]).hidden_states
    # Only the last layer's state is normalised, as in s3prl.
    torch.testing.assert_close(middle, plain[2])
    assert not torch.allclose(last, plain[4], atol=1e-2)
    expected = theirs(folder, upstream.model, waveform[0]).last_hidden_state
    torch.testing.assert_close(last, expected, atol=1e-5, rtol=1e-5)


def test_what_stands_in_the_padding_does_not_matter(checkpoint, waveform):
    upstream = load_upstream(checkpoint[0]).freeze()
    other = waveform.clone()
    other[1, LENGTHS[1] :] = float("nan")
    pairs = zip(
        upstream(waveform, LENGTHS).hidden_states,
        upstream(other, LENGTHS).hidden_states,
        strict=True,
    )
    assert all(torch.equal(a, b) for a, b in pairs)


def test_gradient_at_the_waveform_equals_a_central_difference(checkpoint, waveform):
    upstream = load_upstream(checkpoint[0]).freeze().double()
    point = waveform.double().requires_grad_()
    direction = torch.randn_like(point)
    weights = torch.randn(24, dtype=torch.float64)

    def value(x):
        return sum((state @ weights).sin().sum() for state in upstream(x, LENGTHS).hidden_states)

    (gradient,) = torch.autograd.grad(value(point), point)
    assert gradient[0].any() and gradient[1].any()
    step = 1e-6
    with torch.no_grad():
        slope = (value(point + step * direction) - value(point - step * direction)) / (2 * step)
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-6, atol=1e-6)


def test_frozen_weights_are_bit_identical_after_a_step(make_checkpoint, waveform):
    upstream = load_upstream(make_checkpoint("WavLM")).freeze()
    before = {name: value.clone() for name, value in upstream.state_dict().items()}
    point = waveform.clone().requires_grad_()
    optimizer = torch.optim.SGD([point, *upstream.parameters()], lr=1.0)
    upstream(point).hidden_states[-1].square().sum().backward()
    optimizer.step()
    assert not torch.equal(point, waveform)
    assert all(torch.equal(before[name], value) for name, value in upstream.state_dict().items())
    assert not any(parameter.requires_grad for parameter in upstream.parameters())


def test_frozen_stays_in_evaluation_mode(make_checkpoint, waveform):
    upstream = load_upstream(make_checkpoint("Wav2Vec2")).freeze()
    first = upstream(waveform).hidden_states[-1]
    holder = torch.nn.ModuleList([upstream]).train()
    assert not any(module.training for module in holder[0].modules())
    assert torch.equal(first, upstream(waveform).hidden_states[-1])


@pytest.mark.parametrize("family", ["Wav2Vec2", "Hubert", "WavLM"])
def test_trainable_upstream_gives_all_layers_a_gradient(make_checkpoint, family, waveform):
    upstream = load_upstream(make_checkpoint(family, mask_time_prob=0.5)).train()
    upstream(waveform).hidden_states[-1].square().mean().backward()
    without = [n for n, p in upstream.named_parameters() if p.grad is None]
    assert without == ["model.masked_spec_embed"]  # no layer drop, no masking


def test_max_layer_runs_no_later_layer(make_checkpoint, waveform):
    folder = make_checkpoint("WavLM")
    whole = load_upstream(folder).freeze()(waveform).hidden_states
    upstream = load_upstream(folder, max_layer=2).freeze()
    for parameter in upstream.model.encoder.layers[2:].parameters():
        parameter.data.fill_(float("nan"))
    states = upstream(waveform).hidden_states
    assert len(states) == 3
    assert all(torch.equal(a, b) for a, b in zip(states, whole, strict=False))
    assert len(upstream(waveform, max_layer=1).hidden_states) == 2


@pytest.mark.parametrize("samples", [1, 50, 400])
def test_less_than_a_frame_is_one_frame(checkpoint, samples):
    output = load_upstream(checkpoint[0]).freeze()(torch.ones(1, samples))
    assert output.lengths.min() >= 1
    assert all(state.isfinite().all() for state in output.hidden_states)


def test_normalisation_of_the_input_is_the_checkpoints_own_unless_told(checkpoint, waveform):
    folder, _ = checkpoint
    own = json.loads((folder / "preprocessor_config.json").read_text())["do_normalize"]
    upstream = load_upstream(folder).freeze()
    assert upstream.normalize_input is own
    loud = [upstream(scale * waveform).hidden_states[0] for scale in (1.0, 5.0)]
    if own:  # level and offset are gone
        torch.testing.assert_close(loud[0], loud[1], atol=1e-4, rtol=1e-4)
    other = load_upstream(folder, normalize_input=not own).freeze()
    assert other.normalize_input is not own


def test_numbers_of_the_model_are_told(make_checkpoint):
    upstream = load_upstream(make_checkpoint("Hubert"))
    assert (upstream.sample_rate, upstream.downsample_rate) == (16000, 320)
    assert (upstream.num_layers, upstream.hidden_size) == (4, 24)


def test_checkpoint_with_a_head_loads(make_checkpoint, waveform):
    folder = make_checkpoint("Wav2Vec2", architecture="ForCTC")
    assert load_upstream(folder).freeze()(waveform).hidden_states[-1].shape[-1] == 24


def test_local_folder_wins_over_the_hub(make_checkpoint, tmp_path, monkeypatch):
    folder = make_checkpoint("WavLM")
    (tmp_path / "microsoft").mkdir()
    shutil.move(folder, tmp_path / "microsoft" / "wavlm-base-plus")
    monkeypatch.chdir(tmp_path)
    assert load_upstream("microsoft/wavlm-base-plus").num_layers == 4


def break_layers(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 6}))


def leave_out_layers(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))


def break_weights(folder):
    (folder / "model.safetensors").write_bytes(b"broken")


@pytest.mark.parametrize(
    "damage, sentence",
    [
        (break_layers, "lacks .* weights"),
        (leave_out_layers, "layers that its config.json .num_hidden_layers 3. does not know"),
        (break_weights, "cannot be loaded"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be loaded"),
        (lambda folder: (folder / "config.json").unlink(), "holds no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded"),
        (lambda folder: (folder / "preprocessor_config.json").unlink(), "preprocessor_config.json"),
    ],
)
def test_damaged_folder_gets_one_sentence(make_checkpoint, damage, sentence):
    folder = make_checkpoint("WavLM")
    damage(folder)
    with pytest.raises(SslseError, match=sentence) as caught:
        load_upstream(folder)
    assert "\n" not in str(caught.value)


def test_no_such_folder_and_no_network(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match="no local folder"):
        load_upstream("nobody/no-such-model")


def test_another_family_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigError, match="'bert' model"):
        load_upstream(tmp_path)


def test_layer_that_does_not_exist(make_checkpoint):
    with pytest.raises(ConfigError, match="max_layer 9 .* 4 layers"):
        load_upstream(make_checkpoint("WavLM"), max_layer=9)
