"""Claims of the chapter *The end-to-end problem*; the oracle is brute-force optimization of factors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from scipy.optimize import minimize

from dmfbook._validation import Array
from dmfbook.claims.claim import Evidence, claim
from dmfbook.claims.oracles import search
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.problem import Problem
from dmfbook.regularized.critical import global_minimizer
from dmfbook.regularized.scalar import collapse_threshold

STARTS = 4


@dataclass(frozen=True)
class MatrixCase:
    """A problem, and the seed of the random starts."""

    problem: Problem
    seed: int


def with_values(rng: np.random.Generator, values: Array, shape: tuple[int, int]) -> Array:
    """A matrix with the given singular values and random singular vectors."""
    left, right = (orthonormal_frame(side, len(values), rng) for side in shape)
    return (left * values) @ right.T


def random_case(rng: np.random.Generator) -> MatrixCase:
    """Depth 2 to 6, unequal widths and weights, no bottleneck; values may repeat or vanish."""
    depth = int(rng.integers(2, 7))
    outer = rng.integers(1, 4, 2)
    hidden = rng.integers(min(outer), 4, depth - 1)
    # As near to the threshold as a thirtieth, on either side; some vanish, some repeat.
    relative = np.where(rng.random(3) < 0.3, rng.uniform(0, 0.97, 3), rng.uniform(1.03, 4, 3))
    relative[2] *= rng.random() < 0.8
    if rng.random() < 0.3:
        relative[1] = relative[0]
    return case_with(rng, (outer[0], *hidden, outer[1]), relative)


def bottleneck(rng: np.random.Generator) -> MatrixCase:
    """Depth 2 to 6, outer widths 3, a hidden width below that, all singular values different."""
    depth = int(rng.integers(2, 7))
    hidden = rng.integers(1, 4, depth - 1)
    hidden[rng.integers(depth - 1)] = rng.integers(1, 3)
    return case_with(rng, (3, *hidden, 3), distinct_values(rng, low=1.1))


def distinct_values(rng: np.random.Generator, low: float) -> Array:
    """Three values from `low` on, at least 0.2 apart, a tenth away from 1."""
    while True:
        values = np.sort(rng.uniform(low, 4, 3))
        if np.diff(values).min() > 0.2 and np.abs(values - 1).min() > 0.1:
            return values


def at_collapse(rng: np.random.Generator) -> MatrixCase:
    """Control: the largest singular value is the collapse threshold, at depth 3 or more."""
    depth = int(rng.integers(3, 5))
    reg = float(rng.uniform(0.2, 0.6))
    threshold = float(collapse_threshold(reg, depth))
    target = with_values(rng, threshold * np.array([1.0, rng.uniform(0, 0.8)]), (3, 2))
    return MatrixCase(Problem(target, [2] * (depth - 1), reg), int(rng.integers(2**32)))


def tied_bottleneck(rng: np.random.Generator) -> MatrixCase:
    """Control: the last singular value let through equals the first held back."""
    case = bottleneck(rng)
    kept = min(case.problem.widths)
    values = np.sort(np.linalg.svd(case.problem.target, compute_uv=False))[::-1].copy()
    values[: kept + 1] = values[0]
    target = with_values(rng, values, (3, 3))
    return replace(case, problem=Problem(target, case.problem.hidden_widths, case.problem.reg))


def case_with(rng: np.random.Generator, widths: Sequence[int], relative: Array) -> MatrixCase:
    """A problem with random weights and singular values relative to the collapse threshold."""
    weights = rng.uniform(0.1, 0.5, len(widths) - 1)
    threshold = float(collapse_threshold(np.exp(np.log(weights).mean()), len(weights)))
    shape = int(widths[-1]), int(widths[0])
    target = with_values(rng, threshold * np.sort(relative)[::-1][: min(shape)], shape)
    hidden = [int(width) for width in widths[1:-1]]
    return MatrixCase(Problem(target, hidden, weights), int(rng.integers(2**32)))


def spread_of_best(case: MatrixCase) -> Evidence:
    """Compare the end-to-end matrices of all minimizers with the least loss, found and predicted."""
    found = search.minimizers(case.problem, np.random.default_rng(case.seed), STARTS)
    least = found[0].loss
    rounding = 1e-11 * (1 + float(np.linalg.norm(case.problem.target) ** 2))
    best = [each for each in found if each.loss <= least + rounding]
    predicted = global_minimizer(case.problem)
    error = max(float(np.linalg.norm(each.end_to_end - predicted.end_to_end)) for each in best)
    if predicted.loss > least + rounding:
        return Evidence(np.inf, 1.0)
    return Evidence(error, max(each.end_to_end_uncertainty for each in best))


@claim(
    "thm-end-to-end",
    "The unique end-to-end minimizer",
    source="kamber2026landscape",
    status="paper's claim",
    case=random_case,
    control=at_collapse,
)
def unique_end_to_end(case: MatrixCase) -> Evidence:
    """Compare the best end-to-end matrices found from random starts with the predicted one."""
    return spread_of_best(case)


@claim(
    "prop-bottleneck",
    "The minimizer behind a bottleneck",
    source="this book",
    status="derived",
    case=bottleneck,
    control=tied_bottleneck,
)
def end_to_end_behind_bottleneck(case: MatrixCase) -> Evidence:
    """Compare as above, where a narrow layer holds back some modes that would be active."""
    return spread_of_best(case)


@dataclass(frozen=True)
class PenaltyCase:
    """A matrix to be factored, hidden widths, weights, and the power of the entries in the penalty."""

    product: Array
    hidden_widths: tuple[int, ...]
    reg: Array
    power: int
    seed: int


def square_penalty(rng: np.random.Generator) -> PenaltyCase:
    """A matrix of full column rank, depth 2 to 4, hidden widths at least that rank."""
    depth, columns = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    rows = int(rng.integers(columns, 4))
    values = rng.uniform(0.5, 2, columns)
    hidden = tuple(int(width) for width in rng.integers(columns, columns + 2, depth - 1))
    product = with_values(rng, values, (rows, columns))
    return PenaltyCase(product, hidden, rng.uniform(0.3, 1, depth), 2, int(rng.integers(2**32)))


def other_penalty(rng: np.random.Generator) -> PenaltyCase:
    """Control: the penalty sums fourth powers of the entries."""
    return replace(square_penalty(rng), power=4)


@claim(
    "thm-schatten",
    "The price of a matrix",
    source="this book",
    status="derived",
    case=square_penalty,
    control=other_penalty,
)
def price_of_a_matrix(case: PenaltyCase) -> Evidence:
    """Compare the formula with the least penalty over factors of a given product, minimized."""
    depth = len(case.reg)
    mean = float(np.exp(np.log(case.reg).mean()))
    values = np.linalg.svd(case.product, compute_uv=False)
    formula = depth * mean * float(np.sum(values ** (2 / depth)))
    rng = np.random.default_rng(case.seed)
    penalty, size = _penalty_of_free_layers(case)
    gradient = autograd.grad(penalty)
    results = [
        minimize(
            penalty, rng.normal(size=size), jac=gradient, method="BFGS", options={"gtol": 1e-8}
        )
        for _ in range(3)
    ]
    # Near its minimum the penalty is quadratic: a gradient of 1e-6 leaves an error of order 1e-12.
    return Evidence(abs(min(result.fun for result in results) - formula), 1e-11 * formula)


def _penalty_of_free_layers(case: PenaltyCase) -> tuple[Callable[[Array], Any], int]:
    """The penalty as a function of all layers but the last, which is the least one that fits."""
    shapes = list(pairwise((case.product.shape[1], *case.hidden_widths)))

    def penalty(vector: Array) -> Any:
        total, start, inner = 0.0, 0, anp.eye(case.product.shape[1])
        for (before, after), reg in zip(shapes, case.reg[:-1], strict=True):
            layer = anp.reshape(vector[start : start + before * after], (after, before))
            start += before * after
            total = total + reg * anp.sum(layer**case.power)
            inner = anp.dot(layer, inner)
        last = anp.dot(case.product, anp.linalg.solve(anp.dot(inner.T, inner), inner.T))
        return total + case.reg[-1] * anp.sum(last**case.power)

    return penalty, sum(before * after for before, after in shapes)
