"""Sphinx extension of the book: notebooks that can be read and run where there is no book.

Loaded by ``_config.yml``. A page's download button leads to its notebook. Jupyter knows no directives, roles and macros
of this book, so what is offered has plain Markdown instead, and says first how to install what it imports.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pybtex.database import parse_file
from sphinx.application import Sphinx
from sphinx.config import Config

from dmfbook.workflow.pages.offered.plain import Book, described, plain

# What a chapter may need, beside NumPy and SciPy.
EXTRAS = "[book,convex,exact]"
# Tags that hide what a reader of a notebook has to see.
HIDING = {"hide-input", "remove-cell", "remove-input"}


def self_contained(notebook: Mapping[str, Any], book: Book) -> dict[str, Any]:
    """Turn an executed chapter into a notebook that needs nothing of the book but the package.

    Parameters
    ----------
    notebook : mapping
        The chapter, as JSON.
    book : Book
        What it refers to.

    Returns
    -------
    dict
        The notebook: first a cell that says how to install, last the works that are cited, and a caption below each
        figure.
    """
    result = copy.deepcopy(dict(notebook))
    cited: dict[str, None] = {}
    cells, result["cells"] = result["cells"], []
    for cell in cells:
        tags = cell["metadata"].pop("tags", [])
        if kept := [tag for tag in tags if tag not in HIDING]:
            cell["metadata"]["tags"] = kept
        if cell["cell_type"] == "markdown":
            cell["source"] = plain("".join(cell["source"]), book, cited)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            for kind in [kind for kind in data if not kind.startswith(("text/", "image/"))]:
                del data[kind]
            if "text/markdown" in data:
                data["text/markdown"] = plain("".join(data["text/markdown"]), book, cited)
        result["cells"].append(cell)
        if number := book.labels.get(f"fig-{cell.get('id')}"):
            caption = plain(cell["metadata"]["mystnb"]["image"]["alt"], book, cited)
            result["cells"].append(_cell(f"{cell['id']}-caption", f"**{number}** {caption}"))
    works = [f"- {described(book.entries.entries[key])}" for key in sorted(cited)]
    result["cells"].insert(0, _cell("install", _install(book)))
    if works:
        result["cells"].append(_cell("works", "\n".join(["## Works cited", "", *works])))
    return result


def _install(book: Book) -> str:
    """The first cell."""
    place, command = (
        "in the folder of the sources, which holds `pyproject.toml`:",
        f"pip install '.{EXTRAS}'",
    )
    if book.address:
        place, command = "with", f"pip install 'dmfbook{EXTRAS} @ git+{book.address}'"
    about = f"A chapter of *{book.title}*, version {book.version}."
    needed = f"Its cells run with the package `dmfbook`. Install it {place}"
    return "\n".join([about, needed, "", "```sh", command, "```"])


def _cell(name: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def offer(app: Sphinx, error: Exception | None) -> None:
    """Write the notebooks where the download buttons lead; called by Sphinx when all pages are written."""
    if error or app.builder.format != "html":
        return
    book = Book(
        title=app.config.html_title or app.config.project,
        version=app.config.release,
        address=app.config.html_theme_options.get("repository_url", ""),
        macros=app.config.mathjax3_config["tex"]["macros"],
        labels=_statements(app) | _figures(app),
        entries=parse_file(str(Path(app.srcdir, app.config.bibtex_bibfiles[0]))),
    )
    for document in sorted(app.env.found_docs):
        source = Path(app.env.doc2path(document))
        target = Path(app.outdir, "_sources", f"{document}.ipynb")
        if source.suffix == ".ipynb" and target.exists():
            notebook = self_contained(json.loads(source.read_text("utf-8")), book)
            target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False), "utf-8")


def _statements(app: Sphinx) -> dict[str, str]:
    """What a reference to each statement shows."""
    found = {}
    for label, each in app.env.proof_list.items():  # type: ignore[attr-defined]
        numbers = app.env.toc_fignumbers.get(each["docname"], {}).get(each["countertype"], {})
        number = ".".join(map(str, numbers.get(each["ids"][0], ())))
        found[label] = f"{each['realtype'].capitalize()} {number}".strip()
    return found


def _figures(app: Sphinx) -> dict[str, str]:
    """What a reference to each figure shows."""
    return {
        name: f"Figure {'.'.join(map(str, number))}"
        for numbers in app.env.toc_fignumbers.values()
        for name, number in numbers.get("figure", {}).items()
    }


def launch_from_an_address(app: Sphinx, config: Config) -> None:
    """Leave out the buttons that open a page on Binder where no address of the repository is set; the theme would fail."""
    if not config.html_theme_options.get("repository_url"):
        config.html_theme_options.pop("launch_buttons", None)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the handlers; called by Sphinx."""
    app.connect("config-inited", launch_from_an_address)
    app.connect("build-finished", offer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
