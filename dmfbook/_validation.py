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
    if type(value) is np.ndarray and value.dtype == np.float64 and value.size:
        # What nearly every call brings is looked at once.
        if np.isfinite(value).all():
            return value
        raise ValueError(f"{name} must be finite in float64, got NaN or infinity")
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: fill or drop its masked entries first")
    if hasattr(value, "toarray"):
        raise TypeError(f"{name} must be a dense array, got a sparse one: hand over .toarray()")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of numbers: {error}") from None
    except RuntimeError as error:  # what torch says of a tensor that requires a gradient
        raise TypeError(f"{name} must be convertible to a NumPy array: {error}") from None
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


def positive_number(name: str, value: object) -> float:
    """Return `value` as one finite, positive float."""
    checked = number(name, value)
    if not 0 < checked < np.inf:
        raise ValueError(f"{name} must be positive and finite, got {checked:g}")
    return checked


def nonnegative_number(name: str, value: object) -> float:
    """Return `value` as one finite float that is not negative."""
    checked = number(name, value)
    if not 0 <= checked < np.inf:
        raise ValueError(f"{name} must be finite and not negative, got {checked:g}")
    return checked


def number(name: str, value: object) -> float:
    """Return a real number as a float; NaN and infinity pass."""
    if isinstance(value, (bool, np.bool_, str, bytes)) or np.ndim(value) != 0:  # type: ignore[arg-type]
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a real number, got {value!r}") from None
    except OverflowError:
        raise ValueError(f"{name} must be finite in float64, got {value!r}") from None


def integer(name: str, value: object, at_least: int) -> int:
    """Return `value` as an int that is not below `at_least`; a float without a fraction will do."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
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
    if array.size == 0:
        raise ValueError(f"depth must not be empty, got shape {array.shape}")
    whole = array.dtype.kind in "iu" or (array.dtype.kind == "f" and (array % 1 == 0).all())
    if not whole:
        raise TypeError(f"depth must be an integer or an array of integers, got {value!r}")
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


def generator(name: str, value: object) -> np.random.Generator:
    """Return `value` if it is a NumPy Generator."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(f"{name} must be a numpy.random.Generator, got {value!r}")
    return value


def stacked_factors(factors: Sequence[ArrayLike], widths: Sequence[int]) -> list[Array]:
    """Return factors of the shapes of `widths`, or stacks ``(…, d_l, d_{l-1})`` of them: independent runs."""
    try:
        items = list(factors)
    except TypeError:
        raise TypeError(f"factors must be a sequence of matrices, got {factors!r}") from None
    if not items or min(map(_axes, items)) <= 2:
        return factors_of_widths(items, widths)
    checked = [real_array(f"factors[{i}]", factor) for i, factor in enumerate(items)]
    factors_of_widths([factor[(0,) * (factor.ndim - 2)] for factor in checked], widths)
    if len({factor.shape[:-2] for factor in checked}) != 1:
        raise ValueError(
            "factors must be matrices, or equally long stacks of matrices, got shapes "
            f"{[factor.shape for factor in checked]}"
        )
    return checked


def _axes(value: ArrayLike) -> int:
    """Number of axes of what may be an array; 0 where it is none."""
    try:
        return np.ndim(value)
    except (ValueError, RuntimeError):
        return 0


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
