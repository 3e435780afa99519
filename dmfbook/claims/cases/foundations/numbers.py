"""Random scalar problems: below, between and above the two thresholds, at one of them, at depth 2."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dmfbook.claims.oracles.extrema import ScalarLoss
from dmfbook.regularized.scalar import collapse_threshold, fold_threshold, stationary_values


def deep(rng: np.random.Generator, depth: int = 0) -> tuple[float, int]:
    """A weight from 0.1 to 10 and a depth from 3 to 8."""
    return float(10 ** rng.uniform(-1, 1)), depth or int(rng.integers(3, 9))


def light(rng: np.random.Generator) -> tuple[float, int]:
    """A weight well below 1 and a depth from 4 to 6: powers and constants near the true ones differ by a tenth."""
    return float(rng.uniform(0.1, 0.25)), int(rng.integers(4, 7))


def below_fold(rng: np.random.Generator) -> ScalarLoss:
    """A target of 0.5 to 0.97 times the fold."""
    reg, depth = deep(rng)
    return ScalarLoss(float(rng.uniform(0.5, 0.97) * fold_threshold(reg, depth)), reg, depth)


def between_thresholds(rng: np.random.Generator) -> ScalarLoss:
    """A target between fold and collapse, a fifth away from either."""
    reg, depth = deep(rng)
    fold, collapse = fold_threshold(reg, depth), collapse_threshold(reg, depth)
    return ScalarLoss(float(fold + rng.uniform(0.2, 0.8) * (collapse - fold)), reg, depth)


def just_below_collapse(rng: np.random.Generator) -> ScalarLoss:
    """A target 1 to 3 percent below the collapse threshold, at a small weight."""
    reg, depth = light(rng)
    return ScalarLoss(float(rng.uniform(0.97, 0.99) * collapse_threshold(reg, depth)), reg, depth)


def just_above_collapse(rng: np.random.Generator) -> ScalarLoss:
    """A target 1 to 3 percent above the collapse threshold, at a small weight."""
    reg, depth = light(rng)
    return ScalarLoss(float(rng.uniform(1.01, 1.03) * collapse_threshold(reg, depth)), reg, depth)


def far_above(rng: np.random.Generator) -> ScalarLoss:
    """A target of 2 to 10 times the collapse threshold, depth up to 12."""
    reg, depth = deep(rng, int(rng.integers(3, 13)))
    return ScalarLoss(float(rng.uniform(2, 10) * collapse_threshold(reg, depth)), reg, depth)


def just_above_fold(rng: np.random.Generator) -> ScalarLoss:
    """A target 1 to 3 percent above the fold, at a small weight."""
    reg, depth = light(rng)
    return ScalarLoss(float(rng.uniform(1.01, 1.03) * fold_threshold(reg, depth)), reg, depth)


def at_fold_less_a_little(rng: np.random.Generator) -> ScalarLoss:
    """A target 1 to 3 percent below the fold, at a small weight."""
    reg, depth = light(rng)
    return ScalarLoss(float(rng.uniform(0.97, 0.99) * fold_threshold(reg, depth)), reg, depth)


def at_collapse(rng: np.random.Generator) -> ScalarLoss:
    """A target exactly at the collapse threshold."""
    reg, depth = deep(rng)
    return ScalarLoss(float(collapse_threshold(reg, depth)), reg, depth)


def past_collapse(rng: np.random.Generator) -> ScalarLoss:
    """A target a tenth above the collapse threshold, at depth 3 or 4 and a small weight."""
    reg, depth = float(rng.uniform(0.1, 0.3)), int(rng.integers(3, 5))
    return ScalarLoss(1.1 * float(collapse_threshold(reg, depth)), reg, depth)


def shallow_below(rng: np.random.Generator) -> ScalarLoss:
    """Depth 2, a target below λ."""
    reg, _ = deep(rng)
    return ScalarLoss(reg * float(rng.uniform(0.3, 0.97)), reg, 2)


def shallow_above(rng: np.random.Generator) -> ScalarLoss:
    """Depth 2, a target above λ."""
    reg, _ = deep(rng)
    return ScalarLoss(reg * float(rng.uniform(1.03, 4)), reg, 2)


def shallow_at_threshold(rng: np.random.Generator) -> ScalarLoss:
    """Depth 2, a target that equals λ."""
    reg, _ = deep(rng)
    return ScalarLoss(reg, reg, 2)


def without_penalty(rng: np.random.Generator) -> ScalarLoss:
    """No penalty at all, depth 3 to 8."""
    return replace(far_above(rng), reg=0.0)


def other_penalty(rng: np.random.Generator) -> ScalarLoss:
    """The penalty is the size of the factors and not its square; a target that both would keep."""
    return replace(far_above(rng), penalty=1)


def shallow_other_penalty(rng: np.random.Generator) -> ScalarLoss:
    """Depth 2, the penalty is the size of the factors and not its square."""
    reg, _ = deep(rng)
    return ScalarLoss(reg * float(rng.uniform(4, 8)), reg, 2, penalty=1)


def local_search(rng: np.random.Generator) -> ScalarLoss:
    """A target between fold and collapse, and a search that never looks near zero."""
    case = between_thresholds(rng)
    smaller, larger = stationary_values(case.target, case.reg, case.depth)
    return replace(case, search_from=float(smaller + larger) / 2)
