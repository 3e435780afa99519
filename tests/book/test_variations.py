"""The chapters at the other parameters that ``book/variations.yml`` lists."""

from pathlib import Path

from dmfbook.workflow.execution.execute import execute, variation_runs
from dmfbook.workflow.sources.notebooks import Book
from dmfbook.workflow.system.locks import alone


def test_chapters_run_at_every_variation():
    # Executed two at a time and kept in `_build`, as `make book` does with the defaults.
    book = Book.find(Path(__file__).parents[2])
    with alone(book.built / "variations"):
        execute(book, variation_runs(book))
