"""Random regularized problems: generic, behind a bottleneck, at the collapse threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.oracles import search
from dmfbook.network.problem import Problem
from dmfbook.regularized.scalar import collapse_threshold


@dataclass(frozen=True)
class MatrixCase:
    """A problem, and the seed of the random starts."""

    problem: Problem
    seed: int
    degenerate: bool = False  # at depth 2, with a value at the threshold
    instead: list[search.Found] | None = None  # points that take the place of critical ones
    unlimited: bool = False  # the formula is asked for without regard to the narrowest layer

    @cached_property
    def minimizers(self) -> list[search.Found]:
        """Local minimizers found from random and planted starts, best first."""
        return search.minimizers(self.problem, np.random.default_rng(self.seed), search.STARTS)

    @cached_property
    def reached(self) -> float:
        """Least loss that a short search reaches from one random start."""
        rng = np.random.default_rng(self.seed)
        return search.short_descent(self.problem, rng)

    @property
    def flat_directions(self) -> float:
        """How far off a search can stop where the loss grows like the fourth power of a factor only.

        A gradient of 1e-7, at which the search stops, leaves a factor of ``w = (1e-7 / 4)^{1/3}``, hence ``w²``.
        """
        return 1e-7 ** (2 / 3) if self.degenerate else 0.0

    @cached_property
    def critical_points(self) -> list[search.Found]:
        """Critical points of all kinds that root finding reaches, and the best minimizer; or what takes their place."""
        if self.instead is not None:
            return self.instead
        rng = np.random.default_rng(self.seed)
        found = search.critical_points(self.problem, rng, search.STARTS)
        return found + self.minimizers[:1]

    @property
    def best(self) -> list[search.Found]:
        """Found minimizers with the least loss."""
        return search.best(self.minimizers, self.problem)


def random_case(rng: np.random.Generator) -> MatrixCase:
    """Depth 2 to 6, unequal widths and weights, no bottleneck; values may repeat or vanish."""
    depth = int(rng.integers(2, 7))
    outer = rng.integers(1, 4, 2)
    hidden = rng.integers(min(outer), 4, depth - 1)
    # As near to the threshold as a thirtieth, on either side; some vanish, some repeat.
    relative = np.where(rng.random(3) < 0.3, rng.uniform(0, 0.97, 3), rng.uniform(1.03, 4, 3))
    relative[2] *= rng.random() < 0.8
    if rng.random() < 0.3:
        relative[1] = relative[0]
    return case_with(rng, (outer[0], *hidden, outer[1]), relative)


def generic(rng: np.random.Generator, depth: int = 0) -> MatrixCase:
    """Depth 3 to 5 unless it is given, unequal widths and weights; one value collapses, two well apart are kept."""
    relative = np.array([rng.uniform(2.5, 4), rng.uniform(1.2, 1.8), rng.uniform(0.2, 0.9)])
    depth = depth or int(rng.integers(3, 6))
    hidden = 3 + (np.arange(depth - 1) + rng.integers(2)) % 2
    return case_with(rng, (3, *hidden, 4), relative)


def deeper(rng: np.random.Generator) -> MatrixCase:
    """The same at depth 4 or 5, where L−2 is not 1."""
    return generic(rng, int(rng.integers(4, 6)))


def near_threshold(rng: np.random.Generator) -> MatrixCase:
    """Depth 3; one value 10 percent above the collapse threshold, one 5 percent below it, above the fold."""
    return case_with(rng, (2, *rng.integers(2, 4, 2), 3), np.array([1.1, 0.95, 0.0]))


def repeated(rng: np.random.Generator) -> MatrixCase:
    """Depth 2 to 4; the two largest values agree, the third vanishes."""
    value = rng.uniform(1.5, 3)
    hidden = rng.integers(3, 5, rng.integers(1, 4))
    return case_with(rng, (3, *hidden, 3), np.array([value, value, 0.0]))


def deep_repeated(rng: np.random.Generator) -> MatrixCase:
    """Depth 3 or 4; the two largest values agree, the third vanishes."""
    hidden = rng.integers(2, 4, rng.integers(2, 4))
    return case_with(rng, (2, *hidden, 3), np.array([2.0, 2.0, 0.0]))


def uneven(rng: np.random.Generator) -> MatrixCase:
    """Depth 3, weights from 0.05 to 1; one value a fifth above the threshold of their geometric mean."""
    weights = rng.permutation([0.05, 0.2, 1.0])
    threshold = float(collapse_threshold(float(np.exp(np.log(weights).mean())), 3))
    target = with_values(rng, threshold * np.array([1.2, 0.3]), (2, 3))
    return MatrixCase(Problem(target, [2, 3], weights), int(rng.integers(2**32)))


def shallow(rng: np.random.Generator) -> MatrixCase:
    """Depth 2, one value kept, one collapsed."""
    relative = np.array([rng.uniform(1.5, 4), rng.uniform(0.3, 0.9), 0.0])
    return case_with(rng, (2, 3, 3), relative)


def all_collapsed(rng: np.random.Generator) -> MatrixCase:
    """Depth 3 or 4; all values are below the threshold, and the best product is zero."""
    hidden = rng.integers(2, 4, rng.integers(2, 4))
    return case_with(rng, (2, *hidden, 2), np.sort(rng.uniform(0.2, 0.97, 3)))


def shallow_at_threshold(rng: np.random.Generator) -> MatrixCase:
    """Depth 2, the second value sits on the collapse threshold; equal weights, so that it does exactly."""
    reg = float(rng.uniform(0.2, 0.6))
    target = with_values(rng, reg * np.array([rng.uniform(1.5, 3), 1.0]), (2, 3))
    return MatrixCase(Problem(target, [3], reg), int(rng.integers(2**32)), degenerate=True)


def bottleneck(rng: np.random.Generator) -> MatrixCase:
    """Depth 2 to 6, outer widths 3, a hidden width below that, all singular values different."""
    depth = int(rng.integers(2, 7))
    hidden = rng.integers(1, 4, depth - 1)
    hidden[rng.integers(depth - 1)] = rng.integers(1, 3)
    return case_with(rng, (3, *hidden, 3), distinct_values(rng, low=1.1))


def distinct_values(rng: np.random.Generator, low: float) -> Array:
    """Three values from `low` on, at least 0.2 apart, a tenth away from 1."""
    while True:
        values = np.sort(rng.uniform(low, 4, 3))
        if np.diff(values).min() > 0.2 and np.abs(values - 1).min() > 0.1:
            return values


def at_collapse(rng: np.random.Generator) -> MatrixCase:
    """The largest singular value is the collapse threshold, at depth 3 or more."""
    depth = int(rng.integers(3, 5))
    reg = float(rng.uniform(0.2, 0.6))
    threshold = float(collapse_threshold(reg, depth))
    target = with_values(rng, threshold * np.array([1.0, rng.uniform(0, 0.8)]), (3, 2))
    return MatrixCase(Problem(target, [2] * (depth - 1), reg), int(rng.integers(2**32)))


def tied_bottleneck(rng: np.random.Generator) -> MatrixCase:
    """The last singular value let through equals the first held back."""
    case = bottleneck(rng)
    kept = min(case.problem.widths)
    values = np.sort(np.linalg.svd(case.problem.target, compute_uv=False))[::-1].copy()
    values[: kept + 1] = values[0]
    target = with_values(rng, values, (3, 3))
    return replace(case, problem=Problem(target, case.problem.hidden_widths, case.problem.reg))


def narrow_at_collapse(rng: np.random.Generator) -> MatrixCase:
    """One hidden unit, the largest value at the collapse threshold, at depth 3 or more."""
    case = at_collapse(rng)
    hidden = [1, *case.problem.hidden_widths[1:]]
    return replace(case, problem=Problem(case.problem.target, hidden, case.problem.reg))


def narrow(rng: np.random.Generator) -> MatrixCase:
    """A hidden layer of width 1 or 2 between outer widths 3, three different values to keep, depth 3 or 4."""
    hidden = [int(rng.integers(1, 3)), *rng.integers(3, 5, rng.integers(1, 3)).tolist()]
    return case_with(rng, (3, *rng.permutation(hidden), 3), distinct_values(rng, low=1.3))


def narrow_and_shallow(rng: np.random.Generator) -> MatrixCase:
    """Depth 2, one hidden unit or two between outer widths 3."""
    return case_with(rng, (3, int(rng.integers(1, 3)), 3), distinct_values(rng, low=1.3))


def narrow_tied_below(rng: np.random.Generator) -> MatrixCase:
    """One hidden unit; the two largest values agree, and both are below the threshold."""
    value = rng.uniform(0.5, 0.9)
    hidden = rng.permutation([1, *rng.integers(2, 4, rng.integers(1, 3))])
    return case_with(rng, (2, *hidden, 2), np.array([value, value, 0.0]))


def without_limit(case: MatrixCase) -> MatrixCase:
    """The case, with a formula that does not know of a bottleneck."""
    return replace(case, unlimited=True)


def displaced(case: MatrixCase) -> MatrixCase:
    """The case with points a twentieth away from its minimizers."""
    rng = np.random.default_rng(case.seed)
    moved = [
        replace(each, factors=[w + 0.05 * rng.normal(size=w.shape) for w in each.factors])
        for each in case.minimizers[:2]
    ]
    return replace(case, instead=moved)


def other_penalty(rng: np.random.Generator) -> MatrixCase:
    """Minimizers for the sum of fourth powers in place of squares."""
    case = generic(rng)
    return replace(case, instead=[search.quartic_minimizer(case.problem, rng)])


def one_free_layer(rng: np.random.Generator) -> MatrixCase:
    """Depth 2 or 3, no bottleneck; one layer has weight zero, the others have not."""
    return _free(rng, (2, *rng.integers(2, 4, rng.integers(1, 3)), 3))


def one_free_layer_behind_bottleneck(rng: np.random.Generator) -> MatrixCase:
    """Depth 2 or 3, one hidden unit; one layer has weight zero."""
    return _free(rng, (2, *[1] * rng.integers(1, 3), 3))


def _free(rng: np.random.Generator, widths: Sequence[int]) -> MatrixCase:
    weights = rng.uniform(0.2, 0.5, len(widths) - 1)
    weights[rng.integers(len(weights))] = 0
    target = with_values(rng, rng.uniform(1, 3, 2), (int(widths[-1]), int(widths[0])))
    problem = Problem(target, [int(width) for width in widths[1:-1]], weights)
    return MatrixCase(problem, int(rng.integers(2**32)))


def case_with(rng: np.random.Generator, widths: Sequence[int], relative: Array) -> MatrixCase:
    """A problem with random weights and singular values relative to the collapse threshold."""
    weights = rng.uniform(0.1, 0.5, len(widths) - 1)
    threshold = float(collapse_threshold(np.exp(np.log(weights).mean()), len(weights)))
    shape = int(widths[-1]), int(widths[0])
    target = with_values(rng, threshold * np.sort(relative)[::-1][: min(shape)], shape)
    hidden = [int(width) for width in widths[1:-1]]
    return MatrixCase(Problem(target, hidden, weights), int(rng.integers(2**32)))


def with_mean(problem: Problem, mean: float) -> Problem:
    """The problem with its weights in the same proportion and another geometric mean."""
    weights = np.array(problem.reg) * (mean / mean_reg(problem))
    return Problem(problem.target, problem.hidden_widths, weights)


def mean_reg(problem: Problem) -> float:
    """Geometric mean of the weights."""
    return float(np.exp(np.log(problem.reg).mean()))


def without_regularization(rng: np.random.Generator) -> MatrixCase:
    """The weights vanish, and layers can trade size; depth 2 or 3, wide layers."""
    # With narrow or many layers all starts can end at the origin, which is balanced.
    target = with_values(rng, rng.uniform(2, 5, 2), (2, 3))
    hidden = rng.integers(3, 5, rng.integers(1, 3))
    return MatrixCase(Problem(target, hidden.tolist()), int(rng.integers(2**32)))
