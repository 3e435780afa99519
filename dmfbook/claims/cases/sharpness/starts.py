"""Starts of gradient flow and gradient descent of factorizations, and where they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import autograd
import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.points import random_factors
from dmfbook.claims.cases.targets import random_target, with_values
from dmfbook.claims.oracles.differentiation import squared_error
from dmfbook.claims.oracles.spectra import dense_sharpness
from dmfbook.network.factors import end_to_end, flatten, unflatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.training.descent import gradient_descent
from dmfbook.training.flow import gradient_flow
from dmfbook.training.trajectory import Trajectory
from dmfbook.zero_loss.factorizations import flat_factors, zero_loss_factors
from dmfbook.zero_loss.sharpness import flat_sharpness

ACCURACY = 1e-12  # relative error that the integrator allows itself in a step
ENOUGH = 1e-9  # gradient at which a run to zero loss ends
MOST_STEPS = 20_000  # of gradient descent


@dataclass(frozen=True)
class Start:
    """A problem, where to start, and for how long to run."""

    problem: Problem
    factors: list[Array]
    time: float = 1.0
    step: float = 0.0  # of gradient descent; zero for the flow
    enough: float = 0.0  # gradient at which to stop
    signs: bool = False  # whether a step follows the signs of the derivatives alone

    @cached_property
    def run(self) -> Trajectory:
        """Gradient flow, or gradient descent for as long, with the size of the factors on the way."""
        record = {"size": lambda factors: np.linalg.norm(flatten(factors))}
        if self.step:
            count = int(min(np.ceil(self.time / self.step), MOST_STEPS))
            return gradient_descent(
                self.problem,
                self.factors,
                self.step,
                count,
                record=record,
                tolerance=self.enough,
            )
        return gradient_flow(
            self.problem,
            self.factors,
            self.time,
            record=record,
            tolerance=self.enough,
            accuracy=ACCURACY,
        )

    @cached_property
    def deviation(self) -> float:
        """How far the integrator may move a difference of Gram matrices over the run.

        In each step an entry errs by at most its accuracy times the largest entry, so the point by `√N` times that;
        a difference of two Gram matrices changes by four times the error times the size of a factor.
        For gradient descent the same with rounding in place of the accuracy.
        """
        unit = 64 * float(np.finfo(float).eps) if self.step else ACCURACY
        size = float(np.max(self.run.records["size"]))
        return 4 * (self.run.steps + 1) * np.sqrt(self.problem.size) * unit * size**2

    @cached_property
    def end_sharpness(self) -> float:
        """Largest eigenvalue of the dense Hessian at the end, with the end's product for a target."""
        return dense_sharpness(self.run.factors)

    @cached_property
    def misfit(self) -> float:
        """Distance of the product from the target at the end."""
        return float(np.linalg.norm(self.problem.target - end_to_end(self.run.factors)))

    @cached_property
    def slope(self) -> list[Array]:
        """Gradient at the start by automatic differentiation, or its signs."""
        gradient = autograd.grad(squared_error(self.problem))(flatten(self.factors))
        return unflatten(np.sign(gradient) if self.signs else gradient, self.problem.widths)

    @property
    def largest_eigenvalue(self) -> float:
        """Largest eigenvalue of the dense Hessian at the start, in absolute value."""
        return float(np.abs(np.linalg.eigvalsh(hessian(self.problem, self.factors))).max())


StartMaker = Callable[[np.random.Generator], Start]


def anywhere(
    widths: Callable[[np.random.Generator], list[int]], weight: bool = False
) -> StartMaker:
    """Gaussian factors of the widths that a function draws, one weight for all layers or none."""

    def made(rng: np.random.Generator) -> Start:
        sizes = [int(width) for width in widths(rng)]
        target = rng.normal(size=(sizes[-1], sizes[0]))
        reg = float(rng.uniform(0.2, 0.5)) if weight else 0.0
        return Start(Problem(target, sizes[1:-1], reg), random_factors(rng, tuple(sizes)))

    return made


def two_layers(rng: np.random.Generator) -> list[int]:
    """Widths of depth 2, all different."""
    return (2 + rng.permutation(3)).tolist()


def several_layers(rng: np.random.Generator) -> list[int]:
    """Widths from 2 to 4 of depth 3 to 5."""
    return rng.integers(2, 5, size=rng.integers(4, 7)).tolist()


