"""One chapter with parameters of one's own, in a folder of its own."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dmfbook.workflow.execution import cache
from dmfbook.workflow.execution.execute import NO_HURRY, Limits, Run, execute, spelled
from dmfbook.workflow.pages.build import build_page, check_ours, check_text
from dmfbook.workflow.sources.notebooks import Book, Chapter
from dmfbook.workflow.system.errors import BookError
from dmfbook.workflow.system.files import check_writable, recover
from dmfbook.workflow.system.locks import alone

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
    folder = parent / chapter.name / f"{_readable(values)}{spelled(values)}"
    _check_place(book, [parent, *folder.resolve().parents])
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
        return build_page(book, run, pages, limits) if page else None


def check_report(path: Path) -> None:
    """Make sure that a file for verdicts replaces nothing else.

    Parameters
    ----------
    path : Path
        The file, which need not exist.

    Raises
    ------
    BookError
        If it holds something else, stands among the sources of a book, or cannot be written.
    """
    path = path.resolve()
    for folder in path.parents:
        if (folder / "_toc.yml").is_file():
            _check_place(Book(folder), path.parents)
    if path.is_dir():
        raise BookError(f"cannot write to {path}: it is a folder")
    if path.exists() and path.stat().st_size:
        try:
            rows = json.loads(path.read_bytes())
            ours = isinstance(rows, list) and all("label" in dict(row) for row in rows)
        except (OSError, ValueError, TypeError, RecursionError):
            ours = False
        if not ours:
            raise BookError(f"{path} holds something else than verdicts; give another file")
    check_writable(path.parent)


def _check_place(book: Book, above: Sequence[Path]) -> None:
    """Refuse a place for results that is, or is below, a folder of sources or of the build."""
    sources = [book.root / "book", *(path for path in book.root.glob(".?*") if path.is_dir())]
    if (book.root / "pyproject.toml").is_file():
        sources += [book.root / name for name in ("dmfbook", "tests", "tools", "benchmarks")]
    for place in [*sources, cache.PACKAGE, *(book.built / name for name in _MADE)]:
        if place.exists() and any(one.exists() and one.samefile(place) for one in above):
            raise BookError(
                f"results do not go into {above[0]}: {place} holds the book's sources, or what is"
                " made of them alone; give another place"
            )


def _readable(values: Mapping[str, Any]) -> str:
    """Return the beginning of a folder's name, which says the parameters as far as a name can."""
    words = "-".join(f"{name}={value}" for name, value in sorted(values.items())) or "defaults"
    return re.sub(r"[^A-Za-z0-9.=]+", "-", words).strip("-")[:60]
