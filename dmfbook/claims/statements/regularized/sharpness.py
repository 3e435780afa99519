"""Candidates for the largest eigenvalue at a minimizer, as *Trace and sharpness* states them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array
from dmfbook.claims.statements.modes import PointCase
from dmfbook.regularized.point import CriticalPoint

LEADING, TWO, IMBALANCE = NAMES = ("leading mode", "two modes", "imbalance")


def carriers(point: CriticalPoint) -> dict[str, float]:
    """Candidates at a minimizer with equal weights, by name; the second is missing if there is one mode."""
    count = min(2, len(point.target_values))
    sigma, w = (np.zeros(2) for _ in range(2))
    sigma[:count], w[:count] = point.target_values[:count], point.mode_values[:count]
    found = dict(zip(NAMES, candidates(sigma, w, point.mean_reg, point.problem.depth), strict=True))
    if count == 1:
        del found[TWO]
    return found


def candidates(sigma: Array, w: Array, reg: ArrayLike, depth: int) -> Array:
    """Candidates (3, …) from singular values ``σ_1, σ_2`` (2, …) and mode values ``w_1, w_2`` (2, …).

    Of the leading mode alone; of the two leading modes together; of imbalance, which trades size
    between layers at a fixed product.
    """
    leading = 2 * depth * w[0] ** (2 * depth - 2) - 2 * (depth - 2) * np.asarray(reg)
    # (s_1 − s_2) / (w_1 − w_2) as a sum, exact where both values meet.
    slope = sum(w[0] ** (depth - 1 - t) * w[1] ** t for t in range(depth))
    total = w[0] + w[1]
    both = 2 * (sigma[0] + sigma[1]) * slope / np.where(total > 0, total, np.inf)
    return np.stack([leading, both, np.broadcast_to(4 * np.asarray(reg), leading.shape)])


def leading_two(case: PointCase) -> tuple[Array, Array]:
    """The two largest singular values of the target and their values ``w``; zero where there is none."""
    order = np.argsort(-case.sigma, kind="stable")[:2]
    return tuple(np.pad(x[order], (0, 2 - len(order))) for x in (case.sigma, case.w))  # type: ignore[return-value]


def by_name(case: PointCase) -> dict[str, float]:
    """Candidates by name; that of two modes is missing if there is one."""
    found = candidates(*leading_two(case), case.mean, case.problem.depth)
    return {
        name: float(value)
        for name, value in zip(NAMES, found, strict=True)
        if name != TWO or len(case.sigma) > 1
    }


def limits(depth: int, ratio: float) -> Mapping[str, float]:
    """Limits of the candidates at collapse, in units of ``λ``."""
    found = (2 * (depth - 1) * (depth - 2), 2 * (depth - 1) * (1 + ratio), 4)
    return MappingProxyType(dict(zip(NAMES, map(float, found), strict=True)))


def winner(depth: int, at_collapse: bool) -> str:
    """The candidate that is largest at collapse, or where both singular values are equal."""
    if not at_collapse:
        return TWO
    return {2: IMBALANCE, 3: TWO}.get(depth, LEADING)
