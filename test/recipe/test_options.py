"""Options go from the shell to Python and back unchanged; the stronger source holds."""

from __future__ import annotations

import io
import subprocess
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.cli.main import main
from sslse.errors import ConfigError
from sslse.recipe.options import describe, read_options, settle

NAMES = st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True)
# What a shell variable can hold; the shell and we write UTF-8.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
WILD = st.one_of(
    TEXTS, st.sampled_from(["'", '"', "$(touch x)", "`id`", "a\nb\n", "\\", "=+", "~"])
)


@given(st.dictionaries(NAMES, WILD), st.data())
def test_the_record_of_options_is_read_as_it_was_written(values, data):
    asked = {name for name in values if data.draw(st.booleans())}
    record = "".join(f"{'+' * (name in asked)}{name}={value}\0" for name, value in values.items())
    assert read_options(record.encode()) == (values, asked)


SCRIPT = r"""
title=""  # any text
flag=false  # true or false
nj=1  # number
utils=$1 && shift
. "${utils}/parse_options.sh"
parse_options_records
"""


@settings(max_examples=15)
@given(value=WILD, follows=st.booleans())
def test_the_shell_writes_that_record(repository, tmp_path_factory, value, follows):
    script = tmp_path_factory.getbasetemp() / "record.sh"
    script.write_text(SCRIPT)
    words = ["--title", value] if follows else [f"--title={value}"]
    done = subprocess.run(
        ["bash", script, repository / "utils", *words, "--flag", "true"],
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stderr
    assert read_options(done.stdout) == (
        {"title": value, "flag": "true", "nj": "1"},
        {"title", "flag"},
    )


EVALUATE = """set -eu
settled=$(cat)
eval "${settled}"
printf '%s\\0' "${title}" "${train_args}" "${seeds}"
"""


@pytest.fixture(scope="module")
def method_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("method") / "m.yaml"
    path.write_text("always: []\n")
    return path


def planned(stage, method_file, values):
    """Return what ``sslse plan`` prints for these options."""
    record = "".join(f"{name}={value}\0" for name, value in values.items()).encode()
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="", write_through=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(record)))
        patch.setattr(sys, "stdout", out)
        status = main(["plan", stage, "--method", str(method_file)])
    return status, out.buffer.getvalue()


@settings(max_examples=15)
@given(title=WILD, train_args=WILD)
def test_the_shell_gets_back_what_it_said(method_file, title, train_args):
    """Whatever is in it: quotes, lines, a command in parentheses."""
    values = {"title": title, "train_args": train_args, "seeds": "0"}
    status, assignments = planned("options", method_file, values)
    assert status == 0
    done = subprocess.run(
        ["bash", "-c", EVALUATE],
        input=assignments,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().split("\0") == [title, train_args, "0", ""]


def test_command_line_over_table_over_recipe_over_method(make_method, options):
    method = make_method("options: {metrics: [recipe, one], backends: [voices], seeds: 7}")
    assert (
        settle(make_method(), {**options, "variants": "x"}, ())["variants"] == "tuned"
    )  # the method's own
    recipe = settle(method, options, ())
    assert [recipe[name] for name in ("metrics", "backends", "seeds")] == [
        "recipe one",
        "voices",
        "7",
    ]
    table = settle(method, {**options, "table": "1"}, {"table"})
    assert [table[name] for name in ("metrics", "seeds")] == ["sdr", "3 4"]
    assert (table["variants"], table["backends"]) == ("tuned tuned_other", "voices")
    line = settle(
        method, {**options, "table": "1", "seeds": "9", "variants": ""}, {"seeds", "variants"}
    )
    assert (line["seeds"], line["variants"], line["metrics"]) == ("9", "", "sdr")
    figure = settle(method, {**options, "figure": "2", "oa_weights": "0.1"}, {"figure"})
    assert (figure["oa_weights"], figure["backends"]) == ("", "voices")
    assert {name for name in options if options[name] != recipe[name]} == {
        *("metrics", "backends", "seeds")
    }


def test_options_hold_where_another_one_is_given(make_method, options):
    """By the command line, or by the recipe; an empty value on the command line takes it away."""
    rule = "with: {teacher_model: {variants: [tuned_other], nj: 7}}"
    method, recipe = make_method(rule), "options: {teacher_model: some/where}\n" + rule
    assert settle(method, options, ())["variants"] == "tuned"
    given = {**options, "teacher_model": "t"}
    found = settle(method, given, {"teacher_model"})
    assert (found["variants"], found["nj"]) == ("tuned_other", "7")
    assert settle(method, given, {"teacher_model", "nj"})["nj"] == options["nj"]
    assert settle(make_method(recipe), options, ())["variants"] == "tuned_other"
    assert settle(make_method(recipe), options, {"teacher_model"})["variants"] == "tuned"


@pytest.mark.parametrize(
    ("values", "extension", "words"),
    [
        (
            {"variants": "tuned tuned_othr"},
            "",
            "--variants: no 'tuned_othr'; did you mean 'tuned_o",
        ),
        ({"backends": "wrods"}, "", "--backends: no 'wrods'; did you mean 'words'?"),
        ({"table": "3"}, "", "--table: no '3'; known are 1"),
        ({"figure": "9"}, "", "--figure: no '9'; known are 2"),
        ({"table": "1", "figure": "2"}, "", "--table and --figure: give one of them"),
        ({}, "options: {metircs: sdr}", "no option 'metircs'; did you mean 'metrics'?"),
        ({}, "options: {backends: [wrods]}", "--backends: no 'wrods'"),
        ({"max_utts": "dnsmos"}, "", "--max_utts: 'dnsmos' is no METRIC=NUMBER, such as dnsmos=40"),
        ({"max_utts": "dnsmos=0"}, "", "--max_utts: 'dnsmos=0' is no METRIC=NUMBER"),
        ({"seeds": ""}, "", "--seeds: '' is no list of whole numbers"),
        ({"seeds": "0 x"}, "", "--seeds: '0 x' is no list of whole numbers"),
        ({"oa_weights": "0.1 half"}, "", "--oa_weights: 'half' is no number of 0 to 1"),
        ({"oa_form": "ad"}, "", "--oa_form: no 'ad'; did you mean 'add'"),
        ({"oa_weights": "1.5"}, "", "--oa_weights: '1.5' is no number of 0 to 1"),
        ({"oa_weights": "0.1 0.2", "backends": "voices"}, "", "--backends needs a recogniser"),
        ({"weights": "", "backends": "search"}, "", "--weights: '' is no list of numbers"),
    ],
)
def test_what_is_wrong_is_one_sentence(make_method, options, values, extension, words):
    with pytest.raises(ConfigError) as caught:
        settle(make_method(extension), {**options, **values}, set(values))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_several_weights_need_no_recogniser_where_another_experiment_chose(make_method, options):
    values = {"oa_weights": "0.1 0.2", "backends": "voices", "se_exp": "../other/exp"}
    assert settle(make_method(), {**options, **values}, set(values))["oa_weights"] == "0.1 0.2"


def test_help_lists_everything_and_marks_what_is_default(make_method):
    method = make_method()
    lines = describe(method).splitlines()
    for section in ("variants", "backends"):
        for name in method.names(section):
            (line,) = [line for line in lines if line[2:].split(" ")[0] == name]
            assert line.startswith("*") == (name in ("tuned", "words"))
            assert line.endswith(method.entries[name].get("label", name))
    assert any("--table 1 " in line and line.endswith("a table") for line in lines)
    assert any("--figure 2 " in line and line.endswith("a figure") for line in lines)
