"""How many eigenvalues are negative and how many vanish at a critical point, as `thm-morse-index` states it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.statements.modes import OUT, PointCase
from dmfbook.regularized.modes import LARGER, SMALLER

Count = Callable[[PointCase], float]
Summands = Mapping[str, Count]


def on_smaller(case: PointCase) -> int:
    """Number of modes on their smaller roots, ``k_-``."""
    return len(_values(case, SMALLER))


def at_fold(case: PointCase) -> int:
    """Number of active modes at the fold, ``f``; depth 2 has no fold."""
    slope = (
        (case.problem.depth - 2) * case.mean * case.w[: case.rank] ** (2.0 - 2 * case.problem.depth)
    )
    return int(np.isclose(slope, case.problem.depth, rtol=1e-9, atol=0.0).sum())


def small_roots(case: PointCase) -> float:
    """``k_- (k_- + 1) / 2``."""
    return on_smaller(case) * (on_smaller(case) + 1) / 2


def swaps(case: PointCase) -> float:
    """Pairs of an inactive mode above an active one."""
    return _above(_values(case, OUT), _values(case, SMALLER, LARGER))


def crossings(case: PointCase) -> float:
    """Pairs of a mode on its smaller root above one on its larger root."""
    return _above(_values(case, SMALLER), _values(case, LARGER))


def free(case: PointCase) -> float:
    """At depth 2, ``d_1 − k`` for each inactive mode above the weight."""
    return _spare(case) * int(np.sum(_values(case, OUT) > case.mean * (1 + TIE)))


def orbit(case: PointCase) -> float:
    """Dimension of the orbit."""
    k = case.rank
    return sum(k * (d - k) + k * (k - 1) / 2 for d in case.problem.hidden_widths)


def ties(case: PointCase) -> float:
    """Pairs of modes with equal singular values and different ``w``."""
    equal = case.sigma[:, None] == case.sigma
    return int(np.sum(equal & (case.roots[:, None] < case.roots)))


def folded(case: PointCase) -> float:
    """``f (f + 1) / 2``."""
    return at_fold(case) * (at_fold(case) + 1) / 2


def at_weight(case: PointCase) -> float:
    """At depth 2, ``d_1 − k`` for each inactive mode at the weight."""
    return _spare(case) * int(np.isclose(_values(case, OUT), case.mean, rtol=TIE, atol=0.0).sum())


INDEX: Summands = MappingProxyType({f.__name__: f for f in (small_roots, swaps, crossings, free)})
NULLITY: Summands = MappingProxyType({f.__name__: f for f in (orbit, ties, folded, at_weight)})

TIE = 1e-9  # relative distance below which a singular value counts as being at a threshold


def _values(case: PointCase, *roots: int) -> Array:
    return case.sigma[np.isin(case.roots, roots)]


def _above(upper: Array, lower: Array) -> int:
    """Pairs with the first member strictly above the second."""
    return int(np.sum(upper[:, None] > lower))


def _spare(case: PointCase) -> int:
    """``d_1 − k`` at depth 2, zero deeper down."""
    return case.problem.hidden_widths[0] - case.rank if case.problem.depth == 2 else 0
