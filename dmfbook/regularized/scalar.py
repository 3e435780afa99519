"""The scalar problem ``min_w (m − w^L)² + λ L w²``: roots, thresholds and the global minimizer.

With ``s = w^L`` it is ``min_s (m − s)² + λ L s^{2/L}``. Positive stationary points solve
``w^L + λ w^{2−L} = m``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize.elementwise import find_root

from dmfbook._validation import Array, depths, nonnegative

Integers = NDArray[np.int64]

SLACK = 1e-9


def fold_threshold(reg: ArrayLike, depth: ArrayLike) -> Any:
    """Target value above which a positive local minimizer exists.

    At the fold the two positive stationary values meet, ``w_f^{2L-2} = λ (L−2) / L``; below it zero
    is the only critical point. At depth 2 there is no fold, and the value is ``λ``, where the positive
    minimizer branches off zero.

    Parameters
    ----------
    reg : float or array, non-negative
        Regularization weight ``λ``.
    depth : int or array of ints, >= 2
        Number of factors ``L``.

    Returns
    -------
    float or array
        ``m_f``, in units of the target; broadcast over `reg` and `depth`.

    Raises
    ------
    ValueError, TypeError
        If `reg` is negative or not finite, or `depth` is no integer or below 2.

    Notes
    -----
    Accurate to a few units in the last place. ``O(1)`` an entry.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> float(dmf.fold_threshold(1.0, 3).round(12))
    1.754765350603
    """
    reg, depth = np.broadcast_arrays(nonnegative("reg", reg), depths(depth))
    return _fold(reg, depth)[1][()]


def collapse_threshold(reg: ArrayLike, depth: ArrayLike) -> Any:
    """Target value below which the global minimizer of the scalar problem is zero.

    At ``target == collapse_threshold(reg, depth)`` zero and a positive value tie for depth 3 and
    more; this is the null set on which the minimizer is not unique [1]_.

    Parameters
    ----------
    reg : float or array, non-negative
        Regularization weight ``λ``.
    depth : int or array of ints, >= 2
        Number of factors ``L``.

    Returns
    -------
    float or array
        ``m_c = (L−1) (L−2)^{−(L−2)/(2L−2)} λ^{L/(2L−2)}``, in units of the target; broadcast over
        `reg` and `depth`.

    Raises
    ------
    ValueError, TypeError
        If `reg` is negative or not finite, or `depth` is no integer or below 2.

    Notes
    -----
    Accurate to a few units in the last place. ``O(1)`` an entry.

    References
    ----------
    .. [1] kamber2026landscape, arXiv 2603.27072 (existence; the formula is derived in the book).

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.collapse_threshold(0.25, [2, 3])
    array([0.25      , 0.70710678])
    """
    reg, depth = np.broadcast_arrays(nonnegative("reg", reg), depths(depth))
    # (L−2)^{−(L−2)/(2L−2)} λ^{L/(2L−2)} = √(λ/(L−2)) · w_c: no rounded exponent, no overflow.
    excess = np.maximum(depth - 2, 1)
    root = _root(reg * excess, 2 * depth - 2)
    return np.where(depth == 2, reg, (depth - 1) * np.sqrt(reg / excess) * root)[()]


def critical_reg(target: ArrayLike, depth: ArrayLike) -> Any:
    """Regularization above which the global minimizer of the scalar problem is zero.

    The inverse of :func:`collapse_threshold` in its first argument [1]_.

    Parameters
    ----------
    target : float or array, non-negative
        Target value ``m`` (a singular value of the target matrix).
    depth : int or array of ints, >= 2
        Number of factors ``L``.

    Returns
    -------
    float or array
        ``λ_c = m^{2−2/L} (L−2)^{1−2/L} (L−1)^{−(2−2/L)}``, broadcast over `target` and `depth`.

    Raises
    ------
    ValueError, TypeError
        If `target` is negative or not finite, or `depth` is no integer or below 2.

    Notes
    -----
    Accurate to a few units in the last place. ``O(1)`` an entry.

    References
    ----------
    .. [1] kamber2026landscape, arXiv 2603.27072 (existence; the formula is derived in the book).

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.critical_reg(2.0, [2, 3])
    array([2., 1.])
    """
    target, depth = np.broadcast_arrays(nonnegative("target", target), depths(depth))
    value = target / (depth - 1)  # λ_c = (m − s_c) s_c^{1−2/L} with s_c = m (L−2)/(L−1)
    jump = value * np.maximum(depth - 2, 1)
    root = np.where(target > 0, _root(jump, depth), 1.0)
    return np.where(depth == 2, target, (value / root) * (jump / root))[()]


def stationary_values(target: ArrayLike, reg: ArrayLike, depth: ArrayLike) -> tuple[Any, Any]:
    """Positive stationary points of the scalar problem, both roots of ``w^L + λ w^{2−L} = m``.

    The larger is a local minimizer, the smaller a local maximizer. Above
    :func:`fold_threshold` there are two for depth 3 and more, and one, the larger, for depth 2.

    Parameters
    ----------
    target : float or array, non-negative
        Target value ``m``.
    reg : float or array, non-negative
        Regularization weight ``λ``.
    depth : int or array of ints, >= 2
        Number of factors ``L``.

    Returns
    -------
    smaller, larger : float or array
        Values ``w`` of one factor (the end-to-end value is ``w**L``), broadcast over the arguments;
        NaN where there is none. At the fold both are ``w_f``.

    Raises
    ------
    ValueError, TypeError
        If `target` or `reg` is negative or not finite, or `depth` is no integer or below 2.
    FloatingPointError
        If the root finder does not converge; the message names the first such entry.

    Notes
    -----
    With ``c = m / |L w^L − (L−2) λ w^{2−L}|``, the condition number of a root, the relative error is
    a few times ``c ε`` away from the fold, ``ε = 2.2e-16``. At the fold ``c`` is infinite and the
    relative error is at most a few times ``√ε``: a change of ``m`` in the last place moves the roots
    that far. Some 10 vectorized evaluations of the equation.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> [float(w.round(12)) for w in dmf.stationary_values(2.0, 1.0, 3)]
    [0.543689012692, 1.0]
    """
    target, reg, depth = np.broadcast_arrays(
        nonnegative("target", target), nonnegative("reg", reg), depths(depth)
    )
    smaller = np.full(target.shape, np.nan)
    larger = np.where((reg == 0) & (target > 0), _root(target, depth), np.nan)
    shallow = (depth == 2) & (target > reg)
    larger[shallow] = np.sqrt(target[shallow] - reg[shallow])
    deep = (depth > 2) & (reg > 0) & (target >= _fold(reg, depth)[1])
    if deep.any():
        equation = target[deep], reg[deep], depth[deep]
        smaller[deep], larger[deep] = _smaller_root(*equation), _larger_root(*equation)
    return smaller[()], larger[()]


def shrink(target: ArrayLike, reg: ArrayLike, depth: ArrayLike) -> Any:
    """End-to-end value ``s`` of the global minimizer of ``(m − s)² + λ L s^{2/L}``.

    The soft threshold ``max(m − λ, 0)`` at depth 2; for depth 3 and more a shrinkage that jumps
    from 0 to ``m_c (L−2)/(L−1)`` at :func:`collapse_threshold`. There, at the tie, the non-zero
    minimizer is returned.

    Parameters
    ----------
    target : float or array, non-negative
        Target value ``m``.
    reg : float or array, non-negative
        Regularization weight ``λ``.
    depth : int or array of ints, >= 2
        Number of factors ``L``.

    Returns
    -------
    float or array
        ``s`` in units of the target, broadcast over the arguments.

    Raises
    ------
    ValueError, TypeError
        If `target` or `reg` is negative or not finite, or `depth` is no integer or below 2.
    FloatingPointError
        If the root finder does not converge; the message names the first such entry.

    Notes
    -----
    Accurate to a few units in the last place: the collapse threshold lies well above the fold.
    Some 10 vectorized evaluations of the stationarity equation.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.shrink([0.5, 2.0], 1.0, [[2], [3]])
    array([[0., 1.],
           [0., 1.]])
    """
    target, reg, depth = np.broadcast_arrays(
        nonnegative("target", target), nonnegative("reg", reg), depths(depth)
    )
    threshold = collapse_threshold(reg, depth)
    shrunk = np.where(depth == 2, np.maximum(target - reg, 0.0), np.where(reg == 0, target, 0.0))
    active = (depth > 2) & (reg > 0) & (target >= threshold)
    if active.any():
        m, lam, order = target[active], reg[active], depth[active]
        value = _larger_root(m, lam, order)
        # s = m − λ w^{2−L} instead of w^L, which would multiply the error of w by L.
        shrunk[active] = m - lam / value ** (order - 2.0)
    return shrunk[()]


def _fold(reg: Array, depth: Integers) -> tuple[Array, Array]:
    """Stationary value ``w_f`` and target ``m_f`` at the fold; at depth 2 the target is ``λ``."""
    excess = np.maximum(depth - 2, 1)
    value = _root(reg * excess / depth, 2 * depth - 2)
    # m_f = w_f (w_f^{L−1} + λ / w_f^{L−1}) with w_f^{L−1} = √(λ (L−2)/L).
    threshold = value * np.sqrt(reg) * (2 * depth - 2) / np.sqrt(excess * depth.astype(float))
    return value, np.where(depth == 2, reg, threshold)


def _root(value: Array, order: Integers) -> Array:
    """The root ``value ** (1 / order)`` without the error that rounding ``1 / order`` makes."""
    # np.power and not **, which rounds a scalar otherwise than an entry of an array.
    guess = np.power(value, 1.0 / order)
    # One Newton step; its quotient is near 1 wherever the power neither under- nor overflows.
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        quotient = np.power(guess, order) / value
        step = (quotient - 1) / order
    return np.where(np.abs(quotient - 1) < 1e-6, guess - guess * step, guess)


# Each outer bracket end drops one term of the equation; it can be the root to the last bit, hence
# the slack.
def _smaller_root(target: Array, reg: Array, depth: Integers) -> Array:
    low = _root(reg / target, depth - 2) * (1 - SLACK)
    return _bracketed_root(low, _fold(reg, depth)[0], target, reg, depth)


def _larger_root(target: Array, reg: Array, depth: Integers) -> Array:
    high = _root(target, depth) * (1 + SLACK)
    return _bracketed_root(_fold(reg, depth)[0], high, target, reg, depth)


def _bracketed_root(low: Array, high: Array, target: Array, reg: Array, depth: Integers) -> Array:
    """The root of ``w^L + λ w^{2−L} = m`` in each bracket, one of whose ends is the fold."""
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
        result = find_root(excess, (low[inside], high[inside]), args=arguments)
        if not result.success.all():
            worst = int(np.argmin(result.success))
            m, lam, order = (argument[worst] for argument in arguments)
            raise FloatingPointError(
                f"no root found for target {m:g}, reg {lam:g}, depth {int(order)}: "
                f"status {result.status[worst]}"
            )
        # The finder stops 4 units in the last place away; a Newton step inside the bracket mends that.
        w, (m, lam, order) = result.x, arguments
        slope = order * w ** (order - 1) - (order - 2) * lam / w ** (order - 1)
        step = np.divide(excess(w, m, lam, order), slope, out=np.zeros_like(w), where=slope != 0)
        found[inside] = np.where(np.abs(step) < 1e-12 * w, w - step, w)
    return found
