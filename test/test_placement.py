"""Every network and every loss on a pretended GPU: no tensor is made on the wrong device, nothing
waits for the device, values are those of the CPU, and autocast fits.

All entries of the registries are tested; a new one is by itself, where it has sizes of its own by
an entry in the tables here.
"""

from __future__ import annotations

import copy

import pytest
import torch
import transformers
from tiny_networks import DEMUCS, ENHANCER_SIZES, WAV2VEC2

from sslse import criteria
from sslse.criteria import CRITERIA, FEATURE_CRITERIA, build_criterion
from sslse.criteria.base import Criterion
from sslse.criteria.cbpc import TokenCriterion
from sslse.downstream.multi_task import MultiTaskModel
from sslse.downstream.task_head import TASK_HEADS, build_head
from sslse.enhancers import ENHANCERS, build_enhancer
from sslse.upstreams import UPSTREAMS
from sslse.upstreams.base import Upstream, UpstreamOutput
from sslse.upstreams.huggingface import HuggingFaceUpstream
from sslse.upstreams.whisper import WhisperUpstream
from sslse.wav2vec2.robust_wav2vec2 import RobustWav2Vec2

SAMPLES, LENGTHS, TEXTS = 2400, torch.tensor([2400, 1900]), ["ab", "fed"]


# ---- the pretended GPU itself ----------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x + torch.ones(3),
        lambda x: torch.stack([x[0], torch.ones(())]),
        lambda x: torch.where(torch.ones(3) > 0, x, 0),
        lambda x: x.numpy(),
    ],
)
def test_a_tensor_on_the_wrong_device_is_an_error(placement, wrong):
    with placement.PretendedGPU() as gpu, pytest.raises((RuntimeError, TypeError)):
        wrong(gpu.put(torch.ones(3)))


@pytest.mark.parametrize(
    "line",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: x.tolist(),
        lambda x: x.cpu(),
        lambda x: x.to("cpu", non_blocking=True),
        lambda x: x.nonzero(),
        lambda x: x[x > 0],
        lambda x: x[torch.tensor([0])],
        lambda x: torch.unique(x),
        lambda x: torch.equal(x, x),
        lambda x: torch.ones(3).to(x.device),
        lambda x: torch.tensor([1.0], device=x.device),
        lambda x: x.copy_(torch.ones(3)),
        lambda x: torch.linalg.solve(torch.eye(3, device=x.device), x),
    ],
)
def test_a_line_that_waits_is_noted(placement, line):
    with placement.PretendedGPU() as gpu:
        line(gpu.put(torch.ones(3)))
    assert len(gpu.waits) == 1 and "test_placement.py" in gpu.waits[0]


@pytest.mark.parametrize(
    "line",
    [
        lambda x: x * 2 + torch.tensor(1.0),
        lambda x: torch.ones(3).pin_memory().to(x.device, non_blocking=True) + x,
        lambda x: torch.where(x > 0, x, 0)[1:],
        lambda x: x.masked_fill(x > 0, 1.0),
        lambda x: torch.arange(3, device=x.device) + x.new_zeros(3),
    ],
)
def test_a_line_that_does_not_wait(placement, line):
    with placement.PretendedGPU() as gpu:
        assert line(gpu.put(torch.ones(3))).device == placement.DEVICE
    assert not gpu.waits


