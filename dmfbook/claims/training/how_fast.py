"""Claims of the chapter *How fast*; descents are run, and Hessians are dense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from dmfbook.claims.cases.critical_points import critical, equal, spread, without_weight_decay
from dmfbook.claims.cases.training import best_weights
from dmfbook.claims.cases.training.best_weights import NumberCase
from dmfbook.claims.cases.training.runs_near import RunNear
from dmfbook.claims.claim import CaseMaker, Check, claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.statements.modes import OUT, PointCase
from dmfbook.claims.statements.training.rates import (
    GAP,
    IDLE,
    LAST,
    SPLIT,
    best_heavy_ball,
    heavy_ball_rate,
    least_candidates,
    plain_rate,
)
from dmfbook.regularized.modes import LARGER

ZERO = 1e-9  # eigenvalues up to this share of the largest count as zero


def _least(found: Callable[[PointCase], dict[str, float]]) -> Check:
    """Check that the minimum of some candidates is the least positive eigenvalue."""

    def check(case: PointCase) -> Evidence:
        values = case.eigenvalues
        least = values[values > ZERO * values[-1]][0]
        return Evidence(abs(float(min(found(case).values()) - least)), case.rounding)

    return check


def _without(name: str) -> Check:
    def others(case: PointCase) -> dict[str, float]:
        return {n: value for n, value in least_candidates(case).items() if n != name}

    return _least(others)


def _changed(name: str, change: Callable[[PointCase], float]) -> Check:
    """Check with another value for a candidate, where there is one."""

    def changed(case: PointCase) -> dict[str, float]:
        found = least_candidates(case)
        return found | ({name: change(case)} if name in found else {})

    return _least(changed)


def first_mode_alone(case: PointCase) -> float:
    """Rival: the curvature of the first mode in the place of the last active one's."""
    depth = case.problem.depth
    return float(2 * depth * case.w.max() ** (2 * depth - 2) - 2 * (depth - 2) * case.mean)


def whole_value(case: PointCase) -> float:
    """Rival: ``σ_k`` in the place of ``σ_k − σ_{k+1}``."""
    depth, w = case.problem.depth, case.w[case.w > 0].min()
    return float(2 * case.sigma[case.w > 0].min() * w ** (depth - 2))


def gap_of_products(case: PointCase) -> float:
    """Rival: ``s_k`` in the place of ``σ_k`` and zero in that of ``σ_{k+1}``."""
    depth, w = case.problem.depth, case.w[case.w > 0].min()
    return float(2 * w**depth * w ** (depth - 2))


saddle = critical((3, 5), [(2.5, LARGER), (3.0, OUT)], weights=equal)
tie_behind_a_bottleneck = critical((3, 4), [(2.0, LARGER), (2.0, OUT)], narrow=True, weights=equal)
at_the_weight = critical((2, 2), [(2.0, LARGER), (1, OUT)], spare=(1, 2), weights=equal)


@claim(
    "thm-least-eigenvalue",
    "The least positive eigenvalue",
    source="this book",
    status="new",
    cases={
        "imbalance": critical((2, 6), [(6.0, LARGER)], ends=(0, 0), spare=(0, 0), weights=equal),
        "the last mode": critical(
            (3, 4), [(3.0, LARGER), (1.1, LARGER)], ends=(0, 0), spare=(0, 0), weights=equal
        ),
        "the last mode, depth 2": critical(
            (2, 2), [(3.0, LARGER), (1.3, LARGER)], ends=(0, 0), weights=equal
        ),
        "the gap": critical((3, 4), [(2.0, LARGER), (1.8, OUT)], spare=(0, 0), weights=equal),
        "the gap, depth 2": critical(
            (2, 2), [(2.0, LARGER), (1.8, OUT)], spare=(0, 0), weights=equal
        ),
        "idle units": critical((3, 5), [(4.0, LARGER)], ends=(1, 1), spare=(1, 2), weights=equal),
        "idle units, depth 2": critical(
            (2, 2), [(4.0, LARGER), (0.8, OUT)], spare=(1, 2), weights=equal
        ),
        "a longer end, depth 2": critical(
            (2, 2), [(5.0, LARGER)], ends=(0, 1), spare=(1, 2), weights=equal
        ),
        "a bottleneck": critical(
            (2, 5), [(2.4, LARGER), (1.9, LARGER), (1.6, OUT)], narrow=True, weights=equal
        ),
    },
    controls={
        "the weights are positive": without_weight_decay,
        "the weights are equal": critical(
            (2, 5), [(3.9, LARGER), (3.5, LARGER)], ends=(1, 1), spare=(1, 2), weights=spread
        ),
        "the point is a local minimizer": saddle,
        "σ_k is larger than σ_{k+1}": tie_behind_a_bottleneck,
        "depth 2: σ_{k+1} is not λ": at_the_weight,
    },
    rivals={
        "not imbalance": _without(SPLIT),
        "not the last mode": _without(LAST),
        "not the gap": _without(GAP),
        "not the idle units": _without(IDLE),
        "imbalance: 2λ": _changed(SPLIT, lambda case: 2 * case.mean),
        "the first mode instead of the last": _changed(LAST, first_mode_alone),
        "the last mode: L − 1 for L − 2": _changed(
            LAST, lambda case: least_candidates(case)[LAST] - 2 * case.mean
        ),
        "the gap: σ_{k+1} counts as zero": _changed(GAP, whole_value),
        "the gap: the product's value": _changed(GAP, gap_of_products),
        "idle units: 2λ at depth 2 too": _changed(IDLE, lambda case: 2 * case.mean),
        "idle units: 4λ": _changed(IDLE, lambda case: 4 * case.mean),
    },
)
def least_eigenvalue(case: PointCase) -> Evidence:
    """Compare the smallest candidate with the least positive eigenvalue of the dense Hessian."""
    return _least(least_candidates)(case)


