"""Claims of the chapter *Which depth denoises*; worst cases are searched, and noisy matrices are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from dmfbook.claims.cases.training import denoised
from dmfbook.claims.cases.training.denoised import DepthCase, LargeCase, NoisyMatrix
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.statements.training.denoising import balance, best_threshold
from dmfbook.regularized.denoising import denoising_threshold


def compare_expansion(
    case: LargeCase,
    factor: float = 1.0,
    power: Callable[[int], float] = lambda depth: 1 - 2 / depth,
    second: Callable[[float], float] = lambda ratio: 1 + ratio,
) -> Evidence:
    """Compare y times what is left of the difference after its first term with the second one."""
    y, kappa, lam = case.value, 1 - 2 / case.depth, case.weight
    left = case.difference(y) + factor * lam * y ** -power(case.depth)
    # The next terms, and the rounding of a difference of numbers as large as y.
    allowed = 2 * kappa * lam**2 * y ** (-2 * kappa) + 4 / y**2 + 1e-14 * y**2
    return Evidence(abs(y * left - second(case.ratio)), allowed)


@claim(
    "prop-large-signals",
    "Large signals",
    source="this book",
    status="new",
    cases={
        "depth 2": partial(denoised.large, low=2, high=2),
        "depth 3": partial(denoised.large, low=3, high=3),
        "depth 4 to 8": partial(denoised.large, low=4, high=8),
    },
    controls={"the minimizer is global": partial(denoised.large, low=3, high=8, smaller=True)},
    rivals={
        "L times the weight": partial(compare_expansion, factor=3.0),
        "half the weight": partial(compare_expansion, factor=0.5),
        "the same bias at every depth": partial(compare_expansion, power=lambda depth: 0.0),
        "the exponent 1 − 1/L": partial(compare_expansion, power=lambda depth: 1 - 1 / depth),
        "the exponent 2 − 2/L": partial(compare_expansion, power=lambda depth: 2 - 2 / depth),
        "no second term": partial(compare_expansion, second=lambda ratio: 0.0),
        "the second term 2γ": partial(compare_expansion, second=lambda ratio: 2 * ratio),
    },
)
def large_signals(case: LargeCase) -> Evidence:
    """Compare y times what is left of the difference after its first term with the second one."""
    return compare_expansion(case)


def compare_best(
    case: DepthCase, formula: Callable[[int, float], tuple[float, float]] = best_threshold
) -> Evidence:
    """Compare the best threshold and its worst excess with those of a search over weights and sizes."""
    (threshold, excess), wanted = case.search.least, formula(case.depth, case.ratio)
    # The search ends at singular values of 1e7, and within 1e-8 of the best weight.
    return worst(
        [Evidence(abs(threshold - wanted[0]), 1e-5), Evidence(abs(excess - wanted[1]), 1e-5)]
    )


def compare_order(case: DepthCase, best: int = 3, rising: bool = True) -> Evidence:
    """Check which depth is best, and that from there on the worst excess rises; depth 2 is worst of all."""
    found = case.worst
    later = [found[depth] for depth in sorted(found) if depth >= best]
    ordered = all((a < b) == rising for a, b in zip(later, later[1:], strict=False))
    right = min(found, key=lambda depth: found[depth]) == best and ordered
    return Evidence(0.0 if right and found[2] == max(found.values()) else math.inf, 1.0)


def hard(depth: int, ratio: float) -> tuple[float, float]:
    """Rival: hard thresholding, whatever the depth."""
    return balance(1.0, ratio)


def by_layers(depth: int, ratio: float) -> tuple[float, float]:
    """Rival: ``1 − 1/L`` is kept at the threshold."""
    return balance((depth - 1) / depth, ratio)


def at_the_edge(depth: int, ratio: float) -> tuple[float, float]:
    """Rival: the threshold is the edge of the noise."""
    edge = 1 + math.sqrt(ratio)
    return edge, ((depth - 2) / (depth - 1) * edge) ** 2 if depth > 2 else edge**2


def whole_gap(depth: int, ratio: float) -> tuple[float, float]:
    """Rival: four times the excess."""
    threshold, excess = best_threshold(depth, ratio)
    return threshold, 4 * excess


@claim(
    "thm-best-denoising-depth",
    "Three layers denoise best",
    source="this book",
    status="new",
    cases={
        "depth 2": partial(denoised.depth_case, low=2, high=2),
        "depth 3": partial(denoised.depth_case, low=3, high=3),
        "depth 4": partial(denoised.depth_case, low=4, high=4),
        "depth 5 to 12": partial(denoised.depth_case, low=5, high=12),
    },
    controls={
        "signals of every size": denoised.small_signals,
        "the minimizer is global": partial(denoised.depth_case, low=3, high=6, local=True),
        "no noise is kept": partial(denoised.depth_case, low=2, high=2, edge_matters=False),
    },
    rivals={
        "the hard threshold at every depth": partial(compare_best, formula=hard),
        "1 − 1/L of a value is kept": partial(compare_best, formula=by_layers),
        "the threshold is the edge": partial(compare_best, formula=at_the_edge),
        "four times the excess": partial(compare_best, formula=whole_gap),
        "two layers are best": partial(compare_order, best=2),
        "four layers are best": partial(compare_order, best=4),
        "deeper is better": partial(compare_order, rising=False),
    },
)
def best_depth(case: DepthCase) -> Evidence:
    """Compare threshold, excess and order of depths with those of a search over weights and sizes."""
    values = compare_best(case)
    return worst([values, compare_order(case)]) if values.holds else values


def compare_guarantee(case: DepthCase, best: int = 4, loss: float = 1.0) -> Evidence:
    """Check which depth has the least worst loss, and how far that is from the best of all shrinkages."""
    found = case.worst
    if min(found, key=lambda depth: found[depth]) != best:
        return Evidence(math.inf, 1.0)
    return Evidence(abs(found[best] / (1 + case.ratio) - loss), 0.005)


@claim(
    "obs-best-guarantee",
    "Four layers have the best guarantee",
    source="this book",
    status="empirical",
    cases={"γ from ½ to 1": denoised.guarantees},
    controls={"nearly square": partial(denoised.guarantees, low=0.01, high=0.05)},
    rivals={
        "three layers": partial(compare_guarantee, best=3),
        "five layers": partial(compare_guarantee, best=5),
        "the deeper the better": partial(compare_guarantee, best=8),
        "a tenth above the best": partial(compare_guarantee, loss=1.1),
    },
)
def best_guarantee(case: DepthCase) -> Evidence:
    """Check which depth has the least worst loss, and how far that is from the best of all shrinkages."""
    return compare_guarantee(case)


def start(depth: int, ratio: float) -> float:
    """Best threshold of a depth."""
    return float(denoising_threshold(depth, ratio))


def compare_finite(case: NoisyMatrix, best: float = 1.0, excess: float = 1.0) -> Evidence:
    """Compare the mean loss over some draws with the sum of both limits."""
    limit = best * case.parts[0] + excess * case.parts[1]
    return Evidence(abs(float(case.losses.mean()) / limit - 1), 0.08)


@claim(
    "obs-denoising-at-finite-size",
    "Denoising at finite size",
    source="this book",
    status="empirical",
    cases={
        "depth 2": partial(denoised.noisy, depth=2, threshold=start),
        "depth 3": partial(denoised.noisy, depth=3, threshold=start),
        "depth 4": partial(denoised.noisy, depth=4, threshold=start),
        "depth 8": partial(denoised.noisy, depth=8, threshold=start),
    },
    controls={
        "noise of variance 1/n": partial(denoised.noisy, depth=3, threshold=start, noise=1.4),
        "few spikes": partial(denoised.noisy, depth=3, threshold=start, rank=80),
    },
    rivals={
        "as good as the best": partial(compare_finite, excess=0.0),
        "twice the excess": partial(compare_finite, excess=2.0),
        "the excess alone": partial(compare_finite, best=0.0),
    },
)
def finite_size(case: NoisyMatrix) -> Evidence:
    """Compare the mean loss over some draws with the sum of both limits."""
    return compare_finite(case)
