"""Speech recognition models trained by ESPnet, whatever their encoder, decoder and tokens."""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sslse.errors import AudioError, ConfigError, MissingPackageError
from sslse.recognizers.base import Recognizer

#: Keys that the configuration of an ESPnet ASR training always has.
ASR_KEYS = ("token_list", "ctc_conf", "encoder")
#: Which weights are taken when there are several, best first.
CHECKPOINT_PATTERNS = (
    "valid.*.ave.pth",
    "*.ave.pth",
    "*.ave_*best.pth",
    "valid.*.best.pth",
    "*.best.pth",
    "latest.pth",
)


class ESPnetRecognizer(Recognizer):
    """An ESPnet ASR folder: ``config.yaml`` and weights.

    A model without decoder (pure CTC) is decoded greedily; the others by ESPnet's beam search.
    Utterances are decoded one by one, because some ESPnet encoders let padding reach into real
    frames.

    Args:
        model: folder of the training (``config.yaml``, ``valid.*.ave.pth`` …) or of an unpacked
            ESPnet model with ``meta.yaml``.
        checkpoint: file name of the weights in that folder; default: the averaged, else the best.
        beam_size: hypotheses kept by the beam search.
        ctc_weight: weight of CTC against the attention decoder in the beam search.
        greedy: best path of CTC without any search; default: only when there is no decoder.
        search_type: beam search of a transducer: ``default``, ``tsd`` (time synchronous), ``alsd``
            (alignment-length synchronous), ``nsc`` or ``maes`` (adaptive expansion).
        device: where the model runs.

    Raises:
        ConfigError: the folder lacks a file, or holds a model of another task.
    """

    def __init__(
        self,
        model: str | Path,
        checkpoint: str | None = None,
        beam_size: int = 10,
        ctc_weight: float = 0.3,
        greedy: bool | None = None,
        search_type: str = "default",
        device: str = "cpu",
    ) -> None:
        config_path, weights = find_model(Path(model), checkpoint)
        config = read_config(config_path)
        self.greedy = config.get("decoder") is None if greedy is None else greedy
        transducer = config.get("decoder") == "transducer"
        if not transducer and search_type != "default":
            raise ConfigError(f"{config_path} is no transducer, so it has no search_type")
        with quiet():
            self.speech2text = _build(
                config,
                transducer_conf={"search_type": search_type} if transducer else None,
                device=device,
                beam_size=beam_size,
                ctc_weight=1.0 if config.get("decoder") is None else ctc_weight,
            )
        self.model = self.speech2text.asr_model
        load_weights(self.model, weights)
        self.device = device
        self.sample_rate = sample_rate_of(config)

    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """See :meth:`sslse.recognizers.base.Recognizer.recognize`."""
        from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError

        texts = []
        for waveform in waveforms:
            try:
                texts.append(self._greedy(waveform) if self.greedy else self._search(waveform))
            except (TooShortUttError, RuntimeError) as error:
                reason = " ".join(str(error).split())[:200]
                raise AudioError(
                    f"ESPnet cannot recognise these {len(waveform)} samples: {reason}"
                ) from error
        return texts

    def _greedy(self, waveform: np.ndarray) -> str:
        import torch

        speech = torch.from_numpy(np.ascontiguousarray(waveform))[None].to(self.device)  # (1, T)
        lengths = torch.tensor([speech.shape[1]], device=self.device)
        with torch.no_grad():
            encoded, _ = self.model.encode(speech, lengths)
            # An encoder with intermediate CTC returns (output, intermediate outputs).
            encoded = encoded[0] if isinstance(encoded, tuple) else encoded  # (1, F, D)
            path = self.model.ctc.argmax(encoded)[0].tolist()
        skipped = (self.model.blank_id, self.model.sos, self.model.eos)
        ids = [token for token, _ in itertools.groupby(path) if token not in skipped]
        tokens = self.speech2text.converter.ids2tokens(ids)
        return self.speech2text.tokenizer.tokens2text(tokens)

    def _search(self, waveform: np.ndarray) -> str:
        results = self.speech2text(np.ascontiguousarray(waveform))
        # With intermediate CTC, ESPnet returns a pair.
        nbest = results[0] if isinstance(results, tuple) else results
        return nbest[0][0] or "" if nbest else ""


