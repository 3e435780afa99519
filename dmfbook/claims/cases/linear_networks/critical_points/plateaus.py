"""Gradient flow that starts near a critical point without weight decay, and how long it stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks.critical_points.families import regression
from dmfbook.claims.cases.linear_networks.critical_points.patterns import no_blocks
from dmfbook.network.factors import flatten, unflatten
from dmfbook.network.hessian import hessian
from dmfbook.network.losses.loss import Loss
from dmfbook.network.problem import Problem
from dmfbook.training.flow import gradient_flow

LONGEST = 1e5  # time after which a flow is given up that does not leave a saddle


def layer_size(factors: Sequence[Array]) -> float:
    """Root mean square of the layers' norms."""
    return float(np.sqrt(np.mean([np.linalg.norm(factor) ** 2 for factor in factors])))


@dataclass(frozen=True)
class GrowthCase:
    """Factors of small size, and a size that is not to be reached before some time."""

    problem: Problem
    start: list[Array]
    end: float

    @property
    def sizes(self) -> tuple[float, float]:
        """Size of the layers at the start and at the end."""
        return layer_size(self.start), self.end

    @property
    def slope(self) -> float:
        """``‖∇ℓ(0)‖₂``."""
        loss = self.problem.end_to_end_loss
        return float(np.linalg.norm(loss.gradient(np.zeros(loss.shape)), 2))

    def size_at(self, time: float) -> float:
        """Size of the layers at a time."""
        run = gradient_flow(self.problem, self.start, time, accuracy=1e-11)
        return layer_size(run.factors)


class LogCosh:
    """The convex loss ``Σ log cosh(M_ij − X_ij)``."""

    def __init__(self, target: Array) -> None:
        self._target = target
        self.shape: tuple[int, int] = target.shape

    def value(self, X: Array) -> Any:
        """Value of a matrix or of a stack of them."""
        return np.log(np.cosh(X - self._target)).sum(axis=(-2, -1))

    def gradient(self, X: Array) -> Array:
        """Its gradient."""
        return np.asarray(np.tanh(X - self._target))

    def curvature(self, X: Array, Z: Array) -> Array:
        """Its second derivative."""
        return np.asarray(Z / np.cosh(X - self._target) ** 2)


class Runaway:
    """The loss ``−⟨M, X⟩ − 4 ‖X‖_F²``, which is not convex."""

    def __init__(self, target: Array) -> None:
        self._target = target
        self.shape: tuple[int, int] = target.shape

    def value(self, X: Array) -> Any:
        """Value of a matrix or of a stack of them."""
        return -np.sum((self._target + 4 * X) * X, axis=(-2, -1))

    def gradient(self, X: Array) -> Array:
        """Its gradient."""
        return -self._target - 8 * X

    def curvature(self, X: Array, Z: Array) -> Array:
        """Its second derivative."""
        return -8 * Z + 0 * X


def growth(
    depth: int,
    aligned: bool = True,
    loss: Callable[[Array], Loss] | None = None,
    sizes: tuple[float, float] = (0.05, 0.25),
) -> Callable[[np.random.Generator], GrowthCase]:
    """Maker of a start of given size: along the steepest way down, one unit a layer, or in random directions."""

    def make(rng: np.random.Generator) -> GrowthCase:
        widths = (3, *[2] * (depth - 1), 2)
        whitened = regression(rng, (2.0, 1.0), widths, condition=4.0)
        problem = whitened.problem
        if loss:
            problem = Problem(loss(rng.normal(size=(2, 3))), problem.hidden_widths)
        down = -problem.end_to_end_loss.gradient(np.zeros((2, 3)))
        left, _, right = np.linalg.svd(down)
        units = [np.eye(2)[:, :1]] * (depth - 1)
        ends = [right[:1].T, *units, left[:, :1]]
        factors = [
            after @ before.T if aligned else rng.normal(size=(len(after), len(before)))
            for before, after in zip(ends[:-1], ends[1:], strict=True)
        ]
        scale = sizes[0] / layer_size(factors)
        return GrowthCase(problem, [scale * factor for factor in factors], sizes[1])

    return make


@dataclass(frozen=True)
class LeaveCase:
    """A saddle, a direction, and distances at which gradient flow starts."""

    problem: Problem
    factors: list[Array]
    direction: Array
    distances: tuple[float, float]

    @property
    def escape(self) -> float:
        """Least eigenvalue of the Hessian."""
        return float(np.linalg.eigvalsh(hessian(self.problem, self.factors))[0])

    @cached_property
    def times(self) -> tuple[float, float]:
        """When the loss has fallen by a tenth of what it can fall, from both distances."""
        far, near = (self.time_from(distance) for distance in self.distances)
        return far, near

    def time_from(self, distance: float) -> float:
        """When the loss has fallen by a tenth of what it can fall, from a start at this distance."""
        problem, loss = self.problem, self.problem.loss
        start = unflatten(flatten(self.factors) + distance * self.direction, problem.widths)
        least = problem.end_to_end_loss.least  # type: ignore[attr-defined]
        level = 0.9 * loss(self.factors) + 0.1 * least
        time, step = 0.0, 8.0
        while True:
            run = gradient_flow(problem, start, step, record={"loss": loss}, accuracy=1e-8)
            times, losses = np.asarray(run.times), np.asarray(run.records["loss"])
            if losses[-1] < level:
                passed = int(np.argmax(losses < level))
                share = (losses[passed - 1] - level) / (losses[passed - 1] - losses[passed])
                return float(time + times[passed - 1] + share * np.diff(times)[passed - 1])
            time, step, start = time + step, 2 * step, run.factors
            if time > LONGEST:
                raise ArithmeticError(f"the flow has not left by the time {time:g}")


def leaving(
    widths: Sequence[int],
    rank: int,
    distances: tuple[float, float],
    ones: bool = False,
) -> Callable[[np.random.Generator], LeaveCase]:
    """Maker of a saddle of given rank in balanced bases, and of a random direction.

    Two values are not active: where one alone is not, some starts near a saddle turn its sign first and pass by the
    saddle itself, so that the law holds at much smaller distances only. Beyond the active values there is nothing; or,
    with `ones`, one unit of the last layer, so that fewer layers have to move.
    """

    def make(rng: np.random.Generator) -> LeaveCase:
        whitened = regression(rng, (*[2.2] * rank, 1.6, 1.0), widths, condition=2.0)
        blocks = no_blocks(whitened.rest(range(rank))[0])
        if ones:
            blocks[-1][0, 0] = 1.0
        factors = whitened.factors(range(rank), blocks)
        direction = rng.normal(size=whitened.problem.size)
        return LeaveCase(
            whitened.problem, factors, direction / np.linalg.norm(direction), distances
        )

    return make
