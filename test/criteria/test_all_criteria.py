"""Truths that hold for every criterion."""

import copy
import textwrap

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.criteria import CRITERIA, build_criterion
from sslse.errors import ConfigError
from sslse.runtime.settings import read_settings

VARIANTS = [
    ("SNRLoss", {}),
    ("SNRLoss", {"max_snr_db": 30.0}),
    ("SISNRLoss", {}),
    ("SDRLoss", {"filter_length": 64}),
    ("LMFBLoss", {}),
    ("LMFBLoss", {"normalize": "per_band_std", "fmin": 50.0, "fmax": 3800.0, "n_mels": 40}),
    ("LogMagnitudeLoss", {}),
    ("MultiResolutionSTFTLoss", {}),
    ("DemucsLoss", {}),
    ("DemucsLoss", {"form": "printed"}),
    ("SSLMSELoss", {}),
    ("SSLMSELoss", {"layers": "all", "combine": "per_layer", "normalize": "layer"}),
    ("SSLMSELoss", {"layers": [0, 2], "distance": "l1", "normalize": "utterance"}),
    ("SSLMSELoss", {"layers": "last", "distance": "cosine", "weights": [2.0]}),
    ("SSLMSELoss", {"layers": "last", "distance": "soft_dtw", "normalize": "utterance"}),
    ("ABSDRLoss", {"artifact_weight": 3.0, "filter_length": 32}),
    ("ASRLoss", {}),
    ("ASRLoss", {"per_token": True}),
]
ZERO_AT_IDENTITY = (
    *("DemucsLoss", "LMFBLoss", "LogMagnitudeLoss", "MultiResolutionSTFTLoss", "SSLMSELoss"),
)
ON_FEATURES = {"SoftDTWLoss"}  # tested in files of their own
TEXTS = ["abc", "fed", "a"]


@pytest.fixture(params=VARIANTS, ids=str)
def criterion(request, upstream_folder):
    name, config = request.param
    if name == "SSLMSELoss":
        config = {"upstream": str(upstream_folder), **config}
    if name == "ASRLoss":
        config = {"asr": copy.deepcopy(request.getfixturevalue("frozen_asr")), **config}
    return WithExtras(build_criterion(name, **config))


class WithExtras:
    """A criterion that gets its transcripts and noisy speech like all others' arguments."""

    def __init__(self, criterion):
        self.criterion = criterion
        self.name = type(criterion).__name__

    def __call__(self, enhanced, clean, lengths=None, rows=slice(None)):
        extra = {}
        if getattr(self.criterion, "needs_text", False):
            extra["text"] = TEXTS[rows][: len(enhanced)]
        if getattr(self.criterion, "needs_noisy", False):
            torch.manual_seed(9)
            noise = 0.1 * torch.randn(3, 6000).to(clean)[rows]
            if noise[:, : clean.shape[-1]].shape == clean.shape:
                extra["noisy"] = clean + noise[:, : clean.shape[-1]]
            else:  # the test gives shapes that do not fit
                extra["noisy"] = clean
        return self.criterion(enhanced, clean, lengths, **extra)

    def double(self):
        self.criterion.double()
        return self


def at_snr(clean, snr_db, seed=0):
    torch.manual_seed(seed)
    noise = torch.randn_like(clean)
    gain = clean.norm(dim=1, keepdim=True) / noise.norm(dim=1, keepdim=True)
    return clean + noise * gain * 10 ** (-snr_db / 20)


def test_every_criterion_is_tested_here():
    assert {name for name, _ in VARIANTS} | ON_FEATURES == set(CRITERIA)


def test_least_at_identity_with_finite_gradient(criterion, clean):
    enhanced = clean.clone().requires_grad_()
    least = criterion(enhanced, clean)
    assert least.shape == (3,)
    (gradient,) = torch.autograd.grad(least.sum(), enhanced)
    assert gradient.isfinite().all()
    if criterion.name == "ASRLoss":  # a random recogniser likes clean speech no more
        return
    assert (least < criterion(at_snr(clean, 40), clean)).all()
    if criterion.name in ZERO_AT_IDENTITY:
        torch.testing.assert_close(least, torch.zeros(3), atol=1e-5, rtol=0)


def test_falls_with_snr_on_average(criterion, clean):
    if criterion.name == "ASRLoss":
        pytest.skip("a random recogniser does not know speech from noise")
    means = [
        torch.stack([criterion(at_snr(clean, snr_db, seed), clean) for seed in range(4)]).mean()
        for snr_db in (-5, 0, 5, 10, 15, 20)
    ]
    assert means == sorted(means, reverse=True)


