r"""Every symbol of the notation page means the same on every page.

The page has two tables: symbols of the first belong to the whole book, those of the second to the parts and chapters that
their row names; every other letter is free, and a statement or proof says what it means there. A symbol is a letter with
its accent and the kind of its index: $s$, $s_i$ and $s_c$ are three, $\lambda_1$ and $\lambda_l$ are one.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACCENTS = "widetilde|tilde|hat|bar|dot|ddot|mathcal|mathfrak|mathsf"
GREEK = (
    "alpha beta gamma delta varepsilon zeta eta theta vartheta kappa lambda mu nu xi rho varrho sigma varsigma tau phi"
    " varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi ell"
).split()
MATH = re.compile(r"\$\$(.+?)\$\$|(?<![\\`$])\$([^$]+)\$", re.DOTALL)
WORDS = re.compile(r"\\(?:text|operatorname\*?|begin|end|ref)\{[^}]*\}")
SUBSCRIPT = r"(?:_(\{(?:[^{}]|\{[^{}]*\})*\}|\\[A-Za-z]+|.))?"
SYMBOL = re.compile(
    rf"(?:\\({ACCENTS})\s*(?:\{{\s*(\\?[A-Za-z]+)\s*\}}|(\\[A-Za-z]+|[A-Za-z]))"
    rf"|(\\(?:{'|'.join(GREEK)})(?![A-Za-z])|(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])))\s*{SUBSCRIPT}"
)
# An index counts layers, modes, measurements, units: which one does not matter.
INDEX = re.compile(r"[ijklqLt\d](?:[+-]1)?|\\max\(.*")
# How a text gives a letter a meaning, and cases of it, which do not: η = 1/4, M ≠ 0.
GIVES = re.compile(r"\b(?:[Ll]et|[Pp]ut|[Ww]rite|[Cc]all|[Dd]efine)\s+\$([^$]+)\$")
CASE = re.compile(
    r"[\d\s.,{}+\-/]*(?:\\t?frac[\d{}\s]+|I|\\sqrt\s?\d|\\cdot|\^)*[\d\s.,{}+\-/]*(?:\\ne.*|\\le.*|<.*)?"
)

# What a hypothesis asks of a symbol, or a proof finds out about it, keeps its meaning. Each of these was read.
FACTS = {
    "X": [
        r"\sum_{i \le k} s_i u_i v_i^\top",
        r"U \Sigma V^\top \ne 0",
        r"t \, u v^\top",
        "W_2 W_1",
    ],
    r"\widetilde M": [r"C \, (Q^+)^\top", r"U D R^\top"],
    r"X_\star": [r"V \Sigma V^\top"],
    "S": [r"\varsigma I", r"\diag(1"],
    "M": [r"C / \varsigma"],
    "F": [r"\ell(W_L \cdots W_1)", r"\ell(W_2 W_1)", r"\norm{M - W_2 W_1}_F^2"],
    "G": ["-2 (C - X S)", r"\nabla \ell"],
    "W_l": [r"U_l \diag(w) U_{l-1}^\top", r"\diag(1"],
    r"w_1": ["a w_0 - b w_0^3"],
    r"s_{k+1}": ["s_-"],
    "s": ["r^3 / 2"],
    "d_0": ["d_L = 2", "d_L = 1"],
    r"\mathcal{I}": [r"\{1"],
    r"\varrho": [r"\max(\abs{1 - 2 \eta}"],
}


@dataclass(frozen=True)
class Row:
    """Symbols of a row, what it says of them, and the page or the pages that it names."""

    symbols: tuple[tuple[str, str], ...]
    meaning: str
    links: tuple[str, ...]


def symbols(formula: str) -> list[tuple[str, str]]:
    """Return the symbols of a formula in order."""
    found = []
    for accent, boxed, bare, plain, index in SYMBOL.findall(WORDS.sub(" ", formula)):
        inner = index.removeprefix("{").removesuffix("}").replace(" ", "")
        kind = "," if re.match(r"\w,", inner) else "i" if INDEX.fullmatch(inner) else inner
        found.append((f"{accent} {boxed or bare or plain}".strip(), kind))
    return found


@cache
def chapters() -> dict[str, str]:
    """Return the text of each chapter, in the order of the book."""
    found = {}
    for page in re.findall(r"- file: book/(\w+/\w+)", (ROOT / "_toc.yml").read_text("utf-8")):
        cells = json.loads((ROOT / "book" / f"{page}.ipynb").read_text("utf-8"))["cells"]
        texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
        found[page] = "\n\n".join(texts)
    return found


@cache
def tables() -> tuple[list[Row], list[Row]]:
    """Read both tables of the notation page."""
    text = (ROOT / "book" / "notation.md").read_text("utf-8")
    found: dict[str, list[Row]] = {"| symbol | meaning | in code | first used |": []}
    found["| symbol | meaning | in code | used in |"] = []
    rows: list[Row] | None = None
    for line in text.splitlines():
        rows = found.get(line, rows if line.startswith("|") else None)
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if rows is not None and len(cells) == 4 and "$" in cells[0]:
            lead = [symbols(formula)[0] for _, formula in MATH.findall(cells[0])]
            links = re.findall(r"\]\(([\w/]+)\.ipynb\)", cells[3])
            rows.append(Row(tuple(lead), cells[1], tuple(links)))
    everywhere, somewhere = found.values()
    return everywhere, somewhere


def formulas(text: str) -> list[str]:
    """Return the formulas of a text."""
    return [display or inline for display, inline in MATH.findall(text)]


def used(page: str) -> set[tuple[str, str]]:
    """Return the symbols of a chapter."""
    return {symbol for formula in formulas(chapters()[page]) for symbol in symbols(formula)}


def given(page: str) -> list[tuple[tuple[str, str], str]]:
    """Return what a chapter says a symbol to be, where it says so in words before an inline formula."""
    found = []
    for formula in GIVES.findall(chapters()[page]):
        for piece in re.split(r"(?<!\\),|\\quad", formula):
            left, equal, right = piece.partition("=")
            lead = symbols(left)
            alone = SYMBOL.fullmatch(left.strip()) or re.fullmatch(r"[A-Za-z]\([^)]*\)\s*", left)
            if equal and lead and alone and not CASE.fullmatch(right.strip()):
                found.append((lead[0], " ".join(right.split())))
    return found


def agrees(meaning: str, right: str) -> bool:
    """Tell whether a row says the same, up to spaces."""

    def plain(text: str) -> str:
        return re.sub(r"\\[,;!]|\s", "", text)

    said = [plain(part) for formula in formulas(meaning) for part in formula.split("=")]
    return any(
        part and (plain(right).startswith(part) or part == plain(right.split("=")[0]))
        for part in said
    )


def test_no_symbol_stands_twice() -> None:
    everywhere, somewhere = tables()
    first = [symbol for row in everywhere for symbol in row.symbols]
    assert len(set(first)) == len(first) > 40
    second = [(s, page) for row in somewhere for s in row.symbols for page in row.links]
    assert len(set(second)) == len(second) > 20
    assert not set(first) & {symbol for symbol, _ in second}


@pytest.mark.parametrize("row", tables()[0], ids=lambda row: " ".join(map("".join, row.symbols)))
def test_first_used_where_the_table_says(row: Row) -> None:
    for symbol in row.symbols:
        assert next(page for page in chapters() if symbol in used(page)) in row.links


@pytest.mark.parametrize("row", tables()[1], ids=lambda row: " ".join(map("".join, row.symbols)))
def test_used_where_the_table_says(row: Row) -> None:
    assert [(s, page) for page in row.links for s in row.symbols if s not in used(page)] == []


@pytest.mark.parametrize("chapter", chapters())
def test_no_symbol_gets_another_meaning(chapter: str) -> None:
    everywhere, somewhere = tables()
    here = everywhere + [row for row in somewhere if chapter in row.links]
    meanings = {symbol: row.meaning for row in here for symbol in row.symbols}
    known = {symbols(name)[0]: facts for name, facts in FACTS.items()}
    clashes = [
        f"{symbol} = {right}"
        for symbol, right in given(chapter)
        if symbol in meanings and not agrees(meanings[symbol], right)
        if right not in known.get(symbol, [])
    ]
    assert clashes == []
