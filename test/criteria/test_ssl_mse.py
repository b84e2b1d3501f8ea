import pytest
import torch
import transformers

from sslse.criteria.ssl_mse import SSLMSELoss
from sslse.errors import ConfigError
from sslse.upstreams import load_upstream


@pytest.fixture
def pair(clean):
    torch.manual_seed(0)
    return clean + 0.02 * torch.randn_like(clean), clean


def states(folder, waveforms):
    """Hidden states by transformers' own preprocessing and forward."""
    preprocessor = transformers.Wav2Vec2FeatureExtractor.from_pretrained(folder)
    model = transformers.WavLMModel.from_pretrained(folder).eval()
    values = preprocessor(list(waveforms.numpy()), sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        return model(values.input_values, output_hidden_states=True).hidden_states


def test_equals_a_reference_on_transformers_own_forward(upstream_folder, pair):
    enhanced, clean = pair
    ours, theirs = states(upstream_folder, enhanced), states(upstream_folder, clean)
    expected = ((ours[3] + ours[4]) / 2 - (theirs[3] + theirs[4]) / 2).square().mean((1, 2))
    value = SSLMSELoss(upstream_folder)(enhanced, clean)
    torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-5)
    expected = (0.25 * (ours[1] - theirs[1]).abs() + 0.75 * (ours[4] - theirs[4]).abs()).mean(
        (1, 2)
    )
    criterion = SSLMSELoss(
        upstream_folder, layers=[1, 4], combine="per_layer", weights=[1, 3], distance="l1"
    )
    torch.testing.assert_close(criterion(enhanced, clean), expected, rtol=1e-4, atol=1e-5)
    expected = 1 - torch.cosine_similarity(ours[4], theirs[4], dim=-1).mean(1)
    criterion = SSLMSELoss(upstream_folder, layers="last", distance="cosine")
    torch.testing.assert_close(criterion(enhanced, clean), expected, rtol=1e-4, atol=1e-5)


def test_utterance_normalisation_equals_its_definition(upstream_folder, pair):
    enhanced, clean = pair
    ours, theirs = states(upstream_folder, enhanced)[4], states(upstream_folder, clean)[4]
    floor = 0.1 * theirs.abs().mean((1, 2), keepdim=True)
    std = theirs.std(1, keepdim=True, correction=0).maximum(floor)
    expected = ((ours - theirs) / std).square().mean((1, 2))
    value = SSLMSELoss(upstream_folder, layers="last", normalize="utterance")(enhanced, clean)
    torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-5)


def test_clean_stats_are_those_of_all_frames_seen(upstream_folder, clean):
    lengths = torch.tensor([6000, 4000, 2000])
    criterion = SSLMSELoss(upstream_folder, normalize="clean_stats")
    criterion.fit([(clean, None), (clean, lengths)])
    output = load_upstream(upstream_folder).freeze()(
        torch.cat([clean, clean]), torch.cat([torch.full((3,), 6000), lengths])
    )
    for row, layer in enumerate((3, 4)):
        frames = torch.cat(
            [
                state[:n]
                for state, n in zip(output.hidden_states[layer], output.lengths, strict=True)
            ]
        )
        torch.testing.assert_close(criterion.clean_mean[row], frames.mean(0), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(
            criterion.clean_variance[row], frames.var(0, correction=0), atol=1e-5, rtol=1e-4
        )
    before = criterion(0.9 * clean, clean)
    torch.testing.assert_close(criterion.train()(0.9 * clean, clean), before)  # fitted: kept


def test_running_clean_stats_are_saved_and_rest_in_evaluation(upstream_folder, pair):
    enhanced, clean = pair
    criterion = SSLMSELoss(upstream_folder, normalize="clean_stats").train()
    criterion(enhanced, clean)
    seen = int(criterion.clean_count)
    criterion.eval()(enhanced, clean)
    assert int(criterion.clean_count) == seen > 0
    criterion.train()(enhanced, clean)
    assert int(criterion.clean_count) == 2 * seen
    other = SSLMSELoss(upstream_folder, normalize="clean_stats").eval()
    other.load_state_dict(criterion.state_dict())
    assert torch.equal(other(enhanced, clean), criterion.eval()(enhanced, clean))


@pytest.mark.parametrize("normalize", ["utterance", "clean_stats"])
def test_unrelated_speech_scores_about_two(upstream_folder, normalize):
    torch.manual_seed(0)
    first, second = torch.randn(2, 4, 16000)
    criterion = SSLMSELoss(upstream_folder, combine="per_layer", normalize=normalize)
    value = criterion(first, second).mean().item()
    assert 1.0 < value < 3.0


def test_clean_features_can_be_given(upstream_folder, pair):
    enhanced, clean = pair
    lengths = torch.tensor([6000, 3000, 2500])
    criterion = SSLMSELoss(upstream_folder, normalize="utterance")
    known = criterion.encode_clean(clean, lengths)
    assert not any(state.requires_grad for state in known.states)
    calls = []
    handle = criterion.upstream.register_forward_hook(lambda *_: calls.append(1))
    value = criterion(enhanced, clean, lengths, clean_features=known)
    handle.remove()
    assert len(calls) == 1
    assert torch.equal(value, criterion(enhanced, clean, lengths))


def test_upstream_is_bit_identical_after_a_step(upstream_folder, pair):
    enhanced, clean = pair
    criterion = SSLMSELoss(upstream_folder).train()
    before = {name: value.clone() for name, value in criterion.upstream.state_dict().items()}
    point = enhanced.clone().requires_grad_()
    optimizer = torch.optim.Adam([point, *criterion.parameters()], lr=0.1, weight_decay=0.1)
    criterion(point, clean).mean().backward()
    assert (point.grad != 0).any(1).all()
    optimizer.step()
    after = criterion.upstream.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(module.training for module in criterion.upstream.modules())


def test_layers_after_the_last_one_used_do_not_run(upstream_folder, pair):
    criterion = SSLMSELoss(upstream_folder, layers=[1, 2])
    expected = criterion(*pair)
    for parameter in criterion.upstream.model.encoder.layers[2:].parameters():
        parameter.data.fill_(float("nan"))
    assert torch.equal(criterion(*pair), expected)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"layers": [5]}, "4 layers"),
        ({"layers": "first"}, "latter_half"),
        ({"weights": [1.0]}, "2 weights"),
        ({"weights": [0.0, 0.0]}, "positive sum"),
        ({"distance": "l2"}, "mse, l1, cosine"),
        ({"combine": "sum"}, "weighted_sum, per_layer"),
        ({"normalize": "std"}, "clean_stats"),
    ],
)
def test_options_that_do_not_fit(upstream_folder, options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        SSLMSELoss(upstream_folder, **options)
