"""Claims of the chapter *Trace and nuclear norm*; the oracles differentiate, minimize and search."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from scipy.optimize import minimize

from dmfbook._validation import Array
from dmfbook.claims.cases.measurements import random_operator
from dmfbook.claims.cases.points import random_factors
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles.measurements import dense_rows, rank_one_extreme, square_root
from dmfbook.network.factors import flatten, partial_products
from dmfbook.sensing.ensembles import dense_sensing, entry_sampling, gaussian_sensing
from dmfbook.sensing.operator import SensingOperator
from dmfbook.zero_loss.trace import flattest_trace, sensing_hessian_trace

EPS = float(np.finfo(float).eps)


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


def random_sensed_point(rng: np.random.Generator) -> SensedPoint:
    """Any factors of depth 2 to 4 with unequal widths, any measurements."""
    widths = tuple(int(width) for width in rng.integers(1, 5, size=rng.integers(3, 6)))
    operator = random_operator(rng, (widths[-1], widths[0]))
    values = rng.normal(size=operator.shape[0])
    return SensedPoint(operator, values, random_factors(rng, widths))


def huber_point(rng: np.random.Generator) -> SensedPoint:
    """Control: the loss is not the squared error, and its trace sees the residual."""
    return replace(random_sensed_point(rng), huber=True)


@claim(
    "prop-sensing-trace",
    "The trace of a sensing loss",
    source="gatmiry2023flatness",
    status="derived",
    cases={"depth 2 to 4, any measurements": random_sensed_point},
    controls={"the loss is the squared error": huber_point},
)
def sensing_trace(point: SensedPoint) -> Evidence:
    """Compare the trace with that of the Hessian by automatic differentiation."""
    vector = flatten(point.factors)
    differentiated = float(np.trace(autograd.hessian(point.loss)(vector)))
    formula = sensing_hessian_trace(point.operator, point.factors)
    # The residual part cancels in no diagonal entry; its rounding scales with the residual.
    norms = float(np.prod([1 + np.linalg.norm(factor) for factor in point.factors]))
    scale = formula + norms**2 * (1 + float(np.linalg.norm(point.measurements)))
    return Evidence(abs(formula - differentiated), 64 * vector.size * EPS * scale)


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

    def factors(self, vector: Array) -> list[Any]:
        """Factors with product `target`: the last layer is solved for, up to what does not matter."""
        layers, start, product = [], 0, anp.eye(self.widths[0])
        for before, after in pairwise(self.widths[:-1]):
            layer = anp.reshape(vector[start : start + before * after], (after, before))
            layers.append(layer)
            product, start = anp.dot(layer, product), start + before * after
        free = anp.reshape(vector[start:], (self.widths[-1], self.widths[-2]))
        inverse = anp.dot(anp.linalg.inv(anp.dot(product.T, product)), product.T)
        return [*layers, free + anp.dot(self.target - anp.dot(free, product), inverse)]

    def value(self, vector: Array) -> Any:
        """Squared Frobenius norm of the Jacobian, or of the factors, twice."""
        factors = self.factors(vector)
        if self.objective == "norm":
            return 2 * sum(anp.sum(factor**2) for factor in factors)
        rows, total = dense_rows(self.operator), 0.0
        right = anp.eye(self.widths[0])
        for l, factor in enumerate(factors):
            left = anp.eye(self.widths[-1])
            for other in factors[:l:-1]:
                left = anp.dot(left, other)
            total = total + anp.sum(anp.dot(rows, anp.kron(right.T, left)) ** 2)
            right = anp.dot(factor, right)
        return 2 * total

    def minimize(self) -> tuple[float, list[Array]]:
        """Least value found by a quasi-Newton method from a fixed generic start, and its factors."""
        size = sum(before * after for before, after in pairwise(self.widths))
        start = np.random.default_rng(0).normal(size=size)
        run = minimize(self.value, start, jac=autograd.grad(self.value), options={"gtol": 1e-7})
        return float(run.fun), self.factors(run.x)


def random_factorizations(rng: np.random.Generator, depth: int = 0) -> Factorizations:
    """A target with sides up to 3, seen in full, to be factored with depth 2 to 4 if none is given."""
    cols = int(rng.integers(1, 4))
    rows = int(rng.integers(max(2, cols), 4))
    order = int(rng.integers(2, 5)) if depth == 0 else depth
    hidden = tuple(int(cols + extra) for extra in rng.integers(0, 2, size=order - 1))
    # Singular values between 1 and 2: the search takes longest where one nearly vanishes.
    u, _, vt = np.linalg.svd(rng.normal(size=(rows, cols)), full_matrices=False)
    target = u * rng.uniform(1, 2, cols) @ vt
    return Factorizations(entry_sampling((rows, cols), rows * cols, rng), target, hidden)


def uneven_observation(rng: np.random.Generator) -> Factorizations:
    """Control: Gaussian measurements, which are no isometry."""
    case = random_factorizations(rng)
    count = 2 * case.target.size
    return replace(case, operator=gaussian_sensing(case.target.shape, count, rng))


@claim(
    "thm-flattest-trace",
    "The least trace over all factorizations",
    source="gatmiry2023flatness",
    status="derived",
    cases={"depth 2 to 4, full observation": random_factorizations},
    controls={"the target is seen in full": uneven_observation},
)
def least_trace(case: Factorizations) -> Evidence:
    """Compare the formula with the least squared Jacobian that a search over factorizations finds."""
    found, _ = case.minimize()
    formula = flattest_trace(case.target, len(case.hidden_widths) + 1)
    # The search stops at a slope of 1e-7, where values are off by the square of that.
    return Evidence(abs(found - formula), 1e-10 * formula)


def balanced_factorizations(rng: np.random.Generator) -> Factorizations:
    """Control: the sum of squares of the factors is least, not the trace; at depth 3 and 4."""
    return replace(random_factorizations(rng, int(rng.integers(3, 5))), objective="norm")


@claim(
    "prop-flattest-factors",
    "The flattest factors",
    source="gatmiry2023flatness",
    status="derived",
    cases={"depth 2 to 4, full observation": random_factorizations},
    controls={"the trace is least": balanced_factorizations},
)
def flattest_layers(case: Factorizations) -> Evidence:
    """Compare the singular values of all partial products at the minimizer that a search finds."""
    _, factors = case.minimize()
    left, right = partial_products(factors)
    values = np.linalg.svd(case.target, compute_uv=False)
    sides, nuclear, depth = case.target.shape, values.sum(), len(factors)
    term = case.target.size ** (1 / depth) * nuclear ** (2 - 2 / depth)
    error, scale = 0.0, np.sqrt(term / (nuclear * sides[1]))
    for l in range(depth - 1):
        for product, size in ((left[l], scale), (right[l + 1], 1 / scale)):
            found = np.linalg.svd(product, compute_uv=False)[: len(values)]
            error = max(error, float(np.abs(found - size * np.sqrt(values)).max()))
        scale *= np.sqrt(term) / nuclear
    # The search's slope of 1e-7, divided by curvatures that are not below 1e-2 for such targets.
    return Evidence(error, 1e-5)


@dataclass(frozen=True)
class RankOneCase:
    """An operator on matrices with two columns, its bounds on rank one, and factors to try."""

    operator: SensingOperator
    smallest: float
    largest: float
    worst: tuple[list[Array], list[Array]]
    others: list[Array]
    slack: float


def thin_factors(u: Array, v: Array, depth: int, ratio: float) -> list[Array]:
    """Factors of width one along u and v, whose outer layers are `ratio` times the inner ones."""
    inner = [np.ones((1, 1))] * (depth - 2)
    return [ratio * v[None, :], *inner, ratio * u[:, None]]


def rank_one_case(rng: np.random.Generator) -> RankOneCase:
    """Bounds over all matrices of rank one; depth 3 to 5."""
    operator = gaussian_sensing((int(rng.integers(2, 5)), 2), int(rng.integers(4, 20)), rng)
    smallest, u, v = rank_one_extreme(operator, -1)
    largest, p, q = rank_one_extreme(operator, +1)
    depth, ratio = int(rng.integers(3, 6)), 1e4
    widths = (2, *(int(width) for width in rng.integers(1, 4, depth - 1)), operator.matrix_shape[0])
    # Share of the two outer layers in the trace, in which the measurements see other matrices.
    share = sum(operator.matrix_shape) / ratio**2
    return RankOneCase(
        operator,
        smallest,
        largest,
        (thin_factors(u, v, depth, ratio), thin_factors(p, q, depth, ratio)),
        random_factors(rng, widths),
        slack=(share + 1e-9) * largest,
    )


def bounds_on_entries(rng: np.random.Generator) -> RankOneCase:
    """Control: the bounds hold for matrices with a single entry only."""
    case = rank_one_case(rng)
    squares = (dense_rows(case.operator) ** 2).sum(axis=0)
    return replace(case, smallest=float(squares.min()), largest=float(squares.max()))


def full_trace(factors: list[Array]) -> float:
    """Trace under full observation."""
    shape = (len(factors[-1]), factors[0].shape[1])
    return sensing_hessian_trace(
        dense_sensing(np.eye(shape[0] * shape[1]).reshape(-1, *shape)), factors
    )


@claim(
    "thm-trace-under-rip",
    "The trace under restricted isometry",
    source="gatmiry2023flatness",
    status="paper's claim",
    cases={"depth 3 to 5, bounds on matrices of rank one": rank_one_case},
    controls={"the bounds hold for all matrices of rank one": bounds_on_entries},
)
def trace_under_rip(case: RankOneCase) -> Evidence:
    """Look for factors outside the bounds, and for factors that attain them."""
    low, high, other = (
        sensing_hessian_trace(case.operator, factors) / full_trace(factors)
        for factors in (*case.worst, case.others)
    )
    outside = max(case.smallest - other, other - case.largest)
    return Evidence(max(abs(low - case.smallest), abs(high - case.largest), outside), case.slack)


def random_shallow(rng: np.random.Generator) -> Factorizations:
    """Depth 2, seen by measurements of any kind that leave no direction out."""
    case = random_factorizations(rng, depth=2)
    count = int(rng.integers(max(case.target.shape), 2 * case.target.size + 2))
    return replace(case, operator=gaussian_sensing(case.target.shape, count, rng))


def random_deep(rng: np.random.Generator) -> Factorizations:
    """Control: depth 3, where the inner layer sees more of the measurements than the two weights."""
    case = random_factorizations(rng, depth=3)
    count = 2 * case.target.size
    return replace(case, operator=gaussian_sensing(case.target.shape, count, rng))


def weighted_trace(operator: SensingOperator, target: Array, depth: int) -> float:
    """The least trace of the weighted target, at depth 2 ``4 ‖P^{1/2} X Q^{1/2}‖_*``."""
    matrices = dense_rows(operator).reshape(-1, *target.shape[::-1]).mT
    row_weights = (matrices @ matrices.mT).sum(axis=0) / target.shape[1]
    column_weights = (matrices.mT @ matrices).sum(axis=0) / target.shape[0]
    weighted = square_root(row_weights) @ target @ square_root(column_weights)
    return flattest_trace(weighted, depth)


@claim(
    "prop-weighted-nuclear-norm",
    "Depth two, any measurements",
    source="ding2024flat",
    status="paper's claim",
    cases={"depth 2, any measurements": random_shallow},
    controls={"two layers": random_deep},
)
def weighted_nuclear_norm(case: Factorizations) -> Evidence:
    """Compare the weighted nuclear norm with the least squared Jacobian that a search finds."""
    found, _ = case.minimize()
    formula = weighted_trace(case.operator, case.target, len(case.hidden_widths) + 1)
    return Evidence(abs(found - formula), 1e-10 * formula)
