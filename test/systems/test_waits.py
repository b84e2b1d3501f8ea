"""A training step on a pretended GPU: it works there, and the host waits for nothing but the
numbers at the logging interval, which come all at once."""

from __future__ import annotations

import copy
import importlib
import pkgutil

import pytest
import torch
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

import sslse.systems
from sslse.data.datadir import DataDir
from sslse.downstream.multi_task import MultiTaskModel
from sslse.systems.base import System
from sslse.systems.classification import Classification
from sslse.systems.ctc_asr import CTCRecognition
from sslse.systems.diarization import Diarization
from sslse.systems.enhancement import EnhancementSystem
from sslse.systems.joint_enhancement import JointEnhancement
from sslse.systems.multi_task import MultiTaskSystem
from sslse.systems.robust_ctc import RobustCTC
from sslse.systems.robust_pretraining import RobustPretraining
from sslse.systems.tokenizer import TokenizerTraining
from sslse.systems.upstream_pretraining import UpstreamPretraining
from sslse.systems.verification import Verification
from sslse.tokens.tokenizer import Tokenizer

SAMPLES = 4000
LENGTHS = torch.tensor([4000, 3100])
SMALL = {
    **{"name": "conv_tasnet", "num_filters": 8, "kernel_size": 8, "stride": 4},
    **{"blocks": 2, "repeats": 1, "bottleneck_channels": 4, "hidden_channels": 6},
}
# What ESPnet waits for in a step, see test_placement.py: encoding of enhanced and clean speech, and
# its loss; two batches of like length, or one.
ESPNET_WAITS = {"token": 2 * 2 * 8 + 2, "straight": 2 * 13}


