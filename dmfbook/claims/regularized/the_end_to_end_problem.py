"""Claims of the chapter *The end-to-end problem*; the oracle is optimization of the factors.

It starts from random factors and from truncations of the target, and knows the loss alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases import prices, problems
from dmfbook.claims.cases.prices import PriceCase
from dmfbook.claims.cases.problems import MatrixCase
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.regularized.critical import global_minimizer
from dmfbook.regularized.scalar import shrink, stationary_values

Mean = Callable[[Array], Any]


def geometric_mean(weights: Array) -> float:
    """Geometric mean ``λ̄`` of the weights."""
    return float(np.exp(np.log(weights).mean()))


def written_minimizer(
    case: MatrixCase,
    value: Callable[..., Any] = shrink,
    mean: Mean = geometric_mean,
    limit: bool = True,
    smallest: bool = False,
) -> Array:
    """``Σ s(σ_i) u_i v_iᵀ`` over the modes that the narrowest layer lets through, or over all."""
    problem = case.problem
    left, sigma, right = np.linalg.svd(problem.target, full_matrices=False)
    # A value at the threshold of depth 2 may be off by rounding, and what is kept of it then is, too.
    kept = np.array([value(s, mean(np.array(problem.reg)), problem.depth) for s in sigma])
    capacity = min(problem.widths) if limit and not case.unlimited else len(sigma)
    kept[slice(0, len(sigma) - capacity) if smallest else slice(capacity, None)] = 0
    return (left * kept) @ right


def larger_root(target: float, reg: float, depth: int) -> float:
    """End-to-end value of the local minimizer wherever there is one."""
    return float(np.nan_to_num(stationary_values(target, reg, depth)[1] ** depth))


def compare_best(case: MatrixCase, **changed: Any) -> Evidence:
    """Compare all end-to-end matrices found with the least loss with the formula."""
    formula = written_minimizer(case, **changed)
    return worst(
        Evidence(
            float(np.linalg.norm(each.end_to_end - formula)),
            max(each.end_to_end_uncertainty, case.flat_directions),
        )
        for each in case.best
    )


def compare_with_package(case: MatrixCase) -> Evidence:
    """Compare with the formula, and its loss and matrix with those of the package."""
    package = global_minimizer(case.problem)
    size = 1 + float(np.linalg.norm(case.problem.target))
    gap = np.linalg.norm(package.end_to_end - written_minimizer(case))
    loss = abs(package.loss - case.best[0].loss)
    return worst(
        [
            compare_best(case),
            # At depth 2 both cut off a value at the threshold, to rounding.
            Evidence(float(gap), 1e-12 * size),
            Evidence(float(loss), 1e-11 * size**2),
        ]
    )


@claim(
    "thm-end-to-end",
    "The unique end-to-end minimizer",
    source="kamber2026landscape",
    status="paper's claim",
    cases={
        "depth 3 to 5, unequal weights": problems.generic,
        "values on both sides of the threshold": problems.near_threshold,
        "repeated and vanishing values": problems.repeated,
        "depth 2": problems.shallow,
        "depth 2 at the threshold": problems.shallow_at_threshold,
        "all values collapse": problems.all_collapsed,
    },
    controls={
        "off the collapse threshold": problems.at_collapse,
        "no bottleneck": lambda rng: problems.without_limit(problems.narrow(rng)),
    },
    not_needed={
        "all weights positive": "with none the product is M; with some there is no minimizer"
    },
    rivals={
        "the arithmetic mean of the weights": partial(compare_best, mean=np.mean),
        "values that are kept do not shrink": partial(
            compare_best, value=lambda m, reg, depth: m * (shrink(m, reg, depth) > 0)
        ),
        "the soft threshold at every depth": partial(
            compare_best, value=lambda m, reg, depth: max(m - reg, 0.0)
        ),
        "a local minimizer wherever there is one": partial(compare_best, value=larger_root),
    },
)
def unique_end_to_end(case: MatrixCase) -> Evidence:
    """Compare the best end-to-end matrices found with the formula, and it with the package."""
    return compare_best(case) if case.unlimited else compare_with_package(case)


@claim(
    "prop-bottleneck",
    "The minimizer behind a bottleneck",
    source="eckart1936approximation",
    status="derived",
    cases={
        "three different values, depth 3 or 4": problems.narrow,
        "three different values, depth 2": problems.narrow_and_shallow,
        "equal values that collapse": problems.narrow_tied_below,
    },
    controls={
        "the value let through exceeds the one held back": problems.tied_bottleneck,
        "off the collapse threshold": problems.narrow_at_collapse,
    },
    rivals={
        "the narrow layer limits nothing": partial(compare_best, limit=False),
        "the smallest values go through": partial(compare_best, smallest=True),
        "the arithmetic mean of the weights": partial(compare_best, mean=np.mean),
        "values that go through do not shrink": partial(
            compare_best, value=lambda m, reg, depth: m * (shrink(m, reg, depth) > 0)
        ),
    },
)
def end_to_end_behind_bottleneck(case: MatrixCase) -> Evidence:
    """Compare as above, where a narrow layer holds back some modes that would be active."""
    return compare_with_package(case)


def compare_price(
    case: PriceCase,
    power: Callable[[int], float] = lambda depth: 2 / depth,
    mean: Mean = geometric_mean,
    count: Callable[[int], int] = lambda depth: depth,
    total: Callable[[Array], Any] = np.sum,
) -> Evidence:
    """Compare the formula with the least penalty over factors of a given product, minimized."""
    depth = len(case.reg)
    values = np.linalg.svd(case.product, compute_uv=False)
    values = values[values > 1e-12 * values[0]]
    formula = count(depth) * mean(case.reg) * float(total(values ** power(depth)))
    if case.misfit > 1e-6:
        return Evidence(np.inf, 1e-6)
    # Near its minimum the penalty is quadratic: a gradient of 1e-6 leaves an error of order 1e-12.
    return Evidence(abs(case.least_penalty - formula), 1e-10 * formula)


@claim(
    "thm-schatten",
    "The price of a matrix",
    source="shang2016unified",
    status="paper's claim",
    cases={
        "full column rank, depth 3 or 4": prices.full_rank,
        "depth 2": prices.shallow,
        "more rows than columns": prices.tall,
    },
    controls={
        "the penalty is the sum of squares": prices.other_penalty,
        "the rank goes through every layer": prices.too_narrow,
    },
    rivals={
        "the power 1/L": partial(compare_price, power=lambda depth: 1 / depth),
        "the power 2/(L+1)": partial(compare_price, power=lambda depth: 2 / (depth + 1)),
        "the nuclear norm at every depth": partial(compare_price, power=lambda depth: 1.0),
        "the arithmetic mean of the weights": partial(compare_price, mean=np.mean),
        "L−1 times": partial(compare_price, count=lambda depth: depth - 1),
        "the largest value alone": partial(compare_price, total=np.max),
    },
)
def price_of_a_matrix(case: PriceCase) -> Evidence:
    """Compare the formula with the least penalty over factors of a given product, minimized."""
    return compare_price(case)


def far_out(case: MatrixCase, size: float) -> list[Array]:
    """Factors of the target cut to the rank that fits, with the layer of least weight `size` times as large."""
    problem, capacity = case.problem, min(case.problem.widths)
    left, sigma, right = np.linalg.svd(problem.target, full_matrices=False)
    free, depth = int(np.argmin(problem.reg)), problem.depth
    layers = [
        np.eye(after, before) * (size if l == free else size ** (-1 / (depth - 1)))
        for l, (before, after) in enumerate(pairwise(problem.widths))
    ]
    layers[0] = layers[0][:, :capacity] @ right[:capacity]
    layers[-1] = (left[:, :capacity] * sigma[:capacity]) @ layers[-1][:capacity]
    return layers


def compare_infimum(case: MatrixCase, attained: bool = False, share: float = 0.0) -> Evidence:
    """Compare the loss far out with the infimum, or the least loss that a search reaches."""
    problem = case.problem
    sigma = np.linalg.svd(problem.target, compute_uv=False)
    kept, rest = sigma[: min(problem.widths)], sigma[min(problem.widths) :]
    infimum = float(np.sum(rest**2) + share * np.sum(kept) * float(np.max(problem.reg)))
    if attained:
        return Evidence(case.reached - infimum, 1e-9)
    # Penalties of the layers that shrink: of order size^{−2/(L−1)}, at depth 3 a millionth.
    return Evidence(abs(problem.loss(far_out(case, 1e6)) - infimum), 1e-4)


@claim(
    "prop-some-weights-vanish",
    "Where some weights vanish nothing is attained",
    source="this book",
    status="derived",
    cases={
        "one layer without weight decay": problems.one_free_layer,
        "behind a bottleneck": problems.one_free_layer_behind_bottleneck,
    },
    controls={"some weight vanishes": problems.generic},
    rivals={
        "the infimum is attained": partial(compare_infimum, attained=True),
        "a price remains": partial(compare_infimum, share=0.01),
    },
)
def some_weights_vanish(case: MatrixCase) -> Evidence:
    """Compare the loss of factors far out with the least distance of a matrix of the rank that fits."""
    return compare_infimum(case)
