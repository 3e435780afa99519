"""Random factorizations of a target: its modes in all layers, and beside them what does not get through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.problem import Problem


@dataclass(frozen=True)
class Modes:
    """The modes of a target, and room for what the layers may do besides."""

    left: Array
    values: Array
    right: Array
    widths: tuple[int, ...]

    @classmethod
    def of(cls, problem: Problem, count: int | None = None) -> Modes:
        """As many as the rank, or `count`; then some have the value zero."""
        left, values, right = np.linalg.svd(problem.target)
        values[values < 1e-12 * values[0]] = 0.0
        kept = np.count_nonzero(values) if count is None else count
        return cls(left, values[:kept], right, problem.widths)

    @property
    def room(self) -> list[int]:
        """Widths beside the modes."""
        return [width - len(self.values) for width in self.widths]

    def layers(self, shares: Array, beside: list[Array]) -> list[Array]:
        """Layers with `shares` (L, k) of the modes and the maps `beside`, between standard bases inside."""
        k = len(self.values)
        layers = [np.zeros((after, before)) for before, after in pairwise(self.widths)]
        for layer, share, rest in zip(layers, shares, beside, strict=True):
            layer[:k, :k], layer[k:, k:] = np.diag(share), rest
        layers[0], layers[-1] = layers[0] @ self.right, self.left @ layers[-1]
        return layers

    def even(self) -> Array:
        """Each layer has ``σ_i^{1/L}`` of mode i."""
        depth = len(self.widths) - 1
        return np.tile(self.values ** (1 / depth), (depth, 1))


def in_random_bases(
    layers: list[Array], rng: np.random.Generator, condition: float = 1.0
) -> list[Array]:
    """Change the bases of the hidden layers, by orthogonal maps or by maps of a condition number."""
    changed = list(layers)
    for l, layer in enumerate(layers[:-1]):
        width = len(layer)
        first, second = (orthonormal_frame(width, width, rng) for _ in range(2))
        stretches = np.geomspace(condition**-0.5, condition**0.5, width)
        changed[l] = first @ (stretches[:, None] * (second @ changed[l]))
        changed[l + 1] = (changed[l + 1] @ second.T / stretches) @ first.T
    return changed


def factors_of_zero(rng: np.random.Generator, widths: Sequence[int]) -> list[Array]:
    """Gaussian factors, one of which sees nothing of what those before it let through."""
    layers = [rng.standard_normal((after, before)) for before, after in pairwise(widths)]
    blind = int(rng.integers(len(layers)))
    seen = np.eye(widths[0])
    for layer in layers[:blind]:
        seen = layer @ seen
    layers[blind] = layers[blind] - layers[blind] @ seen @ np.linalg.pinv(seen)
    return layers


def any_factorization(
    problem: Problem, rng: np.random.Generator, condition: float = 3.0
) -> list[Array]:
    """A random factorization: the modes, beside them factors of zero, seen through random bases.

    With all bases and all factors of zero every factorization is of this form.
    """
    modes = Modes.of(problem)
    unit = float(modes.values[0] ** (1 / problem.depth))
    beside = [unit * rest for rest in factors_of_zero(rng, modes.room)]
    return in_random_bases(modes.layers(modes.even(), beside), rng, condition)


def nothing(widths: Sequence[int]) -> list[Array]:
    """Layers of zeros."""
    return [np.zeros((after, before)) for before, after in pairwise(widths)]
