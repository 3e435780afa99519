"""What an executed notebook hands out: values that its cells glued, and verdicts."""

import ast
import math
import re
from collections.abc import Iterator
from typing import Any

from dmfbook.workflow.execution.results import FIGURE, VERDICT

# How NumPy writes a number of its own.
_OF_NUMPY = re.compile(r"np\.\w+\((.*)\)")
_WORDS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan, "np.True_": True, "np.False_": False}


def glued(notebook: dict[str, Any]) -> dict[str, Any]:
    """Read what the cells of a notebook handed out by ``myst_nb.glue``.

    Parameters
    ----------
    notebook : dict
        An executed notebook.

    Returns
    -------
    dict of str to object
        By name, a number, a truth value, None or a string where it was one; else the text that
        shows it. Of values of one name the last.
    """
    found = {}
    for output in _shown(notebook):
        scrap = output.get("metadata", {}).get("scrapbook")
        if isinstance(scrap, dict) and isinstance(scrap.get("name"), str):
            text = output["data"].get(f"{scrap.get('mime_prefix', '')}text/plain", "")
            found[scrap["name"]] = _value("".join(text))
    return found


def verdicts(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the verdicts that the cells of a notebook showed, in their order."""
    return [output["data"][VERDICT] for output in _shown(notebook) if VERDICT in output["data"]]


def figures(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the numbers behind the figures that the cells of a notebook showed, in their order."""
    return [output["data"][FIGURE] for output in _shown(notebook) if FIGURE in output["data"]]


def _shown(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for cell in notebook["cells"]:
        yield from (output for output in cell.get("outputs", []) if "data" in output)


def _value(text: str) -> Any:
    """Read a value from the text that shows it."""
    inner = _OF_NUMPY.fullmatch(text)
    text = inner[1] if inner else text
    if text in _WORDS:
        return _WORDS[text]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text
    return value if value is None or isinstance(value, (bool, int, float, str)) else text
