"""Pairs of critical points with the same end-to-end matrix, and minimizers of numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dmfbook._validation import Array
from dmfbook.claims.cases import problems
from dmfbook.claims.cases.problems import MatrixCase
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.search import Found
from dmfbook.claims.statements.orbits import Pair
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.scalar import collapse_threshold


@dataclass(frozen=True)
class PairCase:
    """Pairs of points with the same end-to-end matrix, and pairs of critical points with different ones."""

    problem: Problem
    pairs: list[Pair]
    unlike: list[Pair]


def minimizers(
    maker: Callable[[np.random.Generator], MatrixCase], rng: np.random.Generator
) -> PairCase:
    """The best minimizers found from different starts, and the best beside zero factors."""
    case = maker(rng)
    first, *others = case.best
    return PairCase(case.problem, [(first, other) for other in others], [(first, _zero(case))])


def _zero(case: MatrixCase) -> Found:
    """The critical point at which all factors vanish."""
    factors = [np.zeros_like(factor) for factor in case.best[0].factors]
    return Found(factors, case.problem.loss(factors), 0.0)


def saddles(rng: np.random.Generator) -> PairCase:
    """Critical points with a negative eigenvalue, reached by root finding; depth 2 or 3, two values kept.

    Root finding is started near truncations of the target that leave out its largest value. One that ends at another
    end-to-end matrix than most is left out.
    """
    relative = np.array([rng.uniform(3, 4), rng.uniform(1.5, 2), 0.0])
    case = problems.case_with(rng, (2, *rng.integers(2, 4, rng.integers(1, 3)), 2), relative)
    found = [search.saddle_without_largest(case.problem, rng) for _ in range(4)]
    first, *others = max(
        ([a, *(b for b in found if b is not a and a.agrees(b))] for a in found), key=len
    )
    return PairCase(case.problem, [(first, other) for other in others], [(first, case.best[0])])


def rescaled(rng: np.random.Generator) -> PairCase:
    """The best factors, and the same with a hidden unit's size moved from one layer to the next."""
    pair_case = minimizers(problems.generic, rng)
    point = pair_case.pairs[0][0]
    moved = [factor.copy() for factor in point.factors]
    scale = np.geomspace(0.5, 2, len(moved[0]))
    moved[0], moved[1] = scale[:, None] * moved[0], moved[1] / scale
    return replace(pair_case, pairs=[(point, replace(point, factors=moved))])


def different_products(rng: np.random.Generator) -> PairCase:
    """The best factors and zero factors: critical both, with different products."""
    case = minimizers(problems.generic, rng)
    return replace(case, pairs=case.unlike)


@dataclass(frozen=True)
class ScalarCase:
    """A number to be factored, and the seed of the search for a minimizer."""

    problem: Problem
    seed: int

    @cached_property
    def point(self) -> Found:
        """The best minimizer found."""
        rng = np.random.default_rng(self.seed)
        return search.minimizers(self.problem, rng, search.STARTS)[0]

    @property
    def value(self) -> float:
        """Its end-to-end value."""
        return float(self.point.end_to_end[0, 0])

    @cached_property
    def eigenvalues(self) -> Array:
        """Eigenvalues of the dense Hessian there, ascending."""
        return np.asarray(np.linalg.eigvalsh(hessian(self.problem, self.point.factors)))


def deep_number(rng: np.random.Generator) -> ScalarCase:
    """Depth 3 to 5, hidden widths 2 and 3."""
    return _number(rng, rng.integers(2, 4, rng.integers(2, 5)))


def shallow_number(rng: np.random.Generator) -> ScalarCase:
    """Depth 2, hidden width 2 to 4."""
    return _number(rng, rng.integers(2, 5, 1))


def thin_number(rng: np.random.Generator) -> ScalarCase:
    """Depth 3 to 5, all layers numbers."""
    return _number(rng, np.ones(rng.integers(2, 5), int))


def _number(rng: np.random.Generator, hidden: NDArray[np.int64], share: float = 0.0) -> ScalarCase:
    reg = float(rng.uniform(0.2, 1))
    target = float(collapse_threshold(reg, len(hidden) + 1) * (share or rng.uniform(1.2, 3)))
    return ScalarCase(Problem([[target]], hidden.tolist(), reg), int(rng.integers(2**32)))


def small_number(rng: np.random.Generator) -> ScalarCase:
    """Depth 3, a target below the collapse threshold: the minimizer is zero."""
    return _number(rng, rng.integers(2, 4, 2), share=0.5)


def number_with_unequal_weights(rng: np.random.Generator) -> ScalarCase:
    """The layers have weights that differ by a half in all."""
    case = deep_number(rng)
    weights = case.problem.reg[0] * np.geomspace(0.8, 1.25, case.problem.depth)
    return replace(case, problem=Problem(case.problem.target, case.problem.hidden_widths, weights))
