"""Two factors of ill-conditioned matrices, and what steps of scaled gradient descent make of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import brentq

from dmfbook._validation import Array
from dmfbook.network.factors import end_to_end, flatten, unflatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.losses.factorization import Factorization
from dmfbook.network.losses.loss import Loss
from dmfbook.network.problem import Problem
from dmfbook.sensing.ensembles import entry_sampling, gaussian_sensing
from dmfbook.sensing.loss import Sensing
from dmfbook.training.descent import gradient_descent

NUDGE = 1e-5  # size of a move for central differences, in units of the smallest singular value of a factor


@dataclass(frozen=True)
class LogCosh:
    """The loss ``Σ ln cosh(X − M)`` over all entries."""

    target: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrices."""
        return self.target.shape

    def value(self, X: Array) -> Any:
        """The sum."""
        gap = X - self.target
        return np.sum(np.logaddexp(gap, -gap) - np.log(2), axis=(-2, -1))

    def gradient(self, X: Array) -> Array:
        """The first derivatives."""
        return np.asarray(np.tanh(X - self.target))

    def curvature(self, X: Array, Z: Array) -> Array:
        """The second derivatives times Z."""
        return np.asarray((1 - self.gradient(X) ** 2) * Z)


@dataclass(frozen=True)
class ScaledCase:
    """Two factors, a step, and the damping of scaled descent; with the change of basis of the hidden layer."""

    problem: Problem
    factors: list[Array]
    step: float
    damping: float = 0.0
    steps: int = 1

    @cached_property
    def products(self) -> Array:
        """End-to-end matrices of scaled descent, of the start and after each step (t, d_2, d_0)."""
        return self.path(self.factors, self.damping)

    def path(self, factors: list[Array], damping: float | None) -> Array:
        """End-to-end matrices from some start; of plain gradient descent without a damping."""
        run = gradient_descent(
            self.problem,
            factors,
            self.step,
            self.steps,
            scaling=damping,
            record={"product": end_to_end},
        )
        return np.asarray(run.records["product"])

    def in_other_basis(self) -> list[Array]:
        """The same product, with the hidden units in another basis, of condition 3."""
        rng = np.random.default_rng(int(1e6 * self.step))
        turn = basis(rng, self.factors[0].shape[0], 3.0)
        return [turn @ self.factors[0], self.factors[1] @ np.linalg.inv(turn)]

    @cached_property
    def rounding(self) -> float:
        """Relative error of a scaled step: solving with a Gram matrix squares a factor's condition."""
        conditions = [np.linalg.cond(factor) for factor in self.factors]
        return float(256 * np.finfo(float).eps * max(conditions) ** 2 * np.prod(conditions))

    @cached_property
    def difference_error(self) -> float:
        """Error of the multipliers: central differences err by the square of their move, and by rounding over it."""
        condition = float(np.linalg.cond(self.factors[0]) * np.linalg.cond(self.factors[1]))
        return 1e2 * (NUDGE**2 + float(np.finfo(float).eps) / NUDGE) * condition**1.5

    def multipliers(self, damping: float | None) -> Array:
        """Eigenvalues of the derivative of a step at the factors, by central differences; descending."""
        point, widths = flatten(self.factors), self.problem.widths
        smallest = min(np.linalg.svd(factor)[1].min() for factor in self.factors)
        moves = NUDGE * smallest * np.eye(point.size)
        around = [unflatten(point + move, widths) for move in (*moves, *-moves)]
        stack = [np.stack(layers) for layers in zip(*around, strict=True)]
        after = gradient_descent(self.problem, stack, self.step, 1, scaling=damping).factors
        ends = np.array([flatten(list(layers)) for layers in zip(*after, strict=True)])
        derivative = (ends[: point.size] - ends[point.size :]).T / (2 * NUDGE * smallest)
        values = np.linalg.eigvals(derivative)
        return np.asarray(values[np.argsort(-values.real)])


def basis(rng: np.random.Generator, size: int, condition: float) -> Array:
    """A square matrix of this condition."""
    left, right = orthonormal_frame(size, size, rng), orthonormal_frame(size, size, rng)
    return np.asarray(left * np.geomspace(1, 1 / condition, size) @ right.T)


def sides(rng: np.random.Generator, rank: int, square: bool = False) -> tuple[int, int]:
    """Both sides of a matrix that has more of them than a rank, or as many."""
    if square:
        return rank, rank
    return rank + int(rng.integers(1, 4)), rank + int(rng.integers(1, 4))


def factored(
    rng: np.random.Generator, rows: int, cols: int, values: Array, condition: float = 5.0
) -> list[Array]:
    """Two factors of a random matrix with these singular values, in a hidden basis of some condition."""
    left, right = (orthonormal_frame(side, len(values), rng) for side in (rows, cols))
    turn = basis(rng, len(values), condition)
    root = np.sqrt(values)
    return [turn @ (root[:, None] * right.T), left * root @ np.linalg.inv(turn)]


