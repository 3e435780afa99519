"""The least positive eigenvalue and what follows from both ends of a spectrum, as *How fast* states it."""

from __future__ import annotations

import math

import numpy as np

from dmfbook.claims.statements.modes import PointCase

SPLIT, LAST, GAP, IDLE = "imbalance", "last active mode", "gap", "idle units"


def least_candidates(case: PointCase) -> dict[str, float]:
    """Candidates for the least positive eigenvalue at a local minimizer with equal weights, by name."""
    depth, reg, k, widths = case.problem.depth, case.mean, case.rank, case.problem.widths
    last = int(np.flatnonzero(case.w)[np.argmin(case.w[case.w > 0])])
    w, following = case.w[last], case.sigma[case.w == 0].max(initial=0.0)
    found = {SPLIT: 4 * reg, LAST: 2 * depth * w ** (2 * depth - 2) - 2 * (depth - 2) * reg}
    if k < min(widths[0], widths[-1]):
        found[GAP] = 2 * (case.sigma[last] - following) * w ** (depth - 2)
    if any(min(pair) > k for pair in zip(widths, widths[1:], strict=False)):
        found[IDLE] = 2 * reg - (2 * following if depth == 2 else 0)
    return {name: float(value) for name, value in found.items()}


def plain_rate(step: float, eigenvalue: float) -> float:
    """Factor by which a step of gradient descent multiplies a distance along an eigenvector."""
    return abs(1 - step * eigenvalue)


def heavy_ball_rate(step: float, momentum: float, eigenvalue: float) -> float:
    """Modulus of the larger root of ``z² − (1 + β − η h) z + β``."""
    half = abs(1 + momentum - step * eigenvalue) / 2
    return math.sqrt(momentum) if half**2 <= momentum else half + math.sqrt(half**2 - momentum)


def best_heavy_ball(least: float, largest: float) -> tuple[float, float]:
    """Step and momentum for which both ends of the spectrum are double roots."""
    low, high = math.sqrt(least), math.sqrt(largest)
    return (2 / (low + high)) ** 2, ((high - low) / (high + low)) ** 2
