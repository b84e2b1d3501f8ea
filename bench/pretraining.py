"""A pre-training step at the 100 h size (45 M parameters) beside transformers' own pre-training.

    python bench/pretraining.py [--rounds 3] [--batch 2] [--seconds 4]

The peer is what transformers' example script does: Wav2Vec2ForPreTraining, its NumPy helpers that
draw masks and negatives, cross-entropy over sums, gradients divided by the number of masked
frames, clipping by norm, AdamW. For EW2 (noisy input, clean targets) the peer encodes the clean
waveform too and quantises that, with transformers' own modules. One thread; float32 and, where
the CPU has units for it, bfloat16 products (autocast) of both. Rounds are interleaved; times are
processor times.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from collections.abc import Callable

import torch
import transformers
from timing import interleave, ratio
from torch import Tensor
from transformers.models.wav2vec2.modeling_wav2vec2 import (
    _compute_mask_indices,
    _sample_negative_indices,
)

from sslse.runtime.device import has_units
from sslse.systems.robust_pretraining import RobustPretraining

warnings.simplefilter("ignore")

SIZES = {
    "hidden_size": 512,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "intermediate_size": 2048,
    "layerdrop": 0.0,
}


class Peer(torch.nn.Module):
    """transformers' pre-training; with clean targets where ``clean`` is given."""

    def __init__(self) -> None:
        super().__init__()
        config = transformers.Wav2Vec2Config(**SIZES, mask_time_prob=0.65)
        self.model = transformers.Wav2Vec2ForPreTraining(config)
        self.config = config

    def forward(self, noisy: Tensor, clean: Tensor | None) -> Tensor:
        """Return the loss of a step, over the number of masked frames."""
        model, config = self.model, self.config
        frames = int(model._get_feat_extract_output_lengths(noisy.shape[1]))
        shape = (len(noisy), frames)
        mask = _compute_mask_indices(shape, config.mask_time_prob, config.mask_time_length)
        negatives = _sample_negative_indices(shape, config.num_negatives, mask)
        mask, negatives = torch.from_numpy(mask), torch.from_numpy(negatives)
        if clean is None:
            loss = model(noisy, mask_time_indices=mask, sampled_negative_indices=negatives).loss
            return loss / mask.sum()
        return self.with_clean_targets(noisy, clean, mask, negatives)

    def with_clean_targets(
        self, noisy: Tensor, clean: Tensor, mask: Tensor, negatives: Tensor
    ) -> Tensor:
        """The same steps as Wav2Vec2ForPreTraining.forward, the quantiser fed from clean speech."""
        model, config = self.model, self.config
        outputs = model.wav2vec2(noisy, mask_time_indices=mask)
        context = model.project_hid(outputs.last_hidden_state)
        features = model.wav2vec2.feature_extractor(clean).transpose(1, 2)
        features = model.wav2vec2.feature_projection.layer_norm(features)
        quantized, perplexity = model.quantizer(model.dropout_features(features), mask)
        quantized = model.project_q(quantized)
        batch, frames, size = quantized.shape
        others = quantized.view(-1, size)[negatives.long().view(-1)]
        others = others.view(batch, frames, -1, size).permute(2, 0, 1, 3)
        logits = model.compute_contrastive_logits(
            quantized[None], others, context, config.contrastive_logits_temperature
        )
        same = (quantized == others).all(-1)
        logits[1:][same] = float("-inf")
        logits = logits.transpose(0, 2).reshape(-1, logits.size(0))
        target = ((1 - mask.long()) * -100).transpose(0, 1).flatten()
        loss = torch.nn.functional.cross_entropy(logits.float(), target, reduction="sum")
        entries = config.num_codevectors_per_group * config.num_codevector_groups
        return loss / mask.sum() + 0.1 * (entries - perplexity) / entries


def step(module: torch.nn.Module, loss: Callable[[], Tensor], rounded: bool) -> Callable[[], None]:
    """Forward, backward, clipping and an update."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    ours = isinstance(module, RobustPretraining)
    optimizer = torch.optim.AdamW(parameters, lr=1e-5, fused=ours or None)

    def run() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()

    return run


def our_step(system: RobustPretraining, batch: dict[str, Tensor], rounded: bool) -> Callable:
    """Return a step of our system."""
    return step(system, lambda: system.training_losses(batch)[0], rounded)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="repetitions (default: 3)")
    parser.add_argument("--batch", type=int, default=2, help="utterances (default: 2)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each (default: 4)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    clean = torch.randn(args.batch, round(16000 * args.seconds))
    noisy = clean + 0.3 * torch.randn_like(clean)
    batch = {"noisy": noisy, "clean": clean}
    options = {"wav2vec2": SIZES, "branches": "noisy"}
    plain = RobustPretraining(**options, target="noisy", consistency_weight=0.0).train()
    clean_targets = RobustPretraining(**options).train()
    peer = Peer().train()
    millions = sum(p.numel() for p in plain.parameters()) / 1e6
    print(f"{millions:.1f} M parameters, {args.batch} x {args.seconds:g} s")
    runs = {}
    for rounded in (False, True) if has_units("bfloat16") else (False,):
        name = ", bfloat16" if rounded else ""
        runs[f"transformers, wav2vec 2.0{name}"] = step(peer, lambda: peer(noisy, None), rounded)
        runs[f"sslse, wav2vec 2.0{name}"] = our_step(plain, batch, rounded)
        runs[f"transformers, EW2{name}"] = step(peer, lambda: peer(noisy, clean), rounded)
        runs[f"sslse, EW2{name}"] = our_step(clean_targets, batch, rounded)
    times = interleave(runs, args.rounds)
    for name, own in times.items():
        line = f"{name:36} {statistics.median(own):7.2f} s"
        if name.startswith("sslse"):
            peer = name.replace("sslse", "transformers")
            # With bfloat16 products, beside the peer's float32 step too.
            for peer_name in dict.fromkeys((peer, peer.removesuffix(", bfloat16"))):
                line += f"  {ratio(times, peer_name, name):5.2f}x {peer_name};"
        print(line)


if __name__ == "__main__":
    main()
