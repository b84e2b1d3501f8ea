"""What packages offer by name: all of it is there, found by dir(), and imported on first use."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys

import pytest

from sslse.metrics.base import METRICS

PACKAGES = ("sslse", "sslse.criteria", "sslse.enhancers", "sslse.metrics")


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_is_there_and_no_module_takes_its_place(name):
    package = importlib.import_module(name)
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert dir(package) == sorted(package.__all__) and not modules & set(dir(package))
    for offered in dir(package):
        assert getattr(package, offered) is getattr(package, offered)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # noqa: B018
    with pytest.raises(ImportError):
        importlib.import_module(f"{name}.nothing")


def test_what_a_user_needs_is_found():
    import sslse
    from sslse import criteria, metrics
    from sslse.criteria import SNRLoss
    from sslse.metrics import si_sdr

    assert {"Enhancer", "load_upstream", "build_criterion", "DataDir", "__version__"} <= set(
        dir(sslse)
    )
    assert si_sdr is METRICS["si_sdr"].load() and SNRLoss.__name__ in criteria.CRITERIA
    assert {*criteria.CRITERIA, *criteria.FEATURE_CRITERIA} <= set(dir(criteria))
    for metric in METRICS.values():
        assert metric.load() is getattr(metrics, metric.function.partition(":")[2])


@pytest.mark.parametrize("name", PACKAGES)
def test_import_is_quick_and_without_torch(name):
    """Under 0.3 s of processor time, which a busy machine does not stretch."""
    code = f"import sys, {name}; dir({name}); sys.exit('torch' in sys.modules)"
    begin = os.times()
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    end = os.times()
    used = end.children_user + end.children_system - begin.children_user - begin.children_system
    assert used < 0.3
