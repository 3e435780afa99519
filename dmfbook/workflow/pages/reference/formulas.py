"""Sphinx extension of the book: mathematics in docstrings, set as mathematics.

Loaded by ``_config.yml``. Formulas stand in docstrings as a terminal shows them: between double backticks where they
are more than a letter with its index. What is not between backticks and needs them fails a build with ``-W``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from dmfbook.workflow.pages.reference.transcription import SIGNS, NotMathematics, transcribed

logger = logging.getLogger(__name__)

_INDEXED = r"(?P<letter>[A-Za-z]|[α-ωΔ])(?:_(?:\{(?P<group>[^}]+)\}|(?P<index>\w+)))?"
# A letter that stands alone in a text, with its index, but for the English words a, A and I.
_ATOM = re.compile(rf"(?<![\w'’\"“.-])(?![aAI]\b){_INDEXED}(?![\w'’\"”\u0300-\u036f]|-[A-Z]|\.\w)")
# What other text has too.
_RAW = SIGNS - set("½¼−≤≥×")

_NO_TEXT = (
    nodes.FixedTextElement,
    nodes.literal,
    nodes.math,
    nodes.strong,
    nodes.title_reference,
    addnodes.pending_xref,
    addnodes.desc_signature,
    addnodes.literal_strong,
)


class SetFormulas(SphinxTransform):
    """Turn the formulas of docstrings into mathematics."""

    default_priority = 800  # before Sphinx notes which pages have formulas, and need MathJax

    def apply(self, **kwargs: Any) -> None:
        """Look through the descriptions of a page."""
        for description in list(self.document.findall(addnodes.desc_content)):
            for text in list(description.findall(nodes.Text)):
                if not any(isinstance(each, _NO_TEXT) for each in _ancestors(text)):
                    _set_atoms(text)
            for literal in list(description.findall(nodes.literal)):
                if not isinstance(literal.parent, addnodes.pending_xref):
                    _set_literal(literal)


def _ancestors(node: nodes.Node) -> Iterator[nodes.Node]:
    while node.parent is not None:
        node = node.parent
        yield node


def _set_literal(literal: nodes.literal) -> None:
    text = literal.astext()
    if match := re.fullmatch(_INDEXED, text):
        literal.replace_self(_atom(match))
        return
    try:
        tex = transcribed(text)
    except NotMathematics:
        if SIGNS & set(text):
            logger.warning("%r cannot be set as mathematics", text, location=literal)
    else:
        literal.replace_self(nodes.math(tex, tex))


def _set_atoms(text: nodes.Text) -> None:
    parts: list[nodes.Node] = []
    end = 0
    for match in _ATOM.finditer(text):
        parts += [nodes.Text(text[end : match.start()]), _atom(match)]
        end = match.end()
    parts.append(nodes.Text(text[end:]))
    for part in parts:
        if isinstance(part, nodes.Text) and _RAW & set(part):
            logger.warning("a formula without backticks: %r", str(part), location=text.parent)
    if end:
        text.parent.replace(text, parts)


def _atom(match: re.Match[str]) -> nodes.emphasis:
    """A letter with its index, in the font of formulas, but without their weight: a page has many."""
    atom = nodes.emphasis("", match["letter"], classes=["letter"])
    if index := match["group"] or match["index"]:
        atom += nodes.subscript("", index.replace("-", "−"))
    return atom


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the transformation; called by Sphinx."""
    app.add_transform(SetFormulas)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
