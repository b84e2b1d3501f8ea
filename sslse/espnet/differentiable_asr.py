"""Encoder vectors and training loss of an ESPnet recogniser, with gradient to the waveform."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.data.spelling import Spelling
from sslse.errors import ConfigError, MissingPackageError
from sslse.espnet.model_folder import (
    find_model,
    load_weights,
    quiet,
    read_config,
    sample_rate_of,
)
from sslse.espnet.warprnnt import provide, transducer_loss
from sslse.transfer import send

IGNORED = -1  # pads token ids, as in ESPnet
LONGEST_PROBE = 10.0  # s; an encoder that needs more for three vectors has no fixed rate


class DifferentiableASR(nn.Module):
    """Encoder vectors and training loss of an ESPnet ASR model; frozen or not, a subclass says.

    Any encoder of ESPnet; pure CTC, hybrid CTC/attention or transducer. ESPnet lets padding reach
    into the last real vectors of a batch (reflection in the spectrum, convolutions without a mask)
    and rounds their number up; here utterances of different lengths run one after the other, so
    that an utterance has the same vectors and the same loss alone and padded in a batch.

    Args:
        model: an ``ESPnetASRModel``.
        sample_rate: Hz.
        encode_text: transcript to token ids.
        exact: see above; False runs the padded batch at once, as ESPnet's own training does
            (faster on a GPU, the last two vectors of shorter utterances then differ).
    """

    def __init__(
        self,
        model: nn.Module,
        sample_rate: int,
        encode_text: Callable[[str], list[int]],
        exact: bool = True,
    ) -> None:
        super().__init__()
        _check_objective(model)
        self.model = model
        self.sample_rate = sample_rate
        self.encode_text = encode_text
        self.exact = exact
        self.eval()

    @classmethod
    def from_folder(
        cls, path: str | Path, checkpoint: str | None = None, exact: bool = True
    ) -> DifferentiableASR:
        """Load the folder of a training (``config.yaml`` and weights) or an unpacked ESPnet model.

        Args:
            path: the folder.
            checkpoint: file name of the weights; default: the averaged, else the best.
            exact: see the class.

        Raises:
            ConfigError: the folder lacks a file or its token list, or is of another task.
        """
        config_path, weights = find_model(Path(path), checkpoint)
        config = read_config(config_path)
        with quiet():
            model, encode_text = _build(config)
        load_weights(model, weights)
        return cls(model, sample_rate_of(config), encode_text, exact)

    @cached_property
    def shortest(self) -> int:
        """Samples of the shortest utterance that gives a vector; shorter ones are continued with
        zeros to it."""
        return self._shortest_of(1)

    @cached_property
    def downsample_rate(self) -> int:
        """Samples from one encoder vector to the next."""
        # Not from the first: a window may ask for more samples than its vector does.
        return self._shortest_of(3) - self._shortest_of(2)

    @cached_property
    def output_size(self) -> int:
        """D, the size of an encoder vector."""
        parts = (self.model.postencoder, self.model.encoder)
        return next(part for part in parts if part is not None).output_size()

    def encode(self, waveform: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return encoder vectors, with gradient to the waveform.

        Args:
            waveform: zero-padded to one length.
            lengths: samples of each utterance; default: all.

        Shape:
            waveform (B, T), lengths (B,) -> vectors (B, F, D), zero beyond an utterance's own;
            their numbers, int64 (B,), on the host
        """
        vectors: list[Tensor] = [waveform.new_zeros(0)] * len(waveform)
        for rows, batch, samples in self._batches(waveform, lengths):
            encoded, _, frames = self._encode(batch, samples)
            for row, vector, count in zip(rows, encoded, frames.tolist(), strict=True):
                vectors[row] = vector[:count]
        counts = torch.tensor([len(vector) for vector in vectors])
        return nn.utils.rnn.pad_sequence(vectors, batch_first=True), counts

    def loss(
        self,
        waveform: Tensor,
        lengths: Tensor | None,
        tokens: Tensor,
        token_lengths: Tensor,
    ) -> Tensor:
        """Return the model's training objective for each utterance, in nat.

        It is what ESPnet's own forward gives for that utterance alone in evaluation mode: CTC and
        attention (with label smoothing) or transducer, with the weights of the training.

        Args:
            waveform: zero-padded to one length.
            lengths: samples of each utterance; None: all.
            tokens: ids of the reference, as of ``tokenize``; padding may be anything.
            token_lengths: ids of each utterance.

        Shape:
            waveform (B, T), lengths (B,), tokens (B, U), token_lengths (B,) -> (B,)
        """
        if tokens.ndim != 2 or len(tokens) != len(waveform) or len(token_lengths) != len(tokens):
            raise ValueError(
                f"tokens {tuple(tokens.shape)} and token_lengths {tuple(token_lengths.shape)} must "
                f"hold one row and one number for each utterance of {tuple(waveform.shape)}"
            )
        tokens, token_lengths = tokens.cpu(), token_lengths.cpu()
        losses: list[Tensor] = [waveform.new_zeros(())] * len(waveform)
        for rows, batch, samples in self._batches(waveform, lengths):
            counts = token_lengths[rows]
            ids = tokens[rows, : max(1, int(counts.max()))]
            positions = torch.arange(ids.shape[1])
            ids = ids.masked_fill(positions >= counts[:, None], IGNORED)
            for row, value in zip(rows, self._objective(batch, samples, ids, counts), strict=True):
                losses[row] = value
        return torch.stack(losses)

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a transcript, as the training made them, in the case of its
        tokens.

        Raises:
            DataError: most of what was asked for so far is unknown to a model from a folder.
        """
        return self.encode_text(text)

    def tokenize_batch(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return ids padded with −1 and their numbers, int64 (B, U) and (B,)."""
        ids = [torch.tensor(self.tokenize(text), dtype=torch.int64) for text in texts]
        padded = nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=IGNORED)
        return padded, torch.tensor([len(row) for row in ids])

    def _batches(
        self, waveform: Tensor, lengths: Tensor | None
    ) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Yield (rows, waveforms, lengths on the host) of what may run as one batch."""
        if waveform.ndim != 2 or waveform.shape[1] == 0:
            raise ValueError(f"expected waveform (batch, time >= 1), got {tuple(waveform.shape)}")
        samples = [waveform.shape[1]] * len(waveform) if lengths is None else lengths.tolist()
        groups: dict[int, list[int]] = {}
        for row, count in enumerate(samples):
            groups.setdefault(count if self.exact else 0, []).append(row)
        for rows in groups.values():
            # ESPnet's recurrent encoders want the longest utterance first.
            rows.sort(key=lambda row: -samples[row])
            counts = torch.tensor([samples[row] for row in rows])
            longest = samples[rows[0]]
            batch = waveform
            if rows != list(range(len(waveform))):
                batch = waveform.index_select(0, send(torch.tensor(rows), waveform.device))
            real = send(torch.arange(longest) < counts[:, None], waveform.device)
            # where, not a product: padding may hold anything, NaN too.
            batch = torch.where(real, batch[:, :longest], batch.new_zeros(()))
            batch = F.pad(batch, (0, max(0, self.shortest - longest)))
            yield rows, batch, counts.clamp_min(self.shortest)

    def _encode(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        """Return vectors (B, F, D), those of intermediate CTC, and their numbers (B,), on the
        host; read from the device only where padding makes them differ."""
        # cuDNN's recurrent layers give no gradient in evaluation mode.
        recurrent = any(isinstance(module, nn.RNNBase) for module in self.model.modules())
        usable = torch.backends.cudnn.enabled and not recurrent
        with torch.backends.cudnn.flags(enabled=usable):
            encoded, frames = self.model.encode(waveform, send(lengths, waveform.device))
        between: list[Tensor] = []
        if isinstance(encoded, tuple):
            encoded, between = encoded[0], [vectors for _, vectors in encoded[1]]
        if int(lengths.min()) == waveform.shape[1]:
            return encoded, between, torch.full((len(encoded),), encoded.shape[1])
        return encoded, between, frames.cpu()

    def _objective(self, waveform: Tensor, lengths: Tensor, ids: Tensor, counts: Tensor) -> Tensor:
        model = self.model
        encoded, intermediate, frames = self._encode(waveform, lengths)
        ctc = 0
        if model.ctc_weight:
            ctc = self._ctc(encoded, frames, ids, counts)
            if model.interctc_weight and intermediate:
                between = sum(self._ctc(vectors, frames, ids, counts) for vectors in intermediate)
                share = model.interctc_weight
                ctc = (1 - share) * ctc + share * between / len(intermediate)
        if model.use_transducer_decoder:
            return self._transducer(encoded, frames, ids, counts) + model.ctc_weight * ctc
        if model.ctc_weight == 1:
            return ctc
        attention = self._attention(encoded, frames, ids, counts)
        return model.ctc_weight * ctc + (1 - model.ctc_weight) * attention

    def _ctc(self, encoded: Tensor, frames: Tensor, ids: Tensor, counts: Tensor) -> Tensor:
        # Not ESPnet's CTC module: its dropout is on in evaluation mode too, and it computes in fp32
        # whatever the input.
        logits = self.model.ctc.ctc_lo(encoded)
        logits = logits if logits.dtype == torch.float64 else logits.float()
        return F.ctc_loss(
            logits.log_softmax(-1).transpose(0, 1),
            send(ids, logits.device),
            frames,
            counts,
            reduction="none",
            zero_infinity=getattr(self.model.ctc.ctc_loss, "zero_infinity", True),
        )

    def _attention(self, encoded: Tensor, frames: Tensor, ids: Tensor, counts: Tensor) -> Tensor:
        from espnet.nets.pytorch_backend.transformer.add_sos_eos import add_sos_eos

        pairs = add_sos_eos(ids, self.model.sos, self.model.eos, IGNORED)
        numbers = (frames, *pairs, counts + 1)
        frames, inputs, outputs, counts = (send(x, encoded.device) for x in numbers)
        logits, _ = self.model.decoder(encoded, frames, inputs, counts)
        return smoothed_loss(self.model.criterion_att, logits, outputs)

    def _transducer(self, encoded: Tensor, frames: Tensor, ids: Tensor, counts: Tensor) -> Tensor:
        blank = self.model.blank_id
        targets = ids.masked_fill(ids == IGNORED, blank)[:, : int(counts.max())]
        self.model.decoder.set_device(encoded.device)
        targets = send(targets, encoded.device)
        predicted = self.model.decoder(F.pad(targets, (1, 0), value=blank))  # (B, U + 1, P)
        logits = self.model.joint_network(encoded.unsqueeze(2), predicted.unsqueeze(1))
        return transducer_loss(logits, targets, frames, counts, blank)

    @torch.no_grad()
    def _shortest_of(self, vectors: int) -> int:
        """Return the fewest samples that give so many vectors."""
        few, enough, limit = 0, 64, round(LONGEST_PROBE * self.sample_rate)
        while self._vectors_of(enough) < vectors:
            few, enough = enough, 2 * enough
            if enough > limit:
                raise ConfigError(
                    "this ASR encoder does not give its vectors at a fixed rate; "
                    "take one that downsamples, e.g. a conformer"
                )
        while enough - few > 1:
            middle = (few + enough) // 2
            few, enough = (few, middle) if self._vectors_of(middle) >= vectors else (middle, enough)
        return enough

    def _vectors_of(self, samples: int) -> int:
        from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError

        # Any parameter tells device and type.
        silence = next(self.model.parameters()).new_zeros(1, samples)
        try:
            encoded, _, _ = self._encode(silence, torch.tensor([samples]))
        except (TooShortUttError, RuntimeError, AssertionError):
            return 0  # shorter than a window, a kernel …
        return encoded.shape[1]


def smoothed_loss(criterion: nn.Module, logits: Tensor, targets: Tensor) -> Tensor:
    """Return ESPnet's loss with label smoothing of each utterance.

    ESPnet's own is one number of the whole batch, and reads how many tokens it has.

    Args:
        criterion: ``LabelSmoothingLoss`` of ESPnet.
        logits: of the decoder.
        targets: token ids, ``IGNORED`` where there is none.

    Shape:
        logits (B, U, V), targets (B, U) -> (B,)
    """
    logits = logits if logits.dtype == torch.float64 else logits.float()
    log_probs = logits.log_softmax(-1)
    real = targets != criterion.padding_idx
    own = log_probs.gather(-1, targets.masked_fill(~real, 0).unsqueeze(-1)).squeeze(-1)
    others = log_probs.sum(-1) - own
    right, rest = criterion.confidence, criterion.smoothing / (criterion.size - 1)
    # KL divergence from right at the own token and rest at each other one.
    entropy = sum(p * n * math.log(p) for p, n in ((right, 1), (rest, criterion.size - 1)) if p)
    values = ((entropy - right * own - rest * others) * real).sum(1)
    return values / real.sum(1) if criterion.normalize_length else values


def _build(config: dict[str, Any]) -> tuple[nn.Module, Callable[[str], list[int]]]:
    """Return the model with random weights and its tokenizer."""
    provide()
    try:
        from espnet2.tasks.asr import ASRTask
        from espnet2.text.build_tokenizer import build_tokenizer
        from espnet2.text.cleaner import TextCleaner
        from espnet2.text.token_id_converter import TokenIDConverter
    except ImportError as error:
        raise MissingPackageError(
            f"a frozen ASR needs the package espnet: pip install espnet ({error})"
        ) from error
    try:
        model = ASRTask.build_model(argparse.Namespace(**config))
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"ESPnet cannot build the ASR of its config.yaml: {reason}") from error
    tokenizer = build_tokenizer(
        token_type=config.get("token_type", "bpe"),
        bpemodel=config.get("bpemodel"),
        non_linguistic_symbols=config.get("non_linguistic_symbols"),
        g2p_type=config.get("g2p"),
    )
    cleaner = TextCleaner(config.get("cleaner"))
    converter = TokenIDConverter(config["token_list"])
    spelling = Spelling(config["token_list"], "the recogniser")

    def encode_text(text: str) -> list[int]:
        ids = converter.tokens2ids(tokenizer.text2tokens(spelling.follow(cleaner(text))))
        spelling.count(ids.count(converter.unk_id), len(ids), text)
        return ids

    return model, encode_text


def _check_objective(model: nn.Module) -> None:
    """Refuse the training objectives of ESPnet that are none of a recogniser's usual ones."""
    strange = {
        "a classifier (LinearDecoder)": getattr(model, "use_linear_decoder", False),
        "auxiliary CTC targets (aux_ctc)": getattr(model, "aux_ctc", None),
        "a language token (lang_token_id)": getattr(model, "lang_token_id", None) is not None,
        "multi-blank transducer loss": getattr(model, "transducer_multi_blank_durations", None),
        "a CTC type other than builtin": model.ctc is not None
        and model.ctc.ctc_type not in ("builtin", "builtin2"),
    }
    for name, present in strange.items():
        if present:
            raise ConfigError(
                f"this ASR was trained with {name}, which a frozen ASR cannot compute; take a CTC, "
                "hybrid CTC/attention or transducer model"
            )
