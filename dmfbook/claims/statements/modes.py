"""A critical point as the modes that it is made of, which is how pages speak of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmfbook._validation import Array
from dmfbook.claims.oracles.search import EPS
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.modes import SMALLER
from dmfbook.regularized.scalar import fold_threshold

OUT = 0  # the mode is inactive; beside SMALLER and LARGER


@dataclass(frozen=True)
class PointCase:
    """Factors at a critical point, or what took their place, and the modes that it is made of.

    `sigma` (n,) are the singular values of the target, active modes first, `w` (n,) the values of the
    modes, zero where they are inactive, and `roots` (n,) tell on which root each is.
    """

    problem: Problem
    sigma: Array
    w: Array
    roots: NDArray[np.intp]
    factors: list[Array]
    seed: int

    @property
    def rank(self) -> int:
        """Number k of active modes."""
        return int(np.count_nonzero(self.roots))

    @property
    def mean(self) -> float:
        """Geometric mean of the weights."""
        return mean_of(self.problem.reg)

    @cached_property
    def eigenvalues(self) -> Any:
        """Eigenvalues of the dense Hessian at the factors, ascending."""
        return np.linalg.eigvalsh(hessian(self.problem, self.factors))

    @property
    def rounding(self) -> float:
        """Error of the dense eigenvalues: that of the matrix and that of the solver, both backward stable."""
        size = np.abs(self.eigenvalues).max() + float(np.linalg.norm(self.problem.target))
        return float(16 * self.problem.size * EPS * size)


def mode_value(sigma: float, root: int, reg: float, depth: int) -> float:
    """Root of ``w^L + λ w^{2−L} = σ`` from the companion matrix; zero for an inactive mode."""
    if root == OUT:
        return 0.0
    if depth == 2:
        return float(np.sqrt(sigma - reg))
    if np.isclose(sigma, fold_threshold(reg, depth), rtol=1e-12, atol=0.0):
        return float((reg * (1 - 2 / depth)) ** (1 / (2 * depth - 2)))
    real = positive_roots(depth, sigma, reg)
    w = real[0 if root == SMALLER else -1]
    for _ in range(3):  # Newton's method, for the last digits
        w -= (w**depth + reg * w ** (2 - depth) - sigma) / (
            depth * w ** (depth - 1) + (2 - depth) * reg * w ** (1 - depth)
        )
    return float(w)


def positive_roots(depth: int, sigma: float, reg: float) -> Array:
    """Positive roots of ``w^{2L−2} − σ w^{L−2} + λ``, ascending, from the companion matrix."""
    coefficients = np.zeros(2 * depth - 1)
    coefficients[0] = 1.0
    coefficients[depth] -= sigma
    coefficients[-1] += reg
    found = np.roots(coefficients)
    return np.sort(found.real[(np.abs(found.imag) < 1e-7) & (found.real > 1e-7)])


def mean_of(weights: Sequence[float] | Array) -> float:
    """Geometric mean; zero if one of them is."""
    if not np.all(weights):
        return 0.0
    return float(np.exp(np.log(weights).mean()))
