"""Where a checkpoint or the locks of a pool did not fit, a traceback of the libraries came."""

from __future__ import annotations

import resource

import pytest
import torch

from sslse.errors import DataError, SslseError
from sslse.runtime.pool import run_parallel
from sslse.systems.checkpoint import AtomicCheckpointIO


@pytest.fixture
def limit():
    """Let no file be larger than so many bytes, until the test ends."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 10, 3000, 20000])
def test_a_checkpoint(size, limit, tmp_path):
    path, writer = tmp_path / "step00000001.ckpt", AtomicCheckpointIO()
    writer.save_checkpoint({"step": 1}, path)
    limit(size)
    with pytest.raises(DataError, match=f"cannot write {path}: .* run the same command again"):
        writer.save_checkpoint({"weights": torch.zeros(10000)}, path)
    assert writer.load_checkpoint(path) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("fork", [False, True])
def test_the_locks_of_a_pool(fork, limit):
    limit(0)
    with pytest.raises(SslseError, match="/dev/shm"):
        list(run_parallel(abs, [1, 2], nj=2, fork=fork))
