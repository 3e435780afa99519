"""Factors of problems whose layers have weights of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.critical_points import critical, spread
from dmfbook.claims.statements.modes import OUT
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.modes import LARGER


@dataclass(frozen=True)
class WeightsCase:
    """Any factors of a problem with unequal weights."""

    problem: Problem
    factors: list[Array]

    @cached_property
    def dense(self) -> Array:
        """Dense Hessian."""
        return hessian(self.problem, self.factors)


def weighted_factors(depths: tuple[int, int]) -> Callable[[np.random.Generator], WeightsCase]:
    """Maker of random factors and weights that differ by a factor of four."""

    def maker(rng: np.random.Generator) -> WeightsCase:
        widths = rng.integers(1, 4, int(rng.integers(depths[0], depths[1] + 1)) + 1).tolist()
        target = rng.normal(size=(widths[-1], widths[0]))
        problem = Problem(target, widths[1:-1], spread(rng, len(widths) - 1))
        return WeightsCase(problem, [rng.normal(size=shape[::-1]) for shape in pairwise(widths)])

    return maker


def at_critical_point(rng: np.random.Generator) -> WeightsCase:
    """Factors at a saddle."""
    case = critical((2, 5), [(1.6, LARGER), (2.1, OUT)], weights=spread)(rng)
    return WeightsCase(case.problem, case.factors)


def one_weight_vanishes(rng: np.random.Generator) -> WeightsCase:
    """Control: one weight is zero; the mean is then that of the others."""
    case = weighted_factors((3, 5))(rng)
    reg = np.array(case.problem.reg)
    reg[rng.integers(len(reg))] = 0.0
    return replace(case, problem=Problem(case.problem.target, case.problem.hidden_widths, reg))
