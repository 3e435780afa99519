"""A critical point of the regularized problem, up to changes of basis of the hidden layers.

At a critical point all layers share singular bases with the target and each other, and mode i has
the value ``w_{l,i} = √(λ̄/λ_l) w_i`` in layer l, where ``λ̄`` is the geometric mean of the weights and
``w_i`` is zero or a root of ``w^L + λ̄ w^{2−L} = σ_i``. Critical points with the same end-to-end
matrix differ only by orthogonal changes of basis of the hidden layers: they form one orbit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dmfbook._scale import times_power
from dmfbook._validation import Array
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.problem import Problem
from dmfbook.regularized import rates
from dmfbook.regularized.modes import LARGER, Modes, Roots


@dataclass(frozen=True, eq=False, repr=False)
class CriticalPoint:
    """An orbit of critical points: one end-to-end matrix, and factors up to a change of basis.

    Made by :func:`dmfbook.global_minimizer`, :func:`dmfbook.critical_points` and others. What does not depend
    on the member of the orbit needs no factors: loss, layer values, kind, index, nullity, trace. Points compare by
    identity.

    Attributes
    ----------
    problem : Problem
        The objective.
    roots : array of ints (min(d_0, d_L),)
        For each mode of the target 0 if it is inactive, 1 if it takes the smaller root, 2 if it
        takes the larger; at the fold and for depth 2 the only root counts as the larger.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> point = dmf.global_minimizer(dmf.Problem([[2.0]], (1, 1), reg=0.5))
    >>> point
    CriticalPoint(rank 1 of 1, global minimizer, loss 2.21, L = 3)
    >>> point.rank, point.kind, point.morse_index, point.nullity
    (1, 'global minimizer', 0, 0)
    """

    problem: Problem
    roots: Roots
    # Shared by all points of a problem; in units of their own.
    _modes: Modes = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        modes = self._modes
        # Another problem may have come in by dataclasses.replace.
        if modes is None or modes.problem is not self.problem:
            modes = Modes(self.problem)
        object.__setattr__(self, "_modes", modes)
        object.__setattr__(self, "roots", modes.checked_roots(self.roots))

    def __reduce__(self) -> tuple[Any, ...]:
        return CriticalPoint, (self.problem, self.roots, self._modes)

    def __repr__(self) -> str:
        return (
            f"CriticalPoint(rank {self.rank} of {len(self.roots)}, {self.kind}, "
            f"loss {self.loss:.3g}, L = {self.problem.depth})"
        )

    @property
    def target_values(self) -> Array:
        """Singular values ``σ_i`` of the target, descending; array (min(d_0, d_L),)."""
        return _read_only(times_power(self._modes.values, self._modes.target_unit))

    @cached_property
    def _values(self) -> Array:
        """Values ``w_i`` in units of the modes."""
        modes = self._modes
        return _read_only(np.choose(self.roots, [0.0, modes.smaller, modes.larger]))

    @property
    def mode_values(self) -> Array:
        """Values ``w_i = s_i^{1/L}``, zero for inactive modes; array (min(d_0, d_L),)."""
        return _read_only(times_power(self._values, self._modes.unit))

    @property
    def end_to_end_values(self) -> Array:
        """Singular values ``s_i`` of the end-to-end matrix by mode; array (min(d_0, d_L),)."""
        return times_power(self._values**self.problem.depth, self._modes.target_unit)

    @property
    def mean_reg(self) -> float:
        """Geometric mean ``λ̄`` of the weights."""
        return float(times_power(self._modes.mean_reg, self._modes.eigenvalue_unit))

    @property
    def has_equal_weights(self) -> bool:
        """Whether all layers have the same weight."""
        return len(set(self.problem.reg)) == 1

    @property
    def layer_values(self) -> Array:
        """Singular values ``w_{l,i} = √(λ̄/λ_l) w_i`` of the layers; array (L, min(d_0, d_L))."""
        return times_power(self._layer_values, self._modes.unit)

    @property
    def _layer_values(self) -> Array:
        return np.sqrt(self._modes.mean_reg / self._modes.reg)[:, None] * self._values

    @cached_property
    def rank(self) -> int:
        """Number k of active modes, the rank of every layer."""
        return int(np.count_nonzero(self.roots))

    @property
    def end_to_end(self) -> Array:
        """End-to-end matrix ``X = Σ s_i u_i v_iᵀ``; array (d_L, d_0)."""
        active = np.flatnonzero(self.roots)
        left, right = self._modes.triples.vectors(active)
        return (left * self.end_to_end_values[active]) @ right.T

    @property
    def loss(self) -> float:
        """Objective ``F = Σ_i (σ_i − s_i)² + L λ̄ Σ_i w_i²``; infinite beyond the range of float64."""
        modes, w, residuals = self._modes, self._values, self._residuals
        loss = residuals @ residuals + self.problem.depth * modes.mean_reg * (w @ w)
        return float(times_power(loss, 2 * modes.target_unit))

    @property
    def _residuals(self) -> Array:
        """Differences ``σ_i − s_i`` in units of the modes."""
        modes, w, depth = self._modes, self._values, self.problem.depth
        residuals, larger = modes.values - w**depth, self.roots == LARGER
        # The difference cancels where the weight is small.
        residuals[larger] = modes.mean_reg / w[larger] ** (depth - 2)
        return residuals

    @property
    def trace(self) -> float:
        """Trace of the Hessian, the sum of its N eigenvalues; ``O(L d)``; infinite beyond the range of float64."""
        widths, squares = self.problem.widths, self._layer_values**2
        # ‖A_l‖_F² and ‖B_l‖_F²: the identity has its width, other products have the active modes.
        left = [*np.cumprod(squares[:0:-1], axis=0).sum(axis=1)[::-1], widths[-1]]
        right = [widths[0], *np.cumprod(squares[:-1], axis=0).sum(axis=1)]
        sizes = np.multiply(widths[1:], widths[:-1])
        trace = 2 * (np.dot(left, right) + np.dot(self._modes.reg, sizes))
        return float(times_power(trace, self._modes.eigenvalue_unit))

    @property
    def orbit_dimension(self) -> int:
        """Dimension of the orbit under changes of basis of the hidden layers.

        ``Σ_{l=1}^{L−1} [k (d_l − k) + k (k−1)/2]`` for k active modes; the Hessian vanishes along it.
        """
        k = self.rank
        return sum(k * (width - k) + k * (k - 1) // 2 for width in self.problem.hidden_widths)

    @property
    def nullity(self) -> int:
        """Number of zero eigenvalues of the Hessian.

        The orbit's dimension; one for each pair of modes with equal singular values and different
        roots, which a symmetry of the target mixes; and what is degenerate: ``f (f+1) / 2`` for f
        active modes at the fold, and for depth 2 ``d_1 − k`` for each inactive mode at ``λ̄``.
        """
        inactive, smaller, larger = self._values_by_root
        ties = _ties(inactive, smaller) + _ties(inactive, larger) + _ties(smaller, larger)
        return self.orbit_dimension + ties + self._degeneracy

    @property
    def _degeneracy(self) -> int:
        """Number of zero eigenvalues that no symmetry explains."""
        if self.problem.depth == 2:
            at_threshold = int(np.count_nonzero(self._values_by_root[0] == self._modes.fold))
            return at_threshold * (self.problem.hidden_widths[0] - self.rank)
        at_fold = self._count_at_fold
        return at_fold * (at_fold + 1) // 2

    @property
    def is_degenerate(self) -> bool:
        """Whether the Hessian vanishes along a direction that no symmetry explains.

        So it does with a mode at the fold, and at depth 2 with an inactive mode at ``λ̄`` and a spare hidden unit.
        """
        return self._degeneracy > 0

    @cached_property
    def morse_index(self) -> int:
        """Number of negative eigenvalues of the Hessian, from the signs of the blocks.

        One for each mode on its smaller root and each pair of such modes; for each active mode and
        inactive one of larger singular value; for each mode on its larger root and one of larger
        singular value on its smaller root; at depth 2 also ``d_1 − k`` for each inactive mode above
        ``λ̄``. The signs come from exact comparisons, not from computed eigenvalues.
        """
        inactive, smaller, larger = self._values_by_root
        index = len(smaller) * (len(smaller) + 1) // 2
        index += _pairs_above(inactive, smaller) + _pairs_above(inactive, larger)
        index += _pairs_above(smaller, larger)
        if self.problem.depth == 2:
            above = int(np.count_nonzero(inactive > self._modes.fold))
            index += above * (self.problem.hidden_widths[0] - self.rank)
        return index

    @property
    def kind(self) -> str:
        """Kind of the critical point.

        One of ``"global minimizer"``; ``"local minimizer"``, which is not global; ``"strict saddle"``,
        with a negative eigenvalue; and ``"degenerate"``, with none, but with a zero one across the
        critical points nearby. The last are saddles, too: a mode sits at the fold, where the loss is
        cubic. At a global minimizer the Hessian can vanish across the orbit as well (at depth 2, with
        a singular value at ``λ̄``), which :attr:`nullity` tells.
        """
        if self.morse_index > 0:
            return "strict saddle"
        # Without a negative eigenvalue the leading modes are active, on their larger roots.
        if self._modes.kept(ties=False) <= self.rank <= self._modes.kept(ties=True):
            return "global minimizer"
        return "degenerate" if self._count_at_fold else "local minimizer"

    @property
    def condition_number(self) -> float:
        """Largest over least positive eigenvalue of the Hessian at a minimizer.

        Along the orbit, and along the symmetries of a target with ties, the loss does not change: these zeros do not
        count. Infinite where the Hessian :attr:`is_degenerate`; a ValueError off the minimizers. ``O(L k d)`` flops
        for k active modes of d and equal weights; the relative error is some ``L ε``, with unequal weights times the
        condition number.
        """
        return rates.condition_number(self)

    def convergence_rate(self, step: float) -> float:
        """Factor by which gradient descent comes nearer to this minimizer in each step, once it is near.

        Parameters
        ----------
        step : float, positive
            Step size η, in units of one over the Hessian's.

        Returns
        -------
        float
            ``max |1 − η h|`` over the positive eigenvalues h: the distance to the orbit shrinks like its powers. At
            least one where the Hessian :attr:`is_degenerate`, since convergence is not linear there. Above one no
            start nearby converges. The best step is ``2 / (h_min + h_max)``, with rate ``(κ − 1) / (κ + 1)``.

        Raises
        ------
        ValueError, TypeError
            If the point is no minimizer or `step` no positive number.

        Examples
        --------
        >>> import dmfbook as dmf
        >>> point = dmf.global_minimizer(dmf.Problem([[2.0, 0.0]], (1,), reg=0.5))
        >>> round(point.condition_number, 12), round(point.convergence_rate(0.2), 12)
        (3.0, 0.6)
        """
        return rates.convergence_rate(self, step)

    def escape_rate(self, step: float) -> float:
        """Factor by which gradient descent leaves this point in each step, along the steepest way down.

        Parameters
        ----------
        step : float, positive
            Step size η, in units of one over the Hessian's.

        Returns
        -------
        float
            ``1 + η |h|`` for the least eigenvalue h if it is negative: from a distance ε it takes some
            ``ln(δ/ε) / ln(1 + η |h|)`` steps to one of δ. One where there is no negative eigenvalue.

        Raises
        ------
        ValueError, TypeError
            If `step` is no positive number.

        Examples
        --------
        >>> import dmfbook as dmf
        >>> dmf.critical_point(dmf.Problem([[2.0]], (1,), reg=0.5), [0]).escape_rate(0.1)
        1.3
        """
        return rates.escape_rate(self, step)

    def factors(self, rng: np.random.Generator | None = None) -> list[Array]:
        """Factors at this point: a canonical member of the orbit, or a random one.

        Parameters
        ----------
        rng : numpy.random.Generator, optional
            Draws the changes of basis of the hidden layers from the Haar measure; without it they
            are the identity.

        Returns
        -------
        list of L arrays, shapes (d_l, d_{l-1})
            ``W_l = Q_l D_l Q_{l-1}ᵀ`` with ``D_l`` diagonal, ``Q_0`` and ``Q_L`` the singular bases
            of the target.

        Raises
        ------
        TypeError
            If `rng` is neither None nor a numpy Generator.

        Notes
        -----
        ``O(Σ d_l d_{l-1} k)`` flops for k active modes; only k columns of each basis are formed.

        Examples
        --------
        >>> import dmfbook as dmf
        >>> dmf.global_minimizer(dmf.Problem([[2.0]], (1,), reg=1.0)).factors()
        [array([[1.]]), array([[1.]])]
        """
        if not (rng is None or isinstance(rng, np.random.Generator)):
            raise TypeError(f"rng must be a numpy.random.Generator or None, got {rng!r}")
        active = np.flatnonzero(self.roots)
        left, right = self._modes.triples.vectors(active)
        hidden = [orthonormal_frame(width, self.rank, rng) for width in self.problem.hidden_widths]
        outputs, inputs = [*hidden, left], [right, *hidden]
        values = self.layer_values[:, active]
        return [(q * w) @ p.T for q, w, p in zip(outputs, values, inputs, strict=True)]

    @property
    def _values_by_root(self) -> tuple[Array, Array, Array]:
        """Singular values, in units, of the inactive modes, those on smaller and those on larger roots."""
        inactive, smaller, larger = (self._modes.values[self.roots == r] for r in range(3))
        return inactive, smaller, larger

    @property
    def _count_at_fold(self) -> int:
        return int(np.count_nonzero(self._modes.values[self.roots == LARGER] == self._modes.fold))


def checked_critical_point(point: object) -> CriticalPoint:
    """Return `point` if it is one."""
    if not isinstance(point, CriticalPoint):
        raise TypeError(f"point must be a CriticalPoint, got {type(point).__name__}")
    return point


def _read_only(values: Array) -> Array:
    values.flags.writeable = False
    return values


def _pairs_above(upper: Array, lower: Array) -> int:
    """Pairs with the member of `upper` strictly above that of `lower`."""
    return int(np.searchsorted(np.sort(lower), upper, side="left").sum())


def _ties(some: Array, others: Array) -> int:
    """Pairs of equal members."""
    ordered = np.sort(others)
    below, not_above = (np.searchsorted(ordered, some, side=side) for side in ("left", "right"))
    return int((not_above - below).sum())
