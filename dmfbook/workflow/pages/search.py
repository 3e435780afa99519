"""Sphinx extension of the book: its statements for ``search.js`` to look through, before pages are.

Loaded by ``_config.yml``. They stand in a script, since a browser reads nothing else from ``file://``; formulas stand
there in words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

SCRIPT = "statements.js"

# How TeX sets what is read, not what is read.
_SETTING = re.compile(r"\\(left|right|[bB]ig+[lrm]?|quad|qquad|begin|end|text|operatorname)\b")


def words(tex: str) -> str:
    r"""Write a formula in words.

    Parameters
    ----------
    tex : str
        TeX.

    Returns
    -------
    str
        The names of its commands and letters.

    Examples
    --------
    >>> words(r"\bar\lambda_c \ge \left( \tfrac{1}{2} \right)")
    'bar lambda c ge tfrac 1 2'
    """
    return " ".join(re.findall(r"[a-zA-Z]+|\d+", _SETTING.sub(" ", tex)))


def entries(app: Sphinx) -> Iterator[dict[str, str]]:
    """Describe the statements of the book, in no order.

    Yields
    ------
    dict
        What it is called with its number, its address from the root, its page's title, and its text.
    """
    env = app.env
    for document in sorted(env.found_docs):
        numbers = env.toc_fignumbers.get(document, {}).get("theorem", {})
        for node in env.get_doctree(document).findall(nodes.Element):
            number = ".".join(map(str, numbers.get(node.get("label", ""), ())))
            if number and "realtype" in node:
                yield {
                    "name": f"{node['realtype'].capitalize()} {number} {_text(node[0])}",
                    "address": f"{app.builder.get_target_uri(document)}#{node['label']}",
                    "page": env.titles[document].astext(),
                    "text": f"{node['label']} {_text(node[1])}",
                }


def _text(node: nodes.Node) -> str:
    """Text of a node, its formulas in words."""
    found = (
        words(text) if isinstance(text.parent, (nodes.math, nodes.math_block)) else text.astext()
        for text in node.findall(nodes.Text)
    )
    return " ".join(" ".join(found).split())


def write_statements(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Write the script, and load it where one searches."""
    if pagename == "search":
        data = json.dumps(list(entries(app)), ensure_ascii=False)
        path = Path(app.outdir, "_static", SCRIPT)
        path.write_text(f'"use strict";\n\nconst STATEMENTS = {data};\n', encoding="utf-8")
        app.add_js_file(SCRIPT, loading_method="defer")
        app.add_js_file("search.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the handler; called by Sphinx."""
    app.connect("html-page-context", write_statements)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
