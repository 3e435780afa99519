"""Claims of the chapter *One singular value*; the oracle looks at values of the loss only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dmfbook.claims.cases.foundations import numbers
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles.extrema import EPS, ScalarLoss
from dmfbook.regularized.scalar import (
    collapse_threshold,
    critical_reg,
    fold_threshold,
    shrink,
    stationary_values,
)

Threshold = Callable[[float, int], Any]


def count_and_kinds(
    case: ScalarLoss,
    fold: Threshold = fold_threshold,
    kinds: tuple[bool, bool] = (False, True),
    zero: bool = True,
    power: float = 2.0,
) -> Evidence:
    """Compare with the extrema found on the way from zero: a minimum, then a maximum and a minimum, or none.

    Both are tested in the equation ``w^L + λ w^{power−L} = m``.
    """
    found = [extremum for extremum in case.extrema if extremum.w > 0]
    expected = list(kinds) if case.target > fold(case.reg, case.depth) else []
    if [extremum.is_minimum for extremum in found] != expected:
        return Evidence(np.inf, 1.0)
    if zero != (case.extrema[0].w == 0):
        return Evidence(np.inf, 1.0)
    errors = [Evidence(0.0, EPS)]  # at the fewest, zero is where it has to be
    for extremum in found:
        w, order = extremum.w, case.depth
        rest = w**order + case.reg * w ** (power - order) - case.target
        slope = order * w ** (order - 1) + (order - 2) * case.reg * w ** (1 - order)
        errors.append(Evidence(abs(rest), slope * extremum.uncertainty + 8 * EPS * case.target))
    return worst(errors)


@claim(
    "thm-fold",
    "Two stationary values above the fold, none below",
    source="chen2025complete",
    status="derived",
    cases={
        "below the fold": numbers.below_fold,
        "just below the fold": numbers.at_fold_less_a_little,
        "just above the fold": numbers.just_above_fold,
        "between the thresholds": numbers.between_thresholds,
        "far above, depth up to 12": numbers.far_above,
    },
    controls={
        "at least three layers": numbers.shallow_above,
        "a positive weight": numbers.without_penalty,
    },
    rivals={
        "the fold is where zero stops to be global": partial(
            count_and_kinds, fold=collapse_threshold
        ),
        "the fold has L−1 in place of L−2": partial(
            count_and_kinds,
            fold=lambda reg, depth: fold_threshold(reg * (depth - 1) / (depth - 2), depth),
        ),
        "the smaller is the minimizer": partial(count_and_kinds, kinds=(True, False)),
        "zero is no local minimizer": partial(count_and_kinds, zero=False),
        "the equation has the power 1−L": partial(count_and_kinds, power=1.0),
    },
)
def stationary_points(case: ScalarLoss) -> Evidence:
    """Compare number, kind, place and equation with what values on a grid show."""
    evidence = count_and_kinds(case)
    found = [extremum for extremum in case.extrema if extremum.w > 0]
    if not evidence.holds or not found:
        return evidence
    roots = stationary_values(case.target, case.reg, case.depth)
    pairs = zip(found, roots, strict=True)
    return worst([evidence, *(Evidence(abs(e.w - root), e.uncertainty) for e, root in pairs)])


def kept(case: ScalarLoss, threshold: Threshold) -> float:
    """End-to-end value of a minimizer that is the larger root above a threshold and zero below."""
    if case.target <= threshold(case.reg, case.depth):
        return 0.0
    larger = stationary_values(case.target, case.reg, case.depth)[1]
    return float(larger**case.depth)


def collapsed_threshold(reg: float, depth: int, first: int = 1, power: float = 2.0) -> float:
    """``m_c`` with another constant in front, or another power of ``L − 2``."""
    excess = float(depth - 2) ** (-(depth - power) / (2 * depth - 2)) if depth > 2 else 1.0
    return float((depth - first) * excess * reg ** (depth / (2 * depth - 2)))


def compare_kept(case: ScalarLoss, threshold: Threshold) -> Evidence:
    """Compare the end-to-end value with that of the least value found."""
    found = case.best
    error = abs(found.end_to_end - kept(case, threshold))
    return Evidence(error, found.end_to_end_uncertainty)


@claim(
    "thm-collapse",
    "The global minimizer and its collapse",
    source="ziyin2022exact",
    status="paper's claim",
    cases={
        "below the fold": numbers.below_fold,
        "just below collapse": numbers.just_below_collapse,
        "just above collapse": numbers.just_above_collapse,
        "far above, depth up to 12": numbers.far_above,
        "depth 2, below": numbers.shallow_below,
        "depth 2, above": numbers.shallow_above,
    },
    controls={
        "the minimizer is global": numbers.local_search,
        "the penalty is the square of the factors": numbers.other_penalty,
    },
    rivals={
        "the local minimizer counts as soon as there is one": partial(
            compare_kept, threshold=lambda reg, depth: fold_threshold(reg, depth)
        ),
        "L in place of L−1": partial(compare_kept, threshold=partial(collapsed_threshold, first=0)),
        "without the power of L−2": partial(
            compare_kept, threshold=lambda reg, depth: collapsed_threshold(reg, depth, power=depth)
        ),
        "the square root of the weight": partial(
            compare_kept,
            threshold=lambda reg, depth: collapsed_threshold(1.0, depth) * reg**0.5,
        ),
    },
)
def global_minimum(case: ScalarLoss) -> Evidence:
    """Compare the end-to-end value of the global minimizer with the best found from values."""
    found = case.best
    package = abs(found.end_to_end - float(shrink(case.target, case.reg, case.depth)))
    return worst(
        [
            Evidence(package, found.end_to_end_uncertainty),
            compare_kept(case, collapsed_threshold),
        ]
    )


def jump_to(case: ScalarLoss, share: Callable[[int], float]) -> Evidence:
    """Compare the values found just below and just above the target with 0 and a share of the target."""
    step = 1e-6
    below = replace(case, target=case.target * (1 - step)).best
    above = replace(case, target=case.target * (1 + step)).best
    error = below.end_to_end + abs(above.end_to_end - case.target * share(case.depth))
    # ds/dm ≤ L at the threshold: s = m − λ w^{2−L}, and w is not at the fold.
    tolerance = case.depth * step * case.target + above.end_to_end_uncertainty
    return Evidence(float(error), tolerance)


@claim(
    "cor-jump",
    "The jump at the collapse threshold",
    source="ziyin2022phase",
    status="derived",
    cases={"at the threshold, depth 3 to 8": numbers.at_collapse},
    controls={"the target passes the threshold": numbers.past_collapse},
    not_needed={"at least three layers": "at depth 2 the formula says 0, and nothing jumps"},
    rivals={
        "to the whole threshold": partial(jump_to, share=lambda depth: 1.0),
        "to (L-1)/L of it": partial(jump_to, share=lambda depth: (depth - 1) / depth),
        "to (L-2)/L of it": partial(jump_to, share=lambda depth: (depth - 2) / depth),
        "no jump": partial(jump_to, share=lambda depth: 0.0),
    },
)
def jump(case: ScalarLoss) -> Evidence:
    """Compare the values found just below and just above the target with 0 and the jump."""
    return jump_to(case, lambda depth: (depth - 2) / (depth - 1))


def compare_critical(case: ScalarLoss, formula: Callable[[float, int], float]) -> Evidence:
    """Compare a formula with the largest λ at which some positive ``w`` is as good as zero."""
    value = float(formula(case.target, case.depth))
    # At a maximum an error of 1e-6 in the argument changes the value by 1e-12 L² relatively.
    return Evidence(abs(case.bearable - value), 1e-11 * case.depth**2 * value)


def changed_critical(
    target: float, depth: int, power: float = 2.0, first: float = 2.0, second: float = 2.0
) -> float:
    """``λ_c`` with other exponents ``2 − power/L``, ``1 − first/L`` and ``2 − second/L``."""
    inner = float(max(depth - 2, 1)) ** (1 - first / depth)
    return float(target ** (2 - power / depth) * inner / (depth - 1.0) ** (2 - second / depth))


@claim(
    "thm-critical-regularization",
    "The critical regularization",
    source="kamber2026landscape",
    status="paper's claim",
    cases={
        "a small target, depth 4 to 6": numbers.just_below_collapse,
        "depth 3 to 12": numbers.far_above,
        "depth 2": numbers.shallow_above,
    },
    controls={"the penalty is the square of the factors": numbers.other_penalty},
    rivals={
        "the target has the power 2−1/L": partial(
            compare_critical, formula=partial(changed_critical, power=1.0)
        ),
        "L−2 has the power 1−1/L": partial(
            compare_critical, formula=partial(changed_critical, first=1.0)
        ),
        "L−1 has the power 2−1/L": partial(
            compare_critical, formula=partial(changed_critical, second=1.0)
        ),
        "it is the target at every depth": partial(
            compare_critical, formula=lambda target, depth: target
        ),
    },
)
def critical_regularization(case: ScalarLoss) -> Evidence:
    """Compare with the largest λ at which some positive ``w`` has a smaller loss than zero."""
    return worst([compare_critical(case, critical_reg), compare_critical(case, changed_critical)])


def spread(case: ScalarLoss, every: bool = False) -> Evidence:
    """Spread of the end-to-end values of all minima whose loss is the least, or of all minima."""
    minima = case.minima
    rounding = np.inf if every else 16 * case.depth * EPS * case.target**2
    least = min(extremum.loss for extremum in minima) + rounding
    ties = [extremum for extremum in minima if extremum.loss <= least]
    values = [extremum.end_to_end for extremum in ties]
    return Evidence(float(np.ptp(values)), sum(each.end_to_end_uncertainty for each in ties))


def not_unique_at_threshold(case: ScalarLoss) -> Evidence:
    """The rival: at depth 2 two minimizers tie at the threshold as well."""
    if case.depth == 2 and case.target == case.reg:
        return Evidence(1.0 if spread(case).holds else 0.0, 0.5)
    return spread(case)


@claim(
    "thm-uniqueness",
    "Uniqueness off the null set",
    source="kamber2026landscape",
    status="paper's claim",
    cases={
        "below the fold": numbers.below_fold,
        "between the thresholds": numbers.between_thresholds,
        "just above collapse": numbers.just_above_collapse,
        "depth 2 at the threshold": numbers.shallow_at_threshold,
    },
    controls={"off the null set": numbers.at_collapse},
    rivals={
        "all local minimizers agree": partial(spread, every=True),
        "depth 2 has an exceptional target, too": not_unique_at_threshold,
    },
)
def one_minimizer(case: ScalarLoss) -> Evidence:
    """Measure the spread of the end-to-end values of all minima whose loss is the least."""
    return spread(case)


def compare_shallow(case: ScalarLoss, formula: Callable[[float, float], float]) -> Evidence:
    """Compare the end-to-end value found from values with a formula of target and weight."""
    found = case.best
    error = abs(found.end_to_end - formula(case.target, case.reg))
    return Evidence(error, found.end_to_end_uncertainty)


@claim(
    "cor-soft-threshold",
    "Soft thresholding at depth 2",
    source="cai2010singular",
    status="derived",
    cases={
        "above the weight": numbers.shallow_above,
        "below the weight": numbers.shallow_below,
        "at the weight": numbers.shallow_at_threshold,
    },
    controls={
        "two layers": numbers.past_collapse,
        "the penalty is the square of the factors": numbers.shallow_other_penalty,
    },
    rivals={
        "a hard threshold": partial(compare_shallow, formula=lambda m, reg: m * (m > reg)),
        "a bias of half the weight": partial(
            compare_shallow, formula=lambda m, reg: max(m - reg / 2, 0.0)
        ),
        "never zero": partial(compare_shallow, formula=lambda m, reg: m - reg),
    },
)
def soft_threshold(case: ScalarLoss) -> Evidence:
    """Compare the end-to-end value found from values with ``max(m − λ, 0)``."""
    return compare_shallow(case, lambda target, reg: max(target - reg, 0.0))