def find_model(folder: Path, checkpoint: str | None = None) -> tuple[Path, Path]:
    """Return the configuration and the weights of an ESPnet folder.

    Args:
        folder: of a training, or of an unpacked model with ``meta.yaml``.
        checkpoint: file name of the weights; default: by ``CHECKPOINT_PATTERNS``.

    Raises:
        ConfigError: one of the two is missing.
    """
    import yaml

    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder; give the folder of an ESPnet ASR training")
    if (folder / "meta.yaml").exists():
        meta = yaml.safe_load((folder / "meta.yaml").read_text()) or {}
        named = {**meta.get("yaml_files", {}), **meta.get("files", {})}
        if {"asr_train_config", "asr_model_file"} <= set(named):
            return folder / named["asr_train_config"], folder / named["asr_model_file"]
    config = folder / "config.yaml"
    if not config.exists():
        raise ConfigError(
            f"{folder} has no config.yaml; give the folder of an ESPnet ASR training "
            "(config.yaml and valid.*.ave.pth)"
        )
    if checkpoint is not None:
        if not (folder / checkpoint).exists():
            raise ConfigError(f"{folder} has no file {checkpoint}")
        return config, folder / checkpoint
    for pattern in CHECKPOINT_PATTERNS:
        # A link that lost its target does not exist.
        found = sorted(path for path in folder.glob(pattern) if path.exists())
        if found:
            return config, found[0]
    raise ConfigError(
        f"{folder} has no weights (valid.*.ave.pth, valid.*.best.pth …); its training has not ended"
    )


def read_config(path: Path) -> dict[str, Any]:
    """Read the ``config.yaml`` of an ESPnet ASR training, with its token list and BPE model.

    Raises:
        ConfigError: it cannot be read, is of another task, or lacks its token list or BPE model.
    """
    import yaml

    try:
        config = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is no YAML file: {error}") from error
    missing = [key for key in ASR_KEYS if not isinstance(config, dict) or key not in config]
    if missing:
        raise ConfigError(
            f"{path} is not of an ESPnet ASR training: it has no '{missing[0]}' (the tasks "
            "enh, lm, tts … have configurations of their own)"
        )
    # ESPnet stores the list itself; an older or edited file may name a file instead.
    if isinstance(config["token_list"], str):
        tokens = _resolve(config["token_list"], path.parent, "token list")
        config["token_list"] = tokens.read_text().splitlines()
    elif not isinstance(config["token_list"], list):
        raise ConfigError(
            f"{path} has no token list; copy the 'token_list' of the training into it"
        )
    if config.get("token_type") == "bpe" and config.get("bpemodel"):
        config["bpemodel"] = str(_resolve(config["bpemodel"], path.parent, "BPE model"))
    normalize = config.get("normalize_conf") or {}
    if normalize.get("stats_file"):
        stats = _resolve(normalize["stats_file"], path.parent, "feature statistics")
        config["normalize_conf"] = {**normalize, "stats_file": str(stats)}
    return config


def _resolve(name: str, folder: Path, what: str) -> Path:
    """Find a file where the training had it (also from the root of an unpacked model), or under
    its bare name beside the configuration."""
    roots = (folder, *folder.absolute().parents[:3])
    for candidate in (Path(name), *(root / name for root in roots), folder / Path(name).name):
        if candidate.is_file():
            return candidate
    raise ConfigError(
        f"the {what} {name} of {folder}/config.yaml is missing; copy it into {folder}"
    )


def _build(config: dict[str, Any], **options: Any) -> Any:
    """Build ESPnet's Speech2Text with random weights."""
    import tempfile

    import yaml

    from sslse.recognizers.warprnnt import provide

    provide()
    try:
        from espnet2.bin.asr_inference import Speech2Text
    except ImportError as error:
        raise MissingPackageError(
            f"recogniser 'espnet' needs the package espnet: pip install espnet ({error})"
        ) from error
    # ESPnet reads the configuration from a file; this one has its paths resolved.
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as stream:
        yaml.safe_dump(config, stream)
        stream.flush()
        try:
            return Speech2Text(asr_train_config=stream.name, asr_model_file=None, **options)
        except SystemExit as error:
            # ESPnet leaves the interpreter when an optional package of a model is missing.
            raise MissingPackageError(
                "ESPnet cannot build this model because one of its optional packages is missing"
            ) from error


def load_weights(model: Any, path: Path) -> None:
    """Load the weights of an ESPnet model, all of them, and set it to evaluation.

    Raises:
        ConfigError: the file is damaged or belongs to another model.
    """
    import pickle
    import zipfile

    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state.get("module", state))
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"{path} cannot be loaded as the weights of its config.yaml: {reason}"
        ) from error
    model.eval()


def sample_rate_of(config: dict[str, Any]) -> int:
    """Return the sampling rate (Hz) that a configuration expects."""
    rate = (config.get("frontend_conf") or {}).get("fs", 16000)
    if isinstance(rate, str):  # "16k"
        rate = float(rate[:-1]) * 1000 if rate.endswith("k") else float(rate)
    return int(rate)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """ESPnet prints its model and the warnings of many packages while it is imported and built."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stdout(io.StringIO()):
                yield
    finally:
        root.setLevel(level)
