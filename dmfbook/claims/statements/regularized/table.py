"""Tables of formulas that a page shows and a claim evaluates, written once.

A formula is an expression in Python, such as ``2*sigma_i*w_i**(L - 2)``. A page shows it as LaTeX, a claim
computes with it, and a test compares the page with what is rendered here.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GREEK = {"sigma": r"\sigma", "lam": r"\lambda", "mu_plus": r"\mu^+", "mu_minus": r"\mu^-"}


@dataclass(frozen=True)
class Row:
    """What eigenvalue some modes have, how often, and for which modes."""

    modes: str
    eigenvalue: str
    times: str


def markdown(rows: tuple[Row, ...]) -> str:
    """The table as a page shows it."""
    lines = ["| modes | eigenvalue | how often |", "|---|---|---|"]
    last = ""
    for row in rows:
        modes = row.modes if row.modes != last else ""
        lines.append(f"| {modes} | ${latex(row.eigenvalue)}$ | ${latex(row.times)}$ |")
        last = row.modes
    return "\n".join(lines)


def evaluate(formula: str, values: Mapping[str, Any]) -> Any:
    """Value of a formula."""
    # As globals, so that a sum sees them too.
    return eval(formula, {"__builtins__": {"abs": abs, "range": range, "sum": sum}} | dict(values))


def latex(formula: str) -> str:
    """A formula as LaTeX."""
    return _latex(ast.parse(formula, mode="eval").body)


def _latex(node: ast.expr) -> str:
    match node:
        case ast.Constant(value):
            return str(value)
        case ast.Name(name):
            return _symbol(name)
        case ast.Subscript(ast.Name(name), place):
            return f"{name}_{_braced(_latex(place).replace(' ', ''))}"
        case ast.BinOp(base, ast.Pow(), power):
            return f"{_factor(base)}^{_braced(_latex(power).replace(' ', ''))}"
        case ast.BinOp(above, ast.Div(), below):
            return rf"\frac{{{_latex(above)}}}{{{_latex(below)}}}"
        case ast.BinOp(first, ast.Mult(), second):
            return f"{_factor(first)} {_factor(second)}"
        case ast.BinOp(first, ast.Add(), second):
            return f"{_latex(first)} + {_latex(second)}"
        case ast.BinOp(first, ast.Sub(), second):
            return f"{_latex(first)} - {_factor(second)}"
        case ast.Call(ast.Name("abs"), [inside]):
            return rf"\lvert {_latex(inside)} \rvert"
        case ast.Call(ast.Name("sum"), [ast.GeneratorExp(term, [over])]):
            return rf"\sum_{{{_range(over)}}} {_factor(term)}"
        case _:
            raise ValueError(
                f"expected a formula of sums, products and powers, got {ast.dump(node)}"
            )


def _factor(node: ast.expr) -> str:
    """A part of a product, in parentheses if it is a sum."""
    is_sum = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))
    return f"({_latex(node)})" if is_sum else _latex(node)


def _range(over: ast.comprehension) -> str:
    r"""``l in range(1, L)`` as ``1 \le l < L``, ``l in range(1, L + 1)`` as ``1 \le l \le L``."""
    match over:
        case ast.comprehension(ast.Name(name), ast.Call(ast.Name("range"), [low, high])):
            relation = "<"
            if isinstance(high, ast.BinOp) and isinstance(high.op, ast.Add):
                relation, high = r"\le", high.left
            return rf"{_latex(low)} \le {name} {relation} {_latex(high)}"
        case _:
            raise ValueError(f"expected a sum over a range, got {ast.dump(over)}")


def _symbol(name: str) -> str:
    r"""``w_i`` as it is, ``sigma_i`` as ``\sigma_i``, ``mu_plus_ij`` as ``\mu^+_{ij}``."""
    for word, symbol in GREEK.items():
        if name == word or name.startswith(word + "_"):
            index = name.removeprefix(word).removeprefix("_")
            return f"{symbol}_{_braced(index)}" if index else symbol
    return name


def _braced(text: str) -> str:
    return text if len(text) == 1 else f"{{{text}}}"
