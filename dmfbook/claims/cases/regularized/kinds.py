"""Critical points of all kinds, and what descents and the dense Hessian say about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.critical_points import critical, equal
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.descent import drop, negative_eigenvalues
from dmfbook.claims.statements.modes import OUT, PointCase
from dmfbook.claims.statements.regularized.kinds import DEGENERATE, GLOBAL, LOCAL, STRICT
from dmfbook.network.problem import Problem
from dmfbook.regularized.critical import critical_points

# Relative error of a loss that a descent ends with: it sums a few hundred roundings, and what the gradient
# of 1e-10 that is left contributes is of second order.
LOSS_ROUNDING = 1e-13


@dataclass(frozen=True)
class KindCase:
    """A point, and what can be found out about it without the theorem."""

    point: PointCase

    @cached_property
    def is_curved_down(self) -> bool:
        """Whether the dense Hessian has a negative eigenvalue."""
        return negative_eigenvalues(self.point.problem, self.point.factors) > 0

    @cached_property
    def drop(self) -> float:
        """How far descents that start a small step away get below it."""
        rng = np.random.default_rng(self.point.seed)
        return drop(self.point.problem, self.point.factors, rng, LOSS_ROUNDING)

    @cached_property
    def excess(self) -> float:
        """How far its loss is above the least that descents find, relative to the size of the loss."""
        return above_least(self.point.problem, [self.point.factors], self.point.seed)[0]

    def evidence(self, kind: str) -> Evidence:
        """How well the point fits the description of a kind."""
        if self.is_curved_down != (kind == STRICT):
            return Evidence(np.inf, LOSS_ROUNDING)
        if kind in (STRICT, DEGENERATE):
            return Evidence(0.0 if self.drop > LOSS_ROUNDING else np.inf, LOSS_ROUNDING)
        if kind == LOCAL and self.drop <= LOSS_ROUNDING and self.excess <= LOSS_ROUNDING:
            return Evidence(np.inf, LOSS_ROUNDING)
        return Evidence(max(self.drop, self.excess if kind == GLOBAL else 0.0), LOSS_ROUNDING)


def of_kind(*args: Any, **options: Any) -> Callable[[np.random.Generator], KindCase]:
    """Maker of a critical point with given modes, as :func:`critical` takes them."""
    maker = critical(*args, **options)
    return lambda rng: KindCase(maker(rng))


def zero_without_decay(rng: np.random.Generator) -> KindCase:
    """Control: no weight decay, depth 3, a target of full rank; zero is a saddle that is not strict."""
    case = critical((3, 3), [(3.0, OUT), (2.0, OUT)], ends=(0, 1), weights=equal)(rng)
    problem = Problem(case.problem.target, case.problem.hidden_widths)
    return KindCase(replace(case, problem=problem))


@dataclass(frozen=True)
class LandscapeCase:
    """A problem, the singular values of its target, and critical points: factors, by rank."""

    problem: Problem
    sigma: Array
    points: list[list[Array]]
    seed: int

    @cached_property
    def negative(self) -> list[int]:
        """Number of negative eigenvalues of the dense Hessian at each point."""
        return [negative_eigenvalues(self.problem, factors) for factors in self.points]

    @cached_property
    def excesses(self) -> list[float]:
        """How far each loss is above the least that descents find, relative to the size of the loss."""
        return above_least(self.problem, self.points, self.seed)

    @cached_property
    def drops(self) -> list[float]:
        """How far descents from nearby get below the points without a negative eigenvalue."""
        rng = np.random.default_rng(self.seed)
        return [
            drop(self.problem, factors, rng, LOSS_ROUNDING)
            for factors, count in zip(self.points, self.negative, strict=True)
            if count == 0
        ]


def landscape(
    depths: tuple[int, int], shares: Sequence[float], *, narrow: bool = False, unit: str = "fold"
) -> Callable[[np.random.Generator], LandscapeCase]:
    """Maker of a problem with these singular values, shares of a threshold, and all its critical points.

    Points are those that the package lists, each at a random member of its orbit.
    """
    maker = critical(depths, [(share, OUT) for share in shares], spare=(1, 2), unit=unit)

    def case(rng: np.random.Generator) -> LandscapeCase:
        made = maker(rng)
        hidden = np.array(made.problem.hidden_widths)
        if narrow:
            hidden[rng.integers(len(hidden))] = 1
        else:
            hidden = np.maximum(hidden, len(shares))
        problem = Problem(made.problem.target, hidden.tolist(), made.problem.reg)
        points = [point.factors(rng) for point in critical_points(problem)]
        return LandscapeCase(problem, made.sigma, points, made.seed)

    return case


def flat_landscape(rng: np.random.Generator) -> LandscapeCase:
    """Control: no weight decay, depth 3, and zero as a critical point."""
    point = zero_without_decay(rng).point
    return LandscapeCase(point.problem, point.sigma, [point.factors], point.seed)


def above_least(problem: Problem, points: list[list[Array]], seed: int) -> list[float]:
    """How far losses are above the least that descents find, relative to the size of the loss.

    The descents start from random factors, and from near the target cut to each rank.
    """
    least = search.minimizers(problem, np.random.default_rng(seed), search.STARTS)[0].loss
    unit = 1 + float(np.linalg.norm(problem.target) ** 2)
    return [(problem.loss(factors) - least) / unit for factors in points]
