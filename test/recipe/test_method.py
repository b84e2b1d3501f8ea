"""The entries of a method: what is like another, what a recipe changes, what is refused."""

import pytest

from sslse.errors import ConfigError


def test_an_entry_like_another_has_its_keys_and_its_own_above_them(make_method):
    entries = make_method().entries
    assert entries["tuned_other"] == {
        **entries["tuned"],
        "like": "tuned",
        "label": "tuned by another",
        "set": {
            "model.teacher": "{teacher_other}",
            "model.alpha": None,
            "model.front": {"name": "x"},
        },
    }
    # The key that is null is gone, also for those that are like that one.
    assert "given" not in entries["teacher_other"]
    assert "label" not in entries["voices"] and "words" not in entries["turns"]
    assert entries["turns"]["model"] == "downstream"


def test_a_recipe_adds_changes_and_takes_away(make_method):
    method = make_method("""
variants:
  clean: null
  more: {like: tuned_other, label: more}
  first: {config: conf/mine.yaml}
tables: {"1": {caption: mine}, "7": {caption: seven}}
figures: {"2": null}
""")
    assert "clean" not in method.entries and "more" in method.names("variants")
    assert method.entries["first"]["config"] == "conf/mine.yaml"
    assert method.entries["first"]["stage"] == "first"
    assert method.part("table", "1")["variants"] == ["tuned", "tuned_other"]
    assert method.part("table", "1")["caption"] == "mine"
    assert list(method.parts("table")) == ["1", "7"] and method.parts("figure") == {}
    assert method.labels["more"] == "more" and "words" not in method.labels


def test_what_is_changed_changes_those_that_are_like_it(make_method):
    method = make_method("variants: {tuned: {last: null, config: conf/a.yaml}}")
    assert method.entries["tuned_other"]["config"] == "conf/a.yaml"
    assert "last" not in method.entries["tuned_other"]


def test_a_recipe_without_a_file_of_its_own_has_the_method(make_method, tmp_path):
    method = make_method()
    again = type(method)(method.path, tmp_path / "nowhere.yaml")
    assert again.tree == method.tree and again.extension is None


@pytest.mark.parametrize(
    ("extension", "words"),
    [
        ("variants: {tuned: {modle: x}}", "'tuned' has no key 'modle'; did you mean 'model'?"),
        ("variants: {x: {like: tunde}}", "'x' is like 'tunde', which is no entry; did you mean 't"),
        (
            "variants: {a: {like: b}, b: {like: c}, c: {like: b}}",
            "b is like c is like b, which has no end",
        ),
        ("variants: {a: {like: a}}", "a is like a, which has no end"),
        ("models: {tuned: {stage: x}}", "'tuned' stands in models and in variants; give one"),
        ("varaints: {x: {}}", "no key 'varaints'; did you mean 'variants'?"),
        ("tables: {'1': {backend: []}}", "'table 1' has no key 'backend'; did you mean 'backends"),
        ("paper: {citaton: x}", "'paper' has no key 'citaton'; did you mean 'citation'?"),
        ("tables: {1: {caption: x}}", "table 1: write its number in quotes"),
        ("variants: {a: text}", "'a' must hold keys, not 'text'"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_the_file(make_method, extension, words):
    with pytest.raises(ConfigError) as caught:
        make_method(extension)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert "method.yaml with " in str(caught.value) and "own.yaml: " in str(caught.value)


def test_a_name_or_part_that_is_not_there_names_the_nearest(make_method):
    method = make_method()
    method.check("variants", ["tuned", "noisy"], "variants")
    with pytest.raises(ConfigError, match="--variants: no 'tunned'; did you mean 'tuned'?"):
        method.check("variants", ["tuned", "tunned"], "variants")
    with pytest.raises(ConfigError, match="--backends: no 'first'; known are words, voices"):
        method.check("backends", ["first"], "backends")
    with pytest.raises(ConfigError, match="--table: no '9'; known are 1"):
        method.part("table", "9")
