"""Claims of the chapter *How strict*; descents are run, and Hessians are dense."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.critical_points import critical
from dmfbook.claims.cases.training import leaving, strict_saddles
from dmfbook.claims.cases.training.leaving import BlindCase, EscapeCase
from dmfbook.claims.cases.training.strict_saddles import HeavyCase, LandscapeCase
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.statements.modes import OUT
from dmfbook.claims.statements.training.strictness import (
    passes,
    swaps,
    two_layer_bound,
    two_layer_saddle,
)
from dmfbook.regularized.modes import LARGER, SMALLER


def escape_time(case: EscapeCase) -> float:
    """``ln(δ / (p ε)) / ln(1 + η |h|)``."""
    return math.log(case.far / leaving.NEAR / case.part) / case.pace


def compare_escape(case: EscapeCase, time: Callable[[EscapeCase], float] = escape_time) -> Evidence:
    """Compare the number of steps to a distance with a formula for it."""
    if not np.isfinite(case.count):
        return Evidence(np.inf, 1.0)
    # Terms of second order, some 100 times the distance, and other directions change the distance by less than this share.
    share = 0.01 + math.log1p(min(case.others**2, 1.0))
    return Evidence(abs(case.count - time(case)), share / case.pace)


a_pass = critical((3, 4), [(2.0, LARGER), (1.6, SMALLER)])
a_swap = critical((2, 4), [(1.5, LARGER), (2.6, OUT)])
zero_at_depth_two = critical((2, 2), [(2.5, OUT), (1.8, OUT)], spare=(1, 2))


@claim(
    "prop-escape-time",
    "How many steps a saddle takes",
    source="this book",
    status="derived",
    cases={
        "a pass": leaving.near(a_pass, 0.4, 1.2),
        "a swap": leaving.near(a_swap, 0.4, 1.2),
        "zero at depth 2": leaving.near(zero_at_depth_two, 0.4, 1.2),
    },
    controls={
        "the saddle is strict": leaving.near(
            critical((3, 4), [(2.0, LARGER), (1.6, OUT)]), 0.4, 1.2
        ),
        "the distance is small": leaving.near(a_pass, 0.4, 1.2, far=10.0),
        "the step is not too long": leaving.near(a_pass, 4.0, 5.0),
    },
    not_needed={"p > 0": "without it the statement has no meaning"},
    rivals={
        "the whole distance counts": partial(
            compare_escape,
            time=lambda case: escape_time(case) - math.log(1 / case.part) / case.pace,
        ),
        "flow's time": partial(
            compare_escape,
            time=lambda case: escape_time(case) * case.pace / (case.step * case.steepness),
        ),
        "half of |h|": partial(
            compare_escape,
            time=lambda case: (
                escape_time(case) * case.pace / math.log1p(case.step * case.steepness / 2)
            ),
        ),
        "the largest eigenvalue decides": partial(
            compare_escape,
            time=lambda case: escape_time(case) * case.pace / math.log1p(case.share),
        ),
    },
)
def steps_to_leave(case: EscapeCase) -> Evidence:
    """Compare the number of steps that a run takes to a distance with the formula."""
    return compare_escape(case)


BLIND = 1e-10  # rounding, which grows on the way


@claim(
    "thm-missing-modes",
    "What is missing at both ends stays missing",
    source="this book",
    status="derived",
    cases={
        "two layers": partial(leaving.blind, depth=2, missing=1),
        "four layers": partial(leaving.blind, depth=4, missing=1),
        "two modes, three layers": partial(leaving.blind, depth=3, missing=2),
        "no weight decay": partial(leaving.blind, depth=3, missing=1, reg=0.0),
    },
    controls={
        "missing in the first layer": partial(
            leaving.blind, depth=3, missing=1, ends=(False, True)
        ),
        "missing in the last layer": partial(leaving.blind, depth=3, missing=1, ends=(True, False)),
        "singular vectors of the target": partial(
            leaving.blind, depth=3, missing=1, singular=False
        ),
        "white inputs": partial(leaving.blind, depth=3, missing=1, white=False),
    },
    rivals={
        "the first layer is enough": lambda case: product_stays_blind(case, case.opened(False)),
        "the last layer is enough": lambda case: product_stays_blind(case, case.opened(True)),
    },
)
def missing_modes(case: BlindCase) -> Evidence:
    """Run gradient descent and look for the missing directions in the first and the last layer."""
    return Evidence(case.leak(case.run(case.start)), BLIND)


def product_stays_blind(case: BlindCase, start: list[Array]) -> Evidence:
    """Look for the directions in the product of a run that starts elsewhere."""
    return Evidence(case.in_product(case.run(start)), BLIND)


Formula = Callable[[LandscapeCase], float]


def at_depth_two(case: LandscapeCase) -> float:
    """``−2 (σ_r − max(λ, σ_{r+1}))``."""
    return two_layer_bound(case.sigma, case.widths[1], case.mean)


def compare_two_layers(case: LandscapeCase, bound: Formula = at_depth_two) -> Evidence:
    """Compare the least eigenvalue at every saddle with the formula, and the largest of them with a bound."""
    hidden = case.widths[1]
    found = [
        Evidence(
            abs(two_layer_saddle(case.sigma, each.active, hidden, case.mean) - each.least),
            case.rounding,
        )
        for each in case.saddles
    ]
    largest = max(each.least for each in case.saddles)
    return worst([*found, Evidence(abs(bound(case) - largest), case.rounding)])


def least_gap(case: LandscapeCase) -> float:
    """Rival: the least distance between any two values that follow each other, zero included."""
    return float(-2 * np.abs(np.diff(np.append(case.sigma, 0.0))).min())


def last_kept(case: LandscapeCase) -> float:
    """Rival: ``−2 σ_r``."""
    return float(-2 * case.sigma[case.fitting - 1])


@claim(
    "thm-strict-two-layers",
    "How strict saddles of two layers are",
    source="valavi2020landscape",
    status="derived",
    cases={
        "no decay": strict_saddles.landscape((3.0, 2.7, 1.5), (4,), reg=0),
        "no decay, a bottleneck": strict_saddles.landscape((3.0, 2.4, 2.0), (2,), reg=0),
        "weight decay": strict_saddles.landscape((2.5, 2.2, 1.6, 0.6), (4,)),
        "weight decay, a bottleneck": strict_saddles.landscape((2.9, 2.2, 1.7, 0.6), (2,)),
    },
    controls={
        "two layers": strict_saddles.landscape((2.5, 2.2, 1.6), (4, 4)),
        "no decay: the point is balanced": strict_saddles.landscape(
            (3.0, 2.4, 2.0), (2,), reg=0, stretch=2.0
        ),
        "the weights are equal": strict_saddles.landscape((2.5, 2.2, 1.6, 0.6), (4,), unequal=4.0),
        "σ_r > σ_{r+1}": strict_saddles.landscape((3.0, 1.5, 1.5), (2,), reg=0),
    },
    rivals={
        "the least of all gaps": partial(compare_two_layers, bound=least_gap),
        "the last value kept": partial(compare_two_layers, bound=last_kept),
        "the gap behind it, whatever λ": partial(
            compare_two_layers,
            bound=lambda case: two_layer_bound(case.sigma, case.fitting, 0.0),
        ),
        "half of it": partial(compare_two_layers, bound=lambda case: at_depth_two(case) / 2),
    },
)
def strict_two_layers(case: LandscapeCase) -> Evidence:
    """Compare the least eigenvalue of dense Hessians at all saddles with the formula, and the largest with the bound."""
    return compare_two_layers(case)


def compare_width(
    case: HeavyCase, enough: Callable[[int, int], int] = lambda a, b: a + b - 1
) -> Evidence:
    """See whether the least eigenvalue at a point far from balance is below ``−2 σ_r``, or nearly zero."""
    inputs, hidden, outputs = (case.problem.widths[place] for place in (0, 1, -1))
    bound = 2 * float(case.sigma[min(hidden, len(case.sigma)) - 1])
    if hidden >= enough(inputs, outputs):
        return Evidence(max(0.0, case.least + bound), case.rounding)
    if case.least > -case.rounding:
        return Evidence(np.inf, 1.0)
    return Evidence(-case.least, 10 * float(case.sigma[0]) ** 2 / case.size**2)


@claim(
    "thm-width-and-strictness",
    "Width bounds the strictness of saddles",
    source="this book",
    status="new",
    cases={
        "one unit too few": partial(strict_saddles.all_but_the_last, low=0, high=0),
        "just wide enough": partial(strict_saddles.all_but_the_last, low=1, high=1),
        "wider": partial(strict_saddles.all_but_the_last, low=2, high=4),
        "narrower": partial(strict_saddles.all_but_the_last, low=-2, high=-1),
        "a bottleneck": strict_saddles.behind_a_bottleneck,
    },
    controls={
        "two layers": strict_saddles.zero_of_three_layers,
        "no global minimizer": partial(strict_saddles.all_but_the_last, low=1, high=2, whole=True),
        "σ_r > σ_{r+1}": partial(strict_saddles.behind_a_bottleneck, tied=True),
    },
    not_needed={"no weight decay": "with it every critical point is balanced"},
    rivals={
        "d_0 + d_2 − 2 units are enough": partial(compare_width, enough=lambda a, b: a + b - 2),
        "it takes d_0 + d_2": partial(compare_width, enough=lambda a, b: a + b),
        "as many as inputs and outputs": partial(compare_width, enough=max),
        "no width is enough": partial(compare_width, enough=lambda a, b: 10**6),
        "every width is": partial(compare_width, enough=lambda a, b: 0),
    },
)
def width_and_strictness(case: HeavyCase) -> Evidence:
    """See whether the dense Hessian far from balance has an eigenvalue below ``−2 σ_r``, or its least is nearly zero."""
    return compare_width(case)


def strictness(case: LandscapeCase, narrowest: int = 0) -> float:
    """The least entry of both lists."""
    arguments = case.sigma, case.mean, case.depth, narrowest or min(case.widths)
    return float(np.min([*passes(*arguments), *swaps(*arguments)]))


def compare_deep(case: LandscapeCase, formula: Formula = strictness) -> Evidence:
    """Compare the largest of the least eigenvalues at all strict saddles with a formula."""
    largest = max(each.least for each in case.saddles)
    return Evidence(abs(formula(case) + largest), case.rounding)


def of_lists(*lists: Callable[..., Array]) -> Formula:
    """Rival: one of the lists alone, or another one."""

    def formula(case: LandscapeCase) -> float:
        arguments = case.sigma, case.mean, case.depth, min(case.widths)
        return float(np.min(np.concatenate([each(*arguments) for each in lists]), initial=1e9))

    return formula


def passes_alone(sigma: Array, reg: float, depth: int, narrowest: int) -> Array:
    """Rival: on a pass only its own curvature counts."""
    return passes(sigma, reg, depth, len(sigma))


def swaps_of_neighbours(sigma: Array, reg: float, depth: int, narrowest: int) -> Array:
    """Rival: a bottleneck changes nothing about swaps."""
    return swaps(sigma, reg, depth, len(sigma))


def swaps_by_products(sigma: Array, reg: float, depth: int, narrowest: int) -> Array:
    """Rival: the power L − 1 in the place of L − 2."""
    return swaps(sigma, reg, depth + 1, narrowest)


@claim(
    "thm-strict-deep",
    "How strict deep saddles are",
    source="this book",
    status="new",
    cases={
        "a pass decides": strict_saddles.landscape((2.5, 1.7, 1.06), (3, 4)),
        "a swap decides, depth 4": strict_saddles.landscape((2.5, 2.4, 1.7), (3, 4, 3)),
        "no decay": strict_saddles.landscape((3.0, 2.2, 1.3), (3, 3), reg=0),
        "a mode at the fold": strict_saddles.landscape((2.5, 1.2, 1.0), (3, 4)),
        "a bottleneck, a swap": strict_saddles.landscape((3.0, 2.6, 1.9, 1.85), (2, 4)),
        "a bottleneck, its own curvature": strict_saddles.landscape((1.4, 1.03), (1, 2)),
        "a bottleneck, what is left out": strict_saddles.landscape((1.5, 1.003, 0.4), (3, 1)),
    },
    controls={
        "at least three layers": strict_saddles.landscape((2.5, 2.2, 1.7), (4,)),
        "the weights are equal": strict_saddles.landscape((2.5, 1.7, 1.06), (3, 4), unequal=4.0),
        "no decay: the point is balanced": strict_saddles.landscape(
            (3.0, 2.2, 1.3), (3, 3), reg=0, stretch=2.0
        ),
        "different values above the fold": strict_saddles.landscape((2.5, 1.7, 1.7), (3, 3)),
    },
    rivals={
        "passes only": partial(compare_deep, formula=of_lists(passes)),
        "swaps only": partial(compare_deep, formula=of_lists(swaps)),
        "a pass: its own curvature alone": partial(
            compare_deep, formula=of_lists(passes_alone, swaps)
        ),
        "swaps of neighbours behind a bottleneck": partial(
            compare_deep, formula=of_lists(passes, swaps_of_neighbours)
        ),
        "swaps: the power L − 1": partial(
            compare_deep, formula=of_lists(passes, swaps_by_products)
        ),
        "the weight alone": partial(
            compare_deep, formula=lambda case: 2 * (case.depth - 2) * case.mean
        ),
    },
)
def strict_deep(case: LandscapeCase) -> Evidence:
    """Compare the largest of the least eigenvalues of dense Hessians at all strict saddles with the formula."""
    return compare_deep(case)
