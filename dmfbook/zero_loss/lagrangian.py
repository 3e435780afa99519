"""Search for the least trace among factors that fit measurements, and for a way down where it stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from dmfbook._validation import Array
from dmfbook.network.factors import partial_products_of, transposed_layers
from dmfbook.sensing.operator import SensingOperator
from dmfbook.zero_loss.trace import trace_and_gradient

# A round that leaves more than this share of the misfit makes the penalty grow by that factor.
REQUIRED_DECREASE, PENALTY_GROWTH = 0.25, 4.0
MOST_ROUNDS, MOST_INNER_STEPS, MOST_ESCAPES = 40, 2000, 10
DENSE = 300  # parameters up to which the Lagrangian's Hessian is formed
DEPENDENT = 1e-12  # share of the largest squared slope below which constraints count as dependent
DIFFERENCE = float(np.finfo(float).eps) ** (1 / 3)  # step of central differences, relative
HALVINGS = 12  # steps tried along a way down: from the point's own size to this many halves of it


@dataclass(frozen=True)
class Stop:
    """Where a search stopped, and what is missing there to the conditions of a minimum.

    Parameters
    ----------
    factors : list of L arrays
        The point.
    misfit : float
        Norm of the misfits of orthonormal measurements, in units of their aims.
    stationarity : float
        Norm of the Lagrangian's gradient over that of the trace's.
    curvature : float
        Least eigenvalue of the Lagrangian's Hessian along the constraints over the largest absolute one, or 0 if it
        is positive; NaN where the two others are too large for it to mean something.
    """

    factors: list[Array]
    misfit: float
    stationarity: float
    curvature: float

    def is_minimum(self, tolerance: float) -> bool:
        """Whether the conditions of first and second order hold."""
        fits = self.misfit <= tolerance and self.stationarity <= 100 * tolerance
        return bool(fits and self.curvature >= -100 * tolerance)


class Search:
    """Augmented Lagrangian ``tr / tr_0 + μᵀc + (ρ/2) ‖c‖²`` of one problem, from one start.

    Parameters
    ----------
    operator : SensingOperator
        The measurements, for the trace.
    orthonormal : SensingOperator
        Orthonormal measurements that say the same.
    aims : array (n,)
        Their values, of norm one.
    factors : list of L arrays
        The start.
    """

    def __init__(
        self,
        operator: SensingOperator,
        orthonormal: SensingOperator,
        aims: Array,
        factors: list[Array],
    ) -> None:
        self._operator, self._orthonormal, self._aims = operator, orthonormal, aims
        self._widths = (factors[0].shape[1], *map(len, factors))
        self._reference = trace_and_gradient(operator, factors)[0]
        self._start = _stack(factors)
        self._multipliers, self._penalty = np.zeros(len(aims)), 10.0
        self.evaluations = 1  # the reference

    def run(self, tolerance: float) -> Stop:
        """Minimize, and leave each saddle along its direction of least curvature."""
        lower: Array | None = self._start
        for _ in range(MOST_ESCAPES):
            if lower is None:
                break
            point, misfit, stationarity = self._minimize(lower, tolerance)
            stop = Stop(self._factors(point), misfit, stationarity, 0.0)
            if not stop.is_minimum(tolerance):
                return replace(stop, curvature=np.nan)
            curvature, direction = self._least_curvature(point)
            stop = replace(stop, curvature=curvature)
            if stop.is_minimum(tolerance):
                break
            lower = self._way_down(point, direction)
        return stop

    def _minimize(self, point: Array, tolerance: float) -> tuple[Array, float, float]:
        """Rounds of descent until misfit and stationarity are within their tolerances."""
        misfit = 1.0
        for _ in range(MOST_ROUNDS):
            # A round need not be solved much better than the measurements are met so far.
            goal = float(np.clip(misfit / 30, 10 * tolerance, 1e-3))
            previous, point = misfit, self._descend(point, goal)
            misfit, stationarity = self._move_multipliers(point)
            if misfit <= tolerance and stationarity <= 100 * tolerance:
                break
            if misfit > REQUIRED_DECREASE * previous:
                self._penalty *= PENALTY_GROWTH
        return point, misfit, stationarity

    def _descend(self, point: Array, goal: float) -> Array:
        """Minimize the augmented Lagrangian from a point until its gradient is below the goal."""
        options: dict[str, float] = {
            "maxcor": 30,
            "maxiter": MOST_INNER_STEPS,
            "maxfun": MOST_INNER_STEPS,
        }
        options |= {"gtol": goal / np.sqrt(point.size), "ftol": 0.0}
        return minimize(self._value, point, jac=True, method="L-BFGS-B", options=options).x

    def _move_multipliers(self, point: Array) -> tuple[float, float]:
        """Charge the misfits to the multipliers; return misfit and stationarity."""
        _, by_trace, misfits, pull_back = self._parts(point)
        self._multipliers = self._multipliers + self._penalty * misfits
        slope = by_trace + pull_back(self._multipliers)
        stationarity = np.linalg.norm(slope) / np.linalg.norm(by_trace)
        return float(np.linalg.norm(misfits)), float(stationarity)

    def _least_curvature(self, point: Array) -> tuple[float, Array]:
        """Least eigenvalue, relative and not above zero, of the Lagrangian's Hessian along the constraints."""
        *_, pull_back = self._parts(point)
        jacobian = pull_back(np.eye(len(self._aims)))
        values, vectors = np.linalg.eigh(jacobian @ jacobian.T)
        kept = values > DEPENDENT * values[-1]
        normals = (vectors[:, kept] / np.sqrt(values[kept])).T @ jacobian
        step = DIFFERENCE * float(np.linalg.norm(point))

        def slope(where: Array) -> Array:
            _, by_trace, _, back = self._parts(where)
            return by_trace + back(self._multipliers)

        def along(vector: Array) -> Array:
            return np.asarray(vector - normals.T @ (normals @ vector))

        def product(vector: Array) -> Array:
            move = along(vector)
            change = slope(point + step * move) - slope(point - step * move)
            return along(change / (2 * step))

        value, size, direction = _least_eigenpair(product, point.size)
        # Not above zero, which the directions across the constraints have.
        return min(value / size, 0.0), along(direction)

    def _way_down(self, point: Array, direction: Array) -> Array | None:
        """The lowest of some points on both sides, if one is lower than the point itself."""
        length = float(np.linalg.norm(point))
        steps = [s * length * 0.5**j for j in range(HALVINGS) for s in (1, -1)]
        values = [self._value(point + step * direction)[0] for step in steps]
        if not min(values) < self._value(point)[0]:
            return None
        return np.asarray(point + steps[int(np.argmin(values))] * direction)

    def _factors(self, point: Array) -> list[Array]:
        """Cut a stacked vector into factors."""
        return [layer.T for layer in transposed_layers(point, self._widths)]

    def _value(self, point: Array) -> tuple[float, Array]:
        """The augmented Lagrangian and its gradient."""
        trace, by_trace, misfits, pull_back = self._parts(point)
        prices = self._multipliers + self._penalty * misfits
        value = trace + 0.5 * float(misfits @ (prices + self._multipliers))
        return value, by_trace + pull_back(prices)

    def _parts(self, point: Array) -> tuple[float, Array, Array, Callable[[Array], Array]]:
        """Relative trace and its gradient; misfits, and what multiplies them by their Jacobian."""
        self.evaluations += 1
        factors = self._factors(point)
        trace, by_trace = trace_and_gradient(self._operator, factors)
        left, right = partial_products_of(factors)
        misfits = self._orthonormal.measure(factors[-1] @ right[-1]) - self._aims

        def pull_back(prices: Array) -> Array:
            back = self._orthonormal.back(prices)
            return _stack([a.T @ back @ b.T for a, b in zip(left, right, strict=True)])

        return trace / self._reference, _stack(by_trace) / self._reference, misfits, pull_back


