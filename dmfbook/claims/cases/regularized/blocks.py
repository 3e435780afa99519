"""Points at which the blocks of the Hessian are compared with the dense matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.critical_points import critical, not_critical, without_weight_decay
from dmfbook.claims.cases.problems import case_with, distinct_values
from dmfbook.claims.oracles import search
from dmfbook.claims.statements.modes import PointCase
from dmfbook.network.factors import end_to_end
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem


@dataclass(frozen=True)
class BlocksCase:
    """Factors, how far they can be from a critical point, and what the theorem needs to know of them.

    `values` are the layer values by mode and `target` the singular values, as :class:`Blocks` takes them.
    """

    problem: Problem
    factors: list[Array]
    uncertainty: float
    values: Array
    target: Array

    @cached_property
    def eigenvalues(self) -> Any:
        """Eigenvalues of the dense Hessian, ascending."""
        return np.linalg.eigvalsh(hessian(self.problem, self.factors))


def from_modes(case: PointCase) -> BlocksCase:
    """A point that was made of its modes."""
    problem, spare = case.problem, max(case.problem.widths) - len(case.sigma)
    scales = np.sqrt(case.mean / np.array(problem.reg))
    values = np.pad(scales[:, None] * case.w, ((0, 0), (0, spare)))
    return BlocksCase(problem, case.factors, 0.0, values, np.pad(case.sigma, (0, spare)))


def from_factors(problem: Problem, factors: list[Array], uncertainty: float) -> BlocksCase:
    """A point that was found: layer values are singular values; those of the target must differ.

    The end-to-end matrix in the target's bases tells which modes they belong to. Active modes are
    numbered first, so that every hidden layer has a unit for each.
    """
    left, target, right = np.linalg.svd(problem.target)
    found = np.abs(np.diagonal(left.T @ end_to_end(factors) @ right.T))
    width = max(problem.widths)
    target = target[np.argsort(-found, kind="stable")]
    values = np.zeros((problem.depth, width))
    for layer, factor in zip(values, factors, strict=True):
        singular = np.linalg.svd(factor, compute_uv=False)[: len(target)]
        layer[: len(singular)] = singular
    padded = np.pad(target, (0, width - len(target)))
    return BlocksCase(problem, factors, uncertainty, values, padded)


def by_root_finding(rng: np.random.Generator) -> BlocksCase:
    """A critical point that root finding on the gradient reached from random factors."""
    while True:
        case = case_with(
            rng, rng.integers(1, 4, rng.integers(3, 6)).tolist(), distinct_values(rng, 0.2)
        )
        if found := search.critical_points(case.problem, rng, 2):
            return from_factors(case.problem, found[0].factors, found[0].uncertainty)


def made(*args: object, **options: object) -> Callable[[np.random.Generator], BlocksCase]:
    """Maker of a critical point with given modes, as :func:`critical` takes them."""
    maker = critical(*args, **options)  # type: ignore[arg-type]
    return lambda rng: from_modes(maker(rng))


def disturbed(rng: np.random.Generator) -> BlocksCase:
    """Control: factors of a critical point, changed at random by a third of their size."""
    case = not_critical()(rng)
    return from_factors(case.problem, case.factors, 0.0)


def unbalanced(rng: np.random.Generator) -> BlocksCase:
    """Control: no weight decay, so the layers need not share singular bases."""
    case = without_weight_decay(rng)
    return from_factors(case.problem, case.factors, 0.0)