@pytest.fixture(scope="module")
def hubert(tmp_path_factory, tiny_hubert):
    folder = tmp_path_factory.mktemp("hubert")
    torch.manual_seed(0)
    HubertModel(HubertConfig(**tiny_hubert)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def make(hubert, robust, corpus, own_asr, tmp_path, monkeypatch):
    """``make(name)`` -> a tiny system and a batch of it, as a data module gives it."""
    pair = {
        "noisy": 0.1 * torch.randn(2, SAMPLES),
        "clean": 0.1 * torch.randn(2, SAMPLES),
        "noisy_lengths": LENGTHS,
        "clean_lengths": LENGTHS,
        "text": ["ab", "fed"],
    }
    crops = {name: pair[name] for name in ("noisy", "clean")}
    spoken = {
        "waveform": pair["noisy"],
        "waveform_lengths": LENGTHS,
        "tokens": torch.tensor([[1, 2], [1, 0]]),
        "tokens_lengths": torch.tensor([2, 1]),
    }

    def head(system, batch, kind, **sizes):
        system.model = MultiTaskModel(
            system.upstream, {"head": {"head": kind, **sizes}}, normalize_level=False, source=hubert
        )
        del system.upstream
        return system, {**spoken, **batch}

    def multi_task():
        heads = {
            "tv": {"head": "tract_variables", "hidden_sizes": [6], "linear_sizes": [6]},
            "speaker": {
                "head": "speaker", "num_speakers": 3, "hidden_size": 6, "pooled_size": 8
            },
        }  # fmt: skip
        criteria = {"snr": {"criterion": "SNRLoss"}, "mask": {"criterion": "LogMagnitudeLoss"}}
        mask = {"hidden_size": 8, "num_layers": 1}
        system = MultiTaskSystem(hubert, heads=heads, mask=mask, criteria=criteria)
        names = system.model.heads["tv"].names
        labels = {"tv": torch.randn(2, SAMPLES // 160 + 1, len(names)),
                  "speaker": torch.tensor([2, 0])}  # fmt: skip
        return system, {**crops, **labels}

    def joint(name, **options):
        asr = copy.deepcopy(own_asr)
        assert asr.shortest > 0  # found on the CPU, by trying
        monkeypatch.setattr(JointEnhancement, "_load_asr", lambda self, *_: asr)
        torch.manual_seed(0)
        tokens = Tokenizer(torch.randn(6, asr.output_size), downsample_rate=asr.downsample_rate)
        tokens.save_pretrained(tmp_path / "tokenizer")
        folders = {"asr": "asr", "tokenizer": str(tmp_path / "tokenizer")}
        return JointEnhancement(enhancer=SMALL, **folders, **options), pair

    def pretraining(kind, **options):
        sizes = {"mask_length": 3, "num_distractors": 5, **robust[kind], **options}
        return RobustPretraining(wav2vec2=robust["sizes"], **sizes), pair

    def robust_ctc():
        masks = {"channel_mask_length": 4, "time_mask_length": 3}
        system = RobustCTC(wav2vec2=robust["sizes"], **masks, **robust["both"])
        system.prepare(DataDir(corpus / "data/train"))
        return system, spoken

    def tokenizer():
        Tokenizer(torch.randn(6, 5)).save_pretrained(tmp_path / "clusters")
        vectors = torch.randn(2, 9, 5)
        frames = torch.tensor([9, 6])
        speech = torch.rand(2, 9) > 0.2
        batch = {"vectors": vectors, "vectors_lengths": frames, "speech": speech}
        return TokenizerTraining(str(tmp_path / "clusters"), drop_silence=True), batch

    ssl_mse = {
        "snr": {"criterion": "SNRLoss"},
        "ssl": {"criterion": "SSLMSELoss", "normalize": "clean_stats"},
    }
    weights = {"nsnr": 0.3, "encoder": 0.7, "contrastive": 1.0}
    small = {"hidden_size": 6, "projection_size": 6}
    builders = {
        "enhancer": lambda: (EnhancementSystem({"snr": {"criterion": "SNRLoss"}}, SMALL), crops),
        "SSL-MSE": lambda: (EnhancementSystem(ssl_mse, SMALL, upstream=hubert), crops),
        "SSL-MSE, whole": lambda: (EnhancementSystem(ssl_mse, SMALL, upstream=hubert), pair),
        "wav2vec 2.0": lambda: pretraining("noisy", target="noisy", consistency_weight=0.0),
        "EW2": lambda: pretraining("noisy"),
        "EW2 without VQ": lambda: pretraining("noisy", quantize=False),
        "EW2+SEW2": lambda: pretraining("both"),
        "RobustCTC": robust_ctc,
        "token": lambda: joint("token", weights=weights),
        "straight": lambda: joint("straight", weights={"nsnr": 0.5, "asr": 0.5}),
        "tokenizer": tokenizer,
        "UpstreamPretraining": lambda: (
            UpstreamPretraining(HubertConfig(**tiny(hubert)).to_diff_dict()), crops
        ),
        "multi-task": multi_task,
        "classification": lambda: head(
            Classification(hubert), {"classes": torch.tensor([[0], [1]])}, "classifier",
            labels=[["a", "b"]], projection_size=6,
        ),
        "CTC": lambda: head(
            CTCRecognition(hubert), {}, "ctc", tokens=["<blank>", *"abc"], **small
        ),
        "diarization": lambda: head(
            Diarization(hubert), {"activity": torch.ones(2, 12, 2)}, "diarizer", hidden_size=6
        ),
        "verification": lambda: head(
            Verification(hubert), {"classes": torch.tensor([[0], [1]])}, "speaker",
            num_speakers=3, hidden_size=6, pooled_size=8,
        ),
    }  # fmt: skip
    return builders


def tiny(folder):
    return HubertConfig.from_pretrained(folder).to_diff_dict()


NAMES = (
    *("enhancer", "SSL-MSE", "SSL-MSE, whole", "wav2vec 2.0", "EW2", "EW2 without VQ", "EW2+SEW2"),
    *("RobustCTC", "token", "straight", "tokenizer", "UpstreamPretraining", "multi-task"),
    *("classification", "CTC", "diarization", "verification"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_waits_for_nothing(make, name, placement, monkeypatch):
    torch.manual_seed(0)
    system, batch = make[name]()
    # Not the steps in which gradients of parts, or collapsed codebooks, are looked at.
    monkeypatch.setattr(type(system), "global_step", 1)
    system.train()
    with placement.PretendedGPU() as gpu:
        batch = gpu.put(batch)
        loss = gpu.put(system).training_step(batch, 0)
        loss.backward()
        learned = [p for p in system.parameters() if p.grad is not None]
        assert learned and all(p.grad.device == placement.DEVICE for p in learned)
        assert len(gpu.waits) <= ESPNET_WAITS.get(name, 0), "\n".join(gpu.waits)
        gpu.waits.clear()
        numbers = system.read_numbers()
        assert len(gpu.waits) == 1 and numbers["loss"] == pytest.approx(
            float(loss.values), rel=1e-5
        )
    assert all(isinstance(value, float) for value in numbers.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_step_fits_autocast(make, name, placement, monkeypatch):
    torch.manual_seed(0)
    system, batch = make[name]()
    monkeypatch.setattr(type(system), "global_step", 1)
    system.train()
    with placement.PretendedGPU(autocast=torch.bfloat16) as gpu:
        loss, _ = gpu.put(system).training_losses(gpu.put(batch))
        assert loss.dtype == torch.float32 and loss.values.isfinite()


def test_every_system_is_here(make):
    """A new system finds itself in the list above, or this test says so."""
    known = set()
    for module in pkgutil.iter_modules(sslse.systems.__path__):
        names = vars(importlib.import_module(f"sslse.systems.{module.name}")).values()
        known |= {x for x in names if isinstance(x, type) and issubclass(x, System)}
    wanted = {x for x in known if not hasattr(x.training_losses, "__isabstractmethod__")}
    assert set(make) == set(NAMES) and wanted == {type(make[name]()[0]) for name in NAMES}
