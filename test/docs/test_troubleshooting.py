"""Each sentence that the page on troubleshooting quotes is one that the code says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/troubleshooting.md"
SCRIPTS = ("bin/sslse", "tools/install.sh", "utils/*.sh", "egs/TEMPLATE/*.sh")


def literal(node: ast.AST) -> str:
    """Return the text of a string, with … for what is put into it; "" for another node."""
    if isinstance(node, ast.JoinedStr):
        return "".join(literal(part) or "…" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (literal(node.left) or "…") + (literal(node.right) or "…")
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def said_in_python(source: str) -> set[str]:
    return {text for node in ast.walk(ast.parse(source)) if (text := literal(node))}


def said_in_shell(source: str) -> set[str]:
    """Return the commands of a script: their words as one text, with … for values."""
    source, count = re.sub(r'"\s*\\\n\s*"', " ", source), 1
    while count:  # the innermost first
        source, count = re.subn(r"\$\{[^{}$]*\}|\$\([^()$]*\)|\$\w+|\$\*", "…", source)
    return set(source.splitlines())


@pytest.fixture(scope="module")
def said() -> set[str]:
    python = [*ROOT.glob("sslse/**/*.py"), *ROOT.glob("utils/*.py")]
    scripts = [path for pattern in SCRIPTS for path in ROOT.glob(pattern)]
    found = [said_in_python(path.read_text()) for path in python]
    return set().union(*found, *(said_in_shell(path.read_text()) for path in scripts))


def quotes(page: str) -> list[str]:
    return re.findall(r"^> (.*)$", page, re.M)


def test_every_quoted_sentence_is_said(said):
    lost = [quote for quote in quotes(PAGE.read_text()) if not any(quote in text for text in said)]
    assert lost == []


def test_the_page_quotes_sentences_and_answers_each():
    page = PAGE.read_text()
    assert 25 <= len(quotes(page)) == len(set(quotes(page)))
    assert min(len(quote.replace("…", "").strip()) for quote in quotes(page)) > 10
    for answer in re.findall(r"^> .*\n\n(.*)", page, re.M):
        assert answer[:1] not in ("", "#", ">"), answer


@pytest.mark.parametrize(
    "source, text",
    [
        ('raise E(f"{path} has no {kind}; " "add it")', "… has no …; add it"),
        ('raise E("ended with " + (f"{a}" if b else "x") + "!")', "ended with …!"),
        ('say("as it is")', "as it is"),
    ],
)
def test_placeholders_of_python(source, text):
    assert text in said_in_python(source)


def test_placeholders_of_shell():
    script = 'die "no ${a} at $(cd "$b" && pwd);" \\\n    "see $0"\n'
    assert any("no … at …" in line and "; see" in line for line in said_in_shell(script))
