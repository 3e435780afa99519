"""What the prose says of pictures: a number wherever the picture meant is not the one that stands beside the words."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dmfbook.workflow.sources.cells import read_notebook

PICTURE = r"(?:pictures?|figures?|plots?|panels?|columns? of the picture)"
# Words that count pictures, or point to one far away; a number stays right when cells move.
STALE = re.compile(
    rf"\b(?:first|second|third|opening|next|last|previous|earlier) {PICTURE}\b"
    rf"|\b{PICTURE} (?:above|below)\b|\b(?:above|preceding|following) {PICTURE}\b",
    re.IGNORECASE,
)
NEARBY = re.compile(
    r"\b(?:(?:the|this|both) (?:pictures?|figure|plot)|"
    r"(?:the|every|each) (?:(?:left|right|middle|upper|lower|lowest|top|bottom) )?panels?)\b"
    r"(?! of \{numref\})",
    re.IGNORECASE,
)
BREAK = re.compile(r"^#|^[:`]{3,}\{prf:", re.MULTILINE)
NUMBERED = re.compile(r"\{numref\}`(?:[^`<]*<)?([^`>]+)>?`")


def prose(cell: dict[str, Any]) -> str:
    """Text of a cell, without what explorers say of their own pictures."""
    text = "".join(cell["source"]) if cell["cell_type"] == "markdown" else ""
    return re.sub(r"^:::\{explorer\}.*?^:::$", "", text, flags=re.DOTALL | re.MULTILINE)


def is_drawing(cell: dict[str, Any]) -> bool:
    return "alt" in cell["metadata"].get("mystnb", {}).get("image", {})


def far_from_any(cells: list[dict[str, Any]]) -> Iterator[str]:
    """Words on "the picture" with a heading or a statement between them and the next one either way."""
    texts = ["\n\n@@\n" if is_drawing(cell) else prose(cell) for cell in cells]
    text = "\n\n".join(texts)
    for match in NEARBY.finditer(text):
        before = text[: match.start()].rpartition("@@")
        after = text[match.end() :].partition("@@")
        ways = [part for part, mark in ((before[2], before[1]), (after[0], after[1])) if mark]
        if all(BREAK.search(way) for way in ways):
            yield text[max(0, match.start() - 60) : match.end() + 60]


def test_what_is_stale_and_what_is_far() -> None:
    assert STALE.search("as the picture above shows") and STALE.search("The opening picture")
    assert not STALE.search("The picture shows") and not STALE.search("{numref}`fig-a` shows")
    figure = {"cell_type": "code", "metadata": {"mystnb": {"image": {"alt": "Lines."}}}}
    words = {"cell_type": "markdown", "metadata": {}, "source": ["The picture shows lines."]}
    title = {"cell_type": "markdown", "metadata": {}, "source": ["## Next"]}
    assert not [*far_from_any([words, figure])] and not [*far_from_any([figure, words])]
    assert [*far_from_any([words, title, figure])] and [*far_from_any([figure, title, words])]


def test_a_picture_far_away_has_its_number(notebook: Path, root: Path) -> None:
    cells = read_notebook(root / "book" / notebook)["cells"]
    stale = [match[0] for cell in cells for match in STALE.finditer(prose(cell))]
    assert stale == []
    assert [*far_from_any(cells)] == []


def test_every_number_leads_to_a_figure(root: Path) -> None:
    notebooks = [*(root / "book").rglob("*.ipynb")]
    cells = [cell for path in notebooks for cell in read_notebook(path)["cells"]]
    figures = {f"fig-{cell['id']}" for cell in cells if is_drawing(cell)}
    texts = [
        *map(prose, cells),
        *(path.read_text("utf-8") for path in (root / "book").glob("*.md")),
    ]
    asked = {name for text in texts for name in NUMBERED.findall(text)}
    assert asked and asked <= figures


@pytest.mark.book
def test_every_number_is_written(html: Path, page: Path, root: Path) -> None:
    """As *Figure 12.1*, which is the number that stands below the picture."""
    text = (html / page).read_text(encoding="utf-8")
    for address, said in re.findall(
        r'href="([^"]*#fig-[^"]+)"><span class="std std-numref">([^<]*)<', text
    ):
        name = address.rpartition("#")[2]
        target = (
            (html / page.parent / address.partition("#")[0]) if address[0] != "#" else html / page
        )
        figure = target.read_text(encoding="utf-8").split(f'id="{name}"')[1]
        number = re.search(r'caption-number">(Figure [\d.]+) <', figure)
        assert number and number[1] == said
    assert "{numref}" not in text
