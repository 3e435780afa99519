"""Matrices to be factored as cheaply as possible."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import minimize

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.oracles.differentiation import by_complex_steps


@dataclass(frozen=True)
class PriceCase:
    """A matrix to be factored, hidden widths, weights, and the power of the entries in the penalty."""

    product: Array
    hidden_widths: tuple[int, ...]
    reg: Array
    power: int
    seed: int

    @cached_property
    def least_penalty(self) -> float:
        """Least penalty over all layers but the last, which is the least one that fits."""
        return float(self._best.fun)

    @cached_property
    def misfit(self) -> float:
        """How far the best layers are from making the matrix."""
        layers = self._layers(self._best.x)
        return float(
            np.linalg.norm(
                np.linalg.multi_dot([*layers[::-1], np.eye(self._inputs)]) - self.product
            )
        )

    @property
    def layers(self) -> list[Array]:
        """The best layers that were found."""
        return self._layers(self._best.x)

    @property
    def _inputs(self) -> int:
        return int(self.product.shape[1])

    @cached_property
    def _best(self) -> Any:
        rng = np.random.default_rng(self.seed)
        sides = [self._inputs, *self.hidden_widths]
        size = sum(before * after for before, after in pairwise(sides))
        results = [
            minimize(
                self._penalty_and_gradient,
                rng.normal(size=size),
                jac=True,
                method="BFGS",
                options={"gtol": 1e-8},
            )
            for _ in range(3)
        ]
        return min(results, key=lambda result: result.fun)

    def _layers(self, vector: Array) -> list[Array]:
        """All layers, or stacks; the last is the least one whose product with the others is nearest to the matrix."""
        layers, start, inner = [], 0, np.eye(self._inputs)
        for before, after in pairwise([self._inputs, *self.hidden_widths]):
            entries = vector[..., start : start + before * after]
            layers.append(entries.reshape(*vector.shape[:-1], after, before))
            start += before * after
            inner = layers[-1] @ inner
        # X P⁺ for the product P of the others, which has full rank at random factors.
        if inner.shape[-2] < inner.shape[-1]:
            back = inner.mT @ np.linalg.inv(inner @ inner.mT)
        else:
            back = np.linalg.solve(inner.mT @ inner, inner.mT)
        return [*layers, self.product @ back]

    def _penalty_and_gradient(self, vector: Array) -> tuple[float, Array]:
        """Penalty and its gradient; infinite where a line search strays to layers that lose rank."""
        try:
            return by_complex_steps(self._penalty)(vector)
        except np.linalg.LinAlgError:
            return np.inf, np.zeros_like(vector)

    def _penalty(self, vector: Array) -> Any:
        layers = zip(self.reg, self._layers(vector), strict=True)
        return sum(reg * (layer**self.power).sum(axis=(-2, -1)) for reg, layer in layers)


def _case(rng: np.random.Generator, depth: int, columns: int, values: Array) -> PriceCase:
    rows = int(rng.integers(columns, 4))
    hidden = tuple(int(width) for width in rng.integers(columns, columns + 2, depth - 1))
    weights = rng.permutation(np.geomspace(0.3, 1, depth))
    product = with_values(rng, values, (rows, columns))
    return PriceCase(product, hidden, weights, 2, int(rng.integers(2**32)))


def full_rank(rng: np.random.Generator) -> PriceCase:
    """Full column rank, 2 or 3, depth 3 or 4, hidden widths at least that rank, unequal weights."""
    columns = int(rng.integers(2, 4))
    return _case(rng, int(rng.integers(3, 5)), columns, np.linspace(0.4, 2, columns))


def shallow(rng: np.random.Generator) -> PriceCase:
    """Depth 2, full column rank."""
    return _case(rng, 2, 2, rng.uniform(0.5, 1.5, 2) + [0.5, 0])


def tall(rng: np.random.Generator) -> PriceCase:
    """Depth 3, one column and three rows."""
    case = _case(rng, 3, 1, rng.uniform(0.5, 2, 1))
    return replace(case, product=with_values(rng, rng.uniform(0.5, 2, 1), (3, 1)))


def other_penalty(rng: np.random.Generator) -> PriceCase:
    """The penalty sums fourth powers of the entries."""
    return replace(full_rank(rng), power=4)


def too_narrow(rng: np.random.Generator) -> PriceCase:
    """One hidden unit for a matrix of rank 2 or 3."""
    case = full_rank(rng)
    return replace(case, hidden_widths=(*case.hidden_widths[:-1], 1))
