"""Claims of the chapter *Flat minima*; the oracles are dense Hessians and a search over factorizations.

The search starts from random factorizations of the target, and knows neither singular values nor flat minima.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.sharpness import flat_points, paths
from dmfbook.claims.cases.sharpness.flat_points import (
    REACHED,
    ROUNDING,
    SHALLOW_OR_NUMBERS,
    SHAPES,
    FlatPoint,
    kinds,
    norms_equal,
    penalized,
)
from dmfbook.claims.cases.sharpness.paths import Path, Relaxed
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.statements.sharpness.flatness import (
    OTHER_CONDITIONS,
    Deviation,
    balance_deviation,
    block_values,
    followed,
    largest_share,
    layer_deviation,
    least_sharpness,
    path_gaps,
    product_deviation,
    smallest_product,
)
from dmfbook.network.factors import end_to_end
from dmfbook.zero_loss.sharpness import spectral_products

VACUOUS = "without it there is no factorization, and nothing is said"


def compare_least(case: FlatPoint, norm: float = np.inf, **changed: float) -> Evidence:
    """Compare the least sharpness that a search finds with the formula."""
    formula = least_sharpness(case.sigma, case.problem.depth, norm=norm, **changed)
    return Evidence(abs(case.search.least - formula), REACHED * formula)


def compare_companion(
    case: FlatPoint, companion: Callable[[FlatPoint], list[Array] | None]
) -> Evidence:
    """The rival that other factors of the same target are flat as well, where there are such."""
    factors = companion(case)
    return Evidence(0.0 if factors is None else abs(case.excess(factors)), REACHED + ROUNDING)


@claim(
    "thm-flat-value",
    "The least sharpness of all factorizations",
    source="mulayoff2020unique",
    status="paper's claim",
    cases=kinds(flat_points.balanced, SHAPES),
    controls={
        "no regularization": partial(penalized, make=flat_points.balanced),
        "the product is the target": flat_points.off_target,
        "no hidden width below the rank": flat_points.too_narrow,
    },
    not_needed={"M ≠ 0": "the least sharpness of factors of zero is zero, as the formula says"},
    rivals={
        "half of it": partial(compare_least, factor=1.0),
        "L−1 times": partial(compare_least, layers=1),
        "the power 2−1/L": partial(compare_least, power=1.0),
        "the power 1, as at depth 2": lambda case: compare_least(case, power=case.problem.depth),
        "the Frobenius norm of the target": partial(compare_least, norm=2),
        "equal Frobenius norms of the layers attain it": partial(
            compare_companion, companion=partial(norms_equal, norm="fro")
        ),
    },
)
def least_value(case: FlatPoint) -> Evidence:
    """Compare the formula with the least that a search finds, and with balanced factors."""
    formula = least_sharpness(case.sigma, case.problem.depth)
    gap = np.linalg.norm(end_to_end(case.factors) - case.problem.target, 2)
    return worst(
        [
            Evidence(float(gap), ROUNDING * float(case.sigma[0])),
            Evidence(abs(case.sharpness - formula), ROUNDING * formula),
            compare_least(case),
        ]
    )


def compare_path(case: FlatPoint, pairs: Sequence[int] | None = None, **changed: float) -> Evidence:
    """Follow singular vectors through the layers; compare what the layers do with the stretch ``σ^{1/L}``.

    Those with the largest singular value, unless `pairs` is given.
    """
    sigma, factors = case.sigma, case.factors
    if pairs is None:
        pairs = np.flatnonzero(sigma >= (1 - ROUNDING) * sigma[0]).tolist()
    # With an excess e, products of norms are off by √(L e / 2), and angles by √(L e), relatively.
    accuracy = float(np.sqrt(len(factors) * REACHED))
    return worst(
        Evidence(gap, accuracy * size)
        for pair in pairs
        for gap, size in path_gaps(factors, case.problem.target, pair, **changed)
    )


def compare_largest(case: FlatPoint) -> Evidence:
    """The rival that no layer has a larger singular value than ``σ_1^{1/L}``."""
    unit = float(case.sigma[0] ** (1 / case.problem.depth))
    largest = max(float(np.linalg.norm(factor, 2)) for factor in case.factors)
    return Evidence(max(0.0, largest - unit), 3 * np.sqrt(case.problem.depth * REACHED) * unit)


@claim(
    "thm-flat-path",
    "The path of the leading mode",
    source="mulayoff2020unique",
    status="paper's claim",
    cases={
        **kinds(flat_points.searched, SHAPES),
        "depth 4, more of the second mode than of the first": partial(paths.relaxed, depth=4),
    },
    controls={
        "the factors are as flat as can be": flat_points.start_of_search,
        "no regularization": partial(
            flat_points.searched, shape=SHAPES["depth 2, rectangular"], weight=True
        ),
        "M ≠ 0": paths.of_zero,
    },
    not_needed={"no hidden width below the rank": VACUOUS},
    rivals={
        "√σ_1 in every layer, as at depth 2": lambda case: compare_path(
            case, power=case.problem.depth / 2
        ),
        "every mode has such a path": lambda case: compare_path(case, range(len(case.sigma))),
        "on the way back a layer divides": partial(compare_path, back=-1.0),
        "no layer has a larger singular value": compare_largest,
    },
)
def leading_path(case: FlatPoint) -> Evidence:
    """Follow the leading singular vectors through the flattest factors that a search finds."""
    return compare_path(case)


def compare_deviation(case: FlatPoint, deviation: Deviation) -> Evidence:
    """The rival that the factors satisfy another condition as well."""
    return Evidence(deviation(case.factors, case.sigma), ROUNDING)


@claim(
    "prop-flat-condition",
    "A sufficient condition for flatness",
    source="kamber2025sharpness",
    status="paper's claim",
    cases=kinds(flat_points.small_products, SHAPES),
    controls={
        "the products are as small as can be": flat_points.larger_products,
        "in every layer": paths.relaxed_too_far,
        "no regularization": partial(penalized, make=flat_points.small_products),
    },
    not_needed={
        "M ≠ 0": "where all products vanish, so does the Hessian",
        "no hidden width below the rank": VACUOUS,
    },
    rivals={
        **{
            f"{name} are enough": partial(compare_companion, companion=companion)
            for name, companion in flat_points.COMPANIONS.items()
        },
        "then the layers have equal spectral norms": partial(
            compare_deviation, deviation=layer_deviation
        ),
        "then the factors are balanced": partial(compare_deviation, deviation=balance_deviation),
    },
)
def sufficient_condition(case: FlatPoint) -> Evidence:
    """Compare the dense Hessian's largest eigenvalue with the least one that a search finds."""
    return Evidence(abs(case.excess()), REACHED + ROUNDING)


