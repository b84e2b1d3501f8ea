"""Training of an enhancer: pre-training with one criterion, fine-tuning with a weighted sum of
several."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from sslse.criteria import build_criterion
from sslse.criteria.snr import SISNRLoss, SNRLoss
from sslse.criteria.weighted_sum import WeightedSum
from sslse.enhancers import ENHANCERS, build_enhancer
from sslse.enhancers.base import Enhancer
from sslse.errors import ConfigError
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig, System


def new_enhancer(enhancer: Mapping[str, Any]) -> Enhancer:
    """Build the enhancer of ``{name: conv_tasnet, …}`` with fresh weights.

    Raises:
        ConfigError: the configuration has no name, or a key that its class does not know.
    """
    config = dict(enhancer)
    if "name" not in config:
        raise ConfigError(f"model.enhancer needs a 'name'; it has {sorted(config)}")
    return build_enhancer(config.pop("name"), **config)


def start_enhancer(
    enhancer: Mapping[str, Any] | None, init_param: str | None, seed: int
) -> Enhancer:
    """Load the enhancer of a folder, or build a new one whose weights depend on the seed alone.

    Raises:
        ConfigError: neither is given, or as for ``new_enhancer``.
    """
    if init_param:
        own = enhancer and ":" in str(enhancer.get("name"))  # a class of the user's own
        kind = ENHANCERS.find(enhancer["name"]) if own else Enhancer
        return kind.from_pretrained(init_param)
    if not enhancer:
        raise ConfigError("give model.enhancer (a new one) or model.init_param (a folder)")
    torch.manual_seed(seed)
    return new_enhancer(enhancer)


class EnhancementSystem(System):
    """An enhancer and the criteria that it is trained with.

    Args:
        enhancer: ``{name: conv_tasnet, …}`` for a new one (``name: MODULE:CLASS`` for one of your
            own); ignored where ``init_param`` is given.
        criteria: by name: ``{weight: 1.0, criterion: SNRLoss, …}``.
        alpha: multi-task weight, 0 to 1, of the criterion named ``snr`` against the one other:
            α · snr + (1 − α) · other, each times its own ``weight``; None: the weights alone.
        init_param: folder of an enhancer to start from.
        upstream: folder or hub name of the SSL model of the criteria that need one.
        asr: folder of the ESPnet recogniser of the criteria that need one.
        gradient_norm_every: steps between measurements of each part's gradient norm; 0 disables.
        optimizer: optimiser and schedule.
        seed: seed of the initial weights and of each step.

    Reference:
        Sato et al. 2025, Front. Signal Process. 5:1587969 (pre-training, then multi-task
        fine-tuning).
    """

    def __init__(
        self,
        criteria: dict[str, dict[str, Any]],
        enhancer: dict[str, Any] | None = None,
        init_param: str | None = None,
        upstream: str | None = None,
        gradient_norm_every: int = 100,
        alpha: float | None = None,
        asr: str | None = None,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
    ) -> None:
        super().__init__(optimizer, seed)
        self.enhancer = start_enhancer(enhancer, init_param, seed)
        frozen = {"SSLMSELoss": ("upstream", upstream), "ASRLoss": ("asr", asr)}
        self.criterion = self.build_criteria(interpolate(criteria, alpha), frozen)
        self._check_rates()
        self.gradient_norm_every = gradient_norm_every
        self.snr = SNRLoss()
        self.si_snr = SISNRLoss()

    @staticmethod
    def build_criteria(
        specs: dict[str, dict[str, Any]],
        frozen: Mapping[str, tuple[str, str | None]] = MappingProxyType({}),
    ) -> WeightedSum:
        """Build the criteria of a configuration; ``frozen``: default model of those with one."""
        parts = {}
        for name, spec in specs.items():
            config = dict(spec)
            if "criterion" not in config:
                raise ConfigError(
                    f"model.criteria.{name} needs a 'criterion' (its class name); to change a key "
                    "of it alone, lay a YAML file over the configuration (another --config)"
                )
            weight = float(config.pop("weight", 1.0))
            kind = config.pop("criterion")
            if kind in frozen:
                key, folder = frozen[kind]
                if not (folder or config.get(key)):
                    raise ConfigError(f"model.criteria.{name} needs --model.{key} FOLDER")
                config.setdefault(key, folder)
            parts[name] = (build_criterion(kind, **config), weight)
        return WeightedSum(parts)

    def _check_rates(self) -> None:
        """Refuse frozen models of another sampling rate than the enhancer's."""
        wanted = self.enhancer.sample_rate
        for name, criterion in self.criterion.criteria.items():
            for key in ("upstream", "asr"):
                rate = getattr(getattr(criterion, key, None), "sample_rate", wanted)
                if rate != wanted:
                    raise ConfigError(
                        f"the {key} of model.criteria.{name} works at {rate} Hz but the enhancer "
                        f"at {wanted} Hz; take models of one sampling rate"
                    )

    def setup(self, stage: str) -> None:
        """Refuse data of another sampling rate than the enhancer's.

        Raises:
            ConfigError: naming both.
        """
        own, data = self.enhancer.sample_rate, self.trainer.datamodule
        if data is not None and data.sample_rate != own:
            raise ConfigError(
                f"the enhancer works at {own} Hz but the data at {data.sample_rate} Hz; set "
                f"data.sample_rate to {own} and make the data at that rate, or take another "
                "enhancer"
            )

    def compare(
        self, enhanced: torch.Tensor, batch: dict[str, Any], gradient_norms: bool = False
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the weighted sum of the criteria for each utterance, and its parts."""
        return self.criterion(
            enhanced,
            batch["clean"],
            batch.get("clean_lengths"),
            gradient_norms=gradient_norms,
            noisy=batch["noisy"],
            text=batch.get("text"),
        )

    def training_losses(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, Any]]:
        """Weighted sum of the criteria over the batch, and each part beside it."""
        enhanced = self.enhancer(batch["noisy"])
        every = self.gradient_norm_every
        measure = bool(every) and self.global_step % every == 0
        total, parts = self.compare(enhanced, batch, gradient_norms=measure)
        return total.mean(), parts

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Each criterion, SNR and SI-SNR on whole utterances."""
        enhanced = self.enhancer(batch["noisy"])
        total, parts = self.compare(enhanced, batch)
        numbers = {**parts, "loss": total.mean()}
        numbers["snr_db"] = -self.snr(enhanced, batch["clean"]).mean()
        numbers["si_snr_db"] = -self.si_snr(enhanced, batch["clean"]).mean()
        self.log_numbers("valid", numbers)

    def export(self, directory: Path) -> list[Path]:
        """Write ``enhancer/``."""
        self.enhancer.save_pretrained(directory / "enhancer")
        return [directory / "enhancer"]


def interpolate(
    criteria: dict[str, dict[str, Any]], alpha: float | None
) -> dict[str, dict[str, Any]]:
    """Return the specifications with α and 1 − α in their weights.

    Example:
        >>> specs = {"ssl": {"criterion": "SSLMSELoss", "weight": 10.0}, "snr": {}}
        >>> {name: spec["weight"] for name, spec in interpolate(specs, 0.25).items()}
        {'ssl': 7.5, 'snr': 0.25}
    """
    if alpha is None:
        return criteria
    if len(criteria) != 2 or "snr" not in criteria or not 0 <= alpha <= 1:
        raise ConfigError(
            f"model.alpha {alpha} needs a number from 0 to 1 and two criteria, one of them named "
            f"'snr'; there are: {', '.join(criteria)}"
        )
    return {
        name: {
            **spec,
            "weight": float(spec.get("weight", 1.0)) * (alpha if name == "snr" else 1 - alpha),
        }
        for name, spec in criteria.items()
    }
