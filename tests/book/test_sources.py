"""Notebooks as they are committed: parameters, text outputs, short cells, no trace of a run."""

import ast
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

# Folders of somebody's machine, on Linux, macOS and Windows.
ABSOLUTE = re.compile(r"(?<![\w.:/])(?:/(?:home|root|tmp|Users)/|[A-Z]:\\)[\w.-]+")

# Cells whose code a page folds away or leaves out.
AWAY = {"hide-input", "hide-cell", "remove-input", "remove-cell"}


def cells(notebook: Path, root: Path) -> list[dict[str, Any]]:
    return json.loads((root / "book" / notebook).read_text(encoding="utf-8"))["cells"]


def outputs(notebook: Path, root: Path) -> list[dict[str, Any]]:
    return [output for cell in cells(notebook, root) for output in cell.get("outputs", [])]


def tags(cell: dict[str, Any]) -> list[str]:
    return cell["metadata"].get("tags", [])


def test_one_cell_of_parameters_each_explained(notebook: Path, root: Path) -> None:
    tagged = [cell for cell in cells(notebook, root) if "parameters" in tags(cell)]
    assert len(tagged) == 1
    lines = "".join(tagged[0]["source"]).splitlines()
    assert [line for line in lines if line.strip() and "#" not in line] == []


def test_outputs_are_stored(notebook: Path, root: Path) -> None:
    """For nbval, which silently does not compare a cell without an execution count."""
    code = [cell for cell in cells(notebook, root) if cell["cell_type"] == "code"]
    assert [cell["source"] for cell in code if cell["execution_count"] is None] == []


def test_outputs_are_text_without_errors(notebook: Path, root: Path) -> None:
    for output in outputs(notebook, root):
        assert output["output_type"] != "error"
        assert [kind for kind in output.get("data", {}) if kind.startswith("image/")] == []


def test_no_trace_of_papermill(notebook: Path, root: Path) -> None:
    whole = json.loads((root / "book" / notebook).read_text(encoding="utf-8"))
    assert "papermill" not in whole["metadata"]
    assert [cell for cell in whole["cells"] if "papermill" in cell["metadata"]] == []


def code_cells(notebook: Path, root: Path) -> list[dict[str, Any]]:
    return [cell for cell in cells(notebook, root) if cell["cell_type"] == "code"]


def test_code_cells_are_short(notebook: Path, root: Path) -> None:
    """Shown ones have at most 15 lines, and folded ones, whose lines may be broken more, 15 statements."""
    for cell in code_cells(notebook, root):
        source = "".join(cell["source"])
        statements = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
        assert len(statements) <= 15, source
        assert AWAY & set(tags(cell)) or len(source.splitlines()) <= 15, source


def test_chapters_end_with_what_to_take_along(notebook: Path, root: Path) -> None:
    if len(notebook.parts) > 1:
        text = ["".join(c["source"]) for c in cells(notebook, root) if c["cell_type"] == "markdown"]
        assert "## What to take with you" in text[-1]


def test_code_fits_on_a_page(notebook: Path, root: Path) -> None:
    """It is as wide as its box, 78 characters, also where it is folded away."""
    sources = ["".join(cell["source"]) for cell in code_cells(notebook, root)]
    assert [line for source in sources for line in source.splitlines() if len(line) > 78] == []


def test_code_is_formatted_as_wide_as_a_page(root: Path) -> None:
    """So that no formatting undoes it."""
    settings = tomllib.loads((root / "book" / "ruff.toml").read_text("utf-8"))
    assert settings["line-length"] == 78


def test_maps_have_a_scale(notebook: Path, root: Path) -> None:
    """Shades mean nothing without one."""
    shaded = re.compile(r"\.(?:imshow|pcolormesh|hexbin)\(|\bshow_blocks\(")
    scale = re.compile(r"\.colorbar\(|\bshow_scale\(")
    sources = ["".join(cell["source"]) for cell in code_cells(notebook, root)]
    assert [each for each in sources if shaded.search(each) and not scale.search(each)] == []


def test_no_absolute_paths(notebook: Path, root: Path) -> None:
    text = (root / "book" / notebook).read_text(encoding="utf-8")
    assert ABSOLUTE.findall(text) == []
    assert str(root) not in text


def test_key_numbers_are_handed_out_unseen(notebook: Path, root: Path) -> None:
    """Names of a sweep's columns: none is that of a parameter, and none stands twice."""
    *before, last = cells(notebook, root)
    assert not [cell for cell in before if "glue(" in "".join(cell["source"])]
    assert last["id"] == "key-numbers"
    source = "".join(last["source"])
    names = re.findall(r"^ *glue\(f?\"([^\"]+)\"", source, re.MULTILINE)
    (tagged,) = (cell for cell in before if "parameters" in tags(cell))
    parameters = re.findall(r"^(\w+)", "".join(tagged["source"]), re.MULTILINE)
    assert names and len(set(names)) == len(names) and not set(names) & set(parameters)
    assert tags(last) == ["remove-cell"] and last["outputs"] == []


@pytest.mark.book
def test_every_figure_says_what_it_shows(notebook: Path, root: Path, html: Path) -> None:
    executed = root / "_build" / "executed" / "book" / notebook
    silent = []
    for cell in json.loads(executed.read_text(encoding="utf-8"))["cells"]:
        kinds = {kind for output in cell.get("outputs", []) for kind in output.get("data", {})}
        if any(kind.startswith("image/") for kind in kinds):
            alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
            if len(alt.split()) < 4:
                silent.append("".join(cell["source"]))
    assert silent == []