def compare_equivalence(case: FlatPoint, deviation: Deviation = product_deviation) -> Evidence:
    """Wherever flatness or the condition holds, ask for the other.

    At factors that satisfy it, at the flattest that a search finds, at random ones, and at those rescaled until
    the first product is as small as can be.
    """
    found = []
    for factors in (case.factors, case.search.factors, case.start, flat_points.first_product(case)):
        excess, distance = abs(case.excess(factors)), deviation(factors, case.sigma)
        if excess <= REACHED + ROUNDING:
            # The sum of squares of the products is the sharpness: √(L e / 2), as along the path.
            found.append(Evidence(distance, float(np.sqrt(len(factors) * (REACHED + ROUNDING)))))
        if distance <= ROUNDING:
            found.append(Evidence(excess, REACHED + 4 * ROUNDING))
    return worst(found)


@claim(
    "cor-flat-necessary",
    "Where the condition is necessary",
    source="kamber2025sharpness",
    status="paper's claim",
    cases=kinds(flat_points.small_products, SHALLOW_OR_NUMBERS),
    controls={
        "depth 2, or a number": partial(paths.relaxed, depth=3),
        "d_0 = 1": paths.relaxed_row,
        "d_L = 1": paths.relaxed_column,
        "no regularization": partial(penalized, make=flat_points.small_products),
    },
    not_needed={
        "M ≠ 0": "the Hessian vanishes where all products do, and nowhere else",
        "no hidden width below the rank": VACUOUS,
    },
    rivals={
        name: partial(compare_equivalence, deviation=deviation)
        for name, deviation in OTHER_CONDITIONS.items()
    },
)
def necessary_condition(case: FlatPoint) -> Evidence:
    """Wherever flatness or the condition holds, ask for the other; at depth 2 for the norms of the layers, too."""
    found = compare_equivalence(case)
    if case.problem.depth > 2:
        return found
    return worst([found, compare_equivalence(case, layer_deviation)])


def compare_numbers(
    case: Path,
    factor: float = 2.0,
    total: Callable[[Array], float] = np.max,
    **changed: Any,
) -> Evidence:
    """Compare the largest of four numbers with the dense Hessian."""
    numbers = block_values(case.factors, case.vectors, case.unit, **changed)
    gap = abs(factor * float(total(numbers)) - case.sharpness)
    return Evidence(gap, ROUNDING * case.sharpness)


def without(place: int) -> Callable[[Array], float]:
    """The largest of the other three numbers."""
    return lambda numbers: float(np.delete(numbers, place).max())


