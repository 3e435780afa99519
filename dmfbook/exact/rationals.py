"""Rational numbers and matrices, from and to the strings ``"p/q"`` and ``"p"``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from flint import fmpq, fmpq_mat, fmpz

Number: TypeAlias = "int | str | Fraction | fmpq | fmpz"

WRITTEN = re.compile(r"-?\d+(/[1-9]\d*)?")


def rational(name: str, value: Any) -> fmpq:
    """The rational that was given, as an integer, a fraction or a string ``"p/q"``.

    Floats are refused: whoever has one must say which rational is meant.
    """
    if isinstance(value, bool) or not isinstance(value, (int, str, Fraction, fmpq, fmpz)):
        raise TypeError(f"{name} must be an integer, a fraction or a string, got {value!r}")
    if isinstance(value, str):
        if not WRITTEN.fullmatch(value):
            raise ValueError(f'{name} must be "p/q" or "p", got {value!r}')
        value = Fraction(value)
    return fmpq(value.numerator, value.denominator) if isinstance(value, Fraction) else fmpq(value)


def matrix(rows: Sequence[Sequence[Any]] | fmpq_mat) -> fmpq_mat:
    """A matrix from its rows."""
    if isinstance(rows, fmpq_mat):
        return rows
    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(f"a matrix must have rows of one positive length, got {rows!r}")
    entries = [rational("each entry", entry) for row in rows for entry in row]
    return fmpq_mat(len(rows), lengths.pop(), entries)


def identity(size: int) -> fmpq_mat:
    """The identity."""
    return diagonal([fmpq(1)] * size, size, size)


def diagonal(values: Iterable[fmpq], rows: int, columns: int) -> fmpq_mat:
    """A matrix with these values on the diagonal, as far as there are any."""
    result = fmpq_mat(rows, columns)
    for i, value in enumerate(values):
        result[i, i] = value
    return result


def kron(a: fmpq_mat, b: fmpq_mat) -> fmpq_mat:
    """Kronecker product."""
    left, right = a.tolist(), b.tolist()
    return fmpq_mat(
        a.nrows() * b.nrows(),
        a.ncols() * b.ncols(),
        [x * y for row in left for other in right for x in row for y in other],
    )


def rounded(value: fmpq) -> float:
    """The float next to a rational."""
    return int(value.p) / int(value.q)


def written(value: Any) -> Any:
    """A number as a string, a matrix or a sequence as lists of them, by name where there are names."""
    if isinstance(value, Mapping):
        return {name: written(each) for name, each in value.items()}
    if isinstance(value, fmpq_mat):
        return [[str(entry) for entry in row] for row in value.tolist()]
    if isinstance(value, (tuple, list)):
        return [written(each) for each in value]
    return str(value)
