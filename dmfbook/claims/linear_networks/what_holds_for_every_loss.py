"""Claims of the chapter *What holds for every loss*; oracles are searches and automatic differentiation."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks.any_loss import completions, fitted, origins, points
from dmfbook.claims.cases.linear_networks.any_loss.points import LossPoint
from dmfbook.claims.cases.orbits import PairCase
from dmfbook.claims.cases.problems import MatrixCase
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles.search import EPS
from dmfbook.claims.statements.balance import imbalance, layer_values
from dmfbook.claims.statements.linear_networks.completions import (
    CompletionCase,
    compare_completions,
)
from dmfbook.claims.statements.linear_networks.derivatives import second_derivative, slope
from dmfbook.claims.statements.linear_networks.fitted import (
    FittedCase,
    compare_fitted,
    compare_matrices,
    compare_motion,
)
from dmfbook.claims.statements.linear_networks.origins import (
    OriginCase,
    compare_floor,
    compare_hessian_at_zero,
    compare_threshold,
)
from dmfbook.claims.statements.orbits import one_orbit, one_spectrum
from dmfbook.network.factors import flatten, unflatten
from dmfbook.network.hessian import hessian


def rounding(point: LossPoint) -> float:
    """Bound on the rounding error of a derivative's entry, of the order of the largest."""
    largest = max(np.abs(point.slope).max(), np.abs(point.curvature).max())
    return 64 * point.problem.size * EPS * float(largest)


def compare_derivatives(point: LossPoint, **changed: float) -> Evidence:
    """Compare the formula for second derivatives with the differentiated Hessian, in a few directions."""
    problem, curvature = point.problem, point.curvature
    rng = np.random.default_rng(problem.size)

    def evidence(direction: Array) -> Evidence:
        moves = unflatten(direction, problem.widths)
        formula = second_derivative(problem, point.factors, moves, **changed)
        gap = abs(float(formula - direction @ curvature @ direction))
        return Evidence(gap, problem.size * rounding(point))

    return worst(map(evidence, rng.normal(size=(4, problem.size))))


@claim(
    "prop-any-derivatives",
    "Derivatives of any loss of the product",
    source="this book",
    status="derived",
    cases=points.POINTS,
    controls={"a function of the product": points.rectified},
    rivals={
        "the curvature of the loss alone": partial(compare_derivatives, residual=0.0),
        "the slope of the loss counts once": partial(compare_derivatives, residual=1.0),
        "with a minus": partial(compare_derivatives, residual=-2.0),
        "the penalty counts once": partial(compare_derivatives, penalty=1.0),
    },
)
def derivatives(point: LossPoint) -> Evidence:
    """Compare gradient and second derivatives, and the package's, with automatic differentiation."""
    first = np.abs(slope(point.problem, point.factors) - point.slope).max()
    package = max(
        np.abs(flatten(point.problem.gradient(point.factors)) - point.slope).max(),
        np.abs(hessian(point.problem, point.factors) - point.curvature).max(),
    )
    gap = float(max(first, package))
    return worst([compare_derivatives(point), Evidence(gap, rounding(point))])


def weights_of(case: MatrixCase) -> Array:
    """The weights, or ones where there are none."""
    reg = np.array(case.problem.reg)
    return reg if reg.any() else np.ones(len(reg))


def compare_layers(case: MatrixCase, **changed: Any) -> Evidence:
    """Compare the singular values of each layer with those that the end-to-end matrix gives."""
    return layer_values(case.critical_points, weights_of(case), **changed)


@claim(
    "thm-any-balance",
    "Balance and layer values, for every loss",
    source="this book",
    status="derived",
    cases={
        **points.LOSSES,
        "a prescribed product": points.prescribed,
    },
    controls={
        "a critical point": points.displaced,
        "the penalty is the sum of squares": points.other_penalty,
        "positive weights": points.without_decay,
    },
    not_needed={"derivatives, at local minimizers": "a prescribed product is among the cases"},
    rivals={
        "the weights of the other layers": lambda case: imbalance(
            case.critical_points, weights_of(case), shift=1
        ),
        "the arithmetic mean of the weights": partial(compare_layers, mean=np.mean),
        "the power 1/(L+1)": partial(compare_layers, power=lambda depth: 1 / (depth + 1)),
        "all layers alike, whatever their weights": partial(compare_layers, weighted=False),
    },
)
def balance(case: MatrixCase) -> Evidence:
    """Measure imbalance and compare layer values, at critical points of all kinds that are found."""
    return worst([imbalance(case.critical_points, weights_of(case)), compare_layers(case)])


