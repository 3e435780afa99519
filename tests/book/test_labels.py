"""Statements of the book against the claims of the package, one to one."""

import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import dmfbook.claims
from dmfbook.workflow.sources.statements import Statement, statements


def all_statements(root: Path) -> Iterator[tuple[Path, Statement]]:
    """Yield page and statement."""
    for path in sorted((root / "book").rglob("*")):
        if path.suffix in (".md", ".ipynb") and ".ipynb_checkpoints" not in path.parts:
            for each in statements(path):
                if not each.label:
                    pytest.fail(f"{path.name}: a statement without a label: {each.title}")
                yield path.relative_to(root), each


def test_every_statement_is_a_claim_and_every_claim_a_statement(root: Path) -> None:
    stated = [each.label for _, each in all_statements(root)]
    claimed = [claim.label for claim in dmfbook.claims.all_claims()]
    assert sorted(stated) == sorted(claimed)


def test_every_statement_is_followed_by_its_proof(root: Path) -> None:
    unproved = [
        f"{path}: {each.label}"
        for path, each in all_statements(root)
        if each.kind != "observation" and not each.proved
    ]
    assert unproved == []


def chapters(root: Path) -> list[str]:
    """Return the pages in the order of the table of contents."""
    return re.findall(r"- file: (book/\S+)", (root / "_toc.yml").read_text(encoding="utf-8"))


def test_no_proof_cites_a_later_chapter(root: Path) -> None:
    order = chapters(root)
    place = {
        each.label: order.index(path.with_suffix("").as_posix())
        for path, each in all_statements(root)
    }
    forward = [
        f"{each.label} cites {cited}"
        for _, each in all_statements(root)
        for cited in each.cites
        if place.get(cited, 0) > place[each.label]
    ]
    assert forward == []


def test_no_proof_rests_on_itself(root: Path) -> None:
    cited = {each.label: set(each.cites) for _, each in all_statements(root)}
    TopologicalSorter(cited).prepare()
