"""The layers and the loss's gradient as a ring, along which products with the Hessian are swept.

Close the chain of layers with one more link, the loss's gradient ``G`` at ``X = W_L ⋯ W_1``, which leads from the
outputs back to the inputs. The gradient of a layer, ``A_lᵀ G B_lᵀ``, is the product of all other links, and what that
is for the last link is ``X``. So one rule differentiates all of them: cut the ring open at some layer of units, sweep
the derivatives of the products of the links before each one, and of those after each one, and join the two. The
sweeps are as wide as that layer: the inputs, as in automatic differentiation, or the outputs, or a bottleneck.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.losses.curvature import curvature, has_kronecker_structure
from dmfbook.network.losses.loss import Loss


class Ring:
    """The links in their order from the cut on, and the products of those on both sides of each.

    Parameters
    ----------
    loss : Loss
        The loss ℓ of the product.
    factors : sequence of L arrays, shapes (d_l, d_{l-1})
        The layers; copied.
    cut : int or None
        Which layer of units to cut, from 0, the inputs, to L, the outputs; None takes that of the least work.

    Attributes
    ----------
    cut : int
        The layer of units that is cut. The links are layers `cut` + 1 to L, the loss, and layers 1 to `cut`.
    loss_at : int
        Which link is the loss, counted from 0: L - `cut`.
    links, mirrored : lists of L + 1 arrays, shapes (a_i, b_i) and (b_i, a_i)
        ``W_lᵀ`` or ``G``, from a_i units to the next b_i, and their transposes.
    before, after : lists of L + 1 arrays, shapes (c, a_i) and (c, b_i)
        Products of the links before each, and transposed of those after it, up to the c units of the cut.
    """

    def __init__(self, loss: Loss, factors: Sequence[Array], cut: int | None = None) -> None:
        product = factors[0]
        for factor in factors[1:]:
            product = factor @ product
        self._loss, self._end_to_end = loss, product
        widths = (factors[0].shape[1], *map(len, factors))
        by_rows = has_kronecker_structure(loss)
        if cut is None:
            cut = min(range(len(widths)), key=lambda c: (_work(widths, c, by_rows), widths[c]))
        matrices = [*(factor.T for factor in factors), np.asarray(loss.gradient(product))]
        matrices = matrices[cut:] + matrices[:cut]
        self.cut, self.loss_at = cut, len(factors) - cut
        self.links = [np.array(matrix, order="C") for matrix in matrices]
        self.mirrored = [np.array(matrix.T, order="C") for matrix in matrices]
        unit = np.eye(widths[cut])
        self.before = list(accumulate(self.links[:-1], np.matmul, initial=unit))
        self.after = list(accumulate(self.mirrored[:0:-1], np.matmul, initial=unit))[::-1]
        self.turns_by_rows = by_rows and _is_narrow(widths, cut)

    def turn(self, moves: Array) -> Array:
        """Derivative of ``G`` where that of ``X`` is `moves`; with Kronecker structure it acts on each row alone."""
        return curvature(self._loss, self._end_to_end, moves)


def _work(widths: Sequence[int], cut: int, by_rows: bool) -> int:
    """Multiplications of a product: six for each column and entry of all links but the two at the cut."""
    columns = widths[cut]
    entries = [before * after for before, after in pairwise((*widths, widths[0]))]
    work = 6 * columns * (sum(entries) - entries[cut] - entries[cut - 1])
    if by_rows and _is_narrow(widths, cut):
        work -= 4 * columns * (entries[-1] - columns * (widths[0] + widths[-1]))
    return work


def _is_narrow(widths: Sequence[int], cut: int) -> bool:
    """Whether the derivative of ``X`` is better left as a product of two narrow matrices."""
    return widths[cut] * (widths[0] + widths[-1]) < widths[0] * widths[-1]


class Sweeps:
    """Derivatives of a ring's products along some directions at once, in buffers that stay.

    Parameters
    ----------
    ring : Ring
        The links.
    reg : sequence of L floats
        Weights ``λ_l``.
    count : int
        Number of directions.
    """

    def __init__(self, ring: Ring, reg: Sequence[float], count: int) -> None:
        self._ring, self._stack = ring, () if count == 1 else (count,)
        # This method takes half the time of np.matmul to be called, but knows no stacks.
        self._product: Any = np.matmul if self._stack else np.ndarray.dot
        before, after = self._pairs(ring.before, 0), self._pairs(ring.after, 1)
        self._before_moves = [pair[..., 1, :, :] for pair in before]
        self._after_moves = [pair[..., 0, :, :] for pair in after]
        # A product and its derivative lie one upon the other: one multiplication joins both pairs.
        self._before = [pair.reshape(*self._stack, -1, pair.shape[-1]).mT for pair in before]
        self._after = [pair.reshape(*self._stack, -1, pair.shape[-1]) for pair in after]
        if ring.turns_by_rows:
            (pair,) = self._pairs([ring.turn(ring.after[ring.loss_at])], 1)
            self._turned = pair.reshape(*self._stack, -1, pair.shape[-1])
            self._turned_moves = pair[..., 0, :, :]
        shapes = [(*self._stack, *link.shape) for link in ring.links]
        self._summands = _overlapping(
            {moves.shape[-1]: moves.shape for moves in self._before_moves}
        )
        self._joins = _overlapping(dict(enumerate(shapes)))
        self._end_to_end_moves = np.empty(shapes[ring.loss_at])
        cut, loss_at = ring.cut, ring.loss_at
        self._weights = [2 * weight for weight in (*reg[cut:], 0.0, *reg[:cut])]
        sizes = [link.size for link in ring.links]
        ends = list(accumulate(sizes[loss_at + 1 :] + sizes[:loss_at], initial=0))
        slots = [(..., slice(*bounds)) for bounds in pairwise(ends)]
        self._slots = list(zip([*slots[cut:], None, *slots[:cut]], shapes, strict=True))

    def _pairs(self, products: list[Array], place: int) -> list[Array]:
        """Pairs (…, 2, c, width) of a product, which has this place, and its derivative."""
        pairs = [np.empty((*self._stack, 2, *product.shape)) for product in products]
        for pair, product in zip(pairs, products, strict=True):
            pair[..., place, :, :] = product
        return pairs

    def apply(self, directions: Array, out: Array) -> None:
        """Write the Hessian's products with contiguous directions, (N,) or (count, N), perhaps over them."""
        loss_at, last = self._ring.loss_at, len(self._slots) - 1
        moves: list[Any] = [slot and directions[slot].reshape(shape) for slot, shape in self._slots]
        for i in range(loss_at):
            self._move_before(i, moves[i])
        for i in range(last, loss_at, -1):
            self._move_after(i, moves[i])
        passed = int(self._ring.turns_by_rows)
        if passed:
            self._pass_by_rows()
        else:
            moves[loss_at] = self._ring.turn(self._join(loss_at, self._end_to_end_moves))
        for i in range(loss_at + passed, last):
            self._move_before(i, moves[i])
        for i in range(loss_at - passed, 0, -1):
            self._move_after(i, moves[i])
        for i, (slot, shape) in enumerate(self._slots):
            if slot:
                self._finish(i, moves[i], out[slot].reshape(shape))

    def _move_before(self, i: int, move: Array) -> None:
        """Derivative of the product of all links before i + 1, given that of link i."""
        out = self._before_moves[i + 1]
        if i == 0:
            out[...] = move
            return
        self._product(self._before_moves[i], self._ring.links[i], out)
        out += self._product(self._ring.before[i], move, self._summands[out.shape[-1]])

    def _move_after(self, i: int, move: Array) -> None:
        """Derivative of the product of all links after i - 1, given that of link i."""
        out = self._after_moves[i - 1]
        if i == len(self._slots) - 1:
            out[...] = move.mT
            return
        self._product(self._after_moves[i], self._ring.mirrored[i], out)
        out += self._product(self._ring.after[i], move.mT, self._summands[out.shape[-1]])

    def _pass_by_rows(self) -> None:
        """Pass the loss both ways with the derivative of ``X`` as a product of two narrow matrices."""
        ring, i = self._ring, self._ring.loss_at
        self._turned_moves[...] = ring.turn(self._after_moves[i])
        out = self._before_moves[i + 1]
        self._product(self._before_moves[i], ring.links[i], out)
        small = ring.before[i] @ self._before[i]
        out += self._product(small, self._turned, self._summands[out.shape[-1]])
        out = self._after_moves[i - 1]
        self._product(self._after_moves[i], ring.mirrored[i], out)
        small = ring.after[i] @ self._turned.mT
        out += self._product(small, self._before[i].mT, self._summands[out.shape[-1]])

    def _join(self, i: int, out: Array) -> Array:
        """Derivative of the product of all links but i, transposed; in `out`, unless it lies elsewhere already."""
        if i == 0:
            return self._after_moves[0]
        if i == len(self._slots) - 1:
            return self._before_moves[i].mT
        return self._product(self._before[i], self._after[i], out)

    def _finish(self, i: int, move: Array, block: Array) -> None:
        """Write the block of a layer, weight decay included."""
        if self._weights[i]:
            np.multiply(move, self._weights[i], block)
            block += self._join(i, self._joins[i])
        else:
            joined = self._join(i, block)
            if joined is not block:
                block[...] = joined


def _overlapping(shapes: dict[int, tuple[int, ...]]) -> dict[int, Array]:
    """Arrays of some shapes in one and the same memory, for one at a time."""
    memory = np.empty(max(map(prod, shapes.values())))
    return {name: memory[: prod(shape)].reshape(shape) for name, shape in shapes.items()}
