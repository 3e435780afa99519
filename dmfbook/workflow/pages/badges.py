"""Sphinx extension of the book: at each statement its tag, its verdict, where it is tested and how to cite it.

Loaded by ``_config.yml``. A cell that only shows verdicts leaves the page: what it says stands in the badges of the
statements, folded. The notebook keeps it, for those who run it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

from dmfbook.workflow.execution.results import VERDICT
from dmfbook.workflow.pages.claim_code import address_of_claim

LEDGER = "book/ledger"

# A cell that says no more than what its verdicts say.
_ONLY_SHOWS = re.compile(r"([\w.]+\.show\([^\n]*\)\s*)+")


@dataclass(frozen=True)
class Shown:
    """A verdict that a page shows.

    Attributes
    ----------
    verdict : mapping
        What programs read; see :meth:`dmfbook.claims.Verdict.as_dict`.
    text : str
        What readers of the notebook see, without the first line, which names the claim.
    cell : int
        Index of the cell.
    alone : bool
        Whether the cell shows verdicts and nothing else.
    """

    verdict: Mapping[str, Any]
    text: str
    cell: int
    alone: bool


class badge(nodes.General, nodes.Element):  # noqa: N801  Docutils names a node's visitor by its class.
    """Foot of a statement; its children are what unfolds."""


def verdicts_shown(path: Path) -> Iterator[Shown]:
    """Read the verdicts that an executed notebook shows.

    Parameters
    ----------
    path : Path
        Its file.

    Yields
    ------
    Shown
        One after the other.
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for index, cell in enumerate(cells):
        outputs = cell.get("outputs", [])
        said = "".join("".join(out.get("text", "")) for out in outputs)
        alone = _ONLY_SHOWS.fullmatch("".join(cell["source"])) is not None
        for verdict in (out["data"][VERDICT] for out in outputs if VERDICT in out.get("data", ())):
            lines = re.search(rf"^.*\({verdict['label']}\)\n((?:  .*\n)*)", said, re.MULTILINE)
            if lines:
                yield Shown(verdict, lines[1], index, alone)


def place_badges(app: Sphinx, doctree: nodes.document) -> None:
    """Put a badge below each labelled statement, and take away the cells that it replaces."""
    document = app.env.docname
    path = Path(app.env.doc2path(document))
    shown = list(verdicts_shown(path)) if path.suffix == ".ipynb" else []
    verdicts = {each.verdict["label"]: each for each in shown}
    stated = set()
    for statement in list(doctree.findall(_is_labelled)):
        label = statement["label"]
        stated.add(label)
        found = verdicts.get(label)
        statement += badge(
            label=label,
            kind=statement["realtype"],
            title=statement["title"].strip("() "),
            document=document,
            verdict=found.verdict if found else {},
            text=found.text if found else "",
        )
    replaced = {each.cell for each in shown if each.alone and each.verdict["label"] in stated}
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") == "cell_code" and cell.get("cell_index") in replaced:
            cell.parent.remove(cell)


def name_ledger_rows(app: Sphinx, doctree: nodes.document) -> None:
    """Give the rows of the ledger's first table names to link to."""
    tables = list(doctree.findall(nodes.table)) if app.env.docname == LEDGER else []
    for row in tables[0].findall(nodes.row) if tables else ():
        for link in row.findall(addnodes.pending_xref):
            if link["refdomain"] == "prf":
                row["ids"].append(f"ledger-{link['reftarget']}")


