"""The encoder of a tiny random Whisper against transformers' own features and forward."""

import pytest
import torch
import transformers

from sslse.downstream.multi_task import MultiTaskModel
from sslse.errors import ConfigError, DataError, SslseError
from sslse.upstreams import build_upstream, load_upstream

SIZES = {
    **{"d_model": 24, "encoder_layers": 3, "encoder_attention_heads": 2, "encoder_ffn_dim": 32},
    **{"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 32},
    **{"vocab_size": 20, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
    **{"decoder_start_token_id": 1, "max_target_positions": 8, "encoder_layerdrop": 0.5},
}
LENGTHS = torch.tensor([16000, 9601, 150])


def write_whisper(folder, **config):
    torch.manual_seed(0)
    config = transformers.WhisperConfig(**{**SIZES, **config})
    model = transformers.WhisperForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases start at 0, which hides errors
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    bands = config.num_mel_bins
    transformers.WhisperFeatureExtractor(feature_size=bands).save_pretrained(folder)
    return model.model.encoder


@pytest.fixture(params=[80, 128])
def checkpoint(request, tmp_path):
    return tmp_path, write_whisper(tmp_path, num_mel_bins=request.param)


@pytest.fixture
def short_folder(tmp_path):
    """A Whisper that hears two seconds: what does not depend on 30 s is tested with it."""
    write_whisper(tmp_path, max_source_positions=100)
    return tmp_path


@pytest.fixture
def waveform():
    torch.manual_seed(1)
    return 0.1 * torch.randn(3, 16000)


def theirs(folder, encoder, waveform):
    extractor = transformers.WhisperFeatureExtractor.from_pretrained(folder)
    given = extractor(waveform.numpy(), sampling_rate=16000, return_tensors="pt").input_features
    seen = []
    hooks = [
        layer.register_forward_pre_hook(
            lambda module, args, kwargs: seen.append((*args, *kwargs.values())[0]),
            with_kwargs=True,
        )
        for layer in encoder.layers
    ]
    with torch.no_grad():
        last = encoder(given).last_hidden_state
    for hook in hooks:
        hook.remove()
    return given, [*seen, last]


def test_padded_batch_equals_transformers_on_each_utterance_alone(checkpoint, waveform):
    folder, encoder = checkpoint
    for upstream in (load_upstream(folder).eval(), load_upstream(folder).freeze()):
        with torch.no_grad():
            output = upstream(waveform, LENGTHS)
        assert output.lengths.tolist() == [50, 31, 1]
        assert output.lengths.device.type == "cpu"
        for row, length in enumerate(LENGTHS):
            _, states = theirs(folder, encoder, waveform[row, :length])
            assert len(states) == len(output.hidden_states) == upstream.num_layers + 1
            frames = int(output.lengths[row])
            for ours, expected in zip(output.hidden_states, states, strict=True):
                real = expected[0, :frames]
                torch.testing.assert_close(ours[row, :frames], real, atol=1e-4, rtol=1e-4)
                assert not ours[row, frames:].any()


@pytest.mark.parametrize("samples", [4000, 16001, 479_900, 480_000])
def test_log_mel_front_is_that_of_transformers(checkpoint, samples):
    """Also where the window at the end of 30 s reflects the speech, and where speech is quiet."""
    folder, encoder = checkpoint
    torch.manual_seed(samples)
    waveform = torch.randn(samples) * torch.linspace(0, 0.1, samples) ** 2
    expected, states = theirs(folder, encoder, waveform)
    upstream = load_upstream(folder).freeze()
    frames = -(-samples // 320)
    ours = upstream.log_mel(waveform[None], frames)
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)
    short = load_upstream(folder, pad_to_30s=False).freeze()
    torch.testing.assert_close(short.log_mel(waveform[None], frames), ours[..., : 2 * frames + 2])
    # What enters the transformer is the same without the silence after it.
    inputs = short(waveform[None], max_layer=0).hidden_states[0]
    torch.testing.assert_close(inputs, states[0][:, :frames], atol=1e-4, rtol=1e-4)
    if samples == 480_000:  # nothing is padded, so both are one
        whole = short(waveform[None]).hidden_states[-1]
        torch.testing.assert_close(whole, states[-1], atol=1e-4, rtol=1e-4)


def test_without_padding_an_utterance_is_the_same_in_any_batch(checkpoint, waveform):
    upstream = load_upstream(checkpoint[0], pad_to_30s=False).freeze()
    output = upstream(waveform, LENGTHS)
    for row, length in enumerate(LENGTHS):
        alone = upstream(waveform[row : row + 1, :length])
        frames = int(output.lengths[row])
        for ours, expected in zip(output.hidden_states, alone.hidden_states, strict=True):
            torch.testing.assert_close(ours[row, :frames], expected[0], atol=1e-5, rtol=1e-4)
            assert not ours[row, frames:].any()
    padded = load_upstream(checkpoint[0]).freeze()(waveform).hidden_states[-1]
    assert not torch.allclose(padded, upstream(waveform).hidden_states[-1], atol=1e-2)


@pytest.mark.parametrize("pad_to_30s", [True, False])
def test_what_stands_in_the_padding_does_not_matter(short_folder, waveform, pad_to_30s):
    upstream = load_upstream(short_folder, pad_to_30s=pad_to_30s).freeze()
    other = waveform.clone()
    other[1, LENGTHS[1] :] = float("nan")
    pairs = zip(
        upstream(waveform, LENGTHS).hidden_states,
        upstream(other, LENGTHS).hidden_states,
        strict=True,
    )
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("pad_to_30s", [True, False])
def test_gradient_at_the_waveform_equals_a_central_difference(short_folder, waveform, pad_to_30s):
    upstream = load_upstream(short_folder, pad_to_30s=pad_to_30s).freeze().double()
    point = waveform.double().requires_grad_()
    direction = torch.randn_like(point)
    weights = torch.randn(24, dtype=torch.float64)

    def value(x):
        return sum((state @ weights).sin().sum() for state in upstream(x, LENGTHS).hidden_states)

    (gradient,) = torch.autograd.grad(value(point), point)
    assert gradient[0].any() and gradient[1].any() and not gradient[1, LENGTHS[1] :].any()
    step = 1e-6
    with torch.no_grad():
        slope = (value(point + step * direction) - value(point - step * direction)) / (2 * step)
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-5, atol=1e-6)


def test_silence_has_finite_states_and_gradients(short_folder):
    point = torch.zeros(1, 8000, requires_grad=True)
    states = load_upstream(short_folder).freeze()(point).hidden_states
    sum(state.sum() for state in states).backward()
    assert all(state.isfinite().all() for state in states) and point.grad.isfinite().all()


def test_max_layer_runs_no_later_layer(short_folder, waveform):
    whole = load_upstream(short_folder).freeze()(waveform).hidden_states
    upstream = load_upstream(short_folder, max_layer=2).freeze()
    for parameter in upstream.model.layers[2:].parameters():
        parameter.data.fill_(float("nan"))
    states = upstream(waveform).hidden_states
    assert len(states) == 3
    assert all(torch.equal(a, b) for a, b in zip(states, whole, strict=False))
    with pytest.raises(ConfigError, match="max_layer 9 .* 3 layers"):
        load_upstream(short_folder, max_layer=9)


def test_final_layer_norm_can_be_left_out(short_folder, waveform):
    upstream = load_upstream(short_folder).freeze()
    plain = load_upstream(short_folder, final_layer_norm=False).freeze()(waveform).hidden_states
    ours = upstream(waveform).hidden_states
    torch.testing.assert_close(ours[-1], upstream.model.layer_norm(plain[-1]))
    torch.testing.assert_close(ours[-2], plain[-2])


def test_fine_tuning_gives_all_weights_a_gradient(short_folder, waveform):
    upstream = load_upstream(short_folder).train()
    upstream(waveform).hidden_states[-1].square().mean().backward()
    without = [n for n, p in upstream.named_parameters() if p.requires_grad and p.grad is None]
    assert not without  # no layer drop
    upstream.freeze_convolutions()
    fixed = {n for n, p in upstream.named_parameters() if not p.requires_grad}
    assert fixed >= {"model.conv1.weight", "model.conv2.bias"}
    assert any(p.requires_grad for p in upstream.parameters())


def test_longer_than_the_frame_is_one_sentence(short_folder):
    upstream = load_upstream(short_folder).freeze()
    upstream(torch.zeros(1, 40000), torch.tensor([32000]))
    with pytest.raises(DataError, match="2.0 s is too long .* hears 2 s") as caught:
        upstream(torch.zeros(1, 32001))
    assert "\n" not in str(caught.value)


def test_options_of_others_are_refused(short_folder, upstream_folder):
    with pytest.raises(ConfigError, match="normalize_input"):
        load_upstream(short_folder, normalize_input=True)
    with pytest.raises(ConfigError, match="pad_to_30s"):
        load_upstream(upstream_folder, pad_to_30s=False)


def leave_out_layers(folder):
    write_whisper(folder / "other", encoder_layers=2, max_source_positions=100)
    (folder / "other" / "config.json").replace(folder / "config.json")


@pytest.mark.parametrize(
    "damage, sentence",
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be loaded"),
        (leave_out_layers, "does not know"),
    ],
)
def test_damaged_folder_gets_one_sentence(short_folder, damage, sentence):
    damage(short_folder)
    with pytest.raises(SslseError, match=sentence) as caught:
        load_upstream(short_folder)
    assert "\n" not in str(caught.value)


