"""The scalar problem ``min_w (m − w^L)² + λ L w²``: roots, thresholds and the global minimizer.

With ``s = w^L`` it is ``min_s (m − s)² + λ L s^{2/L}``. Positive stationary points solve
``w^L + λ w^{2−L} = m``. In a unit ``2^k`` of w the target has the unit ``2^{kL}`` and the weight ``2^{k(2L−2)}``:
every function takes a unit out in which its arguments are of order one, and puts it back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import times_power
from dmfbook._validation import depths, nonnegative
from dmfbook.regularized.roots import (
    LOWEST_EXPONENT,
    collapse,
    fold,
    in_units,
    larger_root,
    limit_root,
    root_of,
    smaller_root,
    unit_exponent,
)


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
    unit = unit_exponent(0.0, reg, depth)
    _, threshold = fold(times_power(reg, -unit * (2 * depth - 2)), depth)
    return times_power(threshold, unit * depth)[()]


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
    unit = unit_exponent(0.0, reg, depth)
    lam = times_power(reg, -unit * (2 * depth - 2))
    return times_power(collapse(lam, depth), unit * depth)[()]


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
        ``λ_c = m^{2−2/L} (L−2)^{1−2/L} (L−1)^{−(2−2/L)}``, broadcast over `target` and `depth`;
        infinite where that is beyond the range of float64.

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
    unit = unit_exponent(target, 0.0, depth)
    # λ_c = (m − s_c) s_c^{1−2/L} with s_c = m (L−2)/(L−1)
    value = times_power(target, -unit * depth) / (depth - 1)
    jump = value * np.maximum(depth - 2, 1)
    root = np.where(target > 0, root_of(jump, depth), 1.0)
    with np.errstate(over="ignore"):
        weight = (value / root) * (jump / root)
    weight = times_power(weight, unit * (2 * depth - 2))
    return np.where(depth == 2, target, weight)[()]


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
        Values ``w`` of one factor (the end-to-end value is ``w^L``), broadcast over the arguments;
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
    unit = unit_exponent(target, 0.0, depth)
    root = times_power(root_of(times_power(target, -unit * depth), depth), unit)
    larger = np.where((reg == 0) & (target > 0), root, np.nan)
    shallow = (depth == 2) & (target > reg)
    larger[shallow] = np.sqrt(target[shallow] - reg[shallow])
    deep = (depth > 2) & (reg > 0) & (target >= fold_threshold(reg, depth))
    if deep.any():
        equation, unit = in_units(target[deep], reg[deep], depth[deep])
        larger[deep] = times_power(larger_root(*equation), unit)
        roots = limit_root(target[deep], reg[deep], depth[deep])
        m, lam, order = equation
        in_reach = lam > times_power(m, LOWEST_EXPONENT)
        if in_reach.any():
            found = smaller_root(m[in_reach], lam[in_reach], order[in_reach])
            roots[in_reach] = times_power(found, unit[in_reach])
        smaller[deep] = roots
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
        (m, lam, order), unit = in_units(target[active], reg[active], depth[active])
        value = larger_root(m, lam, order)
        # s = m − λ w^{2−L} instead of w^L, which would multiply the error of w by L.
        shrunk[active] = times_power(m - lam / value ** (order - 2.0), unit * order)
    return shrunk[()]
