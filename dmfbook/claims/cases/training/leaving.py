"""Gradient descent that starts near a strict saddle, or where a mode is missing at both ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.statements.modes import PointCase
from dmfbook.network.factors import end_to_end, flatten, unflatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.hessian import hessian
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem
from dmfbook.training.descent import gradient_descent

# Distances of the start and of the end of the count, in units of the problem: far from rounding, and from second order.
NEAR, FAR = 1e-10, 1e-5
LONGEST = 800  # steps after which a run is given up that does not leave
SAME = 1e-9  # eigenvalues that differ by this share of the largest count as one


@dataclass(frozen=True)
class EscapeCase:
    """A critical point, a step in units of one over the largest eigenvalue, and the distance to be reached."""

    point: PointCase
    share: float
    far: float = FAR

    @property
    def unit(self) -> float:
        """Size of factors that carry the target."""
        depth = self.point.problem.depth
        return float(np.sqrt(depth) * np.linalg.norm(self.point.problem.target, 2) ** (1 / depth))

    @cached_property
    def curvatures(self) -> tuple[Array, Array]:
        """Eigenvalues of the dense Hessian, ascending, and eigenvectors."""
        values, vectors = np.linalg.eigh(hessian(self.point.problem, self.point.factors))
        return values, vectors

    @property
    def step(self) -> float:
        """Step size η."""
        return self.share / float(self.curvatures[0][-1])

    @property
    def steepness(self) -> float:
        """``|h|`` of the least eigenvalue."""
        return abs(float(self.curvatures[0][0]))

    @property
    def pace(self) -> float:
        """``ln(1 + η |h|)``."""
        return float(np.log1p(self.step * self.steepness))

    @cached_property
    def direction(self) -> Array:
        """Unit vector along which the start is off the point, with a part in the steepest ways down that rounding spares."""
        rng = np.random.default_rng(self.point.seed)
        move, part = rng.normal(size=self.point.problem.size), rng.uniform(0.1, 0.9)
        along = self.steepest @ (self.steepest.T @ move)
        across = move - along
        along, across = (each / np.linalg.norm(each) for each in (along, across))
        return np.asarray(part * along + np.sqrt(1 - part**2) * across)

    @property
    def steepest(self) -> Array:
        """Eigenvectors of the least eigenvalue."""
        values, vectors = self.curvatures
        return vectors[:, values - values[0] <= SAME * np.abs(values).max()]

    @property
    def part(self) -> float:
        """Length p of the direction's part in them."""
        return float(np.linalg.norm(self.steepest.T @ self.direction))

    @property
    def others(self) -> float:
        """What other eigenvectors contribute at the end of the count, over the part of the steepest."""
        values, vectors = self.curvatures
        rates = np.abs(1 - self.step * values)
        count = np.log(self.far / NEAR / self.part) / np.log(rates[0])
        rest = values - values[0] > SAME * np.abs(values).max()
        parts = (vectors.T @ self.direction)[rest] * (rates[rest] / rates[0]) ** count
        return float(np.linalg.norm(parts) / self.part)

    @cached_property
    def count(self) -> float:
        """Steps until the distance is reached, between two of them by interpolation; infinite if it is not."""
        problem, home = self.point.problem, flatten(self.point.factors)
        vector, before = home + NEAR * self.unit * self.direction, NEAR * self.unit
        for t in range(LONGEST):
            vector = vector - self.step * flatten(
                problem.gradient(unflatten(vector, problem.widths))
            )
            distance = float(np.linalg.norm(vector - home))
            if not np.isfinite(distance):
                break
            if distance >= self.far * self.unit:
                return t + float(np.log(self.far * self.unit / before) / np.log(distance / before))
            before = distance
        return np.inf


def near(
    maker: Callable[[np.random.Generator], PointCase], low: float, high: float, far: float = FAR
) -> Callable[[np.random.Generator], EscapeCase]:
    """Maker of runs near a point, with a step between two bounds."""
    return lambda rng: EscapeCase(maker(rng), float(rng.uniform(low, high)), far)


@dataclass(frozen=True)
class BlindCase:
    """Factors that miss directions ``u`` (d_L, m) of the outputs and ``v`` (d_0, m) of the inputs, and a step."""

    problem: Problem
    left: Array
    right: Array
    start: list[Array]
    step: float

    def run(self, start: list[Array]) -> list[Array]:
        """The factors after some steps."""
        return [*gradient_descent(self.problem, start, self.step, 40).factors]

    def leak(self, factors: list[Array]) -> float:
        """Largest part that the first or the last layer has in the directions."""
        ends = factors[0] @ self.right, self.left.T @ factors[-1]
        return float(max(np.linalg.norm(part) for part in ends))

    def opened(self, first: bool) -> list[Array]:
        """The start with something of these directions in the first layer, or in the last one."""
        factors, rng = [*self.start], np.random.default_rng(0)
        if first:
            factors[0] = factors[0] + rng.normal(size=(len(factors[0]), 1)) @ self.right[:, :1].T
        else:
            factors[-1] = factors[-1] + self.left[:, :1] @ rng.normal(
                size=(1, factors[-1].shape[1])
            )
        return factors

    def in_product(self, factors: list[Array]) -> float:
        """Part of the product in the directions."""
        return float(np.linalg.norm(self.left.T @ end_to_end(factors) @ self.right))


def blind(
    rng: np.random.Generator,
    depth: int,
    missing: int,
    *,
    reg: float = 0.2,
    ends: tuple[bool, bool] = (True, True),
    singular: bool = True,
    white: bool = True,
) -> BlindCase:
    """A start at which some modes are missing at both ends, or at the ends that are named.

    Without `singular` the directions are no singular vectors; without `white` the inputs are correlated.
    """
    widths = [4, *rng.integers(2, 5, depth - 1).tolist(), 5]
    left, right = (orthonormal_frame(width, 4, rng) for width in (widths[-1], widths[0]))
    target = (left * np.array([2.0, 1.5, 1.0, 0.7])) @ right.T
    modes = rng.permutation(4)[:missing]
    u, v = left[:, modes], right[:, modes]
    if not singular:
        u, v = (
            orthonormal_frame(widths[-1], missing, rng),
            orthonormal_frame(widths[0], missing, rng),
        )
    start = [
        0.6 * rng.normal(size=(after, before)) / np.sqrt(min(after, before))
        for before, after in zip(widths[:-1], widths[1:], strict=True)
    ]
    if ends[0]:
        start[0] = start[0] - start[0] @ v @ v.T
    if ends[1]:
        start[-1] = start[-1] - u @ u.T @ start[-1]
    weights = reg * rng.uniform(0.5, 1.5, depth)
    loss = target
    if not white:
        inputs = rng.normal(size=(4, 4)) * np.array([[1.0], [0.4], [1.5], [0.7]])
        loss = Regression(inputs, target @ inputs)
    return BlindCase(Problem(loss, widths[1:-1], weights), u, v, start, 0.02 / depth)