@settings(max_examples=8)
@given(lengths=st.lists(st.integers(1, 6000), min_size=3, max_size=3))
def test_alone_as_in_a_padded_batch(criterion, clean, lengths):
    enhanced, reference = at_snr(clean, 5), clean.clone()
    for row, length in enumerate(lengths):  # what stands in the padding must not matter
        enhanced[row, length:], reference[row, length:] = 7.0, float("nan")
    batch = criterion(enhanced, reference, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        here = slice(row, row + 1)
        alone = criterion(enhanced[here, :length], reference[here, :length], rows=here)
        torch.testing.assert_close(batch[row : row + 1], alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("silent", ["enhanced", "clean", "both"])
def test_silence_is_finite(criterion, clean, silent):
    zero = torch.zeros_like(clean)
    enhanced = (zero if silent in ("enhanced", "both") else at_snr(clean, 5)).clone()
    reference = zero if silent in ("clean", "both") else clean
    value = criterion(enhanced.requires_grad_(), reference)
    (gradient,) = torch.autograd.grad(value.sum(), enhanced)
    assert value.isfinite().all() and gradient.isfinite().all()


@pytest.mark.parametrize(
    "enhanced, reference",
    [((2, 800), (2, 801)), ((2, 800), (1, 800)), ((800,), (800,)), ((2, 1, 800), (2, 1, 800))],
)
def test_wrong_shapes_raise_with_both_shapes(criterion, enhanced, reference):
    with pytest.raises(ValueError) as caught:
        criterion(torch.zeros(enhanced), torch.zeros(reference))
    assert str(enhanced) in str(caught.value) and str(reference) in str(caught.value)


@pytest.mark.parametrize("lengths", [[800], [800, 801], [0, 800]])
def test_wrong_lengths_raise(criterion, lengths):
    with pytest.raises(ValueError, match="lengths"):
        criterion(torch.zeros(2, 800), torch.zeros(2, 800), torch.tensor(lengths))


def test_gradient_equals_a_central_difference(criterion, clean):
    criterion = criterion.double()
    clean = clean.double()
    point = at_snr(clean, 5).requires_grad_()
    direction = torch.randn_like(point)
    (gradient,) = torch.autograd.grad(criterion(point, clean).sum(), point)
    if criterion.name == "ASRLoss":  # ESPnet's spectrum is of fp32 whatever the input
        direction, step, rtol = gradient / gradient.norm(), 1e-4, 1e-3
    else:
        step, rtol = 1e-7, 1e-4
    with torch.no_grad():
        ahead = criterion(point + step * direction, clean).double().sum()
        behind = criterion(point - step * direction, clean).double().sum()
    slope = (ahead - behind) / (2 * step)
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=rtol, atol=1e-4)


def test_unknown_names_and_keys_are_told():
    with pytest.raises(ConfigError, match="did you mean 'SNRLoss'"):
        build_criterion("SNRLos")
    with pytest.raises(ConfigError, match="did you mean 'max_snr_db'"):
        build_criterion("SNRLoss", max_snr=3)
    with pytest.raises(ConfigError, match="known are .*LMFBLoss"):
        build_criterion("zzz")


def test_every_configuration_builds(repository, upstream_folder, frozen_asr):
    paths = sorted((repository / "conf" / "criterion").glob("*.yaml"))
    assert paths
    for path in paths:
        for spec in read_settings(path)["model"]["init_args"]["criteria"].values():
            config = {key: value for key, value in spec.items() if key != "weight"}
            if config["criterion"] == "SSLMSELoss":
                config["upstream"] = str(upstream_folder)
                config.pop("pad_to_30s", None)  # an option of Whisper's encoder alone
            if config["criterion"] == "ASRLoss":
                config["asr"] = frozen_asr
            build_criterion(config.pop("criterion"), **config)


def test_example_of_the_documentation_is_a_criterion(repository, clean):
    page = (repository / "docs" / "add_a_criterion.md").read_text(encoding="utf-8")
    code = textwrap.dedent(page.split("```python\n")[1].split("```")[0])
    namespace = {"__name__": "l1"}
    exec(code, namespace)
    value = namespace["L1Loss"]()(clean + 0.5, clean, torch.tensor([6000, 100, 1]))
    torch.testing.assert_close(value, torch.full((3,), 0.5))
