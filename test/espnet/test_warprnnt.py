"""The transducer loss in the place of warprnnt_pytorch."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest
import torch

from sslse.espnet import warprnnt


def reference(logits, targets, blank=0):
    """Forward recursion over the lattice of one utterance, (F, U + 1, V) in float64."""
    logp = logits.log_softmax(-1)
    frames, places, _ = logits.shape
    alpha = [[torch.zeros(()).double()] * places for _ in range(frames)]
    for t in range(frames):
        for u in range(places):
            ways = []
            if t:
                ways.append(alpha[t - 1][u] + logp[t - 1, u, blank])
            if u:
                ways.append(alpha[t][u - 1] + logp[t, u - 1, targets[u - 1]])
            if ways:
                alpha[t][u] = torch.logsumexp(torch.stack(ways), 0)
    return -(alpha[-1][-1] + logp[-1, -1, blank])


def test_equals_a_dynamic_programme_with_its_gradient():
    torch.manual_seed(0)
    logits = torch.randn(3, 7, 5, 6, requires_grad=True)
    targets = torch.randint(1, 6, (3, 4))
    frames, counts = torch.tensor([7, 4, 1]), torch.tensor([4, 2, 0])
    loss = warprnnt.transducer_loss(logits, targets, frames, counts)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    exact = logits.detach().double().requires_grad_()
    expected = torch.stack(
        [reference(exact[i, : frames[i], : counts[i] + 1], targets[i]) for i in range(3)]
    )
    (expected_gradient,) = torch.autograd.grad(expected.sum(), exact)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradient.double(), expected_gradient, rtol=1e-4, atol=1e-5)


def test_reductions_and_what_it_cannot_do():
    arguments = (
        torch.randn(2, 3, 3, 4),
        torch.randint(1, 4, (2, 2)),
        *torch.tensor([[3, 2], [2, 1]]),
    )
    each = warprnnt.RNNTLoss(reduction="none")(*arguments)
    assert each.shape == (2,)
    torch.testing.assert_close(warprnnt.RNNTLoss()(*arguments), each.mean())
    torch.testing.assert_close(warprnnt.RNNTLoss(reduction="sum")(*arguments), each.sum())
    with pytest.raises(ValueError, match="fastemit_lambda"):
        warprnnt.RNNTLoss(fastemit_lambda=0.1)
    with pytest.raises(ValueError, match="reduction"):
        warprnnt.RNNTLoss(reduction="median")


def test_takes_the_place_of_an_absent_package_only(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, warprnnt.PACKAGE, raising=False)
    (tmp_path / "warprnnt_pytorch.py").write_text("RNNTLoss = 'the real one'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    warprnnt.provide()
    assert importlib.import_module(warprnnt.PACKAGE).RNNTLoss == "the real one"
    del sys.modules[warprnnt.PACKAGE]
    sys.path.remove(str(tmp_path))
    importlib.invalidate_caches()
    if importlib.util.find_spec(warprnnt.PACKAGE) is None:
        warprnnt.provide()
        warprnnt.provide()
        assert importlib.import_module(warprnnt.PACKAGE).RNNTLoss is warprnnt.RNNTLoss


def test_another_program_runs_with_it(tmp_path):
    (tmp_path / "program.py").write_text(
        "import sys, warprnnt_pytorch\nprint(sys.argv[1:], warprnnt_pytorch.RNNTLoss.__name__)\n"
    )
    command = [sys.executable, "-m", "sslse.espnet.warprnnt", "program", "--a", "b"]
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", os.getcwd())])
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=True
    )
    assert done.stdout == "['--a', 'b'] RNNTLoss\n"
