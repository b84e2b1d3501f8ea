"""Training of an enhancer in front of a recogniser: with its training loss, by gradient surgery, in
two phases, or with the encoder vectors and acoustic tokens of the frozen recogniser."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sslse.criteria.cbpc import ContrastiveTokenizerLoss
from sslse.criteria.encoder import EncoderLoss
from sslse.criteria.snr import SISNRLoss, SNRLoss
from sslse.enhancers.base import input_level
from sslse.errors import ConfigError
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig, System
from sslse.systems.enhancement import start_enhancer
from sslse.systems.gradient_conflict import (
    Gradients,
    add_up,
    cosine,
    inner,
    loss_gradients,
    project_off,
)
from sslse.transfer import beside

PARTS = ("nsnr", "encoder", "contrastive", "asr")


@dataclass
class FirstPhase:
    """The first phase of asynchronous sub-region optimisation.

    Args:
        steps: its length; 0: there is none.
        weights: of the losses, as for the whole training.
        train_asr: whether the recogniser learns in it too.
    """

    steps: int = 0
    weights: dict[str, float] = field(default_factory=lambda: {"nsnr": 1.0, "encoder": 1.0})
    train_asr: bool = False


NO_FIRST_PHASE = FirstPhase()


class JointEnhancement(System):
    """An enhancer, a recogniser behind it, and a weighted sum of losses on both.

    The losses, each the mean over the utterances of a batch:

    - ``nsnr``: negative SNR of the enhanced waveform in dB;
    - ``encoder``: squared distance of the encoder vectors of enhanced and of clean speech;
    - ``contrastive``: the acoustic tokens' cross-entropy, CBPC and infoNCE (``theta``, ``delta``);
    - ``asr``: the recogniser's own training loss on enhanced speech; it needs transcripts.

    Joint-Straight is {nsnr, asr}, Joint-ASO the same after a ``first_phase`` with {nsnr, encoder},
    Joint-Grad the same with ``surgery``; all of them with ``train_asr``. Joint-Token is {nsnr,
    encoder, contrastive} with ``theta`` 1, the proposed training the same with ``theta`` 0.7.

    For the statistics of conflicts, the side of the enhancer is ``nsnr`` and the side of the
    recogniser all other losses together, both weighted, on the weights of the enhancer.

    Args:
        weights: of the losses by name; a loss without weight is not computed.
        asr: folder of an ESPnet recogniser; not needed for ``nsnr`` alone.
        tokenizer: folder of an acoustic tokenizer on the vectors of ``asr``.
        enhancer: ``{name: dccrn, …}`` for a new one; ignored where ``init_param`` is given.
        init_param: folder of an enhancer to start from.
        train_asr: whether the recogniser learns, too; else it stays as it is, bit for bit.
        asr_learning_rate: factor on the learning rate for the recogniser.
        asr_exact: the recogniser takes utterances of different lengths one by one, so that padding
            reaches none of its vectors; False: the padded batch at once.
        surgery: remove from the gradient of ``nsnr`` what points against that of the recogniser's
            side.
        first_phase: phase with other weights at the beginning.
        reduction: of ``encoder`` and ``contrastive`` over the frames of an utterance: ``sum``, as
            printed, whose size beside ``nsnr`` grows with the length, or ``mean``.
        contrastive: other options of ``ContrastiveTokenizerLoss``.
        nsnr: options of ``SNRLoss``.
        conflict_every: steps between measurements of the conflict; 0 disables. With ``surgery`` it
            is measured in every step.
        optimizer: optimiser and schedule.
        seed: seed of the initial weights and of each step.

    Raises:
        ConfigError: losses without what they need, or models that do not fit together.

    Reference:
        Lee and Kim 2024, Sensors 24(8):2573: equation (11), Tables 1 to 4; for the two phases Lee
        and Kim 2022, Sensors 22(14):5381.
    """

    def __init__(
        self,
        weights: dict[str, float],
        asr: str | None = None,
        tokenizer: str | None = None,
        enhancer: dict[str, Any] | None = None,
        init_param: str | None = None,
        train_asr: bool = False,
        asr_learning_rate: float = 1.0,
        asr_exact: bool | None = None,
        surgery: bool = False,
        first_phase: FirstPhase = NO_FIRST_PHASE,
        reduction: Literal["sum", "mean"] = "sum",
        contrastive: dict[str, Any] | None = None,
        nsnr: dict[str, Any] | None = None,
        conflict_every: int = 100,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
    ) -> None:
        super().__init__(optimizer, seed)
        self.weights = _check_weights("model.weights", weights)
        self.first_phase = first_phase
        self.first_weights = _check_weights("model.first_phase.weights", first_phase.weights)
        self.train_asr = train_asr
        self.asr_learning_rate = asr_learning_rate
        self.surgery = surgery
        self.conflict_every = conflict_every
        if contrastive and "reduction" in contrastive:
            raise ConfigError("model.contrastive has no key 'reduction': set model.reduction")
        self._check_options()
        self.enhancer = start_enhancer(enhancer, init_param, seed)
        self.asr = self._load_asr(asr, asr_exact)
        self.tokenizer = self._load_tokenizer(tokenizer)
        self.nsnr = SNRLoss(**(nsnr or {}))
        self.encoder_loss = EncoderLoss(reduction)
        self.contrastive_loss = ContrastiveTokenizerLoss(reduction=reduction, **(contrastive or {}))
        self.snr, self.si_snr = SNRLoss(), SISNRLoss()
        # Gradients are averaged here, not by DDP, where they are taken apart or where a part of the
        # recogniser may have none.
        self.own_backward = surgery or train_asr
        self.sides: dict[str, Tensor] = {}

    def uses(self, part: str) -> bool:
        """Say whether a loss is computed in some phase."""
        first = self.first_weights if self.first_phase.steps else {}
        return part in self.weights or part in first

    def _check_options(self) -> None:
        if self.surgery and not ({"nsnr"} < self.weights.keys()):
            raise ConfigError("model.surgery needs a weight for nsnr and for another loss")
        if self.train_asr and not self.uses("asr"):
            raise ConfigError("model.train_asr needs a weight for the loss 'asr'")

    def _load_asr(self, folder: str | None, exact: bool | None) -> nn.Module | None:
        if not any(self.uses(part) for part in PARTS if part != "nsnr"):
            return None
        if folder is None:
            raise ConfigError(
                "these losses need a recogniser: give model.asr, an ESPnet ASR folder"
            )
        from sslse.espnet.frozen_asr import FrozenASR
        from sslse.espnet.trainable_asr import TrainableASR

        kind = TrainableASR if self.train_asr else FrozenASR
        asr = kind.from_folder(folder, exact=not self.train_asr if exact is None else exact)
        if asr.sample_rate != self.enhancer.sample_rate:
            raise ConfigError(
                f"the recogniser {folder} takes {asr.sample_rate} Hz but the enhancer gives "
                f"{self.enhancer.sample_rate} Hz"
            )
        return asr

    def _load_tokenizer(self, folder: str | None) -> nn.Module | None:
        if not self.uses("contrastive"):
            return None
        if folder is None:
            raise ConfigError("the loss 'contrastive' needs model.tokenizer, a tokenizer's folder")
        from sslse.tokens.tokenizer import Tokenizer

        tokenizer = Tokenizer.from_pretrained(folder)
        tokenizer.check_encoder(self.asr)
        return tokenizer.freeze()

    def current_weights(self) -> dict[str, float]:
        """Return the weights of this step's phase."""
        return self.first_weights if self._in_first_phase() else self.weights

    def _in_first_phase(self) -> bool:
        return self.global_step < self.first_phase.steps

    def enhance(self, noisy: Tensor, lengths: Tensor | None) -> Tensor:
        """Enhance waveforms by the level of their own samples, without the padding."""
        if lengths is None:
            return self.enhancer(noisy)
        level = input_level(noisy) * (noisy.shape[1] / beside(lengths, noisy)[:, None]).sqrt()
        return self.enhancer(noisy, level)

    def loss_parts(
        self, batch: dict[str, Any], weights: dict[str, float]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
        """Return the unweighted losses with gradient, numbers to log, and the enhanced speech."""
        clean, lengths = batch["clean"], batch.get("clean_lengths")
        enhanced = self.enhance(batch["noisy"], lengths)
        parts, numbers = {}, {}
        if "nsnr" in weights:
            parts["nsnr"] = self.nsnr(enhanced, clean, lengths).mean()
        if "encoder" in weights or "contrastive" in weights:
            vectors, frames = self.asr.encode(enhanced, lengths)
            with torch.no_grad():
                reference, _ = self.asr.encode(clean, lengths)
        if "encoder" in weights:
            parts["encoder"] = self.encoder_loss(vectors, reference, frames).mean()
        if "contrastive" in weights:
            with torch.no_grad():
                keys, labels = self.tokenizer(reference), self.tokenizer.labels(reference)
            anchors = self.tokenizer(vectors)
            loss, terms = self.contrastive_loss.with_parts(anchors, keys, labels, frames)
            parts["contrastive"] = loss.mean()
            numbers.update({name: term.mean() for name, term in terms.items()})
        if "asr" in weights:
            if "text" not in batch:
                raise ConfigError(
                    "the loss 'asr' needs transcripts: set data.crop_seconds to null and give "
                    "data directories with text"
                )
            tokens = self.asr.tokenize_batch(batch["text"])
            parts["asr"] = self.asr.loss(enhanced, lengths, *tokens).mean()
        numbers.update({name: value.detach() for name, value in parts.items()})
        return parts, numbers, enhanced

    def training_losses(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Any]]:
        """Return the weighted sum of this phase, its parts, and the conflict when it is due."""
        weights = self.current_weights()
        parts, numbers, _ = self.loss_parts(batch, weights)
        sides: dict[str, list[Tensor]] = {}
        for name, value in parts.items():
            sides.setdefault("se" if name == "nsnr" else "asr", []).append(weights[name] * value)
        self.sides = {name: torch.stack(values).sum() for name, values in sides.items()}
        every = self.conflict_every
        if not self.surgery and every and self.global_step % every == 0:
            numbers.update(self._measure_conflict())
        return torch.stack(list(self.sides.values())).sum(), numbers

    def _measure_conflict(self) -> dict[str, Tensor]:
        if len(self.sides) < 2:
            return {}
        parameters = [p for p in self.enhancer.parameters() if p.requires_grad]
        return conflict_numbers(
            *(loss_gradients(self.sides[name], parameters, True) for name in ("se", "asr"))
        )

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Fill in the gradients; by surgery where that is asked for."""
        if not self.own_backward:
            super().backward(loss, *args, **kwargs)
            return
        parameters = self.learning_parameters()
        if self.surgery and len(self.sides) == 2:
            gradients = self._operate(parameters)
        else:
            total = torch.stack(list(self.sides.values())).sum()
            gradients = loss_gradients(total, parameters, keep_graph=False)
        share = 1 / self.trainer.accumulate_grad_batches
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is None:
                continue
            # A fused optimiser reads memory in order: gradients must lie as their parameters do.
            own = torch.empty_like(parameter).copy_(share * gradient)
            parameter.grad = own if parameter.grad is None else parameter.grad + own

    def _operate(self, parameters: list[nn.Parameter]) -> Gradients:
        """Return the sum of both gradients, that of the enhancer's side projected."""
        se = loss_gradients(self.sides["se"], parameters, keep_graph=True)
        asr = loss_gradients(self.sides["asr"], parameters, keep_graph=False)
        # Only the enhancer, which comes first, has gradients of both sides.
        shared = sum(p.requires_grad for p in self.enhancer.parameters())
        self.unread[-1][1].update(conflict_numbers(se[:shared], asr[:shared]))
        return add_up([project_off(se[:shared], asr[:shared]) + se[shared:], asr])

    def learning_parameters(self) -> list[nn.Parameter]:
        """Return the weights that learn in this phase, those of the enhancer first."""
        modules = [self.enhancer]
        if self.train_asr and (not self._in_first_phase() or self.first_phase.train_asr):
            modules.append(self.asr)
        return [p for module in modules for p in module.parameters() if p.requires_grad]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the enhancer, and the recogniser with its own learning rate."""
        return self.groups_with_rate(self.asr if self.train_asr else None, self.asr_learning_rate)

    def on_fit_start(self) -> None:
        """Refuse what would spoil gradients that are taken apart."""
        if self.own_backward and self.trainer.precision.startswith("16"):
            raise ConfigError(
                "model.surgery and model.train_asr know no loss scaling; set "
                "trainer.precision to bf16-mixed or 32-true"
            )

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed the step; keep DDP from averaging gradients that are averaged here."""
        super().on_train_batch_start(batch, batch_idx)
        if self.own_backward and hasattr(self.trainer.strategy.model, "require_backward_grad_sync"):
            self.trainer.strategy.model.require_backward_grad_sync = False

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The losses of the whole training, SNR and SI-SNR on whole utterances."""
        parts, numbers, enhanced = self.loss_parts(batch, self.weights)
        numbers["loss"] = float(sum(self.weights[name] * value for name, value in parts.items()))
        lengths = batch.get("clean_lengths")
        numbers["snr_db"] = -float(self.snr(enhanced, batch["clean"], lengths).mean())
        numbers["si_snr_db"] = -float(self.si_snr(enhanced, batch["clean"], lengths).mean())
        self.log_numbers("valid", numbers)

    def export(self, directory: Path) -> list[Path]:
        """Write ``enhancer/``, and ``asr/`` (an ESPnet folder) where it has learned."""
        self.enhancer.save_pretrained(directory / "enhancer")
        if not self.train_asr:
            return [directory / "enhancer"]
        self.asr.save_pretrained(directory / "asr")
        return [directory / "enhancer", directory / "asr"]


def conflict_numbers(se: Gradients, asr: Gradients) -> dict[str, Tensor]:
    """Return what is logged of two gradients: their cosine and their norms."""
    return {
        "conflict_cosine": cosine(se, asr),
        "se_gradient_norm": inner(se, se).sqrt(),
        "asr_gradient_norm": inner(asr, asr).sqrt(),
    }


def _check_weights(key: str, weights: dict[str, float]) -> dict[str, float]:
    unknown = sorted(set(weights) - set(PARTS))
    used = {name: float(weight) for name, weight in weights.items() if weight}
    if unknown or not used:
        raise ConfigError(
            f"{key} has {f'no loss {unknown[0]!r}' if unknown else 'no loss with a weight'}; the "
            f"losses are {', '.join(PARTS)}"
        )
    return used