def _near(maker: CaseMaker, share: float, **run: float) -> CaseMaker:
    """Maker of runs near a point: a share of the best step, or beyond 1 of the way from it to the longest."""

    def made(rng: np.random.Generator) -> RunNear:
        case = RunNear(maker(rng), 1.0, **run)
        least, largest = case.positive[[0, -1]]
        best = 2 / float(least + largest)
        beyond = 2 / float(largest) - best
        share_now = share * float(rng.uniform(0.95, 1.0)) if share != 1 else share
        step = best * min(share_now, 1) + beyond * max(share_now - 1, 0)
        return replace(case, step=step)

    return made


def _compare_rate(
    case: RunNear, rate: Callable[[float, float], float] = plain_rate, ends: str = "both"
) -> Evidence:
    """Compare the last ratio of gradients with the larger rate of the ends of the positive spectrum.

    Where the Hessian vanishes along the orbit alone, a gradient that small leaves the orbit that near.
    """
    least, largest = case.positive[0], case.positive[-1]
    counted = {"both": (least, largest), "least": (least,), "largest": (largest,)}[ends]
    # Terms of second order, and rounding, are some hundred times the distance from the point.
    error = abs(case.last_ratio - max(rate(case.step, float(h)) for h in counted))
    return worst([Evidence(error, 100 * case.last), Evidence(case.end_distance, 10 * case.last)])


narrow_gap = critical((3, 4), [(3.0, LARGER), (2.0, LARGER)], spare=(0, 1))
shallow = critical((2, 2), [(4.0, LARGER), (2.0, LARGER), (0.5, OUT)])


@claim(
    "thm-local-rate",
    "The rate of gradient descent near a minimizer",
    source="polyak1964",
    status="derived",
    cases={
        "a short step": _near(narrow_gap, 0.5),
        "the best step": _near(narrow_gap, 1.0),
        "a long step": _near(narrow_gap, 1.5),
        "depth 2, a short step": _near(shallow, 0.6),
        "depth 2, a long step": _near(shallow, 1.5),
    },
    controls={
        "the point is a local minimizer": _near(saddle, 0.5),
        "no zeros but those of the orbit": _near(at_the_weight, 0.5),
        "the start is near": _near(
            critical((3, 4), [(2.0, LARGER)], ends=(0, 0), spare=(0, 0)), 0.5, around=0.01
        ),
    },
    rivals={
        "the least eigenvalue decides": partial(_compare_rate, ends="least"),
        "the largest eigenvalue decides": partial(_compare_rate, ends="largest"),
        "1 − ηh/2": partial(_compare_rate, rate=lambda step, h: abs(1 - step * h / 2)),
        "the square": partial(_compare_rate, rate=lambda step, h: (1 - step * h) ** 2),
    },
)
def local_rate(case: RunNear) -> Evidence:
    """Compare what one more step makes of the gradient's norm with the rate of the dense Hessian."""
    return _compare_rate(case)


def _with_momentum(maker: CaseMaker, step: float, momentum: float) -> CaseMaker:
    """Maker of runs with a share of the longest step, and of the best momentum, or with a part of what that leaves to 1."""

    def made(rng: np.random.Generator) -> RunNear:
        case = RunNear(maker(rng), 1.0, last=1e-10)
        _, best = best_heavy_ball(*(float(h) for h in case.positive[[0, -1]]))
        inertia = best * momentum if momentum <= 1 else 1 - (1 - best) / momentum
        return replace(
            case, step=step * 2 * (1 + inertia) / float(case.positive[-1]), momentum=inertia
        )

    return made


