"""Hook of mkdocs (mkdocs.yml): a page has the place in the site that it has in the repository.

So its links hold in both.
"""

from __future__ import annotations

import re
from pathlib import Path

from markdown import Markdown
from markdown.extensions import Extension
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("*.md", "docs/*", "egs/[!T]*/*/*.md", "sslse/models/*/*.md")  # not the TEMPLATE of recipes
LINK = re.compile(r"(?<=\]\()([^)\s:#]+)(?=\))")


class ListsOfThree(Extension):
    """What belongs to an item of a list stands three blanks further, as on forges, not four."""

    def extendMarkdown(self, md: Markdown) -> None:
        md.tab_length = 3
        md.build_parser()


def on_config(config: MkDocsConfig) -> None:
    """Let the extension come first: it makes the parser that others add to."""
    config.markdown_extensions.insert(0, ListsOfThree())


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of ``docs_dir`` by those of the repository."""
    for file in [file for file in files if file.src_dir == config.docs_dir]:
        files.remove(file)
    for path in sorted(path for pattern in PAGES for path in ROOT.glob(pattern)):
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Let a link to a folder show its README.md, as forges do."""
    folder = Path(page.file.abs_src_path).parent

    def target(link: re.Match) -> str:
        readme = folder / link.group() / "README.md"
        return f"{link.group().rstrip('/')}/README.md" if readme.is_file() else link.group()

    return LINK.sub(target, markdown)
