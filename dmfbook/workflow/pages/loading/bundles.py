"""Sphinx extension of the book: one style sheet and one script in place of the many that all pages load.

Loaded by ``_config.yml``. ``layout.html`` asks for them.
"""

from __future__ import annotations

import functools
import hashlib
import posixpath
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

# What the theme loads before and after what Sphinx lists.
BEFORE = ("basic.css", "styles/pydata-sphinx-theme.css")
AFTER = ("scripts/bootstrap.js", "scripts/pydata-sphinx-theme.js")

BUNDLES = {"css": "book.css", "script": "book.js"}

# Loaded where it is needed: by pages with formulas, by pages with tabs, and before lines of the theme in the page.
_APART = ("mathjax/", "design-tabs.js", "documentation_options.js")


@functools.cache
def digest(static: Path, names: tuple[str, ...]) -> str:
    """Return a sum that changes with files, those aside that are not there yet.

    Parameters
    ----------
    static : Path
        Their folder.
    names : tuple of str
        Their paths in it.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    there = (path.read_bytes() for path in (static / name for name in names) if path.is_file())
    return hashlib.sha256(b"".join(there)).hexdigest()[:8]


def _part(static: Path, name: str) -> str:
    text = (static / name).read_text(encoding="utf-8")
    # What only tools of developers ask for.
    text = re.sub(r"^(//|/\*)# sourceMappingURL=.*$", "", text, flags=re.MULTILINE)
    if name.endswith(".js"):
        return f"{text};"
    folder = posixpath.dirname(name)

    def seen_from_here(match: re.Match[str]) -> str:
        return f"url({match[1]}{posixpath.normpath(posixpath.join(folder, match[2]))}{match[1]})"

    return re.sub(r"""url\((["']?)(?![#/"']|\w+:)([^)"']+)\1\)""", seen_from_here, text)


def bundle(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Take what all pages load from the lists of a page, and name the bundles for its template."""
    static = Path(app.outdir, "_static")
    for kind, before, after in (("css", BEFORE, ()), ("script", (), AFTER)):
        files = context[f"{kind}_files"]
        files.sort(key=lambda file: file.priority)
        named = {file: str(file.filename or "").removeprefix("_static/") for file in files}
        parts = [name for name in named.values() if name and not name.startswith(_APART)]
        names = (*before, *parts, *after)
        _wanted(app)[BUNDLES[kind]] = names
        context[f"{kind}_bundle"] = f"{BUNDLES[kind]}?v={digest(static, names)}"
        # In place: what other handlers add for this page alone is added to the same list.
        files[:] = [file for file, name in named.items() if name not in parts]
    if "sd-tab-set" not in context.get("body", ""):
        scripts = context["script_files"]
        scripts[:] = [file for file in scripts if "design-tabs" not in str(file.filename)]


def write_bundles(app: Sphinx, exception: Exception | None) -> None:
    """Write the parts of each bundle below each other, when all extensions have copied theirs."""
    static = Path(app.outdir, "_static")
    for name, parts in _wanted(app).items() if exception is None else ():
        text = "\n".join(_part(static, part) for part in parts)
        (static / name).write_text(text, encoding="utf-8")


def _wanted(app: Sphinx) -> dict[str, tuple[str, ...]]:
    """What each bundle holds, by its name; of one build."""
    return vars(app).setdefault("dmfbook_bundles", {})


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the handler; called by Sphinx."""
    # Before others add what a single page needs.
    app.connect("html-page-context", bundle, priority=0)
    app.connect("build-finished", write_bundles, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