def fill_badges(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Write what unfolds, once numbers and addresses of all pages are known."""
    for each in doctree.findall(badge):
        if each["verdict"]:
            each += [
                _lines(each["text"]),
                _links(app, each, docname),
                nodes.literal_block("", bibtex(app, each), language="none"),
            ]


def bibtex(app: Sphinx, each: badge) -> str:
    """Write the entry that cites a statement.

    Parameters
    ----------
    app : Sphinx
        The book: its title, author, year and version.
    each : badge
        Of the statement.

    Returns
    -------
    str
        BibTeX, whose key is the tag, since a number may change.
    """
    numbers = app.env.toc_fignumbers.get(each["document"], {}).get("theorem", {})
    number = ".".join(map(str, numbers.get(each["label"], ())))
    source, base = each["verdict"]["source"], app.config.html_baseurl
    fields = {
        "author": f"{{{app.config.author}}}",
        "title": each["title"],
        "booktitle": app.config.html_title,
        "year": re.sub(r"\D*(\d{4}).*", r"\1", app.config.copyright),
        "edition": f"Version {app.config.release}" if app.config.release else "",
        "note": f"{each['kind'].capitalize()} {number}, tag {each['label']}"
        + ("" if source == "this book" else f"; after {source}"),
        "url": base and f"{base}{each['document']}.html#{each['label']}",
    }
    width = max(map(len, fields))
    lines = [f"  {name:<{width}} = {{{text}}}," for name, text in fields.items() if text]
    return "\n".join([f"@incollection{{{each['label']},", *lines, "}"])


def _is_labelled(node: nodes.Node) -> bool:
    """Tell a statement with a label of its own."""
    return (
        isinstance(node, nodes.Element)
        and "realtype" in node
        and not re.fullmatch(rf"{node['realtype']}-\d+", node["label"])
    )


def _lines(text: str) -> nodes.bullet_list:
    """Lines of a verdict as a list; those indented further go on."""
    found = re.sub(r"\n    +", " ", text).split("\n")
    items = [line.strip() for line in found if line.strip()]
    return nodes.bullet_list(
        "", *(nodes.list_item("", nodes.paragraph("", item)) for item in items)
    )


def _links(app: Sphinx, each: badge, here: str) -> nodes.paragraph:
    """Links to the row of the ledger and to the code of the claim, where the book has them."""
    label = each["label"]
    row = uri_of(app, here, LEDGER, f"ledger-{label}") if LEDGER in app.env.all_docs else ""
    links = {"its row of the ledger": row, "its check": address_of_claim(app, here, label)}
    paragraph = nodes.paragraph()
    for text, address in links.items():
        if address:
            paragraph += nodes.reference("", text, refuri=address, internal=True)
            paragraph += nodes.Text("; ")
    paragraph += nodes.Text("to cite this statement:")
    return paragraph


def uri_of(app: Sphinx, here: str, document: str, name: str) -> str:
    """Return the address of a place from a page; a book on one page has places only."""
    uri = app.builder.get_relative_uri(here, document)
    return f"#{name}" if "#" in uri else f"{uri}#{name}"


def _summary(verdict: Mapping[str, Any]) -> str:
    outcome = f"{'holds' if verdict['holds'] else 'FAILS'} on {verdict['cases']} cases"
    return f"{outcome}, {_margin(verdict['margin'])} · {verdict['status']}"


def _margin(margin: float | None) -> str:
    """How far the worst error is below what is allowed to it."""
    if margin is None:
        return "no error"
    if margin < 1000:
        return f"margin {float(f'{margin:.1e}'):g}"
    digits, exponent = f"{margin:.0e}".split("e")
    power = str(int(exponent)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"margin {digits}·10{power}"


def visit_badge(translator: Any, node: badge) -> None:
    """Open the foot of a statement."""
    verdict, label = node["verdict"], node["label"]
    translator.body.append('<div class="badge-line">')
    if verdict:
        status = verdict["status"].replace("paper's claim", "theirs")
        outcome = "passed" if verdict["passed"] else "failed"
        translator.body.append(
            f'<details class="verdict {status} {outcome}"><summary>{_summary(verdict)}</summary>'
        )
    node["foot"] = (
        f'<a class="tag" href="#{label}" title="Permanent link to this statement">{label}</a></div>'
    )


def depart_badge(translator: Any, node: badge) -> None:
    """Close it with the tag."""
    translator.body.append(("</details>" if node["verdict"] else "") + node["foot"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect node and handlers; called by Sphinx."""
    app.add_node(badge, html=(visit_badge, depart_badge))
    app.connect("doctree-read", place_badges)
    app.connect("doctree-read", name_ledger_rows)
    app.connect("doctree-resolved", fill_badges)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
