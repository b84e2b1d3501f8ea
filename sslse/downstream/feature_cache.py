"""Hidden states of a frozen upstream on disk: computed once, then mapped into memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sslse.data.atomic import atomic_open, atomic_path


class CachedFeatures(Dataset):
    """Items of a dataset with ``waveform`` replaced by ``features``: (F, L+1, D), float16 on disk.

    The cache holds for one upstream and one set of utterances; another fingerprint makes it anew.

    Args:
        dataset: items with ``waveform``; its ``utterances`` name them.
        upstream: frozen upstream.
        path: file without suffix; ``.bin`` and ``.json`` are written.
        fingerprint: what the cache depends on, for example the upstream's folder and its size.
    """

    def __init__(self, dataset: Any, upstream: Any, path: Path, fingerprint: str) -> None:
        self.dataset = dataset
        self.utterances = dataset.utterances
        index_path = path.with_suffix(".json")
        expected = {"fingerprint": fingerprint, "utterances": len(dataset)}
        index = json.loads(index_path.read_text()) if index_path.exists() else {}
        if {name: index.get(name) for name in expected} != expected:
            index = {**expected, **self.compute(upstream, path.with_suffix(".bin"))}
            with atomic_open(index_path) as stream:
                json.dump(index, stream)
        self.offsets = index["offsets"]
        shape = (self.offsets[-1], *index["frame_shape"])
        self.features = np.memmap(path.with_suffix(".bin"), np.float16, mode="r", shape=shape)

    @torch.no_grad()
    def compute(self, upstream: Any, path: Path) -> dict[str, Any]:
        """Run the upstream over one utterance at a time, appending to the file."""
        offsets, frame_shape = [0], ()
        with atomic_path(path) as temporary, open(temporary, "wb") as stream:
            for index in range(len(self.dataset)):
                waveform = self.dataset[index]["waveform"][None]
                output = upstream(waveform, torch.tensor([waveform.shape[1]]))
                states = torch.stack(output.hidden_states, 2)[0]  # (F, L+1, D)
                stream.write(states.to(torch.float16).numpy().tobytes())
                offsets.append(offsets[-1] + len(states))
                frame_shape = tuple(states.shape[1:])
        return {"offsets": offsets, "frame_shape": frame_shape}

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draw: Any) -> dict[str, Any]:
        index = getattr(draw, "index", draw)
        item = self.dataset.describe(index)
        begin, end = self.offsets[index], self.offsets[index + 1]
        item["features"] = torch.from_numpy(np.array(self.features[begin:end])).float()
        return item
