"""Statements of the book against the claims of the package, one to one."""

import json
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin

import dmfbook.claims

PROVED = ("theorem", "proposition", "lemma", "corollary")
MEASURED = ("observation",)
CITED = re.compile(r"\{prf:ref\}`([\w-]+)`")


def blocks(path: Path) -> list[Token]:
    """Return the blocks of a page's text in order; of a notebook, code cells are fences too."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
        text = "\n\n".join(
            source if kind == "markdown" else f"~~~~~python\n{source}\n~~~~~"
            for kind, source in cells
        )
    parser = MarkdownIt().use(colon_fence_plugin)
    return [token for token in parser.parse(text) if token.level == 0 and token.nesting >= 0]


def statements(root: Path) -> Iterator[tuple[Path, Token, Token | None]]:
    """Yield page, statement and the block after it."""
    for path in sorted((root / "book").rglob("*")):
        if path.suffix in (".md", ".ipynb") and ".ipynb_checkpoints" not in path.parts:
            found = blocks(path)
            for block, after in zip(found, [*found[1:], None], strict=True):
                if block.info.startswith(tuple(f"{{prf:{kind}}}" for kind in PROVED + MEASURED)):
                    yield path.relative_to(root), block, after


def label(statement: Token) -> str:
    """Return a statement's label."""
    for line in statement.content.splitlines():
        if line.startswith(":label:"):
            return line.removeprefix(":label:").strip()
    pytest.fail(f"a statement without a label: {statement.info} {statement.content[:80]}")


def test_every_statement_is_a_claim_and_every_claim_a_statement(root: Path) -> None:
    stated = [label(statement) for _, statement, _ in statements(root)]
    claimed = [claim.label for claim in dmfbook.claims.all_claims()]
    assert sorted(stated) == sorted(claimed)


def test_every_statement_is_followed_by_its_proof(root: Path) -> None:
    unproved = [
        f"{path}: {label(statement)}"
        for path, statement, after in statements(root)
        if not statement.info.startswith("{prf:observation}")
        and (after is None or not after.info.startswith(("{dropdown} Proof", "{prf:proof}")))
    ]
    assert unproved == []


def chapters(root: Path) -> list[str]:
    """Return the pages in the order of the table of contents."""
    return re.findall(r"- file: (book/\S+)", (root / "_toc.yml").read_text(encoding="utf-8"))


def test_no_proof_cites_a_later_chapter(root: Path) -> None:
    order = chapters(root)
    place = {
        label(statement): order.index(path.with_suffix("").as_posix())
        for path, statement, _ in statements(root)
    }
    forward = [
        f"{label(statement)} cites {cited}"
        for _, statement, after in statements(root)
        if after is not None and after.info.startswith("{dropdown} Proof")
        for cited in CITED.findall(after.content)
        if place.get(cited, 0) > place[label(statement)]
    ]
    assert forward == []


def test_no_proof_rests_on_itself(root: Path) -> None:
    cited = {
        label(statement): set(CITED.findall(after.content))
        for _, statement, after in statements(root)
        if after is not None and after.info.startswith("{dropdown} Proof")
    }
    TopologicalSorter(cited).prepare()
