"""Gradient flow from small starts, and when each mode has come half of its way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.factors import end_to_end
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.problem import Problem
from dmfbook.training.flow import gradient_flow


@dataclass(frozen=True)
class ArrivalCase:
    """A problem, the singular triples (u, σ, v) of its target, and a small start."""

    problem: Problem
    left: Array
    sigma: Array
    right: Array
    start: list[Array]
    size: float

    @property
    def reg(self) -> float:
        """Geometric mean of the weights."""
        return float(np.prod(self.problem.reg) ** (1 / self.problem.depth))

    @property
    def goals(self) -> Array:
        """What the singular values of the product have in the end, ``σ − λ``; from three layers on there is no weight."""
        return self.sigma - self.reg

    def values_at(self, time: float) -> Array:
        """Parts ``uᵢᵀ X vᵢ`` of the product after a time."""
        run = gradient_flow(self.problem, self.start, time, accuracy=1e-11)
        return np.diag(self.left.T @ end_to_end(run.factors) @ self.right)

    @cached_property
    def times(self) -> Array:
        """When each singular value of the product reaches half of what its mode has in the end; two layers.

        Between records ``ln s/(μ − s)`` is interpolated, which is linear in time for a mode alone.
        """
        goals = self.goals
        record = {"s": lambda layers: np.linalg.svd(end_to_end(layers), compute_uv=False)}
        longest = float((5 + 2 * np.log(np.sqrt(goals[0]) / self.size)) / goals[-1])
        run = gradient_flow(self.problem, self.start, longest, record=record, accuracy=1e-8)
        found = []
        for mode, goal in enumerate(goals):
            s = np.clip(run.records["s"][:, mode] / goal, 1e-300, 1 - 1e-12)
            passed = int(np.argmax(s > 0.5))
            if not passed:
                found.append(np.nan)
                continue
            low, high = np.log(s[passed - 1 : passed + 1] / (1 - s[passed - 1 : passed + 1]))
            share = low / (low - high)
            found.append(run.times[passed - 1] + share * np.diff(run.times)[passed - 1])
        return np.array(found)

    @property
    def seeds(self) -> Array:
        """Half the length of ``W_1 vᵢ + W_2ᵀ uᵢ`` across those of the modes before, for each mode; two layers."""
        first, last = self.start
        parts = (first @ self.right + last.T @ self.left) / 2
        return np.abs(np.diag(np.linalg.qr(parts)[1]))


def aligned(
    rng: np.random.Generator,
    depth: int,
    *,
    reg: float = 0.0,
    size: float = 0.05,
    turned: bool = False,
    stretch: float = 1.0,
    unequal: float = 1.0,
) -> ArrivalCase:
    """A start of equal small values in the bases of the target.

    `turned` turns a hidden basis against itself, `stretch` is the ratio of the first layer to the others, and `unequal`
    that of their weights.
    """
    sigma = np.array([2.0, 1.3, 0.8]) * rng.uniform(0.9, 1.1, 3)
    widths = [3, *rng.integers(3, 5, depth - 1).tolist(), 4]
    frames = [orthonormal_frame(width, 3, rng) for width in widths]
    start = [size * after @ before.T for before, after in zip(frames[:-1], frames[1:], strict=True)]
    turn = orthonormal_frame(3, 3, rng) if turned else np.eye(3)
    start[0] = stretch * size * frames[1] @ turn @ frames[0].T
    weights = np.full(depth, reg * rng.uniform(0.7, 1.3))
    weights[0] *= unequal
    problem = Problem((frames[-1] * sigma) @ frames[0].T, widths[1:-1], weights)
    return ArrivalCase(problem, frames[-1], sigma, frames[0], start, size)


def random_start(
    rng: np.random.Generator, size: float, hidden: int, reg: float = 0.0, unequal: float = 1.0
) -> ArrivalCase:
    """Two layers with Gaussian entries of a size, for three modes; the ratio of their weights."""
    sigma = np.array([2.0, 1.4, 0.9]) * rng.uniform(0.95, 1.05, 3)
    left, right = orthonormal_frame(4, 3, rng), orthonormal_frame(3, 3, rng)
    problem = Problem((left * sigma) @ right.T, [hidden], (reg * unequal, reg))
    start = [size * rng.normal(size=shape) for shape in ((hidden, 3), (4, hidden))]
    return ArrivalCase(problem, left, sigma, right, start, size)
