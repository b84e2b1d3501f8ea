"""The example of docs/add_a_criterion.md is a criterion, from a file of one's own."""

from __future__ import annotations

import re
import textwrap

import pytest
import torch
import yaml

from sslse.criteria import build_criterion


def test_the_example_is_a_criterion(repository, tmp_path, monkeypatch):
    page = (repository / "docs/add_a_criterion.md").read_text()
    source = textwrap.dedent(re.search(r"```python\n(.*?)```", page, re.S).group(1))
    (tmp_path / "my_losses_of_the_page.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    printed = yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.S).group(1))
    keys = printed["model"]["init_args"]["criteria"]["l1"]
    assert keys.pop("criterion") == "L1Loss" and keys.pop("weight") > 0
    loss = build_criterion("my_losses_of_the_page:L1Loss", **keys)
    clean = torch.randn(2, 50)
    enhanced = clean + torch.tensor([[0.5], [-0.25]])
    lengths = torch.tensor([50, 20])  # samples
    value = loss(enhanced, clean, lengths)
    assert value.tolist() == pytest.approx([0.5 * keys["scale"], 0.25 * keys["scale"]], rel=1e-5)
    assert loss(clean, clean, lengths).tolist() == [0.0, 0.0]
