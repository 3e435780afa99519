"""Claims of the chapter *The exact sharpness*; the oracle is the Hessian by automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import autograd
import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.points import Point, entry_rounding
from dmfbook.claims.cases.sharpness import zero_loss
from dmfbook.claims.cases.sharpness.zero_loss import ZERO_LOSS, Direction, off_target, penalized
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles.measurements import square_root
from dmfbook.claims.statements.sharpness import zero_loss as statements
from dmfbook.network.factors import end_to_end, flatten, partial_products
from dmfbook.zero_loss.sharpness import RESIDUAL, TOLERANCE, sharpest_direction, sharpness

Formula = Callable[[list[Array]], Any]


def rounding(point: Point) -> float:
    """Bound on the rounding error of an eigenvalue, of the Hessian or of the small matrix (Weyl)."""
    return max(point.problem.size, point.problem.target.size) * entry_rounding(point)


def top(matrices: list[Array]) -> float:
    """Twice the largest eigenvalue of a sum."""
    return 2 * float(np.linalg.eigvalsh(np.sum(matrices, axis=0))[-1])


def compare_formula(point: Point, formula: Formula) -> Evidence:
    """Compare a formula with the largest eigenvalue of the whole differentiated Hessian."""
    error = abs(float(formula(point.factors) - point.eigenvalues[-1]))
    return Evidence(error, rounding(point))


def without_squares(factors: list[Array]) -> float:
    """The partial products' absolute values in place of their Gram matrices."""
    pairs = zip(*partial_products(factors), strict=True)
    roots = [(square_root(b.T @ b), square_root(a @ a.T)) for a, b in pairs]
    return top([np.asarray(np.kron(*pair)) for pair in roots])


def in_spectral_norm(factors: list[Array]) -> float:
    """A value that the sum takes at a Z of spectral norm 1; their maximum is no less."""
    space = statements.maximizers(factors)
    change = space[:, 0].reshape(len(factors[-1]), -1, order="F")
    left, values, right = np.linalg.svd(change, full_matrices=False)
    # Singular values all one. With the right signs no cross term of the quadratic form is negative in sum.
    changes = [left * signs @ right for signs in product((1.0, -1.0), repeat=len(values))]
    moves = [flatten(statements.moves(factors, change)) for change in changes]
    return 2 * float(max(np.vdot(move, move) for move in moves))


@claim(
    "thm-sharpness",
    "The exact sharpness",
    source="kamber2025sharpness",
    status="paper's claim",
    cases=ZERO_LOSS,
    controls={
        "the residual is zero": off_target(zero_loss.generic),
        "the weights are zero": penalized(zero_loss.generic),
    },
    rivals={
        "without the factor 2": partial(
            compare_formula, formula=lambda w: top(statements.terms(w)) / 2
        ),
        "the first layer adds nothing": partial(
            compare_formula, formula=lambda w: top(statements.terms(w)[1:])
        ),
        "the last layer adds nothing": partial(
            compare_formula, formula=lambda w: top(statements.terms(w)[:-1])
        ),
        "a Z for each term": partial(
            compare_formula, formula=lambda w: 2 * np.sum(statements.norm_products(w) ** 2)
        ),
        "the largest term alone": partial(
            compare_formula, formula=lambda w: 2 * np.max(statements.norm_products(w) ** 2)
        ),
        "without the squares": partial(compare_formula, formula=without_squares),
        "Z has spectral norm 1": partial(compare_formula, formula=in_spectral_norm),
    },
)
def exact_sharpness(point: Point) -> Evidence:
    """Compare both forms and the package's number with the largest eigenvalue of the whole Hessian."""
    number = sharpness(point.factors)
    package = Evidence(abs(number - point.eigenvalues[-1]), rounding(point) + TOLERANCE * number)
    forms = (lambda w: top(statements.terms(w)), statements.largest_gain)
    return worst([package, *(compare_formula(point, form) for form in forms)])


def compare_direction(
    case: Direction,
    build: Callable[[list[Array], Array], list[Array]] = statements.moves,
    length: float = 0.5,
) -> Evidence:
    """Measure what the differentiated Hessian makes of ``(Δ_l)`` beyond a stretch, and its length."""
    point = case.point
    direction, value = flatten(build(point.factors, case.change)), point.eigenvalues[-1]
    if not direction.any():
        return Evidence(np.inf, 1.0)  # no eigenvector
    norm = float(np.linalg.norm(direction))
    rest = np.linalg.norm(point.differentiated_hessian @ direction - value * direction) / norm
    # The residual of Z in the small matrix is as large as an eigenvalue's rounding error, and J passes it on.
    return worst(
        [
            Evidence(float(rest), 4 * rounding(point)),
            Evidence(abs(norm**2 - length * value), 2 * rounding(point)),
        ]
    )


