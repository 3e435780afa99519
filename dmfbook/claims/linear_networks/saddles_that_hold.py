"""Claims of the chapter *Saddles that hold*; oracles are descents, root finding, dense Hessians, integration."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks.critical_points import little_decay, plateaus
from dmfbook.claims.cases.linear_networks.critical_points.little_decay import (
    DecayCase,
    NearCase,
    OriginCase,
)
from dmfbook.claims.cases.linear_networks.critical_points.plateaus import (
    GrowthCase,
    LeaveCase,
    LogCosh,
    Runaway,
)
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.search import Found


def survives(case: DecayCase) -> Evidence:
    """Compare the Hessian at the end of a descent under little weight decay with that of a strict local minimizer."""
    values, orbit = case.eigenvalues, case.orbit
    # The gradient that is left, and the layers' errors, turn zeros into eigenvalues of this size.
    rounding = 1e-8 * float(values[-1])
    large, small = case.distances
    along = float(np.abs(values[:orbit]).max(initial=0.0))
    return worst(
        [
            Evidence(along, rounding),
            Evidence(rounding, max(0.0, float(values[orbit]))),
            # In proportion to the weights, up to terms of second order: a few percent of it. Points that do not
            # become minimizers end at a distance of their own size.
            Evidence(small, min(0.2 * large, 0.01 * case.size)),
        ]
    )


@claim(
    "thm-saddles-become-minimizers",
    "A little weight decay makes them minimizers",
    source="this book",
    status="new",
    cases={
        "rank one, depth 3": little_decay.leading((3, 3, 4, 2), 1),
        "rank one of three, depth 4": little_decay.leading((3, 3, 3, 4, 3), 1),
        "rank two of three, condition number 30": little_decay.leading(
            (3, 3, 3, 3), 2, condition=30.0
        ),
        "dependent inputs": little_decay.leading((4, 3, 3, 2), 1, directions=2),
    },
    controls={
        "at least three layers": little_decay.leading((2, 2, 2), 1),
        "the point is balanced": little_decay.leading((2, 2, 2, 2), 1, scale=1.5),
        "no larger value is left out": little_decay.leading((2, 2, 2, 2), 1, first=1),
        "no equal value is left out": little_decay.tied,
        "W_1 vanishes where no input is": little_decay.unseen,
    },
    rivals={
        "it stays a saddle": lambda case: Evidence(
            1e-8 * float(case.eigenvalues[-1]), max(0.0, -float(case.eigenvalues[0]))
        ),
        "it becomes a global minimizer": lambda case: Evidence(max(0.0, case.excess), 1e-8),
        "the Hessian is positive definite": lambda case: Evidence(
            1e-8 * float(case.eigenvalues[-1]), max(0.0, float(case.eigenvalues[0]))
        ),
        "it stays where it is": lambda case: Evidence(case.distances[0], 1e-8),
    },
)
def become_minimizers(case: DecayCase) -> Evidence:
    """Descend from the point under two small weights: where it ends, the Hessian vanishes along the orbit alone.

    Elsewhere it is positive, and a tenth of the weight brings the end at least five times nearer.
    """
    return survives(case)


def radius(factors: list[Array], proportion: Array) -> float:
    """The distance of the theorem."""
    found = []
    for (first, second), (mu, nu) in zip(pairwise(factors), pairwise(proportion), strict=True):
        gap = np.linalg.norm(nu * second.T @ second - mu * first @ first.T)
        a = np.hypot(mu * np.linalg.norm(first, 2), nu * np.linalg.norm(second, 2))
        found.append(gap / (a + np.sqrt(a**2 + max(mu, nu) * gap)) if gap else 0.0)
    return float(max(found))


def compare_distance(case: NearCase, times: float = 1.0) -> Evidence:
    """Compare the distance of the nearest critical point that was found with a multiple of the radius."""
    distance, error = case.nearest
    return Evidence(
        max(0.0, times * radius(case.factors, case.proportion) - distance), error + 1e-12
    )


@claim(
    "prop-unbalanced-vanish",
    "No critical point near an unbalanced one",
    source="this book",
    status="new",
    cases={
        "two numbers": little_decay.two_numbers,
        "depth 3": little_decay.unbalanced((3, 3, 2, 2), 1),
        "depth 4": little_decay.unbalanced((2, 3, 2, 3, 2), 0),
        "depth 2": little_decay.unbalanced((3, 3, 3), 1),
    },
    controls={
        "the weights are positive": little_decay.undecayed,
        "the weights are in this proportion": little_decay.other_proportion,
    },
    rivals={
        "twice as far": partial(compare_distance, times=2.0),
        "it stays where it is": lambda case: Evidence(case.nearest[0], 1e-8),
    },
)
def unbalanced_vanish(case: NearCase) -> Evidence:
    """Compare the distance of the nearest critical point that root finding reaches with the radius."""
    return compare_distance(case)


def compare_origin(case: OriginCase, ranks: Callable[[int], Iterable[int]] = range) -> Evidence:
    """Measure how fast minimizers come nearer to the leading truncations when the weights become small."""
    limits = [case.truncation(rank) for rank in ranks(case.whitened.capacity + 1)]
    inputs = case.whitened.loss.input_factor

    def gap(found: Found) -> float:
        return min(float(np.linalg.norm(found.end_to_end @ inputs - each)) for each in limits)

    # In proportion to the weights, up to terms of second order: a percent of it; at zero the gap itself is rounding.
    return worst(
        Evidence(gap(after), 0.2 * gap(before) + 1e-9 + after.end_to_end_uncertainty)
        for before, after in case.pairs
    )


@claim(
    "cor-origin-of-spurious-minimizers",
    "Where spurious minimizers come from",
    source="this book",
    status="new",
    cases={
        "depth 3": little_decay.origins((3, 3, 2, 2)),
        "depth 4, condition number 30": little_decay.origins((2, 2, 3, 3, 2), condition=30.0),
        "dependent inputs": little_decay.origins((4, 3, 3, 2), directions=2),
        "depth 2": little_decay.origins((3, 3, 2)),
    },
    controls={
        "the weights become small": little_decay.origins((2, 2, 2, 2), (1e-2, 1e-2)),
        "errors of all outputs and samples count alike": little_decay.unequal_origins,
    },
    rivals={
        "from global minimizers alone": partial(
            compare_origin, ranks=lambda stop: range(stop - 1, stop)
        ),
        "from zero and global minimizers alone": partial(
            compare_origin, ranks=lambda stop: (0, stop - 1)
        ),
    },
)
def origin(case: OriginCase) -> Evidence:
    """Follow local minimizers to a tenth of their weights, see that they still are, and measure how near they come."""
    curvatures = [Evidence(max(0.0, -least), search.NULL) for least in case.least_curvatures]
    return worst([compare_origin(case), *curvatures])


def plateau(case: GrowthCase, power: float = 2.0) -> float:
    """The time of the proposition: the integral of ``1/x^{L−1}`` from size to size, over the slope at zero."""
    (start, end), exponent = case.sizes, case.problem.depth - power
    if exponent == 0:
        return float(np.log(end / start) / case.slope)
    return float((start**-exponent - end**-exponent) / (exponent * case.slope))


def compare_growth(case: GrowthCase, time: Callable[[GrowthCase], float] = plateau) -> Evidence:
    """Compare the size of the layers at some time along the flow with the size at the end."""
    end = case.sizes[1]
    return Evidence(max(0.0, case.size_at(time(case)) - end), 1e-8 * end)


@claim(
    "prop-plateau-at-zero",
    "The least time near zero",
    source="this book",
    status="derived",
    cases={
        "depth 2, aligned": plateaus.growth(2),
        "depth 3, aligned": plateaus.growth(3),
        "depth 4, aligned": plateaus.growth(4, sizes=(0.15, 0.4)),
        "depth 3, random directions": plateaus.growth(3, aligned=False),
        "depth 3, log cosh": plateaus.growth(3, loss=LogCosh),
    },
    controls={"the loss is convex": plateaus.growth(3, loss=Runaway)},
    rivals={
        "twice as long": partial(compare_growth, time=lambda case: 2 * plateau(case)),
        "the power L−1": partial(compare_growth, time=partial(plateau, power=1.0)),
        "the power 1 at depth 2, too": partial(
            compare_growth,
            time=lambda case: plateau(case, power=min(2.0, case.problem.depth - 1.0)),
        ),
    },
)
def plateau_at_zero(case: GrowthCase) -> Evidence:
    """Follow gradient flow for the time of the proposition, and compare the size of the layers with the size there."""
    return compare_growth(case)


def compare_times(case: LeaveCase, power: float = 2.0, flat: str = "own") -> Evidence:
    """Compare two times of leaving with a power of the distance, or with its logarithm."""
    (far, near), (start, nearer) = case.times, case.distances
    ratio = float(np.log(start / nearer))
    strict = case.escape < -1e-6 if flat == "own" else flat == "strict"
    if strict:
        return Evidence(abs((near - far) * abs(case.escape) / ratio - 1), 0.1)
    exponent = float(np.log(near / far)) / ratio
    return Evidence(abs(exponent - (case.problem.depth - power)), 0.1)


@claim(
    "obs-plateaus",
    "How long flow stays",
    source="this book",
    status="empirical",
    cases={
        "depth 3, zero": plateaus.leaving((2, 2, 2, 2), 0, (0.02, 0.005)),
        "depth 3, rank one": plateaus.leaving((3, 3, 3, 3), 1, (0.02, 0.01)),
        "depth 4, zero": plateaus.leaving((2, 2, 2, 2, 2), 0, (0.1, 0.05)),
        # Two rates compete, nearly equal ones at worst: the faster one needs time where its share of the start is small.
        "strict, depth 2": plateaus.leaving((2, 2, 2), 0, (1e-8, 1e-24)),
        "strict, depth 3": plateaus.leaving((2, 2, 2, 2), 0, (1e-2, 1e-4), ones=True),
    },
    controls={
        "nothing beyond the active values": plateaus.leaving(
            (2, 2, 2, 2, 2), 0, (0.02, 0.005), ones=True
        )
    },
    rivals={
        "the power L−1": partial(compare_times, power=1.0),
        "the power L−3": partial(compare_times, power=3.0),
        "a logarithm at every saddle": partial(compare_times, flat="strict"),
        "a power at every saddle": partial(compare_times, flat="flat"),
    },
)
def leaving_times(case: LeaveCase) -> Evidence:
    """Compare when flow has left from two distances with a power of them, or with their logarithm."""
    return compare_times(case)