def test_description_rebuilds_the_network(short_folder, waveform):
    upstream = load_upstream(short_folder, pad_to_30s=False).freeze()
    again = build_upstream(upstream.describe()).freeze()
    again.load_state_dict(upstream.state_dict())
    pairs = zip(upstream(waveform).hidden_states, again(waveform).hidden_states, strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("elsewhere", [True, False], ids=["left there", "saved with it"])
def test_heads_are_saved_with_their_kind_of_padding(short_folder, tmp_path, waveform, elsewhere):
    heads = {
        "who": {"head": "speaker", "num_speakers": 3, "hidden_size": 6, "pooled_size": 8},
        "tv": {"head": "tract_variables", "hidden_sizes": [6], "linear_sizes": [6]},
    }
    upstream = load_upstream(short_folder, pad_to_30s=False)
    source = str(short_folder) if elsewhere else None
    if elsewhere:
        upstream.freeze()
    mask = None if elsewhere else {"hidden_size": 8, "num_layers": 1}
    model = MultiTaskModel(upstream, heads, mask, source=source).eval()
    model.save_pretrained(tmp_path / "exp" / "model")
    again = MultiTaskModel.from_pretrained(tmp_path / "exp")
    assert again.upstream.pad_to_30s is False
    with torch.no_grad():
        ours, theirs = model(waveform, LENGTHS), again(waveform, LENGTHS)
        for name in heads:
            torch.testing.assert_close(ours.outputs[name], theirs.outputs[name])
        if not elsewhere:
            model.enhancer().eval().save_pretrained(tmp_path / "enhancer")
            enhancer = type(model.enhancer()).from_pretrained(tmp_path / "enhancer")
            torch.testing.assert_close(
                enhancer(waveform), model(waveform).enhanced, atol=1e-5, rtol=1e-4
            )


@pytest.mark.parametrize("combine", ["weighted_sum", "per_layer"])
def test_loss_on_the_encoder(short_folder, waveform, combine):
    from sslse.criteria import build_criterion

    options = {"combine": combine, "normalize": "utterance", "pad_to_30s": False}
    loss = build_criterion("SSLMSELoss", upstream=str(short_folder), **options)
    assert not loss.upstream.pad_to_30s
    assert loss(waveform, waveform, LENGTHS).abs().max() < 1e-6
    estimate = (waveform + 0.05 * torch.randn_like(waveform)).requires_grad_()
    values = loss(estimate, waveform, LENGTHS)
    values.sum().backward()
    assert (values > 0).all() and estimate.grad[0].any()
    alone = loss(estimate[1:2, : LENGTHS[1]], waveform[1:2, : LENGTHS[1]])
    torch.testing.assert_close(alone, values[1:2], atol=1e-4, rtol=1e-3)


def test_distances_of_layers(short_folder, waveform):
    from types import SimpleNamespace

    from sslse.analysis.layers import layer_distances, load_model

    signals = SimpleNamespace(enhanced=2 * waveform[0].numpy(), clean=waveform[0].numpy())
    distances = layer_distances(load_model(short_folder), [signals], 16000)
    assert distances.shape == (1, 4) and (distances > 0).all()


def test_bfloat16_products(short_folder, waveform):
    exact = load_upstream(short_folder).freeze()
    rounded = load_upstream(short_folder).freeze()
    rounded.use_bfloat16()
    pairs = zip(exact(waveform).hidden_states, rounded(waveform).hidden_states, strict=True)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, atol=0.05, rtol=0.05)
