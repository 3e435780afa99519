"""Claims of the chapter *Beyond the edge*; gradient descent is run with long steps."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from dmfbook.claims.cases.training import cycles
from dmfbook.claims.cases.training.cycles import CycleCase, ModesCase
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst

EPS = float(np.finfo(float).eps)


def compare_modes(
    case: ModesCase, factor: float = 2.0, power: int = 1, decay: float = 1.0, coupled: bool = False
) -> Evidence:
    """Iterate a map for each mode, and compare its powers with the end-to-end matrix of the run."""
    depth, reg = case.problem.depth, case.problem.reg[0]
    w, rows = case.values, [case.values**case.problem.depth]
    for _ in range(case.steps):
        gap = w**depth - case.sigma
        slope = gap * w ** (depth - power) + decay * reg * w
        w = w - factor * case.step * (slope.mean() if coupled else slope)
        rows.append(w**depth)
    # An error grows by the derivative of the map, which is below 8 for these steps and values.
    allowed = 64 * EPS * 8.0 ** np.arange(len(rows))[:, None]
    error = np.abs(case.products - np.array(rows))
    return Evidence(float((error / allowed).max()), 1.0)


@claim(
    "thm-modes-decouple",
    "Balanced modes go alone",
    source="ghosh2025edge",
    status="derived",
    cases={
        "depth 2, below the edge": partial(cycles.balanced, depth=2, share=0.6),
        "depth 2, beyond it": partial(cycles.balanced, depth=2, share=1.15),
        "depth 4, below the edge": partial(cycles.balanced, depth=4, share=0.6),
        "depth 3, beyond it": partial(cycles.balanced, depth=3, share=1.15),
    },
    controls={
        "neighbouring layers share bases": partial(cycles.balanced, depth=3, share=0.6, tilt=0.3),
        "the weights are equal": partial(cycles.balanced, depth=3, share=0.6, weights=4.0),
    },
    rivals={
        "half the step": partial(compare_modes, factor=1.0),
        "the power L instead of L − 1": partial(compare_modes, power=0),
        "L times the decay": partial(compare_modes, decay=3.0),
        "no decay": partial(compare_modes, decay=0.0),
        "all modes move alike": partial(compare_modes, coupled=True),
    },
)
def modes_alone(case: ModesCase) -> Evidence:
    """Iterate the map of each mode, and compare its powers with the end-to-end matrix of the run."""
    return compare_modes(case)


def cycle_values(excess: float, step: float, share: float = 3.0) -> tuple[float, float]:
    """The two values from ``w_0 w_1 = 1/(2η)`` and ``(w_0 + w_1)² = μ + share/(2η)``."""
    product, mu = 1 / (2 * step), excess / step
    total = math.sqrt(mu + share * product)
    gap = math.sqrt(max(total**2 - 4 * product, 0.0))
    return (total - gap) / 2, (total + gap) / 2


def compare_cycle(
    case: CycleCase,
    first: float = 0.5,
    last: float = (math.sqrt(5) - 1) / 2,
    share: float = 3.0,
    apart: float = 1.0,
) -> Evidence:
    """Compare where a long run ends, and the multipliers there, with the formulas.

    Below the first bound it is a point, between both a cycle of two values; beyond the last it does not come back
    after two steps.
    """
    a, size = 1 + 2 * case.excess, math.sqrt(case.excess / case.step)
    returns = abs(case.orbit[2] - case.orbit[0]) < 1e-6 * size
    if returns != (case.excess < last):
        return Evidence(np.inf, 1.0)
    if not returns:
        return Evidence(0.0, 1.0)
    low, high = np.sort(case.orbit[:2])
    wanted = (size, size) if case.excess < first else cycle_values(case.excess, case.step, share)
    errors = [Evidence(float(np.abs(np.subtract((low, high), wanted)).max()), 1e-7 * size)]
    if case.excess > first:
        c = 1 - 2 * case.step * (float(case.problem.target[0, 0]) + case.problem.reg[0])
        multipliers = np.sort([9 - 2 * a**2, apart * c * (c + a) + 1])
        found = np.sort(np.linalg.eigvals(case.two_steps(low, high)).real)
        errors.append(Evidence(float(np.abs(found - multipliers).max()), 1e-5))
    return worst(errors)


@claim(
    "thm-two-cycle",
    "The two-cycle beyond the edge",
    source="chen2023beyond",
    status="derived",
    cases={
        "below the edge": partial(cycles.number, low=0.42, high=0.48),
        "beyond the edge": partial(cycles.number, low=0.51, high=0.54),
        "before the cycle ends": partial(cycles.number, low=0.58, high=0.605),
        "beyond the cycle": partial(cycles.number, low=0.63, high=0.645),
    },
    controls={
        "two factors": partial(cycles.number, low=0.3, high=0.45, depth=3),
        "the weights are equal": cycles.with_unequal_weights,
    },
    rivals={
        "the edge at η μ = 0.4": partial(compare_cycle, first=0.4),
        "the edge at η μ = 0.55": partial(compare_cycle, first=0.55),
        "stable until η μ = 0.65": partial(compare_cycle, last=0.65),
        "stable until η μ = 0.57": partial(compare_cycle, last=0.57),
        "the sum: μ + 2/η": partial(compare_cycle, share=4.0),
        "imbalance: twice as far from 1": partial(compare_cycle, apart=2.0),
    },
)
def two_cycle(case: CycleCase) -> Evidence:
    """Compare where a long run ends, and the derivative of two steps there, with the formulas."""
    return compare_cycle(case)


def compare_peak(case: CycleCase, last: float = 1.0, power: float = 1.0) -> Evidence:
    """Compare the largest factor of a long run with the bound, and whether there is one."""
    bound = math.sqrt((power + 1 + 2 * case.excess) / (2 * case.step))
    if case.excess > last:
        return Evidence(0.0 if case.peak == np.inf else np.inf, 1.0)
    return Evidence(min(case.peak, 1e300), bound * (1 + 1e-9))


@claim(
    "prop-bounded-cycles",
    "How long a step can be",
    source="this book",
    status="derived",
    cases={
        "any start": partial(cycles.number, low=0.3, high=0.98),
        "the largest start": cycles.largest,
        "the longest leap": partial(cycles.from_the_top, low=0.85, high=0.99),
        "too long a step": partial(cycles.from_the_top, low=1.02, high=1.2),
    },
    controls={
        "two factors": partial(cycles.largest, depth=4),
        "equal factors": partial(cycles.largest, sign=-1),
    },
    rivals={
        "until the cycle ends": partial(compare_peak, last=(math.sqrt(5) - 1) / 2),
        "always": partial(compare_peak, last=np.inf),
        "within √(a/b)": partial(compare_peak, power=0.0),
    },
)
def bounded(case: CycleCase) -> Evidence:
    """Compare the largest factor of a long run with the bound."""
    return compare_peak(case)
