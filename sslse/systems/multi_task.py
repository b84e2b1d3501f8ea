"""Training of enhancement and other tasks on one upstream: speech inversion with enhancement.

One class for all systems of a comparison; the configuration says which parts a system has:

========================  ========  ====================  =====================================
system                    noise     parts                 starts from
========================  ========  ====================  =====================================
clean-trained inversion   none      head                  upstream
noise-aware inversion     yes       head                  upstream
separate enhancement      yes       mask (*)              upstream
cascade, fine-tuned       yes       front, head           separate enhancement, clean inversion
joint                     yes       mask, head            upstream
joint from clean          yes       mask, head            clean inversion
========================  ========  ====================  =====================================

(*) or a decoder, which makes the waveform from the states, wherever there is a mask; or a front.

The head is of tract variables, or of speakers (verification with enhancement), or there are both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from sslse.criteria.snr import SISNRLoss
from sslse.criteria.weighted_sum import WeightedSum
from sslse.downstream.multi_task import MultiTaskModel, MultiTaskOutput
from sslse.downstream.speaker import SpeakerHead
from sslse.downstream.tract_variables import TractVariableHead
from sslse.enhancers import build_enhancer
from sslse.enhancers.base import Enhancer, input_level
from sslse.errors import ConfigError, DataError
from sslse.metrics.pairs import pair_error_rate
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig, System
from sslse.systems.enhancement import EnhancementSystem
from sslse.upstreams import load_upstream


class MultiTaskSystem(System):
    """A shared upstream, an enhancement part, and task heads.

    Args:
        upstream: folder or hub name of the SSL model.
        upstream_training: ``full``; ``partial`` keeps the convolutional front; ``frozen``.
        heads: by name: ``{head: tract_variables, weight: 1.0, …}`` and keys of that head.
        mask: keys of ``SpectralMask``; ``{}`` for its defaults, None for no mask.
        decoder: keys of ``WaveformDecoder``, in place of a mask; ``{}`` for its defaults.
        front: an enhancer before the upstream: folder of a saved one, or ``{name: conv_tasnet, …}``
            for a new one; None has none.
        train_front: whether the front learns, too.
        criteria: of the enhanced waveform, by name: ``{weight: 1.0, criterion: SNRLoss, …}``.
            Both waveforms are divided by the level of the noisy one before.
        enhancement_weight: of the criteria beside the heads' losses.
        init_param: folder of a multi-task model; parts that it has too start from it.
        upstream_lr: learning rate of the upstream as a fraction of that of the other parts.
        optimizer: optimiser and schedule.
        seed: seed of the initial weights and of each step.
        pad_to_30s: of Whisper's encoder, see ``WhisperUpstream``; false is fast on short speech.

    Reference:
        Tabatabaee and Espy-Wilson 2026, arXiv 2601.14516.
    """

    def __init__(
        self,
        upstream: str,
        upstream_training: Literal["full", "partial", "frozen"] = "full",
        heads: dict[str, dict[str, Any]] | None = None,
        mask: dict[str, Any] | None = None,
        decoder: dict[str, Any] | None = None,
        front: str | dict[str, Any] | None = None,
        train_front: bool = True,
        criteria: dict[str, dict[str, Any]] | None = None,
        enhancement_weight: float = 1.0,
        init_param: str | None = None,
        upstream_lr: float = 1.0,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
        pad_to_30s: bool = True,
    ) -> None:
        super().__init__(optimizer, seed)
        head_configs = {name: dict(config) for name, config in (heads or {}).items()}
        self.head_weights = {
            name: float(config.pop("weight", 1.0)) for name, config in head_configs.items()
        }
        network = load_upstream(upstream, pad_to_30s=pad_to_30s)
        torch.manual_seed(seed)
        self.model = MultiTaskModel(
            network, head_configs, mask, _build_front(front), decoder=decoder
        )
        if init_param:
            print(f"from {init_param}: {', '.join(self.model.start_from(init_param))}", flush=True)
        for name, head in self.model.heads.items():
            if head.preparation:
                raise ConfigError(
                    f"model.heads.{name}: gain_db and remove_silence are for a head on its own; "
                    "all tasks of this model hear one waveform, so leave them out"
                )
        network.fix_unused()
        if upstream_training == "frozen":
            network.freeze()
        elif upstream_training == "partial":
            network.freeze_convolutions()
        if self.model.front is not None and not train_front:
            self.model.front.requires_grad_(False)
        if bool(criteria) and not self.model.enhances:
            raise ConfigError(
                "model.criteria are of enhanced speech: give model.mask, decoder or front"
            )
        if not criteria and not head_configs:
            raise ConfigError("nothing to learn: give model.heads or model.criteria")
        self.criterion: WeightedSum | None = None
        if criteria:
            self.criterion = EnhancementSystem.build_criteria(
                criteria, {"SSLMSELoss": ("upstream", upstream)}
            )
        self.enhancement_weight = enhancement_weight
        self.upstream_lr = upstream_lr
        self.si_snr = SISNRLoss()
        if head_configs:
            self.monitor = ("valid/score", "max")

    @property
    def trajectory_names(self) -> tuple[str, ...]:
        """Variables that the heads want in ``batch["tv"]``, in this order."""
        for head in self.model.heads.values():
            if isinstance(head, TractVariableHead):
                return head.names
        return ()

    def setup(self, stage: str) -> None:
        """Refuse a speaker head that is too small for the training set."""
        for head in self.model.heads.values():
            if isinstance(head, SpeakerHead):
                head.check_speakers(len(self.trainer.datamodule.train_set.speakers))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Let the upstream have a learning rate of its own."""
        return self.groups_with_rate(self.model.upstream, self.upstream_lr)

    def losses(
        self, batch: dict[str, Any], result: MultiTaskOutput
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """Return the weighted sum of all tasks over the batch, and its parts."""
        total, numbers = torch.zeros((), device=batch["noisy"].device), {}
        for name, head in self.model.heads.items():
            if head.needs not in batch:
                continue
            loss, parts = head.losses(result.outputs[name], batch)
            total = total + self.head_weights[name] * loss.mean()
            numbers |= {f"{name}_{part}": value.detach().mean() for part, value in parts.items()}
        if self.criterion is not None:
            level = input_level(batch["noisy"])
            loss, parts = self.criterion(result.enhanced / level, batch["clean"] / level)
            total = total + self.enhancement_weight * loss.mean()
            numbers |= parts
        return total, numbers

    def training_losses(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, Any]]:
        """See ``losses``."""
        for name, head in self.model.heads.items():
            if head.needs not in batch:
                raise DataError(
                    f"the head '{name}' needs '{head.needs}', which the training data do not give "
                    "(tv.scp for trajectories, utt2spk for speakers)"
                )
        return self.losses(batch, self.model(batch["noisy"]))

    def on_validation_epoch_start(self) -> None:
        """Forget the embeddings of the validation before."""
        self.embeddings: dict[str, list[np.ndarray]] = {
            name: [] for name, head in self.model.heads.items() if isinstance(head, SpeakerHead)
        }
        self.strangers: list[int] = []
        self.ranks: list[float] = []

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The losses, the heads' scores (their mean ranks checkpoints) and SI-SNR."""
        result = self.model(batch["noisy"])
        loss, numbers = self.losses(batch, result)
        numbers["loss"] = float(loss)
        ranks = []
        for name, head in self.model.heads.items():
            if head.needs not in batch:
                continue
            scores = head.scores(result.outputs[name], batch)
            if "score" in scores:
                ranks.append(scores.pop("score"))
            numbers |= {f"{name}_{key}": value for key, value in scores.items()}
        if self.model.heads:
            numbers["score"] = sum(ranks) / len(ranks) if ranks else -numbers["loss"]
        if result.enhanced is not None:
            numbers["si_snr_db"] = -float(self.si_snr(result.enhanced, batch["clean"]).mean())
        if self.embeddings and "stranger" in batch:
            # Verification has a score of the whole set only: 'score' waits for it.
            self.strangers += batch["stranger"].tolist()
            for name, rows in self.embeddings.items():
                rows.append(result.outputs[name].float().cpu().numpy())
            self.ranks += ranks
            numbers.pop("score")
        self.log_numbers("valid", numbers)

    def on_validation_epoch_end(self) -> None:
        """The equal error rate of every two utterances of the set, where a head verifies."""
        if not self.strangers:
            return
        numbers, scores = {}, [float(np.mean(self.ranks))] if self.ranks else []
        for name, rows in self.embeddings.items():
            rate = pair_error_rate(np.concatenate(rows), np.array(self.strangers))
            if rate is None:
                raise DataError(
                    f"the validation set cannot rank the head '{name}': its utterances are all of "
                    "one speaker, or no two of them are of one"
                )
            numbers[f"{name}_eer"] = rate
            scores.append(1 - rate)
        self.log_numbers("valid", {**numbers, "score": float(np.mean(scores))})

    def export(self, directory: Path) -> list[Path]:
        """Write ``model/`` and, where the system enhances, ``enhancer/``."""
        written = [directory / "model"]
        self.model.save_pretrained(written[0])
        enhancer = self.model.enhancer()
        if enhancer is not None:
            written.append(directory / "enhancer")
            enhancer.save_pretrained(written[-1])
        return written


def _build_front(front: str | dict[str, Any] | None) -> Enhancer | None:
    if front is None:
        return None
    if isinstance(front, str):
        return Enhancer.from_pretrained(front)
    config = dict(front)
    if "name" not in config:
        raise ConfigError(
            "model.front is the folder of an enhancer, or needs a 'name' for a new one; it has "
            f"{sorted(config)}"
        )
    return build_enhancer(config.pop("name"), **config)
