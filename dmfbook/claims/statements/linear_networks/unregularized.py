"""Critical points without weight decay: their form and their kinds, as the chapter states them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.evidence import Evidence
from dmfbook.network.factors import partial_products
from dmfbook.network.problem import Problem

GLOBAL, STRICT, FLAT = "global minimizer", "strict saddle", "non-strict saddle"
# Points are made up to rounding; what their statements compare differs by a tenth or not at all.
TIE = 1e-8


@dataclass(frozen=True)
class Products:
    """Partial products of a critical point of regression, and its residual, on whitened inputs."""

    problem: Problem
    factors: list[Array]

    @cached_property
    def sides(self) -> tuple[list[Array], list[Array]]:
        """``A_l`` and ``B_l Q``."""
        left, right = partial_products(self.factors)
        return left, [product @ self.inputs for product in right]

    @property
    def inputs(self) -> Array:
        """``Q``."""
        return np.asarray(self.problem.end_to_end_loss.input_factor)  # type: ignore[attr-defined]

    @property
    def target(self) -> Array:
        """``M̃``."""
        return np.asarray(self.problem.end_to_end_loss.whitened_target)  # type: ignore[attr-defined]

    @property
    def fitted(self) -> Array:
        """``X Q``."""
        return self.factors[-1] @ self.sides[1][-1]

    @property
    def residual(self) -> Array:
        """``M̃ − X Q``."""
        return self.target - self.fitted

    def between(self, l: int, k: int) -> Array:
        """``W_{k−1} ⋯ W_{l+1}``, layers counted from zero."""
        product = np.eye(len(self.factors[l]))
        for factor in self.factors[l + 1 : k]:
            product = factor @ product
        return product


def rank_of(array: Array) -> int:
    """Number of singular values that are not rounding."""
    return int(np.linalg.matrix_rank(array, TIE))


class Form:
    """The form of `thm-critical-without-decay`: a projection of the target that commutes with its square."""

    def distances(self, point: Products, error: float) -> Iterator[Evidence]:
        """How far a point whose fitted values are certain up to `error` is from the form."""
        left, values, _ = np.linalg.svd(point.fitted, full_matrices=False)
        rank = int(np.count_nonzero(values > 10 * error))
        frame = left[:, :rank]
        projection = frame @ frame.T
        # An error turns the frame by at most twice its ratio to the least singular value.
        turn = 1.0 + (2 * np.linalg.norm(point.target, 2) / values[rank - 1] if rank else 0.0)
        size = float(np.linalg.norm(self.square(point)))
        gap = self.fitted(point) - projection @ self.aim(point)
        yield Evidence(float(np.linalg.norm(gap)), 4 * error * turn)
        commutator = projection @ self.square(point) - self.square(point) @ projection
        yield Evidence(float(np.linalg.norm(commutator)), 4 * error * turn * (1 + size))
        if not self.allows(point, rank):
            yield Evidence(np.inf, error)

    def fitted(self, point: Products) -> Array:
        """``X Q``."""
        return point.fitted

    def aim(self, point: Products) -> Array:
        """What is projected."""
        return point.target

    def square(self, point: Products) -> Array:
        """What the projection commutes with."""
        return point.target @ point.target.T

    def allows(self, point: Products, rank: int) -> bool:
        """Whether so many values may be active."""
        return rank <= min(point.problem.widths)


class Kinds:
    """The conditions of `thm-kinds-without-decay`."""

    def kind(self, point: Products) -> str:
        """Kind of a critical point."""
        if not self.in_order(point):
            return STRICT
        if self.is_best(point):
            return GLOBAL
        return STRICT if any(self.bends(point, *pair) for pair in self.pairs(point)) else FLAT

    def rank(self, point: Products) -> int:
        """Rank r of the point."""
        return rank_of(point.fitted)

    def in_order(self, point: Products) -> bool:
        """No value that is left out is larger than one that is active."""
        active = np.linalg.svd(point.fitted, compute_uv=False)[: rank_of(point.fitted)]
        largest = np.linalg.norm(point.residual, 2)
        return bool(np.all(largest <= active * (1 + TIE)))

    def is_best(self, point: Products) -> bool:
        """Nothing is left out, or nothing more fits through the layers."""
        nothing = np.linalg.norm(point.residual, 2) <= TIE * np.linalg.norm(point.target, 2)
        return bool(nothing) or self.rank(point) >= min(point.problem.widths[1:])

    def pairs(self, point: Products) -> Iterator[tuple[int, int]]:
        """Pairs of layers ``l < k``, counted from zero."""
        return combinations(range(point.problem.depth), 2)

    def bends(self, point: Products, l: int, k: int) -> bool:
        """Whether a pair of layers curves the loss downwards."""
        return self.is_coupled(point, l, k) and self.is_open(point, l, k)

    def is_coupled(self, point: Products, l: int, k: int) -> bool:
        """``A_kᵀ G B_lᵀ ≠ 0``."""
        left, right = point.sides
        coupling = left[k].T @ point.residual @ right[l].T
        return bool(np.linalg.norm(coupling) > TIE * np.linalg.norm(point.target))

    def is_open(self, point: Products, l: int, k: int) -> bool:
        """The product between the layers has a rank above r."""
        return rank_of(point.between(l, k)) > self.rank(point)


def swaps(values: Array, active: Sequence[int]) -> int:
    """Pairs of an active value and a larger one that is left out."""
    inactive = np.delete(values, list(active))
    return sum(int(np.sum(inactive > values[i] * (1 + TIE))) for i in active)