def compare_flatness(case: Path, predicts: Callable[[Path], bool]) -> Evidence:
    """A rival that says of each factorization with a path whether it is flat."""
    flat = abs(case.excess()) <= REACHED + ROUNDING
    return Evidence(0.0 if predicts(case) == flat else 1.0, 0.5)


@claim(
    "prop-flat-blocks",
    "What the path leaves free",
    source="this book",
    status="new",
    cases=paths.PATHS,
    controls=paths.OFF_PATHS,
    not_needed={"no hidden width below the rank": VACUOUS},
    rivals={
        **{
            f"without the {name} number": partial(compare_numbers, total=without(place))
            for place, name in enumerate(("first", "second", "third", "fourth"))
        },
        "the sum of the four": partial(compare_numbers, total=np.sum),
        "the sharpness itself, not half of it": partial(compare_numbers, factor=1.0),
        "L−1 in the first number": partial(compare_numbers, layers=1),
        "the powers of μ in exchange": partial(compare_numbers, exchanged=True),
        "sums of norms": partial(compare_numbers, norms=True),
        "a path is enough": partial(compare_flatness, predicts=lambda case: True),
        "flat if and only if no layer does more beside the path": partial(
            compare_flatness, predicts=lambda case: case.small_beside
        ),
    },
)
def flat_blocks(case: Path) -> Evidence:
    """Compare four numbers with the dense Hessian, and those of the flattest factors that a search finds with each other.

    These have a path, their first number is the largest, and it is half of the least sharpness.
    """
    found = case.search.factors
    first, *others = block_values(found, followed(found, case.problem.target), case.unit)
    # A path that is off by some angle changes each of L products in the last three by twice as much.
    slack = 2 * len(found) * float(np.sqrt(len(found) * REACHED))
    return worst(
        [
            compare_numbers(case),
            compare_path(replace(case, factors=found)),
            Evidence(abs(case.search.least - 2 * first), 2 * REACHED * first),
            Evidence(max(0.0, max(others) - first), slack * first),
        ]
    )


def compare_relaxed(
    case: Relaxed, *, layer: int = 1, power: float = 1.0, violates: float = 1.0, **changed: float
) -> Evidence:
    """At ``t`` compare with the least sharpness and measure the violation; a little beyond, ask for more sharpness."""
    depth = case.problem.depth
    share = largest_share(depth, case.ratio, **changed)
    at, beyond = case.at(share), case.at(1.001 * share)
    violation = spectral_products(at)[layer] / smallest_product(case.sigma, depth, power)
    return worst(
        [
            Evidence(abs(case.excess(at)), REACHED + ROUNDING),
            Evidence(abs(violation - share**violates), ROUNDING),
            # Strict inequalities: what rounding and the search can make of equality, and what is found.
            Evidence(ROUNDING, max(0.0, violation - 1)),
            Evidence(REACHED + ROUNDING, max(0.0, case.excess(beyond))),
        ]
    )


@claim(
    "prop-flat-not-necessary",
    "Where the condition is not necessary",
    source="this book",
    status="new",
    cases={
        "depth 3": partial(paths.relaxed, depth=3, low=0.2),
        "depth 5": partial(paths.relaxed, depth=5, low=0.2),
        "depth 4, σ_2 = 0": partial(paths.relaxed, depth=4, high=0.0),
        "depth 4, σ_2 close to σ_1": partial(paths.relaxed, depth=4, low=0.9, high=0.97),
    },
    controls={
        "at least three layers": partial(paths.relaxed, depth=2),
        "σ_2 < σ_1": partial(paths.relaxed, depth=4, low=1.0, high=1.0),
        "no regularization": lambda rng: paths.relaxed(rng, 4).penalized(),
    },
    rivals={
        "t without the root": partial(compare_relaxed, root=1.0),
        "L−1 in place of L−2": partial(compare_relaxed, fewer=1),
        "L−3 in place of L−2": partial(compare_relaxed, fewer=3),
        "ρ in place of ρ²": partial(compare_relaxed, exponent=1.0),
        "ρ⁴ in place of ρ²": partial(compare_relaxed, exponent=4.0),
        "the condition is violated by t²": partial(compare_relaxed, violates=2.0),
        "the condition is violated at the first layer": partial(compare_relaxed, layer=0),
        "the condition is about σ_1": partial(compare_relaxed, power=0.0),
    },
)
def flat_without_condition(case: Relaxed) -> Evidence:
    """Compare the dense Hessian with the least sharpness that a search finds, and the violation with its formula."""
    return compare_relaxed(case)
