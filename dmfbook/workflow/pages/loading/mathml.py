"""Sphinx extension of the book: its formulas as MathML, for readers without JavaScript.

Loaded by ``_config.yml``. Where scripts run MathJax sets the TeX, and the browser does not even parse what stands in
``noscript``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape
from typing import Any

from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx

Macros = Mapping[str, str | list[Any]]

_FORMULA = re.compile(
    r'(<(span|div) class="math notranslate nohighlight"[^>]*>(?:<span class="eqno">.*?</span>)?)'
    r"(\s*\\[([](.*?)\\[)\]])(</\2>)",
    re.DOTALL,
)
# TeX that the converter does not know, and the same for it.
_SAME = (
    (r"\\dots(?![a-zA-Z])", r"\\ldots"),
    (r"\\(begin|end)\{split\}", ""),
    (r"\\[bB]ig[gm]? */", "/"),
    (r"\\([td]?frac) *(\d) *(\d)", r"\\\1{\2}{\3}"),
    (r"\\([td]?frac) *(\d) *(\{|\\[a-zA-Z]+|[a-zA-Z])", r"\\\1{\2}\3"),
)


def mathml(tex: str, display: bool, macros: Macros) -> str:
    r"""Convert a formula.

    Parameters
    ----------
    tex : str
        TeX.
    display : bool
        Whether it stands on lines of its own.
    macros : mapping
        Commands of the book, as MathJax takes them: their text, or a list of it and the number of
        arguments.

    Returns
    -------
    str
        MathML, or the TeX as code where it cannot be converted.

    Examples
    --------
    >>> print(mathml(r"\norm x", False, {"norm": [r"\Vert #1 \Vert", 1]}).count("‖"))
    2
    """
    plain = expanded(tex.strip(), macros)
    for known, same in _SAME:
        plain = re.sub(known, same, plain)
    try:
        found = "".join(tex2mathml(plain, as_block=display))
    except MathError:
        return f"<code>{escape(tex)}</code>"
    return re.sub(r">\n *", ">", found)


def expanded(tex: str, macros: Macros) -> str:
    """Replace the commands of the book, which do not hold each other.

    Parameters
    ----------
    tex : str
        TeX.
    macros : mapping
        As `mathml` takes them; of one argument at most.

    Returns
    -------
    str
        TeX without them.
    """
    for name, text in macros.items():
        command = re.compile(rf"\\{name}(?![a-zA-Z])\s*")
        body, arguments = (text, 0) if isinstance(text, str) else text
        # From the end, so that an argument has been treated before what it belongs to.
        for match in reversed(list(command.finditer(tex))):
            end = _end_of_argument(tex, match.end()) if arguments else match.end()
            argument = tex[match.end() : end]
            if argument.startswith("{"):
                argument = argument[1:-1]
            tex = f"{tex[: match.start()]}{{{body.replace('#1', argument)}}}{tex[end:]}"
    return tex


def _end_of_argument(tex: str, start: int) -> int:
    """Where an argument ends: a group, a command or a character."""
    if not tex.startswith("{", start):
        match = re.compile(r"\\[a-zA-Z]+|\\?.").match(tex, start)
        return match.end() if match else start
    depth = 0
    for match in re.compile(r"\\.|[{}]").finditer(tex, start):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return len(tex)


def add_mathml(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Put MathML beside the TeX of a page's formulas."""
    if app.builder.name != "html" or "body" not in context:
        return
    macros = (app.config.mathjax3_config or {}).get("tex", {}).get("macros", {})

    def beside(match: re.Match[str]) -> str:
        formula = mathml(unescape(match[4]), match[2] == "div", macros)
        return f"{match[1]}{match[3]}<noscript>{formula}</noscript>{match[5]}"

    context["body"] = _FORMULA.sub(beside, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the handler; called by Sphinx."""
    app.connect("html-page-context", add_mathml)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
