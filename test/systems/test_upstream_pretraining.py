"""HuBERT-style pre-training: masks, alignment of units with frames, and what is exported."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from sslse.errors import ConfigError
from sslse.systems.upstream_pretraining import UpstreamPretraining
from sslse.upstreams import load_upstream
from sslse.upstreams.units import MFCCUnits


@pytest.fixture
def system(tiny_hubert):
    return UpstreamPretraining(tiny_hubert, num_units=6, seed=1).eval()


def test_units_and_frames_are_aligned(system):
    for samples in (400, 719, 720, 16000, 32001):
        waveform = torch.randn(1, samples)
        assert system.units(waveform).shape[1] == system.logits(waveform, None).shape[1]


def test_a_click_moves_the_unit_of_its_own_frame():
    units = MFCCUnits(4)
    silence = torch.zeros(1, 16000) + 1e-3 * torch.randn(1, 16000)
    click = silence.clone()
    click[0, 20 * 320 + 200] += 1.0  # the middle of frame 20
    change = (units.features(click) - units.features(silence))[..., 0].abs()[0]
    assert change.argmax().item() == 20


def test_masks_have_whole_spans_in_every_utterance(system):
    frames = torch.tensor([50, 30, 20, 5]).repeat(16)
    mask = system.draw_mask(frames, 60, [torch.Generator().manual_seed(seed) for seed in range(64)])
    assert mask.any(1).all()
    for row, length in zip(mask, frames.tolist(), strict=True):
        assert not row[length:].any()
        runs = "".join("1" if value else "0" for value in row).split("0")
        assert all(len(run) >= min(length, system.mask_length) for run in runs if run)


@pytest.mark.parametrize("norm", ["layer", "group"])
def test_padding_changes_no_loss(tiny_hubert, norm):
    hubert = {**tiny_hubert, "feat_extract_norm": norm}
    features = {"utterance_norm": True}
    system = UpstreamPretraining(hubert, num_units=6, seed=1, unit_features=features).eval()
    noisy, clean = torch.randn(2, 3, 8000)
    lengths = torch.tensor([8000, 5000, 300])  # the last is shorter than a frame
    system.units.fit(clean, seed=0)

    def losses(padding):
        batch = {"noisy_lengths": lengths, "clean_lengths": lengths}
        for name, waveform in (("noisy", noisy), ("clean", clean)):
            batch[name] = torch.nn.functional.pad(waveform, (0, padding), value=float("nan"))
        numbers = system.losses(batch, [torch.Generator().manual_seed(n) for n in range(3)])[1]
        return {name: float(value) for name, value in numbers.items()}

    assert losses(6000) == pytest.approx(losses(0), rel=1e-4)


@pytest.mark.parametrize("utterance_norm", [False, True])
def test_units_of_an_utterance_are_those_that_it_has_alone(utterance_norm):
    units = MFCCUnits(6, utterance_norm=utterance_norm)
    speech = torch.randn(3, 8000)
    units.fit(speech, seed=0)
    lengths = [8000, 5000, 2345]
    padded = torch.stack(
        [F.pad(x[:n], (0, 9000 - n)) for x, n in zip(speech, lengths, strict=True)]
    )
    together = units.features(padded, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        alone = units.features(speech[row : row + 1, :length])[0]
        torch.testing.assert_close(together[row, : len(alone)], alone, rtol=1e-3, atol=1e-3)


class Items:
    """What ``setup`` asks of a training set."""

    def __len__(self):
        return 3

    def __getitem__(self, draw):
        generator = torch.Generator().manual_seed(draw.index)
        length = 4000 + 1000 * draw.index
        return dict(
            zip(("noisy", "clean"), torch.randn(2, length, generator=generator), strict=True)
        )


def test_units_are_fitted_on_clean_speech_without_padding(system):
    system._trainer = SimpleNamespace(datamodule=SimpleNamespace(train_set=Items()))
    system.setup("fit")
    clean = [Items()[SimpleNamespace(index=index)]["clean"] for index in range(3)]
    expected = torch.cat([system.units.features(waveform[None])[0] for waveform in clean])
    torch.testing.assert_close(system.units.mean, expected.mean(0), rtol=1e-3, atol=1e-3)


def test_masked_frames_hide_their_input(system):
    waveform = torch.randn(1, 8000)
    mask = torch.ones(1, system.logits(waveform, None).shape[1], dtype=torch.bool)
    torch.testing.assert_close(
        system.logits(waveform, mask), system.logits(torch.randn(1, 8000), mask)
    )


def test_export_is_a_transformers_folder_with_the_same_network(system, tmp_path):
    (folder,) = system.export(tmp_path)
    upstream = load_upstream(str(folder)).freeze()
    waveform = 3.0 + 0.5 * torch.randn(2, 8000)  # offset and level must not matter
    output = upstream(waveform, torch.tensor([8000, 8000]))
    last = output.hidden_states[-1]
    torch.testing.assert_close(
        system.head(last), system.logits(waveform, None), atol=1e-4, rtol=1e-4
    )


def test_clusters_are_those_of_a_brute_force_search():
    units = MFCCUnits(5)
    units.fit(torch.randn(4, 8000), seed=0)
    waveform = torch.randn(1, 8000)
    features = (units.features(waveform) - units.mean) / units.std
    distances = torch.cdist(features[0], units.centres)
    assert torch.equal(units(waveform)[0], distances.argmin(1))


def test_units_are_taken_over_from_another_training(tiny_hubert, tmp_path):
    first = UpstreamPretraining(tiny_hubert, num_units=5)
    first.units.fit(torch.randn(2, 8000), seed=0)
    folder = first.export(tmp_path)[0]
    second = UpstreamPretraining(tiny_hubert, num_units=5, units=str(folder))
    second.setup("fit")
    waveform = torch.randn(2, 8000)
    assert torch.equal(first.units(waveform), second.units(waveform))
    with pytest.raises(ConfigError, match="'num_units': 5.* this training needs"):
        UpstreamPretraining(tiny_hubert, num_units=6, units=str(folder)).setup("fit")


def test_unknown_key_is_named():
    with pytest.raises(ConfigError, match="hidden_sise"):
        UpstreamPretraining({"hidden_sise": 3})
