"""Eigenvalues at the ends of the Hessian's spectrum, with their directions, at any point and for any loss."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from dmfbook._scale import binary_exponent, in_range, normalized, times_power
from dmfbook._validation import Array, integer
from dmfbook.network.factors import unflatten
from dmfbook.network.hessian import hessian
from dmfbook.network.lanczos import Product, RitzPairs, lanczos
from dmfbook.network.operator import hessian_operator
from dmfbook.network.problem import Problem, checked_point

ACCURACY = 1e-10  # residual of an eigenpair, in units of the Hessian's norm
CONVERGED = 1e-11  # residual at which the iteration stops
ASIDE = (
    0.01  # the same for a value that is not wanted, in units of its distance from those that are
)
DENSE = 500  # number of parameters up to which the matrix is decomposed
DENSE_AT_LAST = 3000  # the same where the iteration does not converge
WHICH = ("largest", "smallest", "both")


def leading_eigenpairs(
    problem: Problem, factors: Sequence[ArrayLike], k: int = 1, which: str = "largest"
) -> tuple[Array, list[list[Array]]]:
    """Largest or smallest eigenvalues of the Hessian at any point, with orthonormal eigenvectors.

    Parameters
    ----------
    problem : Problem
        The objective, with any loss.
    factors : sequence of L arrays, shapes (d_l, d_{l-1})
        The point; it need not be critical.
    k : int, from 1
        Number of eigenvalues, repeated ones counted as often as they occur. At most N; N / 2 from both ends.
    which : {"largest", "smallest", "both"}
        The largest eigenvalues, in descending order; the smallest, in ascending order; or k largest, then k smallest.

    Returns
    -------
    values : array (k,), or (2 k,) from both ends
        The eigenvalues.
    directions : list of k or 2 k lists of L arrays, shapes (d_l, d_{l-1})
        Unit eigenvectors in the shapes of the factors, orthogonal to one another. The sign of each, and the basis
        within a repeated eigenvalue, are arbitrary, but the same in every run.

    Raises
    ------
    ValueError, TypeError
        If the factors do not have the problem's shapes or are not finite, `k` is no integer from 1 on or too large, or
        `which` is none of the three words.
    OverflowError
        If the Hessian or an eigenvalue is beyond the range of float64.
    FloatingPointError
        If the iteration does not converge; the message says how far it came.

    Notes
    -----
    Each pair has a residual ``‖H v − θ v‖`` of at most 1e-10 times the largest modulus of an eigenvalue. So an
    eigenvalue is as near to θ; it is far nearer where the others are not. Up to 500 parameters the dense Hessian is
    decomposed. Beyond, the Lanczos method takes some tens to thousands of products of :func:`hessian_operator`, more the
    closer the eigenvalues, and memory for some 30 to 150 vectors. Since it sees one direction of each eigenspace only, it
    is started again beside what it has found, until nothing turns out to be missing. At a zero-loss point without weight
    decay :func:`sharpest_direction` finds the largest eigenvalue sooner.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> problem, factors = dmf.Problem([[1.0]], (1,)), [[[2.0]], [[2.0]]]
    >>> values, directions = dmf.leading_eigenpairs(problem, factors, which="both")
    >>> values.round(12), [abs(move).round(3).tolist() for move in directions[0]]
    (array([22., -6.]), [[[0.707]], [[0.707]]])
    """
    checked = checked_point(problem, factors)
    count, size = integer("k", k, 1), problem.size
    if which not in WHICH:
        raise ValueError(f"which must be 'largest', 'smallest' or 'both', got {which!r}")
    low, high = count * (which != "largest"), count * (which != "smallest")
    if low + high > size:
        raise ValueError(
            f"k must be at most {size * count // (low + high)} for {size} parameters and "
            f"which={which!r}, got {count}"
        )
    values, vectors = _ends(problem, checked, low, high)
    in_range("an eigenvalue of the Hessian", values)
    order = [*range(low, low + high)[::-1], *range(low)]
    vectors *= np.sign(vectors[range(len(vectors)), np.abs(vectors).argmax(axis=1)])[:, None]
    return values[order], [unflatten(vectors[i], problem.widths) for i in order]


def _ends(problem: Problem, factors: list[Array], low: int, high: int) -> tuple[Array, Array]:
    """Smallest and largest eigenvalues, ascending, and eigenvectors, one a row, by the method that suits the size."""
    if problem.size > max(DENSE, 4 * (low + high)):
        try:
            return _iterated(hessian_operator(problem, factors), low, high)
        except FloatingPointError:
            if problem.size > DENSE_AT_LAST:
                raise
    return _decomposed(hessian(problem, factors), low, high)


def _decomposed(matrix: Array, low: int, high: int) -> tuple[Array, Array]:
    """The same of a matrix."""
    scaled, exponent = normalized(matrix)
    values, vectors = np.linalg.eigh(scaled)
    ends = np.r_[:low, len(values) - high : len(values)]
    return times_power(values[ends], exponent), vectors[:, ends].T


def _iterated(operator: LinearOperator, low: int, high: int) -> tuple[Array, Array]:
    """The same of an operator, by Lanczos' method."""
    size, rng = operator.shape[0], np.random.default_rng(0)
    image = operator @ rng.standard_normal(size)
    if not image.any():
        return np.zeros(low + high), np.eye(low + high, size)
    exponent = min(max(binary_exponent(image), -1000), 1000)

    def apply(vectors: Array) -> Array:
        return 2.0**-exponent * (operator @ vectors)

    pairs = lanczos(apply, np.empty((0, size)), low, high, _converged, rng)
    # A search sees one direction of each eigenspace only; the next ones look beside it for what is missing.
    while True:
        settled = partial(_settled, kept=pairs.values, low=low)
        rest = lanczos(apply, pairs.vectors, min(low, 1), min(high, 1), settled, rng, pairs.norm)
        if (_lags(rest.values, pairs.values, low) >= -ACCURACY * pairs.norm).all():
            break
        pairs = _best(apply, np.vstack([pairs.vectors, rest.vectors]), low, high, pairs.norm)
    misfits = apply(pairs.vectors.T) - pairs.vectors.T * pairs.values
    residual = np.linalg.norm(misfits, axis=0).max() / pairs.norm
    if not residual <= ACCURACY:
        raise FloatingPointError(
            f"no convergence to {low + high} eigenpairs: a residual of {residual:.1e} of the "
            f"Hessian's norm is left, not {ACCURACY:.0e}"
        )
    return times_power(pairs.values, exponent), pairs.vectors


def _converged(values: Array, residuals: Array, norm: float) -> bool:
    return bool((residuals <= CONVERGED * norm).all())


def _settled(values: Array, residuals: Array, norm: float, kept: Array, low: int) -> bool:
    """Whether values beside those that are kept have converged, or clearly lie behind them."""
    return bool((residuals <= np.maximum(CONVERGED * norm, ASIDE * _lags(values, kept, low))).all())


def _lags(values: Array, kept: Array, low: int) -> Array:
    """How far the first of some values lies behind the `low` smallest that are kept, the last behind the others."""
    lags = []
    if low:
        lags.append(values[0] - kept[low - 1])
    if low < len(kept):
        lags.append(kept[low] - values[-1])
    return np.array(lags)


def _best(apply: Product, rows: Array, low: int, high: int, norm: float) -> RitzPairs:
    """Ritz pairs at the ends, in the span of some rows."""
    basis = np.linalg.qr(rows.T)[0]
    values, turn = np.linalg.eigh(basis.T @ apply(basis))
    ends = np.r_[:low, len(values) - high : len(values)]
    return RitzPairs(values[ends], (basis @ turn[:, ends]).T, norm)
