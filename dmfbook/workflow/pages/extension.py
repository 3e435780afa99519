"""Sphinx extension of the book: what its pages need and no released extension gives.

Loaded by ``_config.yml``. Each handler mends one thing and says why.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)


def refuse_missing_alt(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of an image that a screen reader could not describe; with ``-W`` the build fails.

    Without an alt text Sphinx writes the image's file name, which is then read aloud. In a notebook
    the text stands in the metadata of the cell that draws: ``"mystnb": {"image": {"alt": "…"}}``.
    """
    for image in doctree.findall(nodes.image):
        alt = image.get("alt", "").strip()
        name = PurePosixPath(urlsplit(image["uri"]).path).name
        if not alt or is_file_name(alt):
            message = "image %s needs an alt text that says what it shows, got %r"
            logger.warning(message, name, alt, location=image)


def is_file_name(alt: str) -> bool:
    """Tell whether an alt text is a file's name or path, like ``figs/loss.png``."""
    return re.fullmatch(r"\S+\.(svg|png|jpe?g|gif|webp)", alt, re.IGNORECASE) is not None


def number_repeated_ids(app: Sphinx, doctree: nodes.document) -> None:
    """Number the ids ``proof`` and ``proof-content``, which sphinx-proof gives to every statement.

    An id may stand only once on a page. Nothing links to these.
    """
    for repeated in ("proof", "proof-content"):
        same = (node for node in doctree.findall(nodes.Element) if node.get("ids") == [repeated])
        for number, node in enumerate(same, start=1):
            node["ids"] = [f"{repeated}-{number}"]


def list_references(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Turn the footnotes of a docstring into a plain numbered list under *References*.

    Every docstring counts its references from 1, which as footnotes of one page would clash; inside
    MyST's ``eval-rst`` footnotes are lost altogether.
    """
    for i, line in enumerate(lines):
        line = re.sub(r"^\.\. \[(\d+)\]", r"\1.", line)
        lines[i] = re.sub(r"\[(\d+)\]_", r"[\1]", line)


def mend_bibliography(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Give the entries of the bibliography the role that the list around them demands.

    Docutils writes ``doc-biblioentry``, a deprecated role that may not stand in a ``list``; axe
    calls that critical.
    """
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the handlers; called by Sphinx."""
    app.connect("doctree-read", refuse_missing_alt)
    app.connect("doctree-read", number_repeated_ids)
    app.connect("autodoc-process-docstring", list_references)
    app.connect("html-page-context", mend_bibliography)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
