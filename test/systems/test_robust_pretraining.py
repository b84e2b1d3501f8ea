"""Joint pre-training: the loss of transformers, branches, targets, what must not become NaN."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from sslse.enhancers.base import Enhancer
from sslse.enhancers.demucs import Demucs
from sslse.errors import ConfigError
from sslse.systems.robust_pretraining import RobustPretraining
from sslse.upstreams import load_upstream
from sslse.wav2vec2.masking import MaskedFrames
from sslse.wav2vec2.robust_wav2vec2 import RobustWav2Vec2

LONG = pytest.param("35 s", marks=pytest.mark.slow)
VARIANTS = {
    "wav2vec 2.0": ("noisy", {"target": "noisy", "consistency_weight": 0.0}),
    "EW2": ("noisy", {}),
    "EW2 without VQ": ("noisy", {"quantize": False}),
    "EW2, noisy targets": ("noisy", {"target": "noisy"}),
    "EW2 without consistency": ("noisy", {"consistency_weight": 0.0}),
    "SEW2": ("enhanced", {}),
    "EW2+SEW2": ("both", {}),
    "EW2+SEW2 (concat)": ("concat", {}),
}


@pytest.fixture
def build(robust):
    """``build(variant, **options)`` -> a tiny system in training mode."""

    def make(variant="EW2", **options):
        branches, settings = VARIANTS[variant]
        small = {"num_distractors": 7, "mask_length": 3, "min_spans": 2}
        options = {**small, **robust[branches], **settings, **options}
        return RobustPretraining(wav2vec2=robust["sizes"], **options).train()

    return make


def generators(count=2, seed=0):
    return [torch.Generator().manual_seed(seed + item) for item in range(count)]


def draw(system, samples, batch=2, seed=0):
    lengths = torch.full((batch,), samples)
    frames = system.model.encode(torch.randn(batch, samples), lengths)[0].shape[1]
    return system.draw(torch.full((batch,), frames), frames, generators(batch, seed))


@pytest.mark.parametrize("stable", [False, True])
def test_loss_and_gradients_are_those_of_transformers(stable, monkeypatch, robust):
    system = RobustPretraining(
        wav2vec2={**robust["sizes"], "do_stable_layer_norm": stable},
        target="clean",  # the same waveform: clean = noisy
        feature_weight=0.0,
        consistency_weight=0.0,
        num_distractors=7,
        mask_length=3,
    ).train()
    network = system.model.network
    waveform = torch.randn(2, 8000)
    mask, masked, distractors = draw(system, 8000)
    batch, frames = mask.shape
    negatives = torch.zeros(batch, frames, 7, dtype=torch.long)
    for row in range(batch):
        for place in range(int(masked.valid[row].sum())):
            chosen = masked.index[row, distractors[row, place]]
            negatives[row, masked.index[row, place]] = chosen + row * frames
    noise = -torch.empty(batch, frames, 2, 8).exponential_().log()
    handed = {}

    def gumbel_softmax(logits, tau, hard):
        soft = ((logits + handed["noise"].view(logits.shape)) / tau).softmax(-1)
        one_hot = torch.zeros_like(logits).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)
        return one_hot - soft.detach() + soft

    monkeypatch.setattr(nn.functional, "gumbel_softmax", gumbel_softmax)
    parameters = dict(network.named_parameters())

    handed["noise"] = noise
    network.set_gumbel_temperature(1.7)
    normal = waveform - waveform.mean(1, keepdim=True)
    normal = normal / (normal.square().mean(1, keepdim=True) + 1e-7).sqrt()
    theirs = network(normal, mask_time_indices=mask, sampled_negative_indices=negatives)
    expected = theirs.loss / mask.sum()
    expected_gradients = torch.autograd.grad(expected, list(parameters.values()))

    handed["noise"] = masked.take(noise.flatten(2))
    monkeypatch.setattr(system, "draw", lambda *_: (mask, masked, distractors))
    loss, numbers = system.losses(waveform, waveform, None, gumbel=1.7)
    gradients = torch.autograd.grad(loss, list(parameters.values()))
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    assert numbers["perplexity"] == pytest.approx(theirs.codevector_perplexity.item(), rel=1e-4)
    for name, a, b in zip(parameters, gradients, expected_gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_teaches_all_that_it_uses(build, variant):
    system = build(variant)
    noisy, clean = torch.randn(2, 2, 4000)
    loss, numbers = system.losses(noisy, clean, None, gumbel=2.0, generators=generators())
    loss.backward()
    used = {name for name, p in system.named_parameters() if p.grad is not None}
    trainable = {name for name, p in system.named_parameters() if p.requires_grad}
    assert used == trainable
    assert ("enhancement" in numbers) == (system.model.branches != "noisy")
    weighted = sum(weight * numbers.get(name, 0.0) for name, weight in system.weights.items())
    assert loss.item() == pytest.approx(float(weighted), rel=1e-4)


def test_clean_speech_matters_only_where_it_is_a_target(build):
    noisy, first, second = torch.randn(3, 2, 4000)
    for variant, matters in (("wav2vec 2.0", False), ("EW2", True), ("EW2, noisy targets", True)):
        system = build(variant).eval()
        values = [
            system.losses(noisy, clean, None, generators=generators())[0]
            for clean in (first, second)
        ]
        assert bool(values[0] != values[1]) == matters


@pytest.mark.parametrize("variant", ["EW2", "EW2+SEW2"])
def test_padding_changes_no_feature_nor_context(build, variant):
    model = build(variant).model.eval().double()
    waveform = torch.randn(2, 4000).double()
    with torch.no_grad():
        whole = model(waveform[:1, :2500])
        waveform[0, 2500:] = float("nan")
        padded = model(waveform, torch.tensor([2500, 4000]))
    frames = int(whole.lengths)
    assert padded.lengths[0] == frames
    for a, b in zip(whole.hidden_states, padded.hidden_states, strict=True):
        torch.testing.assert_close(a[0], b[0, :frames], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_changes_no_loss(build, variant):
    system = build(variant).eval().double()
    noisy, clean = torch.randn(2, 3, 4000).double()
    lengths = torch.tensor([4000, 2500, 900])

    def losses(padding):
        pair = (nn.functional.pad(x, (0, padding), value=float("nan")) for x in (noisy, clean))
        numbers = system.losses(*pair, lengths, generators=generators(3))[1]
        return {name: float(value) for name, value in numbers.items()}

    assert losses(6000) == pytest.approx(losses(0), rel=1e-6)


def test_silence_after_short_utterances_is_neither_masked_nor_a_distractor(build):
    system = build(mask_probability=0.3)
    frames = torch.tensor([40, 12, 5])
    mask, masked, distractors = system.draw(frames, 60, generators(3))
    assert mask.shape == (3, 60)
    for row, length in enumerate(frames.tolist()):
        assert not mask[row, length:].any()
        count = int(masked.valid[row].sum())
        assert mask[row].sum() == count and distractors[row, :count].max() < count


def test_the_gradient_of_the_feature_encoder_is_scaled_for_every_loss(build):
    """fairseq scales it where features leave the encoder, before penalty and all else."""

    def gradients(part, factor):
        system = build("EW2+SEW2", feature_gradient=factor).eval()
        for name in system.weights:
            system.weights[name] = float(name == part)
        noisy, clean = torch.randn(2, 2, 4000, generator=torch.Generator().manual_seed(0))
        loss, _ = system.losses(noisy, clean, None, gumbel=None, generators=generators(seed=1))
        loss.backward()
        modules = (system.model.wav2vec2.feature_extractor, system.model.fusion)
        return [
            torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])
            for module in modules
            if any(p.grad is not None for p in module.parameters())
        ]

    for part in ("contrastive", "feature", "consistency"):
        whole, scaled = gradients(part, 1.0), gradients(part, 0.1)
        assert whole[0].any()
        torch.testing.assert_close(scaled[0], 0.1 * whole[0], rtol=1e-3, atol=1e-6)
        if part == "contrastive":  # that of the fusion is as it was
            assert whole[1].any()
            torch.testing.assert_close(scaled[1], whole[1], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["silence", "clipped", "one frame", LONG, "silent target"])
def test_a_step_is_finite_on(build, kind, precision):
    system = build("EW2+SEW2")
    speech = torch.randn(2, 4000)
    noisy, clean = {
        "silence": (torch.zeros(2, 4000), torch.zeros(2, 4000)),
        "clipped": (50 * speech.sign(), speech),
        "one frame": (speech[:, :30], speech[:, :30]),
        "35 s": (torch.randn(1, 35 * 16000), torch.randn(1, 35 * 16000)),
        "silent target": (speech, torch.zeros(2, 4000)),
    }[kind]
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        own = generators(len(noisy))
        loss, _ = system.losses(noisy, clean, None, gumbel=2.0, generators=own)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in system.parameters() if p.grad is not None)


def test_what_is_drawn_depends_on_the_step_alone(build):
    system = build()
    noisy, clean = torch.randn(2, 2, 4000)
    batch = {"noisy": noisy, "clean": clean}
    values = []
    for step in (1, 1, 2):
        system.on_train_batch_start(batch, step)
        values.append(system.training_losses(batch)[0].item())
    assert values[0] == values[1] != values[2]


def test_collapsed_codebook_is_told(build, capsys):
    system = build(collapse_fraction=0.5)
    numbers = {}
    one = nn.functional.one_hot(torch.zeros(2, 40, 2, dtype=torch.int64), 8).float()
    system.watch_codebook(one, torch.ones(2, 40, dtype=torch.bool), numbers)
    assert numbers["perplexity"] == pytest.approx(2.0)
    assert "codebook collapses at step 0: perplexity 2.0 of 16" in capsys.readouterr().out


def test_perplexities_are_those_of_a_batch_and_of_a_whole_validation(build, monkeypatch):
    system = build().eval()
    logged = {}
    monkeypatch.setattr(system, "log_numbers", lambda split, numbers: logged.update(numbers))
    codes = torch.tensor([[0, 1, 2, 3], [4, 5, 0, 0]])  # the last two are padding
    valid = torch.tensor([[True] * 4, [True, True, False, False]])
    one_hot = nn.functional.one_hot(codes, 8).float().unsqueeze(2).expand(-1, -1, 2, -1)
    numbers = {}
    system.watch_codebook(0.6 * one_hot + 0.05, valid, numbers)
    assert numbers["code_perplexity"] == pytest.approx(2 * 6)  # entries used alike, two codebooks
    assert numbers["perplexity"] > 2 * 6
    system.on_validation_epoch_start()
    for row in range(2):
        system.watch_codebook(one_hot[row : row + 1], valid[row : row + 1], {})
    system.on_validation_epoch_end()
    assert logged == {"code_perplexity": pytest.approx(2 * 6)} and system.choices is None


@pytest.mark.parametrize("variant", ["EW2", "SEW2", "EW2+SEW2", "EW2+SEW2 (concat)"])
def test_export_reloads_as_upstream_and_refuses_other_branches(build, robust, variant, tmp_path):
    system = build(variant).eval()
    (folder,) = system.export(tmp_path)
    assert not list(folder.rglob("*.bin")) and not list(folder.rglob("*.pt"))
    waveform = torch.randn(1, 4000)
    upstream = load_upstream(folder).freeze()
    torch.testing.assert_close(
        upstream(waveform).hidden_states[-1],
        system.model(waveform).hidden_states[-1],
        rtol=1e-4,
        atol=1e-5,
    )
    again = RobustPretraining(init_param=str(folder), branches=system.model.branches).eval()
    torch.testing.assert_close(
        again.model(waveform).hidden_states, system.model(waveform).hidden_states
    )
    other = "enhanced" if system.model.branches == "noisy" else "noisy"
    with pytest.raises(ConfigError, match="was pre-trained with .*EW2.* asks for .*EW2"):
        RobustPretraining(init_param=str(folder), branches=other, enhancer=robust["demucs"])


def test_noisy_branch_is_an_ordinary_transformers_checkpoint(build, tmp_path):
    import transformers

    system = build().eval()
    (folder,) = system.export(tmp_path)
    model = transformers.Wav2Vec2Model.from_pretrained(folder).eval()
    waveform = nn.functional.layer_norm(torch.randn(1, 4000), (4000,))
    with torch.no_grad():
        expected = model(waveform).last_hidden_state
        ours = system.model(waveform).hidden_states[-1]
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-4)


def test_public_checkpoint_gets_branches(robust, tmp_path):
    import transformers

    config = transformers.Wav2Vec2Config(**robust["sizes"])
    transformers.Wav2Vec2Model(config).save_pretrained(tmp_path)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(tmp_path)
    front = Demucs(hidden_channels=4, depth=2)
    front.save_pretrained(tmp_path / "se")
    system = RobustPretraining(
        init_param=str(tmp_path), branches="both", enhancer_param=str(tmp_path / "se"),
        fusion={"name": "concat"},
    )  # fmt: skip
    assert system.model.branches == "both" and not system.model.normalize_input
    noisy = torch.randn(1, 500)
    assert torch.equal(
        system.model.enhancer(noisy), Enhancer.from_pretrained(tmp_path / "se")(noisy)
    )


def test_branches_are_added_to_our_own_noisy_branch_on_request(build, robust, tmp_path):
    (folder,) = build("EW2").eval().export(tmp_path)
    options = {"init_param": str(folder), "branches": "both", "enhancer": robust["demucs"]}
    with pytest.raises(ConfigError, match="must be the same"):
        RobustPretraining(**options, fusion={"name": "concat"})
    grown = RobustPretraining(**options, fusion={"name": "concat"}, add_branches=True).model
    old = RobustWav2Vec2.from_pretrained(folder)
    for ours, theirs in zip(grown.wav2vec2.parameters(), old.wav2vec2.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    (enhanced,) = build("SEW2").eval().export(tmp_path / "sew2")
    with pytest.raises(ConfigError, match="must be the same"):
        RobustPretraining(
            **{**options, "init_param": str(enhanced)}, fusion={"name": "concat"}, add_branches=True
        )


def test_frozen_parts_stay_as_they_are(build):
    system = build("EW2+SEW2", update_feature_encoder=False, update_enhancer=False)
    batch = dict(zip(("noisy", "clean"), torch.randn(2, 2, 4000), strict=True))
    before = {name: value.clone() for name, value in system.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in system.parameters() if p.requires_grad], 1e-2)
    system.training_losses(batch)[0].backward()
    optimizer.step()
    changed = {n for n, value in system.state_dict().items() if not torch.equal(value, before[n])}
    assert changed
    assert not any("feature_extractor" in name or ".enhancer." in name for name in changed)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"wav2vec2": {"hidden_sise": 1}}, "hidden_sise"),
        ({}, "model.init_param"),
        ({"wav2vec2": {"num_hidden_layers": 1}, "branches": "enhanced"}, "needs an enhancer"),
        ({"target": "enhanced"}, "clean or noisy"),
    ],
)
def test_wrong_configurations_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        RobustPretraining(**options)


def test_masked_frames_are_those_of_the_mask():
    mask = torch.rand(5, 40, generator=torch.Generator().manual_seed(0)) < 0.3
    masked = MaskedFrames.of(mask)
    for row in range(5):
        assert torch.equal(masked.index[row][masked.valid[row]], mask[row].nonzero().flatten())


@pytest.mark.parametrize("seen", [True, False])
def test_hidden_frames_do_not_leak_through_the_fusion(build, seen):
    model = build("EW2+SEW2").model.eval()
    branches = model.encode_branches(torch.randn(2, 8000), torch.tensor([8000, 6000]))
    hidden = torch.zeros(branches.features["noisy"].shape[:2], dtype=torch.bool)
    hidden[:, 3:6] = True
    before = model.fuse(branches, None if seen else hidden)
    for features in branches.features.values():
        features[hidden] += 1.0
    after = model.fuse(branches, None if seen else hidden)
    assert torch.equal(before[~hidden], after[~hidden]) == (not seen)
    assert torch.isfinite(model.fuse(branches, torch.ones_like(hidden))).all()


def test_the_gradient_of_the_enhancer_is_scaled_but_for_its_own_loss(build):
    def gradient(**options):
        system = build("SEW2", feature_weight=0.0, diversity_weight=0.0, **options)
        noisy = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
        loss, _ = system.losses(noisy, 0.5 * noisy, None, generators=generators(seed=1))
        weights = list(system.model.enhancer.parameters())
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, weights)])

    whole = gradient(enhancement_weight=0.0)
    assert torch.allclose(
        gradient(enhancement_weight=0.0, enhancer_gradient=0.25), 0.25 * whole, atol=1e-6
    )
    own = gradient(enhancement_weight=1.0, enhancer_gradient=0.0)
    assert own.any()
    assert torch.allclose(gradient(enhancement_weight=1.0), whole + own, rtol=1e-3, atol=1e-5)


def test_a_loss_that_hides_masked_frames_is_another_for_both_branches_alone(build):
    for variant, same in (("EW2+SEW2", False), ("EW2+SEW2 (concat)", True), ("EW2", True)):
        losses = []
        for seen in (True, False):
            system = build(variant, fusion_sees_masked=seen)
            noisy = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
            losses.append(system.losses(noisy, noisy, None, generators=generators(seed=1))[0])
        assert torch.equal(*losses) == same


def test_branch_and_fusion_names_are_checked(build, robust):
    with pytest.raises(ConfigError, match="noisy, enhanced or both"):
        RobustWav2Vec2.build(robust["sizes"], "clean")
    with pytest.raises(ConfigError, match="no fusion 'sum'"):
        build("EW2+SEW2", fusion={"name": "sum"})


class Items:
    """What ``setup`` asks of a training set."""

    def __len__(self):
        return 6

    def __getitem__(self, draw):
        generator = torch.Generator().manual_seed(draw.index)
        noisy, clean = torch.randn(2, 6000, generator=generator)
        return {"noisy": noisy, "clean": clean}


def test_codebooks_begin_at_random_as_those_of_fairseq(build):
    quantizer = build("EW2").model.network.quantizer
    assert quantizer.weight_proj.weight.std().item() == pytest.approx(1.0, abs=0.15)
    assert not quantizer.weight_proj.bias.any()
    entries = quantizer.codevectors
    assert 0 <= entries.min() and 0.9 < entries.max() <= 1
    assert entries.mean().item() == pytest.approx(0.5, abs=0.1)


def test_codebooks_begin_as_clusters_of_a_fresh_model_alone(build, tmp_path):
    system = build("EW2", cluster_crops=6)
    system._trainer = SimpleNamespace(datamodule=SimpleNamespace(train_set=Items()))
    random = system.model.network.quantizer.weight_proj.weight.clone()
    system.setup("fit")
    clusters = system.model.network.quantizer.weight_proj.weight.clone()
    assert not torch.equal(random, clusters)
    half = clusters.shape[1] // 2
    assert clusters[: len(clusters) // 2, half:].abs().max() == 0  # each has its own channels
    system.setup("fit")
    torch.testing.assert_close(system.model.network.quantizer.weight_proj.weight, clusters)
    system.export(tmp_path)
    later = build("EW2", cluster_crops=6, init_param=str(tmp_path / "robust_wav2vec2"))
    later._trainer = system._trainer
    later.setup("fit")
    torch.testing.assert_close(later.model.network.quantizer.weight_proj.weight, clusters)


@pytest.mark.parametrize("variant", ["EW2", "EW2, noisy targets", "EW2+SEW2"])
def test_codebooks_are_fitted_on_what_they_are_to_quantise(build, variant, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "sslse.systems.robust_pretraining.begin_with_clusters",
        lambda quantizer, features, seed: seen.append(features),
    )
    system = build(variant, cluster_crops=6).eval()
    system._trainer = SimpleNamespace(datamodule=SimpleNamespace(train_set=Items()))
    system.setup("fit")
    norm = system.model.wav2vec2.feature_projection.layer_norm
    kind = "noisy" if "noisy" in variant else "clean"
    expected = set()
    for index in range(6):
        waveform = Items()[SimpleNamespace(index=index)][kind].unsqueeze(0)
        features = norm(system.model.encode(waveform, torch.tensor([6000]))[0][0])
        expected |= {round(value, 3) for value in features[:, 0].tolist()}
    assert {round(value, 3) for value in seen[0][:, 0].tolist()} == expected
