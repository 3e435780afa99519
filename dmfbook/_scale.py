"""Powers of two taken out first and put back last, so that no scale is special."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array

# Between these no square that counts has lost digits.
SMALL_SQUARE, LARGE_SQUARE = 2.0**-900, 2.0**1000
# Exponents whose sizes add up to less leave all products of the matrices, and their squares, in the normal range.
ORDINARY = 400


def binary_exponent(*arrays: Array) -> int:
    """Exponent e for which the largest entry of all arrays lies in ``[2**(e-1), 2**e)``; 0 if all vanish.

    Dividing by ``2**e`` (:func:`numpy.ldexp`) is exact, except where an entry falls below the normal range, and
    such an entry is negligible beside the largest.
    """
    ends = [max(float(array.max()), -float(array.min())) for array in arrays if array.size]
    return math.frexp(max(ends, default=0.0))[1]


def norm_exponent(array: Array) -> int:
    """The same of the norm; of the largest entry where squares leave the range. Half the time of the latter."""
    square = float(np.vdot(array, array))
    if SMALL_SQUARE < square < LARGE_SQUARE:
        return (math.frexp(square)[1] + 1) // 2
    return binary_exponent(array)


def are_ordinary(exponents: Iterable[int]) -> bool:
    """Whether products of matrices with entries of these exponents need no units."""
    return sum(map(abs, exponents)) < ORDINARY


def normalized(array: Array) -> tuple[Array, int]:
    """An array divided by a power of two, such that its largest entry lies in [½, 1), and the exponent."""
    exponent = binary_exponent(array)
    return divided(array, exponent), exponent


def divided(array: Array, exponent: int) -> Array:
    """The array over ``2**exponent``; itself where that is one."""
    if abs(exponent) > 1000:
        return np.ldexp(array, -exponent)
    # A product takes a tenth of the time.
    return array * 2.0**-exponent if exponent else array


def scaled_power(mantissa: float, exponent: int, power: tuple[int, int]) -> tuple[float, int]:
    """``(mantissa · 2**exponent) ** (p / q)`` as a number of order one and an exponent, `power` being (p, q).

    Only what is left of the exponent after whole powers of two is rounded.
    """
    numerator, denominator = power
    mantissa, more = math.frexp(mantissa)
    exponent += more
    # Perfect powers stay exact where the denominator is no larger than the range of float64 allows.
    kept = exponent % denominator if denominator < 512 else 0
    whole, rest = divmod((exponent - kept) * numerator, denominator)
    root = math.ldexp(mantissa, kept) ** (numerator / denominator)
    return float(root * 2 ** (rest / denominator)), whole


def times_power(values: ArrayLike, exponent: Any) -> Any:
    """``values · 2**exponent``, rounded once; infinite beyond the range of float64, without a warning."""
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(values, exponent)


def in_range(name: str, values: Array) -> Array:
    """Return `values` if all of them are finite."""
    if not np.isfinite(values).all():
        raise OverflowError(f"{name} is beyond the range of float64")
    return values


def restored(name: str, value: float, exponent: int) -> float:
    """``value · 2**exponent`` as a float, rounded once, or an OverflowError."""
    try:
        result = math.ldexp(value, exponent)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise OverflowError(f"{name} is beyond the range of float64")
    return result


def norm(vector: Array) -> float:
    """Euclidean norm of a vector whose squares may be beyond the range of float64; NaN if an entry is.

    Homogeneous to the last bit for powers of two. Call it where NumPy does not warn of overflow.
    """
    square = float(vector.dot(vector))
    if SMALL_SQUARE < square < LARGE_SQUARE:
        return math.sqrt(square)
    exponent = binary_exponent(vector)
    scaled = np.ldexp(vector, -exponent)
    return float(np.ldexp(math.sqrt(scaled @ scaled), exponent))
