"""Claims of the chapter *The spectrum in blocks*; the oracle is the dense Hessian."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dmfbook._validation import Array
from dmfbook.claims.cases.problems import (
    MatrixCase,
    bottleneck,
    case_with,
    distinct_values,
    random_case,
)
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.search import STARTS
from dmfbook.network.factors import end_to_end, flatten
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.critical import critical_points, global_minimizer
from dmfbook.regularized.point import CriticalPoint
from dmfbook.regularized.spectrum import hessian_spectrum

Entry = tuple[int, int, int]  # layer, row, column


def pairs_of_entries(widths: tuple[int, ...]) -> dict[tuple[int, int], list[Entry]]:
    """Entries of all layers by pair of modes, each as layer (from 0), row and column."""
    pairs: dict[tuple[int, int], list[Entry]] = {}
    for layer, (before, after) in enumerate(pairwise(widths)):
        for row in range(after):
            for column in range(before):
                pair = min(row, column), max(row, column)
                pairs.setdefault(pair, []).append((layer, row, column))
    return dict(sorted(pairs.items()))


def order_by_pairs(widths: tuple[int, ...]) -> NDArray[np.int64]:
    """Places in the parameter vector, the entries of each pair of modes side by side."""
    shapes = list(pairwise(widths))
    starts = np.cumsum([0, *(before * after for before, after in shapes)])
    entries = [entry for pair in pairs_of_entries(widths).values() for entry in pair]
    return np.array([starts[l] + row + column * shapes[l][1] for l, row, column in entries])


def block(
    entries: list[Entry],
    values: Array,
    target: Array,
    reg: tuple[float, ...],
    ends: tuple[int, ...],
) -> Array:
    """Block of the Hessian on the entries of one pair, by the formula of the theorem.

    `values` (L, modes) are the layer values, zero where a mode is inactive; `target` the singular
    values of the target; `ends` are d_0 and d_L.
    """

    def reach(l: int, row: int, column: int) -> float:
        if row >= ends[1] or column >= ends[0]:
            return 0.0
        return float(values[l + 1 :, row].prod() * values[:l, column].prod())

    def link(l: int, k: int, c: int, e: int) -> float:
        if c >= min(ends):
            return 0.0
        residual = target[c] - values[:, c].prod()
        around = values[k + 1 :, c].prod() * values[:l, c].prod()
        return float(-2 * residual * around * values[l + 1 : k, e].prod())

    result = np.diag([2 * reg[l] for l, _, _ in entries])
    for i, (k, a, b) in enumerate(entries):
        for j, (l, c, e) in enumerate(entries):
            if (a, b) == (c, e):
                result[i, j] += 2 * reach(k, a, b) * reach(l, c, e)
            if (a, b) == (e, c) and k != l:
                result[i, j] += link(l, k, a, b) if l < k else link(k, l, c, e)
    return result


def any_case(rng: np.random.Generator) -> MatrixCase:
    """With or without a bottleneck, unequal widths and weights."""
    return bottleneck(rng) if rng.random() < 0.4 else random_case(rng)


def distinct_modes(rng: np.random.Generator) -> MatrixCase:
    """Singular values all different, so that modes can be told apart; widths 1 to 3, depth 2 to 6."""
    widths = rng.integers(1, 4, rng.integers(3, 8)).tolist()
    return case_with(rng, widths, distinct_values(rng, low=0.2))


def without_weight_decay(rng: np.random.Generator) -> MatrixCase:
    """Control: no weight decay, so the layers need not share singular bases."""
    hidden = [3] * int(rng.integers(1, 3))
    target = with_values(rng, distinct_values(rng, low=1.1)[1:], (2, 3))
    return MatrixCase(Problem(target, hidden), int(rng.integers(2**32)))


@claim(
    "thm-blocks",
    "One block for each pair of modes",
    source="this book",
    status="new",
    cases={"depth 2 to 6, different singular values": distinct_modes},
    controls={"the weights are positive": without_weight_decay},
)
def blocks_of_pairs(case: MatrixCase) -> Evidence:
    """Compare eigenvalues of all blocks with those of dense Hessians at points that were found."""
    problem, rng = case.problem, np.random.default_rng(case.seed)
    found = search.minimizers(problem, rng, STARTS)[:1]
    found += search.critical_points(problem, rng, STARTS)
    evidence = []
    for each in found:
        dense = np.linalg.eigvalsh(hessian(problem, each.factors))
        size = float(np.abs(dense).max())
        error = float(np.abs(_eigenvalues_of_blocks(problem, each.factors) - dense).max())
        tolerance = (64 * problem.depth * each.uncertainty + problem.size * search.EPS) * size
        evidence.append((error, tolerance))
    return Evidence(*max(evidence, key=lambda pair: pair[0] / pair[1], default=(0.0, search.EPS)))


def _eigenvalues_of_blocks(problem: Problem, factors: list[Array]) -> Array:
    """Eigenvalues of all blocks by the formula, ascending, from the singular values of the layers."""
    left, target, right = np.linalg.svd(problem.target)
    # Singular values come sorted; the end-to-end matrix in the target's bases tells their modes.
    # Active modes are numbered first, so that every hidden layer has a unit for each.
    found = np.abs(np.diagonal(left.T @ end_to_end(factors) @ right.T))
    target, width = target[np.argsort(-found, kind="stable")], max(problem.widths)
    values = np.zeros((problem.depth, width))
    for layer, factor in zip(values, factors, strict=True):
        singular = np.linalg.svd(factor, compute_uv=False)[: len(target)]
        layer[: len(singular)] = singular
    padded, ends = (
        np.append(target, np.zeros(width - len(target))),
        problem.widths[:: problem.depth],
    )
    blocks = [
        np.linalg.eigvalsh(block(entries, values, padded, problem.reg, ends))
        for entries in pairs_of_entries(problem.widths).values()
    ]
    return np.sort(np.concatenate(blocks))


@dataclass(frozen=True)
class PointCase:
    """A critical point, a number by which its factors are stretched, and a seed."""

    point: CriticalPoint
    stretch: float
    seed: int


def critical_point(rng: np.random.Generator) -> PointCase:
    """One of all critical points of a problem with equal weights; values may repeat."""
    case = any_case(rng)
    weight = float(np.exp(np.log(case.problem.reg).mean()))
    problem = Problem(case.problem.target, case.problem.hidden_widths, weight)
    points = list(critical_points(problem))
    return PointCase(points[rng.integers(len(points))], 1.0, case.seed)


def not_critical(rng: np.random.Generator) -> PointCase:
    """Control: the factors of a minimizer, stretched by a tenth."""
    target = with_values(rng, rng.uniform(2, 4, 2), (3, 2))
    problem = Problem(target, [3] * int(rng.integers(1, 3)), rng.uniform(0.1, 0.3))
    return PointCase(global_minimizer(problem), 1.1, int(rng.integers(2**32)))


@claim(
    "thm-closed-spectrum",
    "The spectrum in closed form",
    source="this book",
    status="new",
    cases={"any critical point, values may repeat": critical_point},
    controls={"the point is critical": not_critical},
)
def closed_form(case: PointCase) -> Evidence:
    """Compare all eigenvalues in closed form with the dense Hessian at a random member of the orbit."""
    problem = case.point.problem
    member = case.point.factors(np.random.default_rng(case.seed))
    dense = np.linalg.eigvalsh(hessian(problem, [case.stretch * factor for factor in member]))
    error = np.abs(hessian_spectrum(case.point) - dense).max()
    # Rounding of the dense matrix and of its eigenvalues, and of the target's singular values.
    size = np.abs(dense).max() + float(np.linalg.norm(problem.target))
    condition = _condition(case.point)
    return Evidence(float(error), 16 * problem.size * search.EPS * size * condition)


def _condition(point: CriticalPoint) -> float:
    """By how much an error in a singular value of the target is amplified in the values ``w``.

    ``dw/dσ = w / (L s − (L−2) λ w^{2−L})``, relative to the sizes of both; large near the fold.
    """
    depth, w = point.problem.depth, point.mode_values[point.roots > 0]
    slope = np.abs(depth * w**depth - (depth - 2) * point.mean_reg * w ** (2.0 - depth))
    return float(max(1.0, np.max(point.target_values[0] / slope, initial=1.0)))


@dataclass(frozen=True)
class WeightsCase:
    """Any factors of a problem with unequal weights, and the weight that is to replace them all."""

    problem: Problem
    factors: list[Array]
    weight: float


def geometric_mean(rng: np.random.Generator) -> WeightsCase:
    """Random factors, which need not be critical, and the geometric mean of the weights."""
    case = any_case(rng)
    factors = [rng.normal(size=shape[::-1]) for shape in pairwise(case.problem.widths)]
    return WeightsCase(case.problem, factors, float(np.exp(np.log(case.problem.reg).mean())))


def arithmetic_mean(rng: np.random.Generator) -> WeightsCase:
    """Control: the arithmetic mean instead."""
    case = geometric_mean(rng)
    return replace(case, weight=float(np.mean(case.problem.reg)))


@claim(
    "prop-weights",
    "Unequal weights are a change of units",
    source="this book",
    status="derived",
    cases={"random factors and weights": geometric_mean},
    controls={"the mean of the weights is geometric": arithmetic_mean},
)
def change_of_units(case: WeightsCase) -> Evidence:
    """Compare loss, gradient and Hessian with those of equal weights at rescaled factors."""
    problem, scales = case.problem, np.sqrt(np.array(case.problem.reg) / case.weight)
    equal = Problem(problem.target, problem.hidden_widths, case.weight)
    rescaled = [s * factor for s, factor in zip(scales, case.factors, strict=True)]
    s = np.repeat(scales, [factor.size for factor in case.factors])
    here, there = hessian(problem, case.factors), hessian(equal, rescaled)
    slope = flatten(problem.gradient(case.factors)) - s * flatten(equal.gradient(rescaled))
    errors = np.abs(here - s[:, None] * there * s).max(), np.abs(slope).max()
    # Both sides add the same products of at most 2 L entries, in different units.
    size = np.abs(here).max() + np.abs(flatten(problem.gradient(case.factors))).max()
    norms = np.prod([1 + np.linalg.norm(factor) for factor in case.factors])
    return Evidence(float(max(errors)), float(32 * problem.depth * search.EPS * (size + norms**2)))
