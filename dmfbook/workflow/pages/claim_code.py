"""Sphinx extension of the book: the code of its claims, a page for each module, or where it is published.

Loaded by ``_config.yml``. With a ``repository.url`` the code is linked to there, and no page is made.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.highlighting import PygmentsBridge

from dmfbook import claims

PAGES = "_claims"


@functools.cache
def places() -> dict[str, tuple[str, int, int]]:
    """Tell where the claims are written.

    Returns
    -------
    dict of str to (str, int, int)
        For each label the name of the module, and the first and the last line.
    """
    found = {}
    for each in claims.all_claims():
        lines, first = inspect.getsourcelines(each.check)
        found[each.label] = (each.check.__module__, first, first + len(lines) - 1)
    return found


def address_of_claim(app: Sphinx, here: str, label: str) -> str:
    """Return where the code of a claim can be read.

    Parameters
    ----------
    app : Sphinx
        The book.
    here : str
        Document that links there.
    label : str
        Label of the claim.

    Returns
    -------
    str
        Address in the repository, else of a page of this book from `here`; empty where there is
        none.
    """
    if label not in places() or app.builder.name != "html":
        return ""
    module, first, last = places()[label]
    if url := _repository(app):
        branch = app.config.html_theme_options.get("repository_branch") or "main"
        return f"{url}/blob/{branch}/{module.replace('.', '/')}.py#L{first}-L{last}"
    return f"{app.builder.get_relative_uri(here, _page(module))}#{label}"


def collect_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Make a page for each module whose claims the book states.

    Yields
    ------
    (str, dict, str)
        Name, context and template of a page, as Sphinx asks for them.
    """
    stated = {} if _repository(app) else getattr(app.env, "proof_list", {})
    modules = {places()[label][0]: None for label in stated if label in places()}
    for module in modules:
        title = f"Checks of {module.rpartition('.')[2].replace('_', ' ')}"
        body = f"<h1>{escape(title)}</h1>\n{_highlighted(app, module, stated)}"
        yield _page(module), {"title": title, "body": body}, "page.html"


def _highlighted(app: Sphinx, module: str, stated: dict[str, Any]) -> str:
    """Code of a module in colours, with a name and a link to the statement at each claim."""
    code = Path(inspect.getfile(sys.modules[module])).read_text(encoding="utf-8")
    lines = PygmentsBridge("html").highlight_block(code, "python").splitlines()
    for label, (where, first, _) in places().items():
        if where == module and label in stated:
            uri = app.builder.get_relative_uri(_page(module), stated[label]["docname"])
            link = f'<a class="tag" id="{label}" href="{uri}#{label}">{label}</a>'
            lines[first - 1] = f"{link}\n{lines[first - 1]}"
    return "\n".join(lines)


def _repository(app: Sphinx) -> str:
    return str(app.config.html_theme_options.get("repository_url") or "").rstrip("/")


def _page(module: str) -> str:
    return f"{PAGES}/{module.split('.', 2)[2].replace('.', '/')}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the handler; called by Sphinx."""
    app.connect("html-collect-pages", collect_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