def one_hidden_unit(rng: np.random.Generator) -> list[int]:
    """Widths of depth 3 with a layer of width 1."""
    return [3, *rng.permutation([1, 4]).tolist(), 2]


def one_everywhere(rng: np.random.Generator) -> list[int]:
    """Widths of a number that is a product of 2 to 4 numbers."""
    return [1] * int(rng.integers(3, 6))


def with_a_layer_of_zeros(make: StartMaker) -> StartMaker:
    """The same, the first layer vanishes."""

    def made(rng: np.random.Generator) -> Start:
        case = make(rng)
        return replace(case, factors=[0 * case.factors[0], *case.factors[1:]])

    return made


def with_unequal_weights(rng: np.random.Generator) -> Start:
    """A weight for each layer, the first at least twice any other."""
    case = anywhere(several_layers)(rng)
    reg = rng.uniform(0.1, 0.4, size=case.problem.depth)
    reg[0] = rng.uniform(0.8, 1.2)
    problem = Problem(case.problem.target, case.problem.hidden_widths, reg)
    return replace(case, problem=problem)


def by_large_steps(rng: np.random.Generator) -> Start:
    """Gradient descent, with half the largest step that the start bears."""
    case = anywhere(several_layers)(rng)
    return replace(case, step=1 / case.largest_eigenvalue, time=20 / case.largest_eigenvalue)


def with_a_step(make: StartMaker, low: float, high: float) -> StartMaker:
    """One step of gradient descent, its size between two powers of ten."""

    def made(rng: np.random.Generator) -> Start:
        return replace(make(rng), step=float(10 ** rng.uniform(low, high)))

    return made


def by_signs(make: StartMaker) -> StartMaker:
    """The same, but each entry moves equally far."""
    return lambda rng: replace(make(rng), signs=True)


def to_zero_loss(problem: Problem, factors: list[Array]) -> Start:
    """A run that ends when the gradient is small beside the problem."""
    size = float(np.linalg.norm(problem.target, 2)) or 1.0
    return Start(problem, factors, 1e3, enough=ENOUGH * size ** (2 - 1 / problem.depth))


def neighbour(rng: np.random.Generator, target: Array) -> Array:
    """A matrix of the target's rows and columns, nearer to it than any of lower rank."""
    left, values, right = np.linalg.svd(target, full_matrices=False)
    rank = int(np.count_nonzero(values > 1e-9 * values[0]))
    shift = rng.standard_normal((rank, rank))
    core = np.diag(values[:rank]) + 0.5 * values[rank - 1] * shift / np.linalg.norm(shift)
    return np.asarray(left[:, :rank] @ core @ right[:rank])


def near_target(target: Array, hidden: list[int], rng: np.random.Generator) -> Start:
    """Balanced factors of a neighbour of the target."""
    return to_zero_loss(Problem(target, hidden), flat_factors(neighbour(rng, target), hidden, rng))


def balanced(depth: int) -> StartMaker:
    """Near a target of full rank with unequal sides; hidden layers at least as wide."""

    def made(rng: np.random.Generator) -> Start:
        sides = 2 + rng.permutation(2)
        hidden = rng.integers(2, 5, size=depth - 1).tolist()
        return near_target(random_target(rng, (int(sides[1]), int(sides[0]))), hidden, rng)

    return made


def balanced_repeated(rng: np.random.Generator) -> Start:
    """Near a target with two equal singular values."""
    value = rng.uniform(1, 2)
    return near_target(with_values(rng, np.array([value, value, value / 2]), (3, 4)), [3, 4], rng)


def balanced_of_low_rank(rng: np.random.Generator) -> Start:
    """Near a target of rank 2 with four rows, one hidden layer as narrow as that."""
    values = rng.uniform(1, 2) * np.array([1, rng.uniform(0.4, 0.8)])
    return near_target(with_values(rng, values, (4, 3)), [2, 3], rng)


def from_identity(rng: np.random.Generator, sign: float = 1.0) -> Start:
    """All layers the identity, a symmetric target; with a negative eigenvalue where `sign` is negative."""
    depth, values = int(rng.integers(2, 5)), rng.uniform(0.6, 2, size=3)
    values[2] *= sign
    basis = orthonormal_frame(3, 3, rng)
    case = to_zero_loss(Problem(basis * values @ basis.T, [3] * (depth - 1)), [np.eye(3)] * depth)
    return case if sign > 0 else replace(case, time=10.0)


