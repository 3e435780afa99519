"""The directive ``chapters``: all numbered chapters of a book with a line and a small picture each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from dmfbook.workflow.execution.harvest import figures
from dmfbook.workflow.pages.front.thumbnails import can_be_drawn, thumbnail


class Chapters(SphinxDirective):
    """List the numbered chapters, part by part; the content has a line ``chapter: words`` for each."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        words = dict(line.split(": ", 1) for line in self.content if line.strip())
        shown: list[nodes.Node] = []
        number = 1
        for caption, documents in numbered_parts(Path(self.env.srcdir, "_toc.yml")):
            items = [self._item(document, words) for document in documents]
            shown.append(nodes.rubric("", caption))
            shown.append(
                nodes.enumerated_list("", *items, classes=["chapters"], start=number, suffix=".")
            )
            number += len(documents)
        if words:
            raise self.error(f"no numbered chapter is called {next(iter(words))!r}")
        return shown

    def _item(self, document: str, words: dict[str, str]) -> nodes.list_item:
        name = document.rpartition("/")[2]
        if name not in words:
            raise self.error(f"needs a line for the chapter {name!r}")
        item = nodes.list_item()
        path = Path(self.env.srcdir, f"{document}.ipynb")
        self.env.note_dependency(str(path))
        picture = next(filter(can_be_drawn, figures(json.loads(path.read_bytes()))), None)
        if picture:
            item += nodes.raw("", thumbnail(picture), format="html")
        line = f"{{doc}}`/{document}`: {words.pop(name)}"
        self.state.nested_parse(StringList([line], "_toc.yml"), self.content_offset, item)
        return item


def numbered_parts(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Read the numbered parts of a book.

    Parameters
    ----------
    path : Path
        Its ``_toc.yml``.

    Yields
    ------
    tuple of str and list of str
        Title of a part, and the names of its documents.
    """
    contents: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    for part in contents["parts"]:
        if part.get("numbered"):
            yield part["caption"], [chapter["file"] for chapter in part["chapters"]]
