"""Factors seen through measurements, and all factorizations of a target, to be searched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from scipy.optimize import minimize

from dmfbook._validation import Array
from dmfbook.claims.cases.points import random_factors
from dmfbook.claims.oracles.differentiation import by_complex_steps
from dmfbook.claims.oracles.measurements import dense_matrices, dense_rows
from dmfbook.network.factors import flatten
from dmfbook.sensing.ensembles import entry_sampling, gaussian_sensing
from dmfbook.sensing.operator import SensingOperator


@dataclass(frozen=True)
class SensedPoint:
    """Measurements, factors and the loss that automatic differentiation is given."""

    operator: SensingOperator
    measurements: Array
    factors: list[Array]
    huber: bool = False

    def loss(self, vector: Array) -> Any:
        """Sum over the measurements of the squared error, or of a pseudo-Huber loss."""
        product, start = anp.eye(self.factors[0].shape[1]), 0
        for factor in self.factors:
            entries = vector[start : start + factor.size]
            product = anp.dot(anp.reshape(entries, factor.shape[::-1]).T, product)
            start += factor.size
        sensed = anp.dot(dense_rows(self.operator), anp.reshape(product.T, -1))
        squares = (sensed - self.measurements) ** 2
        return anp.sum(2 * (anp.sqrt(1 + squares) - 1) if self.huber else squares)

    @cached_property
    def differentiated_trace(self) -> float:
        """Trace of the Hessian by automatic differentiation."""
        return float(np.trace(autograd.hessian(self.loss)(flatten(self.factors))))


def sensed_point(rng: np.random.Generator, depth: int, entries: bool) -> SensedPoint:
    """Any factors with unequal widths, seen through some entries or through Gaussian measurements, with any values."""
    widths = tuple(int(width) for width in 2 + (np.arange(depth + 1) + rng.integers(3)) % 3)
    shape = (widths[-1], widths[0])
    count = int(rng.integers(2, shape[0] * shape[1]))
    operator = (entry_sampling if entries else gaussian_sensing)(shape, count, rng)
    return SensedPoint(operator, rng.normal(size=count), random_factors(rng, widths))


def huber_point(rng: np.random.Generator) -> SensedPoint:
    """The loss is not the squared error, and its trace sees the residual."""
    point = sensed_point(rng, int(rng.integers(2, 4)), False)
    return replace(point, measurements=5 + point.measurements, huber=True)


@dataclass(frozen=True)
class TiedPoint(SensedPoint):
    """All layers are one square matrix."""

    def loss(self, vector: Array) -> Any:
        """The loss as a function of that matrix."""
        untied = SensedPoint(self.operator, self.measurements, self.factors)
        return untied.loss(anp.concatenate([vector] * len(self.factors)))

    @cached_property
    def differentiated_trace(self) -> float:
        """Trace of the Hessian in that matrix by automatic differentiation."""
        vector = self.factors[0].ravel(order="F")
        return float(np.trace(autograd.hessian(self.loss)(vector)))


def tied_point(rng: np.random.Generator) -> TiedPoint:
    """Depth 2 or 3, side 2 or 3."""
    side, depth = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    operator = gaussian_sensing((side, side), 2 * side, rng)
    factor = rng.normal(size=(side, side))
    return TiedPoint(operator, rng.normal(size=2 * side), [factor] * depth)


@dataclass(frozen=True)
class Factorizations:
    """All factorizations of a target of full column rank, with hidden widths of at least d_0."""

    operator: SensingOperator
    target: Array
    hidden_widths: tuple[int, ...]
    objective: str = "trace"

    @property
    def widths(self) -> tuple[int, ...]:
        """All widths, ``(d_0, …, d_L)``."""
        return (self.target.shape[1], *self.hidden_widths, self.target.shape[0])

    def factors(self, vector: Array) -> list[Array]:
        """Factors with product `target`, or stacks: the last layer is solved for, up to what does not matter."""
        layers, start, product = [], 0, np.eye(self.widths[0])
        stack = vector.shape[:-1]
        for before, after in pairwise(self.widths[:-1]):
            entries = vector[..., start : start + before * after]
            layers.append(entries.reshape(*stack, after, before))
            product, start = layers[-1] @ product, start + before * after
        free = vector[..., start:].reshape(*stack, self.widths[-1], self.widths[-2])
        inverse = np.linalg.inv(product.mT @ product) @ product.mT
        return [*layers, free + (self.target - free @ product) @ inverse]

    def value(self, vector: Array) -> Any:
        """Squared Frobenius norm of the Jacobian, or of the factors, twice."""
        factors = self.factors(vector)
        if self.objective == "norm":
            return 2 * sum((factor**2).sum(axis=(-2, -1)) for factor in factors)
        matrices = dense_matrices(self.operator)
        total, right = 0.0, np.eye(self.widths[0])
        for l, factor in enumerate(factors):
            left = np.eye(self.widths[-1])
            for other in factors[:l:-1]:
                left = left @ other
            # The derivatives of all measurements by this layer: A^T S_k B^T, or stacks of them.
            slopes = left.mT[..., None, :, :] @ matrices @ right.mT[..., None, :, :]
            total = total + (slopes**2).sum(axis=(-3, -2, -1))
            right = factor @ right
        return 2 * total

    @property
    def depth(self) -> int:
        """Number of factors."""
        return len(self.hidden_widths) + 1

    @cached_property
    def least(self) -> tuple[float, list[Array]]:
        """Least value found by a quasi-Newton method from a fixed generic start, and its factors."""
        size = sum(before * after for before, after in pairwise(self.widths))
        start = np.random.default_rng(0).normal(size=size)
        slope = by_complex_steps(self.value)
        run = minimize(slope, start, jac=True, method="BFGS", options={"gtol": 1e-7})
        return float(run.fun), self.factors(run.x)


def seen_in_full(
    rng: np.random.Generator, depth: int, columns: int = 2, wide: int = 0
) -> Factorizations:
    """A target with three rows and well-spread singular values, seen in full; hidden widths beyond the rank by `wide`."""
    rows = 3
    hidden = (columns + wide,) * (depth - 1)
    u, _, vt = np.linalg.svd(rng.normal(size=(rows, columns)), full_matrices=False)
    # Singular values between 0.8 and 2: the search takes longest where one nearly vanishes.
    values = np.linspace(rng.uniform(1.5, 2), rng.uniform(0.8, 1), columns)
    return Factorizations(
        entry_sampling((rows, columns), rows * columns, rng), u * values @ vt, hidden
    )


def seen_unevenly(rng: np.random.Generator, depth: int = 0) -> Factorizations:
    """Gaussian measurements, which are no isometry; depth 2 or 3 unless it is given."""
    case = seen_in_full(rng, depth or int(rng.integers(2, 4)))
    count = 2 * case.target.size
    return replace(case, operator=gaussian_sensing(case.target.shape, count, rng))


def least_norm(rng: np.random.Generator) -> Factorizations:
    """The sum of squares of the factors is least, not the trace; at depth 3 and 4."""
    return replace(seen_in_full(rng, int(rng.integers(3, 5))), objective="norm")


def too_narrow(rng: np.random.Generator) -> Factorizations:
    """One hidden unit for a target of rank two: no factorization."""
    case = seen_in_full(rng, 3)
    return replace(case, hidden_widths=(2, 1))


def seen_by_few(rng: np.random.Generator) -> Factorizations:
    """Depth 2, as few Gaussian measurements as still leave no direction out."""
    case = seen_in_full(rng, 2)
    return replace(case, operator=gaussian_sensing(case.target.shape, 3, rng))
