"""Whose statement is it: sources of the claims, the bibliography, and the concordance."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from pybtex.database import parse_file

import dmfbook.claims

CLAIMS = dmfbook.claims.all_claims()
CITED = re.compile(r"\{cite:[a-z]+\}`([^`]+)`")
REFERRED = re.compile(r"\{prf:ref\}`(?:[^`<]*<)?([^`<>]+)>?`")
VERDICT = re.compile(r"^: \*Verdict:\* \*\*(agrees|sharper|differs|not found)\*\*", re.MULTILINE)


def keys(root: Path) -> set[str]:
    """Return the keys of the bibliography."""
    return set(parse_file(root / "book" / "references.bib").entries)


@cache
def texts(root: Path) -> dict[Path, str]:
    """Return the text of every page, of notebooks without code and outputs."""
    found = {}
    for path in (root / "book").rglob("*"):
        if ".ipynb_checkpoints" in path.parts or path.suffix not in (".md", ".ipynb"):
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            words = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
            text = "\n\n".join(words)
        found[path.relative_to(root / "book")] = text
    return found


def concordance(root: Path) -> str:
    """Return the text of the concordance."""
    return texts(root)[Path("concordance.md")]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.label)
def test_what_is_new_has_no_other_source_and_what_a_paper_claims_has_one(
    claim: dmfbook.claims.Claim,
) -> None:
    assert claim.status != "new" or claim.source == "this book"
    assert claim.status != "paper's claim" or claim.source != "this book"


def test_pages_and_claims_cite_each_entry_and_nothing_else(root: Path) -> None:
    cited = {claim.source for claim in CLAIMS} - {"this book"}
    for text in texts(root).values():
        cited |= {key.strip() for found in CITED.findall(text) for key in found.split(",")}
    assert cited == keys(root)


def test_the_concordance_has_each_statement(root: Path) -> None:
    placed = REFERRED.findall(concordance(root))
    missing = [claim.label for claim in CLAIMS if claim.label not in placed]
    assert missing == [], "name these in book/concordance.md, with their paper or under Only here"
    assert set(placed) <= {claim.label for claim in CLAIMS}


def test_what_is_new_is_only_here(root: Path) -> None:
    only_here = REFERRED.findall(concordance(root).partition("## Only here")[2])
    new = {claim.label for claim in CLAIMS if claim.status == "new"}
    assert new <= set(only_here)
    assert {claim.source for claim in CLAIMS if claim.label in only_here} == {"this book"}


def test_each_row_of_the_concordance_has_a_verdict(root: Path) -> None:
    rows = [row for row in concordance(root).split("\n\n") if "\n: *" in row]
    assert len(rows) > 30
    assert [row for row in rows if len(VERDICT.findall(row)) != 1] == []


def test_the_concordance_cites_the_source_of_each_statement(root: Path) -> None:
    """In the row of a statement, or at the head of the paper's section."""
    sections = re.split(r"^##+ ", concordance(root), flags=re.MULTILINE)
    said = {
        (key, label)
        for part in sections
        for key in CITED.findall(part)
        for label in REFERRED.findall(part)
    }
    theirs = [claim for claim in CLAIMS if claim.source != "this book"]
    assert [claim.label for claim in theirs if (claim.source, claim.label) not in said] == []
