"""Hidden states of a frozen upstream on disk: computed once, then mapped into memory."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sslse.data.draws import Draw, Stream, draw_crop, draw_generator
from sslse.runtime.atomic import atomic_open, atomic_path
from sslse.runtime.lock import one_at_a_time


class CachedFeatures(Dataset):
    """Items of a dataset with ``waveform`` replaced by ``features``: (F, L+1, D), float16 on disk.

    The cache holds for one upstream and one set of utterances; another fingerprint makes it anew.
    A dataset that crops (``crop_samples``, ``seed``) has its crops cut out of the features of whole
    utterances, to whole frames.

    Args:
        dataset: items with ``waveform``; its ``utterances`` name them.
        upstream: frozen upstream.
        path: file without suffix; ``.bin`` and ``.json`` are written.
        fingerprint: what the cache depends on, its upstream and its audio.
        mean: keep only the mean over the frames of each utterance (F = 1), in float32.
    """

    def __init__(
        self, dataset: Any, upstream: Any, path: Path, fingerprint: str, mean: bool = False
    ) -> None:
        self.dataset = dataset
        self.utterances = dataset.utterances
        self.mean = mean
        self.dtype = np.float32 if mean else np.float16
        expected = {"fingerprint": fingerprint, "utterances": len(dataset), "mean": mean}
        # Processes that train together want the same features: one computes them.
        with one_at_a_time(path.with_suffix(".lock")):
            index = self._stored(upstream, path, expected)
        self.offsets = index["offsets"]
        shape = (self.offsets[-1], *index["frame_shape"])
        self.features = np.memmap(path.with_suffix(".bin"), self.dtype, mode="r", shape=shape)
        self.stride = index["stride"]

    def _stored(self, upstream: Any, path: Path, expected: dict[str, Any]) -> dict[str, Any]:
        """Return the index of the cache, which is computed where it is not there."""
        index_path, features = path.with_suffix(".json"), path.with_suffix(".bin")
        index = _read_index(index_path)
        right = {name: index.get(name) for name in expected} == expected
        if right and self._is_whole(index, features):
            return index
        if index:
            print(f"the features in {path} are of other audio or weights: again", flush=True)
        index = {**expected, **self.compute(upstream, features)}
        with atomic_open(index_path) as stream:
            json.dump(index, stream)
        return index

    def _is_whole(self, index: dict[str, Any], path: Path) -> bool:
        values = index["offsets"][-1] * math.prod(index["frame_shape"])
        size = path.stat().st_size if path.exists() else -1
        return size == values * np.dtype(self.dtype).itemsize

    @torch.no_grad()
    def compute(self, upstream: Any, path: Path) -> dict[str, Any]:
        """Run the upstream over one utterance at a time, appending to the file."""
        offsets, frame_shape = [0], ()
        device = next(upstream.parameters()).device
        with atomic_path(path) as temporary, open(temporary, "wb") as stream:
            for index in range(len(self.dataset)):
                waveform = self.dataset[index]["waveform"][None].to(device)
                output = upstream(waveform, torch.tensor([waveform.shape[1]], device=device))
                states = torch.stack(output.hidden_states, 2)[0]  # (F, L+1, D)
                if self.mean:
                    states = states.mean(0, keepdim=True)
                stream.write(states.cpu().numpy().astype(self.dtype).tobytes())
                offsets.append(offsets[-1] + len(states))
                frame_shape = tuple(states.shape[1:])
        stride = upstream.downsample_rate
        return {"offsets": offsets, "frame_shape": frame_shape, "stride": stride}

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draw: Any) -> dict[str, Any]:
        index = getattr(draw, "index", draw)
        begin, end = self.offsets[index], self.offsets[index + 1]
        crop = getattr(self.dataset, "crop_samples", None)
        if crop is None or self.mean or not isinstance(draw, Draw):
            item = self.dataset.describe(index)
        else:
            generator = draw_generator(self.dataset.seed, Stream.CROP, draw.number)
            frames = max(1, crop // self.stride)
            start, count = draw_crop(end - begin, frames, generator)
            if count is not None:
                begin, end = begin + start, begin + start + count
            item = self.dataset.describe(
                index, start * self.stride, None if count is None else count * self.stride
            )
        item["features"] = torch.from_numpy(np.array(self.features[begin:end])).float()
        return item


def _read_index(path: Path) -> dict[str, Any]:
    """Return the index of a cache; empty where there is none, or a damaged one."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
