"""What the pages tell a reader to type is understood: scripts, commands, options, values.

The command lines of recipes are planned, too: test/recipes/test_typed_commands.py.
"""

from __future__ import annotations

import argparse
import doctest
import importlib
import re
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from sslse.cli.main import COMMANDS

from ..pages import PAGES, ROOT, commands, is_recipe, name, script_of, spoken, typed

# The shell's own words, other programs, and what a file of a stage calls.
OTHERS = {*". cat cd export mkdir tar arecord aplay ffmpeg mkdocs run_planned".split()}
FREE = r"--(model|data|trainer)\."  # options that a configuration has
DOCKER = {"--rm": 0, "-v": 1, "-t": 1, "--entrypoint": 1}  # options, with their numbers of values


class Parser(argparse.ArgumentParser):
    """A parser that raises what it would print."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options of a parser and of the parsers below it."""
    found = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*map(options_of, action.choices.values()))
    return found


def options_in(words: list[str]) -> list[str]:
    names = [word.split("=")[0] for word in words]
    return [name for name in names if re.fullmatch(r"--?[A-Za-z][\w.-]*", name)]


def sslse_fault(words: list[str], whole: bool = True) -> str | None:
    """Return what ``sslse`` would answer; of a command that is not whole, unknown names alone."""
    if not words or words[0] in ("--help", "--version"):
        return None
    name, *rest = words
    if name not in COMMANDS:
        return f"sslse has no command {name}"
    module = importlib.import_module(f"sslse.cli.{name.replace('-', '_')}")
    parser = Parser(prog=f"sslse {name}", allow_abbrev=False)
    module.add_arguments(parser)
    known = options_of(parser)
    forwards = getattr(module, "FORWARDS", False)
    for option in options_in(rest):
        if option not in known and not (forwards and re.match(FREE, option)):
            return f"sslse {name} has no option {option}"
    if whole and "--help" not in rest:
        try:
            parser.parse_known_args(rest) if forwards else parser.parse_args(rest)
        except ValueError as error:
            return f"sslse {name}: {error}"
    return None


def docker_fault(words: list[str]) -> str | None:
    """Return what is wrong with a command of docker: its options, or the command in the image."""
    program, rest = None, iter(words[1:])
    for word in rest:
        if not word.startswith("-"):
            break
        if word not in DOCKER:
            return f"docker {words[0]} has no option {word}"
        value = next(rest) if DOCKER[word] else None
        if word == "--entrypoint":
            program = value.removeprefix("/opt/sslse/")
    if words[0] == "build":
        return None if (ROOT / "Dockerfile").is_file() else "there is no Dockerfile"
    return fault([program, *rest], ROOT) if program else sslse_fault(list(rest))


def fault(words: list[str], folder: Path) -> str | None:
    """Return what is wrong with a command that is typed in a folder, if anything is."""
    program, *rest = words
    if program in OTHERS:
        return None
    if program == "docker":
        return docker_fault(rest)
    script = script_of(folder, program)
    if program == "sslse" or (script and script.resolve() == ROOT / "bin/sslse"):
        return sslse_fault(rest)
    return script_fault(program, rest, folder)


def made_by_new_recipe(program: str) -> Path | None:
    """Return the script that ``sslse new-recipe`` copies to a place such as egs/mine/sslmse."""
    found = re.fullmatch(r"egs/\w+/(\w+)/run\.sh", program)
    script = ROOT / "egs/TEMPLATE/skeleton" / found[1] / "run.sh" if found else None
    return script if script and script.is_file() else None


def script_fault(program: str, words: list[str], folder: Path) -> str | None:
    """Return what is wrong with a call of a script, if anything is."""
    script = script_of(folder, program) or made_by_new_recipe(program)
    if script is None:
        return f"there is no {program}"
    text = script.read_text()
    if re.search(r'^\./run\.sh .*"\$@"$', text, re.M):  # of the recipe that is named first
        return script_fault("./run.sh", words[1:], folder / words[0])
    known = {"--help", *re.findall(r"(?<![\w-])--[\w-]+", text)}
    if is_recipe(script) or "skeleton" in script.parts:
        shared = re.search(r"\.\./superb\.sh", text) and (ROOT / "egs/superb/superb.sh").read_text()
        method = re.search(r"TEMPLATE/(\w+)\.sh", shared or text)[1]
        sources = [ROOT / f"egs/TEMPLATE/{name}.sh" for name in ("options", method)]
        text = "\n".join(source.read_text() for source in sources)
        known = {"--help"}
    known |= {f"--{name}" for name in re.findall(r"^(\w+)=.* # ", text, re.M)}
    for option in options_in(words):
        if option.replace("-", "_").replace("__", "--", 1) not in known and option not in known:
            return f"{program} {words[0]} has no option {option}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_a_page_says_to_type_is_understood(page):
    faults = [fault(words, folder) for folder, words in typed(page)]
    assert [sentence for sentence in faults if sentence] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_in_sentences_have_the_options_that_are_named(page):
    folder = page.parent
    for program, *rest in spoken(page.read_text()):
        if program.endswith("sslse"):
            wrong = sslse_fault([word for word in rest if word != "COMMAND"], whole=False)
        else:
            wrong = script_fault(program, rest, folder)
        assert wrong is None or re.search(r"<command>|sslse has no command --help", wrong), wrong


