"""Points at which derivatives are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import autograd.numpy as anp
import numpy as np

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


def random_factors(rng: np.random.Generator, widths: tuple[int, ...]) -> list[Array]:
    """Gaussian factors whose products stay of order one."""
    return [
        rng.normal(size=(after, before)) / np.sqrt(before) for before, after in pairwise(widths)
    ]


def random_point(rng: np.random.Generator) -> Point:
    """A point of a problem of depth 2 to 5 with unequal widths up to 4 and unequal weights."""
    return _point(rng, squared_error)


def other_loss(rng: np.random.Generator) -> Point:
    """Control: the loss is not the squared error."""
    return _point(rng, pseudo_huber)


def _point(rng: np.random.Generator, objective: Callable[[Problem], Objective]) -> Point:
    widths = tuple(int(width) for width in rng.integers(1, 5, size=rng.integers(3, 7)))
    target = 2 * rng.normal(size=(widths[-1], widths[0]))
    problem = Problem(target, widths[1:-1], rng.uniform(0, 1, len(widths) - 1))
    factors = random_factors(rng, widths)
    return Point(problem, factors, objective(problem), flatten(factors))


def tied_layers(rng: np.random.Generator) -> Point:
    """Control: all layers are one square matrix, so the end-to-end matrix is not linear in it."""
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
    point = random_point(rng)
    problem = Problem(end_to_end(point.factors), point.problem.hidden_widths)
    return Point(problem, point.factors, squared_error(problem), point.vector)


def perturbed_target(rng: np.random.Generator) -> Point:
    """Control: the residual is not zero, and curves the objective."""
    point = zero_loss_point(rng)
    product = point.problem.target
    target = product + rng.choice([-1, 1]) * np.ones(product.shape)
    problem = Problem(target, point.problem.hidden_widths)
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