def unbalanced(rng: np.random.Generator) -> Start:
    """Near the target, hidden layers seen through a change of basis of condition 4."""
    case = balanced(int(rng.integers(2, 5)))(rng)
    hidden = case.problem.hidden_widths
    nearby = neighbour(rng, case.problem.target)
    return replace(case, factors=zero_loss_factors(nearby, hidden, rng, condition=4.0))


def balanced_penalized(rng: np.random.Generator) -> Start:
    """Balanced, with weight decay."""
    case = balanced(int(rng.integers(2, 5)))(rng)
    problem = Problem(case.problem.target, case.problem.hidden_widths, rng.uniform(0.02, 0.1))
    return replace(case, problem=problem, time=20.0)


def balanced_by_large_steps(rng: np.random.Generator) -> Start:
    """Gradient descent with steps not small, from balanced factors of the target turned by 60 degrees."""
    left, right = orthonormal_frame(3, 2, rng), orthonormal_frame(2, 2, rng)
    values = rng.uniform(1, 3) * np.array([1, rng.uniform(0.4, 0.6)])
    turn = np.array([[0.5, -np.sqrt(0.75)], [np.sqrt(0.75), 0.5]])
    target, turned = left * values @ right.T, left @ turn * values @ right.T
    hidden = [3] * int(rng.integers(1, 3))
    step = 0.8 / flat_sharpness(target, len(hidden) + 1)
    case = to_zero_loss(Problem(target, hidden), flat_factors(turned, hidden, rng))
    return replace(case, step=step)


def two_vectors(rng: np.random.Generator, width: int = 0, sign: float = 1.0) -> Start:
    """A number of either sign and two Gaussian vectors whose product has its sign, or the other."""
    width = width or int(rng.integers(2, 6))
    number = float(rng.choice([-1, 1]) * rng.uniform(0.5, 2))
    first, second = rng.standard_normal((width, 1)), rng.standard_normal((1, width))
    if sign * (second @ first)[0, 0] * number < 0:
        second = -second
    return to_zero_loss(Problem([[number]], [width]), [first, second])


def two_vectors_to_zero(rng: np.random.Generator) -> Start:
    """The number is zero; the vectors are of different length, so that the flow takes no power of time."""
    width = int(rng.integers(1, 4))
    lengths = rng.permutation([0.5, 1.5])
    first, second = rng.standard_normal((width, 1)), rng.standard_normal((1, width))
    factors = [
        length * w / np.linalg.norm(w) for length, w in zip(lengths, (first, second), strict=True)
    ]
    return to_zero_loss(Problem([[0.0]], [width]), factors)


def two_vectors_by_large_steps(rng: np.random.Generator) -> Start:
    """Gradient descent with steps well beyond the limit, far from balance and from the target."""
    case = two_vectors(rng, width=int(rng.integers(1, 6)))
    first, second = (
        length * w / np.linalg.norm(w) for length, w in zip((2.0, 0.5), case.factors, strict=True)
    )
    target = second @ first + rng.uniform(1, 2)
    problem = Problem(target, case.problem.hidden_widths)
    return replace(case, problem=problem, factors=[first, second], step=0.05)


def two_vectors_penalized(rng: np.random.Generator) -> Start:
    """With weight decay."""
    case = two_vectors(rng)
    problem = Problem(case.problem.target, case.problem.hidden_widths, rng.uniform(0.05, 0.1))
    return replace(case, problem=problem, time=20.0)


def two_opposite_vectors(rng: np.random.Generator) -> Start:
    """Balanced vectors whose product has the wrong sign: the flow tends to the saddle at zero."""
    case = two_vectors(rng)
    first = case.factors[0]
    second = -np.sign(case.problem.target[0, 0]) * first.T
    return replace(case, factors=[first, second], time=5.0)


def with_sides(rng: np.random.Generator, depth: int, inputs: int, outputs: int) -> Start:
    """Gaussian factors near a target of other sides or depth."""
    hidden = [3] * (depth - 1)
    widths = [inputs, *hidden, outputs]
    factors = [w * np.sqrt(w.shape[1]) for w in random_factors(rng, tuple(widths))]
    shift = rng.standard_normal((outputs, inputs))
    target = end_to_end(factors) + 0.3 * shift / np.linalg.norm(shift)
    return to_zero_loss(Problem(target, hidden), factors)
