"""Critical points without weight decay that were found by root finding, beside one that was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dmfbook.claims.cases.linear_networks.critical_points.entries import UnequalEntries
from dmfbook.claims.cases.linear_networks.critical_points.families import (
    FamilyCase,
    KindCase,
    point,
    regression,
    values_of,
)
from dmfbook.claims.cases.linear_networks.critical_points.patterns import no_blocks
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.descent import descend
from dmfbook.claims.statements.linear_networks.unregularized import Products
from dmfbook.network.factors import flatten
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem


@dataclass(frozen=True)
class FormCase:
    """Critical points of one problem: some that were found, and how far their fitted values can be off; one made."""

    found: list[tuple[Products, float]]
    made: KindCase

    @property
    def slope(self) -> Evidence:
        """Size of the gradient at the point that was made, and what rounding of its layers explains."""
        point = self.made.point
        slope = float(np.linalg.norm(flatten(self.made.seen.gradient(point.factors))))
        size = max(float(np.linalg.norm(factor, 2)) for factor in point.factors)
        return Evidence(slope, self.made.rounding * size)


def by_root_finding(
    widths: Sequence[int], active: Sequence[int], **options: Any
) -> Callable[[np.random.Generator], FormCase]:
    """Maker of a point, and of what root finding on the gradient reaches from near it and from random factors.

    The point is one without blocks; its neighbourhood decides nothing about completeness, but shows each rival a point
    of its kind.
    """

    def make(rng: np.random.Generator) -> FormCase:
        values = options.get("values") or values_of(rng, min(widths[-1], widths[0]))
        data = {key: option for key, option in options.items() if key != "values"}
        whitened = regression(rng, values, widths, **data)
        sizes, _ = whitened.rest(active)
        made = point(rng, whitened, active, no_blocks(sizes))
        start = flatten(made.point.factors)
        near = start + 0.01 * rng.normal(size=len(start))
        found = search.critical_points(whitened.problem, rng, 2)
        found += search.roots_from(whitened.problem, [near])
        return FormCase(_certain(whitened.problem, found), made)

    return make


def shrunk_by_decay(rng: np.random.Generator) -> FamilyCase:
    """Control: weight decay, depth 2 or 3, and the minimizer below a critical point without it."""
    whitened = regression(rng, values_of(rng, 2), (3, 3, 3, 2)[-int(rng.integers(3, 5)) :])
    weighted = Problem(whitened.loss, whitened.problem.hidden_widths, 0.05)
    blocks = no_blocks(whitened.rest((0, 1))[0])
    case = point(rng, whitened, (0, 1), blocks)
    factors = descend(weighted, whitened.factors((0, 1), blocks)).factors
    return FamilyCase([replace(case, point=replace(case.point, factors=factors), instead=weighted)])


def elsewhere(kind: Callable[[np.random.Generator], FamilyCase]) -> Callable[..., FormCase]:
    """Control: a point of a control above, as if it had been found."""

    def make(rng: np.random.Generator) -> FormCase:
        case = kind(rng).points[0]
        return FormCase([(case.point, 1e-9)], case)

    return make


def entries_found(rng: np.random.Generator) -> FormCase:
    """Control: errors of entries count unequally, and a minimizer behind one hidden unit."""
    target = with_values(rng, np.array([2.0, 1.0]), (3, 3))
    weights = rng.permutation([0.2, 0.2, 0.2, 1, 1, 1, 3, 3, 3]).reshape(3, 3)
    alike = Problem(Regression(np.eye(3), target), (1,))
    unlike = Problem(UnequalEntries(target, weights), (1,))
    found = search.minimizers(unlike, rng, 1)[0]
    case = KindCase(Products(alike, found.factors), int(rng.integers(2**32)), instead=unlike)
    return FormCase([(case.point, found.end_to_end_uncertainty)], case)


def _certain(problem: Problem, found: list[search.Found]) -> list[tuple[Products, float]]:
    """The points whose fitted values are known to six digits: near saddles that are not strict searches are slow."""
    points = []
    for each in found:
        made = Products(problem, each.factors)
        error = each.end_to_end_uncertainty * float(np.linalg.norm(made.inputs, 2))
        if error < 1e-6:
            rounding = 64 * problem.size * search.EPS * float(np.linalg.norm(made.target, 2))
            points.append((made, error + rounding))
    return points
