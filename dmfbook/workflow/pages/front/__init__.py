"""Sphinx extension of the book: its first page, with numbers, chapters and citation from where they are made.

Loaded by ``_config.yml``.
"""

from sphinx.application import Sphinx

from dmfbook.workflow.pages.front.chapters import Chapters
from dmfbook.workflow.pages.front.citation import Citation
from dmfbook.workflow.pages.front.numbers import number


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect directives and role; called by Sphinx."""
    app.add_directive("chapters", Chapters)
    app.add_directive("citation", Citation)
    app.add_role("number", number)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
