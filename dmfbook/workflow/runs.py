"""One chapter with parameters of one's own, in a folder of its own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dmfbook.workflow.execution import cache
from dmfbook.workflow.execution.execute import NO_HURRY, Limits, Run, execute
from dmfbook.workflow.execution.places import check_place, readable
from dmfbook.workflow.pages.build import build_page, check_ours, check_text
from dmfbook.workflow.sources.notebooks import Book, Chapter
from dmfbook.workflow.system.errors import BookError
from dmfbook.workflow.system.files import check_writable, recover
from dmfbook.workflow.system.locks import alone


def plan_run(
    book: Book, chapter: Chapter, values: Mapping[str, Any], output: Path | None = None
) -> Run:
    """Say where a run of a chapter goes: no two of other parameters share a folder.

    Parameters
    ----------
    book : Book
        The book.
    chapter : Chapter
        What to execute.
    values : mapping of str to object
        Parameters to set, checked.
    output : Path, optional
        Folder for the results of all runs; ``_build/runs`` without it.

    Returns
    -------
    Run
        To be handed to `carry_out`; into ``output/CHAPTER/PARAMETERS``.

    Raises
    ------
    BookError
        If the folder is one of the book's sources or is made from them, or cannot be written.
    """
    parent = (output or book.built / "runs").resolve()
    folder = parent / chapter.name / f"{readable(values)}"
    check_place(book, [parent, *folder.resolve().parents])
    check_writable(parent)
    return Run(chapter, folder / chapter.source.name, dict(values))


def carry_out(book: Book, run: Run, page: bool = True, limits: Limits = NO_HURRY) -> Path | None:
    """Execute a planned run, if it changed, and build its page.

    Parameters
    ----------
    book : Book
        The book.
    run : Run
        What `plan_run` returned.
    page : bool, optional
        Whether to build a page.
    limits : Limits, optional
        How long it may take.

    Returns
    -------
    Path or None
        The page.

    Raises
    ------
    BookError
        If there is anything in its place that is not ours; nothing is executed.
    BuildError
        If the execution or the page fails; what an earlier run left is as it was.
    """
    pages = run.target.with_name("page")
    with alone(run.target.parent):
        recover(pages)
        check_ours(pages)
        if os.path.lexists(run.target) and cache.stored_key(run.target) is None:
            raise BookError(
                f"{run.target} was not made here, or was edited since; move it away,"
                " or give another --output"
            )
        if page:
            check_text(book)
        execute(book, [run], limits)
        return build_page(book, run, pages, _themes(run), limits) if page else None


def _themes(run: Run) -> Path:
    """Where the themes of all runs stand, beside the folders of the chapters."""
    return run.target.parents[2] / "themes"
