"""Claims of the chapter *Trace and nuclear norm*; the oracles differentiate, minimize and search."""

from __future__ import annotations

from functools import partial

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.flatness import factorizations, isometries
from dmfbook.claims.cases.flatness.factorizations import Factorizations, SensedPoint
from dmfbook.claims.cases.flatness.isometries import MomentCase, RankOneCase
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles.measurements import dense_matrices, square_root
from dmfbook.network.factors import partial_products
from dmfbook.sensing.ensembles import dense_sensing
from dmfbook.sensing.operator import SensingOperator
from dmfbook.zero_loss.trace import flattest_trace, sensing_hessian_trace

EPS = float(np.finfo(float).eps)


def written_trace(point: SensedPoint, squares: bool = True, outer: bool = True) -> float:
    """The sum of the proposition, term by term; rivals leave out squares or the outer layers."""
    left, right = partial_products(point.factors)
    matrices = dense_matrices(point.operator)
    layers = list(zip(left, right, strict=True))
    terms = [
        np.linalg.norm(a.T @ s @ b.T) ** (2 if squares else 1)
        for a, b in (layers if outer else layers[1:-1])
        for s in matrices
    ]
    return float(2 * np.sum(terms))


def compare_trace(point: SensedPoint, factor: float = 1.0, **changed: bool) -> Evidence:
    """Compare the sum with the trace of the Hessian by automatic differentiation."""
    formula = factor * written_trace(point, **changed)
    # The residual part cancels in no diagonal entry; its rounding scales with the residual.
    norms = float(np.prod([1 + np.linalg.norm(factor) for factor in point.factors]))
    scale = formula + norms**2 * (1 + float(np.linalg.norm(point.measurements)))
    size = sum(factor.size for factor in point.factors)
    return Evidence(abs(formula - point.differentiated_trace), 64 * size * EPS * scale)


@claim(
    "prop-sensing-trace",
    "The trace of a sensing loss",
    source="gatmiry2023flatness",
    status="derived",
    cases={
        "depth 2, entries": lambda rng: factorizations.sensed_point(rng, 2, True),
        "depth 3, Gaussian": lambda rng: factorizations.sensed_point(rng, 3, False),
        "depth 4, Gaussian": lambda rng: factorizations.sensed_point(rng, 4, False),
    },
    controls={
        "the loss is the squared error": factorizations.huber_point,
        "the layers are free of one another": factorizations.tied_point,
    },
    rivals={
        "half of it": partial(compare_trace, factor=0.5),
        "norms instead of their squares": partial(compare_trace, squares=False),
        "the inner layers alone": partial(compare_trace, outer=False),
    },
)
def sensing_trace(point: SensedPoint) -> Evidence:
    """Compare the sum, and the package's trace, with the differentiated Hessian's."""
    package = sensing_hessian_trace(point.operator, point.factors)
    written = written_trace(point)
    numeric = Evidence(abs(package - written), 1e-12 * written)
    return worst([numeric, compare_trace(point)])


def compare_least(
    case: Factorizations, sides: int = 1, power: float = 2.0, norm: str = "nuc", layers: int = 0
) -> Evidence:
    """Compare a formula with the least squared Jacobian that a search over factorizations finds."""
    depth = case.depth
    size = float(np.linalg.norm(case.target, norm))  # type: ignore[call-overload]
    constant = 2 * (depth - layers) * case.target.size ** (sides / depth)
    formula = constant * size ** (2 - power / depth)
    # The search stops at a slope of 1e-7, where values are off by the square of that.
    return Evidence(abs(case.least[0] - formula), 1e-9 * formula)


FULL = {
    "depth 2": partial(factorizations.seen_in_full, depth=2),
    "depth 3, spare units": partial(factorizations.seen_in_full, depth=3, wide=1),
    "depth 4, one column": partial(factorizations.seen_in_full, depth=4, columns=1),
}


