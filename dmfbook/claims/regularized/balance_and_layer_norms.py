"""Claims of the chapter *Balance and layer norms*; the oracle finds critical points by brute force."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases import problems
from dmfbook.claims.cases.problems import MatrixCase
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles.search import Found
from dmfbook.claims.statements.balance import geometric_mean, imbalance, layer_values

Weights = Callable[[Array], Array]

# The kinds of problems whose critical points are looked at.
KINDS = {
    "depth 3 to 5, unequal weights": problems.generic,
    "depth 2": problems.shallow,
    "repeated and vanishing values": problems.repeated,
    "a narrow hidden layer": problems.narrow,
}


def weights_of(case: MatrixCase) -> Array:
    """The weights, or ones where there are none."""
    reg = np.array(case.problem.reg)
    return reg if reg.any() else np.ones(len(reg))


def compare_balance(
    case: MatrixCase, weights: Weights = lambda reg: reg, shift: int = 0
) -> Evidence:
    """Measure the imbalance of critical points of all kinds that root finding reaches.

    Rivals use other weights, or those of the other layer.
    """
    return imbalance(case.critical_points, weights(weights_of(case)), shift)


@claim(
    "thm-balance",
    "Critical points are balanced",
    source="lindsey2025regularization",
    status="derived",
    cases=KINDS,
    controls={
        "the point is critical": lambda rng: problems.displaced(problems.generic(rng)),
        "the penalty is the sum of squares": problems.other_penalty,
    },
    not_needed={"positive weights": "without them both sides vanish"},
    rivals={
        "without the weights": partial(compare_balance, weights=np.ones_like),
        "the square roots of the weights": partial(compare_balance, weights=np.sqrt),
        "the weights of the other layers": partial(compare_balance, shift=1),
    },
)
def balanced(case: MatrixCase) -> Evidence:
    """Measure the imbalance of critical points of all kinds that root finding reaches."""
    return compare_balance(case)


def compare_layer_values(case: MatrixCase, **changed: Any) -> Evidence:
    """Compare the singular values of each layer with those that the end-to-end matrix gives."""
    return layer_values(case.critical_points, weights_of(case), **changed)


@claim(
    "thm-layer-values",
    "The singular values of the layers",
    source="chen2025error",
    status="derived",
    cases=KINDS,
    controls={
        "the weights are positive": problems.without_regularization,
        "the point is critical": lambda rng: problems.displaced(problems.generic(rng)),
    },
    rivals={
        "the arithmetic mean of the weights": partial(compare_layer_values, mean=np.mean),
        "the power 1/(L+1)": partial(compare_layer_values, power=lambda depth: 1 / (depth + 1)),
        "all layers alike, whatever their weights": partial(compare_layer_values, weighted=False),
    },
)
def predicted_layer_values(case: MatrixCase) -> Evidence:
    """Compare at critical points of all kinds that root finding reaches."""
    return compare_layer_values(case)


def compare_layer_norms(
    case: MatrixCase,
    mean: Callable[[Array], Any] = geometric_mean,
    power: Callable[[int], float] = lambda depth: 2 / depth,
    weighted: bool = True,
) -> Evidence:
    """Compare ``λ_l ‖W_l‖²`` at the best factors found with ``λ̄ Σ s_i^{2/L}`` of the best product."""
    reg, depth = weights_of(case), case.problem.depth
    values = np.linalg.svd(case.best[0].end_to_end, compute_uv=False)
    values = values[values > 1e-6 * np.linalg.norm(case.problem.target)]
    formula = mean(reg) * float(np.sum(values ** power(depth)))
    shares = reg if weighted else np.full(depth, geometric_mean(reg))

    def evidence(point: Found) -> Evidence:
        norms = np.array([np.linalg.norm(w) for w in point.factors])
        gap = float(np.abs(shares * norms**2 - formula).max())
        # A value s that is off by δ changes its power by at most (2/L) s^{2/L−1} δ.
        rate = float(np.sum((2 / depth) * values ** (2 / depth - 1))) * mean(reg)
        move = 2 * reg.max() * norms.max() * point.uncertainty
        return Evidence(gap, 4 * (move + rate * case.best[0].end_to_end_uncertainty) + 1e-12)

    return worst(map(evidence, case.best))


@claim(
    "thm-layer-norms",
    "All minimizers have the same layer norms",
    source="kamber2026landscape",
    status="paper's claim",
    cases=KINDS,
    controls={
        "the weights are positive": problems.without_regularization,
        "one end-to-end minimizer": problems.at_collapse,
    },
    rivals={
        "the arithmetic mean of the weights": partial(compare_layer_norms, mean=np.mean),
        "the nuclear norm at every depth": partial(compare_layer_norms, power=lambda depth: 1.0),
        "all layers alike, whatever their weights": partial(compare_layer_norms, weighted=False),
    },
)
def equal_layer_norms(case: MatrixCase) -> Evidence:
    """Compare the norms of each layer over the best factors found with the formula."""
    return compare_layer_norms(case)
