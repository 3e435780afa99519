"""The chapters at the other parameters that ``book/variations.yml`` lists."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from dmfbook.workflow.execution.execute import Run, execute, variation_runs
from dmfbook.workflow.sources.notebooks import Book
from dmfbook.workflow.system.locks import alone

BOOK = Book.find(Path(__file__).parents[2])


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    """Execute two at a time and keep in `_build`, as `make book` does with the defaults."""
    wanted = variation_runs(BOOK)
    with alone(BOOK.built / "variations"):
        execute(BOOK, wanted)
    return wanted


def said(notebook: Any) -> set[str]:
    """Return the printed lines that say whether something is true, without the numbers in them."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    texts = ["".join(o.get("text", "")) for cell in code for o in cell["outputs"]]
    lines = [line for text in texts for line in text.splitlines()]
    judged = [line for line in lines if re.search(r"\b(True|False)\b", line)]
    return {re.sub(r"\d[\d.e+-]*", "#", line) for line in judged}


def test_chapters_run_at_every_variation(runs: list[Run]) -> None:
    assert all(run.target.is_file() for run in runs)


def test_what_is_printed_as_true_is_true_at_every_variation(runs: list[Run]) -> None:
    """What is printed as false at the defaults, as the prose says it is, stays false as well."""
    defaults = {run.chapter.name: said(run.chapter.notebook) for run in runs}
    assert sum(map(bool, defaults.values())) >= 5
    others = {
        (run.chapter.name, line)
        for run in runs
        for line in said(nbformat.read(run.target, as_version=4)) - defaults[run.chapter.name]
    }
    assert others == set()
