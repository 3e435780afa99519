"""Symbols of the notation page, and where chapters use them first."""

import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from dmfbook.workflow.pages.symbols import key

NOTATION = r"""# Notation

:::{div} symbols
| symbol | meaning | in code | first used |
|---|---|---|---|
| $\sigma_i$ | value | | [One](one/a.md), [Two](two/b.md) |
| $w_-$, $w_+$ | roots | | [One](one/a.md) |
| $w_i$ | mode | | [Two](two/b.md) |
:::

:::{div} symbols
| symbol | meaning | in code | used in |
|---|---|---|---|
| $q$ | rank | | [Two](two/b.md) |
:::
"""
SETTINGS = """extensions = ["myst_parser", "sphinx_design", "sphinx.ext.mathjax", "dmfbook.workflow.pages.symbols"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
html_theme = "basic"
"""
FIRST = (
    r"# One $\sigma_1$"
    + "\n\n"
    + r"A $\sigma_1, \sigma_2$, $\sigma_2 = 2$, $\sigma_3$, $w_+$ and $q$."
)
SECOND = "# Two\n\nHere $q$, and $w_1$."


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a small book."""
    folder = tmp_path_factory.mktemp("book")
    for name, text in {"notation": NOTATION, "one/a": FIRST, "two/b": SECOND}.items():
        path = folder / "book" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    contents = "# Book\n\n```{toctree}\nbook/notation\nbook/one/a\nbook/two/b\n```\n"
    (folder / "index.md").write_text(contents, "utf-8")
    (folder / "conf.py").write_text(SETTINGS, "utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", str(folder), str(folder / "html")]
    subprocess.run(command, check=True)
    return folder / "html" / "book"


def links(path: Path, selector: str) -> list[str]:
    page = BeautifulSoup(path.read_text("utf-8"), "html.parser")
    return [str(each["href"]) for each in page.select(selector)]


def test_the_first_formula_that_begins_with_a_symbol_is_a_link(pages: Path) -> None:
    assert links(pages / "one" / "a.html", "a.symbol") == [
        "../notation.html#symbol-sigma_i",
        "../notation.html#symbol-w_minus",
    ]
    page = BeautifulSoup((pages / "one" / "a.html").read_text("utf-8"), "html.parser")
    assert r"\sigma_2 = 2" in page.find(id="use-sigma_i").get_text()


def test_a_symbol_of_some_chapters_is_none_in_others(pages: Path) -> None:
    assert links(pages / "two" / "b.html", "a.symbol") == [
        "../notation.html#symbol-q",
        "../notation.html#symbol-w_i",
    ]


def test_rows_lead_to_first_uses_where_there_are_some(pages: Path) -> None:
    assert links(pages / "notation.html", "td a") == [
        "one/a.html#use-sigma_i",
        "two/b.html",
        "one/a.html#use-w_minus",
        "two/b.html#use-w_i",
        "two/b.html#use-q",
    ]


@pytest.mark.parametrize(
    ("one", "other"), [(r"\lambda_1", r"\lambda_c"), ("w_i", "w_-"), ("d_0", "d"), ("S_k", "S")]
)
def test_what_is_no_index_makes_another_symbol(one: str, other: str) -> None:
    assert key(one) != key(other)
