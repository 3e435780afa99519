"""Claims of the chapter *The exact sharpness*; the oracle is the Hessian by automatic differentiation."""

from __future__ import annotations

from itertools import pairwise

import autograd
import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.points import (
    Point,
    entry_rounding,
    perturbed_target,
    random_factors,
    zero_loss_point,
)
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles.differentiation import squared_error
from dmfbook.network.factors import end_to_end, flatten, partial_products
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.problem import Problem
from dmfbook.zero_loss.sharpness import TOLERANCE, sharpest_direction, sharpness, spectral_products


def point_of(factors: list[Array]) -> Point:
    """The zero-loss point of these factors: their end-to-end matrix is the target."""
    problem = Problem(end_to_end(factors), [len(factor) for factor in factors[:-1]])
    return Point(problem, factors, squared_error(problem), flatten(factors))


def zero_loss_point_of(rng: np.random.Generator, widths: list[int]) -> Point:
    """A random zero-loss point of the given widths."""
    return point_of(random_factors(rng, tuple(widths)))


def off_target(rng: np.random.Generator, point: Point) -> Point:
    """The same factors with a residual of the size of the end-to-end matrix."""
    product = point.problem.target
    shift = rng.choice([-1, 1]) * max(1.0, float(np.abs(product).max())) * np.ones(product.shape)
    problem = Problem(product + shift, point.problem.hidden_widths)
    return Point(problem, point.factors, squared_error(problem), point.vector)


def shallow_point(rng: np.random.Generator) -> Point:
    """Depth 2 with unequal widths up to 5, zero loss."""
    return zero_loss_point_of(rng, rng.integers(1, 6, size=3).tolist())


def shallow_point_off_target(rng: np.random.Generator) -> Point:
    """Control: depth 2 with a residual."""
    return off_target(rng, shallow_point(rng))


def scalar_point(rng: np.random.Generator) -> Point:
    """A number factored to depth 2 to 6 with hidden widths up to 4."""
    hidden = rng.integers(1, 5, size=rng.integers(1, 6)).tolist()
    return zero_loss_point_of(rng, [1, *hidden, 1])


def vector_point(rng: np.random.Generator) -> Point:
    """Control: a vector is factored, and the Hessian has a second positive eigenvalue."""
    hidden = rng.integers(2, 5, size=rng.integers(1, 5)).tolist()
    return zero_loss_point_of(rng, [1, *hidden, 3])


def aligned_point(rng: np.random.Generator) -> Point:
    """Depth 3 to 6; the leading singular vectors of each layer continue those of the next."""
    widths = rng.integers(2, 5, size=rng.integers(4, 8)).tolist()
    bases = [orthonormal_frame(width, width, rng) for width in widths]
    factors = []
    for (before, after), (right, left) in zip(pairwise(widths), pairwise(bases), strict=True):
        values = np.zeros((after, before))
        np.fill_diagonal(values, np.sort(rng.uniform(0.2, 1.5, min(after, before)))[::-1])
        factors.append(left @ values @ right.T)
    return point_of(factors)


def misaligned_point(rng: np.random.Generator) -> Point:
    """Control: depth 3 to 6 with nothing in common."""
    return zero_loss_point_of(rng, rng.integers(2, 5, size=rng.integers(4, 8)).tolist())


def differentiated_sharpness(point: Point) -> float:
    """Largest eigenvalue of the Hessian that automatic differentiation gives."""
    return float(np.linalg.eigvalsh(autograd.hessian(point.objective)(point.vector))[-1])


def eigenvalue_rounding(point: Point) -> float:
    """Bound on the rounding error of an eigenvalue (Weyl)."""
    return point.problem.size * entry_rounding(point)


@claim(
    "thm-sharpness",
    "The exact sharpness",
    source="kamber2025sharpness",
    status="paper's claim",
    cases={"zero loss, unequal widths": zero_loss_point},
    controls={"the residual is zero": perturbed_target},
)
def exact_sharpness(point: Point) -> Evidence:
    """Compare with the largest eigenvalue of the whole differentiated Hessian."""
    value = sharpness(point.factors)
    error = abs(value - differentiated_sharpness(point))
    return Evidence(error, eigenvalue_rounding(point) + TOLERANCE * value)


@claim(
    "cor-sharpest-direction",
    "The sharpest direction",
    source="kamber2025sharpness",
    status="derived",
    cases={"zero loss, unequal widths": zero_loss_point},
    controls={"the residual is zero": perturbed_target},
)
def eigenvector(point: Point) -> Evidence:
    """Measure how far the differentiated Hessian turns or stretches it by anything but the sharpness."""
    value, moves = sharpest_direction(point.factors)
    direction = flatten(moves)
    product = autograd.hessian_vector_product(point.objective)(point.vector, direction)
    residual = np.linalg.norm(product - value * direction)
    length = abs(np.linalg.norm(direction) - 1)
    tolerance = eigenvalue_rounding(point) + 1e-9 * value
    return Evidence(float(residual + value * length), tolerance)


@claim(
    "cor-sharpness-two-layers",
    "The sharpness at depth 2",
    source="kamber2025sharpness",
    status="derived",
    cases={"depth 2, unequal widths": shallow_point},
    controls={"the residual is zero": shallow_point_off_target},
)
def two_layers(point: Point) -> Evidence:
    """Compare the sum of two squared spectral norms with the differentiated Hessian."""
    formula = 2 * sum(float(np.linalg.norm(factor, 2)) ** 2 for factor in point.factors)
    return Evidence(abs(formula - differentiated_sharpness(point)), eigenvalue_rounding(point))


@claim(
    "cor-sharpness-scalar",
    "The sharpness of a factored number",
    source="kamber2025sharpness",
    status="paper's claim",
    cases={"a number, depth 2 to 6": scalar_point},
    controls={"the target is a number": vector_point},
)
def scalar_sum(point: Point) -> Evidence:
    """Compare the sum over the layers, which is the trace, with the differentiated Hessian."""
    pairs = zip(*partial_products(point.factors), strict=True)
    formula = 2 * sum(float(np.vdot(a, a) * np.vdot(b, b)) for a, b in pairs)
    return Evidence(abs(formula - differentiated_sharpness(point)), eigenvalue_rounding(point))


@claim(
    "prop-sharpness-bound",
    "When the upper bound is the sharpness",
    source="kamber2025sharpness",
    status="derived",
    cases={"depth 3 to 6, aligned layers": aligned_point},
    controls={"the layers share their leading directions": misaligned_point},
)
def upper_bound(point: Point) -> Evidence:
    """Compare the bound with the differentiated Hessian at points whose layers share a direction."""
    bound = 2 * float(np.sum(spectral_products(point.factors) ** 2))
    return Evidence(abs(bound - differentiated_sharpness(point)), eigenvalue_rounding(point))
