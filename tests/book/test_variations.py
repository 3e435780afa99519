"""The chapters at the other parameters that ``book/variations.yml`` lists."""

from pathlib import Path

from dmfbook.workflow.execute import execute, variation_runs
from dmfbook.workflow.locks import alone
from dmfbook.workflow.notebooks import Book


def test_chapters_run_at_every_variation():
    # Executed two at a time and kept in `_build`, as `make book` does with the defaults.
    book = Book.find(Path(__file__).parents[2])
    with alone(book.built / "variations"):
        execute(book, variation_runs(book))
