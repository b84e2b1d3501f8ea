"""Training of an enhancer: pre-training with one criterion, fine-tuning with a weighted sum of
several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from sslse.criteria import build_criterion
from sslse.criteria.snr import SISNRLoss, SNRLoss
from sslse.criteria.weighted_sum import WeightedSum
from sslse.enhancers import build_enhancer
from sslse.enhancers.base import Enhancer
from sslse.errors import ConfigError
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig, System


class EnhancementSystem(System):
    """An enhancer and the criteria that it is trained with.

    Args:
        enhancer: ``{name: conv_tasnet, …}`` for a new one; ignored where ``init_param`` is given.
        criteria: by name: ``{weight: 1.0, criterion: SNRLoss, …}``.
        init_param: folder of an enhancer to start from.
        upstream: folder or hub name of the SSL model of the criteria that need one.
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
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
    ) -> None:
        super().__init__(optimizer, seed)
        if init_param:
            self.enhancer = Enhancer.from_pretrained(init_param)
        elif enhancer:
            config = dict(enhancer)
            if "name" not in config:
                raise ConfigError(f"model.enhancer needs a 'name'; it has {sorted(config)}")
            torch.manual_seed(seed)
            self.enhancer = build_enhancer(config.pop("name"), **config)
        else:
            raise ConfigError("give model.enhancer (a new one) or model.init_param (a folder)")
        self.criterion = self.build_criteria(criteria, upstream)
        self.gradient_norm_every = gradient_norm_every
        self.snr = SNRLoss()
        self.si_snr = SISNRLoss()

    @staticmethod
    def build_criteria(specs: dict[str, dict[str, Any]], upstream: str | None) -> WeightedSum:
        """Build criteria from ``{name: {weight, criterion, …}}``."""
        parts = {}
        for name, spec in specs.items():
            config = dict(spec)
            if "criterion" not in config:
                raise ConfigError(f"model.criteria.{name} needs a 'criterion' (its class name)")
            weight = float(config.pop("weight", 1.0))
            kind = config.pop("criterion")
            if kind == "SSLMSELoss":
                if not (upstream or config.get("upstream")):
                    raise ConfigError(f"model.criteria.{name} needs --model.upstream FOLDER")
                config.setdefault("upstream", upstream)
            parts[name] = (build_criterion(kind, **config), weight)
        return WeightedSum(parts)

    def training_losses(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        """Weighted sum of the criteria over the batch, and each part beside it."""
        enhanced = self.enhancer(batch["noisy"])
        every = self.gradient_norm_every
        measure = bool(every) and self.global_step % every == 0
        total, parts = self.criterion(enhanced, batch["clean"], gradient_norms=measure)
        return total.mean(), {name: float(value) for name, value in parts.items()}

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Each criterion, SNR and SI-SNR on whole utterances."""
        enhanced = self.enhancer(batch["noisy"])
        total, parts = self.criterion(enhanced, batch["clean"])
        numbers = {name: float(value) for name, value in parts.items()}
        numbers["loss"] = float(total.mean())
        numbers["snr_db"] = -float(self.snr(enhanced, batch["clean"]).mean())
        numbers["si_snr_db"] = -float(self.si_snr(enhanced, batch["clean"]).mean())
        self.log_numbers("valid", numbers)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave frozen SSL models out: they are folders of their own."""
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {k: v for k, v in state.items() if ".upstream." not in k}

    def load_state_dict(
        self, state_dict: dict[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Load everything but the weights of frozen SSL models, which have not changed."""
        frozen = {k: v for k, v in self.state_dict().items() if ".upstream." in k}
        return super().load_state_dict({**frozen, **state_dict}, strict=strict, assign=assign)

    def export(self, directory: Path) -> list[Path]:
        """Write ``enhancer/``."""
        self.enhancer.save_pretrained(directory / "enhancer")
        return [directory / "enhancer"]
