"""The whole book in one file for paper: Sphinx's single page, printed by the browser."""

import re
from collections import Counter
from pathlib import Path

from dmfbook.workflow.execution.execute import NO_HURRY, Limits
from dmfbook.workflow.pages.browser import opened
from dmfbook.workflow.pages.build import jupyter_book
from dmfbook.workflow.sources.notebooks import Book
from dmfbook.workflow.system.files import check_writable, scratch, whole
from dmfbook.workflow.system.locks import alone

_FOOTER = (
    '<div style="width: 100%; font-size: 8px; text-align: center"><span class="pageNumber"></span>'
    "</div>"
)
_MARGIN = {"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}


def build_pdf(book: Book, limits: Limits = NO_HURRY) -> Path:
    """Print an executed book whose pages are built into ``_build/book.pdf``.

    Proofs are open; chapters, statements and pages are numbered; references within the book work,
    and the titles make up the outline.

    Parameters
    ----------
    book : Book
        The book.
    limits : Limits, optional
        How long Jupyter Book and the browser may take, each as long as a run.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    BookError
        If there is no browser, or ``_build`` cannot be written.
    BuildError
        If Jupyter Book fails, or takes too long.
    """
    target = book.built / "book.pdf"
    check_writable(target.parent)
    with alone(book.built), scratch(book.built / ".pdf.build") as place:
        html = jupyter_book(book.built / "executed", place, limits, builder="singlehtml")
        root = next(path for path in html.rglob("*.html") if path.name != "index.html")
        page = html / "index.html"
        # The text supposes that it stands in the uppermost folder.
        page.write_text(
            one_document(root.read_text(encoding="utf-8"), root.relative_to(html).as_posix()),
            encoding="utf-8",
        )
        with whole(target) as partial:
            _print(page, partial, limits.run)
    return target


def one_document(text: str, name: str) -> str:
    """Let the references of a book on a single page lead where they should.

    Parameters
    ----------
    text : str
        HTML that Sphinx's ``singlehtml`` has written.
    name : str
        File that its references name.

    Returns
    -------
    str
        The same, with references to places of this document, and with ids that stand once each:
        those that several chapters share, as they share titles, get the chapter's number.
    """
    chapters = re.split(r'(?=<span id="document-)', text.replace(f'href="{name}#', 'href="#'))
    ids = [set(re.findall(r'\bid="([^"]+)"', chapter)) for chapter in chapters]
    counts = Counter(each for found in ids for each in found)
    shared = {each for each, count in counts.items() if count > 1}
    for number, (chapter, own) in enumerate(zip(chapters, ids, strict=True)):

        def renamed(match: re.Match[str], own: set[str] = own, number: int = number) -> str:
            suffix = f"-{number}" if match[2] in shared & own else ""
            return f'{match[1]}{match[2]}{suffix}"'

        chapters[number] = re.sub(r'(\bid="|href="#)([^"]+)"', renamed, chapter)
    return "".join(chapters)


def _print(page: Path, target: Path, seconds: float) -> None:
    """Print a page once its formulas are set."""
    with opened() as browser:
        # What moves by itself stands at its first view.
        tab = browser.new_page(reduced_motion="reduce")
        tab.set_default_timeout(1000 * seconds)
        tab.goto(page.as_uri())
        tab.evaluate("MathJax.startup.promise")
        tab.pdf(
            path=target,
            format="A4",
            margin=_MARGIN,
            outline=True,
            tagged=True,
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=_FOOTER,
        )
