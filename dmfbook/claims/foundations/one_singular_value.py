"""Claims of the chapter *One singular value*; the oracle looks at values of the loss only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from dmfbook._validation import Array
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.regularized.scalar import (
    collapse_threshold,
    critical_reg,
    fold_threshold,
    shrink,
    stationary_values,
)

EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class ScalarCase:
    """A scalar problem, the power of ``w`` in its penalty, and the least ``w`` that a search sees."""

    target: float
    reg: float
    depth: int
    penalty: int = 2
    search_from: float = 0.0


@dataclass(frozen=True)
class Extremum:
    """A local extremum of the loss, found from values, and how well values determine it."""

    w: float
    loss: float
    is_minimum: bool
    uncertainty: float


def loss(w: Array | float, case: ScalarCase) -> Any:
    """Loss ``(m − w^L)² + λ L w²`` less the constant ``m²``, so that small changes are not lost."""
    power = w**case.depth
    return power * (power - 2 * case.target) + case.reg * case.depth * w**case.penalty


def extrema(case: ScalarCase) -> list[Extremum]:
    """Local extrema of the loss for ``w >= search_from``, from its values on a grid, polished.

    The end ``search_from`` counts as a minimum where the loss rises from it.
    """
    top = 1.5 * case.target ** (1 / case.depth)
    grid = np.append(
        case.search_from, np.geomspace(max(case.search_from, 1e-4 * top), top, 3000)[1:]
    )
    values = loss(grid, case)
    rises = np.sign(np.diff(values))
    found = []
    if rises[0] > 0:
        found.append(Extremum(case.search_from, float(values[0]), True, 0.0))
    for i in np.flatnonzero(rises[1:] != rises[:-1]) + 1:
        found.append(_polish(case, grid[i - 1], grid[i + 1], sign=float(rises[i])))
    return found


def _polish(case: ScalarCase, low: float, high: float, sign: float) -> Extremum:
    """Refine an extremum between `low` and `high`; `sign` is +1 for a minimum, −1 for a maximum."""
    result = minimize_scalar(
        lambda w: sign * loss(w, case),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-12},
    )
    w, m, lam, order = float(result.x), case.target, case.reg, case.depth
    curvature = abs(
        2 * order * (2 * order - 1) * w ** (2 * order - 2)
        - 2 * m * order * (order - 1) * w ** (order - 2)
        + 2 * lam * order
    )
    terms = w ** (2 * order) + 2 * m * w**order + lam * order * w**2
    # Values equal up to their rounding error cannot be told apart; Brent's method adds √ε w.
    flat = np.sqrt(8 * order * EPS * terms / curvature)
    uncertainty = 4 * float(flat + np.sqrt(EPS) * w + 1e-12)
    return Extremum(w, float(loss(w, case)), sign > 0, uncertainty)


def best(case: ScalarCase) -> Extremum:
    """The minimum with the least loss."""
    return min((e for e in extrema(case) if e.is_minimum), key=lambda e: e.loss)


def _end_to_end_uncertainty(point: Extremum, depth: int) -> float:
    return depth * point.w ** (depth - 1) * point.uncertainty + EPS


def random_case(rng: np.random.Generator, depth: int = 0) -> ScalarCase:
    """Depth 3 to 8 unless it is given; targets from half the fold to ten times the collapse threshold."""
    order = int(rng.integers(3, 9)) if depth == 0 else depth
    reg = float(10 ** rng.uniform(-1, 1))
    low, high = fold_threshold(reg, order) / 2, 10 * collapse_threshold(reg, order)
    while True:
        target = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        if _distance_to_thresholds(target, reg, order) > 1e-3:
            return ScalarCase(target, reg, order)


def _distance_to_thresholds(target: float, reg: float, depth: int) -> float:
    thresholds = np.array([fold_threshold(reg, depth), collapse_threshold(reg, depth)])
    return float(np.abs(target / thresholds - 1).min())


def shallow_case(rng: np.random.Generator) -> ScalarCase:
    """Depth 2."""
    return random_case(rng, depth=2)


def shallow_case_past_branching(rng: np.random.Generator) -> ScalarCase:
    """Control: depth 2, where the positive minimizer branches off zero without a fold."""
    case = shallow_case(rng)
    return replace(case, target=case.reg * (1.1 + float(rng.exponential())))


def case_at_collapse(rng: np.random.Generator) -> ScalarCase:
    """A target exactly at the collapse threshold."""
    case = random_case(rng)
    return replace(case, target=float(collapse_threshold(case.reg, case.depth)))


def case_past_collapse(rng: np.random.Generator) -> ScalarCase:
    """Control: a target a tenth above the collapse threshold."""
    case = case_at_collapse(rng)
    return replace(case, target=1.1 * case.target)


def other_penalty(rng: np.random.Generator) -> ScalarCase:
    """Control: the penalty is not the square of the factors."""
    return replace(random_case(rng), penalty=1)


def local_search(rng: np.random.Generator) -> ScalarCase:
    """Control: a target between fold and collapse, and a search that never looks near zero."""
    case = random_case(rng)
    fold, collapse = fold_threshold(case.reg, case.depth), collapse_threshold(case.reg, case.depth)
    target = float(fold + rng.uniform(0.2, 0.8) * (collapse - fold))
    smaller, larger = stationary_values(target, case.reg, case.depth)
    return replace(case, target=target, search_from=float(smaller + larger) / 2)


@claim(
    "thm-fold",
    "Two stationary values above the fold, none below",
    source="this book",
    status="derived",
    cases={"depth 3 to 8, below and above the fold": random_case},
    controls={"at least three layers": shallow_case_past_branching},
)
def stationary_points(case: ScalarCase) -> Evidence:
    """Compare with the extrema found on the way from zero: a maximum, then a minimum, or none."""
    found = [extremum for extremum in extrema(case) if extremum.w > 0]
    expected = 2 if case.target > fold_threshold(case.reg, case.depth) else 0
    kinds = [extremum.is_minimum for extremum in found]
    if kinds != [False, True][:expected]:
        return Evidence(np.inf, 1.0)
    roots = stationary_values(case.target, case.reg, case.depth)
    pairs = list(zip(found, roots, strict=False))
    errors = [(abs(extremum.w - root), extremum.uncertainty) for extremum, root in pairs]
    return Evidence(*max(errors, key=lambda pair: pair[0] / pair[1], default=(0.0, EPS)))


@claim(
    "thm-collapse",
    "The global minimizer and its collapse",
    source="kamber2026landscape",
    status="paper's claim",
    cases={"depth 3 to 8, below and above collapse": random_case},
    controls={"the minimizer is global": local_search},
)
def global_minimum(case: ScalarCase) -> Evidence:
    """Compare the end-to-end value of the global minimizer with the best found from values."""
    found = best(case)
    error = abs(found.w**case.depth - shrink(case.target, case.reg, case.depth))
    return Evidence(float(error), _end_to_end_uncertainty(found, case.depth))


@claim(
    "cor-jump",
    "The jump at the collapse threshold",
    source="this book",
    status="derived",
    cases={"depth 3 to 8, at the threshold": case_at_collapse},
    controls={"at the collapse threshold": case_past_collapse},
)
def jump(case: ScalarCase) -> Evidence:
    """Compare the values found just below and just above the target with 0 and the jump."""
    step = 1e-6
    below = best(replace(case, target=case.target * (1 - step)))
    above = best(replace(case, target=case.target * (1 + step)))
    height = case.target * (case.depth - 2) / (case.depth - 1)
    error = below.w**case.depth + abs(above.w**case.depth - height)
    # ds/dm ≤ L at the threshold: s = m − λ w^{2−L}, and w is not at the fold.
    tolerance = case.depth * step * case.target + _end_to_end_uncertainty(above, case.depth)
    return Evidence(float(error), tolerance)


@claim(
    "thm-critical-regularization",
    "The critical regularization",
    source="kamber2026landscape",
    status="paper's claim",
    cases={"depth 3 to 8": random_case},
    controls={"the penalty is the square of the factors": other_penalty},
)
def critical_regularization(case: ScalarCase) -> Evidence:
    """Compare with the largest λ at which some positive ``w`` has a smaller loss than zero."""

    def bearable(log_w: float) -> float:
        # λ at which the loss at w equals the loss at zero.
        w = float(np.exp(log_w))
        fit = -loss(w, replace(case, reg=0.0))
        return float(fit / (case.depth * w**case.penalty))

    scale = np.log(case.target) / case.depth
    result = minimize_scalar(
        lambda log_w: -bearable(log_w),
        bounds=(scale - 5, scale + 1),
        method="bounded",
        options={"xatol": 1e-6},
    )
    formula = float(critical_reg(case.target, case.depth))
    # At a maximum an error of 1e-6 in the argument changes the value by 1e-12 L² relatively.
    return Evidence(abs(-result.fun - formula), 1e-11 * case.depth**2 * formula)


@claim(
    "thm-uniqueness",
    "Uniqueness off the null set",
    source="kamber2026landscape",
    status="paper's claim",
    cases={"depth 3 to 8, off the threshold": random_case},
    controls={"off the null set": case_at_collapse},
)
def one_minimizer(case: ScalarCase) -> Evidence:
    """Measure the spread of the end-to-end values of all minima whose loss is the least."""
    minima = [extremum for extremum in extrema(case) if extremum.is_minimum]
    rounding = 16 * case.depth * EPS * case.target**2
    least = min(extremum.loss for extremum in minima) + rounding
    ties = [extremum for extremum in minima if extremum.loss <= least]
    spread = np.ptp([extremum.w**case.depth for extremum in ties])
    tolerance = sum(_end_to_end_uncertainty(extremum, case.depth) for extremum in ties)
    return Evidence(float(spread), tolerance)


@claim(
    "cor-soft-threshold",
    "Soft thresholding at depth 2",
    source="this book",
    status="derived",
    cases={"depth 2": shallow_case},
    controls={"two layers": case_past_collapse},
)
def soft_threshold(case: ScalarCase) -> Evidence:
    """Compare the end-to-end value found from values with ``max(m − λ, 0)``."""
    found = best(case)
    error = abs(found.w**case.depth - max(case.target - case.reg, 0.0))
    return Evidence(error, _end_to_end_uncertainty(found, case.depth))
