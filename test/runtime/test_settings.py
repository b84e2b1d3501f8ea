"""Composed settings: what a difference keeps, what it replaces, and what it is refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sslse.errors import ConfigError
from sslse.runtime.settings import merge, read_settings, settings_files

KEYS = st.sampled_from(["a", "b", "c", "lr"])
LEAVES = st.none() | st.booleans() | st.integers() | st.lists(st.integers(), max_size=2)
TREES = st.recursive(LEAVES, lambda tree: st.dictionaries(KEYS, tree, max_size=3), max_leaves=8)
MAPPINGS = st.dictionaries(KEYS, TREES, max_size=4)


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / f"{next(iter(files))}.yaml"


def leaves(tree, path=()):
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        elif not isinstance(value, dict):
            yield (*path, key), value


def at(tree, path):
    for key in path:
        tree = tree[key]
    return tree


@given(MAPPINGS, MAPPINGS)
def test_every_setting_of_the_difference_holds(base, difference):
    merged = merge(base, difference)
    assert all(at(merged, path) == value for path, value in leaves(difference))
    assert merge(merged, difference) == merged
    assert merged.keys() == base.keys() | difference.keys()


@given(MAPPINGS)
def test_nothing_changes_nothing(tree):
    assert merge({}, tree) == merge(tree, {}) == merge(tree, tree) == tree


@given(st.lists(st.dictionaries(KEYS, st.dictionaries(KEYS, LEAVES)), min_size=3, max_size=3))
def test_files_may_be_grouped(trees):
    """Where mappings meet mappings, a base of a base is the same as three files in a row."""
    first, second, third = trees
    assert merge(merge(first, second), third) == merge(first, merge(second, third))


@given(MAPPINGS, MAPPINGS)
def test_neither_argument_is_touched(base, difference):
    before = repr((base, difference))
    merge(base, difference)
    assert repr((base, difference)) == before


def test_lists_and_null_replace():
    assert merge({"a": [1, 2], "b": {"c": 1}, "d": 3}, {"a": [3], "b": None}) == {
        "a": [3],
        "b": None,
        "d": 3,
    }


@pytest.mark.parametrize("key", ["class_path", "name", "criterion", "head"])
def test_settings_of_one_class_are_not_those_of_another(key):
    base = {"model": {key: "A", "init_args": {"size": 3}, "depth": 2}, "kept": 1}
    other = merge(base, {"model": {key: "B", "init_args": {"width": 4}}})
    assert other == {"model": {key: "B", "init_args": {"width": 4}}, "kept": 1}
    same = merge(base, {"model": {key: "A", "init_args": {"width": 4}}})
    assert same["model"]["init_args"] == {"size": 3, "width": 4} and same["model"]["depth"] == 2
    unnamed = merge(base, {"model": {"init_args": {"size": 5}}})
    assert unnamed["model"] == {key: "A", "init_args": {"size": 5}, "depth": 2}


def test_settings_of_a_head_may_be_a_mapping():
    """``head`` names a class only where it is a word."""
    base = {"head": {"size": 1, "layers": 2}, "margin": 0.4}
    assert merge(base, {"head": {"size": 3}}) == {"head": {"size": 3, "layers": 2}, "margin": 0.4}


def test_settings_of_one_scheduler_are_not_those_of_another():
    base = {"scheduler": "warmuplr", "scheduler_conf": {"warmup_steps": 9}, "optim_conf": {"lr": 1}}
    other = merge(base, {"scheduler": "steplr", "scheduler_conf": {"step_size": 4}})
    assert other["scheduler_conf"] == {"step_size": 4} and other["optim_conf"] == {"lr": 1}
    assert merge(base, {"scheduler": "steplr"}) == {"scheduler": "steplr", "optim_conf": {"lr": 1}}
    assert merge(base, {"scheduler": "warmuplr", "scheduler_conf": {"a": 1}})["scheduler_conf"] == {
        "warmup_steps": 9,
        "a": 1,
    }


def test_bases_come_first_and_deeper_ones_before(tmp_path):
    (tmp_path / "shared").mkdir()
    write(
        tmp_path / "shared", deep="a: 1\nb: 1\nc: 1\nd: 1\n", middle="base: deep.yaml\nb: 2\nc: 2\n"
    )
    path = write(
        tmp_path, own="base: [shared/middle.yaml, second.yaml]\nd: 4\n", second="c: 3\nd: 3\n"
    )
    assert read_settings(path) == {"a": 1, "b": 2, "c": 3, "d": 4}
    names = ["shared/deep", "shared/middle", "second", "own"]
    assert settings_files(path) == [tmp_path / f"{name}.yaml" for name in names]
    assert read_settings(path, tmp_path / "second.yaml")["d"] == 3
    assert read_settings() == {}


def test_a_shared_base_is_read_twice_and_is_no_circle(tmp_path):
    path = write(
        tmp_path, own="base: [a.yaml, b.yaml]", a="base: c.yaml\nx: 2", b="base: c.yaml", c="x: 1"
    )
    assert read_settings(path) == {"x": 1}
    assert [file.stem for file in settings_files(path)] == ["c", "a", "b", "own"]


@pytest.mark.parametrize(
    "files, sentence",
    [
        ({"a": "base: none.yaml"}, "none.yaml, a base of .*a.yaml: No such file"),
        ({"a": "base: a.yaml"}, "a.yaml is its own base"),
        ({"a": "base: b.yaml", "b": "base: [a.yaml]"}, "is its own base, by way of .*b.yaml"),
        ({"a": "base: b.yaml", "b": "a: ["}, "b.yaml, a base of .*a.yaml is no YAML"),
        ({"a": "base: b.yaml", "b": "- 1"}, "b.yaml, a base of .*a.yaml must hold"),
        ({"a": "base: 3"}, "'base' must be a file or a list of files, not 3"),
        ({"a": "base: {b: c}"}, "'base' must be a file or a list of files"),
    ],
)
def test_bases_that_cannot_be(tmp_path, files, sentence):
    path = write(tmp_path, **files)
    for read in (read_settings, settings_files):
        with pytest.raises(ConfigError, match=sentence) as error:
            read(path)
        assert "\n" not in str(error.value)


def test_numbers_with_an_exponent_are_numbers(tmp_path):
    path = write(tmp_path, a="x: 1e-3\ny: [-2.5E+4, .5e1]\nz: e3\nw: .inf\nv: 12\n")
    assert read_settings(path) == {
        "x": 1e-3,
        "y": [-2.5e4, 5.0],
        "z": "e3",
        "w": float("inf"),
        "v": 12,
    }
    assert yaml.safe_load("x: 1e-3") == {"x": "1e-3"}  # why there is a loader of our own
