"""The statements of a book, and what their proofs use, read from its text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin

KINDS = ("theorem", "proposition", "lemma", "corollary", "observation")
_CITED = re.compile(r"\{prf:ref\}`(?:[^`<]*<)?([\w-]+)>?`")


@dataclass(frozen=True)
class Statement:
    """A statement and the statements that its proof cites.

    Attributes
    ----------
    label : str
        Its label; empty where it has none.
    kind : str
        One of `KINDS`.
    title : str
        Its title, which may hold TeX.
    proved : bool
        Whether a proof follows.
    cites : tuple of str
        Labels in the proof, each once.
    """

    label: str
    kind: str
    title: str
    proved: bool
    cites: tuple[str, ...]


def statements(path: Path) -> Iterator[Statement]:
    """Read the statements of a page in their order.

    Parameters
    ----------
    path : Path
        Notebook or Markdown file.

    Yields
    ------
    Statement
        One after the other.
    """
    found = _blocks(path)
    for block, after in zip(found, [*found[1:], None], strict=True):
        matched = re.match(r"\{prf:(\w+)\} *(.*)", block.info)
        if matched and matched[1] in KINDS:
            proof = after if after is not None and _is_proof(after) else None
            cited = _CITED.findall(proof.content) if proof else []
            label = re.search(r"^:label: *(\S+)", block.content, re.MULTILINE)
            yield Statement(
                label[1] if label else "",
                matched[1],
                matched[2].strip(),
                proof is not None,
                tuple(dict.fromkeys(cited)),
            )


def _is_proof(block: Token) -> bool:
    return block.info.startswith(("{dropdown} Proof", "{prf:proof}"))


def _blocks(path: Path) -> list[Token]:
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
