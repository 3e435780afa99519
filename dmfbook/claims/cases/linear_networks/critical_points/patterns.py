"""Critical points without weight decay, made from their normal form: a rank, active values, and blocks beyond the rank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, permutations, product

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem

Blocks = tuple[Array, ...]


@dataclass(frozen=True)
class Whitened:
    """A problem of regression without weight decay, its target on whitened inputs in singular bases."""

    problem: Problem

    @property
    def loss(self) -> Regression:
        """The loss of the end-to-end matrix."""
        loss = self.problem.end_to_end_loss
        assert isinstance(loss, Regression)
        return loss

    @cached_property
    def bases(self) -> tuple[Array, Array, Array]:
        """All left singular vectors, the singular values, all right singular vectors."""
        left, values, right = np.linalg.svd(self.loss.whitened_target)
        return left, values, right.T

    @property
    def capacity(self) -> int:
        """Largest rank of ``X Q``: the narrowest width, or the number of inputs' directions."""
        return min(*self.problem.widths[1:], self.loss.input_factor.shape[1])

    def rest(self, active: Sequence[int]) -> tuple[tuple[int, ...], Array]:
        """Widths beyond the active values, and the residual in the bases of what is inactive."""
        left, values, right = self.bases
        widths = (len(right), *self.problem.widths[1:])
        sizes = tuple(width - len(active) for width in widths)
        inactive = np.delete(values, active)
        residual = np.zeros((sizes[-1], sizes[0]))
        np.fill_diagonal(residual, inactive)
        return sizes, residual

    def factors(
        self, active: Sequence[int], blocks: Blocks, rng: np.random.Generator | None = None
    ) -> list[Array]:
        """Factors with these active values and these blocks; hidden bases, and what no input sees, are random.

        Without a generator the hidden bases are orthonormal and the blocks of active values balanced, with no part
        that no input sees.
        """
        left, values, right = self.bases
        share = np.diag(values[list(active)] ** (1 / self.problem.depth))
        frames = [_turned(basis, active) for basis in (right, left)]
        hidden = [_basis(width, rng) for width in self.problem.hidden_widths]
        inner = [_direct_sum(share, block) for block in blocks]
        afters, befores = [*hidden, frames[1]], [frames[0], *hidden]
        layers = [
            after @ layer @ np.linalg.inv(before)
            for after, layer, before in zip(afters, inner, befores, strict=True)
        ]
        factor = self.loss.input_factor
        inverse = np.linalg.pinv(factor)
        layers[0] = layers[0] @ inverse
        if rng is not None:
            unseen = np.eye(len(factor)) - factor @ inverse
            layers[0] = layers[0] + rng.normal(size=layers[0].shape) @ unseen
        return layers


def no_blocks(sizes: Sequence[int]) -> Blocks:
    """Nothing beyond the active values."""
    return tuple(np.zeros((after, before)) for before, after in pairwise(sizes))


def all_patterns(sizes: Sequence[int], residual: Array) -> Iterator[Blocks]:
    """All blocks of zeros and ones, at most one a row and a column, at which the point is critical."""
    choices = [list(_partial_permutations(after, before)) for before, after in pairwise(sizes)]
    return (blocks for blocks in product(*choices) if is_critical(blocks, residual))


def random_pattern(
    rng: np.random.Generator, sizes: Sequence[int], residual: Array, turned: bool = False
) -> Blocks:
    """One of them; `turned` turns its outer blocks by random rotations where the point stays critical."""
    while True:
        blocks = tuple(_random_permutation(rng, after, before) for before, after in pairwise(sizes))
        if turned:
            ends = [orthonormal_frame(width, width, rng) for width in (sizes[0], sizes[-1])]
            blocks = (blocks[0] @ ends[0], *blocks[1:-1], ends[1] @ blocks[-1])
        if is_critical(blocks, residual):
            return blocks


def is_critical(blocks: Blocks, residual: Array) -> bool:
    """Whether the product vanishes, and each layer's gradient with it."""
    right = [np.eye(residual.shape[1])]
    for block in blocks:
        right.append(block @ right[-1])
    if right.pop().any():
        return False
    left = np.eye(len(residual))
    for block, before in zip(reversed(blocks), reversed(right), strict=True):
        if np.abs(left.T @ residual @ before.T).max(initial=0.0) > 1e-12:
            return False
        left = left @ block
    return True


def _turned(basis: Array, active: Sequence[int]) -> Array:
    """The basis with its active columns first."""
    return np.concatenate([basis[:, list(active)], np.delete(basis, active, axis=1)], axis=1)


def _direct_sum(first: Array, second: Array) -> Array:
    rows, cols = len(first), len(first)
    out = np.zeros((rows + second.shape[0], cols + second.shape[1]))
    out[:rows, :cols], out[rows:, cols:] = first, second
    return out


def _basis(width: int, rng: np.random.Generator | None) -> Array:
    """A random basis of condition number at most four; the identity without a generator."""
    if rng is None:
        return np.eye(width)
    first, second = (orthonormal_frame(width, width, rng) for _ in range(2))
    return (first * rng.uniform(0.6, 1.8, width)) @ second.T


def _partial_permutations(rows: int, cols: int) -> Iterator[Array]:
    """All matrices of zeros and ones with at most one a row and a column."""
    # Row i takes column c_i, or none where c_i is one of `rows` places beyond.
    for places in sorted({_clipped(each, cols) for each in permutations(range(cols + rows), rows)}):
        yield _with_ones(rows, cols, enumerate(places))


def _clipped(places: tuple[int, ...], cols: int) -> tuple[int, ...]:
    return tuple(min(place, cols) for place in places)


def _random_permutation(rng: np.random.Generator, rows: int, cols: int) -> Array:
    """One of them, zero in two cases of five."""
    rank = rng.integers(1, min(rows, cols) + 1) if min(rows, cols) and rng.random() > 0.4 else 0
    chosen = (rng.permutation(count)[:rank] for count in (rows, cols))
    return _with_ones(rows, cols, zip(*chosen, strict=True))


def _with_ones(rows: int, cols: int, places: object) -> Array:
    out = np.zeros((rows, cols + 1))
    for i, j in places:  # type: ignore[attr-defined]
        out[i, j] = 1.0
    return out[:, :cols]
