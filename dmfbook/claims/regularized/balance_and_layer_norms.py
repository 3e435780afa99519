"""Claims of the chapter *Balance and layer norms*; the oracle finds critical points by brute force."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dmfbook.claims.cases.problems import MatrixCase, random_case, without_regularization
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.search import STARTS
from dmfbook.network.factors import imbalance


@claim(
    "thm-balance",
    "Critical points are balanced",
    source="this book",
    status="derived",
    cases={"depth 2 to 6, no bottleneck": random_case},
    controls={"the weights are positive": without_regularization},
)
def balanced(case: MatrixCase) -> Evidence:
    """Measure the imbalance of critical points of all kinds that root finding reaches."""
    problem = case.problem
    weights = np.array(problem.reg) if any(problem.reg) else np.ones(problem.depth)
    found = search.critical_points(problem, np.random.default_rng(case.seed), STARTS)
    worst = [
        (
            imbalance(each.factors, weights),
            # First order: a Gram matrix moves by twice the factor's norm times the uncertainty.
            8 * weights.max() * each.uncertainty * max(map(np.linalg.norm, each.factors))
            + search.EPS,
        )
        for each in found
    ]
    return Evidence(*max(worst, key=lambda pair: pair[0] / pair[1]))


@claim(
    "thm-layer-norms",
    "All minimizers have the same layer norms",
    source="kamber2026landscape",
    status="paper's claim",
    cases={"depth 2 to 6, no bottleneck": random_case},
    controls={"the weights are positive": without_regularization},
)
def equal_layer_norms(case: MatrixCase) -> Evidence:
    """Compare the norms of each layer over the global minimizers found from random starts."""
    best = _best(case)
    norms = np.array([[np.linalg.norm(w) for w in each.factors] for each in best])
    return Evidence(float(np.ptp(norms, axis=0).max()), 2 * max(e.uncertainty for e in best))


@claim(
    "thm-layer-values",
    "The singular values of the layers",
    source="this book",
    status="derived",
    cases={"depth 2 to 6, no bottleneck": random_case},
    controls={"the weights are positive": without_regularization},
)
def predicted_layer_values(case: MatrixCase) -> Evidence:
    """Compare the singular values of each found layer with those that the end-to-end matrix gives.

    Compared are the products with the weights, ``λ_l s_i(W_l)²``, which the theorem says agree in all
    layers and, raised to the power L, with ``λ̄^L s_i(X)²``.
    """
    weights = np.array(case.problem.reg) if any(case.problem.reg) else np.ones(case.problem.depth)
    errors = []
    for each in _best(case):
        squares = [np.linalg.svd(w, compute_uv=False) ** 2 for w in each.factors]
        count = min(map(len, squares))
        shared = np.array([reg * s[:count] for reg, s in zip(weights, squares, strict=True)])
        mean = np.exp(np.log(weights).mean())
        product = np.linalg.svd(each.end_to_end, compute_uv=False)[:count]
        # The geometric mean over layers, so that no root of a vanishing value is taken.
        gap = np.abs(shared.prod(axis=0) - mean**case.problem.depth * product**2).max()
        steps = [np.abs(after - before).max() for before, after in pairwise(shared)]
        size = max(1.0, float(max(s[0] for s in squares))) ** case.problem.depth
        errors.append((max(gap, *steps), 8 * case.problem.depth * size * each.uncertainty))
    return Evidence(*max(errors, key=lambda pair: pair[0] / pair[1]))


def _best(case: MatrixCase) -> list[search.Found]:
    """Found minimizers whose loss is the least up to rounding."""
    found = search.minimizers(case.problem, np.random.default_rng(case.seed), STARTS)
    rounding = 1e-11 * (1 + float(np.linalg.norm(case.problem.target) ** 2))
    return [each for each in found if each.loss <= found[0].loss + rounding]