def check(placement, module, call, inputs, waits=0, precise=True):
    """Run ``call(module, inputs)`` on the CPU and on the pretended GPU, backward too.

    Args:
        placement: the module of that name.
        module: a network or a loss.
        call: gives a tensor, or several.
        inputs: by name; those named ``…lengths`` stay on the host.
        waits: at most so many, within a library.
        precise: whether the result is float32 under autocast too.
    """

    def run(module, inputs, gradient=True):
        torch.manual_seed(0)
        result = call(module, inputs)
        result = [result] if isinstance(result, torch.Tensor) else list(result)
        if gradient:
            sum(x.float().square().mean() for x in result if x.requires_grad).backward()
        return result

    moved, cast = copy.deepcopy(module), copy.deepcopy(module)
    expected = run(module, inputs)
    with placement.PretendedGPU() as gpu:
        result = run(gpu.put(moved), gpu.put(inputs))
        assert all(x.device == placement.DEVICE for x in result)
    assert len(gpu.waits) <= waits, "\n".join(gpu.waits)
    for ours, theirs in zip(result, expected, strict=True):
        torch.testing.assert_close(ours.values, theirs, rtol=1e-3, atol=1e-4)
    theirs = dict(module.named_parameters())
    for name, parameter in moved.named_parameters():
        assert (parameter.grad is None) == (theirs[name].grad is None), name
        if parameter.grad is not None:
            torch.testing.assert_close(
                parameter.grad.values, theirs[name].grad, rtol=1e-2, atol=1e-3
            )
    with placement.PretendedGPU(autocast=torch.bfloat16) as gpu:
        for x in run(gpu.put(cast), gpu.put(inputs), gradient=False):
            assert x.device == placement.DEVICE and x.values.isfinite().all()
            assert x.dtype == torch.float32 or not precise


# ---- enhancers -------------------------------------------------------------------------------

# ESPnet makes masks of lengths on the host and reads how long the longest is, in a forward pass.
ESPNET_ENHANCER_WAITS = {"tcn": 0, "dccrn": 3, "tfgridnet": 4}


@pytest.mark.parametrize(
    "name, sizes", [(name, sizes) for name in ENHANCERS for sizes in ENHANCER_SIZES[name]]
)
def test_enhancers(placement, name, sizes):
    torch.manual_seed(0)
    enhancer = build_enhancer(name, **sizes)
    waits = ESPNET_ENHANCER_WAITS.get(sizes.get("separator"), 0)
    inputs = {"noisy": 0.1 * torch.randn(2, SAMPLES)}
    check(placement, enhancer, lambda net, given: net(given["noisy"]), inputs, waits)


# ---- upstreams -------------------------------------------------------------------------------


def of_transformers(family, **options):
    config = getattr(transformers, f"{family}Config")(**{**WAV2VEC2, **options})
    model = getattr(transformers, f"{family}Model")(config)
    upstream = HuggingFaceUpstream.__new__(HuggingFaceUpstream)
    torch.nn.Module.__init__(upstream)
    upstream._set(model, None, True, True, 16000)
    upstream.fix_unused()
    return upstream


WHISPER = {
    **{"model_type": "whisper", "d_model": 16, "encoder_layers": 2, "encoder_ffn_dim": 32},
    **{"encoder_attention_heads": 2, "max_source_positions": 10, "num_mel_bins": 80},
}


def of_whisper(pad_to_30s):
    options = {"final_layer_norm": True, "pad_to_30s": pad_to_30s}
    return WhisperUpstream.from_description({"config": WHISPER, **options})


def with_branches(branches):
    front = None if branches == "noisy" else build_enhancer("demucs", **DEMUCS)
    fusion = {"name": "dual_attention", "heads": 2} if branches == "both" else None
    return RobustWav2Vec2.build(WAV2VEC2, branches, fusion, front)


LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
TINY_UPSTREAMS = {
    "huggingface": [
        (lambda family=family, options=options: of_transformers(family, **options))
        for family in ("Wav2Vec2", "Hubert", "WavLM")
        for options in ({}, LARGE)
    ],
    "branches": [
        (lambda branches=branches: with_branches(branches))
        for branches in ("noisy", "enhanced", "both")
    ],
    "whisper": [(lambda pad=pad: of_whisper(pad)) for pad in (True, False)],
}


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["frozen", "padded"])
@pytest.mark.parametrize(
    "kind, number", [(kind, n) for kind in UPSTREAMS for n in range(len(TINY_UPSTREAMS[kind]))]
)
def test_upstreams(placement, kind, number, lengths):
    torch.manual_seed(0)
    upstream = TINY_UPSTREAMS[kind][number]().eval()
    if lengths is None:
        upstream.freeze()
    gain = torch.nn.Parameter(torch.ones(()))  # something learns before a frozen upstream

    def call(network, given):
        waveform = given["waveform"] * given["gain"]
        output = network(waveform, given["lengths"])
        assert output.lengths.device.type == "cpu"
        return output.hidden_states

    inputs = {"waveform": 0.1 * torch.randn(2, SAMPLES), "gain": gain, "lengths": lengths}
    check(placement, upstream, call, inputs, precise=False)


