"""The least eigenvalue at strict saddles, as *How strict* states it; singular values descend and weights are equal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dmfbook._validation import Array
from dmfbook.claims.statements.modes import positive_roots
from dmfbook.regularized.scalar import fold_threshold


def two_layer_saddle(sigma: Array, active: NDArray[np.bool_], hidden: int, reg: float) -> float:
    """Least eigenvalue at a saddle of two layers with these active modes (n,)."""
    least_kept = sigma[active].min(initial=np.inf) if np.count_nonzero(active) == hidden else reg
    return float(-2 * (sigma[~active].max(initial=0.0) - least_kept))


def two_layer_bound(sigma: Array, hidden: int, reg: float) -> float:
    """Largest of these over all saddles, ``−2 (σ_r − max(λ, σ_{r+1}))``."""
    rank = min(hidden, int(np.count_nonzero(sigma > reg)))
    following = sigma[rank] if rank < len(sigma) else 0.0
    return float(-2 * (sigma[rank - 1] - max(reg, following)))


def at_fold(sigma: float, reg: float, depth: int) -> bool:
    """Whether both roots of a mode coincide, up to rounding."""
    return bool(np.isclose(sigma, fold_threshold(reg, depth), rtol=1e-12, atol=0.0))


def mode_roots(sigma: float, reg: float, depth: int) -> Array:
    """Smaller and larger positive value of a mode; without a weight and at the fold a single one, below the fold none."""
    if reg == 0:
        return np.array([sigma ** (1 / depth)] if sigma > 0 else [])
    if at_fold(sigma, reg, depth):
        return np.array([(reg * (1 - 2 / depth)) ** (1 / (2 * depth - 2))])
    return positive_roots(depth, sigma, reg)


def passes(sigma: Array, reg: float, depth: int, narrowest: int) -> Array:
    """For each mode above its fold how strict the saddle is that has it on its smaller root, larger modes before it."""
    found = []
    for i, value in enumerate(sigma):
        roots = mode_roots(value, reg, depth)
        if len(roots) == 2:
            w = roots[0]
            alone = 2 * (depth - 2) * reg - 2 * depth * w ** (2 * depth - 2)
            left_out = sigma[min(narrowest, i + 1) - 1]
            found.append(max(alone, 2 * (left_out - value) * w ** (depth - 2)))
    return np.array(found)


def swaps(sigma: Array, reg: float, depth: int, narrowest: int) -> Array:
    """For each mode but the first how strict the saddle is that has it in the place of the one before it."""
    found = []
    for i, value in enumerate(sigma[1:], start=1):
        roots = mode_roots(value, reg, depth)
        if len(roots):
            left_out = sigma[min(narrowest, i) - 1]
            found.append(2 * (left_out - value) * roots[-1] ** (depth - 2))
    return np.array(found)
