"""Points at which derivatives are compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array
from dmfbook.claims.oracles.differentiation import Objective, pseudo_huber, squared_error
from dmfbook.network.factors import end_to_end, flatten
from dmfbook.network.problem import Problem


@dataclass(frozen=True)
class Point:
    """A case: where the formulas are evaluated, and what automatic differentiation differentiates."""

    problem: Problem
    factors: list[Array]
    objective: Objective
    vector: Array

    @cached_property
    def differentiated_hessian(self) -> Array:
        """Hessian by automatic differentiation, in the order of `vector`."""
        return np.asarray(autograd.hessian(self.objective)(self.vector))

    @cached_property
    def eigenvalues(self) -> Array:
        """Eigenvalues of that Hessian, in ascending order."""
        return np.asarray(np.linalg.eigvalsh(self.differentiated_hessian))


def random_factors(rng: np.random.Generator, widths: tuple[int, ...]) -> list[Array]:
    """Gaussian factors whose products stay of order one."""
    return [
        rng.normal(size=(after, before)) / np.sqrt(before) for before, after in pairwise(widths)
    ]


def random_point(rng: np.random.Generator) -> Point:
    """A point of a problem of depth 2 to 5 with unequal widths up to 4 and unequal weights."""
    return _point(rng, rng.integers(1, 5, size=rng.integers(3, 7)))


def shallow_point(rng: np.random.Generator) -> Point:
    """Depth 2, all widths different."""
    return _point(rng, 2 + rng.permutation(3))


def deep_point(rng: np.random.Generator) -> Point:
    """Depth 4 to 6, widths 2 and 3 in turn, so that no side of a product is square by chance."""
    return _point(rng, 2 + (np.arange(rng.integers(5, 8)) + rng.integers(2)) % 2)


def narrow_point(rng: np.random.Generator) -> Point:
    """Depth 3 or 4, with a hidden layer of width 1."""
    widths = rng.integers(2, 5, size=rng.integers(4, 6))
    widths[rng.integers(1, len(widths) - 1)] = 1
    return _point(rng, widths)


def point_with_a_layer_of_zeros(rng: np.random.Generator) -> Point:
    """Depth 3, the end-to-end matrix is zero."""
    point = _point(rng, rng.integers(2, 5, size=4))
    factors = [*point.factors]
    factors[rng.integers(3)][:] = 0
    return Point(point.problem, factors, point.objective, flatten(factors))


# The kinds of points at which every formula is tested.
POINTS = {
    "depth 2": shallow_point,
    "depth 4 to 6": deep_point,
    "a layer of width 1": narrow_point,
    "a layer of zeros": point_with_a_layer_of_zeros,
}


def other_loss(rng: np.random.Generator) -> Point:
    """The loss is not the squared error."""
    point = shallow_point(rng) if rng.integers(2) else deep_point(rng)
    return Point(point.problem, point.factors, pseudo_huber(point.problem), point.vector)


def _point(rng: np.random.Generator, sizes: ArrayLike) -> Point:
    widths = tuple(np.asarray(sizes).tolist())
    target = 2 * rng.normal(size=(widths[-1], widths[0]))
    problem = Problem(target, widths[1:-1], rng.uniform(0.3, 1, len(widths) - 1))
    factors = random_factors(rng, widths)
    return Point(problem, factors, squared_error(problem), flatten(factors))


def tied_layers(rng: np.random.Generator) -> Point:
    """All layers are one square matrix, so the end-to-end matrix is not linear in it."""
    width, depth = int(rng.integers(2, 5)), int(rng.integers(2, 5))
    target = rng.normal(size=(width, width))
    problem = Problem(target, [width] * (depth - 1), rng.uniform(0, 1))
    factor = rng.normal(size=(width, width))
    untied = squared_error(problem)

    def objective(vector: Array) -> Any:
        return untied(anp.concatenate([vector] * depth))

    return Point(problem, [factor] * depth, objective, factor.ravel(order="F"))


def zero_loss_point(rng: np.random.Generator) -> Point:
    """A point at which the end-to-end matrix is the target, without regularization."""
    return at_zero_loss(random_point(rng))


def crowded_zero_loss_point(rng: np.random.Generator) -> Point:
    """Zero loss, with more weights than the end-to-end matrix has entries."""
    return at_zero_loss(deep_point(rng))


def sparse_zero_loss_point(rng: np.random.Generator) -> Point:
    """Zero loss behind a single hidden unit, with fewer weights than entries."""
    outer = rng.integers(3, 5, size=2)
    return at_zero_loss(_point(rng, (outer[0], 1, outer[1])))


def at_zero_loss(point: Point) -> Point:
    """The same factors for the target that they make, without regularization."""
    problem = Problem(end_to_end(point.factors), point.problem.hidden_widths)
    return Point(problem, point.factors, squared_error(problem), point.vector)


def perturbed_target(rng: np.random.Generator) -> Point:
    """The residual is not zero, and curves the objective."""
    point = zero_loss_point(rng)
    product = point.problem.target
    target = product + rng.choice([-1, 1]) * np.ones(product.shape)
    problem = Problem(target, point.problem.hidden_widths)
    return Point(problem, point.factors, squared_error(problem), point.vector)


def penalized_zero_loss_point(rng: np.random.Generator) -> Point:
    """The end-to-end matrix is the target, but the weights are not zero."""
    point = zero_loss_point(rng)
    reg = rng.uniform(0.3, 1, point.problem.depth)
    problem = Problem(point.problem.target, point.problem.hidden_widths, reg)
    return Point(problem, point.factors, squared_error(problem), point.vector)


def entry_rounding(point: Point) -> float:
    """Bound on the rounding error of a derivative's entry.

    Every term is a product of partial products, whose norms are below ``p = Π max(1, ‖W_l‖_F)``, and
    at most one residual; each takes part in sums of at most ``2 L max d_l`` roundings.
    """
    problem = point.problem
    norms = [max(1.0, float(np.linalg.norm(factor))) for factor in point.factors]
    p = float(np.prod(norms))
    largest = 4 * p * (float(np.linalg.norm(problem.target)) + p) + 2 * max(problem.reg) * max(
        norms
    )
    return 2 * problem.depth * max(problem.widths) * np.finfo(float).eps * largest
