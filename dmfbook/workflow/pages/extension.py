"""Sphinx extension of the book: what its pages need and no released extension gives.

Loaded by ``_config.yml``. Each handler mends one thing and says why.
"""

from __future__ import annotations

import contextlib
import json
import re
import textwrap
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

logger = logging.getLogger(__name__)

# Folder of MathJax among the static files, our script there, and what it is made of, in this order.
MATHJAX = "mathjax"
BUNDLE = "bundle.js"
PARTS = (
    "startup.js",
    "core.js",
    "input/tex-base.js",
    "input/tex/extensions/ams.js",
    "input/tex/extensions/newcommand.js",
    "input/tex/extensions/configmacros.js",
    "input/tex/extensions/noundefined.js",
    "output/chtml.js",
    "output/chtml/fonts/tex.js",
    "a11y/assistive-mml.js",
)

# An inline formula with what stands beside it without a space: commas, brackets, the rest of a word.
_MATH = r'<span class="math notranslate nohighlight">[^<]*</span>'
_FORMULA = rf"(?:(?:{_MATH}|<a [^>]*>{_MATH}</a>)[^\s<>]*)+"
_WITH_SIGNS = re.compile(rf"[^\s<>]+{_FORMULA}|{_FORMULA}(?<!>)")


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


def describe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Describe a page, for those who find it by a search engine, by its first words without formulas."""
    if doctree is None:
        return
    for paragraph in doctree.findall(nodes.paragraph):
        words = "".join(
            text
            for text in paragraph.findall(nodes.Text)
            if not isinstance(text.parent, nodes.math)
        )
        if words.strip():
            context["description"] = textwrap.shorten(words, 160, placeholder=" …")
            return


def keep_signs_with_formulas(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Let no line begin with the comma after a formula, or end with the bracket before one.

    Browsers break a line on both sides of a formula, whatever stands there.
    """
    if "body" in context:
        context["body"] = _WITH_SIGNS.sub(r'<span class="unbroken">\g<0></span>', context["body"])


def leave_out_mathjax(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load MathJax, a megabyte, on no page without a formula; a preview brings it."""
    if 'class="math' not in context.get("body", ""):
        context["script_files"] = [
            script
            for script in context["script_files"]
            if "mathjax" not in f"{script} {getattr(script, 'attributes', {})}".lower()
        ]


def use_bundle(app: Sphinx, config: Config) -> None:
    """Load MathJax from the bundle that `bundle_mathjax` makes, wherever an extension says it is."""
    config.mathjax_path = f"{MATHJAX}/{BUNDLE}"


def bundle_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Put the parts of MathJax that the book needs into one script, and leave out the others.

    MathJax's own bundles have a menu, a third of their size, which would load still more.
    """
    folder = Path(app.outdir, "_static", MATHJAX)
    if exception is not None or not folder.is_dir():
        return
    # With the settings, for pages that have no formula of their own.
    settings = f"window.MathJax ??= {json.dumps(app.config.mathjax3_config)}"
    parts = (folder.joinpath(part).read_text(encoding="utf-8") for part in PARTS)
    script = ";\n".join([settings, *parts])
    fonts = folder / "output" / "chtml" / "fonts" / "woff-v2"
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            with contextlib.suppress(OSError):  # it holds a font
                path.rmdir()
        elif path.parent != fonts:
            path.unlink()
    (folder / BUNDLE).write_text(script, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the handlers; called by Sphinx."""
    app.connect("doctree-read", refuse_missing_alt)
    app.connect("doctree-read", number_repeated_ids)
    app.connect("autodoc-process-docstring", list_references)
    app.connect("html-page-context", mend_bibliography)
    app.connect("html-page-context", describe)
    # Before MathML stands within formulas.
    app.connect("html-page-context", keep_signs_with_formulas, priority=400)
    app.connect("config-inited", use_bundle, priority=900)
    # After the extension that brings MathJax has copied it.
    app.connect("build-finished", bundle_mathjax, priority=900)
    # After Sphinx has added it.
    app.connect("html-page-context", leave_out_mathjax, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
