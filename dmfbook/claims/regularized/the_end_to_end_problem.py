"""Claims of the chapter *The end-to-end problem*; the oracle is brute-force optimization of factors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from scipy.optimize import minimize

from dmfbook._validation import Array
from dmfbook.claims.cases.problems import (
    MatrixCase,
    at_collapse,
    bottleneck,
    random_case,
    tied_bottleneck,
)
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.search import STARTS
from dmfbook.regularized.critical import global_minimizer


def spread_of_best(case: MatrixCase) -> Evidence:
    """Compare the end-to-end matrices of all minimizers with the least loss, found and predicted."""
    found = search.minimizers(case.problem, np.random.default_rng(case.seed), STARTS)
    least = found[0].loss
    rounding = 1e-11 * (1 + float(np.linalg.norm(case.problem.target) ** 2))
    best = [each for each in found if each.loss <= least + rounding]
    predicted = global_minimizer(case.problem)
    error = max(float(np.linalg.norm(each.end_to_end - predicted.end_to_end)) for each in best)
    if predicted.loss > least + rounding:
        return Evidence(np.inf, 1.0)
    return Evidence(error, max(each.end_to_end_uncertainty for each in best))


@claim(
    "thm-end-to-end",
    "The unique end-to-end minimizer",
    source="kamber2026landscape",
    status="paper's claim",
    cases={"depth 2 to 6, values may repeat or vanish": random_case},
    controls={"off the collapse threshold": at_collapse},
)
def unique_end_to_end(case: MatrixCase) -> Evidence:
    """Compare the best end-to-end matrices found from random starts with the predicted one."""
    return spread_of_best(case)


@claim(
    "prop-bottleneck",
    "The minimizer behind a bottleneck",
    source="this book",
    status="derived",
    cases={"a narrow hidden layer, different values": bottleneck},
    controls={"the value let through exceeds the one held back": tied_bottleneck},
)
def end_to_end_behind_bottleneck(case: MatrixCase) -> Evidence:
    """Compare as above, where a narrow layer holds back some modes that would be active."""
    return spread_of_best(case)


@dataclass(frozen=True)
class PenaltyCase:
    """A matrix to be factored, hidden widths, weights, and the power of the entries in the penalty."""

    product: Array
    hidden_widths: tuple[int, ...]
    reg: Array
    power: int
    seed: int


def square_penalty(rng: np.random.Generator) -> PenaltyCase:
    """A matrix of full column rank, depth 2 to 4, hidden widths at least that rank."""
    depth, columns = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    rows = int(rng.integers(columns, 4))
    values = rng.uniform(0.5, 2, columns)
    hidden = tuple(int(width) for width in rng.integers(columns, columns + 2, depth - 1))
    product = with_values(rng, values, (rows, columns))
    return PenaltyCase(product, hidden, rng.uniform(0.3, 1, depth), 2, int(rng.integers(2**32)))


def other_penalty(rng: np.random.Generator) -> PenaltyCase:
    """Control: the penalty sums fourth powers of the entries."""
    return replace(square_penalty(rng), power=4)


@claim(
    "thm-schatten",
    "The price of a matrix",
    source="this book",
    status="derived",
    cases={"full column rank, depth 2 to 4": square_penalty},
    controls={"the penalty is the sum of squares": other_penalty},
)
def price_of_a_matrix(case: PenaltyCase) -> Evidence:
    """Compare the formula with the least penalty over factors of a given product, minimized."""
    depth = len(case.reg)
    mean = float(np.exp(np.log(case.reg).mean()))
    values = np.linalg.svd(case.product, compute_uv=False)
    formula = depth * mean * float(np.sum(values ** (2 / depth)))
    rng = np.random.default_rng(case.seed)
    penalty, size = _penalty_of_free_layers(case)
    gradient = autograd.grad(penalty)
    results = [
        minimize(
            penalty, rng.normal(size=size), jac=gradient, method="BFGS", options={"gtol": 1e-8}
        )
        for _ in range(3)
    ]
    # Near its minimum the penalty is quadratic: a gradient of 1e-6 leaves an error of order 1e-12.
    return Evidence(abs(min(result.fun for result in results) - formula), 1e-11 * formula)


def _penalty_of_free_layers(case: PenaltyCase) -> tuple[Callable[[Array], Any], int]:
    """The penalty as a function of all layers but the last, which is the least one that fits."""
    shapes = list(pairwise((case.product.shape[1], *case.hidden_widths)))

    def penalty(vector: Array) -> Any:
        total, start, inner = 0.0, 0, anp.eye(case.product.shape[1])
        for (before, after), reg in zip(shapes, case.reg[:-1], strict=True):
            layer = anp.reshape(vector[start : start + before * after], (after, before))
            start += before * after
            total = total + reg * anp.sum(layer**case.power)
            inner = anp.dot(layer, inner)
        last = anp.dot(case.product, anp.linalg.solve(anp.dot(inner.T, inner), inner.T))
        return total + case.reg[-1] * anp.sum(last**case.power)

    return penalty, sum(before * after for before, after in shapes)
