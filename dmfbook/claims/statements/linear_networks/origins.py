"""Zero factors: how far down a loss can be where the penalty is small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import minimize

from dmfbook._validation import Array
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles import search
from dmfbook.claims.statements.balance import geometric_mean
from dmfbook.network.factors import flatten, unflatten
from dmfbook.network.hessian import hessian
from dmfbook.network.losses.loss import Loss
from dmfbook.network.problem import Problem

PENALTIES = (0.3, 1.0, 3.0)  # in units of the penalty up to which zero is safe


@dataclass(frozen=True)
class OriginCase:
    """A loss behind hidden layers, and the weights; for depth 2 in units of half the slope's norm."""

    loss: Loss
    hidden_widths: tuple[int, ...]
    reg: tuple[float, ...]
    seed: int

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.reg)

    @cached_property
    def slope(self) -> Array:
        """Gradient of the loss at the zero matrix."""
        return np.asarray(self.loss.gradient(np.zeros(self.loss.shape)))

    @property
    def problem(self) -> Problem:
        """The problem."""
        return Problem(self.loss, self.hidden_widths, self.reg)

    @property
    def mean_reg(self) -> float:
        """Geometric mean of the weights."""
        return float(np.exp(np.log(self.reg).mean()))

    @property
    def at_zero(self) -> float:
        """Loss of the zero matrix."""
        return float(self.loss.value(np.zeros(self.loss.shape)))

    @cached_property
    def safe_penalty(self) -> float:
        """A unit for penalties, where a linear loss of the same slope would reach its value at zero."""
        steep = float(np.linalg.norm(self.slope, 2))
        if self.depth == 2:
            return self.at_zero
        return float(
            ((self.depth * self.mean_reg) ** (self.depth / 2) / steep) ** (2 / (self.depth - 2))
        )

    @cached_property
    def lowest(self) -> list[tuple[float, float]]:
        """Penalties, and the least change of the objective that a search finds among factors with each of them."""
        rng = np.random.default_rng(self.seed)
        scales = np.sqrt(np.repeat(self.reg, [factor.size for factor in self.zero]))
        found = []
        for share in PENALTIES:
            size = float(np.sqrt(share * self.safe_penalty))
            ends = [self._descend(scales, size, rng.normal(size=scales.size)) for _ in range(4)]
            found.append((size**2, min(ends) - self.at_zero))
        return found

    def change(self, weight: float) -> float:
        """Least loss that a search finds at depth 2 with this mean weight, less that of zero, in units of the latter."""
        weights = np.array(self.reg) * weight / self.mean_reg
        problem = Problem(self.loss, self.hidden_widths, weights)
        rng = np.random.default_rng(self.seed)
        found = search.minimizers(problem, rng, 2)[0].loss
        return (found - self.at_zero) / search.loss_unit(problem)

    @property
    def zero(self) -> list[Array]:
        """Zero factors."""
        widths = self.problem.widths
        return [np.zeros(shape) for shape in zip(widths[1:], widths, strict=False)]

    def _descend(self, scales: Array, size: float, start: Array) -> float:
        """Least objective from a start over all factors whose penalty is the square of `size`."""
        problem = self.problem

        def value_and_gradient(vector: Array) -> tuple[float, Array]:
            length = float(np.linalg.norm(vector))
            factors = unflatten(size * vector / (length * scales), problem.widths)
            slope = size / (length * scales) * flatten(problem.gradient(factors))
            unit = vector / length
            return problem.loss(factors), slope - unit * float(unit @ slope)

        end = minimize(value_and_gradient, start / np.linalg.norm(start), jac=True, method="BFGS")
        return float(end.fun)


def compare_floor(
    case: OriginCase,
    mean: Callable[[Array], Any] = geometric_mean,
    steep: float = 1.0,
    power: float = 0.5,
) -> Evidence:
    """Compare the least change of the objective at given penalties with the bound."""
    if not all(case.reg):
        return Evidence(0.0, 0.0)  # minus infinity bounds everything
    unit = case.depth * float(mean(np.array(case.reg)))
    slope = steep * float(np.linalg.norm(case.slope, 2))

    def evidence(penalty: float, change: float) -> Evidence:
        bound = penalty - slope * (penalty / unit) ** (power * case.depth)
        return Evidence(max(0.0, bound - change), 1e-11 * (1 + abs(case.at_zero)))

    return worst(evidence(*each) for each in case.lowest)


def compare_hessian_at_zero(case: OriginCase) -> Evidence:
    """Compare the dense Hessian at zero with twice the weights, and see whether it is positive."""
    weights = np.repeat(case.reg, [factor.size for factor in case.zero])
    whole = hessian(case.problem, case.zero)
    gap = np.abs(whole - np.diag(2 * weights)).max()
    strict = np.linalg.eigvalsh(whole)[0] > 0
    return Evidence(float(gap) if strict else np.inf, 1e-14)


def compare_threshold(case: OriginCase, share: float = 0.5, largest: bool = True) -> Evidence:
    """See whether zero becomes optimal within three per cent of half the slope's norm; rivals change both."""
    weight = share * float(np.linalg.norm(case.slope, 2 if largest else None))
    below, above = case.change(0.97 * weight), case.change(1.03 * weight)
    return worst([Evidence(max(0.0, below + 1e-6), 1e-9), Evidence(max(0.0, -above), 1e-9)])
