"""What measures of flatness prefer, as *Which flatness* states it, and what its rivals say."""

from __future__ import annotations

import numpy as np

from dmfbook._validation import Array


def balanced(target: Array, rank: int, depth: int) -> list[Array]:
    """Rival: each layer takes the same share of each mode."""
    left, values, right = np.linalg.svd(target)
    shares = np.diag(values[:rank] ** (1 / depth))
    return [shares @ right[:rank], *[shares] * (depth - 2), left[:, :rank] @ shares]


def reversed_layers(target: Array, favourite: list[Array]) -> list[Array]:
    """Rival: the favourite's layers in reverse order, in the bases of the target."""
    left, values, right = np.linalg.svd(target)
    rank = int(np.sum(values > 1e-9 * values[0]))
    first, *inner, last = (
        np.diag(np.linalg.svd(factor, compute_uv=False)[:rank]) for factor in favourite[::-1]
    )
    return [first @ right[:rank], *inner, left[:, :rank] @ last]


def determinant_is_attained(rows: int, columns: int, rank: int, depth: int) -> bool:
    """Whether the determinant on the range has a least value."""
    return (depth - 1) * (rows - rank) < columns and (depth - 1) * (columns - rank) < rows


def least_frobenius(values: Array, size: int, single: float = 1.0, cross: float = 1.0) -> float:
    """``8 (√(d_0 d_L) ‖M‖_F² + ‖M‖_*²)`` from singular values and ``d_0 d_L``; rivals change the two parts."""
    squares, nuclear = float(np.sum(values**2)), float(np.sum(values))
    return 8 * (single * size**0.5 * squares + cross * nuclear**2)


def all_equal(values: Array) -> bool:
    """Whether all singular values are equal, up to rounding."""
    return bool(np.ptp(values) < 1e-9 * values[0])


def wants_balance(values: Array, rows: int, columns: int) -> bool:
    """Whether the favourite of three and more layers is balanced."""
    return rows == columns == len(values) and all_equal(values)
