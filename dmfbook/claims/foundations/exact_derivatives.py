"""Claims of the chapter *Exact derivatives*; the oracle is automatic differentiation."""

from __future__ import annotations

from functools import partial

import autograd
import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.points import (
    POINTS,
    Point,
    crowded_zero_loss_point,
    entry_rounding,
    other_loss,
    penalized_zero_loss_point,
    perturbed_target,
    sparse_zero_loss_point,
    tied_layers,
)
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.network.factors import flatten, partial_products, unflatten
from dmfbook.network.hessian import hessian, hessian_trace
from dmfbook.network.operator import hessian_operator


def written_gradient(point: Point, fit: float = 2.0, penalty: float = 2.0) -> Array:
    """The theorem as it is written, with the numbers in front of its terms."""
    left, right = partial_products(point.factors)
    residual = point.problem.target - point.factors[-1] @ right[-1]
    layers = zip(left, right, point.problem.reg, point.factors, strict=True)
    return flatten(
        [-fit * a.T @ residual @ b.T + penalty * reg * factor for a, b, reg, factor in layers]
    )


def compare_gradient(point: Point, fit: float = 2.0, penalty: float = 2.0) -> Evidence:
    """Compare each entry of the gradient with reverse-mode differentiation."""
    differentiated = autograd.grad(point.objective)(point.vector)
    difference = written_gradient(point, fit, penalty) - differentiated
    return Evidence(float(np.abs(difference).max()), entry_rounding(point))


@claim(
    "thm-gradient",
    "The gradient",
    source="saxe2014exact",
    status="derived",
    cases=POINTS,
    controls={"the loss is the squared error": other_loss},
    rivals={
        "the residual counts once": partial(compare_gradient, fit=1.0),
        "the residual counts with a plus": partial(compare_gradient, fit=-2.0),
        "the penalty counts once": partial(compare_gradient, penalty=1.0),
    },
)
def gradient_formula(point: Point) -> Evidence:
    """Compare the formula and the package's gradient with reverse-mode differentiation."""
    package = flatten(point.problem.gradient(point.factors))
    difference = package - written_gradient(point)
    numeric = Evidence(float(np.abs(difference).max()), entry_rounding(point))
    return worst([numeric, compare_gradient(point)])


def written_hessian(
    point: Point,
    gauss_newton: float = 2.0,
    residual: float = 2.0,
    penalty: float = 2.0,
    transposed: bool = True,
    swapped: bool = False,
) -> Array:
    """The blocks of the theorem by Kronecker products, with the numbers in front of its terms.

    Rivals leave out the permutation ``K_l``, or swap both sides of the first Kronecker product.
    """
    factors, depth = point.factors, point.problem.depth
    left, right = partial_products(factors)
    rest = point.problem.target - factors[-1] @ right[-1]
    blocks = [[np.empty(0)] * depth for _ in factors]
    for l in range(depth):
        between = np.eye(len(factors[l]))  # C_kl
        for k in range(l, depth):
            sides = right[k] @ right[l].T, left[k].T @ left[l]
            block = gauss_newton * np.kron(*(sides[::-1] if swapped else sides))
            if k == l:
                block = block + penalty * point.problem.reg[k] * np.eye(len(block))
            else:
                part = np.kron(between, left[k].T @ rest @ right[l].T)
                block = block - residual * (
                    part[:, _transposition(factors[l])] if transposed else part
                )
                between = factors[k] @ between
            blocks[k][l], blocks[l][k] = block, block.T
    return np.block(blocks)


def _transposition(factor: Array) -> Array:
    """Columns in the order that makes ``M K`` of ``M``, where K takes ``vec Δ`` to ``vec Δᵀ``."""
    rows, cols = factor.shape
    # Column (c, e) of M K is the column of M that belongs to entry (e, c) of Δᵀ.
    return np.arange(rows * cols).reshape(rows, cols).ravel(order="F")


def compare_hessian(point: Point, **changed: float) -> Evidence:
    """Compare each entry of the blocks with automatic differentiation."""
    difference = written_hessian(point, **changed) - point.differentiated_hessian  # type: ignore[arg-type]
    return Evidence(float(np.abs(difference).max()), entry_rounding(point))


@claim(
    "thm-hessian",
    "The Hessian",
    source="singh2021analytic",
    status="derived",
    cases=POINTS,
    controls={"the loss is the squared error": other_loss},
    rivals={
        "the Gauss–Newton part alone": partial(compare_hessian, residual=0.0),
        "the residual part counts once": partial(compare_hessian, residual=1.0),
        "the Gauss–Newton part counts once": partial(compare_hessian, gauss_newton=1.0),
        "the penalty counts once": partial(compare_hessian, penalty=1.0),
        "no permutation in the residual part": partial(compare_hessian, transposed=False),
        "inputs and outputs exchanged": partial(compare_hessian, swapped=True),
    },
)
def hessian_formula(point: Point) -> Evidence:
    """Compare the formula and the package's Hessian with automatic differentiation."""
    difference = hessian(point.problem, point.factors) - written_hessian(point)
    package = Evidence(float(np.abs(difference).max()), entry_rounding(point))
    return worst([package, compare_hessian(point)])


