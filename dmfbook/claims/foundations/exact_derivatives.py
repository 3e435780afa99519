"""Claims of the chapter *Exact derivatives*; the oracle is automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.claim import Evidence, claim
from dmfbook.network.factors import end_to_end, flatten, partial_products
from dmfbook.network.hessian import hessian, hessian_trace
from dmfbook.network.operator import hessian_operator
from dmfbook.network.problem import Problem

Objective = Callable[[Array], Any]


@dataclass(frozen=True)
class Point:
    """A case: where the formulas are evaluated, and what automatic differentiation differentiates."""

    problem: Problem
    factors: list[Array]
    objective: Objective
    vector: Array


def squared_error(problem: Problem) -> Objective:
    """The objective of `problem` as a function of the stacked factors, for automatic differentiation."""
    return _objective(problem, lambda residual: residual**2)


def pseudo_huber(problem: Problem) -> Objective:
    """The same with the pseudo-Huber fit, whose second derivative is not constant."""
    return _objective(problem, lambda residual: 2 * (anp.sqrt(1 + residual**2) - 1))


def _objective(problem: Problem, fit: Callable[[Any], Any]) -> Objective:
    shapes = list(pairwise(problem.widths))

    def objective(vector: Array) -> Any:
        product, penalty, start = anp.eye(shapes[0][0]), 0.0, 0
        for (before, after), reg in zip(shapes, problem.reg, strict=True):
            entries = vector[start : start + before * after]
            product = anp.reshape(entries, (before, after)).T @ product
            penalty = penalty + reg * anp.sum(entries**2)
            start += before * after
        return anp.sum(fit(problem.target - product)) + penalty

    return objective


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


@claim(
    "thm-gradient",
    "The gradient",
    source="this book",
    status="derived",
    case=random_point,
    control=other_loss,
)
def gradient_formula(point: Point) -> Evidence:
    """Compare each entry of the gradient with reverse-mode differentiation."""
    formula = flatten(point.problem.gradient(point.factors))
    differentiated = autograd.grad(point.objective)(point.vector)
    return Evidence(float(np.abs(formula - differentiated).max()), entry_rounding(point))


@claim(
    "thm-hessian",
    "The Hessian",
    source="this book",
    status="derived",
    case=random_point,
    control=other_loss,
)
def hessian_formula(point: Point) -> Evidence:
    """Compare each entry of the Hessian with automatic differentiation."""
    difference = hessian(point.problem, point.factors) - _differentiated_hessian(point)
    return Evidence(float(np.abs(difference).max()), entry_rounding(point))


@claim(
    "prop-operator",
    "Products with the Hessian",
    source="this book",
    status="derived",
    case=random_point,
    control=other_loss,
)
def operator_product(point: Point) -> Evidence:
    """Compare a product with the derivative of the gradient along the direction, differentiated."""
    direction = np.cos(np.arange(point.problem.size))  # no entry vanishes, none is special
    product = hessian_operator(point.problem, point.factors) @ direction
    slope = autograd.hessian_vector_product(point.objective)(point.vector, direction)
    tolerance = point.problem.size * entry_rounding(point)
    return Evidence(float(np.abs(product - slope).max()), tolerance)


@claim(
    "thm-trace",
    "The trace",
    source="this book",
    status="derived",
    case=random_point,
    control=tied_layers,
)
def trace_formula(point: Point) -> Evidence:
    """Compare the trace with that of the differentiated Hessian."""
    formula = hessian_trace(point.problem, point.factors)
    differentiated = np.trace(_differentiated_hessian(point))
    return Evidence(abs(formula - differentiated), point.problem.size * entry_rounding(point))


@claim(
    "prop-gauss-newton",
    "The spectrum at zero loss",
    source="this book",
    status="derived",
    case=zero_loss_point,
    control=perturbed_target,
)
def gauss_newton_spectrum(point: Point) -> Evidence:
    """Compare the eigenvalues of the small matrix, zeros added, with those of the whole Hessian."""
    left, right = partial_products(point.factors)
    terms = [np.kron(b.T @ b, a @ a.T) for a, b in zip(left, right, strict=True)]
    small = 2 * np.sum(terms, axis=0)
    whole = np.linalg.eigvalsh(_differentiated_hessian(point))
    padded = np.zeros(max(len(small), len(whole)))
    padded[: len(small)] = np.linalg.eigvalsh(small)
    # Where the small matrix is the larger one, the surplus of its eigenvalues is zero.
    whole = np.append(whole, np.zeros(len(padded) - len(whole)))
    error = np.abs(np.sort(padded) - np.sort(whole)).max()
    # Weyl: eigenvalues move by at most the spectral norm of the perturbation.
    return Evidence(float(error), len(padded) * entry_rounding(point))


def _differentiated_hessian(point: Point) -> Array:
    return autograd.hessian(point.objective)(point.vector)
