"""Critical points that were found by root finding, beside one that was made after the theorem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dmfbook.claims.cases.critical_points import critical, spread, without_weight_decay
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.search import Found
from dmfbook.claims.statements.modes import OUT, PointCase
from dmfbook.network.factors import flatten


@dataclass(frozen=True)
class ListCase:
    """Critical points that were found, and one that was made after the theorem."""

    found: list[Found]
    made: PointCase

    @property
    def slope(self) -> Evidence:
        """Size of the gradient at the point that was made."""
        problem, factors = self.made.problem, self.made.factors
        size = 1 + max(float(np.linalg.norm(factor, 2)) for factor in factors)
        slope = float(np.linalg.norm(flatten(problem.gradient(factors))))
        # The roots solve their equation, and the products are formed, up to rounding.
        return Evidence(slope, 32 * problem.size * search.EPS * size ** (2 * problem.depth))


def by_root_finding(
    depths: tuple[int, int], modes: list[tuple[float, int]], **options: Any
) -> Callable[[np.random.Generator], ListCase]:
    """Maker of a problem, what root finding on its gradient finds, and a point with these modes.

    The searches start from random factors, and one from near the point that was made: it decides
    nothing about completeness, but shows each rival a point of its kind.
    """
    maker = critical(depths, modes, weights=spread, **options)

    def case(rng: np.random.Generator) -> ListCase:
        made = maker(rng)
        vector = flatten(made.factors)
        near = vector + 0.01 * np.linalg.norm(vector) * rng.normal(size=len(vector)) / len(vector)
        found = search.critical_points(made.problem, rng, search.STARTS)
        return ListCase(found + search.roots_from(made.problem, [near]), made)

    return case


def found_unbalanced(rng: np.random.Generator) -> ListCase:
    """Control: no weight decay, and a critical point that is far from balanced."""
    made = without_weight_decay(rng)
    return ListCase([Found(made.factors, made.problem.loss(made.factors), 1e-12)], made)


def point_found(rng: np.random.Generator) -> PointCase:
    """Any point that root finding on the gradient reached, polished by Newton's method."""
    while True:
        case = critical((2, 4), [(1.8, OUT), (1.4, OUT)], weights=spread)(rng)
        if found := search.critical_points(case.problem, rng, 2):
            return replace(case, factors=found[0].factors)