# ---- criteria --------------------------------------------------------------------------------

WAVEFORM = {"enhanced": torch.nn.Parameter(0.1 * torch.randn(2, SAMPLES)),
            "clean": 0.1 * torch.randn(2, SAMPLES), "noisy": 0.1 * torch.randn(2, SAMPLES),
            "lengths": LENGTHS}  # fmt: skip
FRAMES = {"x": torch.nn.Parameter(torch.randn(2, 9, 6)), "y": torch.randn(2, 9, 6),
          "labels": torch.randint(6, (2, 9)), "lengths": torch.tensor([9, 5]),
          "distractors": torch.randint(9, (2, 9, 3))}  # fmt: skip
VARIANTS = {
    "SDRLoss": [{"filter_length": 16}],
    "ABSDRLoss": [{"filter_length": 16}],
    "LMFBLoss": [{}, {"normalize": "per_band_std"}],
    "DemucsLoss": [{}, {"form": "printed"}],
    "SSLMSELoss": [
        {"normalize": "clean_stats"},
        {"normalize": "utterance", "combine": "per_layer", "distance": "cosine"},
        {"normalize": "layer", "clean_zero_padding": [0.1, 0.2]},
        {"distance": "soft_dtw", "clean_speeds": [0.9, 1.1]},
    ],
    "ASRLoss": [{}, {"exact": False, "per_token": True}],
    "CBPCLoss": [{}, {"positive_in_denominator": False, "reduction": "mean"}],
}
# ESPnet's encoder waits 8 times and its decoder 5 times a batch, for the lengths in its masks (two
# of these once only). ``exact`` makes a batch of each length; a padded batch is read once more.
ASR_WAITS = {(True, False): 13, (True, True): 26, (False, False): 13, (False, True): 14}


def on_frames(loss, given):
    return loss(given["x"], given["y"], given["lengths"])


CALLS = {
    "SoftDTWLoss": lambda loss, given: loss(
        given["x"], given["y"], given["lengths"], given["lengths"]
    ),
    "EncoderLoss": on_frames,
    "ConsistencyLoss": on_frames,
    "ContrastiveLoss": lambda loss, given: loss(
        given["x"], given["y"], given["distractors"], given["y"][..., 0] > -9,
        given["labels"][..., None],
    ),
    "DiversityLoss": lambda loss, given: loss(given["x"].softmax(-1).unflatten(2, (2, 3))),
    "TrajectoryLoss": lambda loss, given: loss(given["x"], given["y"])[0],
}  # fmt: skip


def call_criterion(loss, given):
    if isinstance(loss, TokenCriterion):
        return loss(given["x"], given["y"], given["labels"], given["lengths"])
    if not isinstance(loss, Criterion):
        return CALLS[type(loss).__name__](loss, given)
    extra = {"text": TEXTS} if getattr(loss, "needs_text", False) else {}
    extra |= {"noisy": given["noisy"]} if getattr(loss, "needs_noisy", False) else {}
    return loss(given["enhanced"], given["clean"], given["lengths"], **extra)


LOSSES = [name for name in criteria.__all__ if name.endswith("Loss")]


