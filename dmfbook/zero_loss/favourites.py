"""The factorization that a measure of flatness prefers: a convex problem in the values of the layers.

Layers of a best factorization share the singular bases of the target. With ``x_{l,i} = log w_{l,i}²`` the logarithm of
each eigenvalue is that of a sum of exponentials of linear functions of x, and ``Σ_l x_{l,i} = log σ_i²``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve

from dmfbook._scale import times_power
from dmfbook._validation import Array, generator, matrix
from dmfbook.network.frames import orthonormal_frame
from dmfbook.zero_loss.measures import NoiseMeasure, PowerMeasure
from dmfbook.zero_loss.modes import hidden_widths_above, in_bases, modes_of

STEPS = 500
QUADRATIC = 1e-5  # size of a Newton step from which on the next ones are far smaller
EPS = float(np.finfo(float).eps)


def favourite_factors(
    target: ArrayLike,
    hidden_widths: Sequence[int],
    measure: PowerMeasure | NoiseMeasure,
    rng: np.random.Generator | None = None,
) -> list[Array]:
    """Factors of the target at which a measure of flatness is least.

    They are unique up to orthogonal changes of the hidden bases, if the target has full rank or no hidden width is
    above its rank; further hidden units stay idle.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M``.
    hidden_widths : sequence of L - 1 >= 1 ints, at least the rank of the target
        ``(d_1, …, d_{L-1})``; their number sets the depth.
    measure : PowerMeasure or NoiseMeasure
        What is to be least.
    rng : numpy.random.Generator, optional
        With a generator, the bases of the hidden layers are random; without, coordinate axes.

    Returns
    -------
    list of L arrays, shapes (d_l, d_{l-1})
        Factors with product `target`; all zero for a zero target.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix, a width is below its rank, the measure is none of these or has no
        minimizer, or `rng` is neither None nor a generator. The determinant (order 0) has a minimizer if and only if
        ``(L−1)(d_L − r) < d_0`` and ``(L−1)(d_0 − r) < d_L`` for rank r; the noise measure for a step below
        ``1 / (L σ_1^{2−2/L})``.
    ArithmeticError
        If Newton's method does not settle, as for ill-conditioned targets and steps just below the longest.
    OverflowError
        If a factor is beyond the range of float64.

    Notes
    -----
    Newton's method for ``(L−1) r`` unknowns, some ten steps of ``O(L³ r⁴)`` flops.

    Examples
    --------
    The trace makes the inner layer flat, the determinant does not.

    >>> import dmfbook as dmf
    >>> for order in (0, 1):
    ...     factors = dmf.favourite_factors(np.diag([4.0, 1.0]), (2, 2), dmf.PowerMeasure(order))
    ...     print(np.diag(factors[1]).round(4))
    [1.2467 1.203 ]
    [1.3572 1.3572]
    """
    checked = matrix("target", target)
    random = None if rng is None else generator("rng", rng)
    modes = modes_of(checked)
    hidden = hidden_widths_above(hidden_widths, modes.rank)
    depth = len(hidden) + 1
    root, exponent = modes.leading_root(depth)
    power = 2 * depth - 2
    if isinstance(measure, NoiseMeasure) and modes.rank:
        with np.errstate(over="ignore"):
            share = float(times_power(measure.step * root**power, exponent * power))
        if not share * depth < 1:
            raise ValueError(
                f"step must be below 1 / (L σ_1^(2−2/L)), or no factorization bears it, got {measure.step:g}"
            )
        scaled: PowerMeasure | NoiseMeasure = NoiseMeasure(share)
    elif isinstance(measure, (PowerMeasure, NoiseMeasure)):
        scaled = measure
    else:
        raise TypeError(f"measure must be a PowerMeasure or a NoiseMeasure, got {measure!r}")
    missing = [side - modes.rank for side in checked.shape]
    if isinstance(measure, PowerMeasure) and measure.order == 0 and modes.rank:
        _check_attained(depth, checked.shape, missing)
    values = root * _least_values(modes.ratios, depth, (missing[0], missing[1]), scaled)
    bases = [orthonormal_frame(width, modes.rank, random) for width in hidden]
    cores = [
        values[0][:, None] * modes.right.T,
        *map(np.diag, values[1:-1]),
        modes.left * values[-1],
    ]
    return in_bases(cores, bases, exponent)


def _check_attained(depth: int, shape: Sequence[int], missing: Sequence[int]) -> None:
    for side, other in ((0, 1), (1, 0)):
        if not (depth - 1) * missing[side] < shape[other]:
            raise ValueError(
                "the determinant has no least value over factorizations unless (L−1)(d_L − r) < d_0 and "
                f"(L−1)(d_0 − r) < d_L, got L = {depth}, d_L = {shape[0]}, d_0 = {shape[1]}, "
                f"r = {shape[0] - missing[0]}"
            )


@dataclass(frozen=True)
class _Eigenvalues:
    """Eigenvalues of the Hessian where layers share the bases of the target.

    Parameters
    ----------
    powers : array (q, L, L·r)
        Each eigenvalue is ``2 Σ_k exp(powers[q, k] · x)``, divided by `terms` where all terms are equal.
    counts : array (q,)
        How often it is one.
    terms : array (q,)
        1, or L.
    """

    powers: Array
    counts: Array
    terms: Array


def _eigenvalues(rank: int, depth: int, missing: tuple[int, int]) -> _Eigenvalues:
    powers, counts, terms = [], [], []
    layers = np.arange(depth)
    above = (layers > layers[:, None]).astype(float)  # of term l, the layers after it
    for i in range(rank):
        for j in range(rank):
            power = np.zeros((depth, depth, rank))
            power[:, :, i] += above
            power[:, :, j] += above.T
            powers.append(power)
            counts.append(1)
            terms.append(1)
        for count, free in ((missing[0], depth - 1), (missing[1], 0)):
            power = np.zeros((depth, depth, rank))
            power[:, layers != free, i] = 1
            powers.append(power)
            counts.append(count)
            terms.append(depth)
    stacked = np.array(powers).reshape(len(counts), depth, depth * rank)
    return _Eigenvalues(stacked, np.array(counts, float), np.array(terms, float))


def _least_values(
    ratios: Array, depth: int, missing: tuple[int, int], measure: PowerMeasure | NoiseMeasure
) -> Array:
    """Values of the layers (L, r) at which the measure is least, by Newton's method with halved steps."""
    rank = len(ratios)
    table = _eigenvalues(rank, depth, missing) if rank else None
    point = np.tile(2 * np.log(ratios) / depth, (depth, 1)).ravel()
    if table is None:
        return np.zeros((depth, 0))
    # The last layer takes what the others leave.
    basis = np.vstack([np.eye((depth - 1) * rank), -np.tile(np.eye(rank), depth - 1)])
    value, slope, bend = _expansion(table, measure, point)
    before = np.inf
    for _ in range(STEPS):
        move = -cho_solve(cho_factor(basis.T @ bend @ basis), basis.T @ slope)
        size, rate, length = float(np.abs(move).max()), float(basis.T @ slope @ move), 1.0
        # Where values cannot tell any more, the full step only removes rounding.
        full = size < QUADRATIC or -rate < 64 * EPS * abs(value)
        while True:
            there = point + length * (basis @ move)
            expansion = _expansion(table, measure, there)
            if full or expansion[0] <= value + 1e-4 * length * rate:
                break
            length /= 2
            if length < 1e-12:
                raise ArithmeticError(
                    "Newton's method found no descent: the order may be too large"
                )
        point, (value, slope, bend) = there, expansion
        if before / 4 <= size < QUADRATIC:
            return np.exp(point / 2).reshape(depth, rank)
        before = size
    raise ArithmeticError(f"Newton's method did not settle in {STEPS} steps")


def _expansion(
    table: _Eigenvalues, measure: PowerMeasure | NoiseMeasure, point: Array
) -> tuple[float, Array, Array]:
    """The measure and its first two derivatives by x."""
    logs = table.powers @ point
    top = logs.max(axis=1)
    parts = np.exp(logs - top[:, None])
    total = parts.sum(axis=1)
    parts /= total[:, None]
    with np.errstate(over="ignore"):
        value, slope, bend = measure.at(np.log(2 * total / table.terms) + top)
    first = np.einsum("qk,qkn->qn", parts, table.powers)
    weights = table.counts * slope
    second = np.einsum(
        "q,qk,qkn,qkm->nm", weights, parts, table.powers, table.powers, optimize=True
    )
    second += (first.T * (table.counts * (bend - slope))) @ first
    return float(table.counts @ value), weights @ first, second
