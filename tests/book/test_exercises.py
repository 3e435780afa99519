"""Exercises: each has a folded solution and a folded check that runs on its own and shows something."""

import ast
import builtins
import json
import re
from pathlib import Path
from typing import Any

PROBLEM = re.compile(r"^:::\{admonition\} (\d+)\. .+\n:class: exercise$", re.MULTILINE)


def cells(root: Path) -> list[dict[str, Any]]:
    return json.loads((root / "book" / "exercises.ipynb").read_text(encoding="utf-8"))["cells"]


def problems(root: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the text of each exercise with the cell that follows it."""
    found = cells(root)
    texts = ["".join(cell["source"]) for cell in found]
    return [(text, found[i + 1]) for i, text in enumerate(texts) if PROBLEM.search(text)]


def test_each_part_has_three_to_five(root: Path) -> None:
    parts = [1 if text.startswith("## ") else 0 for text, _ in problems(root)]
    starts = [i for i, first in enumerate(parts) if first] + [len(parts)]
    sizes = [b - a for a, b in zip(starts, starts[1:], strict=False)]
    folders = {path.parent for path in (root / "book").glob("*/*.ipynb")}
    assert len(sizes) == len(folders) and all(3 <= size <= 5 for size in sizes)


def test_they_are_numbered_in_order(root: Path) -> None:
    numbers = [int(PROBLEM.search(text)[1]) for text, _ in problems(root)]  # type: ignore[index]
    assert numbers == list(range(1, len(numbers) + 1))


def test_each_is_solved_and_checked_out_of_sight(root: Path) -> None:
    for text, check in problems(root):
        assert text.count(":::{dropdown} Solution") == 1, text[:80]
        assert check["metadata"]["tags"] == ["hide-cell"]
        assert "".join(check["outputs"][0]["text"]).strip()


def test_a_check_needs_nothing_from_another(root: Path) -> None:
    """Only the first cells, which the page shows, define names for the others."""
    shown = ["".join(cell["source"]) for cell in cells(root) if cell["cell_type"] == "code"][:2]
    given = {name for source in shown for name in bound(source)} | set(dir(builtins))
    for _, check in problems(root):
        source = "".join(check["source"])
        read = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        assert read <= given | bound(source), source


def bound(source: str) -> set[str]:
    """Return the names that code gives a value."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
    return names