def compare_package(point: Point) -> Evidence:
    """Measure what the differentiated Hessian makes of the package's unit vector beyond a stretch."""
    value, found = sharpest_direction(point.factors)
    direction = flatten(found)
    image = autograd.hessian_vector_product(point.objective)(point.vector, direction)
    residual = float(np.linalg.norm(image - value * direction))
    unit = Evidence(abs(float(np.linalg.norm(direction)) - 1), 8 * TOLERANCE)
    return worst([Evidence(residual, rounding(point) + 2 * RESIDUAL * value), unit])


def from_the_target(factors: list[Array], _: Array) -> list[Array]:
    """The moves for a Z made of the target's leading singular vectors."""
    left, _, right = np.linalg.svd(end_to_end(factors))
    return statements.moves(factors, np.outer(left[:, 0], right[0]))


def of_one_length(factors: list[Array], change: Array) -> list[Array]:
    """The moves, each layer's stretched to the mean length."""
    found = statements.moves(factors, change)
    lengths = [np.linalg.norm(move) for move in found]
    mean = np.sqrt(np.mean(np.square(lengths)))
    return [move * (mean / (length or 1)) for move, length in zip(found, lengths, strict=True)]


def along_the_factors(factors: list[Array], change: Array) -> list[Array]:
    """The factors themselves, stretched to the length of the moves."""
    ratio = np.linalg.norm(flatten(statements.moves(factors, change))) / np.linalg.norm(
        flatten(factors)
    )
    return [ratio * factor for factor in factors]


@claim(
    "cor-sharpest-direction",
    "The sharpest direction",
    source="kamber2025sharpness",
    status="derived",
    cases={name: zero_loss.sharpest(make) for name, make in ZERO_LOSS.items()},
    controls={
        "the residual is zero": zero_loss.sharpest(off_target(zero_loss.generic)),
        "the weights are zero": zero_loss.sharpest(penalized(zero_loss.generic)),
        "Z attains the maximum": zero_loss.any_change,
        "the sharpness is positive": zero_loss.sharpest(zero_loss.flat_everywhere),
    },
    rivals={
        "the squared length is the sharpness": partial(compare_direction, length=1.0),
        "Z belongs to the target": partial(compare_direction, build=from_the_target),
        "all layers move equally far": partial(compare_direction, build=of_one_length),
        "each layer moves along itself": partial(compare_direction, build=along_the_factors),
    },
)
def eigenvector(case: Direction) -> Evidence:
    """Measure how the differentiated Hessian turns the direction; the package's one as well."""
    return worst([compare_direction(case), compare_package(case.point)])


@claim(
    "cor-sharpness-two-layers",
    "The sharpness at depth 2",
    source="kamber2025sharpness",
    status="derived",
    cases={
        "all widths different": zero_loss.shallow,
        "one hidden unit": zero_loss.shallow_narrow,
        "repeated singular values": zero_loss.shallow_orthogonal,
        "layers of very different size": zero_loss.shallow_lopsided,
        "the product vanishes": zero_loss.shallow_annihilating,
    },
    controls={
        "the residual is zero": off_target(zero_loss.shallow),
        "the weights are zero": penalized(zero_loss.shallow),
        "two layers": zero_loss.three_layers,
    },
    rivals={
        "without the factor 2": partial(
            compare_formula, formula=lambda w: np.sum(statements.spectral_norms(w) ** 2)
        ),
        "Frobenius norms": partial(
            compare_formula, formula=lambda w: 2 * sum(np.vdot(x, x) for x in w)
        ),
        "the larger layer alone": partial(
            compare_formula, formula=lambda w: 2 * np.max(statements.spectral_norms(w) ** 2)
        ),
        "norms, not their squares": partial(
            compare_formula, formula=lambda w: 2 * np.sum(statements.spectral_norms(w))
        ),
        "the mean of both is the geometric one": partial(
            compare_formula, formula=lambda w: 4 * np.prod(statements.spectral_norms(w))
        ),
    },
)
def two_layers(point: Point) -> Evidence:
    """Compare the sum of two squared spectral norms with the differentiated Hessian."""
    return compare_formula(point, lambda w: 2 * float(np.sum(statements.spectral_norms(w) ** 2)))


