"""Sphinx extension of the book: symbols lead to what they mean, and the page of notation to where they are first used.

Loaded by ``_config.yml``. On each chapter the first short formula that begins with a symbol of the tables is a link to
its row, which ``previews.js`` shows beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

NOTATION = "book/notation"

# A longer formula, in characters of TeX, makes no link.
_SHORT = 30

_APART = (nodes.title, nodes.reference, nodes.caption, nodes.table, addnodes.pending_xref)


@dataclass(frozen=True)
class Symbol:
    """A row of the tables.

    Attributes
    ----------
    name : str
        Its first symbol, as a part of an id.
    keys : frozenset of str
        Its symbols, see `key`.
    pages : tuple of str
        Documents that its last cell names.
    everywhere : bool
        Whether it means the same in the whole book, and not only on these.
    """

    name: str
    keys: frozenset[str]
    pages: tuple[str, ...]
    everywhere: bool


def key(tex: str) -> str:
    r"""Write a symbol such that its index does not matter, where that counts layers or modes.

    Parameters
    ----------
    tex : str
        A symbol, or a list or relation that begins with it.

    Returns
    -------
    str
        TeX without spaces.

    Examples
    --------
    >>> key(r"\sigma_1 \ge \sigma_2"), key(r"\lambda_c"), key(r"\lambda_i") == key(r"\lambda_{2}")
    ('\\sigma_*', '\\lambda_c', True)
    """
    lead = re.split(r"(?<!\{[\w]),|\\[gl]e\b|=", tex)[0]
    return re.sub(r"_\{?[ijklL\d]\}?$", "_*", re.sub(r"\s", "", lead))


def symbols(notation: nodes.document) -> Iterator[tuple[nodes.row, Symbol]]:
    """Read the tables of symbols.

    Parameters
    ----------
    notation : document
        The page of notation, its references not resolved.

    Yields
    ------
    row, Symbol
        One after the other.
    """
    for table in notation.findall(nodes.table):
        head, *rows = table.findall(nodes.row)
        if "symbols" not in table.parent["classes"]:
            continue
        for row in rows:
            keys = [key(formula.astext()) for formula in row[0].findall(nodes.math)]
            pages = [each["reftarget"] for each in row[-1].findall(addnodes.pending_xref)]
            named = keys[0].replace("_*", "_i").replace("_-", "_minus").replace("_+", "_plus")
            name = re.sub(r"\W+", "-", named).strip("-")
            everywhere = head[-1].astext() == "first used"
            yield row, Symbol(name, frozenset(keys), tuple(pages), everywhere)


def first_uses(app: Sphinx, page: str, tree: nodes.document) -> Iterator[tuple[nodes.math, Symbol]]:
    """Find the first short formula that is a symbol or says what it is, for each that a page has.

    Parameters
    ----------
    app : Sphinx
        The build.
    page : str
        Document.
    tree : document
        What it holds.

    Yields
    ------
    math, Symbol
        In the order of the page.
    """
    meant: dict[str, Symbol] = {}
    for _, symbol in symbols(app.env.get_doctree(NOTATION)):
        if symbol.everywhere or page in symbol.pages:
            meant |= dict.fromkeys(symbol.keys, symbol)
    for formula in list(tree.findall(nodes.math)):
        found = meant.get(key(formula.astext()))
        one = "," not in formula.astext() and len(formula.astext()) <= _SHORT
        if found and one and not _stands_apart(formula):
            yield formula, found
            meant = {each: other for each, other in meant.items() if other is not found}


def _stands_apart(node: nodes.Node) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, _APART):
            return True
    return False


def link_symbols(app: Sphinx, tree: nodes.document, page: str) -> None:
    """Link the first uses of a chapter to the rows, and the rows to them; a page of its own has none to lead to."""
    if app.builder.name != "html" or NOTATION not in app.env.all_docs:
        return
    if page == NOTATION:
        _link_rows(app, tree)
    elif page.count("/") == 2:
        for formula, symbol in first_uses(app, page, tree):
            address = f"{app.builder.get_relative_uri(page, NOTATION)}#symbol-{symbol.name}"
            link = nodes.reference("", "", refuri=address, internal=True, classes=["symbol"])
            link["ids"] = [f"use-{symbol.name}"]
            # A name for programs that do not take a formula for one.
            link["reftitle"] = "Meaning of this symbol"
            formula.replace_self(link)
            link += formula


def _link_rows(app: Sphinx, tree: nodes.document) -> None:
    read = [symbol for _, symbol in symbols(app.env.get_doctree(NOTATION))]
    documents = {page for symbol in read for page in symbol.pages}
    used = {
        page: {symbol for _, symbol in first_uses(app, page, app.env.get_doctree(page))}
        for page in documents
    }
    for (row, _), symbol in zip(symbols(tree), read, strict=True):
        row["ids"] = [f"symbol-{symbol.name}"]
        for page, link in zip(symbol.pages, row[-1].findall(nodes.reference), strict=True):
            if symbol in used[page]:
                link["refuri"] += f"#use-{symbol.name}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the handler; called by Sphinx."""
    app.connect("doctree-resolved", link_symbols)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
