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
from typing import Any, NamedTuple

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


class _Step(NamedTuple):
    """A link on a sweep: what the links passed so far are together, and how that moves, without it and with it."""

    i: int
    link: Array
    product: Array
    moves: Array | None  # none before the first link
    next_moves: Array
    summand: Array


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
        self._end_to_end_moves = np.empty((*self._stack, *ring.links[ring.loss_at].shape))
        links = range(len(ring.links))
        memory = np.empty(max(moves.size for moves in self._before_moves))
        self._forth = _steps(links, ring.links, ring.before, self._before_moves, memory)
        self._back = _steps(links[::-1], ring.mirrored, ring.after, self._after_moves, memory)
        layers = self._layers = [*links[ring.loss_at + 1 :], *links[: ring.loss_at]]
        sizes = [ring.links[i].size for i in layers]
        self._weights = 2 * (np.repeat(reg, sizes) if len(set(reg)) > 1 else reg[0])
        # First the directions, then what comes of them. A copy costs less than views of small layers for every product.
        self._vectors = np.empty((*self._stack, sum(sizes)))
        self._moves = {
            i: self._vectors[..., start:end].reshape(*self._stack, *ring.links[i].shape)
            for i, (start, end) in zip(layers, pairwise(accumulate(sizes, initial=0)), strict=True)
        }
        self._mirrored_moves = {i: moves.mT for i, moves in self._moves.items()}

    def _pairs(self, products: list[Array], place: int) -> list[Array]:
        """Pairs (…, 2, c, width) of a product, which has this place, and its derivative."""
        pairs = [np.empty((*self._stack, 2, *product.shape)) for product in products]
        for pair, product in zip(pairs, products, strict=True):
            pair[..., place, :, :] = product
        return pairs

    def apply(self, directions: Array, out: Array) -> None:
        """Write the Hessian's products with directions, (N,) or (count, N), perhaps over them."""
        loss_at, forth, back = self._ring.loss_at, self._forth, self._back
        loss_back = len(back) - loss_at
        self._vectors[...] = directions
        self._sweep(forth[:loss_at], self._moves)
        self._sweep(back[:loss_back], self._mirrored_moves)
        if self._ring.turns_by_rows:
            self._turned_moves[...] = self._ring.turn(self._after_moves[loss_at])
            self._pass(forth[loss_at], self._before[loss_at], self._turned)
            self._pass(back[loss_back], self._turned.mT, self._before[loss_at].mT)
            loss_at, loss_back = loss_at + 1, loss_back + 1
        else:
            moves = self._ring.turn(self._join(loss_at, self._end_to_end_moves))
            self._moves[loss_at], self._mirrored_moves[loss_at] = moves, moves.mT
        self._sweep(forth[loss_at:], self._moves)
        self._sweep(back[loss_back:], self._mirrored_moves)
        for i in self._layers:
            joined = self._join(i, self._moves[i])
            if joined is not self._moves[i]:
                self._moves[i][...] = joined
        np.multiply(directions, self._weights, out)
        out += self._vectors

    def _sweep(self, steps: list[_Step], link_moves: dict[int, Array]) -> None:
        """Derivatives of the products of one link after the other, given those of the links."""
        for i, link, product, moves, next_moves, summand in steps:
            if moves is None:
                next_moves[...] = link_moves[i]
            else:
                self._product(moves, link, next_moves)
                next_moves += self._product(product, link_moves[i], summand)

    def _pass(self, step: _Step, left: Array, right: Array) -> None:
        """The same past one link, whose derivative is a product of two narrow matrices."""
        _, link, product, moves, next_moves, summand = step
        self._product(moves, link, next_moves)
        next_moves += self._product(product @ left, right, summand)

    def _join(self, i: int, out: Array) -> Array:
        """Derivative of the product of all links but i, transposed; in `out`, unless it lies elsewhere already."""
        if i == 0:
            return self._after_moves[0]
        if i == len(self._before) - 1:
            return self._before_moves[i].mT
        return self._product(self._before[i], self._after[i], out)


def _steps(
    order: range, links: list[Array], products: list[Array], moves: list[Array], memory: Array
) -> list[_Step]:
    """A sweep past all links but the last in this order, with summands that share their memory."""
    return [
        _Step(
            i,
            links[i],
            products[i],
            None if i == order[0] else moves[i],
            moves[after],
            memory[: moves[after].size].reshape(moves[after].shape),
        )
        for i, after in pairwise(order)
    ]
