"""Sphinx extension of the book: a map of its results, drawn from the sources.

Loaded by ``_config.yml``. The directive ``results-map`` draws every statement as a dot in the row of its chapter, and
a line to each statement that its proof uses; below, the same as a list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from dmfbook.workflow.execution.results import VERDICT
from dmfbook.workflow.sources.statements import Statement, statements

# Distances in the picture.
ROW, COLUMN, MARGIN, LEFT, RADIUS = 24, 24, 16, 250, 6

Row = tuple[str, str, Sequence[Statement]]


class results_map(nodes.General, nodes.Element):  # noqa: N801  Docutils names a node's visitor by its class.
    """Where the map stands; it is drawn when the addresses of all pages are known."""


class ResultsMap(SphinxDirective):
    """Place the map of all statements."""

    def run(self) -> list[nodes.Node]:
        """Return the place; it takes no arguments and no content."""
        return [results_map()]


def draw(
    rows: Sequence[Row], verdicts: Mapping[str, Mapping[str, Any]], uris: Mapping[str, str]
) -> str:
    """Draw the map and write the list below it.

    Parameters
    ----------
    rows : sequence of (str, str, sequence of Statement)
        Name of the document, title and statements of each chapter that has some, in the book's order.
    verdicts : mapping of str to mapping
        For labels what the ledger found: ``status``, ``source``, ``passed``, ``margin``.
    uris : mapping of str to str
        For the name of each document its address from here.

    Returns
    -------
    str
        HTML.
    """
    places, said = {}, {}
    for y, (document, _, found) in enumerate(rows):
        for x, each in enumerate(found):
            places[each.label] = (LEFT + COLUMN * x, MARGIN + ROW * y)
            said[each.label] = (each, _address(uris[document], each.label))
    lines, dots, items = [], [], []
    for label, (each, address) in said.items():
        x, y = places[label]
        used = [cited for cited in each.cites if cited in places and cited != label]
        for cited in used:
            lines.append(_line(places[cited], (x, y), cited, label))
        verdict = verdicts.get(label, {})
        about = _about(each, verdict)
        dots.append(
            f'<a href="{address}" data-label="{label}" data-uses="{" ".join(used)}">'
            f'<circle cx="{x}" cy="{y}" r="{RADIUS}" class="{_status(verdict)} {each.kind}"/>'
            f"<title>{escape(about)}</title></a>"
        )
        links = ", ".join(
            f'<a href="{said[cited][1]}">{escape(_plain(said[cited][0].title))}</a>'
            for cited in used
        )
        items.append(
            f'<li><a href="{address}">{escape(about)}</a>{": uses " + links if links else ""}</li>'
        )
    names = [
        f'<text x="{LEFT - 16}" y="{MARGIN + ROW * y + 4}"><a href="{uris[document]}">'
        f"{escape(title)}</a></text>"
        for y, (document, title, _) in enumerate(rows)
    ]
    width = max(x for x, _ in places.values()) + MARGIN
    height = 2 * MARGIN + ROW * (len(rows) - 1)
    return (
        '<div class="results-map">'
        f'<svg viewBox="0 0 {width} {height}" role="group" aria-label="Map of the results; the list'
        f' below says the same.">{"".join(lines)}{"".join(names)}{"".join(dots)}</svg></div>'
        '<p class="results-map-said" aria-live="polite"></p>'
        f"<details><summary>The same as a list</summary><ul>{''.join(items)}</ul></details>"
    )


def rows_of(env: BuildEnvironment) -> list[Row]:
    """Read the statements of all documents of a book, in the order of its contents.

    Parameters
    ----------
    env : BuildEnvironment
        What Sphinx knows of the book, which has been read.

    Returns
    -------
    list of Row
        The documents that have statements.
    """
    order: list[str] = []

    def walk(document: str) -> None:
        order.append(document)
        for each in env.toctree_includes.get(document, ()):
            walk(each)

    walk(env.config.root_doc)
    rows = [
        (each, _numbered(env, each), list(statements(Path(env.doc2path(each))))) for each in order
    ]
    return [row for row in rows if row[2]]


def verdicts_of(env: BuildEnvironment) -> dict[str, Any]:
    """Read what the executed ledger found, if the book has one.

    Parameters
    ----------
    env : BuildEnvironment
        What Sphinx knows of the book.

    Returns
    -------
    dict of str to dict
        For each label the last verdict.
    """
    path = Path(env.srcdir, "book", "ledger.ipynb")
    if not path.is_file():
        return {}
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    shown = [out.get("data", {}) for cell in cells for out in cell.get("outputs", [])]
    return {data[VERDICT]["label"]: data[VERDICT] for data in shown if VERDICT in data}


def visit_map(translator: Any, node: results_map) -> None:
    """Write the map where it stands."""
    builder, env = translator.builder, translator.builder.env
    rows = rows_of(env)
    uris = {
        document: builder.get_relative_uri(builder.current_docname, document)
        for document, _, _ in rows
    }
    translator.body.append(draw(rows, verdicts_of(env), uris))
    raise nodes.SkipNode


def load_script(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the map's script where a map is, and on no other page."""
    if doctree is not None and any(doctree.findall(results_map)):
        app.add_js_file("results_map.js", loading_method="defer")


def _numbered(env: BuildEnvironment, document: str) -> str:
    number = env.toc_secnumbers.get(document, {}).get("", ())
    return f"{'.'.join(map(str, number))}{'. ' if number else ''}{env.titles[document].astext()}"


def _address(uri: str, label: str) -> str:
    # A book on one page has no addresses but places.
    return f"#{label}" if "#" in uri else f"{uri}#{label}"


def _line(start: tuple[int, int], end: tuple[int, int], used: str, user: str) -> str:
    (x, y), (u, v) = start, end
    # Beside the dots between, further out the longer it is.
    if y == v:
        curve = f"C{x} {y - 18} {u} {v - 18}"
    else:
        out = 8 + abs(v - y) / 16
        curve = f"C{x + out:g} {y + out:g} {u + out:g} {v - out:g}"
    return f'<path d="M{x} {y}{curve} {u} {v}" data-used="{used}" data-user="{user}"/>'


def _status(verdict: Mapping[str, Any]) -> str:
    return str(verdict.get("status", "unknown")).replace("paper's claim", "theirs")


def _about(each: Statement, verdict: Mapping[str, Any]) -> str:
    parts = [f"{each.kind.capitalize()} {each.label}, {_plain(each.title)}"]
    if verdict:
        parts += [verdict["status"], "its check passes" if verdict["passed"] else "its check FAILS"]
    return "; ".join(parts)


def _plain(title: str) -> str:
    return title.replace("$", "").replace("\\", "")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect directive, node and handler; called by Sphinx."""
    app.add_node(results_map, html=(visit_map, None))
    app.add_directive("results-map", ResultsMap)
    app.connect("html-page-context", load_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