def test_the_pages_have_commands():
    lines = [words for page in PAGES for _, words in typed(page)]
    assert sum(words[0] in ("sslse", "bin/sslse") for words in lines) > 25
    assert sum(words[0].endswith("run.sh") for words in lines) > 90
    assert sum(words[0] == "docker" for words in lines) > 2


@pytest.mark.parametrize(
    "line, problem",
    [
        ("cat x | sslse enhanse - -o out  # a comment", "sslse has no command enhanse"),
        ("A=1 sslse enhance x \\\n  -o out --modle m", "sslse enhance has no option --modle"),
        ("sslse enhance x -o out --oa much --model m", "sslse enhance: argument --oa"),
        ("sslse pack --exp e", "sslse pack: the following arguments are required: --out"),
        ("sslse train --exp e --config c --trainer.max_steps 2", None),
        ("sslse train --exp e --steps 2", "sslse train has no option --steps"),
        ("sslse analyze errors --data d --enhanced e --out o", None),
        ("cat x.wav | sslse enhance - -o - --model m > y.wav", None),
        ('./run.sh --table 1 --train_args "--trainer.max_steps 2"', None),
        ("./run.sh --stop-stage=2", None),
        ("egs/mine/enhancement/run.sh --init default", None),
        (
            "egs/mine/enhancement/run.sh --backend x",
            "egs/mine/enhancement/run.sh --backend has no option --backend",
        ),
        ("egs/mine/enhance/run.sh", "there is no egs/mine/enhance/run.sh"),
        ("(cd x && ./run.sh --tabel 1)", "./run.sh --tabel has no option --tabel"),
        ("./run.sh --beam 4", "./run.sh --beam has no option --beam"),
        ("egs/mini/ew2/run.sh --beam 4", None),
        ("egs/superb/ic/run.sh --tabel 4", "egs/superb/ic/run.sh --tabel has no option --tabel"),
        ("tools/instal.sh", "there is no tools/instal.sh"),
        ("test/run.sh --fats", "test/run.sh --fats has no option --fats"),
        ("docker run --rm -v a:b sslse pack --exep e", "sslse pack has no option --exep"),
        ("docker run --rn sslse", "docker run has no option --rn"),
        (
            "docker run --entrypoint /opt/sslse/egs/mini/cbpc/run.sh sslse --tabel 1",
            "egs/mini/cbpc/run.sh --tabel has no option --tabel",
        ),
        ("grep x y", "there is no grep"),
    ],
)
def test_a_wrong_command_is_found(line, problem):
    problems = [fault(words, ROOT) for words in commands(line)]
    found = next(filter(None, problems), None)
    assert found == problem or (problem and found.startswith(problem))


def test_folders_are_followed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```sh\ncd egs/mini/ew2\n./run.sh\n(cd ../cbpc && ./run.sh)\n```\n")
    folders = [folder.name for folder, words in typed(page) if words[0] == "./run.sh"]
    assert folders == ["ew2", "cbpc"]


def test_the_tour_of_python_runs(tmp_path, monkeypatch):
    """The examples of docs/python.md, one after another, and its YAML in a training's criteria."""
    from sslse.systems.enhancement import EnhancementSystem

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    page = (ROOT / "docs/python.md").read_text()
    examples = "".join(re.findall(r"^```python\n(.*?)^```", page, re.S | re.M))
    test = doctest.DocTestParser().get_doctest(examples, {}, "docs/python.md", "python.md", 0)
    said: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert result.attempted > 25 and result.failed == 0, "".join(said)
    settings = yaml.safe_load(re.search(r"^```yaml\n(.*?)^```", page, re.S | re.M)[1])
    criteria = EnhancementSystem.build_criteria(settings["model"]["init_args"]["criteria"])
    assert type(criteria.criteria["l1"]).__name__ == "L1"
