"""Speech-like waveforms."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture
def clean():
    """Harmonics of a gliding pitch with an envelope, (3, 6000)."""
    time = torch.arange(6000) / 16000
    pitch = torch.tensor([110.0, 160.0, 230.0])[:, None] * (1 + 0.5 * time)
    tone = sum(torch.sin(2 * torch.pi * k * pitch * time) / k for k in range(1, 12))
    envelope = torch.sin(2 * torch.pi * 4 * time + torch.arange(3)[:, None]).clamp_min(0) + 0.01
    torch.manual_seed(0)
    return 0.1 * tone * envelope + 1e-4 * torch.randn(3, 6000)
