"""Claims of the chapter *When a network on data collapses*; the oracles search over factors, or are convex solvers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks import data, fitted_products, last_products
from dmfbook.claims.cases.linear_networks.fitted_products import FittedCase
from dmfbook.claims.cases.linear_networks.last_products import DepthsCase, LastCase
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles.search import EPS, loss_unit
from dmfbook.claims.statements.linear_networks import directions
from dmfbook.claims.statements.linear_networks.directions import constant, fit_and_size, weight
from dmfbook.network.losses.regression import Regression
from dmfbook.regularized.critical_weight import critical_direction_of, critical_reg_of
from dmfbook.regularized.regression_fit import regression_fit
from dmfbook.regularized.scalar import shrink


def compare_weight(
    case: LastCase,
    mean: Callable[[Array], Any] = lambda reg: np.exp(np.log(reg).mean()),
    formula: Callable[..., float] = weight,
) -> Evidence:
    """Compare a formula with the largest mean weight at which some factors are as good as zero."""
    reg = np.array(case.data.reg)
    largest = case.found[0] * float(mean(reg)) / case.mean
    # Near its maximum the logarithm is quadratic: a gradient of 1e-7 leaves an error of order 1e-13.
    return Evidence(abs(largest - formula(case.loss, case.depth)), 1e-9 * case.found[0])


def norm_weight(loss: Regression, depth: int, of: str) -> float:
    """What the weight would be if it depended on the spectral norm of one matrix alone."""
    matrix = loss.whitened_target if of == "whitened" else loss.cross_moment
    size = float(np.linalg.norm(matrix, 2))
    return size if of == "shallow" else constant(depth) * size ** (2 - 2 / depth)


@claim(
    "thm-critical-reg-data",
    "The critical weight for any data",
    source="this book",
    status="new",
    cases=last_products.DATA,
    controls={"all outputs count alike": last_products.unlike(data.many_samples)},
    not_needed={
        "positive weights": "where one vanishes λ̄ = 0, and small factors of a large first layer beat zero"
    },
    rivals={
        "‖C v‖ has the power 2−1/L": partial(compare_weight, formula=partial(weight, fit=1.0)),
        "‖Qᵀv‖ has the power 3/L−2": partial(compare_weight, formula=partial(weight, size=3.0)),
        "L−2 has the power 1−1/L": partial(compare_weight, formula=partial(weight, first=1.0)),
        "L−1 has the power 1/L−2": partial(compare_weight, formula=partial(weight, second=1.0)),
        "v is the leading singular vector of C": partial(
            compare_weight, formula=partial(weight, direction=directions.of_cross_moment)
        ),
        "v is the leading generalized direction": partial(
            compare_weight, formula=partial(weight, direction=directions.of_whitened)
        ),
        "the inputs might as well be whitened": partial(
            compare_weight, formula=partial(norm_weight, of="whitened")
        ),
        "‖C‖₂ at every depth": partial(compare_weight, formula=partial(norm_weight, of="shallow")),
        "the arithmetic mean of the weights": partial(compare_weight, mean=np.mean),
        "zero is optimal wherever it is a local minimizer": partial(
            compare_weight,
            formula=lambda loss, depth: norm_weight(loss, 2, "shallow") if depth == 2 else 0.0,
        ),
    },
)
def critical_weight(case: LastCase) -> Evidence:
    """Compare formula and package with the largest mean weight at which some factors are as good as zero."""
    package = compare_weight(case, formula=lambda loss, depth: critical_reg_of(case.data.problem))
    return worst([package, compare_weight(case)])


def compare_last(
    case: LastCase,
    direction: directions.Direction = directions.of_maximum,
    share: Callable[[int], float] = lambda depth: (depth - 2) / (depth - 1),
) -> Evidence:
    """Compare a multiple of the regression on one direction with the best product where zero takes over."""
    v = direction(case.loss, case.depth)
    fit, size = fit_and_size(case.loss, v)
    product = np.outer(case.loss.cross_moment @ v, v)
    product *= share(case.depth) / size**2 if case.depth > 2 else 1 / fit
    # The search halts at a slope of 1e-7 of a logarithm, whose curvature may be a thousandth.
    error = np.linalg.norm(product - case.found[1])
    return Evidence(float(error), 1e-4 * float(np.linalg.norm(case.found[1])))


@claim(
    "prop-what-goes-last",
    "What goes last",
    source="this book",
    status="new",
    cases=last_products.DATA,
    controls={
        "all outputs count alike": last_products.unlike(data.many_samples),
        "one direction survives longest": last_products.tied,
    },
    rivals={
        "all of the regression": partial(compare_last, share=lambda depth: 1.0),
        "(L−1)/L of it": partial(compare_last, share=lambda depth: (depth - 1) / depth),
        "half of it at every depth": partial(compare_last, share=lambda depth: 0.5),
        "the leading singular vector of C": partial(
            compare_last, direction=directions.of_cross_moment
        ),
        "the leading generalized direction": partial(
            compare_last, direction=directions.of_whitened
        ),
    },
)
def what_goes_last(case: LastCase) -> Evidence:
    """Compare with the product of the factors that tie with zero at the largest weight."""
    package = compare_last(case, lambda loss, depth: critical_direction_of(case.data.problem))
    return worst([package, compare_last(case)])


def compare_bounds(
    case: LastCase, low: float = 1.0, high: float = 1.0, limit: str = "whitened"
) -> Evidence:
    """Compare the weight that a search finds with both bounds, and of 10⁵ layers with the limit."""
    loss, depth = case.loss, case.depth
    gain = float(np.linalg.norm(loss.whitened_target, 2))
    fits = (
        fit_and_size(loss, directions.of_whitened(loss, depth))[0],
        float(np.linalg.norm(loss.cross_moment, 2)),
    )
    bounds = [
        constant(depth) * gain ** (2 - 4 / depth) * fit ** (2 * power / depth)
        for fit, power in zip(fits, (low, high), strict=True)
    ]
    found, many = case.found[0], 10**5
    outside = max(bounds[0] - found, found - bounds[1], 0.0)
    # Lκ_L is within (2 + 2 log L) / L of one, and the bounds within 2 log(fit / gain²) / L of each other.
    size = gain**2 if limit == "whitened" else fits[1] ** 2
    slack = 4 * (1 + np.log(many) + abs(np.log(fits[0] / gain**2)) + abs(np.log(fits[1] / gain**2)))
    ratio = many * weight(loss, many) / size
    return worst([Evidence(outside, 1e-9 * found), Evidence(abs(ratio - 1), float(slack) / many)])


def compare_shallow(case: LastCase) -> Evidence:
    """The rival that two layers see whitened inputs as well."""
    if case.depth > 2:
        return Evidence(0.0, 1.0)
    gap = abs(case.found[0] - float(np.linalg.norm(case.loss.whitened_target, 2)))
    return Evidence(gap, 1e-9 * case.found[0])


@claim(
    "cor-critical-reg-bounds",
    "Between two norms",
    source="this book",
    status="new",
    cases=last_products.DATA,
    # With two layers the weight is ‖D² C‖₂ for counts D, at least 2.25 times the upper bound.
    controls={"all outputs count alike": last_products.unlike(data.shallow, (1.5, 3.0))},
    rivals={
        "the lower bound with ‖C v‖ squared": partial(compare_bounds, low=2.0),
        "the upper bound without ‖C‖₂": partial(compare_bounds, high=0.0),
        "the limit is ‖C‖₂²": partial(compare_bounds, limit="cross"),
        "two layers see whitened inputs": compare_shallow,
    },
)
def bounds(case: LastCase) -> Evidence:
    """Compare the weight that a search finds with both bounds, and of 10⁵ layers with the limit."""
    return compare_bounds(case)


def compare_order(case: DepthsCase, gains: int = 1, fits: int = -1, sizes: int = -1) -> Evidence:
    """Along growing depth, how far gain, fit and size of the last direction move against given signs."""
    found = np.array([fit_and_size(case.loss, v) for v in case.directions]).T
    moves = [
        (gains, found[0] / found[1]),
        (fits, found[0]),
        (sizes, found[1]),
    ]
    return worst(
        Evidence(float(np.max(-sign * np.diff(values), initial=0.0)), 1e-5 * values.max())
        for sign, values in moves
    )


def compare_still(case: DepthsCase) -> Evidence:
    """The rival that the same direction survives longest at every depth."""
    v = np.array(case.directions)
    return Evidence(float(1 - np.abs(v @ v[0]).min()), 1e-5)


@claim(
    "prop-depth-prefers-gain",
    "Depth prefers gain",
    source="this book",
    status="new",
    cases={
        "many samples": last_products.at_depths(data.many_samples),
        "condition number 10,000": last_products.at_depths(data.ill_conditioned),
        "strong inputs against weak ones": last_products.crossing,
    },
    controls={"no direction has a larger critical weight": last_products.local_maxima},
    rivals={
        "the gain falls": partial(compare_order, gains=-1),
        "‖C v‖ grows": partial(compare_order, fits=1),
        "‖Qᵀv‖ grows": partial(compare_order, sizes=1),
        "the direction stays": compare_still,
    },
)
def depth_prefers_gain(case: DepthsCase) -> Evidence:
    """Compare gain, fit and size of the last direction at depths 2, 3, 5 and 9."""
    return compare_order(case)


def compare_modes(
    case: FittedCase,
    power: float = 2.0,
    pull: str = "both",
    white: bool = False,
    least: float = 2.0,
    count: float = 1.0,
) -> Evidence:
    """Compare each mode of the best product with its scalar problem, their sum with the loss, and their least size."""
    best, loss, depth = case.minimizers[0], case.data.loss, case.problem.depth
    left, values, right = np.linalg.svd(best.end_to_end)
    error = best.end_to_end_uncertainty + EPS
    rank = int(np.count_nonzero(values > 10 * error))
    floor = np.append(values, 0.0)
    norms = [float(np.linalg.norm(m, 2)) for m in (loss.cross_moment, loss.second_moment)]
    evidences, gained = [], 0.0
    for i in range(rank):
        u, v, s = left[:, i], right[i], values[i]
        fit, q = fit_and_size(loss, v)
        c = float(u @ loss.cross_moment @ v) if pull == "both" else fit
        if pull == "whitened":
            c = q * float(np.linalg.svd(loss.whitened_target)[1][i])
        scale = 1.0 if white else q
        expected = float(shrink(max(c / scale, 0.0), case.mean * scale ** (-power / depth), depth))
        # Singular vectors move by the error over the gap, and the root by at most 3/2 of its target.
        gap = float(np.abs(np.delete(floor, i) - s).min())
        rounding = 4 * error * (q + (norms[0] + s * norms[1]) / gap / q)
        evidences.append(Evidence(abs(scale * s - expected), rounding))
        gained += s * (s * q**2 - 2 * c) + depth * case.mean * s ** (2 / depth)
        bound = ((depth - least) * case.mean / q**2) ** (depth / (2 * depth - 2))
        evidences.append(Evidence(max(bound - float(s), 0.0), error + EPS * bound))
    zero = float(loss.value(np.zeros(loss.shape)))
    total = abs(best.loss - zero - count * gained)
    return worst([*evidences, Evidence(total, 1e-10 * loss_unit(case.problem))])


@claim(
    "thm-modes-on-data",
    "Each mode solves a scalar problem of its own",
    source="this book",
    status="new",
    cases=fitted_products.SOME_MODES,
    controls={
        "the minimizer is global": fitted_products.local_minimizer,
        "the penalty is the sum of squares": fitted_products.other_penalty,
    },
    rivals={
        "the inputs are white": partial(compare_modes, white=True),
        "‖Qᵀv‖ has the power −1/L": partial(compare_modes, power=1.0),
        "all of ‖C v‖ pulls": partial(compare_modes, pull="fit"),
        "singular values of the whitened target pull": partial(compare_modes, pull="whitened"),
        "the modes count twice": partial(compare_modes, count=2.0),
        "no mode is below that with L−1 for L−2": partial(compare_modes, least=1.0),
    },
)
def modes(case: FittedCase) -> Evidence:
    """Compare the best product that a search finds with the scalar problems of its modes."""
    return compare_modes(case)


def compare_convex(case: FittedCase, instead: str = "") -> Evidence:
    """Compare fitted values of all local minimizers found with those of a convex problem."""
    loss, mean = case.data.loss, case.mean
    error = 0.0
    if instead == "ridge":
        solution = loss.cross_moment @ np.linalg.inv(
            loss.second_moment + mean * np.eye(loss.shape[1])
        )
    elif instead == "fitted":
        left, values, right = np.linalg.svd(loss.whitened_target, full_matrices=False)
        kept = (left * np.maximum(values - mean, 0)) @ right
        solution = kept @ np.linalg.pinv(loss.input_factor)
    elif instead == "half":
        solution, error = case.regression(mean)
    elif instead == "arithmetic":
        solution, error = case.regression(2 * float(np.mean(case.data.reg)))
    else:
        solution, error = case.convex
    size = float(np.linalg.norm(case.data.outputs))
    return worst(
        Evidence(
            float(np.linalg.norm((found.end_to_end - solution) @ case.data.inputs)),
            error
            + found.end_to_end_uncertainty * float(np.linalg.norm(case.data.inputs, 2))
            + 1e-9 * size,
        )
        for found in case.minimizers
    )


@claim(
    "thm-two-layers-on-data",
    "Two layers are nuclear-norm regression",
    source="srebro2005maximum",
    status="derived",
    cases=fitted_products.TWO_LAYERS,
    controls={
        "no bottleneck": fitted_products.two_layers((3, 1, 3), 9, 0.02, 0.05, condition=3.0),
        "two layers": fitted_products.two_layers((3, 3, 3, 3), 9, 0.1, 0.5),
    },
    rivals={
        "the nuclear norm counts λ̄ times": partial(compare_convex, instead="half"),
        "the arithmetic mean of the weights": partial(compare_convex, instead="arithmetic"),
        "ridge regression": partial(compare_convex, instead="ridge"),
        "the nuclear norm of the fitted values": partial(compare_convex, instead="fitted"),
    },
)
def two_layers(case: FittedCase) -> Evidence:
    """Compare all local minimizers found, and the package's fit, with the solution of a convex solver."""
    evidence = compare_convex(case)
    fit = regression_fit(case.problem)
    solution, error = case.convex
    gap = float(np.linalg.norm((fit.end_to_end - solution) @ case.data.inputs))
    proved = Evidence(0.0 if fit.is_global else 1.0, 0.5)
    return worst(
        [evidence, proved, Evidence(gap, error + 1e-9 * float(np.linalg.norm(case.data.outputs)))]
    )
