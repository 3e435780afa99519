"""Notebooks as JSON gives them, and the Python in their cells."""

import ast
import contextlib
import hashlib
import json
import re
import warnings
from pathlib import Path
from typing import Any

from dmfbook.workflow.system.errors import BookError
from dmfbook.workflow.system.files import read_text

_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


def read_notebook(path: Path) -> dict[str, Any]:
    """Read a notebook and make sure that it has the shape of one.

    Parameters
    ----------
    path : Path
        Its file.

    Returns
    -------
    dict
        What the file holds, each cell with an id and its source joined to one string.

    Raises
    ------
    BookError
        If it cannot be read or is not a notebook of format 4; names the file and the cell.
    """
    text = read_text(path)
    try:
        notebook = json.loads(text)
        _check_shape(notebook)
    except RecursionError:
        raise BookError(f"{path}: not a notebook: nested too deeply") from None
    except ValueError as error:
        raise BookError(f"{path}: not a notebook: {error}") from None
    give_ids(notebook)
    return notebook


def give_ids(notebook: dict[str, Any]) -> None:
    """Give each cell without an id one that stays the same as long as the cell does.

    Parameters
    ----------
    notebook : dict
        A notebook; changed in place.
    """
    for number, cell in enumerate(notebook["cells"]):
        seed = f"{number}:{''.join(cell['source'])}"
        cell.setdefault("id", hashlib.sha256(seed.encode()).hexdigest()[:8])
    # Cell ids came with this version of the format.
    notebook["nbformat_minor"] = max(5, notebook["nbformat_minor"])


def _check_shape(notebook: Any) -> None:
    """Raise ValueError where what we rely on is missing; join the sources."""
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
        raise ValueError("not of format 4")
    if not isinstance(notebook.get("nbformat_minor"), int):
        raise ValueError("nbformat_minor must be an integer")
    _check_object(notebook.get("metadata"), "metadata")
    kernel = notebook["metadata"].get("kernelspec", {})
    _check_object(kernel, "metadata.kernelspec")
    if not isinstance(kernel.get("name", ""), str):
        raise ValueError("metadata.kernelspec.name must be a string")
    if not isinstance(notebook.get("cells"), list):
        raise ValueError("it has no list of cells")
    for number, cell in enumerate(notebook["cells"], start=1):
        _check_cell(cell, f"cell {number}")
    ids = [cell["id"] for cell in notebook["cells"] if "id" in cell]
    for name in ids:
        if ids.count(name) > 1:
            raise ValueError(f"two cells have the id {name!r}")


def _check_cell(cell: Any, name: str) -> None:
    _check_object(cell, name)
    if cell.get("cell_type") not in ("code", "markdown", "raw"):
        raise ValueError(f"{name}: cell_type must be code, markdown or raw")
    identifier = cell.get("id", "none")
    if not isinstance(identifier, str) or not _ID.fullmatch(identifier):
        raise ValueError(f"{name}: id must be 1 to 64 letters, digits, '-' or '_'")
    _check_object(cell.get("metadata"), f"{name}: metadata")
    _check_strings(cell["metadata"].get("tags", []), f"{name}: metadata.tags")
    lines = cell.get("source")
    lines = [lines] if isinstance(lines, str) else lines
    _check_strings(lines, f"{name}: source")
    cell["source"] = "".join(lines)
    # JSON can spell half of a character, which no file can hold.
    cell["source"].encode("utf-8")
    if cell["cell_type"] == "code" and not isinstance(cell.setdefault("outputs", []), list):
        raise ValueError(f"{name}: outputs must be a list")


def _check_object(value: Any, name: str) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object")


def _check_strings(value: Any, name: str) -> None:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValueError(f"{name} must be a list of strings")


def parse_cell(source: str) -> ast.Module:
    """Parse the source of a code cell, magics and shell commands as IPython reads them.

    Parameters
    ----------
    source : str
        The source.

    Returns
    -------
    ast.Module
        Its syntax tree; a magic stands in it as the call that IPython makes of it.

    Raises
    ------
    BookError
        If it is no Python; says in which line.
    """
    with warnings.catch_warnings():
        # The interpreter that runs the cell warns, and knows the cell's name.
        warnings.simplefilter("ignore")
        try:
            with contextlib.suppress(SyntaxError):
                return ast.parse(source)
            # IPython takes a quarter of a second to import: only where plain Python does not do.
            from IPython.core.inputtransformer2 import TransformerManager

            return ast.parse(TransformerManager().transform_cell(source))
        except SyntaxError as error:
            where = f"line {error.lineno}: " if error.lineno else ""
            raise BookError(f"not valid Python: {where}{error.msg}") from None
        except ValueError as error:
            raise BookError(f"not valid Python: {error}") from None
        except (RecursionError, MemoryError):
            raise BookError("not valid Python: nested too deeply") from None


def names_read(source: str) -> set[str]:
    r"""Names that a code cell reads, also in the text of a magic or a shell command.

    Parameters
    ----------
    source : str
        The source of the cell.

    Returns
    -------
    set of str
        The names. Those in a magic are all its words: what it takes for code is its own affair.

    Raises
    ------
    BookError
        If it is no Python.

    Examples
    --------
    >>> sorted(names_read("%time f(n)\nfiles = !ls {folder}\n"))
    ['f', 'folder', 'get_ipython', 'ls', 'n']
    """
    names: set[str] = set()
    for node in ast.walk(parse_cell(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.AugAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=method)
            ):
                # The first argument of run_line_magic and run_cell_magic is the magic's name.
                for argument in node.args[method.startswith("run_") :]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        names |= set(re.findall(r"\w+", argument.value))
    return names