@claim(
    "thm-any-spectrum",
    "One orbit, one spectrum, for every loss",
    source="this book",
    status="new",
    cases={kind: partial(points.pairs, maker) for kind, maker in points.LOSSES.items()},
    controls={
        "positive weights": partial(points.pairs, points.without_decay),
        "both points are critical": points.rescaled,
        "the same end-to-end matrix": points.different_products,
    },
    rivals={
        "they are equal": lambda case: one_orbit(case.pairs, still=True),
        "they differ by signs of the hidden units": lambda case: one_orbit(case.pairs, signs=True),
        "all critical points share one spectrum": lambda case: one_spectrum(
            case.problem, case.unlike
        ),
    },
)
def spectrum(case: PairCase) -> Evidence:
    """Search changes of basis, and compare all eigenvalues of the dense Hessians."""
    return worst([one_orbit(case.pairs), one_spectrum(case.problem, case.pairs)])


@claim(
    "thm-fitted-values",
    "Fitted values are unique for almost every target",
    source="this book",
    status="derived",
    cases=fitted.FITTED,
    controls={
        "a target off a null set": fitted.at_threshold,
        "a strictly convex misfit": fitted.straight_ends,
    },
    not_needed={
        "positive weights": "where a minimizer exists the proof does without",
        "a linear network": "the proof does not look inside; any continuous function of the factors",
    },
    rivals={
        "the whole end-to-end matrix is unique": partial(compare_fitted, everything=True),
        "all local minimizers share them": partial(compare_fitted, local=True),
        "the least loss moves by half as much": partial(compare_fitted, slope=0.5),
        "fitted values move no further than the target": partial(compare_motion, contracting=True),
    },
)
def fitted_values(case: FittedCase) -> Evidence:
    """Compare the fitted values of the best minimizers, and their motion with the target."""
    found = [compare_fitted(case)]
    return worst([*found, compare_motion(case)] if case.observed.squared else found)


@claim(
    "cor-unique-on-data",
    "On data the end-to-end matrix is unique, too",
    source="this book",
    status="new",
    cases=fitted.ON_DATA,
    controls={
        "outputs off a null set": fitted.at_threshold,
        "all outputs are seen": fitted.diagonal,
        "weight decay of the first layer": fitted.without_decay,
    },
    rivals={
        "it is the matrix that fits best": partial(compare_matrices, best_fit=True),
        "all local minimizers share it": partial(compare_matrices, local=True),
    },
)
def unique_on_data(case: FittedCase) -> Evidence:
    """Compare end-to-end matrices with each other, and with what their fitted values and the inputs give."""
    return compare_matrices(case)


@claim(
    "prop-two-completions",
    "Fitted values that are unique, and matrices that are not",
    source="this book",
    status="new",
    cases={"depth 2": completions.shallow, "depth 3 or 4": completions.deep},
    controls={
        "the other entries are not seen": completions.corner_seen,
        "neither entry is given up": completions.unequal,
        "two hidden units at depth 2": completions.one_unit,
    },
    rivals={
        "the segment at every depth": partial(compare_completions, segment=True),
        "its ends alone at every depth": partial(compare_completions, ends=True),
        "a diagonal matrix": partial(compare_completions, one=True),
        "the weight counts once": partial(compare_completions, price=1.0),
    },
)
def two_completions(case: CompletionCase) -> Evidence:
    """Compare the matrices found with the family, and the family's losses with the least found."""
    return compare_completions(case)


@claim(
    "prop-any-zero",
    "Zero is a strict local minimizer from depth three on",
    source="this book",
    status="derived",
    cases=origins.DEEP,
    controls={
        "three layers": partial(origins.log_cosh, layers=1),
        "positive weights": origins.one_free_layer,
        "a convex loss, for the bound": origins.hole,
    },
    rivals={
        "the arithmetic mean of the weights": partial(compare_floor, mean=np.mean),
        "half the slope": partial(compare_floor, steep=0.5),
        "a power of L": partial(compare_floor, power=1.0),
    },
)
def zero(case: OriginCase) -> Evidence:
    """Compare the Hessian at zero with the weights, and the least change at given penalties with the bound."""
    return worst([compare_hessian_at_zero(case), compare_floor(case)])


@claim(
    "prop-any-threshold",
    "When zero is optimal at depth two",
    source="this book",
    status="derived",
    cases=origins.SHALLOW,
    controls={"a convex loss": partial(origins.hole, layers=1)},
    rivals={
        "the whole norm of the slope": partial(compare_threshold, share=1.0),
        "its Frobenius norm": partial(compare_threshold, largest=False),
    },
)
def threshold(case: OriginCase) -> Evidence:
    """See whether zero becomes optimal within three per cent of half the slope's norm."""
    return compare_threshold(case)
