"""Denoising by singular values: the best shrinkage, and where a deep factorization should begin to keep."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import depths, nonnegative, positive


def optimal_shrink(value: ArrayLike, ratio: ArrayLike = 1.0, noise: ArrayLike = 1.0) -> Any:
    """Shrinkage of singular values with the least squared error under white noise.

    For a matrix of low rank plus independent noise of variance ``σ²`` in each of its m × n entries, ``m ≤ n``, as
    both sides grow [1]_.

    Parameters
    ----------
    value : float or array, non-negative
        Singular values y of the noisy matrix.
    ratio : float or array, above 0 and up to 1
        Ratio ``γ = m / n`` of the shorter side to the longer.
    noise : float or array, positive
        ``σ √n``, in units of the values.

    Returns
    -------
    float or array
        ``√((y² − (1 + √γ)²) (y² − (1 − √γ)²)) / y`` for a noise of 1, and zero up to the edge ``1 + √γ`` of what noise
        alone gives; in units of the values, broadcast over the arguments.

    Raises
    ------
    ValueError, TypeError
        If an argument is not finite and real, a value is negative, a ratio is not above 0 and at most 1, a noise is not
        positive, or the shapes do not broadcast.

    Notes
    -----
    Accurate to some units in the last place of the value. ``O(1)`` an entry.

    References
    ----------
    .. [1] gavish2014optimal, arXiv 1405.7511.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.optimal_shrink([1.5, 2.5])
    array([0. , 1.5])
    """
    y, beta, level = _broadcast(
        value=nonnegative("value", value), ratio=_ratios(ratio), noise=positive("noise", noise)
    )
    root = np.sqrt(beta)
    edge = (1 + root) * level
    # Up to the edge the first is 1 to the bit.
    upper, lower = edge / np.maximum(y, edge), (1 - root) * level / np.maximum(y, edge)
    return (y * np.sqrt((1 - upper) * (1 + upper) * (1 - lower) * (1 + lower)))[()]


def denoising_threshold(depth: ArrayLike, ratio: ArrayLike = 1.0, noise: ArrayLike = 1.0) -> Any:
    """Collapse threshold at which a factorization of some depth denoises best.

    Of all weights that keep no noise it is the one with the least worst excess of squared error over
    :func:`optimal_shrink`, over all sizes of the signal. Hand it to :func:`critical_reg` to get the weight.

    Parameters
    ----------
    depth : int or array of ints, >= 2
        Number of factors L.
    ratio : float or array, above 0 and up to 1
        Ratio γ of the shorter side of the matrix to the longer.
    noise : float or array, positive
        ``σ √n`` with the standard deviation σ of an entry's noise and the longer side n.

    Returns
    -------
    float or array
        The threshold ``m_c``, in units of `noise`, broadcast over the arguments: for a noise of 1 and with
        ``a = (L − 2)/(L − 1)``, ``q = 1 − a²/4`` its square is ``(1 + γ + √((1 + γ)² − q (1 − γ)²)) / q``.

    Raises
    ------
    ValueError, TypeError
        If the depth is no integer or below 2, a ratio is not above 0 and at most 1, a noise is not positive, an
        argument is not finite and real, or the shapes do not broadcast.

    Notes
    -----
    Derived in the book; as L grows it tends to the optimal hard threshold, ``4/√3`` for square matrices.
    ``O(1)`` an entry.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> threshold = dmf.denoising_threshold([2, 3, 10**6])
    >>> threshold.round(4)
    array([2.    , 2.0656, 2.3094])
    >>> dmf.critical_reg(threshold, [2, 3, 10**6])[:2].round(4)
    array([2.   , 1.044])
    """
    order, beta, level = _broadcast(
        depth=depths(depth), ratio=_ratios(ratio), noise=positive("noise", noise)
    )
    jump = (order - 2) / (order - 1)
    part = jump**2 / 4
    # (1 + γ)² − q (1 − γ)², without the cancellation where γ is small.
    under = 4 * beta + part * (1 - beta) ** 2
    square = (1 + beta + np.sqrt(under)) / (1 - part)
    return (level * np.sqrt(square))[()]


def _ratios(ratio: ArrayLike) -> Any:
    checked = positive("ratio", ratio)
    if (checked > 1).any():
        raise ValueError(
            f"ratio must be at most 1, got {checked.max():g}: it is the shorter side over the longer"
        )
    return checked


def _broadcast(**arrays: Any) -> tuple[Any, ...]:
    try:
        return np.broadcast_arrays(*arrays.values())
    except ValueError:
        *names, last = arrays
        *shapes, end = (str(np.shape(array)) for array in arrays.values())
        raise ValueError(
            f"{', '.join(names)} and {last} must broadcast, "
            f"got shapes {', '.join(shapes)} and {end}"
        ) from None
