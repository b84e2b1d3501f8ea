"""What a page says to type in a recipe can be planned: its tables, variants and values exist."""

from __future__ import annotations

import re
import shlex

import pytest

from sslse.errors import ConfigError

from ..pages import PAGES, ROOT, is_recipe, name, recipe_options, script_of, typed

LINES = sorted(
    {
        (name(script.resolve().parent).removeprefix("egs/"), tuple(words[1:]))
        for page in PAGES
        for folder, words in typed(page)
        if (script := script_of(folder, words[0])) and is_recipe(script) and "--help" not in words
    }
)
GUIDE = {"ft_ssl_mse_0.3", "alpha"}  # entries that a guide has the reader write before
DATA = re.compile(r"sslse\.corpora\.(\w+)")


def plan(planner, recipe: str, words: tuple[str, ...]) -> int:
    """Return the number of jobs that a command line asks for."""
    options = recipe_options(list(words))
    return len(planner.jobs(recipe, **options))


def data_options(recipe: str) -> str:
    """Return the sources that know the options of a recipe's local/data.sh."""
    script = (ROOT / "egs" / recipe / "local/data.sh").read_text()
    called = [ROOT / f"sslse/corpora/{module}.py" for module in DATA.findall(script)]
    called += [path for path in (ROOT / "egs" / recipe / "local").glob("*.py")]
    return script + "".join(path.read_text() for path in called)


@pytest.mark.parametrize("recipe, words", LINES, ids=str)
def test_a_command_of_a_page_is_planned(planner, recipe, words):
    options = recipe_options(list(words))
    for option in shlex.split(options.get("local_data_opts", "")):
        if option.startswith("--"):
            assert re.search(rf"^{option[2:]}=|{option}\b", data_options(recipe), re.M), option
    if GUIDE & {*options.get("variants", "").split(), options.get("table", "")}:
        with pytest.raises(ConfigError, match="ft_ssl_mse_0.3|alpha"):
            plan(planner, recipe, words)
    else:
        assert plan(planner, recipe, words) > 0


@pytest.mark.parametrize(
    "recipe, words, problem",
    [
        ("mini/sslmse", ("--table", "9"), "--table: no '9'"),
        ("mini/sslmse", ("--variants", "ft_sn"), "--variants: no 'ft_sn'"),
        ("an4/cbpc", ("--seeds", "one"), "no list of whole numbers"),
        ("mini/sslmse", ("--full=true",), "this recipe has one size"),
    ],
)
def test_an_impossible_command_is_found(planner, recipe, words, problem):
    with pytest.raises(ConfigError, match=problem):
        plan(planner, recipe, words)


def test_the_pages_have_commands_of_many_recipes():
    assert len({recipe for recipe, _ in LINES}) > 20 and len(LINES) > 60
