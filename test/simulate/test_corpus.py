"""Made corpora: finished sets stay, interrupted ones continue, changed ones are made again."""

from __future__ import annotations

import numpy as np
import pytest

from sslse.data.datadir import DataDir
from sslse.simulate.corpus import Item, render_set

ITEMS = [Item(f"a-{i}", recipe=i, speaker="a", text=f"number {i}") for i in range(6)]


def render(item: Item) -> np.ndarray:
    return np.random.default_rng(item.recipe).uniform(-0.5, 0.5, 100 + item.recipe)


@pytest.mark.parametrize("nj", [1, 2])
def test_a_set_is_made_once(tmp_path, nj):
    arguments = (tmp_path / "set", tmp_path / "audio", ITEMS, render, 8000)
    assert render_set(*arguments, {"version": 1}, nj=nj)
    data = DataDir(tmp_path / "set")
    assert dict(data.text) == {item.name: item.text for item in ITEMS}
    for item in ITEMS:
        waveform, rate = data.load(item.name)
        assert rate == 8000 and data.utt2num_samples[item.name] == len(waveform)
        np.testing.assert_allclose(waveform, render(item), atol=1 / 32768)
    assert not render_set(*arguments, {"version": 1})
    assert render_set(*arguments, {"version": 2})
    assert render_set(*arguments[:2], ITEMS[:-1], *arguments[3:], {"version": 2})
    assert len(DataDir(tmp_path / "set")) == 5


def test_an_interrupted_set_continues(tmp_path):
    calls = []

    def fragile(item: Item) -> np.ndarray:
        calls.append(item.recipe)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return render(item)

    arguments = (tmp_path / "set", tmp_path / "audio", ITEMS, fragile, 8000, {})
    with pytest.raises(KeyboardInterrupt):
        render_set(*arguments)
    assert not (tmp_path / "set" / "wav.scp").exists()
    render_set(*arguments)
    assert calls == [0, 1, 2, 3, 3, 4, 5]
    assert DataDir(tmp_path / "set").utt2num_samples["a-2"] == 102


def test_loud_audio_is_clipped_not_wrapped(tmp_path):
    item = Item("loud", recipe=None)
    render_set(
        tmp_path / "set", tmp_path / "audio", [item], lambda _: np.array([2.0, -2.0]), 8000, {}
    )
    waveform, _ = DataDir(tmp_path / "set").load("loud")
    np.testing.assert_allclose(waveform, [1.0, -1.0], atol=1e-4)


def test_audio_that_was_emptied_or_removed_is_made_again(tmp_path):
    calls = []

    def counted(item: Item) -> np.ndarray:
        calls.append(item.recipe)
        return render(item)

    arguments = (tmp_path / "set", tmp_path / "audio", ITEMS, counted, 8000, {})
    render_set(*arguments)
    calls.clear()
    (tmp_path / "audio/a-1.wav").write_bytes(b"")
    (tmp_path / "audio/a-4.wav").unlink()
    assert render_set(*arguments)
    assert calls == [1, 4]
    assert not render_set(*arguments)
