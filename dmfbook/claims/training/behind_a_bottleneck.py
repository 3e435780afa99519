"""Claims of the chapter *Behind a bottleneck*; both Hessians are found by automatic differentiation."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from dmfbook.claims.cases.training import bottlenecks
from dmfbook.claims.cases.training.bottlenecks import Bottleneck, Maker
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst

Bound = Callable[[float], float]

GENERIC: dict[str, Maker] = {
    "depth 2": partial(bottlenecks.minimizer, low=2, high=2),
    "depth 3": partial(bottlenecks.minimizer, low=3, high=3),
    "depth 4 and 5": partial(bottlenecks.minimizer, low=4, high=5),
}


def compare_forms(
    case: Bottleneck,
    ratio: Callable[[Bottleneck], float] = lambda case: case.ratio,
    ends: tuple[float, float] = (-1.0, 1.0),
) -> Evidence:
    """Compare the extreme ratios of both Hessians with ``1 ± t``, their traces, and their kernels."""
    found = np.array([case.ratios[0], case.ratios[-1]])
    wanted = 1 + ratio(case) * np.array(ends)
    hessian, allowed = case.point.differentiated_hessian, case.rounding
    return worst(
        [
            Evidence(float(np.abs(found - wanted).max()), case.ratio_rounding),
            Evidence(abs(float(np.trace(hessian) - np.trace(case.gauss_newton))), allowed),
            Evidence(case.beyond_range, case.beyond_rounding),
        ]
    )


@claim(
    "thm-behind-a-bottleneck",
    "The Hessian behind a bottleneck",
    source="this book",
    status="new",
    cases={
        **GENERIC,
        "a saddle, two modes": partial(
            bottlenecks.minimizer, low=2, high=3, share=(1.2, 2.0), least=2
        ),
        "both ends without spare parts": partial(
            bottlenecks.minimizer, low=3, high=4, ends=(True, True)
        ),
    },
    controls={
        "the point is critical": bottlenecks.not_critical,
        "the rank is the smallest width": bottlenecks.idle_units,
        "the weights are zero": partial(bottlenecks.minimizer, low=2, high=4, reg=0.3),
    },
    rivals={
        "t over σ_1": partial(
            compare_forms, ratio=lambda case: case.residual_norm / case.product_values[0]
        ),
        "t²": partial(compare_forms, ratio=lambda case: case.ratio**2),
        "2t": partial(compare_forms, ratio=lambda case: 2 * case.ratio),
        "t/(1 + t)": partial(compare_forms, ratio=lambda case: case.ratio / (1 + case.ratio)),
        "it never raises a curvature": partial(compare_forms, ends=(-1.0, 0.0)),
        "it never lowers a curvature": partial(compare_forms, ends=(0.0, 1.0)),
    },
)
def forms(case: Bottleneck) -> Evidence:
    """Compare the extreme ratios of both Hessians with ``1 ± t``, their traces, and their kernels."""
    return compare_forms(case)


def least_share(ratio: float) -> float:
    """``(1 + t) / (1 + 2t)``."""
    return (1 + ratio) / (1 + 2 * ratio)


def compare_sharpness(
    case: Bottleneck,
    upper: Bound = lambda t: 1 + t,
    lower: Bound = least_share,
    above: Callable[[tuple[bool, bool]], bool] = any,
    equal: Callable[[tuple[bool, bool]], bool] = all,
) -> Evidence:
    """Compare the largest eigenvalue with that at zero loss, as far as the ranks of the outer layers say."""
    reference, allowed, ends = case.zero_loss_sharpness, case.rounding, case.no_spare_ends
    found = case.sharpness
    if equal(ends):
        return Evidence(abs(found - reference), allowed)
    least = reference * (1.0 if above(ends) else lower(case.ratio))
    outside = max(least - found, found - reference * upper(case.ratio), 0.0)
    return Evidence(outside, allowed)


def near(make: Callable[..., Bottleneck], low: int, high: int) -> Maker:
    """Maker of points where a bound is nearly attained."""

    def made(rng: np.random.Generator) -> Bottleneck:
        depth = int(rng.integers(low, high + 1))
        return make(rng, depth, float(rng.uniform(60, 200)), float(rng.uniform(0.3, 0.9)))

    return made


@claim(
    "thm-sharpness-behind-a-bottleneck",
    "The sharpness behind a bottleneck",
    source="this book",
    status="new",
    cases={
        **GENERIC,
        "no spare part before it": partial(
            bottlenecks.minimizer, low=4, high=5, ends=(True, False)
        ),
        "no spare part behind it": partial(
            bottlenecks.minimizer, low=4, high=5, ends=(False, True)
        ),
        "no spare parts": partial(bottlenecks.minimizer, low=3, high=5, ends=(True, True)),
        "nearly as sharp as can be": near(bottlenecks.steepest, 3, 5),
        "nearly as flat as can be": near(bottlenecks.flattest, 4, 5),
    },
    controls={
        "the point is a global minimizer": bottlenecks.not_global,
        "the point is critical": bottlenecks.not_critical,
        "the rank is the smallest width": bottlenecks.idle_units,
        "the weights are zero": partial(bottlenecks.minimizer, low=2, high=2, reg=0.3),
    },
    rivals={
        "as at zero loss, always": partial(compare_sharpness, equal=lambda ends: True),
        "at least as at zero loss, always": partial(compare_sharpness, above=lambda ends: True),
        "as at zero loss, if one end has no spare part": partial(compare_sharpness, equal=any),
        "at most as at zero loss": partial(compare_sharpness, upper=lambda t: 1.0),
        "at most 1 + t/2": partial(compare_sharpness, upper=lambda t: 1 + t / 2),
        "at most 1 + t²": partial(compare_sharpness, upper=lambda t: 1 + t**2),
        "at least 1 − t/4": partial(compare_sharpness, lower=lambda t: 1 - t / 4),
        "at least (2 + t)/(2 + 2t)": partial(
            compare_sharpness, lower=lambda t: (2 + t) / (2 + 2 * t)
        ),
    },
)
def largest(case: Bottleneck) -> Evidence:
    """Compare the largest eigenvalue with that at zero loss, as far as the ranks of the outer layers say."""
    return compare_sharpness(case)


def family(make: Callable[..., Bottleneck], low: int, high: int) -> Maker:
    """Maker of members of a family, with spare parts of any size."""

    def made(rng: np.random.Generator) -> Bottleneck:
        size = float(np.exp(rng.uniform(math.log(10), math.log(300))))
        depth = int(rng.integers(low, high + 1))
        return make(rng, depth, size, float(rng.uniform(0.3, 1.0)))

    return made


def compare_limits(
    case: Bottleneck, sharp: Bound = lambda t: 1 + t, flat: Bound = least_share
) -> Evidence:
    """Compare how much sharper a member of a family is than at zero loss with the limit of the family."""
    size = max(float(np.linalg.norm(factor, 2)) for factor in case.point.factors)
    found = case.sharpness / case.zero_loss_sharpness
    # Both families miss their limit by some L/c².
    allowed = 4 * case.point.problem.depth / size**2 + 4 * case.rounding / case.zero_loss_sharpness
    limit = (sharp if found > 1 else flat)(case.ratio)
    return Evidence(abs(found - limit), allowed)


@claim(
    "prop-bottleneck-extremes",
    "Extremes behind a bottleneck",
    source="this book",
    status="new",
    cases={
        "sharp, depth 3": family(bottlenecks.steepest, 3, 3),
        "sharp, depth 4 to 6": family(bottlenecks.steepest, 4, 6),
        "flat, depth 4": family(bottlenecks.flattest, 4, 4),
        "flat, depth 5 and 6": family(bottlenecks.flattest, 5, 6),
    },
    controls={
        "sharp: three layers": family(bottlenecks.steepest, 2, 2),
        "flat: four layers": family(bottlenecks.flattest, 3, 3),
    },
    rivals={
        "sharp: 1 + t/2": partial(compare_limits, sharp=lambda t: 1 + t / 2),
        "sharp: 1 + t²": partial(compare_limits, sharp=lambda t: 1 + t**2),
        "sharp: 2": partial(compare_limits, sharp=lambda t: 2.0),
        "flat: 1/(1 + t)": partial(compare_limits, flat=lambda t: 1 / (1 + t)),
        "flat: 1 − t": partial(compare_limits, flat=lambda t: 1 - t),
        "flat: 2/3": partial(compare_limits, flat=lambda t: 2 / 3),
        "flat: 1": partial(compare_limits, flat=lambda t: 1.0),
    },
)
def extremes(case: Bottleneck) -> Evidence:
    """Compare how much sharper a member of a family is than at zero loss with the limit of the family."""
    return compare_limits(case)


def compare_trained(case: Bottleneck, share: float = 1.0) -> Evidence:
    """Compare the sharpness of a trained network, over that at zero loss, with a number."""
    return Evidence(abs(case.sharpness / case.zero_loss_sharpness - share), 0.01)


@claim(
    "obs-trained-behind-a-bottleneck",
    "Trained behind a bottleneck",
    source="this book",
    status="empirical",
    cases={"depth 3 and 4": bottlenecks.trained},
    controls={"trained from such a start": near(bottlenecks.steepest, 3, 4)},
    rivals={
        "by the share t sharper": lambda case: compare_trained(case, 1 + case.ratio),
        "as flat as can be": lambda case: compare_trained(case, least_share(case.ratio)),
    },
)
def after_training(case: Bottleneck) -> Evidence:
    """Compare the sharpness of a trained network with that at zero loss."""
    return compare_trained(case)
