"""One chapter with parameters of one's own, in a folder of its own."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dmfbook.workflow import cache
from dmfbook.workflow.build import build_page, check_ours, check_text
from dmfbook.workflow.errors import BookError
from dmfbook.workflow.execute import NO_HURRY, Limits, Run, execute
from dmfbook.workflow.files import check_writable, recover
from dmfbook.workflow.locks import alone
from dmfbook.workflow.notebooks import Book, Chapter

# What ``_build`` holds besides runs; each is made from the sources alone.
_MADE = ("executed", "failed", "html", "matplotlib", "variations")


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
    folder = parent / chapter.name / _spelled(values)
    sources = [book.root / "book", *(path for path in book.root.glob(".?*") if path.is_dir())]
    if (book.root / "pyproject.toml").is_file():
        sources += [book.root / name for name in ("dmfbook", "tests", "benchmarks")]
    for place in [*sources, cache.PACKAGE, *(book.built / name for name in _MADE)]:
        if place.exists() and any(
            above.exists() and above.samefile(place)
            for above in [parent, *folder.resolve().parents]
        ):
            raise BookError(
                f"results do not go into {parent}: {place} holds the book's sources, or what is"
                " made of them alone; give another --output"
            )
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
        return build_page(book, run, pages) if page else None


def _spelled(values: Mapping[str, Any]) -> str:
    """Return a folder's name that says the parameters, and is another one for others."""
    if not values:
        return "defaults"
    text = repr(sorted(values.items()))
    words = "-".join(f"{name}={value}" for name, value in sorted(values.items()))
    readable = re.sub(r"[^A-Za-z0-9.=]+", "-", words).strip("-")[:60]
    return f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
