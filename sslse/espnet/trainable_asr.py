"""A trained ESPnet recogniser that goes on learning, behind an enhancer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sslse.errors import ConfigError
from sslse.espnet.differentiable_asr import DifferentiableASR
from sslse.espnet.model_folder import find_model, read_config
from sslse.runtime.atomic import atomic_open, atomic_path

WEIGHTS_NAME = "joint.ave.pth"  # found by the patterns of ESPnetRecognizer
CONFIG_NAME = "config.yaml"


class TrainableASR(DifferentiableASR):
    """An ASR model whose weights have gradients.

    ``loss`` follows the mode of the module: in training with dropout, batch statistics and the
    SpecAugment of the model. ``encode`` always runs in evaluation mode, because vectors of two
    signals can only be compared without chance in them.

    Args:
        model: an ``ESPnetASRModel``.
        sample_rate: Hz.
        encode_text: transcript to token ids.
        exact: utterances of different lengths one by one; False: the padded batch at once.

    Example:
        ``asr = TrainableASR.from_folder("exp/asr")``, then train, then
        ``asr.save_pretrained("exp/joint/asr")``
    """

    def __init__(
        self,
        model: nn.Module,
        sample_rate: int,
        encode_text: Callable[[str], list[int]],
        exact: bool = False,
    ) -> None:
        super().__init__(model, sample_rate, encode_text, exact)
        # Found while the model is still in evaluation mode, where they do not depend on chance.
        self.shortest, self.downsample_rate  # noqa: B018 (cached properties)
        self.config: dict[str, Any] | None = None

    @classmethod
    def from_folder(
        cls, path: str | Path, checkpoint: str | None = None, exact: bool = False
    ) -> TrainableASR:
        """Load the folder of a training; see ``DifferentiableASR.from_folder``."""
        asr = super().from_folder(path, checkpoint, exact)
        asr.config = read_config(find_model(Path(path), checkpoint)[0])
        return asr

    def encode(self, waveform: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return encoder vectors; see ``DifferentiableASR.encode``."""
        training = self.training
        self.train(False)
        try:
            return super().encode(waveform, lengths)
        finally:
            self.train(training)

    def save_pretrained(self, directory: str | os.PathLike) -> None:
        """Write an ESPnet folder that ``sslse decode --recognizer espnet`` reads.

        Raises:
            ConfigError: the model did not come from a folder, so its configuration is not known.
        """
        import yaml

        if self.config is None:
            raise ConfigError("only an ASR loaded by from_folder can be saved as a folder")
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        config = dict(self.config)
        if config.get("token_type") == "bpe" and config.get("bpemodel"):
            config["bpemodel"] = _bring(Path(config["bpemodel"]), directory)
        normalize = config.get("normalize_conf") or {}
        if normalize.get("stats_file"):
            stats = _bring(Path(normalize["stats_file"]), directory)
            config["normalize_conf"] = {**normalize, "stats_file": stats}
        with atomic_path(directory / WEIGHTS_NAME) as temporary:
            torch.save(self.model.state_dict(), temporary)
        with atomic_open(directory / CONFIG_NAME) as stream:
            yaml.safe_dump(config, stream)


def _bring(path: Path, directory: Path) -> str:
    """Copy a file beside the configuration; return its bare name."""
    with atomic_path(directory / path.name) as temporary:
        shutil.copyfile(path, temporary)
    return path.name
