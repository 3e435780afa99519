"""Gradient descent and gradient flow, and what the caller wants recorded on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import DOP853

from dmfbook._validation import Array, integer, positive, real_array
from dmfbook.network.gradient import Gradient, views
from dmfbook.network.problem import Problem, checked_points

Status = Literal["finished", "converged", "diverged"]
Recorder = Callable[[list[Array]], Any]

# A gradient of this length is on its way to infinity: the loss is a polynomial of degree 4 or more.
CEILING = 1e12


class Objective(Protocol):
    """What can be descended: anything with a loss and a gradient of factors."""

    def loss(self, factors: Sequence[ArrayLike]) -> float:
        """Value at `factors`."""
        ...

    def gradient(self, factors: Sequence[ArrayLike]) -> list[Array]:
        """Gradient at `factors`, one block a layer."""
        ...


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A run of :func:`gradient_descent` or :func:`gradient_flow`.

    Attributes
    ----------
    times : array (K,)
        When something was recorded: number of steps times step size, or the flow's time.
    records : dict of str to array (K, …)
        What the recorders returned then; first for the start, last for the end.
    factors : list of L arrays, shapes (d_l, d_{l-1})
        The last point.
    loss : float
        Objective at the last point; infinite where it overflows.
    steps : int
        Number of steps taken.
    status : {"finished", "converged", "diverged"}
        Why the run ended: all steps taken (or all the time run); the gradient within the tolerance; the
        gradient beyond 1e12 or not a number.
    """

    times: Array
    records: dict[str, NDArray[Any]]
    factors: list[Array]
    loss: float
    steps: int
    status: Status


def gradient_descent(
    objective: Objective,
    factors: Sequence[ArrayLike],
    step: float,
    steps: int,
    *,
    record: Mapping[str, Recorder] | None = None,
    every: int = 1,
    tolerance: float = 0.0,
) -> Trajectory:
    """Gradient descent ``W ← W − η ∇F(W)`` with a constant step.

    Parameters
    ----------
    objective : Problem, or any object with ``loss(factors)`` and ``gradient(factors)``
        What to descend.
    factors : sequence of arrays
        The start, of the shapes that the objective takes; it is copied.
    step : float, positive
        Step size ``η``.
    steps : int, >= 0
        Largest number of steps.
    record : mapping of str to callable, optional
        What to record: each callable gets the factors (copies, its own to keep) and returns a number or
        an array of constant shape.
    every : int, >= 1
        Record at the start, after each `every` steps, and at the end.
    tolerance : float, >= 0
        The run ends as converged once ``‖∇F‖`` is at most this.

    Returns
    -------
    Trajectory
        What was recorded, the last point, and why the run ended.

    Raises
    ------
    ValueError, TypeError
        If the step is not positive, a count or the tolerance is out of range, or the factors do not fit.

    Notes
    -----
    A step costs a gradient, ``O(L d³)`` flops for widths ``d``. For a :class:`~dmfbook.Problem` it
    reuses one set of buffers: some 30 µs for 15 layers of width 5.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> problem = dmf.Problem([[1.0]], (1,))
    >>> run = dmf.gradient_descent(
    ...     problem, [[[0.5]], [[1.0]]], 0.1, 1000, record={"loss": problem.loss}, tolerance=1e-12
    ... )
    >>> run.status, run.loss < 1e-20, bool(np.all(np.diff(run.records["loss"]) < 0))
    ('converged', True, True)
    """
    eta = float(positive("step", step))
    limit = integer("steps", steps, 0)
    stride = integer("every", every, 1)
    point, layers, slope = _start(objective, factors, tolerance)
    log = _Log(record or {}, layers)
    status: Status = "finished"
    with np.errstate(all="ignore"):  # overflow on the way to infinity is found below
        for count in range(limit + 1):
            gradient = slope()
            length = gradient @ gradient
            if not length <= CEILING**2:
                status = "diverged"
                break
            if count % stride == 0:
                log.add(count * eta)
            if length <= tolerance**2:
                status = "converged"
                break
            if count < limit:
                gradient *= eta
                point -= gradient
        return log.finish(objective, count * eta, count, status)


