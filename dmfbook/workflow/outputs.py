"""Text outputs in the committed notebooks, so that nbval has something to compare."""

import hashlib
import json
from pathlib import Path
from typing import Any

from dmfbook.workflow.build import execute_book, executed
from dmfbook.workflow.files import whole
from dmfbook.workflow.notebooks import Book

# nbval skips these. A picture in a source makes its diff unreadable; the verdict of a claim holds
# seconds and rounding, which differ between machines.
_LEFT_OUT = ("image/", "application/pdf", "application/vnd.dmfbook.verdict+json")


def save_outputs(book: Book) -> list[Path]:
    """Write the text outputs of all chapters into their sources.

    Pictures and verdicts for programs are left out, and so are all outputs of a cell tagged ``nbval-ignore-output``.

    Parameters
    ----------
    book : Book
        The book; what changed is executed.

    Returns
    -------
    list of Path
        The sources that changed.

    Raises
    ------
    BookError
        If the book is at fault.
    BuildError
        If a cell failed; no source is changed.
    """
    execute_book(book)
    changed = []
    for source in book.sources().values():
        before = source.read_text(encoding="utf-8")
        after = with_outputs(json.loads(before), _load(executed(book, source)))
        # The layout of nbformat, so that an editor that saves the notebook changes nothing.
        text = json.dumps(after, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        if text != before:
            with whole(source) as partial:
                partial.write_text(text, encoding="utf-8")
            changed.append(source)
    return changed


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
    for number, (cell, ran) in enumerate(zip(notebook["cells"], done["cells"], strict=True)):
        if "id" not in cell:
            seed = f"{number}:{''.join(cell['source'])}"
            cell["id"] = hashlib.sha256(seed.encode()).hexdigest()[:8]
        if cell["cell_type"] == "code":
            ignored = "nbval-ignore-output" in cell["metadata"].get("tags", [])
            cell["execution_count"] = ran["execution_count"]
            texts = [] if ignored else map(_as_text, ran["outputs"])
            cell["outputs"] = [text for text in texts if text.get("data") != {}]
    # Cell ids came with this version of the format.
    notebook["nbformat_minor"] = max(5, notebook["nbformat_minor"])
    return notebook


def _as_text(output: dict[str, Any]) -> dict[str, Any]:
    if "data" not in output:
        return output
    data = {kind: value for kind, value in output["data"].items() if not kind.startswith(_LEFT_OUT)}
    return output | {"data": data}


def _load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
