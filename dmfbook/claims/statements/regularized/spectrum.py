"""The spectrum at a critical point in closed form, as `thm-closed-spectrum` states it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.statements.modes import PointCase
from dmfbook.claims.statements.regularized.table import Row, evaluate

# For two active modes; where w_i = w_j their limits are meant.
MU_PLUS = "2*((sigma_i + sigma_j)*(s_i - s_j))/(w_i**2 - w_j**2)"
MU_MINUS = "2*((sigma_i - sigma_j)*(s_i + s_j))/(w_i**2 - w_j**2)"

ONE, TWO = "one active mode $i$", "two active modes $i < j$"
MIXED, LONGER, IDLE = (
    "active $i$, inactive $j$",
    "active $i$, places of the longer end",
    "active $i$, idle hidden units",
)
INACTIVE, INACTIVE_MODE = "inactive, $L \\ge 3$", "inactive $j$, $L = 2$"
INACTIVE_PLACES = "inactive, $L = 2$"
IDLE_UNITS = "sum(d[l] - k for l in range(1, L))"

TABLE = (
    Row(ONE, "4*lam", "L - 1"),
    Row(ONE, "2*L*w_i**(2*L - 2) - 2*(L - 2)*lam", "1"),
    Row(TWO, "0", "L - 1"),
    Row(TWO, "4*lam", "L - 1"),
    Row(TWO, "mu_plus_ij", "1"),
    Row(TWO, "mu_minus_ij", "1"),
    Row(MIXED, "2*(sigma_i + sigma_j)*w_i**(L - 2)", "1"),
    Row(MIXED, "2*(sigma_i - sigma_j)*w_i**(L - 2)", "1"),
    Row(LONGER, "2*sigma_i*w_i**(L - 2)", "abs(d[0] - d[L])"),
    Row(IDLE, "0", IDLE_UNITS),
    Row(IDLE, "4*lam", IDLE_UNITS),
    Row(INACTIVE, "2*lam", "sum((d[l] - k)*(d[l - 1] - k) for l in range(1, L + 1))"),
    Row(INACTIVE_MODE, "2*lam + 2*sigma_j", "d[1] - k"),
    Row(INACTIVE_MODE, "2*lam - 2*sigma_j", "d[1] - k"),
    Row(INACTIVE_PLACES, "2*lam", "(d[1] - k)*abs(d[0] - d[2])"),
)


def spectrum(case: PointCase, table: tuple[Row, ...] = TABLE) -> Array:
    """All eigenvalues that a table lists for a point, ascending, with their multiplicities."""
    found = [
        np.full(int(evaluate(row.times, names)), evaluate(row.eigenvalue, names))
        for row in table
        for names in _choices(case, row.modes)
    ]
    return np.sort(np.concatenate(found))


def _choices(case: PointCase, modes: str) -> Iterator[dict[str, Any]]:
    """What the symbols of a row stand for, once for each choice of its modes."""
    active, inactive = range(case.rank), range(case.rank, len(case.sigma))
    depth, names = case.problem.depth, _names(case)
    if modes in (ONE, LONGER, IDLE):
        for i in active:
            yield names | _mode(case, "i", i)
    elif modes == TWO:
        for i, j in combinations(active, 2):
            yield names | _mode(case, "i", i) | _mode(case, "j", j) | _mu(case, i, j)
    elif modes == MIXED:
        for i, j in product(active, inactive):
            yield names | _mode(case, "i", i) | _mode(case, "j", j)
    elif modes == INACTIVE_MODE and depth == 2:
        for j in inactive:
            yield names | _mode(case, "j", j)
    elif modes == (INACTIVE_PLACES if depth == 2 else INACTIVE):
        yield names


def _names(case: PointCase) -> dict[str, Any]:
    problem = case.problem
    return {"L": problem.depth, "lam": case.mean, "d": problem.widths, "k": case.rank}


def _mode(case: PointCase, letter: str, place: int) -> dict[str, Any]:
    w = case.w[place]
    values = {"sigma": case.sigma[place], "w": w, "s": w**case.problem.depth}
    return {f"{name}_{letter}": value for name, value in values.items()}


def _mu(case: PointCase, i: int, j: int) -> dict[str, Any]:
    """Values of ``μ±``; the limit as the mean of two points at equal distance on both sides."""
    names, first = _names(case), _mode(case, "i", i)
    seconds = [_mode(case, "j", j)]
    if np.isclose(case.w[i], case.w[j], rtol=1e-9, atol=0.0):
        seconds = [_nearby(case, case.w[i] * (1 + share)) for share in (-LIMIT, LIMIT)]
    return {
        name: np.mean([evaluate(formula, names | first | second) for second in seconds])
        for name, formula in (("mu_plus_ij", MU_PLUS), ("mu_minus_ij", MU_MINUS))
    }


def _nearby(case: PointCase, w: float) -> dict[str, Any]:
    """A second mode that is stationary at a value ``w``."""
    depth = case.problem.depth
    return {"w_j": w, "s_j": w**depth, "sigma_j": w**depth + case.mean * w ** (2 - depth)}


# Relative distance from a limit; its error is of second order, rounding of inverse first.
LIMIT = 1e-5
