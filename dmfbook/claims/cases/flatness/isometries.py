"""Operators on matrices with two columns, and their exact bounds on rank one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.flatness.factorizations import Factorizations, seen_unevenly
from dmfbook.claims.cases.points import random_factors
from dmfbook.claims.oracles.measurements import dense_matrices, dense_rows, rank_one_extreme
from dmfbook.sensing.ensembles import dense_sensing, gaussian_sensing
from dmfbook.sensing.operator import SensingOperator


@dataclass(frozen=True)
class RankOneCase:
    """An operator on matrices with two columns, its bounds on rank one, and factors to try."""

    operator: SensingOperator
    smallest: float
    largest: float
    worst: tuple[list[Array], list[Array]]
    others: list[Array]
    slack: float


def thin_factors(u: Array, v: Array, depth: int, ratio: float) -> list[Array]:
    """Factors of width one along u and v, whose outer layers are `ratio` times the inner ones."""
    inner = [np.ones((1, 1))] * (depth - 2)
    return [ratio * v[None, :], *inner, ratio * u[:, None]]


def rank_one_case(rng: np.random.Generator, depth: int) -> RankOneCase:
    """Bounds over all matrices of rank one, at a depth of 3 or more."""
    operator = gaussian_sensing((int(rng.integers(2, 5)), 2), int(rng.integers(4, 20)), rng)
    smallest, u, v = rank_one_extreme(operator, -1)
    largest, p, q = rank_one_extreme(operator, +1)
    ratio = 1e4
    widths = (2, *(int(width) for width in rng.integers(1, 4, depth - 1)), operator.matrix_shape[0])
    # Share of the two outer layers in the trace, in which the measurements see other matrices.
    share = sum(operator.matrix_shape) / ratio**2
    return RankOneCase(
        operator,
        smallest,
        largest,
        (thin_factors(u, v, depth, ratio), thin_factors(p, q, depth, ratio)),
        random_factors(rng, widths),
        slack=(share + 1e-9) * largest,
    )


def bounds_on_entries(rng: np.random.Generator) -> RankOneCase:
    """The bounds hold for matrices with a single entry only."""
    case = rank_one_case(rng, int(rng.integers(3, 6)))
    squares = (dense_rows(case.operator) ** 2).sum(axis=0)
    return replace(case, smallest=float(squares.min()), largest=float(squares.max()))


@dataclass(frozen=True)
class MomentCase:
    """Factorizations of a target, and what the measurements do to matrices of rank one and to the outer layers."""

    search: Factorizations

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The numbers ``1 − δ_−`` and ``1 + δ_+``."""
        low, _, _ = rank_one_extreme(self.search.operator, -1)
        high, _, _ = rank_one_extreme(self.search.operator, +1)
        return low, high

    @property
    def moments(self) -> tuple[Array, Array]:
        """Eigenvalues of ``P = Σ S_k S_kᵀ`` and ``Q = Σ S_kᵀ S_k``, ascending."""
        matrices = dense_matrices(self.search.operator)
        return (
            np.linalg.eigvalsh((matrices @ matrices.mT).sum(axis=0)),
            np.linalg.eigvalsh((matrices.mT @ matrices).sum(axis=0)),
        )


def moments(rng: np.random.Generator, depth: int) -> MomentCase:
    """Gaussian measurements of a target with two columns, of three times the size of an isometry's, or a third.

    Of about its size, second moments are about 1, and so is each power of them.
    """
    case = seen_unevenly(rng, depth)
    unit = rng.choice([1 / 3, 3.0])
    matrices = dense_matrices(case.operator)
    return MomentCase(replace(case, operator=dense_sensing(unit * matrices)))


def without_factorization(rng: np.random.Generator) -> MomentCase:
    """One hidden unit for a target of rank two."""
    case = seen_unevenly(rng, 3)
    return MomentCase(replace(case, hidden_widths=(2, 1)))