def _stack(layers: list[Array]) -> Array:
    """One vector, or one a matrix of stacks ``(n, d_l, d_{l-1})``."""
    return np.concatenate([layer.mT.reshape(*layer.shape[:-2], -1) for layer in layers], axis=-1)


def _least_eigenpair(product: Callable[[Array], Array], size: int) -> tuple[float, float, Array]:
    """Least eigenvalue of a symmetric map, the largest absolute one, and an eigenvector of the least."""
    if size <= DENSE:
        dense = np.array([product(unit) for unit in np.eye(size)])
        values, vectors = np.linalg.eigh((dense + dense.T) / 2)
        return float(values[0]), float(np.abs(values).max() or 1), vectors[:, 0]
    start = np.random.default_rng(0).standard_normal(size)
    try:
        whole = LinearOperator((size, size), product, dtype=np.float64)
        top = eigsh(whole, k=1, v0=start, tol=1e-2, return_eigenvectors=False)
        largest = float(np.abs(top[0]))
        bound = 1.1 * largest
        # Away from zero, which is an eigenvalue many times over.
        shifted = LinearOperator((size, size), lambda v: bound * v - product(v), dtype=np.float64)
        values, vectors = eigsh(shifted, k=1, which="LA", v0=start, tol=1e-7)
    except ArpackError:
        return np.nan, 1.0, np.zeros(size)
    return bound - float(values[0]), largest, vectors[:, 0]
