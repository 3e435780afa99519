"""Modes of a problem: singular triples of the target, thresholds and roots of the scalar problem.

Everything that its critical points share, computed once and no earlier than it is needed. All of it is in units that
are powers of two, ``2^u`` for one factor, in which target or weights are of order one: the target has the unit
``2^{uL}``, a weight and an eigenvalue of the Hessian ``2^{u(2L−2)}``. So no scale is special, and where every
argument is scaled by such powers, all later arithmetic sees the same bits.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmfbook._scale import times_power
from dmfbook._validation import Array, real_array
from dmfbook.network.problem import Problem, factorization_target
from dmfbook.regularized.roots import unit_exponent
from dmfbook.regularized.scalar import collapse_threshold, fold_threshold, stationary_values

Indices = NDArray[np.intp]
Roots = NDArray[np.int8]

SMALLER, LARGER = 1, 2  # 0 is inactive

EPSILON = float(np.finfo(float).eps)


class Modes:
    """Modes of a regularized problem, largest singular value first, in units of order one.

    Parameters
    ----------
    problem : Problem
        The objective; all its weights must be positive.

    Attributes
    ----------
    problem : Problem
        The objective.
    unit : int
        Exponent u of the unit of a factor.
    reg : array (L,)
        Weights ``λ_l``.
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
        reg, depth = np.array(problem.reg), problem.depth
        if not reg.all():
            raise ValueError(f"reg must be positive in every layer, got {problem.reg}")
        self.problem = problem
        mean_reg = geometric_mean(reg)
        self.unit = int(unit_exponent(np.abs(target).max(), mean_reg, depth))
        self.reg = times_power(reg, -self.eigenvalue_unit)
        self.mean_reg = float(times_power(mean_reg, -self.eigenvalue_unit))
        self.fold = float(fold_threshold(self.mean_reg, depth))
        self.collapse = float(collapse_threshold(self.mean_reg, depth))
        self.capacity = min(problem.widths)
        self.triples = SingularTriples(times_power(target, -self.target_unit))
        self.values = self.triples.snapped((self.fold, self.collapse))
        # A root finder meets the double root at the fold only to √ε. Depth 2 has none.
        fold_root = (self.mean_reg * (1 - 2 / depth)) ** (1 / (2 * depth - 2))
        self.smaller, self.larger = (
            np.where((self.values == self.fold) & (depth > 2), fold_root, roots)
            for roots in stationary_values(self.values, self.mean_reg, depth)
        )
        # At the fold and at depth 2 the only root counts as the larger.
        self.smaller[self.values == self.fold] = np.nan
        self._lock()

    def _lock(self) -> None:
        for array in (self.reg, self.values, self.smaller, self.larger):
            array.flags.writeable = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock()

    @property
    def target_unit(self) -> int:
        """Exponent ``u L`` of the unit of targets and end-to-end matrices."""
        return self.unit * self.problem.depth

    @property
    def eigenvalue_unit(self) -> int:
        """Exponent ``u (2L − 2)`` of the unit of weights and of eigenvalues of the Hessian."""
        return self.unit * (2 * self.problem.depth - 2)

    @property
    def available(self) -> int:
        """Number of modes that have a root: leading ones."""
        return int(np.count_nonzero(~np.isnan(self.larger)))

    def checked_roots(self, roots: ArrayLike) -> Roots:
        """Return one root for each mode, read-only, or say why there is no such critical point."""
        found = real_array("roots", roots)
        if found.shape != self.values.shape:
            raise ValueError(
                f"roots must have shape {self.values.shape}, one for each mode, got {found.shape}"
            )
        with np.errstate(invalid="ignore"):
            checked = found.astype(np.int8)
        if (checked != found).any() or checked.min() < 0 or checked.max() > LARGER:
            raise ValueError(
                f"roots must be 0 (inactive), 1 (smaller) or 2 (larger), got {roots!r}"
            )
        active = int(np.count_nonzero(checked))
        if active > self.capacity:
            raise ValueError(
                f"roots must have at most {self.capacity} active modes, the narrowest width, "
                f"got {active}"
            )
        values = np.choose(checked, (1.0, self.smaller, self.larger))
        if np.isnan(values).any():
            mode = int(np.argmax(np.isnan(values)))
            name = "smaller" if checked[mode] == SMALLER else "larger"
            raise ValueError(f"roots[{mode}] is {checked[mode]}, but that mode has no {name} root")
        if not values.all():  # the smaller root is about (λ/σ)^{1/(L−2)}
            raise OverflowError("a smaller root is below the range of float64")
        checked.flags.writeable = False
        return checked

    def kept(self, ties: bool) -> int:
        """Count the active modes of a global minimizer, with or without those at the threshold."""
        worthwhile = self.values > self.collapse
        if ties:
            worthwhile |= (self.values == self.collapse) & ~np.isnan(self.larger)
        return min(self.capacity, int(np.count_nonzero(worthwhile)))


def geometric_mean(reg: Array) -> float:
    """Geometric mean of positive numbers of any size; exactly their value if they are equal."""
    mantissas, exponents = np.frexp(reg)
    shift = exponents - exponents[0]
    whole, rest = divmod(int(shift.sum()), len(reg))
    mean = reg[0] * np.exp(np.log(mantissas / mantissas[0]).mean()) * 2 ** (rest / len(reg))
    return float(times_power(mean, whole))


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

    def __getstate__(self) -> Array:
        return self._target

    def __setstate__(self, target: Array) -> None:
        self._target = target

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
