"""Where results may go, and what they are called."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dmfbook.workflow.execution import cache
from dmfbook.workflow.execution.single import spelled
from dmfbook.workflow.sources.notebooks import Book
from dmfbook.workflow.system.errors import BookError
from dmfbook.workflow.system.files import check_writable

# What ``_build`` holds besides runs; each is made from the sources alone.
_MADE = ("executed", "failed", "html", "matplotlib", "variations")


def check_place(book: Book, above: Sequence[Path]) -> None:
    """Refuse a place for results that is, or is below, a folder of sources or of the build.

    Parameters
    ----------
    book : Book
        The book.
    above : sequence of Path
        The place, and the folders that it is in.

    Raises
    ------
    BookError
        If one of them is.
    """
    sources = [book.root / "book", *(path for path in book.root.glob(".?*") if path.is_dir())]
    if (book.root / "pyproject.toml").is_file():
        sources += [book.root / name for name in ("dmfbook", "tests", "tools", "benchmarks")]
    for place in [*sources, cache.PACKAGE, *(book.built / name for name in _MADE)]:
        if place.exists() and any(one.exists() and one.samefile(place) for one in above):
            raise BookError(
                f"results do not go into {above[0]}: {place} holds the book's sources, or what is"
                " made of them alone; give another place"
            )


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
            check_place(Book(folder), path.parents)
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


def readable(values: Mapping[str, Any]) -> str:
    """Return a name for results at these parameters, which says them as far as a name can.

    Parameters
    ----------
    values : mapping of str to object
        Parameters that are set.

    Returns
    -------
    str
        Letters, digits, points, ``=`` and dashes; another one for other values.
    """
    words = "-".join(f"{name}={value}" for name, value in sorted(values.items())) or "defaults"
    return re.sub(r"[^A-Za-z0-9.=]+", "-", words).strip("-")[:60] + spelled(values)
