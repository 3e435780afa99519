"""Links of the built pages, read as files."""

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.book

# Attributes by which a page loads something as soon as it is opened.
LOADS = {
    ("audio", "src"),
    ("embed", "src"),
    ("iframe", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("link", "href"),
    ("object", "data"),
    ("script", "src"),
    ("source", "src"),
    ("video", "src"),
}


class Anchors(HTMLParser):
    """The ids of a page, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            elif (tag, name) in LOADS and value:
                self.loads.append(value)
            elif (tag, name) == ("a", "href") and value:
                self.links.append(value)
            elif (tag, name) == ("meta", "content") and value and "url=" in value:
                self.links.append(value.partition("url=")[2])


@cache
def anchors(path: Path) -> Anchors:
    return Anchors(path.read_text(encoding="utf-8"))


def test_links_lead_somewhere(html: Path, page: Path) -> None:
    assert broken_links(html / page) == []


def test_start_leads_to_the_first_page(html: Path) -> None:
    assert anchors(html / "index.html").links == ["book/intro.html"]
    assert broken_links(html / "index.html") == []


def broken_links(here: Path) -> list[str]:
    """Return the links of a page to what does not exist."""
    broken = []
    for link in anchors(here).links + anchors(here).loads:
        address = urlsplit(link)
        if address.scheme:
            continue
        target = (here.parent / unquote(address.path)).resolve() if address.path else here
        fragment = unquote(address.fragment)
        if not (target.is_file() and (not fragment or fragment in anchors(target).ids)):
            broken.append(link)
    return broken


def test_page_loads_nothing_from_elsewhere(html: Path, page: Path) -> None:
    loads = anchors(html / page).loads
    assert [load for load in loads if urlsplit(load).netloc] == []


def test_ids_are_unique(html: Path, page: Path) -> None:
    ids = anchors(html / page).ids
    assert sorted({one for one in ids if ids.count(one) > 1}) == []
