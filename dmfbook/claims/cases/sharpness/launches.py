"""Gradient descent from near a point, with steps around what the point bears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array
from dmfbook.claims.cases.sharpness import launch_sites
from dmfbook.claims.cases.sharpness.launch_sites import Place
from dmfbook.claims.claim import CaseMaker
from dmfbook.network.factors import end_to_end, flatten, unflatten
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.training.descent import gradient_descent
from dmfbook.training.trajectory import Recorder, Status, Trajectory

EPS = float(np.finfo(float).eps)
PAIRS = 3  # of starts on opposite sides of a point
NULL = 1e-9  # eigenvalues below this share of the largest count as zero


@dataclass(frozen=True)
class Launch:
    """A case: a point, a step, and starts around the point.

    `ratio` is ``η λ_max / 2``, `distance` that of the starts from the point. `momentum` is that of the heavy ball.
    """

    problem: Problem
    factors: list[Array]
    ratio: float
    distance: float
    seed: int = 0
    momentum: float = 0.0
    _runs: dict[tuple[Any, ...], Trajectory] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def spectrum(self) -> tuple[Array, Array]:
        """Eigenvalues and eigenvectors of the dense Hessian at the point, ascending."""
        values, vectors = np.linalg.eigh(hessian(self.problem, self.factors))
        return np.asarray(values), np.asarray(vectors)

    @property
    def sharpness(self) -> float:
        """Largest eigenvalue of the Hessian at the point."""
        return float(self.spectrum[0][-1])

    @property
    def sharpest(self) -> Array:
        """Unit eigenvector that belongs to it."""
        return self.spectrum[1][:, -1]

    @property
    def step(self) -> float:
        """Step size ``η``."""
        return 2 * self.ratio / self.sharpness

    @property
    def unit(self) -> float:
        """Size of a layer."""
        return float(np.linalg.norm(self.problem.target, 2) ** (1 / self.problem.depth))

    @cached_property
    def directions(self) -> Array:
        """Random unit vectors (2 PAIRS, N), each beside its opposite."""
        moves = np.random.default_rng(self.seed).normal(size=(PAIRS, self.problem.size))
        moves /= np.linalg.norm(moves, axis=1, keepdims=True)
        return np.concatenate([moves, -moves])

    def start(self, direction: Array | None = None) -> list[Array]:
        """The point, moved along a direction, the sharpest unless another is given."""
        along = self.sharpest if direction is None else direction
        vector = flatten(self.factors) + self.distance * along
        return unflatten(vector, self.problem.widths)

    def run(
        self,
        steps: int,
        direction: Array | None = None,
        *,
        tolerance: float = 0.0,
        every: int = 1,
        extra: Mapping[str, Recorder] | None = None,
    ) -> Trajectory:
        """Gradient descent that records the distance from the point, the loss, and what is asked for.

        It is kept: rivals ask for the runs of their claim.
        """
        toward = None if direction is None else direction.tobytes()
        key = steps, toward, tolerance, every, *(extra or {}).items()
        if key not in self._runs:
            record = {"distance": self.distance_of, "loss": self.problem.loss, **(extra or {})}
            self._runs[key] = gradient_descent(
                self.problem,
                self.start(direction),
                self.step,
                steps,
                record=record,
                every=every,
                tolerance=tolerance,
                momentum=self.momentum,
            )
        return self._runs[key]

    def settled(self, direction: Array | None = None) -> Trajectory:
        """A run until the gradient vanishes; longer where the loss is small and still falls after 4000 steps.

        Where a run settles with ``η λ_max / 2 = 1 − δ``, each step leaves ``1 − 2δ`` of what is left.
        """
        options: dict[str, Any] = {"tolerance": self.vanishing, "every": 20}
        run = self.run(4000, direction, **options)
        if run.status != "finished" or run.loss > 1e-2 * np.sum(self.problem.target**2):
            return run
        _, earlier, _, later = np.array_split(run.records["loss"], 4)
        falls = later.max() < 0.9 * earlier.max()
        return self.run(1_000_000, direction, **options) if falls else run

    @property
    def vanishing(self) -> float:
        """Size of a gradient that counts as zero."""
        return 1e-11 * self.sharpness * self.unit

    def end(self, steps: int = 6000) -> tuple[Status, float]:
        """How a run along the sharpest direction ends, and with which ``η λ_max / 2`` if it settles."""
        run = self.run(steps, tolerance=1e-2 * self.distance * self.sharpness, every=steps)
        settled = run.status == "converged"
        return run.status, self.scaled(run.factors)[-1] if settled else np.nan

    @cached_property
    def late_losses(self) -> list[float]:
        """The largest loss in steps 1500 to 2000 from each of many starts; infinite where a run has diverged by then."""
        starts = self.many_starts()
        together = self._late_losses([np.stack(layers) for layers in zip(*starts, strict=True)])
        # Runs side by side end with the first that diverges; then each is run by itself.
        if np.isfinite(together).all():
            return list(together)
        return [float(self._late_losses(start)) for start in starts]

    def _late_losses(self, start: list[Array]) -> Array:
        """The same of one start, or of each of a stack of starts."""
        late = gradient_descent(self.problem, start, self.step, 1500)
        record = {"loss": self.problem.losses}
        run = gradient_descent(self.problem, late.factors, self.step, 500, record=record)
        losses = run.records["loss"].max(axis=0)
        diverged = "diverged" in (late.status, run.status)
        return np.full_like(losses, np.inf) if diverged else losses

    def many_starts(self) -> list[list[Array]]:
        """Starts beside the point, near zero, and of the size of a layer."""
        beside, *directions = self.directions[:3]
        away = [size * self.unit * d for size, d in zip((0.1, 1.0), directions, strict=True)]
        return [self.start(beside), *(unflatten(move, self.problem.widths) for move in away)]

    def scaled(self, factors: list[Array]) -> Array:
        """Eigenvalues of the dense Hessian at some factors, times ``η / 2``."""
        return np.asarray(self.step / 2 * np.linalg.eigvalsh(hessian(self.problem, factors)))

    def distance_of(self, factors: list[Array]) -> float:
        """Distance of factors from the point."""
        return float(np.linalg.norm(flatten(factors) - flatten(self.factors)))

    def drift(self, end: list[Array]) -> Array:
        """Unit vector along which the point and `end` differ, as far as the loss has no curvature there."""
        values, vectors = self.spectrum
        flat = vectors[:, values <= NULL * values[-1]]
        move = flat @ (flat.T @ (flatten(end) - flatten(self.factors)))
        return np.asarray(move / np.linalg.norm(move))

    @property
    def reach(self) -> float:
        """Radius of the ball in which terms of second order are bounded."""
        return 0.05 * self.unit

    @cached_property
    def slopes(self) -> Array:
        """Bounds on the first three derivatives of the product in that ball.

        Along a unit direction the j-th is at most ``√(j! e_{L−j})``, with e the elementary symmetric functions of the
        squared norms of the layers, by Cauchy and Schwarz.
        """
        norms = [np.linalg.norm(w, 2) + self.reach for w in self.factors]
        e = [*np.poly(-np.square(norms))[::-1], 0.0]  # e_L, …, e_0, and none beyond
        return np.sqrt([factorial(j) * e[min(j, len(norms) + 1)] for j in (1, 2, 3)])

    @cached_property
    def bend(self) -> float:
        """Bound on the third derivative of the objective in that ball."""
        first, second, third = self.slopes
        residual = np.linalg.norm(self.problem.target - end_to_end(self.factors))
        return float(6 * first * second + 2 * (residual + self.reach * first) * third)

    @cached_property
    def rounding(self) -> tuple[float, float]:
        """Rounding errors of loss and gradient near the point."""
        size = float(np.linalg.norm(self.problem.target)) + float(
            np.prod([np.linalg.norm(w) for w in self.factors])
        )
        weights, length = max(self.problem.reg), float(np.linalg.norm(flatten(self.factors)))
        terms = 16 * self.problem.depth * EPS
        loss = terms * (size**2 + weights * length**2)
        return loss, terms * float(self.slopes[0] * size + weights * length)


def launched(place: Place, *ratios: tuple[float, float], distance: float = 1e-6) -> CaseMaker:
    """A maker of launches around a point, with a ratio from one of some intervals, drawn by chance."""

    def made(rng: np.random.Generator) -> Launch:
        problem, factors = place(rng)
        ratio = float(rng.uniform(*ratios[rng.integers(len(ratios))]))
        return Launch(problem, factors, ratio, distance, int(rng.integers(2**32)))

    return made


def changed(maker: CaseMaker, **changes: Any) -> CaseMaker:
    """The same with other fields."""
    return lambda rng: replace(maker(rng), **changes)


def at_singular_step(place: Place, layer: int) -> CaseMaker:
    """A maker of launches with ``η = 1 / (2 λ_l)``, at which the eigenvalue ``2 λ_l`` makes every step singular."""

    def made(rng: np.random.Generator) -> Launch:
        problem, factors = place(rng)
        case = Launch(problem, factors, 1.0, 1e-3, int(rng.integers(2**32)))
        return replace(case, ratio=case.sharpness / (4 * problem.reg[layer]))

    return made


def onto_the_saddle(rng: np.random.Generator) -> Launch:
    """A start that such a step takes to a saddle: away from it in a direction of the middle layer that nothing sees."""
    problem, (first, middle, last) = launch_sites.smaller_root(rng, 3, 2)
    unseen = np.outer([-last[0, 1], last[0, 0]], [-first[1, 0], first[0, 0]])
    moved = [first, middle + 0.1 * unseen / np.linalg.norm(unseen), last]
    return replace(at_singular_step(lambda _: (problem, moved), 1)(rng), distance=0.0)


def launch(
    target: ArrayLike,
    hidden_widths: list[int],
    ratio: float,
    distance: float,
    condition: float,
    rng: np.random.Generator,
) -> Launch:
    """A launch beside a random unbalanced factorization."""
    problem, factors = launch_sites.interpolating(target, hidden_widths, rng, condition)
    return Launch(problem, factors, ratio, distance)


def visited(problem: Problem, factors: list[Array], step: float) -> Array:
    """End-to-end values that gradient descent of a factored number still visits after 2000 steps."""
    late = gradient_descent(problem, factors, step, 2000).factors
    watch = {"value": lambda w: end_to_end(w)[0, 0]}
    values = gradient_descent(problem, late, step, 40, record=watch).records["value"]
    return np.asarray(values, dtype=np.float64)
