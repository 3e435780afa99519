"""Claims of the chapter *Exact derivatives*; the oracle is automatic differentiation."""

from __future__ import annotations

import autograd
import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.points import (
    Point,
    entry_rounding,
    other_loss,
    perturbed_target,
    random_point,
    tied_layers,
    zero_loss_point,
)
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.network.factors import flatten, partial_products
from dmfbook.network.hessian import hessian, hessian_trace
from dmfbook.network.operator import hessian_operator


@claim(
    "thm-gradient",
    "The gradient",
    source="this book",
    status="derived",
    cases={"depth 2 to 5, unequal widths and weights": random_point},
    controls={"the loss is the squared error": other_loss},
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
    cases={"depth 2 to 5, unequal widths and weights": random_point},
    controls={"the loss is the squared error": other_loss},
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
    cases={"depth 2 to 5, unequal widths and weights": random_point},
    controls={"the loss is the squared error": other_loss},
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
    cases={"depth 2 to 5, unequal widths and weights": random_point},
    controls={"the layers are free of one another": tied_layers},
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
    cases={"zero loss, no regularization": zero_loss_point},
    controls={"the residual is zero": perturbed_target},
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
