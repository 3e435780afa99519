"""Checks at the door of the public functions: each says what it expected and what it got."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LARGEST_EXACT_INTEGER = 2**53


def real_array(name: str, value: ArrayLike) -> Array:
    """Return `value` as a non-empty, finite float64 array, or say why it is none."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: fill or drop its masked entries first")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of numbers: {error}") from None
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    if array.dtype.kind in "iu" and (
        int(array.max()) > LARGEST_EXACT_INTEGER or int(array.min()) < -LARGEST_EXACT_INTEGER
    ):
        raise ValueError(f"{name} holds integers beyond 2**53, which float64 cannot represent")
    with np.errstate(over="ignore"):
        array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite in float64, got NaN or infinity")
    return array


def matrix(name: str, value: ArrayLike) -> Array:
    """Return `value` as a finite float64 matrix."""
    array = real_array(name, value)
    if array.ndim != 2:
        raise ValueError(f"{name} must be a matrix, got shape {array.shape}")
    return array


def nonnegative(name: str, value: ArrayLike) -> Array:
    """Return `value` as a finite, non-negative float64 array."""
    array = real_array(name, value)
    if (array < 0).any():
        raise ValueError(f"{name} must not be negative, got {array.min():g}")
    return array


def positive(name: str, value: ArrayLike) -> Array:
    """Return `value` as a finite, positive float64 array."""
    array = real_array(name, value)
    if (array <= 0).any():
        raise ValueError(f"{name} must be positive, got {array.min():g}")
    return array


def integer(name: str, value: object, at_least: int) -> int:
    """Return `value` as an int that is not below `at_least`."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if number < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {number}")
    return number


def depths(value: ArrayLike) -> NDArray[np.int64]:
    """Return `value` as an array of integer depths, each at least 2."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError("depth must not be a masked array: fill or drop its masked entries first")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"depth must be a rectangular array of integers: {error}") from None
    if array.dtype.kind not in "iu":
        raise TypeError(f"depth must be an integer or an array of integers, got {value!r}")
    if array.size == 0:
        raise ValueError(f"depth must not be empty, got shape {array.shape}")
    if (array < 2).any():
        raise ValueError(f"depth must be at least 2, got {array.min()}")
    if (array > LARGEST_EXACT_INTEGER).any():
        raise ValueError("depth must be at most 2**53")
    return array.astype(np.int64, copy=False)


def widths_of(name: str, value: Sequence[int]) -> tuple[int, ...]:
    """Return a sequence of widths as a tuple of positive ints."""
    try:
        items = tuple(value)
    except TypeError:
        raise TypeError(f"{name} must be a sequence of integers, got {value!r}") from None
    return tuple(integer(f"{name}[{i}]", width, 1) for i, width in enumerate(items))


def factor_list(factors: Sequence[ArrayLike]) -> list[Array]:
    """Return factors ``[W_1, …, W_L]`` as float64 matrices whose product exists."""
    try:
        items = list(factors)
    except TypeError:
        raise TypeError(f"factors must be a sequence of matrices, got {factors!r}") from None
    checked = [matrix(f"factors[{i}]", factor) for i, factor in enumerate(items)]
    if len(checked) < 2:
        raise ValueError(f"factors must hold at least 2 matrices, got {len(checked)}")
    for i, (first, second) in enumerate(zip(checked, checked[1:], strict=False)):
        if second.shape[1] != first.shape[0]:
            raise ValueError(
                f"factors[{i + 1}] must have {first.shape[0]} columns to follow factors[{i}], "
                f"got shape {second.shape}"
            )
    return checked


def factors_of_widths(factors: Sequence[ArrayLike], widths: Sequence[int]) -> list[Array]:
    """Return factors as float64 matrices whose shapes are those of `widths`."""
    checked = factor_list(factors)
    if len(checked) != len(widths) - 1:
        raise ValueError(f"factors must hold {len(widths) - 1} matrices, got {len(checked)}")
    for i, factor in enumerate(checked):
        expected = (widths[i + 1], widths[i])
        if factor.shape != expected:
            raise ValueError(f"factors[{i}] must have shape {expected}, got {factor.shape}")
    return checked
