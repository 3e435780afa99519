"""The foot of a statement, on a page of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from dmfbook.workflow.execution.results import VERDICT
from dmfbook.workflow.pages.badges import _margin, verdicts_shown

SAID = """\
The means (thm-means)
  holds on 3 cases of 2 kinds
  refuted: one that is so long that it goes on in
    the next line
"""
STATEMENT = """\
# Means

```{prf:theorem} Arithmetic and geometric
:label: thm-means

True.
```

```{prf:lemma}
Without a label.
```
"""


def notebook(folder: Path, source: str, **verdict: object) -> Path:
    """Write an executed notebook that states something and shows its verdict."""
    label = {"label": "thm-means", "status": "new", "source": "someone2026"}
    data = label | {"cases": 3, "holds": True, "passed": True, "margin": 5.0} | verdict
    display = {"output_type": "display_data", "metadata": {}, "data": {VERDICT: data}}
    stream = {"output_type": "stream", "name": "stdout", "text": SAID.splitlines(keepends=True)}
    code = {"cell_type": "code", "execution_count": 1, "outputs": [display, stream]}
    cells = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": STATEMENT},
        code | {"id": "b", "metadata": {}, "source": source},
    ]
    path = folder / "index.ipynb"
    path.write_text(
        json.dumps(
            {
                "cells": cells,
                "metadata": {"language_info": {"name": "python", "pygments_lexer": "python"}},
                "nbformat": 4,
                "nbformat_minor": 5,
            }
        ),
        "utf-8",
    )
    return path


def built(folder: Path) -> BeautifulSoup:
    """Build the page, warnings being errors."""
    extensions = "myst_nb,sphinx_proof,dmfbook.workflow.pages.badges"
    settings = {
        "extensions": extensions,
        "author": "Nobody",
        "copyright": "2026",
        "release": "1.2",
        "nb_execution_mode": "off",
        "html_theme": "basic",
        "suppress_warnings": "mystnb.unknown_mime_type",
    }
    command = [sys.executable, "-m", "sphinx", "-C", "-q", "-W"]
    for name, value in settings.items():
        command += ["-D", f"{name}={value}"]
    done = subprocess.run(
        [*command, str(folder), str(folder / "html")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return BeautifulSoup((folder / "html" / "index.html").read_text("utf-8"), "html.parser")


def only(found: list[Tag]) -> Tag:
    """Return the only one."""
    assert len(found) == 1
    return found[0]


def test_a_statement_shows_its_verdict_and_the_cell_leaves_the_page(tmp_path: Path) -> None:
    notebook(tmp_path, "means.arithmetic.show(cases, seed)")
    page = built(tmp_path)
    details = only(page.select("#thm-means details.verdict.new.passed"))
    assert only(details.select("summary")).text == "holds on 3 cases, margin 5 · new"
    items = [item.text.strip() for item in details.select("li")]
    assert items[0] == "holds on 3 cases of 2 kinds"
    assert items[1].endswith("it goes on in the next line")
    entry = only(details.select("pre")).text
    assert "@incollection{thm-means," in entry and "{Nobody}" in entry
    assert "Arithmetic and geometric" in entry and "Version 1.2" in entry
    assert "Theorem 1, tag thm-means; after someone2026" in entry
    assert only(page.select("a.tag"))["href"] == "#thm-means"
    assert page.select("div.cell") == []


def test_a_cell_that_says_more_stays(tmp_path: Path) -> None:
    notebook(tmp_path, "means.arithmetic.show(cases, seed)\nprint(1)")
    page = built(tmp_path)
    assert len(page.select("#thm-means details.verdict")) == 1
    assert len(page.select("div.cell")) == 1


def test_a_verdict_of_another_statement_stays_where_it_is(tmp_path: Path) -> None:
    path = notebook(tmp_path, "means.arithmetic.show(cases, seed)", label="thm-elsewhere")
    path.write_text(path.read_text("utf-8").replace("(thm-means)", "(thm-elsewhere)"), "utf-8")
    page = built(tmp_path)
    assert page.select("details.verdict") == []
    assert len(page.select("div.cell")) == 1


def test_a_failure_shows(tmp_path: Path) -> None:
    notebook(tmp_path, "a.b.show(cases, seed)", holds=False, passed=False, margin=0.5)
    summary = only(built(tmp_path).select("details.verdict.failed > summary"))
    assert summary.text == "FAILS on 3 cases, margin 0.5 · new"


def test_text_goes_with_its_own_verdict(tmp_path: Path) -> None:
    path = notebook(tmp_path, "means.arithmetic.show()")
    (shown,) = verdicts_shown(path)
    assert shown.text == SAID.split("\n", 1)[1]
    assert (shown.cell, shown.alone) == (1, True)


@pytest.mark.parametrize(
    ("margin", "said"),
    [
        (None, "no error"),
        (6.42, "margin 6.4"),
        (0.5, "margin 0.5"),
        (284.6, "margin 280"),
        (30741.1, "margin 3·10⁴"),
    ],
)
def test_margins(margin: float | None, said: str) -> None:
    assert _margin(margin) == said
