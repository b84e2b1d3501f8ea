"""Training steps of SUPERB heads from cached features beside the same steps without the cache.

    python bench/head_cache.py [--batch 4] [--seconds 2] [--repeats 5]

An upstream of WavLM Base size with random weights: values do not matter for speed. A step is
forward, loss, backward and update of the head on the same utterances; with the cache the features
are read from disk as a data loader reads them. One thread; CPU time; medians of interleaved
repeats. Filling the cache costs about one upstream forward an utterance, once; the last column says
after how many passes over the data it has paid.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
import transformers
from torch import nn

from sslse.data.padding import pad_batch
from sslse.downstream.classifier import ClassifierHead
from sslse.downstream.diarizer import DiarizationHead
from sslse.downstream.feature_cache import CachedFeatures
from sslse.downstream.speaker import SpeakerHead
from sslse.upstreams import load_upstream
from sslse.upstreams.base import UpstreamOutput


class Utterances(torch.utils.data.Dataset):
    """Noise of one length."""

    def __init__(self, count: int, samples: int) -> None:
        self.waves = 0.1 * torch.randn(count, samples)
        self.utterances = [str(number) for number in range(count)]

    def __len__(self) -> int:
        return len(self.waves)

    def describe(self, index: int) -> dict[str, torch.Tensor]:
        """Items have nothing but audio."""
        return {}

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"waveform": self.waves[index]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=4, help="utterances in a step (default 4)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each (default 2)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each step (default 5)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = Utterances(arguments.batch, int(arguments.seconds * 16000))
    with tempfile.TemporaryDirectory() as folder:
        transformers.utils.logging.disable_progress_bar()
        transformers.WavLMModel(transformers.WavLMConfig()).save_pretrained(folder)
        transformers.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(folder)
        upstream = load_upstream(folder).freeze()
        states, width = upstream.num_layers + 1, upstream.hidden_size
        heads: dict[str, tuple[nn.Module, bool]] = {
            "IC (classifier)": (ClassifierHead(states, width, [["class"] * 6] * 3), True),
            "ASV (x-vector)": (SpeakerHead(states, width, num_speakers=1211), False),
            "SD (LSTM)": (DiarizationHead(states, width), False),
        }
        print(f"{'head':<18} {'direct':>9} {'cached':>9} {'ratio':>7} {'pays after':>11}")
        for name, (head, mean) in heads.items():
            begin = time.process_time()
            cached = CachedFeatures(data, upstream, Path(folder) / f"{mean}", name, mean)
            filling = time.process_time() - begin
            optimizer = torch.optim.AdamW(head.parameters(), 1e-4, fused=True)

            def step(
                source: torch.utils.data.Dataset,
                head: nn.Module = head,
                optimizer: torch.optim.Optimizer = optimizer,
            ) -> float:
                begin = time.process_time()
                batch = pad_batch([source[index] for index in range(len(source))])
                if "features" in batch:
                    features, lengths = batch["features"], batch["features_lengths"]
                else:
                    with torch.no_grad():
                        output = upstream(batch["waveform"], batch["waveform_lengths"])
                    features, lengths = torch.stack(output.hidden_states, 2), output.lengths
                optimizer.zero_grad()
                output = head(UpstreamOutput(list(features.unbind(2)), lengths), None)
                output = output[0] if isinstance(output, tuple) else output
                output.square().mean().backward()
                optimizer.step()
                return time.process_time() - begin

            times: dict[str, list[float]] = {"direct": [], "cached": []}
            for _ in range(arguments.repeats):
                times["direct"].append(step(data))
                times["cached"].append(step(cached))
            direct, fast = (statistics.median(values) for values in times.values())
            print(
                f"{name:<18} {1e3 * direct:>6.1f} ms {1e3 * fast:>6.1f} ms {direct / fast:>6.1f}x "
                f"{filling / (direct - fast):>8.1f} x"
            )


if __name__ == "__main__":
    main()
