"""What the pages of the project tell a reader to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("egs/[!T]*/*/README.md"),
    *ROOT.glob("sslse/models/*/README.md"),
]
RECIPE = ROOT / "egs/mini/sslmse"  # where a page that names no folder stands
SEPARATORS = {"|", "||", "&&", ";", "(", ")", "&"}
OUTPUT = {">", ">>"}


def name(path: Path) -> str:
    """Return what a page or script is called in the checkout."""
    return str(path.relative_to(ROOT))


def blocks(page: str) -> list[str]:
    """Return the fenced blocks of a page that a reader types into a shell."""
    return re.findall(r"^ *```sh\n(.*?)^ *```", page, re.S | re.M)


def commands(block: str) -> Iterator[list[str]]:
    """Yield the words of each command of a block, without variables before it and files after >."""
    for line in block.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        into_file = False
        for word in [*lexer, ";"]:
            if word in SEPARATORS:
                if command:
                    yield command
                command, into_file = [], False
            elif into_file or word in OUTPUT:
                into_file = word in OUTPUT
            elif command or not re.match(r"\w+=", word):
                command.append(word)


def typed(page: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield the folder in which each command of a page is typed, and its words."""
    folder = page.parent if (page.parent / "run.sh").exists() else ROOT
    for block in blocks(page.read_text()):
        for words in commands(block):
            if words[0] == "cd":
                target = (folder / words[1], ROOT / words[1])
                made = folder if words[1].startswith("..") else target[1]  # by the page before
                folder = next((path.resolve() for path in target if path.is_dir()), made)
            yield folder, words


def spoken(page: str) -> list[list[str]]:
    """Return the commands that stand in the sentences of a page; what … stands for is left out."""
    text = re.sub(r"^ *```.*?^ *```", "", page, flags=re.S | re.M)
    spans = re.findall(r"`((?:sslse|bin/sslse|\./run\.sh|tools/install\.sh) [^`]*)`", text)
    return [shlex.split(span.replace("…", "")) for span in spans]


def script_of(folder: Path, program: str) -> Path | None:
    """Return the script that a command names, from its folder, the checkout or a recipe, which
    ``sslse new-recipe`` may have made as a copy of its skeleton."""
    made = re.fullmatch(r"egs/\w+/(\w+)", name(folder) if folder.is_relative_to(ROOT) else "")
    if made and not folder.is_dir():
        folder = ROOT / "egs/TEMPLATE/skeleton" / made[1]
        return folder / program if (folder / program).is_file() else None
    places = (folder, ROOT, RECIPE)
    return next((place / program for place in places if (place / program).is_file()), None)


def is_recipe(script: Path) -> bool:
    """Whether a script is that of a recipe."""
    return script.name == "run.sh" and script.resolve().parents[2] == ROOT / "egs"


def recipe_options(words: list[str]) -> dict[str, str]:
    """Return the options of a recipe's command line, as ``name: value``."""
    options, rest = {}, iter(words)
    for word in rest:
        name, has_value, value = word.removeprefix("--").partition("=")
        options[name.replace("-", "_")] = value if has_value else next(rest, "")
    return options
