"""Problems at, between and around the critical weights of their modes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases import problems
from dmfbook.claims.cases.problems import MatrixCase, mean_reg, with_mean
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.oracles import passes, search
from dmfbook.claims.oracles.descent import descend, nudged
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.scalar import critical_reg, fold_threshold, stationary_values


@dataclass(frozen=True)
class EntriesCase:
    """A problem, the factor by which each entry of the residual counts, and a seed."""

    problem: Problem
    entries: Array
    seed: int

    @property
    def mean(self) -> float:
        """Geometric mean of the weights."""
        return mean_reg(self.problem)

    @property
    def norm(self) -> float:
        """Largest singular value of the target."""
        return float(np.linalg.norm(self.problem.target, 2))

    @cached_property
    def largest_mean(self) -> float:
        """Largest mean weight at which some factors are as good as zero."""
        rng = np.random.default_rng(self.seed)
        return passes.largest_mean(self.problem, self.entries, self.mean, rng)

    @property
    def root(self) -> float:
        """Smaller root for the largest singular value."""
        return float(stationary_values(self.norm, self.mean, self.problem.depth)[0])

    @cached_property
    def lowest_rise(self) -> float:
        """Least loss above that of zero where the product has the spectral norm of the smaller root."""
        norm, rng = self.root**self.problem.depth, np.random.default_rng(self.seed)
        return passes.lowest_rise(self.problem, self.entries, norm, rng)


def alike(case: MatrixCase) -> EntriesCase:
    """The case, with entries of the residual that count alike."""
    return EntriesCase(case.problem, np.ones_like(case.problem.target), case.seed)


def unlike(case: EntriesCase, rng: np.random.Generator) -> EntriesCase:
    """The loss is no squared Frobenius norm, since entries of the residual count unequally."""
    return replace(case, entries=rng.uniform(0.3, 0.8, case.problem.target.shape))


def above_fold(case: MatrixCase, rng: np.random.Generator) -> EntriesCase:
    """The case with its target scaled such that the largest singular value is 1.1 to 2 times the fold."""
    problem = case.problem
    fold = float(fold_threshold(mean_reg(problem), problem.depth))
    scale = fold * rng.uniform(1.1, 2) / np.linalg.norm(problem.target, 2)
    return alike(replace(case, problem=replace(problem, target=scale * problem.target)))


@dataclass(frozen=True)
class StepCase:
    """A problem with its mean weight at a step of one of its modes, and a seed."""

    problem: Problem
    value: float
    seed: int

    @cached_property
    def products(self) -> tuple[search.Found, search.Found]:
        """The best that is found a hundred-thousandth below and above the weight."""
        below, above = (
            best_of(with_mean(self.problem, mean_reg(self.problem) * (1 + change)), self.seed)[0]
            for change in (-CHANGE, CHANGE)
        )
        return below, above


CHANGE = 1e-5  # of the weight, around a step


def step(rng: np.random.Generator, depth: int, place: int, repeated: bool = False) -> StepCase:
    """Two singular values, different unless `repeated`; one of them is at its critical weight."""
    values = rng.uniform(1, 2) * np.array([1.0, 1.0 if repeated else rng.uniform(0.5, 0.8)])
    value = float(values[place])
    target = with_values(rng, values, (3, 2))
    hidden = rng.integers(2, 4, depth - 1).tolist()
    problem = Problem(target, hidden, rng.uniform(0.5, 2, depth))
    at = with_mean(problem, float(critical_reg(value, depth)))
    return StepCase(at, value, int(rng.integers(2**32)))


def between_steps(rng: np.random.Generator) -> StepCase:
    """A weight a tenth below the step, at depth 3 or 4."""
    case = step(rng, int(rng.integers(3, 5)), int(rng.integers(2)))
    return replace(case, problem=with_mean(case.problem, 0.9 * mean_reg(case.problem)))


def best_of(problem: Problem, seed: int) -> list[search.Found]:
    """Found minimizers whose loss is the least up to rounding."""
    found = search.minimizers(problem, np.random.default_rng(seed), 2 * search.STARTS)
    return search.best(found, problem)


@dataclass(frozen=True)
class PointCase:
    """A problem and factors at which to look at the Hessian."""

    problem: Problem
    factors: list[Array]

    @cached_property
    def eigenvalues(self) -> Array:
        """Eigenvalues of the dense Hessian, ascending."""
        return np.asarray(np.linalg.eigvalsh(hessian(self.problem, self.factors)))


def zeros(problem: Problem) -> list[Array]:
    """Factors that are all zero."""
    shapes = zip(problem.widths[1:], problem.widths[:-1], strict=True)
    return [np.zeros(shape) for shape in shapes]


def at_zero(rng: np.random.Generator, widths: tuple[int, ...], share: float) -> PointCase:
    """At zero, unequal weights, singular values that go up to a share of the collapse threshold."""
    case = problems.case_with(rng, widths, share * np.array([1.0, 0.7, 0.4]))
    return PointCase(case.problem, zeros(case.problem))


def off_zero(rng: np.random.Generator) -> PointCase:
    """A step away from zero, at depth 2 or 3."""
    case = at_zero(rng, (2, *rng.integers(2, 4, rng.integers(1, 3)), 3), 2.0)
    return replace(case, factors=[rng.normal(size=factor.shape) for factor in case.factors])


@dataclass(frozen=True)
class SweepCase:
    """A problem whose mean weight is swept, the means of both sweeps as they ascend, and a seed."""

    problem: Problem
    means: Array
    seed: int

    @cached_property
    def ways(self) -> tuple[list[search.Found], list[search.Found]]:
        """Minimizers on the way up from the best one, and on the way down from zero."""
        rng = np.random.default_rng(self.seed)
        best = best_of(with_mean(self.problem, self.means[0]), self.seed)[0]
        up = follow(self.problem, self.means, best.factors, rng)
        return up, follow(self.problem, self.means[::-1], zeros(self.problem), rng)


def follow(
    problem: Problem, means: Iterable[float], factors: list[Array], rng: np.random.Generator
) -> list[search.Found]:
    """Minimizers below `factors` while the mean weight changes, each from near the one before."""
    found = []
    for mean in means:
        found.append(descend(with_mean(problem, mean), nudged(factors, rng)))
        factors = found[-1].factors
    return found


def sweeps(rng: np.random.Generator, depth: int, narrow: bool = False) -> SweepCase:
    """Two different singular values, and weights that stay 3 % away from the folds; or one hidden unit."""
    values = rng.uniform(1, 2) * np.array([1.0, rng.uniform(0.5, 0.8)])
    hidden = rng.integers(2, 4, depth - 1)
    if narrow:
        hidden[rng.integers(depth - 1)] = 1
    target = with_values(rng, values, (2, 3))
    problem = Problem(target, hidden.tolist(), rng.uniform(0.5, 2, depth))
    folds = critical_reg(values, depth) * depth * 4 ** (1 / depth - 1)
    means = np.sort(np.outer(folds, [0.3, 0.9, 0.97, 1.03, 1.1]).ravel())
    clear = np.abs(means[:, None] / folds - 1).min(axis=1) > 0.0299
    return SweepCase(problem, means[clear], int(rng.integers(2**32)))
