"""Gradient flow, the limit of gradient descent for small steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import DOP853

from dmfbook._scale import norm
from dmfbook._validation import Array, nonnegative_number, positive_number
from dmfbook.training.objective import Objective, Slope, slope_of
from dmfbook.training.trajectory import Log, Recorder, Trajectory, progress_bar

# SciPy's integrators can do no better.
LEAST_ACCURACY = 100 * float(np.finfo(float).eps)

# Error allowed in an entry that vanishes, as a share of what the largest entry may have.
FLOOR = 1e-3


def gradient_flow(
    objective: Objective,
    factors: Sequence[ArrayLike],
    time: float,
    *,
    record: Mapping[str, Recorder] | None = None,
    tolerance: float = 0.0,
    accuracy: float = 1e-10,
    progress: bool = False,
) -> Trajectory:
    """Gradient flow ``Ẇ = −∇F(W)``, the limit of gradient descent for small steps.

    Parameters
    ----------
    objective : Problem, or any object with ``loss(factors)`` and ``gradient(factors)``
        What to descend, as for :func:`gradient_descent`.
    factors : sequence of arrays
        The start, of the shapes that the objective takes; it is copied.
    time : float, positive
        How long to flow.
    record : mapping of str to callable, optional
        What to record, as for :func:`gradient_descent`, at each step of the integrator.
    tolerance : float, >= 0
        The run ends as converged once ``‖∇F‖`` is at most this.
    accuracy : float, at least 2.3e-14
        Relative error that the integrator allows itself in a step; in an entry that vanishes, a thousandth of it
        relative to the largest entry.
    progress : bool
        Show a progress bar; needs tqdm.

    Returns
    -------
    Trajectory
        What was recorded, the last point, and why the run ended; "interrupted" as for :func:`gradient_descent`.

    Raises
    ------
    ValueError, TypeError
        If an argument is of the wrong kind or out of range, the factors do not fit, the gradient has other shapes, or
        a recorder returns no numbers, as for :func:`gradient_descent`.
    FloatingPointError
        If the integrator cannot reach its accuracy, as on the way to infinity; what was recorded until then is its
        attribute ``trajectory``.
    ImportError
        If a progress bar is asked for and tqdm is missing.

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
    end = positive_number("time", time)
    enough = nonnegative_number("tolerance", tolerance)
    rtol = positive_number("accuracy", accuracy)
    if rtol < LEAST_ACCURACY:
        raise ValueError(f"accuracy must be at least {LEAST_ACCURACY:.2g}, got {rtol:g}")
    slope = slope_of(objective, factors)
    log = Log(objective, slope.layers, record)
    bar = progress_bar(progress, end, bar_format="{l_bar}{bar}| {elapsed}<{remaining}")
    with bar as advance, log.kept():
        solver = None
        while True:
            length = norm(slope())
            if not np.isfinite(length):
                log.status = "diverged"
                break
            log.add()
            if length <= enough:
                log.status = "converged"
                break
            if solver is None:
                solver = _Integrator(slope, length, end, rtol)
            elif solver.is_done:
                break
            before = log.time
            log.time = solver.step()
            log.steps += 1
            advance(log.time - before)
    return log.finish()


class _Integrator:
    """DOP853 in a unit of time in which the flow is neither fast nor slow, with errors relative to the point."""

    def __init__(self, slope: Slope, length: float, end: float, rtol: float) -> None:
        self._slope, self._rtol = slope, rtol
        size = norm(slope.point)
        # SciPy chooses its first step with absolute bounds on the velocity.
        exponent = np.frexp(size / length)[1] if size > 0 else np.frexp(end)[1]
        self._unit = float(np.ldexp(1.0, np.clip(exponent, -1000, 1000)))
        self._solver = DOP853(
            self._velocity,
            0.0,
            slope.point.copy(),
            end / self._unit,
            rtol=rtol,
            atol=rtol * FLOOR * (float(np.abs(slope.point).max()) or length * end),
        )

    @property
    def is_done(self) -> bool:
        """Whether all the time has run."""
        return self._solver.status == "finished"

    def step(self) -> float:
        """Move the point by one step, and return the time."""
        try:
            message = self._solver.step()
        finally:  # stages of a step that was cut off are no points
            self._slope.point[:] = self._solver.y
        time = float(self._solver.t * self._unit)
        if self._solver.status == "failed":
            raise FloatingPointError(f"the integrator failed at time {time:g}: {message}")
        self._solver.atol = self._rtol * FLOOR * float(np.abs(self._solver.y).max())
        return time

    def _velocity(self, _: float, vector: Array) -> Array:
        self._slope.point[:] = vector
        return -self._unit * self._slope()