def any_loss(
    rng: np.random.Generator, kind: str, damping: float = 0.0, reg: float = 0.0
) -> ScaledCase:
    """Factors of full rank anywhere, and a loss of one kind."""
    rank = int(rng.integers(1, 4))
    rows, cols = sides(rng, rank, square=kind == "square")
    target = rng.normal(size=(rows, cols))
    losses: dict[str, Loss] = {
        "target": Factorization(target),
        "square": Factorization(target),
        "log cosh": LogCosh(2 * target),
    }
    if kind in ("gaussian", "entries"):
        count = max(rows * cols - 3, 1)
        make = gaussian_sensing if kind == "gaussian" else entry_sampling
        operator = make((rows, cols), count, rng)
        losses[kind] = Sensing(operator, operator.measure(target))
    factors = factored(rng, rows, cols, rng.uniform(0.5, 2, rank))
    problem = Problem(losses[kind], (rank,), reg)
    return ScaledCase(problem, factors, float(rng.uniform(0.1, 0.4)), damping)


def near_target(
    rng: np.random.Generator,
    first: tuple[float, float],
    *,
    square: bool = False,
    condition: float = 10.0,
    damping: float = 0.0,
    reg: float = 0.0,
    beyond: float = 0.0,
) -> ScaledCase:
    """Factors of a matrix near the target, at a distance between two shares of its least singular value.

    `condition` is that of the target. `beyond` is one more singular value that the factors have no room for, in units of
    the least.
    """
    rank = int(rng.integers(2, 4))
    rows, cols = sides(rng, rank, square)
    values = np.linspace(1, 1 / condition, rank)
    exact = factored(rng, rows, cols, values)
    target = end_to_end(exact)
    wanted = float(rng.uniform(*first)) * values[-1]
    moves = [rng.normal(size=factor.shape) for factor in exact]

    def moved(size: float) -> list[Array]:
        return [factor + size * move for factor, move in zip(exact, moves, strict=True)]

    def excess(size: float) -> float:
        return float(np.linalg.norm(end_to_end(moved(size)) - target)) - wanted

    start = moved(float(brentq(excess, 0, 10)))
    if beyond:
        left, _, right = np.linalg.svd(target)
        target = target + beyond * values[-1] * np.outer(left[:, rank], right[rank])
    problem = Problem(target, (rank,), reg)
    return ScaledCase(problem, start, float(rng.uniform(0.1, 0.4)), damping * values[-1], 30)


def with_a_mode_turned(rng: np.random.Generator, condition: float) -> ScaledCase:
    """Both singular vectors of the least singular value are turned out of the target's subspaces."""
    rank, angle = int(rng.integers(2, 4)), float(rng.uniform(0.5, 0.7))
    rows, cols = sides(rng, rank)
    left, right = (orthonormal_frame(side, rank + 1, rng) for side in (rows, cols))
    values = np.linspace(1, 1 / condition, rank)
    target = left[:, :rank] * values @ right[:, :rank].T
    for frame in (left, right):
        frame[:, rank - 1] = np.cos(angle) * frame[:, rank - 1] + np.sin(angle) * frame[:, rank]
    root, turn = np.sqrt(values), basis(rng, rank, 5.0)
    start = [
        turn @ (root[:, None] * right[:, :rank].T),
        left[:, :rank] * root @ np.linalg.inv(turn),
    ]
    return ScaledCase(Problem(target, (rank,)), start, float(rng.uniform(0.2, 0.3)), 0.0, 30)


def at_target(case: ScaledCase) -> ScaledCase:
    """Factors of the best approximation of the target, in a hidden basis of their own."""
    target, rank = case.problem.target, case.problem.hidden_widths[0]
    left, values, right = np.linalg.svd(target, full_matrices=False)
    root = np.sqrt(values[:rank])
    turn = basis(np.random.default_rng(int(1e6 * case.step)), rank, 3.0)
    exact = [turn @ (root[:, None] * right[:rank]), left[:, :rank] * root @ np.linalg.inv(turn)]
    return replace(case, factors=exact)


@dataclass(frozen=True)
class SubspaceCase:
    """Measurements of matrices with the same two subspaces and other singular values."""

    cases: tuple[ScaledCase, ScaledCase]
    operator: Array  # measurements of vec, column by column
    bases: tuple[Array, Array]


def same_subspaces(
    rng: np.random.Generator, kind: str, damping: float = 0.0, reg: float = 0.0, noise: float = 0.0
) -> SubspaceCase:
    """A well and an ill-conditioned matrix in the same subspaces, seen by the same measurements."""
    rank = 2 if kind == "entries" else int(rng.integers(2, 4))
    rows, cols = sides(rng, rank)
    bases = orthonormal_frame(rows, rank, rng), orthonormal_frame(cols, rank, rng)
    make = gaussian_sensing if kind == "gaussian" else entry_sampling
    operator = make((rows, cols), rows * cols - (2 if kind == "gaussian" else 1), rng)
    error, step = rng.normal(size=operator.shape[0]), float(rng.uniform(0.1, 0.3))
    cases = []
    for condition in (1.0, 20.0):
        values = rng.uniform(0.5, 2) * np.linspace(1, 1 / condition, rank)
        root = np.sqrt(values)
        turn = basis(rng, rank, 3.0)
        factors = [turn @ (root[:, None] * bases[1].T), bases[0] * root @ np.linalg.inv(turn)]
        seen = operator.measure(end_to_end(factors)) + noise * values[-1] * error
        problem = Problem(Sensing(operator, seen), (rank,), reg)
        cases.append(ScaledCase(problem, factors, step, damping))
    units = np.eye(rows * cols).reshape(-1, cols, rows).mT
    return SubspaceCase((cases[0], cases[1]), operator.measure(units).T, bases)
