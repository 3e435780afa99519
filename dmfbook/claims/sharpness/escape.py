"""Claims of the chapter *Escape*; gradient descent is run, its limits are examined by dense Hessians."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dmfbook.claims.cases.sharpness import launch_sites as sites
from dmfbook.claims.cases.sharpness.launches import (
    NULL,
    Launch,
    at_singular_step,
    changed,
    launched,
    onto_the_saddle,
)
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.network.factors import end_to_end, flatten


def stays(case: Launch, at_the_point: bool) -> Iterator[Evidence]:
    """How far starts in all directions get, how small the gradient becomes, and with which loss."""
    values, (of_loss, of_gradient) = case.spectrum[0], case.rounding
    curved = np.abs(values) > NULL * case.sharpness
    rate = float(np.abs(1 - case.step * values[curved]).max())
    steps = int(min(5 / abs(np.log10(rate)), 4000))
    # Second order: what bends the run is at most this share of a step across the valley, and those add up to 1 / (1 − rate).
    bend = case.step * case.bend * case.distance
    tolerance = 4 * bend / abs(1 - rate) + case.step * steps * of_gradient / case.distance
    left = case.distance * 2 * min(rate + 2 * bend, 1.0) ** steps
    for direction in case.directions:
        run = case.run(steps, direction)
        if run.status == "diverged":
            yield Evidence(np.inf, tolerance)
            continue
        far = run.records["distance"] / case.distance
        slope = float(np.linalg.norm(flatten(case.problem.gradient(run.factors))))
        rise = abs(run.loss - case.problem.loss(case.factors))
        yield Evidence(max(float(far.max()) - 1, 0.0), tolerance)
        yield Evidence(slope, case.sharpness * left + of_gradient)
        yield Evidence(rise, case.sharpness * left**2 + of_loss)
        if at_the_point:
            yield Evidence(float(far[-1]), tolerance)


def leaves(case: Launch, rate: float, anywhere: bool) -> Iterator[Evidence]:
    """When starts in all directions leave a ball, and how the distance grows along the sharpest direction."""
    bend, excess = case.step * case.bend, abs(rate - 1)
    ball = min(case.reach, excess / (4 * bend))
    # Terms of second order take at most a quarter of the excess in such a ball.
    slowest = np.log1p(0.75 * excess)
    for direction in case.directions:
        part = max(case.distance * abs(float(direction @ case.sharpest)), 1e-300)
        limit = 1 + np.log(ball / part) / slowest
        outside = case.run(int(limit) + 1, direction).records["distance"] > ball
        found = float(outside.argmax()) if outside.any() else np.inf
        yield Evidence(found, limit) if anywhere else Evidence(np.inf if outside.any() else 0, 1)
    if case.distance == 0:
        return
    growth = case.run(int(4 / np.log(1 + excess))).records["distance"]
    rounding = case.step * case.rounding[1] / case.distance
    tolerance = bend * growth[-1] / excess + rounding / excess
    expected = case.distance * rate ** (len(growth) - 1)
    yield Evidence(abs(float(growth[-1] / expected) - 1), float(tolerance))


def compare_stability(
    case: Launch,
    bound: float = 1.0,
    trace: bool = False,
    at_the_point: bool = False,
    rate: Callable[[float], float] = lambda ratio: 2 * ratio - 1,
    anywhere: bool = True,
) -> Evidence:
    """Start in all directions; below the bound they must stay and converge, above it leave in time."""
    ratio = case.step * case.spectrum[0].sum() / 2 if trace else case.ratio
    if ratio < bound:
        return worst(stays(case, at_the_point))
    return worst(leaves(case, rate(case.ratio), anywhere))


# Steps in units of what the point bears: well below, just below, just above and well above.
SHORT, SHORTER, LONGER, LONG = (0.3, 0.9), (0.92, 0.96), (1.05, 1.09), (1.1, 1.5)


@claim(
    "thm-stability",
    "Which minimizers hold gradient descent",
    source="wu2018sgd",
    status="derived",
    cases={
        "a number, zero loss, the step just borne": launched(sites.number, SHORTER),
        "a matrix, zero loss, the step just too long": launched(sites.matrix, LONGER),
        "weight decay, the step borne": launched(sites.decayed, SHORT),
        "weight decay, the step too long": launched(sites.decayed, LONG),
        "zero, not global, the step borne": launched(sites.at_zero, SHORT),
        "zero, not global, the step too long": launched(sites.at_zero, LONG),
        "positive loss behind one hidden unit": launched(sites.behind_bottleneck, SHORT, LONG),
    },
    controls={
        "the point is a local minimizer": launched(sites.strict_saddle, SHORT),
        "the point is critical": launched(sites.not_critical, SHORT),
        "the starts are near": changed(launched(sites.matrix, SHORT), distance=20.0),
        "almost every start": changed(launched(sites.matrix, LONG), distance=0.0),
    },
    rivals={
        "steps up to 2.2/h_max are borne": partial(compare_stability, bound=1.1),
        "steps from 1.8/h_max on are too long": partial(compare_stability, bound=0.9),
        "the trace in place of h_max": partial(compare_stability, trace=True),
        "starts nearby converge to the point itself": partial(compare_stability, at_the_point=True),
        "only starts along the eigenvector leave": partial(compare_stability, anywhere=False),
        "the distance grows by η h_max": partial(compare_stability, rate=lambda ratio: 2 * ratio),
    },
)
def linear_stability(case: Launch) -> Evidence:
    """Start in all directions; below the bound they must stay and converge, above it leave in time."""
    return compare_stability(case)


def compare_ends(
    case: Launch, highest: float = 1.0, lowest: float = 0.0, trace: bool = False
) -> Evidence:
    """Run until the gradient vanishes; measure how far eigenvalues there leave the bounds, times ``η/2``."""
    evidences = []
    for direction in case.directions:
        run = case.settled(direction)
        if run.status == "converged":
            end = replace(case, factors=run.factors)
            values = end.spectrum[0]
            scaled = case.step / 2 * (values.sum() if trace else values[-1])
            outside = max(scaled - highest, lowest - case.step / 2 * values[0], 0.0)
            # The limit is as far away as the gradient over the least curvature; rounding of eigenvalues adds.
            flattest = np.abs(values[np.abs(values) > NULL * np.abs(values).max()]).min()
            away = 2 * case.vanishing / flattest * end.bend + 1e-14 * np.abs(values).max()
            evidences.append(Evidence(float(outside), float(case.step / 2 * away)))
    return worst(evidences)


@claim(
    "thm-settle",
    "Where gradient descent can settle",
    source="panageas2017",
    status="derived",
    cases={
        "beside a number's minimizer that is too sharp": launched(
            sites.stretched(sites.number), (1.05, 1.25), distance=1e-3
        ),
        "beside a matrix's minimizer that is too sharp": launched(
            sites.stretched(sites.matrix), (1.05, 1.25), distance=1e-3
        ),
        "beside a minimizer that just bears the step": launched(
            sites.matrix, SHORTER, distance=1e-3
        ),
        "beside zero, a saddle of two factors": launched(sites.zero_of_two, (0.3, 0.47)),
        "steps that are singular everywhere, depth 2": at_singular_step(sites.singular_two, 0),
        "steps that are singular everywhere, depth 3": at_singular_step(
            lambda rng: sites.smaller_root(rng, 3, int(rng.integers(2, 4))), 1
        ),
    },
    controls={
        "almost every start: not a sharp minimizer": changed(
            launched(sites.stretched(sites.matrix), (1.05, 1.25)), distance=0.0
        ),
        "almost every start: none that lands on a saddle": onto_the_saddle,
        "plain gradient descent": changed(
            launched(sites.matrix, (1.05, 1.25), distance=1e-3), momentum=0.5
        ),
    },
    rivals={
        "no eigenvalue beyond 1.8/η": partial(compare_ends, highest=0.9),
        "no eigenvalue beyond 1/η": partial(compare_ends, highest=0.5),
        "the sum of all eigenvalues is at most 2/η": partial(compare_ends, trace=True),
        "no eigenvalue below 0.01/η": partial(compare_ends, lowest=0.005),
    },
)
def settles_within_the_bounds(case: Launch) -> Evidence:
    """Run until the gradient vanishes; measure how far eigenvalues there leave the bounds, times ``η/2``."""
    return compare_ends(case)


def compare_escape(
    case: Launch, bound: float = 1.0, growth: float = 1e6, highest: float = 1.0
) -> Evidence:
    """Run along the sharpest direction: it must return, or get far away and settle at a flatter factorization."""
    if case.ratio < bound:
        run = case.run(1000, every=1000)
        if run.status == "diverged":
            return Evidence(np.inf, 1.0)
        # Second order moves the limit along the valley; rounding of the gradient does so, too.
        second = case.step * case.bend * case.distance / (1 - abs(1 - 2 * case.ratio))
        rounding = case.rounding[1] / (case.sharpness * case.distance)
        return Evidence(run.records["distance"][-1] / case.distance, second + 8 * rounding)
    run = case.settled()
    if run.status != "converged":
        return Evidence(np.inf, 1.0)
    distances = run.records["distance"]
    return worst(
        [
            Evidence(distances[0] / distances.max(), 1 / growth),
            Evidence(case.scaled(run.factors)[-1], highest),
            Evidence(run.loss, 1e-18 * np.sum(case.problem.target**2)),
        ]
    )


UNBALANCED = {
    depth: sites.stretched(partial(sites.deep_number, depth=depth)) for depth in (2, 3, 4)
}


@claim(
    "obs-escape",
    "Escape from a sharp minimizer",
    source="kamber2025sharpness",
    status="empirical",
    cases={
        "depth 2, the step just too long": launched(UNBALANCED[2], LONGER, distance=1e-9),
        "depth 3, the step too long": launched(UNBALANCED[3], (1.05, 1.25), distance=1e-9),
        "depth 4, the step too long": launched(UNBALANCED[4], (1.05, 1.25), distance=1e-9),
        "depth 3, the step borne": launched(UNBALANCED[3], SHORTER, distance=1e-9),
    },
    controls={
        "flatter factorizations exist": launched(sites.flat_number, (1.05, 1.25), distance=1e-9),
        "a step at most a quarter too long": launched(UNBALANCED[3], (8, 12), distance=1e-9),
        "no weight decay": launched(sites.decayed_number, (1.05, 1.25), distance=1e-9),
    },
    not_needed={
        "the factorization of a number": "900 launches from matrices of rank two settled, too",
        "the sharpest direction": "900 launches in random directions settled, too",
        "within 1e-9": "900 launches from a distance of 1e-4 settled, too",
    },
    rivals={
        "steps up to 2.2/λ_max return": partial(compare_escape, bound=1.1),
        "steps from 1.8/λ_max on leave": partial(compare_escape, bound=0.9),
        "the distance grows 10^10 times": partial(compare_escape, growth=1e10),
        "it settles with sharpness below 1/η": partial(compare_escape, highest=0.5),
    },
)
def escape_and_settle(case: Launch) -> Evidence:
    """Run along the sharpest direction: it must return, or get far away and settle at a flatter factorization."""
    return compare_escape(case)


def kept_away(case: Launch, ratio: float, floor: float) -> Iterator[Evidence]:
    """By how much late losses stay below the height at which minimizers throw a run out."""
    bend = case.step * case.bend
    ball = min(case.reach, abs(2 * ratio - 2) / (4 * bend))
    # Whoever leaves the ball is as far out in steep directions as in others, where F is at least z²/η.
    height = ball**2 / (4 * case.step)
    for late in case.late_losses:
        yield Evidence(height / max(late - floor, 1e-300), 1.0)


def compare_largest_step(
    case: Launch, power: float = 2.0, layers: int = 0, norm: Any = 2, factor: float = 1.0
) -> Evidence:
    """Run from many starts with a step on either side of the border; see which come to zero loss."""
    depth = case.problem.depth
    size = float(np.linalg.norm(case.problem.target, norm))
    ratio = case.step / (factor / ((layers or depth) * size ** (2 - power / depth)))
    if ratio > 1:
        return worst(kept_away(case, ratio, 0.0))
    evidences = []
    for direction in case.directions:
        run = case.run(1000, direction, every=1000)
        residual = np.linalg.norm(case.problem.target - end_to_end(run.factors))
        evidences.append(Evidence(float(residual), 1e-9 * size))
    return worst(evidences)


@claim(
    "cor-largest-step",
    "The largest step that reaches zero loss",
    source="craciun2024convergence",
    status="paper's claim",
    cases={
        "a number, the step just too long": launched(sites.flat_number, LONGER, distance=1e-3),
        "a matrix, the step just too long": launched(sites.flat_matrix, LONGER, distance=1e-3),
        "a number, the step just borne": launched(sites.flat_number, SHORTER, distance=1e-3),
        "a matrix, the step just borne": launched(sites.flat_matrix, SHORTER, distance=1e-3),
    },
    controls={
        "without regularization": launched(sites.flat_but_decayed, SHORTER, distance=1e-3),
        "no hidden width below the rank": launched(sites.behind_bottleneck, SHORTER, distance=1e-3),
        "almost every start": changed(launched(sites.flat_matrix, LONGER), distance=0.0),
    },
    not_needed={"M ≠ 0": "without it the border is infinite, and no step lies beyond"},
    rivals={
        "a tenth longer": partial(compare_largest_step, factor=1.1),
        "a tenth shorter": partial(compare_largest_step, factor=0.9),
        "the power 2−1/L": partial(compare_largest_step, power=1.0),
        "without the factor L": partial(compare_largest_step, layers=1),
        "the Frobenius norm": partial(compare_largest_step, norm="fro"),
    },
)
def largest_step(case: Launch) -> Evidence:
    """Run from many starts with a step on either side of the border; see which come to zero loss."""
    return compare_largest_step(case)


def compare_nowhere_flatter(case: Launch, bound: float = 1.0, target: bool = False) -> Evidence:
    """Run from many starts with a step on either side of the bound; see which come to the least loss."""
    ratio = case.ratio
    if target:
        depth = case.problem.depth
        size = float(np.linalg.norm(case.problem.target, 2))
        ratio = case.step * depth * size ** (2 - 2 / depth)
    if ratio < bound:
        return worst(stays(case, at_the_point=False))
    return worst(kept_away(case, ratio, case.problem.loss(case.factors)))


@claim(
    "cor-nowhere-flatter",
    "With regularization there is nothing flatter",
    source="this book",
    status="new",
    cases={
        "a number, the step just too long": launched(sites.decayed_number, LONGER),
        "a matrix, the step too long": launched(sites.decayed, LONG),
        "zero, above collapse, the step just too long": launched(sites.collapsed, LONGER),
        "a matrix, the step just borne": launched(sites.decayed, SHORTER),
    },
    controls={
        "the weights are positive": launched(sites.stretched(sites.number), LONGER),
        "the end-to-end minimizer is unique": launched(sites.tied, LONGER),
        "almost every start": changed(launched(sites.collapsed, LONGER), distance=0.0),
    },
    rivals={
        "steps up to 2.2/h_max are borne": partial(compare_nowhere_flatter, bound=1.1),
        "steps from 1.8/h_max on are too long": partial(compare_nowhere_flatter, bound=0.9),
        "the border of zero loss": partial(compare_nowhere_flatter, target=True),
    },
)
def no_settling(case: Launch) -> Evidence:
    """Run from many starts with a step on either side of the bound; see which come to the least loss."""
    return compare_nowhere_flatter(case)