def compare_number(
    point: Point, formula: Formula | None = None, rank: Callable[[int], bool] = lambda r: r <= 1
) -> Evidence:
    """Compare a formula with the largest eigenvalue and the trace; count the other eigenvalues."""
    value = (formula or statements.sum_of_terms)(point.factors)
    found, allowed = point.eigenvalues, rounding(point)
    trace = float(np.trace(point.differentiated_hessian))
    counted = rank(int(np.sum(np.abs(found) > allowed)))
    return worst(
        [
            Evidence(abs(value - found[-1]), allowed),
            Evidence(abs(value - trace), allowed),
            Evidence(0.0 if counted else np.inf, 1.0),
        ]
    )


@claim(
    "cor-sharpness-scalar",
    "The sharpness of a factored number",
    source="kamber2025sharpness",
    status="paper's claim",
    cases={
        "depth 2": partial(zero_loss.number, depth=2),
        "depth 3 to 6": zero_loss.number,
        "one unit in each layer": zero_loss.number_of_numbers,
        "a layer of zeros": partial(zero_loss.number_that_is_zero, layers=1),
        "two layers of zeros": partial(zero_loss.number_that_is_zero, layers=2),
    },
    controls={
        "the residual is zero": off_target(zero_loss.number),
        "the weights are zero": penalized(zero_loss.number),
        "one input": partial(zero_loss.number, inputs=3),
        "one output": partial(zero_loss.number, outputs=3),
    },
    rivals={
        "without the factor 2": partial(
            compare_number, formula=lambda w: statements.sum_of_terms(w) / 2
        ),
        "the largest term alone": partial(
            compare_number, formula=lambda w: 2 * np.max(statements.norm_products(w) ** 2)
        ),
        "norms, not their squares": partial(
            compare_number, formula=lambda w: 2 * np.sum(statements.norm_products(w))
        ),
        "the norm of each layer": partial(compare_number, formula=statements.sum_of_products),
        "the last layer adds nothing": partial(
            compare_number, formula=lambda w: 2 * np.sum(statements.norm_products(w)[:-1] ** 2)
        ),
        "the rank is always one": partial(compare_number, rank=lambda r: r == 1),
        "the rank is always zero": partial(compare_number, rank=lambda r: r == 0),
    },
)
def scalar_sum(point: Point) -> Evidence:
    """Compare the sum with the largest eigenvalue and with the trace; look for another eigenvalue."""
    return compare_number(point)


def compare_bound(
    point: Point,
    bound: Formula = statements.sum_of_terms,
    equal: Callable[[list[Array]], bool] = statements.shares,
    sign: float = 1.0,
) -> Evidence:
    """Compare with the differentiated Hessian, and whether both agree with what is said of equality."""
    factors, allowed = point.factors, rounding(point)
    gap = float(bound(factors) - point.eigenvalues[-1])
    if equal(factors):
        return Evidence(abs(gap), allowed)
    # Strict, and on the right side.
    return Evidence(max(-sign * gap, 0.0) if abs(gap) > allowed else np.inf, allowed)


@claim(
    "prop-sharpness-bound",
    "When the upper bound is the sharpness",
    source="kamber2025sharpness",
    status="derived",
    cases={
        "aligned layers": zero_loss.aligned,
        "multiples of orthogonal matrices": zero_loss.orthogonal,
        "depth 2": zero_loss.shallow,
        "a number, depth 3 to 6": zero_loss.number,
        "nothing in common": zero_loss.apart(zero_loss.nothing_in_common),
        "one output": zero_loss.apart(partial(zero_loss.number, inputs=3)),
        "one input": zero_loss.apart(partial(zero_loss.number, outputs=3)),
    },
    controls={
        "the residual is zero": off_target(zero_loss.aligned),
        "the weights are zero": penalized(zero_loss.aligned),
        "the target is not zero": zero_loss.apart(zero_loss.broad_with_a_layer_of_zeros),
    },
    rivals={
        "without the factor 2": partial(
            compare_bound, bound=lambda w: statements.sum_of_terms(w) / 2
        ),
        "it bounds from below": partial(compare_bound, sign=-1.0),
        "the norm of each layer": partial(compare_bound, bound=statements.sum_of_products),
        "always equal": partial(compare_bound, equal=lambda w: True),
        "equal at depth 2 alone": partial(compare_bound, equal=lambda w: len(w) == 2),
        "equal for aligned layers alone": partial(compare_bound, equal=statements.has_path),
        "x alone is enough": partial(compare_bound, equal=partial(statements.shares, sides=(0,))),
        "y alone is enough": partial(compare_bound, equal=partial(statements.shares, sides=(1,))),
    },
)
def upper_bound(point: Point) -> Evidence:
    """Compare the bound with the differentiated Hessian, and equality with what its vectors say."""
    factors = point.factors
    named = len(factors) == 2 or statements.is_number(factors) or statements.has_path(factors)
    if named and not statements.shares(factors):
        return Evidence(np.inf, 1.0)
    return compare_bound(point)