def gradient_flow(
    objective: Objective,
    factors: Sequence[ArrayLike],
    time: float,
    *,
    record: Mapping[str, Recorder] | None = None,
    tolerance: float = 0.0,
    accuracy: float = 1e-10,
) -> Trajectory:
    """Gradient flow ``Ẇ = −∇F(W)``, the limit of gradient descent for small steps.

    Parameters
    ----------
    objective : Problem, or any object with ``loss(factors)`` and ``gradient(factors)``
        What to descend.
    factors : sequence of arrays
        The start, of the shapes that the objective takes; it is copied.
    time : float, positive
        How long to flow.
    record : mapping of str to callable, optional
        What to record, as for :func:`gradient_descent`, at each step of the integrator.
    tolerance : float, >= 0
        The run ends as converged once ``‖∇F‖`` is at most this.
    accuracy : float, positive
        Relative error that the integrator allows itself in a step.

    Returns
    -------
    Trajectory
        What was recorded, the last point, and why the run ended.

    Raises
    ------
    ValueError, TypeError
        If the time or the accuracy is not positive, the tolerance is out of range, or the factors do not
        fit.
    FloatingPointError
        If the integrator cannot reach its accuracy.

    Notes
    -----
    An explicit Runge–Kutta method of order 8 (SciPy's DOP853), 12 gradients a step; its steps are at
    most a few times ``1 / λ_max(∇²F)``.

    Examples
    --------
    The flow keeps the difference of the squares of two scalar factors.

    >>> import dmfbook as dmf
    >>> problem = dmf.Problem([[1.0]], (1,))
    >>> run = dmf.gradient_flow(problem, [[[0.5]], [[1.0]]], 100.0, tolerance=1e-9)
    >>> first, second = run.factors
    >>> run.status, (second**2 - first**2).round(9)
    ('converged', array([[0.75]]))
    """
    end = float(positive("time", time))
    rtol = float(positive("accuracy", accuracy))
    point, layers, slope = _start(objective, factors, tolerance)
    log = _Log(record or {}, layers)

    def velocity(_: float, vector: Array) -> Array:
        point[:] = vector
        return -slope()

    status: Status = "finished"
    count = 0
    solver = DOP853(velocity, 0.0, point.copy(), end, rtol=rtol, atol=rtol * 1e-3)
    while True:
        point[:] = solver.y
        log.add(solver.t)
        if np.linalg.norm(slope()) <= tolerance:
            status = "converged"
            break
        if solver.status != "running":
            break
        message = solver.step()
        if solver.status == "failed":
            raise FloatingPointError(f"the integrator failed at time {solver.t:g}: {message}")
        count += 1
    return log.finish(objective, solver.t, count, status)


def _start(
    objective: Objective, factors: Sequence[ArrayLike], tolerance: float
) -> tuple[Array, list[Array], Callable[[], Array]]:
    """One vector for the point, views of it as factors, and a function that gives its gradient."""
    if not tolerance >= 0:
        raise ValueError(f"tolerance must not be negative, got {tolerance}")
    if isinstance(objective, Problem):
        gradient = Gradient(
            objective.end_to_end_loss, objective.reg, checked_points(objective, factors)
        )
        return gradient.point, gradient.layers, gradient
    # What its factors must look like, the objective knows.
    checked = [real_array(f"factors[{i}]", factor) for i, factor in enumerate(factors)]
    if not checked:
        raise ValueError("factors must hold at least 1 array, got none")
    point = np.concatenate([factor.ravel() for factor in checked])
    layers = views(point, [factor.shape for factor in checked])
    return (
        point,
        layers,
        lambda: np.concatenate([block.ravel() for block in objective.gradient(layers)]),
    )


class _Log:
    """Collects what the recorders return."""

    def __init__(self, record: Mapping[str, Recorder], layers: list[Array]) -> None:
        self._record, self._layers = record, layers
        self._times: list[float] = []
        self._values: dict[str, list[Any]] = {name: [] for name in record}

    def add(self, time: float) -> None:
        """Record the present point, unless that has been done."""
        if self._times and self._times[-1] == time:
            return
        self._times.append(time)
        for name, recorder in self._record.items():
            self._values[name].append(recorder([layer.copy() for layer in self._layers]))

    def finish(self, objective: Objective, time: float, steps: int, status: Status) -> Trajectory:
        """Record the last point, unless it is beyond all bounds, and return the run."""
        if status != "diverged":
            self.add(time)
        last = [layer.copy() for layer in self._layers]
        finite = all(np.isfinite(layer).all() for layer in last)
        loss = objective.loss(last) if finite else np.inf
        records = {name: np.array(values) for name, values in self._values.items()}
        return Trajectory(np.array(self._times), records, last, float(loss), steps, status)
