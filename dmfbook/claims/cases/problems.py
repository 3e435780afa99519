"""Random regularized problems: generic, behind a bottleneck, at the collapse threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import with_values
from dmfbook.network.problem import Problem
from dmfbook.regularized.scalar import collapse_threshold


@dataclass(frozen=True)
class MatrixCase:
    """A problem, and the seed of the random starts."""

    problem: Problem
    seed: int


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


def with_mean(problem: Problem, mean: float) -> Problem:
    """The problem with its weights in the same proportion and another geometric mean."""
    weights = np.array(problem.reg) * (mean / mean_reg(problem))
    return Problem(problem.target, problem.hidden_widths, weights)


def mean_reg(problem: Problem) -> float:
    """Geometric mean of the weights."""
    return float(np.exp(np.log(problem.reg).mean()))


def without_regularization(rng: np.random.Generator) -> MatrixCase:
    """Control: the weights vanish, and layers can trade size; depth 2 or 3, wide layers."""
    # With narrow or many layers all starts can end at the origin, which is balanced.
    target = with_values(rng, rng.uniform(2, 5, 2), (2, 3))
    hidden = rng.integers(3, 5, rng.integers(1, 3))
    return MatrixCase(Problem(target, hidden.tolist()), int(rng.integers(2**32)))
