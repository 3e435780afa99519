"""Modes of a problem: singular triples of the target, thresholds and roots of the scalar problem.

Everything that its critical points share, computed once and no earlier than it is needed.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmfbook._validation import Array
from dmfbook.network.problem import Problem, factorization_target
from dmfbook.regularized.scalar import collapse_threshold, fold_threshold, stationary_values

Indices = NDArray[np.intp]

EPSILON = float(np.finfo(float).eps)


class Modes:
    """Modes of a regularized problem, largest singular value first.

    Parameters
    ----------
    problem : Problem
        The objective; all its weights must be positive.

    Attributes
    ----------
    mean_reg : float
        Geometric mean ``λ̄`` of the weights.
    fold, collapse : float
        Thresholds ``m_f`` and ``m_c`` for ``λ̄``.
    capacity : int
        Most modes that can be active, the narrowest width.
    triples : SingularTriples
        Singular triples of the target.
    values : array (min(d_0, d_L),)
        Singular values ``σ_i``, snapped to each other and to the thresholds.
    smaller, larger : array (min(d_0, d_L),)
        Positive roots of ``w^L + λ̄ w^{2−L} = σ_i``; NaN where there is none.

    Raises
    ------
    ValueError, TypeError
        If a weight is zero, or the problem is not one of factorization.
    """

    def __init__(self, problem: Problem) -> None:
        target = factorization_target(problem, "the closed form of critical points")
        reg = np.array(problem.reg)
        if not reg.all():
            raise ValueError(f"reg must be positive in every layer, got {problem.reg}")
        # Relative to the first weight, so that equal weights have exactly their value as mean.
        self.mean_reg = float(reg[0] * np.exp(np.log(reg / reg[0]).mean()))
        self.fold = float(fold_threshold(self.mean_reg, problem.depth))
        self.collapse = float(collapse_threshold(self.mean_reg, problem.depth))
        self.capacity = min(problem.widths)
        self.triples = SingularTriples(target)
        self.values = self.triples.snapped((self.fold, self.collapse))
        self.values.flags.writeable = False
        # A root finder meets the double root at the fold only to √ε. Depth 2 has none.
        fold_root = (self.mean_reg * (1 - 2 / problem.depth)) ** (1 / (2 * problem.depth - 2))
        self.smaller, self.larger = (
            np.where((self.values == self.fold) & (problem.depth > 2), fold_root, roots)
            for roots in stationary_values(self.values, self.mean_reg, problem.depth)
        )

    def kept(self, ties: bool) -> int:
        """Count the active modes of a global minimizer, with or without those at the threshold."""
        worthwhile = self.values > self.collapse
        if ties:
            worthwhile |= (self.values == self.collapse) & ~np.isnan(self.larger)
        return min(self.capacity, int(np.count_nonzero(worthwhile)))


class SingularTriples:
    """Singular values and vectors of a target ``M = Σ σ_i u_i v_iᵀ``, largest value first.

    A target whose entries off the diagonal are exactly zero is read off without a decomposition.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M``.
    """

    def __init__(self, target: Array) -> None:
        self._target = target

    @cached_property
    def values(self) -> Any:
        """All min(d_0, d_L) singular values, descending."""
        if self._is_diagonal:
            return np.abs(np.diagonal(self._target))[self._order]
        return np.linalg.svd(self._target, compute_uv=False)

    def snapped(self, landmarks: tuple[float, ...]) -> Array:
        """Values, made equal to a neighbour or a landmark that they cannot be told apart from.

        Forming a target in floating point and decomposing it moves each value by a small multiple
        of ``(d_0 + d_L) ε ‖M‖₂`` (Weyl's inequality); a value read off a diagonal is good to its
        last places. Afterwards ties and thresholds are decided by exact comparison.
        """
        scale = self.values if self._is_diagonal else sum(self._target.shape) * self.values[0]
        resolution = np.broadcast_to(4 * EPSILON * scale, self.values.shape)
        starts = np.r_[True, self.values[:-1] - self.values[1:] > resolution[:-1]]
        result = self.values[starts][np.cumsum(starts) - 1]
        for landmark in landmarks:
            # Half the landmark: zero is never taken for one.
            result[np.abs(result - landmark) <= np.minimum(resolution, landmark / 2)] = landmark
        return result

    def vectors(self, modes: Indices) -> tuple[Array, Array]:
        """Left (d_L, k) and right (d_0, k) singular vectors of the given k modes."""
        if not self._is_diagonal:
            left, right = self._bases
            return left[:, modes], right[modes].T
        left, right = (np.zeros((side, len(modes))) for side in self._target.shape)
        places, columns = self._order[modes], np.arange(len(modes))
        left[places, columns] = np.where(self._target[places, places] < 0, -1.0, 1.0)
        right[places, columns] = 1.0
        return left, right

    @cached_property
    def _is_diagonal(self) -> bool:
        return np.count_nonzero(np.diagonal(self._target)) == np.count_nonzero(self._target)

    @cached_property
    def _order(self) -> Indices:
        return np.argsort(-np.abs(np.diagonal(self._target)), kind="stable")

    @cached_property
    def _bases(self) -> tuple[Any, Any]:
        left, _, right = np.linalg.svd(self._target, full_matrices=False)
        return left, right
