"""Beyond the edge of stability: where gradient descent of two scalar factors goes round in two steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array, nonnegative, positive, real_array


@dataclass(frozen=True, eq=False)
class TwoCycle:
    """Two values of a scalar factor that a step of gradient descent exchanges.

    Attributes
    ----------
    low, high : arrays (…,)
        The values ``0 < w_0 < w_1`` of both factors; NaN where there is no such cycle.
    multiplier : array (…,)
        By how much two steps multiply a small distance from the cycle, with both factors equal. The cycle is stable
        where this lies between −1 and 1.
    imbalance_multiplier : array (…,)
        By how much two steps multiply a small difference of the two factors.
    """

    low: Array
    high: Array
    multiplier: Array
    imbalance_multiplier: Array


def two_cycle(target: ArrayLike, step: ArrayLike, reg: ArrayLike = 0.0) -> TwoCycle:
    """Two-cycle of gradient descent on ``(m − w_2 w_1)² + λ (w_1² + w_2²)`` with equal positive factors.

    In terms of ``μ = m − λ`` it exists for steps ``η > 1 / (2μ)``, and for equal factors it is stable up to
    ``η = (√5 − 1) / (2μ)``. Up to there it draws unequal factors to it if and only if ``ηλ < 1/2``.

    Parameters
    ----------
    target : float or array
        The number m.
    step : float or array, positive
        Step size η.
    reg : float or array, non-negative
        Weight λ of each factor.

    Returns
    -------
    TwoCycle
        Values and multipliers, broadcast over the arguments; NaN where there is no cycle.

    Raises
    ------
    ValueError, TypeError
        If an argument is not finite and real, a step is not positive, a weight is negative, or the shapes do not
        broadcast.

    Notes
    -----
    A step takes w to ``a w − b w³`` with ``a = 1 + 2ημ``, ``b = 2η``. Sum and difference of two exchanged values give
    ``w_0 w_1 = 1 / b`` and ``(w_0 + w_1)² = μ + 3 / b``; the multipliers are ``9 − 2a²`` and ``c² + c a + 1`` with
    ``c = 1 − 2η(m + λ)``, which is ``3 − 4ηm`` for λ = 0. Two balanced factors in the singular bases of a matrix
    go through this map mode by mode; deep linear networks beyond the edge are the subject of [1]_.

    References
    ----------
    .. [1] ghosh2025edge, arXiv 2502.20531.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> cycle = dmf.two_cycle(1.0, 0.6)
    >>> w = cycle.low
    >>> bool(np.isclose(w - 2 * 0.6 * (w**2 - 1.0) * w, cycle.high))
    True
    >>> cycle.multiplier.round(12), cycle.imbalance_multiplier.round(12)
    (np.float64(-0.68), np.float64(0.6))
    """
    m, eta, weight = real_array("target", target), positive("step", step), nonnegative("reg", reg)
    try:
        m, eta, weight = np.broadcast_arrays(m, eta, weight)
    except ValueError:
        raise ValueError(
            "target, step and reg must broadcast, "
            f"got shapes {np.shape(target)}, {np.shape(step)} and {np.shape(reg)}"
        ) from None
    product = 1 / (2 * eta)
    gap = m - weight - product  # (w_1 − w_0)²
    gap = np.where(gap > 0, gap, np.nan)
    high = (np.sqrt(gap + 4 * product) + np.sqrt(gap)) / 2
    a, c = 1 + 2 * eta * (m - weight), 1 - 2 * eta * (m + weight)
    exists = np.where(gap > 0, 1.0, np.nan)
    return TwoCycle(
        low=(product / high)[()],
        high=high[()],
        multiplier=(exists * (9 - 2 * a**2))[()],
        imbalance_multiplier=(exists * (c * (c + a) + 1))[()],
    )