@claim(
    "thm-flattest-trace",
    "The least trace over all factorizations",
    source="gatmiry2023flatness",
    status="derived",
    cases=FULL,
    controls={
        "the target is seen in full": factorizations.seen_unevenly,
        "no hidden width below the rank": factorizations.too_narrow,
    },
    rivals={
        "the Frobenius norm": partial(compare_least, norm="fro"),
        "the power 2−1/L": partial(compare_least, power=1.0),
        "without the sides": partial(compare_least, sides=0),
        "L−1 times": partial(compare_least, layers=1),
    },
)
def least_trace(case: Factorizations) -> Evidence:
    """Compare the formula with the least squared Jacobian that a search over factorizations finds."""
    if min(case.hidden_widths) < case.target.shape[1]:
        return Evidence(np.inf, 1.0)  # nothing to search: there is no factorization
    package = flattest_trace(case.target, case.depth)
    return worst([Evidence(abs(case.least[0] - package), 1e-9 * package), compare_least(case)])


def compare_layers(case: Factorizations, outer: float = 0.5, even: bool = False) -> Evidence:
    """Compare the singular values of all partial products at the minimizer that a search finds."""
    _, factors = case.least
    left, right = partial_products(factors)
    values = np.linalg.svd(case.target, compute_uv=False)
    sides, nuclear, depth = case.target.shape, values.sum(), len(factors)
    term = case.target.size ** (1 / depth) * nuclear ** (2 - 2 / depth)
    error, scale = 0.0, np.sqrt(term / (nuclear * sides[1]))
    for l in range(depth - 1):
        for product, size, power in (
            (left[l], scale, outer),
            (right[l + 1], 1 / scale, 1 - outer),
        ):
            found = np.linalg.svd(product, compute_uv=False)[: len(values)]
            error = max(error, float(np.abs(found - size * values**power).max()))
        scale *= 1.0 if even else np.sqrt(term) / nuclear
    # The search's slope of 1e-7, divided by curvatures that are not below 1e-2 for such targets.
    return Evidence(error, 1e-5)


@claim(
    "prop-flattest-factors",
    "The flattest factors",
    source="gatmiry2023flatness",
    status="derived",
    cases={
        "depth 3": partial(factorizations.seen_in_full, depth=3),
        "depth 2": partial(factorizations.seen_in_full, depth=2),
        "depth 4, spare units": partial(factorizations.seen_in_full, depth=4, wide=1),
    },
    controls={
        "the trace is least": factorizations.least_norm,
        "the target is seen in full": factorizations.seen_unevenly,
    },
    rivals={
        "the last layer takes two thirds of each mode": partial(compare_layers, outer=2 / 3),
        "the inner layers do not scale": partial(compare_layers, even=True),
    },
)
def flattest_layers(case: Factorizations) -> Evidence:
    """Compare the singular values of all partial products at the minimizer that a search finds."""
    return compare_layers(case)


def full_trace(factors: list[Array]) -> float:
    """Trace under full observation."""
    shape = (len(factors[-1]), factors[0].shape[1])
    return sensing_hessian_trace(
        dense_sensing(np.eye(shape[0] * shape[1]).reshape(-1, *shape)), factors
    )


def compare_ratio(
    case: RankOneCase, lower: float = 1.0, upper: float = 1.0, attained: bool = True
) -> Evidence:
    """Look for factors outside the bounds, and for factors that attain them."""
    low, high, other = (
        sensing_hessian_trace(case.operator, factors) / full_trace(factors)
        for factors in (*case.worst, case.others)
    )
    smallest, largest = lower * case.smallest, upper * case.largest
    outside = max(smallest - min(low, other), max(high, other) - largest, 0.0)
    gap = max(abs(low - smallest), abs(high - largest)) if attained else 0.0
    return Evidence(max(gap, outside), case.slack)


