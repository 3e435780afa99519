"""What an executed notebook must show to be good, and how its outputs are made repeatable."""

import json
import re
from collections.abc import Mapping
from typing import Any

from dmfbook.workflow.execution.cache import without_noise
from dmfbook.workflow.system.errors import shortened

# Types of outputs for programs.
VERDICT = "application/vnd.dmfbook.verdict+json"
FIGURE = "application/vnd.dmfbook.figure+json"


class Refused(Exception):
    """A cell ran to its end and is not good.

    Attributes
    ----------
    index : int
        Which cell of the executed notebook, from 0.
    """

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def clean(notebook: Any) -> None:
    """Remove what papermill writes about itself, and merge the streams of each cell.

    Parameters
    ----------
    notebook : NotebookNode
        An executed notebook; changed in place.
    """
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata = type(cell.metadata)(without_noise(cell.metadata))
        if cell.cell_type == "code":
            cell.outputs = tidy(cell.outputs)


def check(notebook: Any, pictures: bool = True) -> None:
    """Refuse a notebook that did not do all that it promises.

    Parameters
    ----------
    notebook : NotebookNode
        An executed notebook, whose cells raised nothing.
    pictures : bool, optional
        Whether its figures were drawn.

    Raises
    ------
    Refused
        If it stopped early, shows a claim that does not pass, or lacks a picture that an
        alternative text describes; says which cell.
    """
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if "skip-execution" in cell.metadata.get("tags", []):
            raise Refused(index, "was not executed: it is tagged 'skip-execution'")
        if cell.execution_count is None:
            raise Refused(index, "was not executed")
        if fault := _fault(cell, pictures):
            raise Refused(index, fault)


def check_end(cell: Any, index: int, reply: Mapping[str, Any]) -> None:
    """Refuse what only the end of a cell shows; papermill does not.

    Parameters
    ----------
    cell : NotebookNode
        A cell that was executed just now. Where its outputs hold half of a character, which no file
        can hold, a mark takes its place.
    index : int
        Its index.
    reply : mapping
        What the kernel answered.

    Raises
    ------
    Refused
        If it ends the notebook, or shows half of a character.
    """
    half = _without_halves(cell)
    leaves = [load["source"] for load in reply.get("payload", []) if load["source"] == "ask_exit"]
    if leaves or reply.get("ename") == "SystemExit":
        raise Refused(index, "ends the notebook: a chapter runs to its end, without exit or quit")
    if half and reply["status"] == "ok":
        raise Refused(index, f"shows {half!r}, half of a character, which no file can hold")


def tidy(outputs: list[Any]) -> list[Any]:
    """Make the outputs of a cell the same every time, and no part of the page's own HTML.

    Parameters
    ----------
    outputs : list of NotebookNode
        Outputs of one cell; changed in place.

    Returns
    -------
    list of NotebookNode
        The same, as `merge_streams` merges them, and Markdown as `without_html` leaves it.
    """
    for output in outputs:
        if "text/markdown" in output.get("data", {}):
            from dmfbook.workflow.execution.markdown import without_html

            text = "".join(output["data"]["text/markdown"])
            output["data"]["text/markdown"] = without_html(text)
    return merge_streams(outputs)


def merge_streams(outputs: list[Any]) -> list[Any]:
    r"""Merge what a cell prints, which arrives in pieces that depend on timing.

    Parameters
    ----------
    outputs : list of NotebookNode
        Outputs of one cell.

    Returns
    -------
    list of NotebookNode
        The same with one entry for each of ``stdout`` and ``stderr``, at most. Of a line that was
        written anew after ``\r`` the last version is left. Takes time in proportion to the text:
        nbclient's own merging takes the square of the longest line.
    """
    merged: list[Any] = []
    pieces: dict[str, list[str]] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            merged.append(output)
        elif output["name"] in pieces:
            pieces[output["name"]].append(output["text"])
        else:
            merged.append(output)
            pieces[output["name"]] = [output["text"]]
    for output in merged:
        if output["output_type"] == "stream":
            lines = "".join(pieces[output["name"]]).split("\n")
            output["text"] = "\n".join(map(_last_version, lines))
    # Both arrive on their own, so only now has their order a meaning: none.
    for i, (first, second) in enumerate(zip(merged, merged[1:], strict=False)):
        if (first.get("name"), second.get("name")) == ("stderr", "stdout"):
            merged[i : i + 2] = [second, first]
    return merged


def _last_version(line: str) -> str:
    end = "\r" if line.endswith("\r") else ""
    return line.removesuffix("\r").rpartition("\r")[2] + end


def _without_halves(cell: Any) -> str:
    """Put a mark in place of each half of a character; return the first."""
    text = json.dumps(cell.outputs, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        whole = re.sub("[\ud800-\udfff]", "\ufffd", text)
        cell.outputs = [type(cell)(output) for output in json.loads(whole)]
        return text[error.start]
    return ""


def _fault(cell: Any, drawn: bool) -> str | None:
    """Say what is wrong with an executed cell, or nothing."""
    shown = [output["data"] for output in cell.outputs if "data" in output]
    for verdict in (data[VERDICT] for data in shown if VERDICT in data):
        if not isinstance(verdict, dict) or not isinstance(verdict.get("worst_case", {}), dict):
            return f"shows what is no verdict: {shortened(repr(verdict), 200)}"
        if verdict.get("passed") is not True:
            worst = verdict.get("worst_case", {})
            told = f"shows the claim {verdict.get('label')}, which does not pass:"
            if failures := verdict.get("failures"):
                return "\n    ".join([told, *map(shortened, map(str, failures))])
            return (
                f"{told} case {worst.get('number')} ({worst.get('stratum')}), seed {worst.get('seed')};"
                f" again: {worst.get('command')}"
            )
    alternative = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip()
    pictures = (content for data in shown for kind, content in data.items() if "image/" in kind)
    if drawn and alternative and not any(pictures):
        return f"made no picture, and has the alternative text {alternative!r}"
    return None
