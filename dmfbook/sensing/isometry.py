"""How far a sensing operator is from an isometry on matrices of low rank, estimated from below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dmfbook._validation import Array, integer
from dmfbook.sensing.operator import SensingOperator

# A half step that gains less than this, relatively, ends a search.
LEAST_GAIN = 1e-10
MOST_SWEEPS = 200


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
        Least and greatest ratio found; both are 1 for an isometry.
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
        If `rank` or `starts` is not an integer in its range.

    Notes
    -----
    ``Z = U Vᵀ``: with V orthonormal the best U is an extreme eigenvector of a matrix of side
    ``d_L r``, and the other way round, so each half step is solved exactly and none makes the ratio
    worse. A half step takes ``O(n (d r)² + (d r)³)`` flops for sides d, and memory for ``n d r``
    numbers.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> rng = np.random.default_rng(0)
    >>> full = dmf.entry_sampling((3, 2), 6, rng)
    >>> round(dmf.isometry_lower_bound(full, 1, rng).delta, 12)
    0.0
    """
    rank = integer("rank", rank, 1)
    starts = integer("starts", starts, 1)
    if rank > min(operator.matrix_shape):
        raise ValueError(
            f"rank must be at most {min(operator.matrix_shape)}, the smaller side, got {rank}"
        )
    bases = [
        np.linalg.qr(rng.normal(size=(operator.matrix_shape[1], rank)))[0] for _ in range(starts)
    ]
    return IsometryEstimate(
        rank,
        smallest=min(_search(operator, basis, -1) for basis in bases),
        largest=max(_search(operator, basis, +1) for basis in bases),
    )


def _search(operator: SensingOperator, basis: Array, sign: int) -> float:
    """Alternate between both sides from a right basis, upwards (+1) or downwards (−1)."""
    ratio = -sign * np.inf
    sides: list[Callable[[Array], Array]] = [operator._right_slices, operator._left_slices]
    for half in range(2 * MOST_SWEEPS):
        slices = sides[half % 2](basis)
        previous, (ratio, other) = ratio, _extreme(slices, sign)
        basis = np.linalg.qr(other)[0]
        if half > 1 and abs(ratio - previous) <= LEAST_GAIN * abs(ratio):
            break
    return ratio


def _extreme(slices: Array, sign: int) -> tuple[float, Array]:
    """Extreme value of ``Σ_k ⟨S_k V, U⟩²`` over unit U, and U, for slices ``S_k V`` (n, d, r)."""
    flat = slices.reshape(len(slices), -1)
    values, vectors = np.linalg.eigh(flat.T @ flat)
    place = -1 if sign > 0 else 0
    # Rounding may leave a tiny negative number where the operator has a kernel.
    return max(float(values[place]), 0.0), vectors[:, place].reshape(slices.shape[1:])
