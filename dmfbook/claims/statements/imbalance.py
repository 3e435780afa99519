"""The formulas of *What training finds* as the page states them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dmfbook._validation import Array


def differences(factors: list[Array], sign: float = -1.0) -> list[Array]:
    """``D_l = W_{l+1}ᵀ W_{l+1} − W_l W_lᵀ``, l = 1, …, L − 1; a rival adds the two."""
    return [after.T @ after + sign * before @ before.T for before, after in pairwise(factors)]


def predicted_sharpness(
    factors: list[Array],
    number: float,
    square: float = 2.0,
    trace: float = 1.0,
    target: float = 4.0,
) -> float:
    """``2 √(2 ‖D‖_F² − (tr D)² + 4 m²)`` at depth 2, with other numbers for rivals."""
    (difference,) = differences(factors[:2])
    norm = square * float(np.vdot(difference, difference))
    size = norm - trace * float(np.trace(difference)) ** 2 + target * number**2
    return 2 * float(np.sqrt(max(size, 0.0)))
