"""Measurements of a matrix, and the flattest interpolator of some depth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import random_truth
from dmfbook.claims.oracles.convex import nuclear_norm_minimizer
from dmfbook.claims.oracles.measurements import dense_matrices, dense_rows, rank_one_extreme
from dmfbook.network.factors import end_to_end
from dmfbook.sensing.ensembles import dense_sensing, gaussian_sensing
from dmfbook.sensing.operator import SensingOperator
from dmfbook.zero_loss.interpolation import flattest_interpolator

# One search was as good as the best of five on all of 180 such problems; a miss could only fail a claim.
SEARCHES = 2


@dataclass(frozen=True)
class InterpolationCase:
    """Measurements of a matrix, and the depth at which the flattest interpolator is sought."""

    operator: SensingOperator
    truth: Array
    depth: int
    shift: float = 0.0

    @cached_property
    def interpolator(self) -> Array:
        """End-to-end matrix of the flattest interpolator, moved along the kernel by `shift`."""
        widths = (max(self.truth.shape),) * (self.depth - 1)
        values = self.operator.forward(self.truth)
        found = flattest_interpolator(
            self.operator, values, widths, tolerance=1e-7, starts=SEARCHES
        )
        if not found.converged:
            raise ArithmeticError("the search for the flattest interpolator did not converge")
        kernel = np.linalg.svd(dense_rows(self.operator))[2][-1]
        product = end_to_end(found.factors)
        return product + self.shift * kernel.reshape(product.shape[::-1]).T

    @cached_property
    def least_norm(self) -> float:
        """Least nuclear norm of a matrix with these measurements, from a convex solver."""
        convex = nuclear_norm_minimizer(self.operator, self.operator.forward(self.truth))
        return float(np.linalg.norm(convex, "nuc"))

    @property
    def second_moments(self) -> tuple[Array, Array]:
        """The matrices ``P = Σ S_k S_kᵀ`` and ``Q = Σ S_kᵀ S_k``."""
        matrices = dense_matrices(self.operator)
        return (matrices @ matrices.mT).sum(axis=0), (matrices.mT @ matrices).sum(axis=0)


def few_missing(rng: np.random.Generator, depth: int) -> InterpolationCase:
    """Orthonormal measurements of matrices with two columns, one or two short of all.

    Operators that all but vanish on a matrix of rank one are left out: there the bound says nothing.
    """
    rows = int(rng.integers(3, 6))
    ratio = np.inf
    while ratio > 5:
        matrices = np.linalg.qr(rng.normal(size=(2 * rows, 2 * rows)))[0].reshape(-1, rows, 2)
        operator = dense_sensing(matrices[: -int(rng.integers(1, 3))])
        ratio = rank_one_extreme(operator, +1)[0] / rank_one_extreme(operator, -1)[0]
    return InterpolationCase(operator, rng.normal(size=(rows, 2)), depth)


def not_flattest(rng: np.random.Generator) -> InterpolationCase:
    """An interpolator that is not the flattest one."""
    return replace(few_missing(rng, int(rng.integers(2, 4))), shift=10.0)


def shallow(rng: np.random.Generator, share: float = 0.5) -> InterpolationCase:
    """Gaussian measurements of a matrix of full rank, about a share of as many as entries; depth 2."""
    rows, cols = (int(side) for side in rng.integers(3, 6, size=2))
    count = max(rows, cols, int(share * rows * cols))
    operator = gaussian_sensing((rows, cols), count, rng)
    return InterpolationCase(operator, random_truth(rng, (rows, cols), min(rows, cols)), 2)


def another_interpolator(rng: np.random.Generator) -> InterpolationCase:
    """An interpolator that is not the flattest one, if not far from it."""
    return replace(shallow(rng), shift=0.1)


def deep(rng: np.random.Generator) -> InterpolationCase:
    """More measurements than a matrix of rank one can meet, at depth 4: where one met them, depth would not matter."""
    return replace(shallow(rng, 0.7), depth=4)


def enough_measurements(rng: np.random.Generator, depth: int) -> InterpolationCase:
    """Rank one, sides 6, and 30 of 36 measurements, nearly three times the degrees of freedom."""
    return InterpolationCase(gaussian_sensing((6, 6), 30, rng), random_truth(rng, (6, 6), 1), depth)


def too_few_measurements(rng: np.random.Generator) -> InterpolationCase:
    """9 measurements, fewer than the 11 degrees of freedom."""
    case = enough_measurements(rng, int(rng.integers(2, 4)))
    return replace(case, operator=gaussian_sensing((6, 6), 9, rng))


def full_rank(rng: np.random.Generator) -> InterpolationCase:
    """A truth of rank six."""
    case = enough_measurements(rng, int(rng.integers(2, 4)))
    return replace(case, truth=random_truth(rng, (6, 6), 6))
