"""The flattest interpolator: factors that fit the measurements with the least trace of the Hessian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from dmfbook._validation import Array, factors_of_widths, positive, widths_of
from dmfbook.network.factors import partial_products_of, transposed_layers
from dmfbook.network.frames import orthonormal_frame
from dmfbook.sensing.operator import SensingOperator, checked_measurements
from dmfbook.zero_loss.trace import sensing_hessian_trace, trace_and_gradient

# A round that leaves more than this share of the misfit makes the penalty grow by that factor.
REQUIRED_DECREASE, PENALTY_GROWTH = 0.25, 4.0
# Measurements whose relative distance from the operator's range is larger fit no matrix.
FEASIBLE = 1e-8
MOST_ROUNDS, MOST_INNER_STEPS = 40, 2000


@dataclass(frozen=True)
class Interpolation:
    """Factors that minimize the trace among all that fit the measurements, as far as found.

    Attributes
    ----------
    factors : list of L arrays, shapes (d_l, d_{l-1})
        The factors found.
    trace : float
        Trace of the Hessian of ``‖𝒜(W_L ⋯ W_1) − y‖²`` at them.
    misfit : float
        Frobenius distance of the end-to-end matrix from the matrices that fit, over the least norm
        among those; zero for an interpolator.
    stationarity : float
        Norm of the Lagrangian's gradient over that of the trace's, zero at a constrained minimizer.
    converged : bool
        Whether both are within their tolerances. The problem is not convex: this certifies a
        stationary interpolator, not that no other is flatter.
    evaluations : int
        Evaluations of the trace and its gradient.
    """

    factors: list[Array]
    trace: float
    misfit: float
    stationarity: float
    converged: bool
    evaluations: int


def flattest_interpolator(
    operator: SensingOperator,
    measurements: ArrayLike,
    hidden_widths: Sequence[int],
    start: Sequence[ArrayLike] | None = None,
    tolerance: float = 1e-6,
) -> Interpolation:
    """Minimize the trace of the Hessian over all factors with zero loss.

    Parameters
    ----------
    operator : SensingOperator
        The measurements ``𝒜``.
    measurements : array (n,)
        Their values y: not all zero, and those of some matrix.
    hidden_widths : sequence of L - 1 >= 1 ints
        ``(d_1, …, d_{L-1})``; their number sets the depth.
    start : sequence of L arrays, shapes (d_l, d_{l-1}), optional
        Where the search starts; it need not fit. By default, balanced factors of the matrix of least
        Frobenius norm that does.
    tolerance : float, positive
        Bound on the misfit; the stationarity has to come below 100 times as much.

    Returns
    -------
    Interpolation
        The factors, and whether the search converged.

    Raises
    ------
    ValueError, TypeError
        If shapes do not agree, an entry is not finite, all measurements are zero, no matrix has these
        measurements, the trace vanishes at the start, or the tolerance is not positive.

    Notes
    -----
    Augmented Lagrangian: each round minimizes ``tr / tr_0 + μᵀc + (ρ/2) ‖c‖²`` by SciPy's L-BFGS-B
    with exact gradients, and then moves μ by ``ρ c``. The c are relative misfits of measurements made
    orthonormal, which halves the number of evaluations. One takes ``O(L n d³)`` flops for n dense
    measurements of matrices with sides d.

    Examples
    --------
    The flattest factors of the number 9 are 3 and 3, and the trace is 4 times the number.

    >>> import dmfbook as dmf
    >>> full = dmf.entry_sampling((1, 1), 1, np.random.default_rng(0))
    >>> result = dmf.flattest_interpolator(full, [9.0], (2,))
    >>> result.converged, round(result.trace, 4)
    (True, 36.0)
    """
    values = checked_measurements(operator, measurements)
    if values.ndim != 1:
        raise ValueError(f"measurements must be one set of shape {values.shape[-1:]}, got a stack")
    hidden = widths_of("hidden_widths", hidden_widths)
    if not hidden:
        raise ValueError("hidden_widths must hold at least 1 width (depth 2), got none")
    allowed = float(positive("tolerance", tolerance))
    if not values.any():
        raise ValueError("measurements must not all be zero: zero factors fit them, with trace 0")
    orthonormal, aims = operator._orthonormal(values)
    least_norm = orthonormal.back(aims)
    lost = np.linalg.norm(operator.measure(least_norm) - values) / np.linalg.norm(values)
    if lost > FEASIBLE:
        raise ValueError(
            f"measurements must be those of some matrix, are off by {lost:.1e} relatively"
        )
    widths = (operator.matrix_shape[1], *hidden, operator.matrix_shape[0])
    factors = (
        balanced_factors(least_norm, widths) if start is None else factors_of_widths(start, widths)
    )
    if sensing_hessian_trace(operator, factors) == 0:
        raise ValueError(
            "start must have a positive trace: where it vanishes, so does its gradient"
        )
    search = _Search(operator, orthonormal, aims, factors)
    point, misfit = _stack(factors), 1.0
    for _ in range(MOST_ROUNDS):
        # A round need not be solved much better than the measurements are met so far.
        goal = float(np.clip(misfit / 30, 10 * allowed, 1e-3))
        previous, point = misfit, search.descend(point, goal)
        misfit, stationarity = search.move_multipliers(point)
        converged = misfit <= allowed and stationarity <= 100 * allowed
        if converged:
            break
        if misfit > REQUIRED_DECREASE * previous:
            search.penalty *= PENALTY_GROWTH
    found = search.factors(point)
    trace = trace_and_gradient(operator, found)[0]
    return Interpolation(found, trace, misfit, stationarity, converged, search.evaluations)


def balanced_factors(
    target: Array, widths: Sequence[int], rng: np.random.Generator | None = None
) -> list[Array]:
    """Balanced factors of the target, or of the nearest matrix whose rank the widths allow.

    The bases of the hidden layers are random, or coordinate axes without a generator.
    """
    u, s, vt = np.linalg.svd(target, full_matrices=False)
    rank, depth = min(*widths, len(s)), len(widths) - 1
    root = np.diag(s[:rank] ** (1 / depth))
    hidden = [orthonormal_frame(width, rank, rng) for width in widths[1:-1]]
    bases = [vt[:rank].T, *hidden, u[:, :rank]]
    return [after @ root @ before.T for before, after in pairwise(bases)]


class _Search:
    """The augmented Lagrangian of one problem, with its multipliers and its penalty."""

    def __init__(
        self,
        operator: SensingOperator,
        orthonormal: SensingOperator,
        aims: Array,
        factors: list[Array],
    ) -> None:
        self._operator, self._orthonormal = operator, orthonormal
        self._norm = float(np.linalg.norm(aims))
        self._aims = aims / self._norm
        self._widths = (factors[0].shape[1], *map(len, factors))
        self._reference = trace_and_gradient(operator, factors)[0]
        self._multipliers = np.zeros(len(aims))
        self.penalty, self.evaluations = 10.0, 0

    def descend(self, point: Array, goal: float) -> Array:
        """Minimize the augmented Lagrangian from a point until its gradient is below the goal."""
        options: dict[str, float] = {
            "maxcor": 30,
            "maxiter": MOST_INNER_STEPS,
            "maxfun": MOST_INNER_STEPS,
        }
        options |= {"gtol": goal / np.sqrt(point.size), "ftol": 0.0}
        result = minimize(self._value, point, jac=True, method="L-BFGS-B", options=options)
        self.evaluations += result.nfev
        return result.x

    def move_multipliers(self, point: Array) -> tuple[float, float]:
        """Charge the misfits to the multipliers; return misfit and stationarity."""
        _, by_trace, misfits, pull_back = self._parts(point)
        self._multipliers = self._multipliers + self.penalty * misfits
        slope = by_trace + pull_back(self._multipliers)
        stationarity = np.linalg.norm(slope) / np.linalg.norm(by_trace)
        return float(np.linalg.norm(misfits)), float(stationarity)

    def factors(self, point: Array) -> list[Array]:
        """Cut a stacked vector into factors."""
        return [layer.T for layer in transposed_layers(point, self._widths)]

    def _value(self, point: Array) -> tuple[float, Array]:
        """The augmented Lagrangian and its gradient."""
        trace, by_trace, misfits, pull_back = self._parts(point)
        prices = self._multipliers + self.penalty * misfits
        value = trace + 0.5 * float(misfits @ (prices + self._multipliers))
        return value, by_trace + pull_back(prices)

    def _parts(self, point: Array) -> tuple[float, Array, Array, Callable[[Array], Array]]:
        """Relative trace and its gradient; misfits, and what multiplies them by their Jacobian."""
        factors = self.factors(point)
        trace, by_trace = trace_and_gradient(self._operator, factors)
        left, right = partial_products_of(factors)
        misfits = self._orthonormal.measure(factors[-1] @ right[-1]) / self._norm - self._aims

        def pull_back(prices: Array) -> Array:
            back = self._orthonormal.back(prices) / self._norm
            return _stack([a.T @ back @ b.T for a, b in zip(left, right, strict=True)])

        return trace / self._reference, _stack(by_trace) / self._reference, misfits, pull_back


def _stack(layers: list[Array]) -> Array:
    return np.concatenate([layer.ravel(order="F") for layer in layers])