def two_sweeps(
    point: Point,
    direction: Array,
    down: float = 1.0,
    across: float = 1.0,
    start: float = -1.0,
    penalty: float = 2.0,
) -> Array:
    """The proposition as it is written, with a number in front of four of its terms."""
    factors, reg = point.factors, point.problem.reg
    moves = unflatten(direction, point.problem.widths)
    left, right = partial_products(factors)
    product = factors[-1] @ right[-1]
    slopes = [a.T @ (point.problem.target - product) for a in left]  # D_l
    front = [np.zeros_like(right[0])]
    for factor, move, b in zip(factors, moves, right, strict=True):
        front.append(factor @ front[-1] + move @ b)
    back = [start * front.pop()]
    for l in range(len(factors) - 1, 0, -1):
        back.insert(0, factors[l].T @ back[0] + down * moves[l].T @ slopes[l])
    return flatten(
        [
            penalty * reg[l] * moves[l]
            - 2 * (back[l] @ right[l].T + across * slopes[l] @ front[l].T)
            for l in range(len(factors))
        ]
    )


def compare_product(point: Point, **changed: float) -> Evidence:
    """Compare a product with the differentiated Hessian times the direction."""
    direction = np.cos(np.arange(point.problem.size))  # no entry vanishes, none is special
    difference = two_sweeps(point, direction, **changed) - point.differentiated_hessian @ direction
    return Evidence(float(np.abs(difference).max()), point.problem.size * entry_rounding(point))


@claim(
    "prop-operator",
    "Products with the Hessian",
    source="pearlmutter1994fast",
    status="derived",
    cases=POINTS,
    controls={"the loss is the squared error": other_loss},
    rivals={
        "the layer's own move does not enter the sweep down": partial(compare_product, down=0.0),
        "the second product of a result is left out": partial(compare_product, across=0.0),
        "the sweep down starts with a plus": partial(compare_product, start=1.0),
        "the penalty counts once": partial(compare_product, penalty=1.0),
    },
)
def operator_product(point: Point) -> Evidence:
    """Compare the sweeps and the package's product with the differentiated Hessian."""
    direction = np.cos(np.arange(point.problem.size))
    difference = hessian_operator(point.problem, point.factors) @ direction
    difference = difference - two_sweeps(point, direction)
    package = Evidence(float(np.abs(difference).max()), point.problem.size * entry_rounding(point))
    return worst([package, compare_product(point)])


def compare_trace(point: Point, power: int = 2, fit: float = 2.0, weights: bool = True) -> Evidence:
    """Compare the formula for the trace with the differentiated Hessian's."""
    left, right = partial_products(point.factors)
    norms = [np.linalg.norm(a) * np.linalg.norm(b) for a, b in zip(left, right, strict=True)]
    sizes = [factor.size if weights else 1 for factor in point.factors]
    formula = fit * np.sum(np.power(norms, power)) + 2 * np.dot(point.problem.reg, sizes)
    difference = abs(float(formula - np.trace(point.differentiated_hessian)))
    return Evidence(difference, point.problem.size * entry_rounding(point))


@claim(
    "thm-trace",
    "The trace",
    source="gatmiry2023flatness",
    status="derived",
    cases=POINTS,
    controls={
        "the loss is the squared error": other_loss,
        "the layers are free of one another": tied_layers,
    },
    rivals={
        "norms instead of their squares": partial(compare_trace, power=1),
        "the fit counts once": partial(compare_trace, fit=1.0),
        "each weight counts once, whatever the size of its layer": partial(
            compare_trace, weights=False
        ),
    },
)
def trace_formula(point: Point) -> Evidence:
    """Compare the formula and the package's trace with that of the differentiated Hessian."""
    difference = hessian_trace(point.problem, point.factors) - np.trace(
        point.differentiated_hessian
    )
    package = Evidence(abs(float(difference)), point.problem.size * entry_rounding(point))
    return worst([package, compare_trace(point)])


def compare_spectrum(point: Point, fit: float = 2.0, layers: int | None = None) -> Evidence:
    """Compare the eigenvalues of the small matrix, zeros added, with those of the whole Hessian."""
    left, right = partial_products(point.factors)
    terms = [np.kron(b.T @ b, a @ a.T) for a, b in zip(left, right, strict=True)]
    small = fit * np.sum(terms[:layers], axis=0)
    whole = np.linalg.eigvalsh(point.differentiated_hessian)
    length = max(len(small), len(whole))
    # Where the small matrix is the larger one, the surplus of its eigenvalues is zero.
    padded = [
        np.sort(np.append(values, np.zeros(length - len(values))))
        for values in (np.linalg.eigvalsh(small), whole)
    ]
    # Weyl: eigenvalues move by at most the spectral norm of the perturbation.
    error = float(np.abs(padded[0] - padded[1]).max())
    return Evidence(error, length * entry_rounding(point))


@claim(
    "prop-gauss-newton",
    "The spectrum at zero loss",
    source="mulayoff2020unique",
    status="derived",
    cases={
        "more weights than entries": crowded_zero_loss_point,
        "fewer weights than entries": sparse_zero_loss_point,
    },
    controls={
        "the residual is zero": perturbed_target,
        "the weights are zero": penalized_zero_loss_point,
    },
    rivals={
        "without the factor 2": partial(compare_spectrum, fit=1.0),
        "the last layer adds nothing": partial(compare_spectrum, layers=-1),
        "the first layer alone": partial(compare_spectrum, layers=1),
    },
)
def gauss_newton_spectrum(point: Point) -> Evidence:
    """Compare the eigenvalues of the small matrix with those of the whole Hessian."""
    return compare_spectrum(point)
