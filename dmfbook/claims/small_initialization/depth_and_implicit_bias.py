"""Claims of the chapter *Depth and implicit bias*; the oracles differentiate and integrate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.small_initialization import poor_data, races
from dmfbook.claims.cases.small_initialization.poor_data import DepthCase
from dmfbook.claims.cases.small_initialization.races import RaceCase, RateCase
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.training.recovery import SensingProblem

Power = Callable[[int], float]


def predicted_rates(
    problem: SensingProblem, product: Array, depth: int, power: Power = lambda depth: 2 - 2 / depth
) -> Array:
    """Velocities ``−2 L s_i^{2−2/L} ⟨𝒜*(𝒜(X) − y), u_i v_iᵀ⟩`` of the singular values under gradient flow."""
    u, s, vt = np.linalg.svd(product, full_matrices=False)
    back = problem.operator.adjoint(problem.operator.forward(product) - problem.measurements)
    drive = -2 * np.einsum("ai,ab,ib->i", u, back, vt)
    return np.asarray(depth * s ** power(depth) * drive, dtype=np.float64)


def compare_rates(case: RateCase, factor: Power = lambda depth: 1.0, **changed: Any) -> Evidence:
    """Compare the rates with differences of singular values along the negative gradient."""
    depth = len(case.factors)
    predicted = factor(depth) * predicted_rates(case.problem, case.product, depth, **changed)
    measured, accuracy = case.measured
    scale = max(1.0, float(np.abs(predicted).max()))
    return Evidence(float(np.abs(measured - predicted).max()), accuracy * scale)


@claim(
    "thm-depth-rates",
    "The rates of singular values",
    source="arora2019implicit",
    status="paper's claim",
    cases={
        "depth 3 to 5, rectangular": lambda rng: races.balanced(
            rng, int(rng.integers(3, 6)), (2, 4)
        ),
        "depth 2, square": lambda rng: races.balanced(rng, 2, (3, 3)),
        "depth 1": lambda rng: races.balanced(rng, 1, (3, 2)),
    },
    controls={
        "the factors are balanced": races.unbalanced,
        "the singular values are simple": races.repeated,
    },
    rivals={
        "the power 2−1/L": partial(compare_rates, power=lambda depth: 2 - 1 / depth),
        "the power 1−1/L": partial(compare_rates, power=lambda depth: 1 - 1 / depth),
        "without the factor L": partial(compare_rates, factor=lambda depth: 1 / depth),
        "the same rate at every depth": partial(compare_rates, power=lambda depth: 0.0),
    },
)
def depth_rates(case: RateCase) -> Evidence:
    """Compare the rates with differences of singular values along the negative gradient."""
    return compare_rates(case)


def runner_up(ratio: float, start: float, depth: int) -> float:
    """Second singular value when the first one has reached 1."""
    if depth == 2:
        return float(start ** (1 - ratio))
    power = 2 / depth - 1
    return float(((1 - ratio) * start**power + ratio) ** (1 / power))


def shallow_runner_up(ratio: float, start: float, depth: int) -> float:
    """The rival that depth 2 serves for all depths."""
    return runner_up(ratio, start, 2)


def vanishing_runner_up(ratio: float, start: float, depth: int) -> float:
    """The rival that the approximation for small starts is exact from depth 3 on."""
    if depth < 3:
        return runner_up(ratio, start, depth)
    return float(start * (1 - ratio) ** (-depth / (depth - 2)))


def squared_runner_up(ratio: float, start: float, depth: int) -> float:
    """The rival that the squares of the drives race."""
    return runner_up(ratio**2, start, depth)


def compare_race(
    case: RaceCase, formula: Callable[[float, float, int], float] = runner_up
) -> Evidence:
    """Compare both singular values with those of the integrated factors when the first should be 1."""
    second = formula(case.drives[1] / case.drives[0], case.start, case.depth)
    # From depth 3 on the first mode runs off to infinity soon after, and errors grow on the way.
    return Evidence(float(np.abs(case.values / np.array([1.0, second]) - 1).max()), 1e-6)


@claim(
    "prop-race",
    "The race of two modes",
    source="gissin2020implicit",
    status="derived",
    cases={
        "depth 3": lambda rng: races.race(rng, 3),
        "depth 2": lambda rng: races.race(rng, 2),
        "depth 1": lambda rng: races.race(rng, 1),
        "depth 4, a close race": lambda rng: races.race(rng, 4, (0.95, 0.98)),
    },
    controls={
        "the start is aligned with the drive": races.turned,
        "the start is balanced": races.lopsided,
        "both modes start alike": races.head_start,
        "the drives are constant": races.saturating,
    },
    rivals={
        "depth 2 serves for all depths": partial(compare_race, formula=shallow_runner_up),
        "the small-start form is exact": partial(compare_race, formula=vanishing_runner_up),
        "the squares of the drives race": partial(compare_race, formula=squared_runner_up),
    },
)
def race(case: RaceCase) -> Evidence:
    """Compare both singular values with those of the integrated factors when the first should be 1."""
    return compare_race(case)


def compare_errors(case: DepthCase, depth: int = 3) -> Evidence:
    """Test error at a depth over that of the nuclear-norm minimizer, the median over truths."""
    return Evidence(case.median_ratio(depth), 0.05)


@claim(
    "obs-depth",
    "Depth three against the nuclear norm",
    source="arora2019implicit",
    status="empirical",
    cases={"nine truths of rank one, 26 measurements": poor_data.data_poor},
    controls={
        "the start is small": poor_data.large_start,
        "too few measurements for the nuclear norm": poor_data.data_rich,
    },
    rivals={
        "depth two does as well": partial(compare_errors, depth=2),
        "depth one does as well": partial(compare_errors, depth=1),
    },
)
def depth_beats_nuclear_norm(case: DepthCase) -> Evidence:
    """Test error at depth three over that of the nuclear-norm minimizer, the median over truths."""
    return compare_errors(case)