def _compare_heavy_ball(
    case: RunNear,
    rate: Callable[[float, float, float], float] = heavy_ball_rate,
    ends: tuple[int, ...] = (0, -1),
) -> Evidence:
    """Compare the mean ratio of the slowest parts with the largest rate of the ends of the positive spectrum."""
    ratio, doubt = case.mean_ratio
    predicted = max(rate(case.step, case.momentum, float(case.positive[end])) for end in ends)
    return worst(
        [Evidence(abs(ratio - predicted), doubt), Evidence(case.end_distance, 10 * case.last)]
    )


@claim(
    "prop-heavy-ball",
    "The rate of the heavy ball near a minimizer",
    source="polyak1964",
    status="derived",
    cases={
        "a short step": _with_momentum(narrow_gap, 0.3, 0.6),
        "a long step": _with_momentum(narrow_gap, 0.998, 0.6),
        "much momentum": _with_momentum(narrow_gap, 0.9, 2.5),
        "depth 2, much momentum": _with_momentum(shallow, 0.9, 2.0),
    },
    controls={
        "the point is a local minimizer": _with_momentum(saddle, 0.5, 0.8),
        "no zeros but those of the orbit": _with_momentum(at_the_weight, 0.5, 0.8),
    },
    rivals={
        "that of gradient descent": partial(
            _compare_heavy_ball, rate=lambda step, beta, h: plain_rate(step, h)
        ),
        "always the root of the momentum": partial(
            _compare_heavy_ball, rate=lambda step, beta, h: beta**0.5
        ),
        "the momentum itself where roots are complex": partial(
            _compare_heavy_ball,
            rate=lambda step, beta, h: (
                min(beta, heavy_ball_rate(step, beta, h))
                if heavy_ball_rate(step, beta, h) ** 2 <= beta * (1 + 1e-9)
                else heavy_ball_rate(step, beta, h)
            ),
        ),
        "the least eigenvalue decides": partial(_compare_heavy_ball, ends=(0,)),
        "the largest eigenvalue decides": partial(_compare_heavy_ball, ends=(-1,)),
    },
)
def heavy_ball(case: RunNear) -> Evidence:
    """Compare the mean ratio of the gradient's slowest part over a run with the modulus of the largest root."""
    return _compare_heavy_ball(case)


def least_condition(depth: int) -> float:
    """Least condition number of a number in numbers of some depth."""
    return max((depth - 1) * (depth - 2) / 2, 1.0)


def best_share(depth: int, shallow: float = 0.5) -> float:
    """Weight at which it is attained, over the largest at which the minimizer is not zero."""
    return shallow if depth == 2 else 1.0


def _compare_best(
    case: NumberCase,
    least: Callable[[int], float] = least_condition,
    share: Callable[[int], float] = best_share,
) -> Evidence:
    """Compare the least condition number, and where it is found, with those of dense Hessians."""
    reg, value = case.best
    # Near a kink, or an end, values of the loss give w to some 1e-8, hence the condition number to 1e-6 L².
    doubt = 1e-6 * case.depth**2
    return worst(
        [
            Evidence(abs(value / least(case.depth) - 1), doubt),
            Evidence(abs(reg / case.last - share(case.depth)), doubt),
        ]
    )


@claim(
    "prop-best-conditioned",
    "The best-conditioned weight of a number",
    source="this book",
    status="new",
    cases={
        "depth 2": partial(best_weights.number, low=2, high=2),
        "depth 3": partial(best_weights.number, low=3, high=3),
        "depth 4 to 6": partial(best_weights.number, low=4, high=6),
    },
    controls={
        "no two neighbouring hidden layers are wider": best_weights.with_neighbours,
        "the weights are equal": best_weights.with_unequal_weights,
    },
    rivals={
        "(L−1)(L−2)": partial(_compare_best, least=lambda depth: (depth - 1.0) * max(depth - 2, 1)),
        "1 at every depth": partial(_compare_best, least=lambda depth: 1.0),
        "L(L−1)/2 − 1": partial(
            _compare_best, least=lambda depth: depth * (depth - 1) / 2 - 1 or 1
        ),
        "the smaller the weight, the better": partial(_compare_best, share=lambda depth: 0.0),
        "halfway at every depth": partial(_compare_best, share=lambda depth: 0.5),
        "depth 2: at the end": partial(_compare_best, share=partial(best_share, shallow=1.0)),
    },
)
def best_conditioned(case: NumberCase) -> Evidence:
    """Compare the least condition number, and where it is found, with those of dense Hessians."""
    return _compare_best(case)
