"""Balanced factors in motion: velocities of singular values, and races of two modes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array
from dmfbook.claims.cases.small_initialization.measurements import random_operator
from dmfbook.network.factors import partial_products_of
from dmfbook.training.flow import gradient_flow
from dmfbook.training.recovery import SensingProblem
from dmfbook.zero_loss.interpolation import balanced_factors


@dataclass(frozen=True)
class RateCase:
    """A sensing problem and factors at which the singular values' velocities are taken."""

    problem: SensingProblem
    factors: list[Array]

    @property
    def product(self) -> Array:
        """End-to-end matrix."""
        return self.problem.end_to_end(self.factors)

    @cached_property
    def measured(self) -> tuple[Array, float]:
        """Velocities of the singular values along the negative gradient, and their accuracy, by differences."""
        gradient = self.problem.gradient(self.factors)
        # The singular values are smooth here; step 1e-5 balances h² against rounding over h.
        step = 1e-5 / max(1.0, max(float(np.abs(part).max()) for part in gradient))

        def values(t: float) -> Array:
            moved = [w - t * g for w, g in zip(self.factors, gradient, strict=True)]
            product = self.problem.end_to_end(moved)
            return np.asarray(np.linalg.svd(product, compute_uv=False), dtype=np.float64)

        # Rounding over h is some 1e-11 over 1e-5, times the gradient where that has shortened h.
        return (values(step) - values(-step)) / (2 * step), 1e-7 * (1e-5 / step)


def balanced(
    rng: np.random.Generator, depth: int, sides: tuple[int, int], gap: float = 0.3
) -> RateCase:
    """Balanced factors of a matrix whose singular values are `gap` or more apart."""
    rows, cols = sides
    rank = min(sides)
    u, _, vt = np.linalg.svd(rng.normal(size=sides), full_matrices=False)
    values = 0.4 + np.cumsum(gap * rng.uniform(1, 2, rank))[::-1]
    operator = random_operator(rng, sides)
    problem = SensingProblem(operator, rng.normal(size=operator.shape[0]))
    hidden = [int(rank + extra) for extra in rng.integers(0, 3, size=depth - 1)]
    return RateCase(problem, balanced_factors(u * values @ vt, (cols, *hidden, rows), rng))


def unbalanced(rng: np.random.Generator) -> RateCase:
    """The first layer is twice as large as in balance and the second half as large; depth 2 to 4."""
    case = balanced(rng, int(rng.integers(2, 5)), (2, 3))
    first, second, *rest = case.factors
    return replace(case, factors=[2 * first, second / 2, *rest])


def repeated(rng: np.random.Generator) -> RateCase:
    """All singular values agree."""
    return balanced(rng, int(rng.integers(1, 4)), (3, 3), gap=0.0)


@dataclass(frozen=True)
class LinearLoss:
    """The loss ``−⟨Γ, W_L ⋯ W_1⟩ + c ‖W_L ⋯ W_1‖² / 2``, whose gradient in the product is constant for c = 0."""

    drive: Array
    pull: float = 0.0

    def loss(self, factors: Sequence[ArrayLike]) -> float:
        """Value at factors."""
        layers = [np.asarray(factor) for factor in factors]
        product = layers[-1] @ partial_products_of(layers)[1][-1]
        return float(-np.vdot(self.drive, product) + self.pull * np.vdot(product, product) / 2)

    def gradient(self, factors: Sequence[ArrayLike]) -> list[Array]:
        """Gradient ``A_lᵀ (c X − Γ) B_lᵀ`` at factors."""
        left, right = partial_products_of([np.asarray(factor) for factor in factors])
        slope = self.pull * (np.asarray(factors[-1]) @ right[-1]) - self.drive
        return [a.T @ slope @ b.T for a, b in zip(left, right, strict=True)]


@dataclass(frozen=True)
class RaceCase:
    """Gradient flow of ``−⟨Γ, W_L ⋯ W_1⟩`` with two positive drives, from equal singular values."""

    drives: tuple[float, float]
    factors: list[Array]
    start: float
    pull: float = 0.0

    @property
    def depth(self) -> int:
        """Number of factors."""
        return len(self.factors)

    @property
    def time(self) -> float:
        """Time at which a mode with unit drive reaches 1."""
        if self.depth == 2:
            return float(np.log(1 / self.start) / 2)
        power = 2 / self.depth - 1
        return (
            float((self.start**power - 1) / (self.depth - 2)) if self.depth > 2 else 1 - self.start
        )

    @cached_property
    def values(self) -> Array:
        """Singular values of the integrated factors' product at that time."""
        loss = LinearLoss(np.diag(self.drives), self.pull)
        layers = gradient_flow(loss, self.factors, self.time, accuracy=1e-11).factors
        product = layers[-1] @ partial_products_of(layers)[1][-1]
        return np.asarray(np.linalg.svd(product, compute_uv=False))


def race(rng: np.random.Generator, depth: int, ratio: tuple[float, float] = (0.3, 0.8)) -> RaceCase:
    """Balanced and aligned with the drive, from a start of 0.003 to 0.1."""
    start = float(10 ** rng.uniform(-2.5, -1))
    factors = balanced_factors(start * np.eye(2), [2] * (depth + 1), rng)
    return RaceCase((1.0, float(rng.uniform(*ratio))), factors, start)


def turned(rng: np.random.Generator) -> RaceCase:
    """The start is turned against the drive by 60 degrees."""
    case = race(rng, int(rng.integers(1, 4)))
    turn = np.array([[0.5, -np.sqrt(0.75)], [np.sqrt(0.75), 0.5]])
    return replace(case, factors=[*case.factors[:-1], turn @ case.factors[-1]])


def lopsided(rng: np.random.Generator) -> RaceCase:
    """Depth 2, the first layer larger than in balance and the second smaller, by a fifth."""
    case = race(rng, 2)
    first, second = case.factors
    return replace(case, factors=[1.2 * first, second / 1.2])


def head_start(rng: np.random.Generator) -> RaceCase:
    """Depth 1 or 2, the second mode starts at 1.3 times the size of the first."""
    case = race(rng, int(rng.integers(1, 3)))
    return replace(case, factors=[case.factors[0] @ np.diag([1.0, 1.3]), *case.factors[1:]])


def saturating(rng: np.random.Generator) -> RaceCase:
    """The drive fades as the product grows."""
    return replace(race(rng, int(rng.integers(1, 4))), pull=1.0)
