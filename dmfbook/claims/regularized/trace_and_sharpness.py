"""Claims of the chapter *Trace and sharpness*; the oracle is the dense Hessian at minimizers found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array
from dmfbook.claims.cases.points import random_factors
from dmfbook.claims.cases.problems import (
    MatrixCase,
    bottleneck,
    random_case,
    without_regularization,
)
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.search import STARTS
from dmfbook.network.factors import end_to_end
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.critical import global_minimizer
from dmfbook.regularized.point import CriticalPoint
from dmfbook.regularized.scalar import collapse_threshold

NAMES = ("leading mode", "two modes", "imbalance")


def unique_case(rng: np.random.Generator) -> MatrixCase:
    """With or without a bottleneck; the minimizer is unique."""
    return bottleneck(rng) if rng.random() < 0.4 else random_case(rng)


@claim(
    "thm-exact-trace",
    "The exact trace at a minimizer",
    source="this book",
    status="new",
    cases={"with or without a bottleneck": unique_case},
    controls={"the weights are positive": without_regularization},
)
def exact_trace(case: MatrixCase) -> Evidence:
    """Compare the formula with the diagonal of dense Hessians at minimizers found by optimization."""
    problem = case.problem
    found = search.minimizers(problem, np.random.default_rng(case.seed), STARTS)
    target = np.linalg.svd(problem.target, compute_uv=False)
    # Without weight decay the formula can only be tried with the balanced values.
    values = (
        global_minimizer(problem).layer_values
        if all(problem.reg)
        else np.tile(target ** (1 / problem.depth), (problem.depth, 1))
    )
    formula = trace_from_values(values, problem)
    evidence = []
    for each in found:
        if each.loss <= found[0].loss + 1e-11 * (1 + float(target @ target)):
            dense = hessian(problem, each.factors)
            size = float(np.abs(dense).max()) * problem.size
            tolerance = (32 * problem.depth * each.uncertainty + 64 * search.EPS) * size
            evidence.append((abs(float(np.trace(dense)) - formula), tolerance))
    return Evidence(*max(evidence, key=lambda pair: pair[0] / pair[1]))


def trace_from_values(values: Array, problem: Problem) -> float:
    """The formula ``2 Σ_l α_l β_l + 2 Σ_l λ_l d_l d_{l−1}``, from the layer values (L, modes)."""
    widths, squares = problem.widths, values**2
    total = 0.0
    for l in range(problem.depth):
        alpha = squares[l + 1 :].prod(axis=0).sum() if l + 1 < problem.depth else widths[-1]
        beta = squares[:l].prod(axis=0).sum() if l > 0 else widths[0]
        total += float(alpha * beta + problem.reg[l] * widths[l] * widths[l + 1])
    return 2 * total


@dataclass(frozen=True)
class BoundCase:
    """A problem, factors, and a power to which the nuclear norm is raised before it is used."""

    problem: Problem
    factors: list[Array]
    power: float


def any_factors(rng: np.random.Generator) -> BoundCase:
    """Random factors, balanced ones of equal widths, or factors of a scaled identity, where it is tight."""
    depth = int(rng.integers(2, 6))
    problem = Problem(np.eye(3), [3] * (depth - 1), rng.uniform(0, 1, depth))
    factors = [float(rng.uniform(0.5, 3)) * np.eye(3)] * depth
    if rng.random() < 0.6:
        widths = tuple(int(width) for width in rng.integers(1, 5, depth + 1))
        problem = Problem(np.zeros((widths[-1], widths[0])), widths[1:-1], problem.reg)
        factors = random_factors(rng, widths)
    return BoundCase(problem, factors, 1.0)


def other_power(rng: np.random.Generator) -> BoundCase:
    """Control: the square of the nuclear norm, at large balanced factors."""
    depth = int(rng.integers(2, 6))
    factors = [2 * np.eye(3)] * depth
    return BoundCase(Problem(np.eye(3), [3] * (depth - 1)), factors, depth / (depth - 1))


@claim(
    "thm-trace-bound",
    "A lower bound on the trace",
    source="kamber2026landscape",
    status="paper's claim",
    cases={"random, balanced or tight factors": any_factors},
    controls={"the power of the trace bound is 2 − 2/L": other_power},
)
def trace_bound(case: BoundCase) -> Evidence:
    """Measure by how much the bound exceeds the dense trace; where it is tight, by rounding alone."""
    problem = case.problem
    dense = float(np.trace(hessian(problem, case.factors)))
    nuclear = float(np.linalg.norm(end_to_end(case.factors), "nuc"))
    excess = lower_bound(problem, nuclear**case.power) - dense
    return Evidence(max(0.0, excess), 64 * problem.size * search.EPS * max(dense, 1.0))


def lower_bound(problem: Problem, nuclear: float) -> float:
    """Lower bound on the trace at factors whose end-to-end matrix has this nuclear norm."""
    depth, widths = problem.depth, problem.widths
    sizes = [before * after for before, after in pairwise(widths)]
    fit = depth * (widths[0] * widths[-1]) ** (1 / depth) * nuclear ** (2 - 2 / depth)
    return float(2 * fit + 2 * np.dot(problem.reg, sizes))


def equal_weights(case: MatrixCase) -> MatrixCase:
    """The same problem with the geometric mean of the weights in every layer."""
    problem = case.problem
    weight = float(np.exp(np.log(problem.reg).mean()))
    return replace(case, problem=Problem(problem.target, problem.hidden_widths, weight))


def active_case(rng: np.random.Generator) -> MatrixCase:
    """Equal weights and at least one active mode."""
    while True:
        case = equal_weights(unique_case(rng))
        if global_minimizer(case.problem).rank > 0:
            return case


def sharpened(rng: np.random.Generator) -> MatrixCase:
    """Control: the weights are unequal, for which the formula is not made."""
    case = active_case(rng)
    problem = case.problem
    weights = problem.reg[0] * np.geomspace(0.6, 1 / 0.6, problem.depth)
    return replace(case, problem=Problem(problem.target, problem.hidden_widths, weights))


@claim(
    "thm-sharpness-minimizer",
    "The sharpness at the minimizer",
    source="this book",
    status="new",
    cases={"at least one active mode": active_case},
    controls={"equal weights": sharpened},
)
def sharpness_at_minimizer(case: MatrixCase) -> Evidence:
    """Compare the formula with the largest dense eigenvalue at a minimizer found by optimization."""
    problem = case.problem
    best = search.minimizers(problem, np.random.default_rng(case.seed), STARTS)[0]
    largest = float(np.linalg.eigvalsh(hessian(problem, best.factors))[-1])
    tolerance = (64 * problem.depth * best.uncertainty + problem.size * search.EPS) * largest
    return Evidence(abs(max(carriers(global_minimizer(problem)).values()) - largest), tolerance)


def carriers(point: CriticalPoint) -> dict[str, float]:
    """Candidates for the largest eigenvalue at a minimizer with equal weights, by name.

    The second is missing if the target is a number.
    """
    sigma, w = np.zeros(2), np.zeros(2)
    count = min(2, len(point.target_values))
    sigma[:count], w[:count] = point.target_values[:count], point.mode_values[:count]
    found = dict(zip(NAMES, candidates(sigma, w, point.mean_reg, point.problem.depth), strict=True))
    if max(point.problem.target.shape) == 1:
        del found["two modes"]
    return found


def candidates(sigma: Array, w: Array, reg: ArrayLike, depth: int) -> Array:
    """Candidates (3, …) from singular values ``σ_1, σ_2`` (2, …) and mode values ``w_1, w_2`` (2, …).

    Of the leading mode alone; of the two leading modes together; of imbalance, which trades size
    between layers at a fixed product.
    """
    leading = 2 * depth * w[0] ** (2 * depth - 2) - 2 * (depth - 2) * np.asarray(reg)
    # (s_1 − s_2) / (w_1 − w_2) as a sum, exact where both values meet.
    slope = sum(w[0] ** (depth - 1 - t) * w[1] ** t for t in range(depth))
    both = 2 * (sigma[0] + sigma[1]) * slope / (w[0] + w[1])
    return np.stack([leading, both, np.broadcast_to(4 * np.asarray(reg), leading.shape)])


@dataclass(frozen=True)
class CarrierCase:
    """Depth, ratio σ_2/σ_1, and how far σ_1 is above the collapse threshold, relative to it."""

    depth: int
    ratio: float
    excess: float


def near_collapse(rng: np.random.Generator) -> CarrierCase:
    """Depth 2 to 6, the leading mode just active, the second at a share of it."""
    return CarrierCase(int(rng.integers(2, 7)), float(rng.uniform(0.1, 0.9)), 1e-3)


def far_from_collapse(rng: np.random.Generator) -> CarrierCase:
    """Control: depth 2 or 3, the leading mode ten times above the threshold."""
    return CarrierCase(int(rng.integers(2, 4)), float(rng.uniform(0.02, 0.05)), 9.0)


@claim(
    "prop-carrier",
    "Which block is the sharpest at collapse",
    source="this book",
    status="new",
    cases={"depth 2 to 6, the leading mode just active": near_collapse},
    controls={"near collapse": far_from_collapse},
)
def carrier_at_collapse(case: CarrierCase) -> Evidence:
    """Measure how much of the top eigenvectors of the dense Hessian lies outside the predicted block."""
    depth, reg = case.depth, 0.3
    sigma = float(collapse_threshold(reg, depth)) * (1 + case.excess)
    problem = Problem(np.diag([sigma, case.ratio * sigma]), [2] * (depth - 1), reg)
    values, vectors = np.linalg.eigh(hessian(problem, global_minimizer(problem).factors()))
    top = vectors[:, values > values[-1] * (1 - 1e-9)].reshape(depth, 4, -1)
    # In column-major order the entries of a layer are (1,1), (2,1), (1,2), (2,2).
    shares = np.sum(top**2, axis=(0, 2)) / top.shape[-1]
    if depth == 2:
        # Imbalance does not change the product, to first order.
        product = [np.abs(w).sum() for w in _first_order(problem, vectors[:, -1])]
        return Evidence(float(max(product)), 1e-6)
    predicted = shares[1] + shares[2] if depth == 3 else shares[0]
    return Evidence(abs(float(1 - predicted)), 1e-6)


def _first_order(problem: Problem, vector: Array) -> list[Array]:
    first, second = global_minimizer(problem).factors()
    moves = vector.reshape(2, 2, 2).mT
    return [second @ moves[0] + moves[1] @ first]
