"""Claims of the chapter *Trace and sharpness*; the oracle is the dense Hessian."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.critical_points import (
    any_modes,
    critical,
    equal,
    not_critical,
    spread,
    without_weight_decay,
)
from dmfbook.claims.cases.regularized.bounds import (
    BoundCase,
    flattest,
    nuclear_norm,
    other_loss,
    random_factors,
    scaled_identities,
    two_layers,
    two_layers_at_zero,
    two_layers_disturbed,
    two_layers_without_decay,
    two_square_layers,
)
from dmfbook.claims.cases.regularized.carriers import (
    NEAR,
    CarrierCase,
    equal_at_collapse,
    equal_values,
    far_from_collapse,
    near_collapse,
    one_end_narrow,
    one_of_equal,
    unequal_weights,
)
from dmfbook.claims.cases.regularized.found_points import point_found
from dmfbook.claims.claim import Check, claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles import search
from dmfbook.claims.statements.modes import OUT, PointCase
from dmfbook.claims.statements.regularized.sharpness import (
    IMBALANCE,
    LEADING,
    TWO,
    by_name,
    candidates,
    leading_two,
    limits,
    winner,
)
from dmfbook.claims.statements.regularized.traces import is_exact, lower_bound, trace_formula
from dmfbook.network.factors import end_to_end
from dmfbook.network.problem import Problem
from dmfbook.regularized.modes import LARGER, SMALLER

ALIGNED = 1e-6  # share of the top eigenvectors that may lie elsewhere


ZERO = 1e-12  # singular values of a product below this share of the target's are rounding


def _trace(**other: Callable[[Problem, Array], Any]) -> Check:
    """Check of the formula for the trace with other parts in it, functions of the problem and ``s``."""

    def check(case: PointCase) -> Evidence:
        problem, dense = case.problem, float(case.eigenvalues.sum())
        s: Any = np.linalg.svd(end_to_end(case.factors), compute_uv=False)
        # Small powers would make much of rounding errors.
        s[s < ZERO * np.linalg.norm(problem.target)] = 0.0
        parts = {name: part(problem, s) for name, part in other.items()}
        return Evidence(abs(trace_formula(problem, s, **parts) - dense), 4 * case.rounding)

    return check


def not_the_bound(case: PointCase) -> Evidence:
    """Rival: the trace is equal to its lower bound."""
    bound = lower_bound(case.problem, nuclear_norm(case.factors))
    return Evidence(abs(float(case.eigenvalues.sum()) - bound), case.rounding)


@claim(
    "thm-exact-trace",
    "The exact trace at a critical point",
    source="this book",
    status="new",
    cases={
        "zero": critical((3, 5), [(1.5, OUT), (0.6, OUT)], weights=spread),
        "a minimizer": critical((3, 6), [(2.2, LARGER), (1.7, LARGER), (0.6, OUT)], weights=spread),
        "a saddle": critical((3, 6), [(1.9, SMALLER), (1.4, LARGER), (1.7, OUT)], weights=spread),
        "two layers": critical((2, 2), [(1.9, LARGER), (2.2, OUT)], ends=(2, 0), weights=spread),
        "a bottleneck": critical((2, 5), [(1.9, LARGER), (1.4, OUT)], narrow=True, weights=spread),
        "found by root finding": point_found,
        "any choice of roots": any_modes,
    },
    controls={
        "the weights are positive": without_weight_decay,
        "the point is critical": not_critical(),
    },
    rivals={
        "all layers have the same values": _trace(ratios=lambda problem, s: np.ones(problem.depth)),
        "the arithmetic mean of the weights": _trace(
            ratios=lambda problem, s: np.mean(problem.reg) / np.array(problem.reg)
        ),
        "the power 2.1/L of s": _trace(power=lambda problem, s: 2.1 / problem.depth),
        "α_L is the rank": _trace(ends=lambda problem, s: (np.sum(s > 0), problem.widths[0])),
        "β_1 is the rank": _trace(ends=lambda problem, s: (problem.widths[-1], np.sum(s > 0))),
        "α_l, β_l are squared spectral norms": _trace(norm=lambda problem, s: np.max),
        "weight decay counts 1 % more": _trace(decay=lambda problem, s: 2.02),
        "it is equal to its lower bound": not_the_bound,
    },
)
def exact_trace(case: PointCase) -> Evidence:
    """Compare the formula with the sum of the eigenvalues of the dense Hessian."""
    return _trace()(case)


def _bound(exact: Callable[[Problem], bool] = is_exact, **other: float) -> Check:
    """Check of the bound with other parts in it, and of when it is exact."""

    def check(case: BoundCase) -> Evidence:
        rounding = 64 * case.problem.size * search.EPS * max(case.trace, 1.0)
        gap = case.trace - lower_bound(case.problem, case.nuclear, **other)
        if case.is_critical and exact(case.problem):
            return Evidence(abs(gap), rounding)
        if case.is_critical and gap <= rounding:
            return Evidence(np.inf, rounding)
        return Evidence(max(0.0, -gap), rounding)

    return check


def spectral_bound(case: BoundCase) -> Evidence:
    """Rival: rank times spectral norm in the place of the nuclear norm."""
    s = np.linalg.svd(end_to_end(case.factors), compute_uv=False)
    excess = lower_bound(case.problem, s[0] * np.sum(s > ZERO * s[0])) - case.trace
    return Evidence(max(0.0, excess), 64 * case.problem.size * search.EPS * max(case.trace, 1.0))


@claim(
    "thm-trace-bound",
    "A lower bound on the trace",
    source="gatmiry2023flatness",
    status="derived",
    cases={
        "scaled identities": scaled_identities,
        "flattest factors of a rectangular matrix": flattest,
        "random factors": random_factors,
        "two layers, d_0 λ_1 = d_2 λ_2": two_layers,
        "two layers, d_0 = d_2": two_square_layers,
    },
    controls={
        "the loss is the squared error": other_loss,
        "exact: the point is critical": two_layers_disturbed,
        "exact: the weights are positive": two_layers_without_decay,
        "exact: X is not zero": two_layers_at_zero,
    },
    rivals={
        "a constant 1 % larger": _bound(constant=2.02),
        "the power 2.1 − 2/L of the norm": _bound(power=0.1),
        "the power 1.1/L of the widths": _bound(widths=1.1),
        "weight decay counts 1 % more": _bound(decay=2.02),
        "rank times spectral norm": spectral_bound,
        "two layers: exact if d_0 = d_2": _bound(
            exact=lambda problem: problem.widths[0] == problem.widths[2]
        ),
        "two layers: exact if λ_1 = λ_2": _bound(
            exact=lambda problem: problem.reg[0] == problem.reg[1]
        ),
        "two layers: always exact": _bound(exact=lambda problem: True),
    },
)
def trace_bound(case: BoundCase) -> Evidence:
    """Measure by how much the bound exceeds the dense trace; where it is tight, by rounding alone."""
    return _bound()(case)


def swapped(rng: np.random.Generator) -> PointCase:
    """Control: a saddle, the larger of two modes inactive, the smaller far above its fold."""
    return critical((5, 6), [(2.5, LARGER), (3.0, OUT)], weights=equal)(rng)


def _largest(found: Callable[[PointCase], dict[str, float]]) -> Check:
    """Check that the maximum of some candidates is the largest eigenvalue."""

    def check(case: PointCase) -> Evidence:
        error = max(found(case).values()) - case.eigenvalues[-1]
        return Evidence(abs(float(error)), case.rounding)

    return check


def _without(name: str) -> Check:
    return _largest(lambda case: {n: value for n, value in by_name(case).items() if n != name})


def _changed(change: Callable[[PointCase], dict[str, float]]) -> Check:
    """Check with another value for a candidate."""
    return _largest(lambda case: by_name(case) | change(case))


def leading_with_more_decay(case: PointCase) -> dict[str, float]:
    """Rival: ``2 L w_1^{2L−2} − 2 (L−1) λ``."""
    return {LEADING: by_name(case)[LEADING] - 2 * case.mean}


def two_equal_modes(case: PointCase) -> dict[str, float]:
    """Rival: two modes count where they are equal."""
    sigma, _ = leading_two(case)
    return {} if sigma[0] == sigma[1] else {TWO: 0.0}


def two_active_modes(case: PointCase) -> dict[str, float]:
    """Rival: with an inactive second mode, ``σ_2`` counts as zero."""
    sigma, w = leading_two(case)
    return {TWO: float(candidates(sigma * (w > 0), w, case.mean, case.problem.depth)[1])}


def two_modes_apart(case: PointCase) -> dict[str, float]:
    """Rival: ``σ_1 − σ_2`` in the place of ``σ_1 + σ_2``."""
    (first, second), w = leading_two(case)
    return {TWO: float(candidates(np.array([first, -second]), w, case.mean, case.problem.depth)[1])}


@claim(
    "thm-sharpness-minimizer",
    "The sharpness at the minimizer",
    source="this book",
    status="new",
    cases={
        "the leading mode wins": critical(
            (4, 6), [(3.0, LARGER), (1.5, LARGER)], weights=equal, unit="collapse"
        ),
        "two active modes win": critical((2, 6), [(1.5, LARGER)] * 2, weights=equal),
        "a mode and an inactive one win": critical(
            (3, 3), [(1.05, LARGER), (0.9, OUT)], weights=equal, unit="collapse"
        ),
        "imbalance wins": critical((2, 2), [(1.2, LARGER), (0.5, OUT)], weights=equal),
        "a local minimizer": critical(
            (3, 5), [(2.0, LARGER), (1.6, OUT)], weights=equal, unit="collapse"
        ),
        "one mode": critical((2, 5), [(1.3, LARGER)], weights=equal),
        "a bottleneck": critical(
            (2, 5), [(2.4, LARGER), (1.9, LARGER), (1.6, OUT)], narrow=True, weights=equal
        ),
    },
    controls={
        "the weights are positive": without_weight_decay,
        "the weights are equal": critical((2, 5), [(1.9, LARGER), (1.5, LARGER)], weights=spread),
        "a mode is active": critical((2, 5), [(0.6, OUT), (0.3, OUT)], weights=equal),
        "the point is a minimizer": swapped,
    },
    rivals={
        "not the leading mode": _without(LEADING),
        "not two modes": _without(TWO),
        "not imbalance": _without(IMBALANCE),
        "leading: L − 1 for L − 2": _changed(leading_with_more_decay),
        "two modes: equal ones alone": _changed(two_equal_modes),
        "two modes: an inactive one has σ = 0": _changed(two_active_modes),
        "two modes: the difference of σ": _changed(two_modes_apart),
        "imbalance: 4.1 λ": _changed(lambda case: {IMBALANCE: 4.1 * case.mean}),
        "the sum of two candidates": _largest(lambda case: {"sum": sum(by_name(case).values())}),
    },
)
def sharpness_at_minimizer(case: PointCase) -> Evidence:
    """Compare the largest candidate with the largest eigenvalue of the dense Hessian."""
    return _largest(by_name)(case)


def _carrier(
    values: Callable[[int, float], Mapping[str, float]] = limits,
    wins: Callable[[int, bool], str] = winner,
) -> Check:
    """Check of limits of the candidates, and of who wins."""

    def check(case: CarrierCase) -> Evidence:
        depth = case.problem.depth
        evidence = [Evidence(case.outside(wins(depth, case.at_collapse)), ALIGNED)]
        if case.at_collapse:
            # Each candidate is some 4 L² times as far from its limit as the singular value is.
            evidence += [
                Evidence(abs(case.values[name] - limit), 8 * depth**2 * NEAR)
                for name, limit in values(depth, case.ratio).items()
            ]
        return worst(evidence)

    return check


def _limit(name: str, value: Callable[[int, float], float]) -> Check:
    return _carrier(lambda depth, ratio: {**limits(depth, ratio), name: value(depth, ratio)})


def _wins(**names: str) -> Check:
    """Check with another winner at some depth, or for equal values."""

    def wins(depth: int, at_collapse: bool) -> str:
        return names.get(f"depth_{depth}" if at_collapse else "equal", winner(depth, at_collapse))

    return _carrier(wins=wins)


@claim(
    "prop-carrier",
    "Which block is the sharpest at collapse",
    source="this book",
    status="new",
    cases={
        "two layers": near_collapse(2, 2),
        "three layers": near_collapse(3, 3),
        "four layers": near_collapse(4, 4),
        "more layers": near_collapse(5, 6),
        "equal singular values": equal_values,
    },
    controls={
        "near collapse": far_from_collapse,
        "σ_2 is smaller": equal_at_collapse,
        "the weights are equal": unequal_weights,
        "two modes": one_end_narrow,
        "both of two equal modes are active": one_of_equal,
    },
    rivals={
        "leading: 2 L (L − 2) λ": _limit(LEADING, lambda depth, ratio: 2 * depth * (depth - 2)),
        "two modes: 2 (L − 1) λ": _limit(TWO, lambda depth, ratio: 2 * (depth - 1)),
        "two modes: 2 L (1 + ρ) λ": _limit(TWO, lambda depth, ratio: 2 * depth * (1 + ratio)),
        "imbalance: 2 λ": _limit(IMBALANCE, lambda depth, ratio: 2),
        "two layers: two modes": _wins(depth_2=TWO),
        "two layers: the leading mode": _wins(depth_2=LEADING),
        "three layers: imbalance": _wins(depth_3=IMBALANCE),
        "three layers: the leading mode": _wins(depth_3=LEADING),
        "four layers: two modes": _wins(depth_4=TWO),
        "equal singular values: the leading mode": _wins(equal=LEADING),
    },
)
def carrier_at_collapse(case: CarrierCase) -> Evidence:
    """Measure the top eigenvectors of the dense Hessian, and its largest values on the candidates' spaces."""
    return _carrier()(case)
