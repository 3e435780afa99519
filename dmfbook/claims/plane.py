"""Margins of two claims on one number over the plane of weight and depth, for a map of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dmfbook.claims.foundations.one_singular_value import global_minimum, stationary_points
from dmfbook.claims.oracles.extrema import ScalarLoss
from dmfbook.regularized.scalar import critical_reg

CLAIMS = (stationary_points, global_minimum)
DEPTHS = range(3, 13)
# Borders of the columns, in units of the critical weight.
SHARES = np.geomspace(0.1, 4.0, 75)

# Label, depth and column of a cell of the plane; its cases, the smallest margin, the case that has it.
Cell = tuple[str, int, int]
Worst = tuple[int, float, int]


def case(number: int, seed: int = 0) -> tuple[int, ScalarLoss]:
    """Make a case: depths take turns, the weight is anywhere in the plane, the target of any size.

    Parameters
    ----------
    number, seed : int, >= 0
        Which.

    Returns
    -------
    column : int
        Between which borders its weight lies.
    case : ScalarLoss
        The case, as the claims take it.
    """
    rng = np.random.default_rng([seed, number])
    depth = DEPTHS[number % len(DEPTHS)]
    share = float(np.exp(rng.uniform(*np.log(SHARES[[0, -1]]))))
    target = float(10 ** rng.uniform(-1, 1))
    column = int(np.clip(np.searchsorted(SHARES, share), 1, len(SHARES) - 1)) - 1
    return column, ScalarLoss(target, share * float(critical_reg(target, depth)), depth)


def worst_margins(numbers: Iterable[int], seed: int = 0) -> dict[Cell, Worst]:
    """Test the claims on cases, and keep the worst of each cell.

    Parameters
    ----------
    numbers : iterable of int
        Which cases.
    seed : int, >= 0
        Their seed.

    Returns
    -------
    dict
        For each claim and each cell that was met: how many cases, the smallest margin, whose it is.
    """
    found: dict[Cell, Worst] = {}
    for number in numbers:
        column, each = case(number, seed)
        for claim in CLAIMS:
            one = {(claim.label, each.depth, column): (1, claim(each).margin, number)}
            found = together(found, one)
    return found


def together(first: dict[Cell, Worst], second: dict[Cell, Worst]) -> dict[Cell, Worst]:
    """Join what was found on different cases.

    Examples
    --------
    >>> cell = ("thm-fold", 3, 0)
    >>> together({cell: (2, 9.0, 4)}, {cell: (1, 7.5, 8)})
    {('thm-fold', 3, 0): (3, 7.5, 8)}
    """
    joined = dict(first)
    for cell, (cases, margin, number) in second.items():
        if cell in joined:
            others = joined[cell]
            margin, number = min((margin, number), others[1:])
            cases += others[0]
        joined[cell] = (cases, margin, number)
    return joined
