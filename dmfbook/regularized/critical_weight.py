"""The weight at which zero becomes a global minimizer, and what goes last, for a matrix and for a network on data."""

from __future__ import annotations

import heapq

import numpy as np
from scipy.optimize import brentq

from dmfbook._scale import normalized, times_power
from dmfbook._validation import Array
from dmfbook.network.losses.factorization import Factorization
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem, checked_problem
from dmfbook.regularized.modes import SingularTriples
from dmfbook.regularized.scalar import critical_reg

EPSILON = float(np.finfo(float).eps)
# Each evaluation squares the gap of an interval, so that some tens are enough.
MOST_EVALUATIONS = 1_000
# Half the width, on a logarithmic scale, of where the best t is looked for: values equal to rounding leave √ε of it.
RESOLUTION = 1e-5


def critical_reg_of(problem: Problem) -> float:
    """Weight at and above which zero is a global minimizer of a problem.

    It is compared with the geometric mean ``λ̄`` of the weights of the layers; those that the problem has, and its
    hidden widths, play no part: the end-to-end matrix that survives longest has rank one.

    Parameters
    ----------
    problem : Problem
        A problem of factorization or of regression.

    Returns
    -------
    float
        ``λ_c``. For a target M it is :func:`critical_reg` of ``‖M‖₂``; for data with moments ``S = Q Qᵀ`` and C it is
        ``κ_L max_v ‖C v‖^{2−2/L} ‖Qᵀ v‖^{4/L−2}`` over unit vectors v, with ``κ_L = (L−2)^{1−2/L} (L−1)^{2/L−2}``;
        at depth 2 ``‖C‖₂``. Infinite beyond the range of float64.

    Raises
    ------
    TypeError
        If the problem is one of neither kind.
    FloatingPointError
        If rounding keeps the bounds of the maximum apart.

    Notes
    -----
    With ``a = (L−2)/(L−1)`` and ``b = 1 − a`` the maximum is one over t > 0 of ``t^a λ_max(CᵀC, a t S + b I)``, by the
    inequality of the arithmetic and geometric means. One over that eigenvalue is concave in t, so its chords bound
    the maximum from above and its values from below: the search halts when both agree to some
    ``(d_0 + d_L) ε``, which certifies that no other maximum is larger. Some tens of spectral norms of matrices of the
    size of the end-to-end matrix.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.critical_reg_of(dmf.Problem([[3.0, 0.0], [0.0, 2.0]], (2,)))
    3.0
    >>> data = dmf.Regression(inputs=[[1.0, 1.0], [0.0, 2.0]], outputs=[[1.0, 3.0]])
    >>> round(dmf.critical_reg_of(dmf.Problem(data, (2, 2))), 6)
    3.185785
    """
    loss, depth = checked_problem(problem).end_to_end_loss, problem.depth
    if isinstance(loss, Factorization):
        target, exponent = normalized(loss.target)
        largest = SingularTriples(target).values[0]
        return _in_units(float(critical_reg(largest, depth)), depth, 0, exponent)
    if not isinstance(loss, Regression):
        raise TypeError(
            f"critical_reg_of needs a problem of factorization or regression, got one with {loss!r}"
        )
    roots, target, exponents = loss.whitened_parts()
    if not target.any():
        return 0.0
    strength, _ = _greatest_strength(roots, target, depth)
    portion = (depth - 2) / (depth - 1)
    value = portion ** (1 - 2 / depth) / (depth - 1) * strength ** ((depth - 1) / depth)
    return _in_units(float(value), depth, *exponents)


def critical_direction_of(problem: Problem) -> Array:
    """Direction of the inputs that a network sees longest while its weight decay grows.

    Just below :func:`critical_reg_of` the global minimizers have the end-to-end matrix ``s u vᵀ`` with this v, and u
    along ``C v``.

    Parameters
    ----------
    problem : Problem
        A problem of factorization or of regression; its weights and hidden widths play no part.

    Returns
    -------
    array (d_0,)
        The unit vector v that attains the maximum of :func:`critical_reg_of`; for a target its leading right singular
        vector. Its largest entry is positive. Where several directions attain the maximum it is one of them.

    Raises
    ------
    TypeError
        If the problem is one of neither kind.
    ValueError
        If the outputs are uncorrelated with the inputs, or the target is zero: no direction is seen then.
    FloatingPointError
        If rounding keeps the bounds of the maximum apart.

    Notes
    -----
    A singular vector: its error is ``ε`` over the relative gap between the two largest singular values, of a matrix
    whose weight t solves ``t ‖Qᵀv‖² = 1``. The cost is that of :func:`critical_reg_of`.

    Examples
    --------
    Strong inputs that explain little of the outputs win at depth 2, weak ones that explain more at depth 8.

    >>> import dmfbook as dmf
    >>> data = dmf.Regression(inputs=[[4.0, 0.0], [0.0, 0.25]], outputs=[[1.0, 0.0], [0.0, 3.0]])
    >>> dmf.critical_direction_of(dmf.Problem(data, (2,)))
    array([1., 0.])
    >>> dmf.critical_direction_of(dmf.Problem(data, (2,) * 7))
    array([0., 1.])
    """
    loss, depth = checked_problem(problem).end_to_end_loss, problem.depth
    if isinstance(loss, Factorization):
        directions, target = np.eye(loss.shape[1]), normalized(loss.target)[0]
        roots = np.ones(loss.shape[1])
    elif isinstance(loss, Regression):
        directions = loss.input_directions
        roots, target, _ = loss.whitened_parts()
    else:
        raise TypeError(
            "critical_direction_of needs a problem of factorization or regression, got one with "
            f"{loss!r}"
        )
    if not target.any():
        raise ValueError("outputs must be correlated with inputs, got a cross moment of zero")
    found = directions @ strongest_direction(roots, target, depth)
    return np.asarray(found * np.sign(found[np.argmax(np.abs(found))]))


