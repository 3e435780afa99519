"""How far a sensing operator is from an isometry on matrices of low rank, estimated from below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dmfbook._scale import binary_exponent, times_power
from dmfbook._validation import Array, generator, integer
from dmfbook.sensing.checks import checked_operator
from dmfbook.sensing.operator import SensingOperator

# A half step that gains less than this, relatively, ends a search.
LEAST_GAIN = 1e-10
MOST_HALF_STEPS = 400


@dataclass(frozen=True)
class IsometryEstimate:
    """The extreme values of ``‖𝒜(Z)‖² / ‖Z‖_F²`` that a search found among matrices of a given rank.

    Both are attained, so the true range is at least as wide, and `delta` bounds the restricted
    isometry constant from below. It proves that a constant is large, never that one is small.

    Attributes
    ----------
    rank : int
        Largest rank of the matrices Z.
    smallest, largest : float
        Least and greatest ratio found; both are 1 for an isometry. Infinite where a ratio is beyond the range of
        float64.
    """

    rank: int
    smallest: float
    largest: float

    @property
    def delta(self) -> float:
        """Lower bound on the restricted isometry constant, ``max(largest − 1, 1 − smallest)``."""
        return max(self.largest - 1, 1 - self.smallest)


def isometry_lower_bound(
    operator: SensingOperator, rank: int, rng: np.random.Generator, starts: int = 8
) -> IsometryEstimate:
    """Bound the restricted isometry constant of an operator from below, by local search.

    Parameters
    ----------
    operator : SensingOperator
        The operator ``𝒜``.
    rank : int, from 1 to min(d_L, d_0)
        Rank r of the matrices that the constant is about.
    rng : numpy.random.Generator
        Source of the random starts.
    starts : int, >= 1
        Number of random starts for each of the two extremes.

    Returns
    -------
    IsometryEstimate
        The widest range of ``‖𝒜(Z)‖² / ‖Z‖_F²`` found.

    Raises
    ------
    ValueError, TypeError
        If the operator or the generator is none, or `rank` or `starts` is not an integer in its range.

    Notes
    -----
    ``Z = U Vᵀ``: with V orthonormal the best U is an extreme eigenvector of a matrix of side
    ``d_L r``, and the other way round, so each half step is solved exactly and none makes the ratio
    worse. A half step takes ``O(n (d r)² + (d r)³)`` flops for n dense measurements of matrices with sides d,
    ``O(n r² + (d r)³)`` for entries, and memory for ``(d r)²`` numbers, ``n d r`` if dense.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> rng = np.random.default_rng(0)
    >>> full = dmf.entry_sampling((3, 2), 6, rng)
    >>> round(dmf.isometry_lower_bound(full, 1, rng).delta, 12)
    0.0
    """
    operator = checked_operator(operator)
    source = generator("rng", rng)
    rank = integer("rank", rank, 1)
    starts = integer("starts", starts, 1)
    rows, cols = operator.matrix_shape
    if rank > min(rows, cols):
        raise ValueError(f"rank must be at most {min(rows, cols)}, the smaller side, got {rank}")
    bases = [np.linalg.qr(source.normal(size=(cols, rank)))[0] for _ in range(starts)]
    # How large measurements are; the bases carry the inverse, so that no square overflows.
    exponent = binary_exponent(operator.measure(np.ones((rows, rank)) @ bases[0].T))
    smallest, largest = (
        [_search(operator, basis, exponent, place) for basis in bases] for place in (0, -1)
    )
    low, high = times_power([min(smallest), max(largest)], 2 * exponent)
    return IsometryEstimate(rank, float(low), float(high))


def _search(operator: SensingOperator, basis: Array, exponent: int, place: int) -> float:
    """Alternate between both sides from a right basis, to the smallest (place 0) or largest (−1) ratio.

    The ratio ``‖𝒜(Z)‖² / ‖Z‖_F²`` is divided by ``4**exponent``.
    """
    ratio = np.nan
    rows, cols = operator.matrix_shape
    sides = [(operator._right_gram, rows), (operator._left_gram, cols)]
    for half in range(MOST_HALF_STEPS):
        gram, side = sides[half % 2]
        values, vectors = np.linalg.eigh(gram(np.ldexp(basis, -exponent)))
        # Rounding may leave a tiny negative number where the operator has a kernel.
        previous, ratio = ratio, max(float(values[place]), 0.0)
        basis = np.linalg.qr(vectors[:, place].reshape(side, -1))[0]
        if abs(ratio - previous) <= LEAST_GAIN * ratio:
            break
    return ratio
