"""Sphinx extension of the book: the list of all tags, those of statements that are gone included.

Loaded by ``_config.yml``. The directive ``tags`` lists what ``book/tags.yml`` names: each label that was ever given to
a statement, and for one that is gone what became of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def read_tags(path: Path) -> dict[str, str | None]:
    """Read a file of tags.

    Parameters
    ----------
    path : Path
        YAML: a mapping.

    Returns
    -------
    dict of str to str or None
        For each tag, in the order in which they were given, what became of its statement; None where
        it stands in the book.
    """
    found: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    return dict(found)


class Tags(SphinxDirective):
    """List all tags: a place of its own for each, that never moves."""

    def run(self) -> list[nodes.Node]:
        """Return the list; it takes no arguments and no content."""
        path = Path(self.env.srcdir, "book", "tags.yml")
        self.env.note_dependency(str(path))
        items = [self._item(tag, gone) for tag, gone in sorted(read_tags(path).items())]
        return [nodes.bullet_list("", *items, classes=["tags"])]

    def _item(self, tag: str, gone: str | None) -> nodes.list_item:
        said = f"gone. {gone}" if gone else f"{{prf:ref}}`{tag}`"
        item = nodes.list_item("", ids=[f"tag-{tag}"])
        self.state.nested_parse(StringList([f"`{tag}`: {said}"], "tags.yml"), 0, item)
        return item


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the directive; called by Sphinx."""
    app.add_directive("tags", Tags)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
