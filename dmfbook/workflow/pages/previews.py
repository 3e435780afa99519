"""Sphinx extension of the book: what references lead to, for ``previews.js`` to show beside them.

Loaded by ``_config.yml``. Beside each page stands a script with its statements, numbered equations, terms, symbols
and cited works. A page loads the script of another one when a reader points at a reference to it; a script, since a
browser reads nothing else from ``file://``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Tag
from sphinx.application import Sphinx

FOLDER = "_previews"

# What can be shown, and what of it is not.
_TARGETS = (
    "div.proof[id], div.math[id], div.citation[id], dl.glossary > dt[id], tr[id], a.symbol[id],"
    " dl.py > dt[id]"
)
_LEFT_OUT = ".badge-line, .headerlink, .backrefs, script, noscript"


def fragments(body: str) -> dict[str, str]:
    """Take what references may lead to out of a page.

    Parameters
    ----------
    body : str
        HTML of its text.

    Returns
    -------
    dict of str to str
        For each id HTML without ids; links are those of the page.
    """
    page = BeautifulSoup(body, "html.parser")
    return {str(target["id"]): _fragment(target) for target in page.select(_TARGETS)}


def _fragment(target: Tag) -> str:
    copies = BeautifulSoup("".join(map(str, _parts(target))), "html.parser")
    for part in copies.select(_LEFT_OUT):
        part.decompose()
    for part in copies.find_all(["dt", "dd", "td"]):
        part.name = "div"
    for part in copies.find_all(id=True):
        del part["id"]
    return str(copies)


def _parts(target: Tag) -> list[Tag | None]:
    """What stands for a target."""
    if target.name == "tr":
        return list(target.select("td"))
    if target.name == "a":  # the use of a symbol, in its sentence
        return [target.find_parent(["p", "li", "td"])]
    if target.name == "dt":
        described = target.find_next_sibling("dd")
        # Of code no more than its first paragraph.
        if described is not None and target.select_one(".sig-name"):
            described = described.find("p")
        return [target, described]
    return [target]


def write_fragments(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Write the script of a page, which hands over its fragments in an event."""
    if doctree is None or app.builder.name != "html":
        return
    found = {"page": f"{pagename}.html", "fragments": fragments(context["body"])}
    detail = json.dumps(found, ensure_ascii=False)
    path = Path(app.outdir, FOLDER, f"{pagename}.js")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'dispatchEvent(new CustomEvent("previews", {{ detail: {detail} }}));\n', encoding="utf-8"
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the handler; called by Sphinx."""
    app.add_js_file("previews.js", loading_method="defer")
    app.connect("html-page-context", write_fragments)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
