"""An SSL model is given away in half its size, and hears the same."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from sslse.errors import DataError
from sslse.pack import pack
from sslse.upstreams import load_upstream


@pytest.mark.parametrize("family", ["Wav2Vec2", "Hubert", "WavLM"])
def test_a_packed_ssl_model_hears_the_same_in_half_the_size(family, write, tmp_path):
    source, out = tmp_path / "exp/upstream", tmp_path / "out"
    write(source, family)
    (tmp_path / "exp/metrics.csv").write_text("step,valid/loss,train/loss\n9,,4.5\n19,2.25,4\n")
    said = pack(tmp_path / "exp", out, name="Ours", license_name="cc0-1.0")
    assert "float16" in said and f"packed {source} into {out}" in said
    whole, half = (load_file(folder / "model.safetensors") for folder in (source, out))
    assert {tensor.dtype for tensor in half.values()} == {torch.float16}
    assert half.keys() == whole.keys()
    waveform = torch.randn(2, 8000)
    ours, theirs = (load_upstream(f)(waveform).hidden_states for f in (out, source))
    assert len(ours) == len(theirs) == 5
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == torch.float32 and 0 < (a - b).norm() < 0.01 * b.norm()
    card = (out / "README.md").read_text()
    assert "license: cc0-1.0" in card and "# Ours" in card
    assert "20 steps" in card and "| loss | 2.250 |" in card and "train" not in card.split("|")[1]
    assert "within" in pack(out, tmp_path / "again")  # a packed one can be packed


def test_weights_that_float16_does_not_hold_are_refused(write, tmp_path):
    model = write(tmp_path / "upstream", "Hubert")
    with torch.no_grad():  # beyond 65504: infinite
        model.feature_projection.projection.weight.mul_(1e7)
    model.save_pretrained(tmp_path / "upstream")
    with pytest.raises(DataError, match="give the model away as it is"):
        pack(tmp_path / "upstream", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match="is the model itself"):
        pack(tmp_path / "upstream", tmp_path / "upstream")
