"""Text outputs in the committed notebooks, so that nbval has something to compare."""

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dmfbook.workflow.execution.single import NO_HURRY
from dmfbook.workflow.pages.build import execute_book, executed
from dmfbook.workflow.sources.cells import give_ids, read_notebook
from dmfbook.workflow.sources.notebooks import Book
from dmfbook.workflow.system.errors import BuildError
from dmfbook.workflow.system.files import read_text, whole
from dmfbook.workflow.system.locks import alone, sweep

# nbval skips these. A picture, or the numbers behind it, in a source makes its diff unreadable; verdicts and
# glued values hold seconds and rounding, which differ between machines.
_LEFT_OUT = (
    *("image/", "application/pdf", "application/vnd.dmfbook."),
    "application/papermill.record/",
)

# What differs at each execution. Each begins with a word, so that long lines are searched quickly.
_UNREPEATABLE = {
    "an address in memory": r" at 0x[0-9a-fA-F]{6,}",
    "a file of this kernel alone": r"ipykernel_\d+",
    "a time that was measured": r"CPU times: |Wall time: | ± .{,40} per loop",
}


def save_outputs(book: Book, names: Iterable[str] = ()) -> list[Path]:
    """Write the text outputs of chapters into their sources.

    Pictures, verdicts for programs and glued values are left out, and so are all outputs of a cell
    tagged ``nbval-ignore-output``.

    Parameters
    ----------
    book : Book
        The book; what changed is executed.
    names : iterable of str, optional
        Names of the chapters; all without it.

    Returns
    -------
    list of Path
        The sources that changed.

    Raises
    ------
    BookError
        If the book is at fault.
    BuildError
        If a cell failed, shows what cannot repeat or was edited meanwhile; no source is changed.
    """
    chapters = [book.chapter(name) for name in dict.fromkeys(names)] or book.chapters()
    sources = [chapter.source for chapter in chapters]
    with alone(book.built):
        for folder in {source.parent for source in sources}:
            sweep(folder)
        execute_book(book, NO_HURRY, chapters)
        notebooks, refused = {}, []
        for source in sources:
            notebook, done = read_notebook(source), read_notebook(executed(book, source))
            faults = check_same(notebook, done) or check_repeats(
                with_outputs(notebook, done), book.root
            )
            refused += [f"  {source.relative_to(book.root)}: {fault}" for fault in faults]
            notebooks[source] = notebook
        if refused:
            raise BuildError("no outputs were saved:\n" + "\n".join(refused))
        return [source for source, notebook in notebooks.items() if _write(source, notebook)]


def check_same(notebook: dict[str, Any], done: dict[str, Any]) -> list[str]:
    """Find what was edited since a notebook was executed.

    Parameters
    ----------
    notebook : dict
        A notebook as `read_notebook` gives it.
    done : dict
        The same notebook, executed.

    Returns
    -------
    list of str
        What to do about the first cell that differs; empty where none does.
    """
    now, then = (
        [(cell["cell_type"], cell["source"]) for cell in each["cells"]] for each in (notebook, done)
    )
    for number, (cell, ran) in enumerate(zip_longest(now, then), start=1):
        if cell != ran:
            return [f"cell {number} was edited while the chapter was executed; run again"]
    return []


def check_repeats(notebook: dict[str, Any], root: Path) -> list[str]:
    """Find outputs that the next execution, or that on another machine, will not show.

    Parameters
    ----------
    notebook : dict
        A notebook with its outputs.
    root : Path
        Root of the book.

    Returns
    -------
    list of str
        For each such cell its number, what is wrong and what helps.
    """
    home = os.path.expanduser("~")  # stays so where there is none
    here = {str(folder) for folder in (root, home, sys.prefix, tempfile.gettempdir())} - {"~"}
    paths = "|".join(re.escape(folder) for folder in here if folder != os.sep)
    patterns = _UNREPEATABLE | {"a path of this machine": rf"(?<!\w)({paths})(?![\w-])"}
    faults = []
    for number, cell in enumerate(notebook["cells"], start=1):
        texts = list(_strings(cell.get("outputs", [])))
        for what, pattern in patterns.items():
            shown = next(filter(None, (_search(pattern, text) for text in texts)), None)
            if shown:
                faults.append(
                    f"cell {number} shows {what}, {shown!r}: print something else, or tag the cell"
                    " 'nbval-ignore-output'"
                )
                break
                break
    return faults


def with_outputs(notebook: dict[str, Any], done: dict[str, Any]) -> dict[str, Any]:
    """Put the text outputs of an executed notebook into its source.

    Parameters
    ----------
    notebook : dict
        A notebook as JSON gives it; changed in place.
    done : dict
        The same notebook, executed.

    Returns
    -------
    dict
        `notebook`.
    """
    give_ids(notebook)
    for cell, ran in zip(notebook["cells"], done["cells"], strict=True):
        if cell["cell_type"] == "code":
            ignored = "nbval-ignore-output" in cell["metadata"].get("tags", [])
            cell["execution_count"] = ran["execution_count"]
            texts = [] if ignored else map(_as_text, ran["outputs"])
            cell["outputs"] = [text for text in texts if text.get("data") != {}]
    return notebook


def _as_text(output: dict[str, Any]) -> dict[str, Any]:
    if "data" not in output:
        return output
    data = {kind: value for kind, value in output["data"].items() if not kind.startswith(_LEFT_OUT)}
    return output | {"data": data}


def _search(pattern: str, text: str) -> str | None:
    """Find a pattern and return some of the line around it."""
    found = re.search(pattern, text)
    if not found:
        return None
    before = text[max(0, found.start() - 40) : found.start()].rpartition("\n")[2]
    return before + text[found.start() : found.end() + 20].partition("\n")[0]


def _strings(value: Any) -> Iterator[str]:
    """Yield all strings in an output."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _write(path: Path, notebook: dict[str, Any]) -> bool:
    """Write a notebook if that changes its file; tell whether it did."""
    # The layout of nbformat, so that an editor that saves the notebook changes nothing.
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if text == read_text(path):
        return False
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return True
