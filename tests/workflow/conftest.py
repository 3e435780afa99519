"""A miniature book, made new for each test."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from dmfbook.workflow.execution import cache
from dmfbook.workflow.sources.notebooks import Book

CONFIG = """\
title: A miniature
execute: {execute_notebooks: "off"}
exclude_patterns: [".*", "**/.*"]
only_build_toc_files: true
bibtex_bibfiles: [book/references.bib]
sphinx:
  extra_extensions: [sphinx_proof, sphinx-mathjax-offline]
"""

BIBLIOGRAPHY = (
    "@book{noether, title={Invariants}, author={Noether, Emmy}, publisher={Press}, year={1918}}\n"
)


@pytest.fixture
def write_chapter(tmp_path):
    """Write a chapter: cells are code, unless they begin with ``#``."""

    def write(place, *cells, parameters="n: int = 3  # size", kernel="python3"):
        made = [new_markdown_cell("# A chapter")]
        if parameters is not None:
            made.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}))
        for source in cells:
            make = new_markdown_cell if source.startswith("#") else new_code_cell
            made.append(make(source))
        for number, cell in enumerate(made):
            cell["id"] = f"cell-{number}"
        spec = {"name": kernel, "language": "python", "display_name": "Python"}
        path = tmp_path / "book" / f"{place}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=made, metadata={"kernelspec": spec}), path)
        return path

    return write


@pytest.fixture
def write_toc(tmp_path):
    """Write ``_toc.yml`` with these pages below ``book/``, the first as root."""

    def write(root, *pages):
        lines = ["format: jb-book", f"root: book/{root}", "parts:", "  - caption: All"]
        lines += ["    chapters:", *(f"      - file: book/{page}" for page in pages)]
        (tmp_path / "_toc.yml").write_text("\n".join(lines) + "\n")

    return write


@pytest.fixture
def book(tmp_path, write_toc, monkeypatch):
    """An empty book in `tmp_path`, with a first page.

    In place of `dmfbook` the cache looks at a package of two files, which nobody edits meanwhile.
    """
    (tmp_path / "package" / "inner").mkdir(parents=True)
    (tmp_path / "package" / "a.py").write_text("x = 1\n")
    (tmp_path / "package" / "inner" / "b.py").write_text("y = 1\n")
    monkeypatch.setattr(cache, "PACKAGE", tmp_path / "package")
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "intro.md").write_text("# Welcome\n\nSome text.\n")
    (tmp_path / "book" / "references.bib").write_text(BIBLIOGRAPHY)
    (tmp_path / "_config.yml").write_text(CONFIG)
    (tmp_path / "requirements.txt").write_text("numpy==2.4.0\n")
    write_toc("intro")
    return Book(tmp_path)


@pytest.fixture
def command(book):
    """Run ``dmfbook`` with these arguments in the miniature book."""
    from dmfbook.workflow.commands import app

    def run(name, *arguments):
        root = [] if name in ("verify", "certify", "--version") else ["--root", str(book.root)]
        return CliRunner().invoke(app, [name, *map(str, arguments), *root])

    return run
