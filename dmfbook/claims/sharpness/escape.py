"""Claims of the chapter *Escape*; gradient descent is run, its limits are examined by dense Hessians."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import random_target
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.network.factors import end_to_end, flatten
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.scalar import shrink
from dmfbook.training.descent import gradient_descent
from dmfbook.training.trajectory import Recorder, Status, Trajectory
from dmfbook.zero_loss.factorizations import flat_factors, zero_loss_factors
from dmfbook.zero_loss.sharpness import sharpest_direction, sharpness


@dataclass(frozen=True)
class Launch:
    """A case: gradient descent from near a point, with a step in units of what the point bears.

    `ratio` is ``η λ_max / 2``, `distance` that of the start from the point, along the sharpest direction
    unless `direction` is given.
    """

    problem: Problem
    factors: list[Array]
    ratio: float
    distance: float
    direction: list[Array] | None = None

    @property
    def sharpness(self) -> float:
        """Largest eigenvalue of the Hessian at the point, from the dense matrix."""
        return float(self.eigenvalues(self.factors)[-1])

    @property
    def step(self) -> float:
        """Step size ``η``."""
        return 2 * self.ratio / self.sharpness

    def eigenvalues(self, factors: list[Array]) -> Array:
        """Eigenvalues of the dense Hessian."""
        return np.asarray(np.linalg.eigvalsh(hessian(self.problem, factors)), dtype=np.float64)

    def run(
        self,
        steps: int,
        tolerance: float = 0.0,
        every: int = 1,
        extra: Mapping[str, Recorder] | None = None,
    ) -> Trajectory:
        """Gradient descent that records the distance from the point, the loss, and what is asked for."""
        moves = self.direction or sharpest_direction(self.factors)[1]
        start = [w + self.distance * move for w, move in zip(self.factors, moves, strict=True)]
        record = {"distance": self.distance_of, "loss": self.problem.loss, **(extra or {})}
        return gradient_descent(
            self.problem,
            start,
            self.step,
            steps,
            record=record,
            every=every,
            tolerance=tolerance,
        )

    def end(self, steps: int = 6000) -> tuple[Status, float]:
        """How a run ends, and with which value of ``η λ_max / 2`` if it settles."""
        tolerance = 1e-2 * self.distance * self.sharpness
        run = self.run(steps, tolerance, every=steps)
        ratio = self.step * sharpness(run.factors) / 2 if run.status == "converged" else np.nan
        return run.status, ratio

    def drift(self, end: list[Array]) -> Array:
        """Unit vector along which the point and `end` differ, as far as the loss has no curvature there."""
        values, vectors = np.linalg.eigh(hessian(self.problem, self.factors))
        flat = vectors[:, values <= 1e-9 * values[-1]]
        move = flat @ (flat.T @ (flatten(end) - flatten(self.factors)))
        return np.asarray(move / np.linalg.norm(move))

    def distance_of(self, factors: list[Array]) -> float:
        """Distance of factors from the point."""
        return float(np.linalg.norm(flatten(factors) - flatten(self.factors)))


def launch(
    target: ArrayLike,
    hidden_widths: list[int],
    ratio: float,
    distance: float,
    condition: float,
    rng: np.random.Generator,
) -> Launch:
    """A launch near a random unbalanced factorization."""
    factors = zero_loss_factors(target, hidden_widths, rng, condition)
    return Launch(Problem(end_to_end(factors), hidden_widths), factors, ratio, distance)


def visited(problem: Problem, factors: list[Array], step: float) -> Array:
    """End-to-end values that gradient descent of a factored number still visits after 2000 steps."""
    late = gradient_descent(problem, factors, step, 2000).factors
    watch = {"value": lambda w: end_to_end(w)[0, 0]}
    values = gradient_descent(problem, late, step, 40, record=watch).records["value"]
    return np.asarray(values, dtype=np.float64)


def near_threshold(rng: np.random.Generator) -> Launch:
    """Depth 2 to 5, matrices or numbers; steps from half to one and a half times the threshold."""
    ratio = float(rng.choice([rng.uniform(0.55, 0.9), rng.uniform(1.1, 1.5)]))
    target, hidden = _random_shape(rng)
    return launch(target, hidden, ratio, 1e-8, 4.0, rng)


def _random_shape(rng: np.random.Generator) -> tuple[Array, list[int]]:
    outer = rng.integers(1, 4, size=2)
    hidden = rng.integers(max(2, outer.min()), 5, size=rng.integers(1, 5))
    return random_target(rng, (outer[1], outer[0])), hidden.tolist()


def no_minimizer(rng: np.random.Generator) -> Launch:
    """Control: the point is not critical, since the target is another one."""
    case = near_threshold(rng)
    problem = Problem(1.1 * case.problem.target, case.problem.hidden_widths)
    return replace(case, problem=problem)


def sharp_number(rng: np.random.Generator) -> Launch:
    """A number in unbalanced factors of depth 2 to 4, a step slightly too large, a start nearby."""
    hidden = [int(rng.integers(1, 4))] * int(rng.integers(1, 4))
    target = np.array([[rng.uniform(0.5, 2)]])
    case = launch(target, hidden, float(rng.uniform(1.05, 1.25)), 1e-3, 4.0, rng)
    first, *middle, last = case.factors
    # Far from flat, so that there are minimizers which bear the step.
    candidates = [[3 * first, *middle, last / 3], [first / 3, *middle, 3 * last]]
    moves = [rng.standard_normal(w.shape) for w in case.factors]
    norm = np.linalg.norm(flatten(moves))
    return replace(
        case,
        factors=max(candidates, key=sharpness),
        direction=[move / norm for move in moves],
    )


def on_the_spot(rng: np.random.Generator) -> Launch:
    """Control: the start is the minimizer itself, a point that no random start hits."""
    return replace(sharp_number(rng), distance=0.0)


def sharp_start(rng: np.random.Generator) -> Launch:
    """Within 1e-9 of an unbalanced minimizer, a step slightly larger than it bears."""
    return replace(sharp_number(rng), distance=1e-9, direction=None)


def small_step(rng: np.random.Generator) -> Launch:
    """Control: a step that the minimizer bears."""
    return replace(sharp_start(rng), ratio=float(rng.uniform(0.5, 0.9)))


def beyond_all(rng: np.random.Generator, share: float = 0.0) -> Launch:
    """A start near a flat minimum, and a step larger than any zero-loss point bears."""
    target, hidden = _random_shape(rng)
    factors = flat_factors(target, hidden, rng)
    ratio = share or float(rng.uniform(1.03, 1.2))
    return Launch(Problem(end_to_end(factors), hidden), factors, ratio, 1e-3)


def within_reach(rng: np.random.Generator) -> Launch:
    """Control: a step that the flat minima bear."""
    return beyond_all(rng, share=0.8)


def penalized_minimizer(rng: np.random.Generator) -> Launch:
    """Near a global minimizer of a regularized number, a step slightly larger than it bears."""
    depth, width = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    target = float(rng.uniform(1, 2))
    reg = 0.05 * target ** (2 - 2 / depth)
    factors = flat_factors([[float(shrink(target, reg, depth))]], [width] * (depth - 1), rng)
    problem = Problem([[target]], [width] * (depth - 1), reg)
    return Launch(problem, factors, float(rng.uniform(1.02, 1.15)), 1e-3)


def without_penalty(rng: np.random.Generator) -> Launch:
    """Control: no regularization, and an unbalanced minimizer: there are flatter ones to go to."""
    return sharp_start(rng)


@claim(
    "thm-stability",
    "Which minimizers hold gradient descent",
    source="wu2018sgd",
    status="derived",
    cases={"matrices and numbers, steps around the threshold": near_threshold},
    controls={"the point is a minimizer": no_minimizer},
)
def linear_stability(case: Launch) -> Evidence:
    """Compare how the distance grows or shrinks with ``|1 − η λ_max|`` a step."""
    factor = abs(1 - 2 * case.ratio)
    count = int(np.clip(np.log(1e2) / abs(np.log(factor)), 1, 50))
    distances = case.run(count).records["distance"]
    predicted = factor**count
    # Terms of second order are the distance, at most 1e-6, times the third derivative over the second.
    return Evidence(float(abs(distances[-1] / distances[0] / predicted - 1)), 1e-2)


@claim(
    "thm-settle",
    "Where gradient descent can settle",
    source="panageas2017",
    status="derived",
    cases={"a number, a step slightly too large": sharp_number},
    controls={"almost every start": on_the_spot},
)
def settles_within_the_bounds(case: Launch) -> Evidence:
    """Run from a random start until the gradient is zero; measure how far eigenvalues leave [0, 2/η]."""
    run = case.run(200_000, tolerance=1e-10, every=200_000)
    if run.status != "converged":
        return Evidence(np.inf, 1.0)
    scaled = case.step * case.eigenvalues(run.factors) / 2
    return Evidence(float(max(scaled[-1] - 1, -scaled[0], 0.0)), 1e-6)


@claim(
    "obs-escape",
    "Escape from a sharp minimizer",
    source="kamber2025sharpness",
    status="empirical",
    cases={"a number, a step slightly too large": sharp_start},
    controls={"the step is larger than the minimizer bears": small_step},
)
def escape_and_settle(case: Launch) -> Evidence:
    """Measure the sharpness where it settles; a run that has not left its minimizer has failed."""
    run = case.run(200_000, tolerance=1e-10, every=200_000)
    if run.status == "diverged":
        return Evidence(0.0, 1.0)
    left = case.distance_of(run.factors) > 1e6 * case.distance
    if run.status != "converged" or not left:
        return Evidence(np.inf, 1.0)
    return Evidence(float(case.step * case.eigenvalues(run.factors)[-1] / 2), 1.0)


@claim(
    "cor-largest-step",
    "The largest step that reaches zero loss",
    source="craciun2024convergence",
    status="paper's claim",
    cases={"a step larger than any minimizer bears": beyond_all},
    controls={"the step is beyond the largest": within_reach},
)
def largest_step(case: Launch) -> Evidence:
    """Measure the loss after many steps: it must not have come near zero."""
    return _away(case)


@claim(
    "cor-nowhere-flatter",
    "With regularization there is nothing flatter",
    source="this book",
    status="new",
    cases={"a regularized number, a step slightly too large": penalized_minimizer},
    controls={"the weights are positive": without_penalty},
)
def no_settling(case: Launch) -> Evidence:
    """Measure how far above the least loss gradient descent is after many steps; it must keep away."""
    return _away(case)


def _away(case: Launch) -> Evidence:
    """One millionth against the height above the point's loss after many steps."""
    run = case.run(5000, every=5000)
    above = run.loss - case.problem.loss(case.factors)
    distance = np.inf if run.status == "diverged" else max(above, 1e-300)
    return Evidence(1e-6, distance)
