"""Markdown that a cell made, without the HTML that its values may hold."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token


def without_html(text: str) -> str:
    """Let HTML in a Markdown text stand for itself, as everywhere else a value is shown.

    A string parameter may hold anything, and a cell that puts it into Markdown does not mean it as
    a part of the page. Who means it has ``IPython.display.HTML``.

    Parameters
    ----------
    text : str
        CommonMark, as the pages read the Markdown outputs of cells.

    Returns
    -------
    str
        The same text where it holds no HTML; code is left as it is.

    Examples
    --------
    >>> without_html("**a** < b, `<i>`, <script>alert(1)</script>")
    '**a** < b, `<i>`, &lt;script>alert(1)&lt;/script>'
    """
    parser = MarkdownIt("commonmark")
    lines = re.findall(r"[^\n]*\n|[^\n]+$", re.sub(r"\r\n?", "\n", text))
    for token in parser.parse(text):
        if token.map is None or token.type not in ("html_block", "inline"):
            continue
        begin, end = token.map
        block = "".join(lines[begin:end])
        if token.type == "html_block":
            block = block.replace("<", "&lt;")
        else:
            block = _escaped(block, token.children or [])
        lines[begin:end] = [block, *[""] * (end - begin - 1)]
    escaped = "".join(lines)
    if escaped.count("<") == text.count("<"):
        return text
    # What stood inside a block of HTML is Markdown now, and may hold HTML of its own.
    return without_html(escaped)


def _escaped(block: str, children: list[Token]) -> str:
    """Escape the HTML in the lines of a paragraph, found in the order of its parts."""
    done, place = "", 0
    for child in children:
        if child.type not in ("code_inline", "html_inline"):
            continue
        is_html = child.type == "html_inline"
        found = block.find(child.content, place)
        if found >= 0:
            done += block[place:found]
            place = found + len(child.content)
            done += child.content.replace("<", "&lt;") if is_html else child.content
        elif is_html:  # broken over lines, with the mark of a list or a quotation in between
            return block.replace("<", "&lt;")
    return done + block[place:]
