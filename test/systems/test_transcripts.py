"""Transcripts that are longer than their audio are counted before the training."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from sslse.audio.files import write_audio
from sslse.data.datadir import DataDir, write_datadir
from sslse.downstream.tokens import Tokens
from sslse.systems.transcripts import warn_of_long_transcripts

HOP = 320


def test_they_are_those_of_which_the_ctc_loss_is_infinite(tmp_path, rng, capsys):
    texts = {"a": "abcd", "b": "aabb", "c": "abcde", "d": "a", "e": "aaaa", "f": "abcabc"}
    frames = {"a": 4, "b": 5, "c": 4, "d": 1, "e": 7, "f": 5}
    for name, count in frames.items():
        write_audio(tmp_path / f"{name}.wav", 0.1 * rng.standard_normal(HOP * count), 16000)
    files = {name: str(tmp_path / f"{name}.wav") for name in texts}
    write_datadir(tmp_path / "train", wav_scp=files, text=texts)
    data, tokens = DataDir(tmp_path / "train"), Tokens.from_transcripts(texts.values(), "char")
    infinite = []
    for name, text in texts.items():
        scores = torch.zeros(frames[name], 1, len(tokens)).log_softmax(-1)
        ids = torch.tensor([tokens.encode(text)])
        loss = F.ctc_loss(scores, ids, [frames[name]], [len(text)], reduction="sum")
        if not np.isfinite(float(loss)):
            infinite.append(name)
    assert infinite == ["b", "c", "f"]
    assert warn_of_long_transcripts(data, tokens, HOP, tmp_path) == infinite
    said = capsys.readouterr().out
    assert said.startswith("warning: 3 of 6 transcripts of ") and ": b, c, f (all of them: " in said
    listed = (tmp_path / "too_long_train").read_text().splitlines()
    assert listed[0] == "b 6 tokens and blanks in 5 frames" and len(listed) == 3
    assert warn_of_long_transcripts(data, tokens, HOP // 2, tmp_path) == []
    assert capsys.readouterr().out == ""
