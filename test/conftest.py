"""Fixtures that all tests share."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.data.datadir import write_datadir

REPOSITORY = Path(__file__).resolve().parents[1]

# An example may take long on a busy machine. All examples of a test have one tmp_path, so each
# writes what it reads.
hypothesis.settings.register_profile(
    "sslse",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("sslse")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say for how long chance is to look for faults (test/campaign)."""
    parser.addoption(
        "--campaign-seconds",
        type=float,
        default=float(os.environ.get("SSLSE_CAMPAIGN_SECONDS", 240)),
        help="seconds of all campaigns together (default: SSLSE_CAMPAIGN_SECONDS, else 240)",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the campaigns counted."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "campaign" and report.when == "call":
                    terminalreporter.write_line(value)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_corpora() -> Path:
    """Folder with real recordings (an4/, noise/, rir/, LibriSpeech/); the test skips without it."""
    root = Path(os.environ.get("SSLSE_TEST_CORPORA", REPOSITORY.parent / "shared" / "corpora"))
    if not (root / "LibriSpeech").is_dir():
        pytest.skip(f"no real recordings at {root} (set SSLSE_TEST_CORPORA)")
    return root


@pytest.fixture
def file_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server on the loopback that misbehaves as its files are told; see the module."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with _load("file_server").FileServer() as server:
        yield server


@pytest.fixture(scope="session")
def robust_corpora() -> ModuleType:
    """Makers of tiny corpora in published layouts; see the module."""
    return _load("robust_corpora")


@pytest.fixture(scope="session")
def make_set() -> Callable[..., tuple[Path, list[str]]]:
    """A function that writes a test set and folders of three systems; see the module."""
    return _load("speech_set").make_set


@pytest.fixture(scope="session")
def html_page() -> type:
    """Parser of a page; see the module."""
    return _load("html_page").HtmlPage


@pytest.fixture(scope="session")
def look(node_modules: Path) -> Callable[[Path], list[dict[str, Any]]]:
    """A function that opens a page in Chromium on a desktop and a phone, light and dark, and says
    what ``look.mjs`` sees."""

    def look_at(page: Path) -> list[dict[str, Any]]:
        command = ["node", REPOSITORY / "test/look.mjs", page.as_uri()]
        command += [shutil.which("chromium"), node_modules]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return look_at


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with axe-core and a driver of Chromium, brought by npm; some name one that they have
    in SSLSE_NODE_MODULES."""
    missing = [name for name in ("chromium", "node", "npm") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {missing[0]} (apt-get install chromium npm)")
    if folder := os.environ.get("SSLSE_NODE_MODULES"):
        return Path(folder)
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(
            [*command, "axe-core@4", "playwright-core@1"],
            cwd=folder,
            capture_output=True,
            timeout=120,
            check=True,
        )
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"npm brings no axe-core and playwright-core: {error}")
    return folder / "node_modules"


@pytest.fixture(scope="session")
def placement() -> ModuleType:
    """``placement.PretendedGPU``: finds tensors on the wrong device, and lines that wait for it."""
    return _load("placement")


@pytest.fixture(scope="session")
def write_whisper() -> Callable[..., None]:
    """``write_whisper(folder, words, width, …)``: a Whisper with random weights."""
    return _load("whisper_checkpoint").write_whisper


@pytest.fixture(scope="session")
def published_corpora() -> ModuleType:
    """Makers of corpora in published layouts of any size; see the module."""
    return _load("published_corpora")


def _load(name: str) -> ModuleType:
    """Import a file of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "test" / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def own_asr(frozen_asr):
    """A copy of ``frozen_asr`` for the test alone."""
    for part in frozen_asr.modules():
        if hasattr(part, "attn"):
            part.attn = None  # ESPnet's layers keep their last weights, which cannot be copied
    return copy.deepcopy(frozen_asr)


@pytest.fixture
def gpu() -> Iterator[str]:
    """The name of a device beside the CPU, see ``fake_gpu.py``."""
    with _load("fake_gpu").fake_gpu() as name:
        yield name


@pytest.fixture
def rng() -> np.random.Generator:
    """A fixed random generator."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def tiny_hubert() -> dict[str, Any]:
    """Keys of a ``HubertConfig`` with the frame rate of the full size (400 samples every 320)."""
    return {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "conv_dim": [8, 8, 8],
        "conv_kernel": [20, 15, 4],
        "conv_stride": [10, 8, 4],
        "num_feat_extract_layers": 3,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "num_conv_pos_embeddings": 5,
        "num_conv_pos_embedding_groups": 2,
    }


@pytest.fixture(scope="session")
def frozen_asr():
    """A frozen hybrid CTC/attention ESPnet model with random weights, a vector every 640
    samples."""
    import torch
    from espnet2.asr.ctc import CTC
    from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
    from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
    from espnet2.asr.espnet_model import ESPnetASRModel
    from espnet2.asr.frontend.default import DefaultFrontend
    from espnet2.layers.utterance_mvn import UtteranceMVN

    from sslse.espnet.frozen_asr import FrozenASR

    torch.manual_seed(0)
    tokens = ["<blank>", "<unk>", *"abcdef", "<sos/eos>"]
    sizes = {"attention_heads": 2, "linear_units": 8, "num_blocks": 1}
    model = ESPnetASRModel(
        vocab_size=len(tokens),
        token_list=tokens,
        frontend=DefaultFrontend(n_fft=256, hop_length=160, n_mels=20),
        specaug=None,
        normalize=UtteranceMVN(),
        preencoder=None,
        encoder=ConformerEncoder(20, output_size=8, rel_pos_type="latest", **sizes),
        postencoder=None,
        decoder=TransformerDecoder(len(tokens), 8, **sizes),
        ctc=CTC(len(tokens), 8),
        joint_network=None,
        ctc_weight=0.3,
        lsm_weight=0.1,
        report_cer=False,
        report_wer=False,
    )
    return FrozenASR(model, 16000, lambda text: [tokens.index(letter) for letter in text])


@pytest.fixture(scope="session")
def upstream_folder(tmp_path_factory):
    """A random WavLM checkpoint with 4 layers of width 24, 320 samples a frame."""
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("wavlm")
    torch.manual_seed(0)
    config = transformers.WavLMConfig(
        hidden_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16, 16, 16),
        conv_stride=(10, 8, 4),
        conv_kernel=(20, 16, 8),
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        num_codevectors_per_group=4,
        initializer_range=0.2,
    )
    transformers.WavLMModel(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of tiny files need not survive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def waveform(rng: np.random.Generator) -> np.ndarray:
    """0.1 s of noise at 16 kHz, on the grid of 16-bit samples."""
    return (rng.integers(-9000, 9000, 1600) / 32768).astype(np.float32)


@pytest.fixture
def wav(tmp_path: Path, waveform: np.ndarray) -> Path:
    """A 16-bit wav of ``waveform``."""
    write_audio(tmp_path / "a.wav", waveform, 16000)
    return tmp_path / "a.wav"


@pytest.fixture
def make_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a program on PATH: ``make_tool("sox", "cat a.wav")`` is a shell script of that name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def make(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return make


@pytest.fixture
def pairs(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A simulated set of ten utterances of two speakers, without a mistake."""
    ids = [f"spk{speaker}-{number}" for speaker in range(2) for number in range(5)]
    scp: dict[str, dict[str, str]] = {"wav": {}, "spk1": {}}
    for index, name in enumerate(ids):
        for kind in scp:
            path = tmp_path / "audio" / kind / f"{name}.wav"
            write_audio(path, rng.uniform(-0.3, 0.3, 800 + index), 16000)
            scp[kind][name] = str(path)
    path = tmp_path / "data"
    write_datadir(
        path,
        wav_scp=scp["wav"],
        spk1_scp=scp["spk1"],
        text={name: f"words of {name}" for name in ids},
        utt2spk={name: name.split("-")[0] for name in ids},
        utt2snr={name: 5.0 for name in ids},
        utt2num_samples={name: 800 + index for index, name in enumerate(ids)},
    )
    return path


@pytest.fixture
def write_set(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes noises u0, u1 … of given lengths (samples), and returns their scp."""

    def write(num_samples: Sequence[int], rate: int = 16000) -> Path:
        rng = np.random.default_rng(0)
        lines = []
        for index, length in enumerate(num_samples):
            path = tmp_path / "audio" / f"u{index}.wav"
            write_audio(path, 0.1 * rng.standard_normal(length).astype(np.float32), rate)
            lines.append(f"u{index} {path}\n")
        scp = tmp_path / "wav.scp"
        scp.write_text("".join(lines))
        return scp

    return write
