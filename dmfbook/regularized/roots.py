"""Kernels of the scalar problem: thresholds, and roots of ``w^L + λ w^{2−L} = m``, in units of order one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize.elementwise import find_root

from dmfbook._scale import times_power
from dmfbook._validation import Array

Integers = NDArray[np.int64]

SLACK = 1e-9
# Powers of two from here on upwards leave room for products with numbers of order one.
LOWEST_EXPONENT = -1000


def unit_exponent(target: ArrayLike, reg: ArrayLike, depth: ArrayLike) -> Any:
    """Exponent k of a unit ``2^k`` of w in which the larger of target and collapse threshold is of order one.

    Zero where both arguments vanish. A multiplication of the target by ``2^{jL}`` and of the weight by
    ``2^{j(2L−2)}`` adds j to it, so that all later arithmetic sees the same bits.
    """
    target, reg, depth = np.broadcast_arrays(target, reg, depth)
    of_target, of_reg = np.frexp(target)[1].astype(np.int64), np.frexp(reg)[1].astype(np.int64)
    by_target = (2 * of_target + depth) // (2 * depth)
    by_reg = (of_reg + depth - 1) // (2 * depth - 2)
    unit = np.where(target > 0, by_target, by_reg)
    # A weight far below the target stays in the normal range.
    highest = (of_reg - LOWEST_EXPONENT) // (2 * depth - 2)
    return np.where(reg > 0, np.minimum(np.maximum(unit, by_reg), highest), unit)[()]


def in_units(target: Array, reg: Array, depth: Integers) -> tuple[tuple[Array, Array, Any], Any]:
    """The arguments in a unit of w where they are of order one, and its exponent."""
    unit = unit_exponent(target, reg, depth)
    lam = times_power(reg, -unit * (2 * depth - 2))
    return (times_power(target, -unit * depth), lam, depth), unit


def collapse(reg: Array, depth: Integers) -> Any:
    """Target at the collapse threshold."""
    # (L−2)^{−(L−2)/(2L−2)} λ^{L/(2L−2)} = √(λ/(L−2)) · w_c: no rounded exponent, no overflow.
    excess = np.maximum(depth - 2, 1)
    root = root_of(reg * excess, 2 * depth - 2)
    return np.where(depth == 2, reg, (depth - 1) * np.sqrt(reg / excess) * root)


def fold(reg: Array, depth: Integers) -> tuple[Array, Array]:
    """Stationary value ``w_f`` and target ``m_f`` at the fold; at depth 2 the target is ``λ``."""
    excess = np.maximum(depth - 2, 1)
    value = root_of(reg * excess / depth, 2 * depth - 2)
    # m_f = w_f (w_f^{L−1} + λ / w_f^{L−1}) with w_f^{L−1} = √(λ (L−2)/L).
    threshold = value * np.sqrt(reg) * (2 * depth - 2) / np.sqrt(excess * depth.astype(float))
    return value, np.where(depth == 2, reg, threshold)


def root_of(value: Array, order: Integers) -> Array:
    """The root ``value ** (1 / order)`` without the error that rounding ``1 / order`` makes."""
    # np.power and not **, which rounds a scalar otherwise than an entry of an array.
    guess = np.power(value, 1.0 / order)
    # One Newton step; its quotient is near 1 wherever the power neither under- nor overflows.
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        quotient = np.power(guess, order) / value
        step = (quotient - 1) / order
    return np.where(np.abs(quotient - 1) < 1e-6, guess - guess * step, guess)


def limit_root(target: Array, reg: Array, depth: Integers) -> Array:
    """The smaller root as the weight vanishes, ``(λ/m)^{1/(L−2)}``; zero where it is below range."""
    return root_of(reg, depth - 2) / root_of(target, depth - 2)


# At the fold ``w^L`` and ``λ w^{2−L}`` are the parts (L−2)/(2L−2) and L/(2L−2) of m, and above it the first grows at
# the larger root, the second at the smaller. The bounds that follow can be the root to the last bit, hence the slack.


def smaller_root(target: Array, reg: Array, depth: Integers) -> Array:
    """The smaller root, where ``λ w^{2−L}`` is between ``m L/(2L−2)`` and m."""
    low = limit_root(target, reg, depth)
    high = low * root_of((2 * depth - 2) / depth, depth - 2) * (1 + SLACK)
    high = np.minimum(high, fold(reg, depth)[0])
    return _bracketed_root(low * (1 - SLACK), high, target, reg, depth)


def larger_root(target: Array, reg: Array, depth: Integers) -> Array:
    """The larger root, where ``w^L`` is between ``m (L−2)/(2L−2)`` and m."""
    high = root_of(target, depth)
    low = high * root_of((depth - 2) / (2 * depth - 2), depth) * (1 - SLACK)
    low = np.maximum(low, fold(reg, depth)[0])
    return _bracketed_root(low, high * (1 + SLACK), target, reg, depth)


def _bracketed_root(low: Array, high: Array, target: Array, reg: Array, depth: Integers) -> Array:
    """The root of ``w^L + λ w^{2−L} = m`` in each bracket."""
    power = depth.astype(float)

    def excess(w: Array, m: Array, lam: Array, order: Array) -> Array:
        return (w**order - m) + lam / w ** (order - 2)

    ends = excess(low, target, reg, power), excess(high, target, reg, power)
    # Where rounding hides the sign change the target is the fold to the last bits.
    at_fold = np.sign(ends[0]) == np.sign(ends[1])
    fold_end = np.where(np.abs(ends[0]) < np.abs(ends[1]), low, high)
    found = fold_end.copy()
    inside = ~at_fold
    if inside.any():
        arguments = target[inside], reg[inside], power[inside]
        bracket = low[inside], high[inside]
        result = find_root(excess, bracket, args=arguments, tolerances={"xatol": 0.0, "fatol": 0.0})
        if not result.success.all():
            worst = int(np.argmin(result.success))
            m, lam, order = (argument[worst] for argument in arguments)
            raise FloatingPointError(
                f"no root found for target {m:g}, reg {lam:g}, depth {int(order)}: "
                f"status {result.status[worst]}"
            )
        # The finder stops 4 units in the last place away; a Newton step inside the bracket mends that.
        w, (m, lam, order) = result.x, arguments
        slope = order * w ** (order - 1) - (order - 2) * (lam / w ** (order - 2)) / w
        step = np.divide(excess(w, m, lam, order), slope, out=np.zeros_like(w), where=slope != 0)
        found[inside] = np.where(np.abs(step) < 1e-12 * w, w - step, w)
    return found
