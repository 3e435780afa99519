"""The directive ``citation``: how to cite the book, from the file ``CITATION.cff`` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

NAME = "CITATION.cff"


class Citation(SphinxDirective):
    """Show version, date and licences, and an entry for a bibliography."""

    def run(self) -> list[nodes.Node]:
        """Return both; it takes no arguments and no content."""
        path = Path(self.env.srcdir, NAME)
        self.env.note_dependency(str(path))
        if not path.is_file():
            raise self.error(f"there is no {NAME}")
        about: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        code, text = about["license"]
        line = (
            f"Version {about['version']}, {_released(about)}. "
            f"Code under {code}, text and figures under {text}."
        )
        return [
            nodes.paragraph("", line),
            nodes.literal_block("", bibtex(about), language="bibtex"),
        ]


def bibtex(about: dict[str, Any]) -> str:
    """Write an entry for a bibliography.

    Parameters
    ----------
    about : dict
        What ``CITATION.cff`` holds.

    Returns
    -------
    str
        A ``@misc`` in the syntax of BibTeX.
    """
    authors = " and ".join(f"{{{author['name']}}}" for author in about["authors"])
    year = str(about.get("date-released", ""))[:4]
    when = f"  year = {{{year}}},\n" if year else f"  note = {{{_released(about)}}},\n"
    return (
        f"@misc{{dmfbook{year},\n"
        f"  title = {{{about['title']}}},\n"
        f"  author = {{{authors}}},\n"
        f"{when}"
        f"  version = {{{about['version']}}}\n"
        "}"
    )


def _released(about: dict[str, Any]) -> str:
    """Say when the version came out, if it did."""
    date = about.get("date-released")
    return f"released on {date}" if date else "not yet released"
