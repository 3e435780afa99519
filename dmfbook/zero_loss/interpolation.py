"""The flattest interpolator: factors that fit the measurements with the least trace of the Hessian."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import in_range, normalized, scaled_power, times_power
from dmfbook._validation import (
    Array,
    factors_of_widths,
    generator,
    integer,
    positive_number,
    widths_of,
)
from dmfbook.network.frames import orthonormal_frame
from dmfbook.sensing.checks import checked_measurements
from dmfbook.sensing.operator import SensingOperator
from dmfbook.zero_loss.lagrangian import Search, Stop
from dmfbook.zero_loss.trace import sensing_hessian_trace

# Measurements whose relative distance from the operator's range is larger fit no matrix.
FEASIBLE = 1e-8
DISTURBANCE = 0.4  # of the first start, in units of random factors


@dataclass(frozen=True, eq=False, repr=False)
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
    curvature : float
        Least eigenvalue of the Lagrangian's Hessian along the constraints over the largest absolute one; 0 if none is
        negative, as at a constrained minimizer. NaN where misfit or stationarity are too large for it to mean
        something.
    converged : bool
        Whether all three are within their tolerances. This certifies a point that fits, and from which no direction
        leads down to second order. It does not certify what happens along directions without curvature, nor that no
        other point is flatter: the problem is not convex from depth 3 on.
    evaluations : int
        Evaluations of the trace and its gradient, in all searches.
    """

    factors: list[Array]
    trace: float
    misfit: float
    stationarity: float
    curvature: float
    converged: bool
    evaluations: int

    def __repr__(self) -> str:
        end = "converged" if self.converged else "not converged"
        return (
            f"Interpolation({end}, trace {self.trace:.6g}, misfit {self.misfit:.1e}, stationarity "
            f"{self.stationarity:.1e}, curvature {self.curvature:.1e}, evaluations {self.evaluations})"
        )


def flattest_interpolator(
    operator: SensingOperator,
    measurements: ArrayLike,
    hidden_widths: Sequence[int],
    start: Sequence[ArrayLike] | None = None,
    tolerance: float = 1e-6,
    starts: int = 5,
    rng: np.random.Generator | None = None,
) -> Interpolation:
    """Minimize the trace of the Hessian over all factors with zero loss.

    The best of several searches is kept. Each leaves the saddles that it comes to.

    Parameters
    ----------
    operator : SensingOperator
        The measurements ``𝒜``.
    measurements : array (n,)
        Their values y: not all zero, and those of some matrix.
    hidden_widths : sequence of L - 1 >= 1 ints
        ``(d_1, …, d_{L-1})``; their number sets the depth.
    start : sequence of L arrays, shapes (d_l, d_{l-1}), optional
        Where the first search starts; it need not fit. By default, balanced factors of the matrix of least
        Frobenius norm that does, disturbed at random: undisturbed they may have hidden units that are zero, and would
        stay so.
    tolerance : float, positive
        Bound on the misfit; the stationarity has to come below 100 times as much, the curvature above minus that.
    starts : int, >= 1
        Number of searches; all but the first start at random factors.
    rng : numpy.random.Generator, optional
        Source of the random starts; without it, one with seed 0, so that results repeat.

    Returns
    -------
    Interpolation
        The factors of the least trace among searches that converged; of the least misfit if none did.

    Raises
    ------
    ValueError, TypeError
        If shapes do not agree, an entry is not finite, all measurements are zero, no matrix has these
        measurements, the trace vanishes at the start, the tolerance is not positive, `starts` is below 1, or `rng` is
        neither None nor a generator.
    OverflowError
        If a factor or the trace is beyond the range of float64.

    Notes
    -----
    Augmented Lagrangian: each round minimizes ``tr / tr_0 + μᵀc + (ρ/2) ‖c‖²`` by SciPy's L-BFGS-B
    with exact gradients, and then moves μ by ``ρ c``. The c are relative misfits of measurements made
    orthonormal, which halves the number of evaluations. One takes ``O(L n d³)`` flops for n dense
    measurements of matrices with sides d. Where the search stops, the least eigenvalue of the Lagrangian's Hessian along
    the constraints is computed, from differences of exact gradients: 2 N of them for up to 300 parameters, by the
    Lanczos method for more; this needs memory for n N numbers. If it is negative, the search goes on from the lowest
    point along its eigenvector.

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
    allowed, count = positive_number("tolerance", tolerance), integer("starts", starts, 1)
    random = np.random.default_rng(0) if rng is None else generator("rng", rng)
    widths = (operator.matrix_shape[1], *hidden, operator.matrix_shape[0])
    first = None if start is None else factors_of_widths(start, widths)
    if first is not None and sensing_hessian_trace(operator, first) == 0:
        raise ValueError(
            "start must have a positive trace: where it vanishes, so does its gradient"
        )
    fit = _Fit.of(operator, values)
    root, exponent = scaled_power(fit.norm, fit.exponent, (1, len(hidden) + 1))
    searches = [
        Search(operator, fit.orthonormal, fit.aims, factors)
        for factors in _starts(
            fit.orthonormal.back(fit.aims),
            widths,
            count,
            random,
            None if first is None else [times_power(w, -exponent) / root for w in first],
        )
    ]
    stops = [search.run(allowed) for search in searches]
    best = min(stops, key=lambda stop: _rank(stop, operator, allowed))
    found = [in_range("a factor", times_power(root * w, exponent)) for w in best.factors]
    return Interpolation(
        found,
        sensing_hessian_trace(operator, found),
        best.misfit,
        best.stationarity,
        best.curvature,
        best.is_minimum(allowed),
        sum(search.evaluations for search in searches),
    )


@dataclass(frozen=True)
class _Fit:
    """What fits the measurements: orthonormal ones that say the same, their values over ``norm · 2**exponent``."""

    orthonormal: SensingOperator
    aims: Array
    norm: float
    exponent: int

    @classmethod
    def of(cls, operator: SensingOperator, measurements: Array) -> _Fit:
        """Orthonormal measurements for values that some matrix has, or say why there is none."""
        if not measurements.any():
            raise ValueError(
                "measurements must not all be zero: zero factors fit them, with trace 0"
            )
        values, exponent = normalized(measurements)
        orthonormal, aims = operator._orthonormal(values)
        lost = operator.measure(orthonormal.back(aims)) - values
        relative = np.linalg.norm(lost) / np.linalg.norm(values)
        if relative > FEASIBLE:
            raise ValueError(
                f"measurements must be those of some matrix, are off by {relative:.1e} relatively"
            )
        aims, more = normalized(aims)
        norm = float(np.linalg.norm(aims))
        return cls(orthonormal, aims / norm, norm, exponent + more)


def _starts(
    least_norm: Array,
    widths: Sequence[int],
    count: int,
    rng: np.random.Generator,
    first: list[Array] | None,
) -> Iterator[list[Array]]:
    """Where the searches start, for a problem whose least solution has norm one."""
    for number in range(count):
        random = [
            rng.standard_normal((after, before)) / max(after, before) ** 0.5
            for before, after in pairwise(widths)
        ]
        if number == 0:
            near = balanced_factors(least_norm, widths)
            random = [w + DISTURBANCE * move for w, move in zip(near, random, strict=True)]
        yield random if first is None or number else first


def _rank(stop: Stop, operator: SensingOperator, tolerance: float) -> tuple[bool, float]:
    """Order of preference: minima by their trace, then the others by their misfit."""
    if stop.is_minimum(tolerance):
        return False, sensing_hessian_trace(operator, stop.factors)
    return True, stop.misfit


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