@claim(
    "thm-trace-under-rip",
    "The trace under restricted isometry",
    source="gatmiry2023flatness",
    status="paper's claim",
    cases={
        "depth 3": partial(isometries.rank_one_case, depth=3),
        "depth 5": partial(isometries.rank_one_case, depth=5),
    },
    controls={"the bounds hold for all matrices of rank one": isometries.bounds_on_entries},
    rivals={
        "the lower factor is a tenth higher": partial(compare_ratio, lower=1.1, attained=False),
        "the upper factor is a tenth lower": partial(compare_ratio, upper=0.9, attained=False),
        "the lower factor can be a tenth lower, no more": partial(compare_ratio, lower=0.9),
    },
)
def trace_under_rip(case: RankOneCase) -> Evidence:
    """Look for factors outside the bounds, and for factors that attain them."""
    return compare_ratio(case)


def compare_moments(
    case: MomentCase, outer: float = 1.0, inner: bool = True, attained: bool = False
) -> Evidence:
    """Compare the least trace that a search finds with both bounds, in units of that of full observation."""
    search, depth = case.search, case.search.depth
    if min(search.hidden_widths) < search.target.shape[1]:
        return Evidence(np.inf, 1.0)  # nothing to search: there is no factorization
    ratio = search.least[0] / flattest_trace(search.target, depth)
    rows, columns = case.moments
    low, high = (
        (rows[end] * columns[end] / search.target.size) ** (outer / depth)
        * (bound ** (1 - 2 / depth) if inner else 1.0)
        for end, bound in zip((0, -1), case.bounds, strict=True)
    )
    outside = max(float(low - ratio), float(ratio - high), 0.0)
    if attained:
        outside = max(outside, abs(float(ratio - case.bounds[0])))
    return Evidence(outside, 1e-8)


@claim(
    "prop-second-moments",
    "The outer layers see second moments",
    source="this book",
    status="derived",
    cases={
        "depth 3": partial(isometries.moments, depth=3),
        "depth 4": partial(isometries.moments, depth=4),
    },
    controls={"no hidden width below the rank": isometries.without_factorization},
    rivals={
        "1−δ_− is attained by the least trace": partial(compare_moments, attained=True),
        "the second moments count with the power −1/L": partial(compare_moments, outer=-1.0),
    },
)
def second_moments(case: MomentCase) -> Evidence:
    """Compare the least trace that a search finds with both bounds."""
    return compare_moments(case)


def weighted_trace(operator: SensingOperator, target: Array, depth: int, kind: str) -> float:
    """The least trace of the weighted target, at depth 2 ``4 ‖P^{1/2} X Q^{1/2}‖_*``.

    Rivals use the weights of the rows alone, or the weights themselves in place of their roots.
    """
    matrices = dense_matrices(operator)
    rows = (matrices @ matrices.mT).sum(axis=0) / target.shape[1]
    columns = (matrices.mT @ matrices).sum(axis=0) / target.shape[0]
    if kind == "squares":
        return flattest_trace(rows @ target @ columns, depth)
    weighted = square_root(rows) @ target
    return flattest_trace(weighted if kind == "rows" else weighted @ square_root(columns), depth)


def compare_weighted(case: Factorizations, kind: str = "both") -> Evidence:
    """Compare a weighted nuclear norm with the least squared Jacobian that a search finds."""
    if kind == "none":
        formula = flattest_trace(case.target, case.depth)
    else:
        formula = weighted_trace(case.operator, case.target, case.depth, kind)
    return Evidence(abs(case.least[0] - formula), 1e-9 * formula)


@claim(
    "prop-weighted-nuclear-norm",
    "Depth two, any measurements",
    source="ding2024flat",
    status="paper's claim",
    cases={
        "twice as many measurements as entries": partial(factorizations.seen_unevenly, depth=2),
        "three measurements of six entries": factorizations.seen_by_few,
    },
    controls={"two layers": partial(factorizations.seen_unevenly, depth=3)},
    rivals={
        "without the weights": partial(compare_weighted, kind="none"),
        "the weights of the rows alone": partial(compare_weighted, kind="rows"),
        "the weights themselves, not their roots": partial(compare_weighted, kind="squares"),
    },
)
def weighted_nuclear_norm(case: Factorizations) -> Evidence:
    """Compare the weighted nuclear norm with the least squared Jacobian that a search finds."""
    return compare_weighted(case)
