"""Gradient descent with long steps: balanced modes, and a number in two factors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.factors import end_to_end, flatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.training.descent import gradient_descent


@dataclass(frozen=True)
class ModesCase:
    """A start in the singular bases of the target, the value of each mode there, and a step."""

    problem: Problem
    sigma: Array
    values: Array
    start: list[Array]
    step: float
    steps: int

    @cached_property
    def products(self) -> Array:
        """Singular values of the end-to-end matrix in the bases of the start, after each step (t, n)."""
        left, _, right = np.linalg.svd(end_to_end(self.start), full_matrices=False)
        record = {"modes": lambda layers: np.diag(left.T @ end_to_end(layers) @ right.T)}
        run = gradient_descent(self.problem, self.start, self.step, self.steps, record=record)
        return np.asarray(run.records["modes"])


def balanced(
    rng: np.random.Generator, depth: int, share: float, *, tilt: float = 0.0, weights: float = 1.0
) -> ModesCase:
    """A balanced start in the target's bases, a step that is a share of the edge of the first mode.

    `tilt` turns the first hidden basis against itself, `weights` is the ratio of the last weight to the others.
    """
    sigma = np.array([rng.uniform(1.5, 2.0), rng.uniform(0.9, 1.2), rng.uniform(0.3, 0.5)])
    widths = [3, *(rng.integers(3, 6, depth - 1)), 4]
    frames = [orthonormal_frame(int(d), 3, rng) for d in widths]
    values = np.sort(rng.uniform(0.6, 1.1, 3) * sigma ** (1 / depth))[::-1]
    start = [(after * values) @ before.T for before, after in pairwise(frames)]
    if tilt:
        turn = np.linalg.qr(np.eye(3) + tilt * rng.normal(size=(3, 3)))[0]
        start[0] = frames[1] @ turn @ np.diag(values) @ frames[0].T
    reg = np.full(depth, 0.05)
    reg[-1] *= weights
    problem = Problem((frames[-1] * sigma) @ frames[0].T, [int(d) for d in widths[1:-1]], reg)
    edge = 1 / (depth * sigma[0] ** (2 - 2 / depth))
    return ModesCase(problem, sigma, values, start, share * edge, 12)


@dataclass(frozen=True)
class CycleCase:
    """A number in factors, a step, and the factors that a run starts from."""

    problem: Problem
    step: float
    start: tuple[float, ...]

    @property
    def excess(self) -> float:
        """``η μ`` with ``μ = m − λ``."""
        return self.step * (float(self.problem.target[0, 0]) - self.problem.reg[0])

    def point(self, *values: float) -> list[Array]:
        """These factors."""
        return [np.array([[value]]) for value in values]

    @cached_property
    def orbit(self) -> Array:
        """Values of the first factor in three steps that follow each other, after many."""
        late = gradient_descent(self.problem, self.point(*self.start), self.step, 4_000).factors
        record = {"first": lambda layers: layers[0][0, 0]}
        run = gradient_descent(self.problem, late, self.step, 2, record=record)
        return np.resize(run.records["first"], 3)

    def two_steps(self, low: float, high: float) -> Array:
        """Derivative of two steps at equal factors, one value and then the other, from dense Hessians."""
        depth = self.problem.depth
        first, second = (
            np.eye(depth) - self.step * hessian(self.problem, self.point(*[w] * depth))
            for w in (low, high)
        )
        return np.asarray(second @ first)

    @cached_property
    def peak(self) -> float:
        """Largest size of a factor on a long run, beyond its start; infinite if it diverges."""
        record = {"size": lambda layers: np.abs(flatten(layers)).max()}
        run = gradient_descent(
            self.problem, self.point(*self.start), self.step, 4_000, record=record
        )
        return np.inf if run.status == "diverged" else float(np.max(run.records["size"]))


def number(rng: np.random.Generator, low: float, high: float, depth: int = 2) -> CycleCase:
    """A number with ``η μ`` between two bounds, of equal factors near ``√μ``."""
    target = float(rng.uniform(1, 3))
    weight = float(rng.uniform(0.05, 0.2)) * target
    mu = target - weight
    problem = Problem([[target]], (1,) * (depth - 1), weight)
    start = (float(np.sqrt(mu) * rng.uniform(0.7, 0.9)),) * depth
    return CycleCase(problem, float(rng.uniform(low, high)) / mu, start)


def with_unequal_weights(rng: np.random.Generator) -> CycleCase:
    """The weight of the second factor is four times that of the first."""
    case = number(rng, 0.52, 0.6)
    weight = case.problem.reg[0]
    return replace(case, problem=Problem(case.problem.target, (1,), (weight, 4 * weight)))


def from_the_top(rng: np.random.Generator, low: float, high: float, depth: int = 2) -> CycleCase:
    """The start from which one step of the cubic map leads farthest."""
    case = number(rng, low, high, depth)
    a, b = 1 + 2 * case.excess, 2 * case.step
    return replace(case, start=(float(np.sqrt(a / (3 * b))),) * depth)


def largest(rng: np.random.Generator, depth: int = 2, sign: int = 1) -> CycleCase:
    """Factors nearly as large as they may be; the last one with this sign."""
    case = number(rng, 0.85, 0.98, depth)
    w = float(0.95 * np.sqrt((1 + case.excess) / case.step))
    return replace(case, start=(*[w] * (depth - 1), sign * w))
