"""The pages of the package: their mathematics is set, nothing of how docstrings write it is left."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from dmfbook.workflow.pages.reference.transcription import SIGNS

pytestmark = pytest.mark.book

# What other text has too, and what stands for a letter with an index.
ORDINARY = set("½¼−≤≥×") | set("αβγδεηθκλμξρσφω")
RAW = re.compile(rf"[{''.join(SIGNS - ORDINARY)}]|\b[A-Za-zα-ω][_^][\w{{]")


@pytest.fixture(scope="module")
def reference(html: Path) -> BeautifulSoup:
    pages = (html / "book").glob("api*.html")
    return BeautifulSoup("".join(path.read_text("utf-8") for path in pages), "html.parser")


def test_formulas_of_docstrings_are_set(reference: BeautifulSoup) -> None:
    descriptions = reference.select("dl.py > dd")
    assert sum(len(each.select("span.math")) for each in descriptions) > 300
    assert len(reference.select("dl.py em.letter sub")) > 100
    objective = reference.find(id="dmfbook.Problem").parent
    assert r"\sum" in objective.select_one("dd > p span.math").get_text()


def test_nothing_raw_is_left(reference: BeautifulSoup) -> None:
    code = [each.get_text() for each in reference.select("dl.py dd code.literal")]
    assert [each for each in code if SIGNS & set(each)] == []
    for apart in reference.select("pre, code, script, .math, .sig, cite"):
        apart.decompose()
    texts = [each.get_text() for each in reference.select("dl.py dd")]
    assert [found for text in texts for found in RAW.findall(text)] == []
