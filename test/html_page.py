"""A page as its elements and its text."""

from __future__ import annotations

from html.parser import HTMLParser


class HtmlPage(HTMLParser):
    """Collects the elements of a page; fails on one that is closed in the wrong place.

    Args:
        text: of the page.
    """

    VOID = {"meta", "link", "br", "input", "img"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def links(self) -> list[str]:
        """Return what the page loads and leads to."""
        return [found[key] for _, found in self.found for key in ("src", "href") if key in found]
