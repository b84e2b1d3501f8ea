"""Plans of the small method of method.yaml."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sslse.recipe.method import Method
from sslse.recipe.plan import Plan

METHOD = Path(__file__).with_name("method.yaml")
OPTIONS = {
    **dict.fromkeys(("table", "figure", "se_exp", "teacher_model", "recorded"), ""),
    **dict.fromkeys(("local_data_opts", "train_args", "oa_weights", "max_utts", "other_set"), ""),
    **{
        "variants": "tuned",
        "backends": "words",
        "seeds": "0",
        "nj": "2",
        "downloads": "downloads",
        "datadir": "data",
        "expdir": "exp",
    },
    **{"train_set": "train", "valid_set": "valid", "test_sets": "test", "metrics": "sdr stoi"},
    **{"weights": "0.3 1.0", "title": "T", "remarks": "local/remarks.txt"},
    **{"simulate_config": "conf/simulate.yaml", "simulate_seed": "0"},
    **{"simulate_valid_config": "", "oa_form": "add"},
}


@pytest.fixture
def make_method(tmp_path) -> Callable[..., Method]:
    """Call with the text of a recipe's own YAML."""

    def make(extension: str = "") -> Method:
        (tmp_path / "own.yaml").write_text(extension)
        return Method(METHOD, tmp_path / "own.yaml" if extension else None)

    return make


@pytest.fixture
def options() -> dict[str, str]:
    """All options of a run of that method."""
    return dict(OPTIONS)


@pytest.fixture
def make_plan(make_method, tmp_path, monkeypatch) -> Callable[..., Plan]:
    """Call with the text of a recipe's own YAML and options; the folder is an empty one."""
    monkeypatch.chdir(tmp_path)

    def make(extension: str = "", **options: str) -> Plan:
        return Plan(make_method(extension), {**OPTIONS, **options}, "ROOT")

    return make


@pytest.fixture
def values_of() -> Callable[[tuple[str, ...], str], list[str]]:
    """Call with a command and an option: the values that follow it."""

    def values(command: tuple[str, ...], name: str) -> list[str]:
        return [value for key, value in zip(command, command[1:], strict=False) if key == name]

    return values
