"""Notebooks of any shape, and code as IPython reads it."""

import json
import warnings

import pytest

from dmfbook.workflow.sources.cells import names_read, parse_cell, read_notebook
from dmfbook.workflow.system.errors import BookError

MARKDOWN = {"cell_type": "markdown", "metadata": {}, "source": "# A"}


def notebook(**changes):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [MARKDOWN]} | changes


def with_cell(**changes):
    return notebook(cells=[MARKDOWN, MARKDOWN | changes])


WRONG = {
    "list": ([], "not of format 4"),
    "null": (None, "not of format 4"),
    "text": ("x", "not of format 4"),
    "format": (notebook(nbformat=3), "not of format 4"),
    "minor": (notebook(nbformat_minor=None), "nbformat_minor must be an integer"),
    "no metadata": (notebook(metadata=None), "metadata must be an object"),
    "kernelspec": (notebook(metadata={"kernelspec": "python3"}), "metadata.kernelspec must be"),
    "kernel": (notebook(metadata={"kernelspec": {"name": 3}}), "metadata.kernelspec.name must be"),
    "no cells": ({"nbformat": 4, "nbformat_minor": 5, "metadata": {}}, "it has no list of cells"),
    "cells": (notebook(cells={}), "it has no list of cells"),
    "cell": (notebook(cells=[MARKDOWN, "x"]), "cell 2 must be an object"),
    "type": (with_cell(cell_type="heading"), "cell 2: cell_type must be code, markdown or raw"),
    "cell metadata": (with_cell(metadata=None), "cell 2: metadata must be an object"),
    "tags": (with_cell(metadata={"tags": "parameters"}), "cell 2: metadata.tags must be a list"),
    "source": (with_cell(source=3), "cell 2: source must be a list of strings"),
    "source lines": (with_cell(source=["a", 3]), "cell 2: source must be a list of strings"),
    "outputs": (with_cell(cell_type="code", outputs=None), "cell 2: outputs must be a list"),
    "id": (with_cell(id="a b"), "cell 2: id must be 1 to 64 letters"),
    "no id": (with_cell(id=None), "cell 2: id must be 1 to 64 letters"),
    "empty id": (with_cell(id=""), "cell 2: id must be 1 to 64 letters"),
    "ids": (notebook(cells=[MARKDOWN | {"id": "a"}] * 2), "two cells have the id 'a'"),
    "surrogate": (with_cell(source="\ud800"), "surrogates not allowed"),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_what_has_not_the_shape_of_a_notebook_is_refused(tmp_path, content, message):
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(content))
    with pytest.raises(BookError, match=f"a.ipynb: not a notebook: .*{message}"):
        read_notebook(path)


BYTES = {
    "empty": (b"", "a.ipynb: not a notebook: "),
    "cut": (b'{"nbformat": 4', "a.ipynb: not a notebook: "),
    "latin-1": (b'{"a":\n "caf\xe9"}', "a.ipynb is not UTF-8 in line 2"),
    "binary": (b"\x89PNG\r\n\x1a\n\x00", "a.ipynb is not UTF-8 in line 1"),
    "utf-16": ("{}".encode("utf-16"), "a.ipynb is not UTF-8 in line 1"),
    "deep": (b"[" * 100_000, "a.ipynb: not a notebook: nested too deeply"),
    "digits": (b"1" * 5000, "a.ipynb: not a notebook: "),
}


@pytest.mark.parametrize(("content", "message"), BYTES.values(), ids=BYTES)
def test_file_of_any_bytes_is_answered_with_its_name(tmp_path, content, message):
    path = tmp_path / "a.ipynb"
    path.write_bytes(content)
    with pytest.raises(BookError, match=message):
        read_notebook(path)


def test_file_that_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path / "none.ipynb", tmp_path, tmp_path / "loop"):
        if path.name == "loop":
            path.symlink_to(path)
        with pytest.raises(BookError, match=f"cannot read {path}: [A-Z]"):
            read_notebook(path)


def test_cells_without_an_id_get_one_that_stays(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook(nbformat_minor=4, cells=[MARKDOWN, MARKDOWN])))
    first, second = read_notebook(path), read_notebook(path)
    assert first == second and first["nbformat_minor"] == 5
    assert len({cell["id"] for cell in first["cells"]}) == 2


def test_sources_are_joined_and_outputs_may_be_missing(tmp_path):
    cell = {"cell_type": "code", "metadata": {}, "source": ["a = 1\n", "a"]}
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook(cells=[cell])))
    (read,) = read_notebook(tmp_path / "a.ipynb")["cells"]
    assert (read["source"], read["outputs"]) == ("a = 1\na", [])


@pytest.mark.parametrize(
    "source",
    [
        "n",
        "n += 1",
        "f'{n}'",
        "await f(n)",
        "%time f(n)",
        "def f():\n    %time n + 1",
        "for _ in range(2):\n    !echo {n}",
        "files = !ls {n}",
        "x = %sql select $n",
        "%%bash\necho $n",
        "%%bash -s $n\necho",
        "%%time\nprint(n)",
        "%%capture\n%time f(n)",
        "n?",
        "n.real??",
        "!echo $n",
        ">>> print(n)",
        "  print(n)",
        "%matplotlib inline\nprint(n)",
        "a = 1 + \\\n  n",
    ],
)
def test_name_is_read(source):
    assert "n" in names_read(source)


@pytest.mark.parametrize(
    "source",
    ["n = 1", "'n'", "# n", "def f(n=1):\n    pass", "%n 3", "%%n\nx", "len?", "f = !ls", "x.n"],
)
def test_name_is_not_read(source):
    assert "n" not in names_read(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = = 1", "not valid Python: line 1: invalid syntax"),
        ("%time x\n\nx = = 1", "not valid Python: line 3: invalid syntax"),
        ("if x:\npass", "not valid Python: line 2: expected an indented block"),
        ("x = '", "not valid Python: line 1: unterminated string"),
        ("\0", "not valid Python: "),
        ("\ud800", "not valid Python: "),
        ("x" + "[0]" * 100_000, "not valid Python"),
        ("(" * 100_000, "not valid Python"),
        ("-" * 1_000_000 + "1", "not valid Python"),
    ],
)
def test_code_that_is_no_python_is_refused(source, message):
    with pytest.raises(BookError, match=message) as caught:
        parse_cell(source)
    assert "unknown" not in str(caught.value), "a file of that name does not exist"


def test_what_python_warns_of_is_left_to_the_kernel():
    with warnings.catch_warnings(record=True) as seen:
        parse_cell(r"'\d' + n" + "\n1 is 2")
        parse_cell(r"%time '\d'")
    assert seen == []