@pytest.mark.parametrize(
    "name, options", [(name, options) for name in LOSSES for options in VARIANTS.get(name, [{}])]
)
@pytest.mark.parametrize("padded", [False, True])
def test_criteria(placement, name, options, padded, request):
    torch.manual_seed(0)
    waits = 0
    if name == "SSLMSELoss":
        options = {**options, "upstream": of_transformers("WavLM")}
    if name == "ASRLoss":
        waits = ASR_WAITS[options.get("exact", True), padded]
        asr = request.getfixturevalue("own_asr")
        asr.exact = options.get("exact", True)
        assert asr.shortest > 0  # found on the CPU, by trying
        options = {**options, "asr": asr}
    known = {**CRITERIA, **FEATURE_CRITERIA}
    loss = build_criterion(name, **options) if name in known else getattr(criteria, name)(**options)
    given = WAVEFORM if isinstance(loss, Criterion) else FRAMES
    given = {name: copy.deepcopy(value) for name, value in given.items()}
    if not padded:
        given["lengths"] = None
    check(placement, loss, call_criterion, given, waits)


# ---- heads -----------------------------------------------------------------------------------

TV = {"hidden_sizes": [6, 6], "linear_sizes": [6], "dropout": 0.0}
TINY_HEADS = {
    "classifier": [{"labels": [["a", "b"], ["c", "d", "e"]]}],
    "ctc": [
        {"tokens": ["<blank>", *"abc"], "hidden_size": 6, "projection_size": 6, "dropout": 0.0,
         "stride": stride, "utterance_norm": stride > 1} for stride in (1, 2)
    ],
    "diarizer": [{"hidden_size": 6}],
    "speaker": [{"num_speakers": 3, "hidden_size": 6, "pooled_size": 8}],
    "tract_variables": [
        TV, {**TV, "upsampling": "repeat", "batch_norm": True},
        {**TV, "encoder": "conformer", "num_heads": 2, "kernel_size": 3},
    ],
}  # fmt: skip


def labels_for(head, upstream, samples):
    frames = samples // upstream.downsample_rate
    batch = {
        "classes": torch.tensor([[0, 2], [1, 1]]),
        "tokens": torch.tensor([[1, 2], [3, 0]]),
        "tokens_lengths": torch.tensor([2, 1]),
        "activity": (torch.rand(2, frames, 2) > 0.5).float(),
        "speaker": torch.tensor([2, 0]),
    }
    if head.needs == "tv":
        batch["tv"] = torch.randn(2, samples // head.target_hop + 1, len(head.names))
    return batch


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(
    "name, sizes", [(name, sizes) for name in TASK_HEADS for sizes in TINY_HEADS.get(name, [{}])]
)
def test_heads(placement, name, sizes, padded):
    torch.manual_seed(0)
    upstream = of_transformers("Hubert")
    head = build_head(name, upstream, **sizes)
    states = {f"state{k}": torch.randn(2, 12, 16) for k in range(3)}
    frames = torch.tensor([12, 9]) if padded else torch.tensor([12, 12])
    inputs = {**labels_for(head, upstream, 12 * 320 + 80), **states, "frame_lengths": frames}

    def call(head, given):
        hidden = [given[name] for name in states]
        output = head(UpstreamOutput(hidden, frames), frames * 320 + 80)
        return head.losses(output, given)[0]

    check(placement, head, call, inputs)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "padded"])
def test_multi_task_model(placement, lengths):
    torch.manual_seed(0)
    heads = {name: {"head": name, **sizes[0]} for name, sizes in TINY_HEADS.items()}
    mask = {"hidden_size": 8, "num_layers": 1}
    front = build_enhancer("demucs", **DEMUCS)
    model = MultiTaskModel(of_transformers("Hubert"), heads, mask, front)

    def call(model, given):
        output = model(given["noisy"], given["lengths"])
        tensors = [x for value in output.outputs.values()
                   for x in (value if isinstance(value, tuple) else (value,))]  # fmt: skip
        return [output.enhanced, *(x for x in tensors if x.is_floating_point())]

    inputs = {"noisy": 0.1 * torch.randn(2, SAMPLES), "lengths": lengths}
    check(placement, model, call, inputs, precise=False)


def test_tables_hold_what_is_registered():
    assert set(TINY_UPSTREAMS) == set(UPSTREAMS)
    assert all(issubclass(UPSTREAMS.find(name), Upstream) for name in UPSTREAMS)