def _in_units(value: float, depth: int, of_inputs: int, of_target: int) -> float:
    """A weight for inputs and whitened targets in units of ``2^p`` and ``2^q``: ``value · 2^{(2p + (2L−2)q)/L}``."""
    whole, rest = divmod(2 * of_inputs + (2 * depth - 2) * of_target, depth)
    return float(times_power(value * 2 ** (rest / depth), whole))


def strongest_direction(roots: Array, target: Array, depth: int) -> Array:
    """The v that attains the greatest strength, in the axes of the roots."""
    _, best = _greatest_strength(roots, target, depth)

    def excess(log_t: float) -> float:
        """Derivative by ``log t`` of the logarithm of what is maximized, up to a positive factor."""
        v = _leading_direction(roots, target, depth, np.exp(log_t))
        return float(log_t + 2 * np.log(np.linalg.norm(roots * v)))

    # The maximum is as flat as any, and says less about t than the root of its derivative.
    low, high = np.log(best) + RESOLUTION * np.array([-1, 1])
    if excess(low) < 0 < excess(high):
        best = float(np.exp(brentq(excess, low, high, xtol=4 * EPSILON)))
    return _leading_direction(roots, target, depth, best)


def _leading_direction(roots: Array, target: Array, depth: int, t: float) -> Array:
    """Unit vector of the largest eigenvalue of the pencil ``(Cᵀ C, a t S + b I)``."""
    pencil = _pencil(roots, depth, t)
    _, _, right = np.linalg.svd(target * (roots / pencil), full_matrices=False)
    return np.asarray(right[0] / pencil / np.linalg.norm(right[0] / pencil))


def _pencil(roots: Array, depth: int, t: float) -> Array:
    """Square roots of the diagonal matrix ``a t S + b I``, with ``a = (L−2)/(L−1)`` and ``b = 1/(L−1)``."""
    return np.asarray(np.sqrt(((depth - 2) * t * roots**2 + 1) / (depth - 1)))


def _greatest_strength(roots: Array, target: Array, depth: int) -> tuple[float, float]:
    """``max_t t^a λ_max(Cᵀ C, a t S + b I)`` for ``S = diag(roots²)``, ``C = target · diag(roots)``; and the t.

    The optimal t is ``‖v‖² / ‖Qᵀv‖²`` of the optimal v, between the inverse squares of the roots.
    """
    a, b = (depth - 2) / (depth - 1), 1 / (depth - 1)

    def inverse(t: float) -> float:
        pencil = _pencil(roots, depth, t)
        return float(1 / np.linalg.norm(target * (roots / pencil), 2) ** 2)

    def interval(
        start: tuple[float, float], end: tuple[float, float]
    ) -> tuple[float, float, tuple[float, float], tuple[float, float]]:
        """A lower bound of ``inverse(t) / t^a``, where it is attained by the chord, and the ends."""
        (t0, u0), (t1, u1) = start, end
        slope = (u1 - u0) / (t1 - t0)
        level = u0 - slope * t0
        # The chord over t^a is least where a · (level + slope t) = slope t.
        t = float(np.clip(a * level / (b * slope), t0, t1)) if slope > 0 else t1
        return (u0 + slope * (t - t0)) / t**a, t, start, end

    ends = [(t, inverse(t)) for t in sorted({float(roots[0] ** -2.0), float(roots[-1] ** -2.0)})]
    best, place = min((u / t**a, t) for t, u in ends)
    queue = [interval(*ends)] if len(ends) == 2 else []
    tolerance = 8 * EPSILON * sum(target.shape)
    for _ in range(MOST_EVALUATIONS):
        if not queue or queue[0][0] >= best * (1 - tolerance):
            return 1 / best, place
        _, t, start, end = heapq.heappop(queue)
        middle = t, inverse(t)
        best, place = min((best, place), (middle[1] / t**a, t))
        heapq.heappush(queue, interval(start, middle))
        heapq.heappush(queue, interval(middle, end))
    raise FloatingPointError(f"bounds of the maximum are apart: {queue[0][0]:g} and {best:g}")
