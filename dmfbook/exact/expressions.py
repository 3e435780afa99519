"""Lines of Python that are true or false without rounding."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from types import CodeType
from typing import Any

from flint import fmpq


def truth(line: str, names: Mapping[str, Any]) -> bool:
    """Whether an expression is true; quotients and powers of integers are exact.

    Raises
    ------
    NameError
        If it needs a name that is not there.
    """
    return bool(eval(_compiled(line)[0], {"__builtins__": {}, "fmpq": fmpq} | dict(names)))


def names_in(line: str) -> frozenset[str]:
    """The names in an expression."""
    return _compiled(line)[1]


class _Exactly(ast.NodeTransformer):
    """Puts rationals in place of what is divided or raised to a power."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, (ast.Div, ast.Pow)):
            node.left = ast.Call(ast.Name("fmpq", ast.Load()), [node.left], [])
        return node


@cache
def _compiled(line: str) -> tuple[CodeType, frozenset[str]]:
    tree = ast.fix_missing_locations(_Exactly().visit(ast.parse(line, mode="eval")))
    names = frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return compile(tree, "a line", "eval"), names
