"""A number in factors, and how well conditioned its minimizer is at each weight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.optimize import minimize_scalar

from dmfbook.claims.oracles.extrema import ScalarLoss
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem

ZERO = 1e-12  # eigenvalues below this share of the largest count as zero


@dataclass(frozen=True)
class NumberCase:
    """A positive number, its hidden widths, and the proportions of the layers' weights."""

    target: float
    hidden_widths: tuple[int, ...]
    shares: tuple[float, ...]

    @property
    def depth(self) -> int:
        """Number of factors L."""
        return len(self.shares)

    def value(self, reg: float) -> float:
        """Value ``w`` of the global minimizer at a weight, from values of the loss; zero where it is zero."""
        return float(ScalarLoss(self.target, reg, self.depth).best.w)

    def condition(self, reg: float) -> float:
        """Condition number of the dense Hessian there, zeros left out; infinite where the minimizer is zero."""
        w = self.value(reg)
        if w < 1e-5 * self.target ** (1 / self.depth):
            return np.inf
        problem = Problem([[self.target]], self.hidden_widths, np.multiply(reg, self.shares))
        layers = [
            np.zeros(shape) for shape in zip(problem.widths[1:], problem.widths, strict=False)
        ]
        for layer, share in zip(layers, self.shares, strict=True):
            layer[0, 0] = w / np.sqrt(share)
        values = np.linalg.eigvalsh(hessian(problem, layers))
        return float(values[-1] / values[values > ZERO * values[-1]][0])

    @cached_property
    def last(self) -> float:
        """Largest weight at which the minimizer is not zero, by bisection."""
        low, high = 0.0, 2 * self.target ** (2 - 2 / self.depth)
        for _ in range(48):
            middle = (low + high) / 2
            low, high = (middle, high) if np.isfinite(self.condition(middle)) else (low, middle)
        return low

    @cached_property
    def best(self) -> tuple[float, float]:
        """Weight with the least condition number, and that number: on a grid, then between its neighbours."""
        grid = self.last * np.linspace(0.05, 1, 40)
        values = [self.condition(reg) for reg in grid]
        place = int(np.argmin(values))
        if place == len(grid) - 1:
            return float(grid[-1]), values[-1]
        bounds = (grid[max(place - 1, 0)], grid[place + 1])
        found = minimize_scalar(
            self.condition, bounds=bounds, method="bounded", options={"xatol": 1e-9}
        )
        return float(found.x), float(found.fun)


def number(rng: np.random.Generator, low: int, high: int) -> NumberCase:
    """A number from ½ to 4 in numbers, of a depth between two."""
    depth = int(rng.integers(low, high + 1))
    return NumberCase(float(rng.uniform(0.5, 4)), (1,) * (depth - 1), (1.0,) * depth)


def with_neighbours(rng: np.random.Generator) -> NumberCase:
    """Depth 3 to 5, hidden layers of width 2."""
    case = number(rng, 3, 5)
    return replace(case, hidden_widths=(2,) * (case.depth - 1))


def with_unequal_weights(rng: np.random.Generator) -> NumberCase:
    """Depth 2 to 5, weights that differ by a factor of four, of mean one."""
    case = number(rng, 2, 5)
    shares = rng.permutation(np.geomspace(0.5, 2, case.depth))
    return replace(case, shares=tuple(shares.tolist()))
