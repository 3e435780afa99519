"""Gradient descent: constant steps or a schedule, with or without momentum and scaling."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import norm
from dmfbook._validation import Array, integer, nonnegative_number, positive_number
from dmfbook.network.gradient import views
from dmfbook.training.objective import Objective, loss_of, slope_of
from dmfbook.training.scaling import Scaling
from dmfbook.training.trajectory import Log, Recorder, Trajectory, progress_bar

EPS = float(np.finfo(float).eps)


def gradient_descent(
    objective: Objective,
    factors: Sequence[ArrayLike],
    step: float | Callable[[int], float],
    steps: int,
    *,
    record: Mapping[str, Recorder] | None = None,
    every: int = 1,
    tolerance: float = 0.0,
    momentum: float = 0.0,
    scaling: float | None = None,
    progress: bool = False,
) -> Trajectory:
    """Gradient descent ``W ← W − η ∇F(W)``, with heavy-ball momentum or scaled gradients if asked for.

    Parameters
    ----------
    objective : Problem, or any object with ``loss(factors)`` and ``gradient(factors)``
        What to descend. The loss is a number, the gradient a list of arrays of the factors' shapes; leading axes of the
        factors are runs side by side, whose losses are added.
    factors : sequence of arrays
        The start, of the shapes that the objective takes; it is copied.
    step : float, positive, or callable
        Step size ``η``, or a schedule: a function that gets the step's number, from 0 on, and returns its size.
    steps : int, >= 0
        Largest number of steps.
    record : mapping of str to callable, optional
        What to record: each callable gets the factors (copies, its own to keep) and returns a number or
        an array of constant shape.
    every : int, >= 1
        Record at the start, after each `every` steps, and at the end.
    tolerance : float, >= 0
        The run ends as converged once ``‖∇F‖`` (over all runs) is at most this.
    momentum : float, from 0 to below 1
        The part β of the last step that is taken again, ``W_{t+1} = W_t − η ∇F(W_t) + β (W_t − W_{t−1})``.
    scaling : float, >= 0, optional
        Scaled gradient descent [2]_ of two factors: in place of the gradients ``∇_1`` and ``∇_2`` it follows
        ``(W_2ᵀ W_2 + ε I)⁻¹ ∇_1`` and ``∇_2 (W_1 W_1ᵀ + ε I)⁻¹`` with this damping ε, 0 for hidden layers of full rank
        and positive for wider ones. For one factor U of ``U Uᵀ``: ``∇ (Uᵀ U + ε I)⁻¹`` [3]_. The step is then a pure
        number, about ¼ for a loss ``‖𝒜(X) − y‖²``.
    progress : bool
        Show a progress bar; needs tqdm.

    Returns
    -------
    Trajectory
        What was recorded, the last point, and why the run ended. A KeyboardInterrupt, in a recorder too, ends the run
        with the status "interrupted"; it is not raised again.

    Raises
    ------
    ValueError, TypeError
        If an argument is of the wrong kind or out of range, the factors do not fit, the gradient has other shapes, or
        a recorder returns no numbers: before the first step. If a recorder's shape or a schedule goes wrong later, at
        once; this and any other error in a long run has the :class:`Trajectory` so far as attribute ``trajectory``.
    ImportError
        If a progress bar is asked for and tqdm is missing.

    Notes
    -----
    A step costs a gradient, ``O(L d³)`` flops for widths ``d``. For a :class:`~dmfbook.Problem` it
    reuses one set of buffers: some 30 µs for 15 layers of width 5.

    A run has diverged when a gradient or a point is not finite. The objective is a polynomial of degree 4 or more, so
    this comes within a few steps once it begins; the run ends before it when a step, not the first, does not lead down and is more
    than ``1/ε`` times as long as the way from zero to the start and on, so that no digit of the point is left. There is
    no bound on the numbers themselves: a target in other units gives the same run.

    References
    ----------
    .. [1] B. T. Polyak, Some methods of speeding up the convergence of iteration methods, 1964: the heavy ball.
    .. [2] tong2021accelerating, arXiv 2005.08898, for a loss with a factor ½: its step is twice the present one.
    .. [3] xu2023power, arXiv 2302.01186.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> problem = dmf.Problem([[1.0]], (1,))
    >>> run = dmf.gradient_descent(
    ...     problem, [[[0.5]], [[1.0]]], 0.1, 1000, record={"loss": problem.loss}, tolerance=1e-12
    ... )
    >>> run.status, run.loss < 1e-20, bool(np.all(np.diff(run.records["loss"]) < 0))
    ('converged', True, True)
    >>> dmf.gradient_descent(problem, [[[0.5]], [[1.0]]], lambda t: 1 / (t + 10), 3).times
    array([0.        , 0.1       , 0.19090909, 0.27424242])
    """
    schedule = _schedule(step)
    limit = integer("steps", steps, 0)
    stride = integer("every", every, 1)
    enough = nonnegative_number("tolerance", tolerance)
    inertia = nonnegative_number("momentum", momentum)
    if inertia >= 1:
        raise ValueError(f"momentum must be below 1, got {inertia:g}")
    slope = slope_of(objective, factors)
    scale = None if scaling is None else Scaling(scaling, slope.layers, slope.blocks)
    log = Log(objective, slope.layers, record)
    point, move = slope.point, np.zeros_like(slope.point)
    lost = 0.0  # what rounding has taken from the time
    with progress_bar(progress, limit, unit="step") as advance, log.kept():
        path = norm(point)  # of the start, and of all steps
        while True:
            gradient = slope()
            length = norm(gradient)
            if not length < np.inf:
                log.status = "diverged"
                break
            if length <= enough or log.steps == limit:
                log.status = "converged" if length <= enough else "finished"
                log.add()
                break
            if scale is not None:
                scale()
            eta = schedule(log.steps)
            gradient *= eta
            move *= inertia
            move -= gradient
            leap = norm(move)
            if not path + leap < np.inf or (
                log.steps > 0
                and leap > path / EPS
                and not _leads_down(objective, slope.layers, move)
            ):
                log.status = "diverged"
                break
            if log.steps % stride == 0:
                log.add()
            path += leap
            later = log.time + (eta - lost)
            lost = (later - log.time) - (eta - lost)
            # Nothing is called between these lines, so an interrupt finds them all done or none.
            point += move
            log.time = later
            log.steps += 1
            advance(1)
    return log.finish()


def _schedule(step: Any) -> Callable[[int], float]:
    """Step size as a function of the step's number."""
    if not callable(step):
        eta = positive_number("step", step)
        return lambda _: eta
    return lambda count: positive_number(f"step({count})", step(count))


def _leads_down(objective: Objective, layers: list[Array], move: Array) -> bool:
    """Whether the loss is smaller after a move."""
    moves = views(move, [layer.shape for layer in layers])
    there = [layer + part for layer, part in zip(layers, moves, strict=True)]
    return loss_of(objective, there) < loss_of(objective, layers)
