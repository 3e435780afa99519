"""The gradient of any loss of the product, written once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.losses.loss import Loss


class Gradient:
    """Gradient ``A_lᵀ G B_lᵀ + 2 λ_l W_l`` at layers that change in place, in buffers that are used again.

    Two sweeps through the layers: products ``B_l`` up, ``A_lᵀ G`` down; neither forms an ``A_l``. For narrow
    layers the time goes into calls, so each product is one. Layers may be stacks, of runs side by side.

    Parameters
    ----------
    loss : Loss
        The loss ℓ of the product.
    reg : sequence of L floats
        Weights ``λ_l``.
    factors : sequence of L >= 1 arrays, shapes (…, d_l, d_{l-1})
        Where to start; copied.

    Attributes
    ----------
    point : array (N,)
        All layers in one vector, row by row within a layer; write here, or to the layers.
    layers : list of L arrays, shapes (…, d_l, d_{l-1})
        Views of it, each contiguous.
    blocks : list of L arrays, shapes (…, d_l, d_{l-1})
        Views of what a call returns.
    """

    def __init__(self, loss: Loss, reg: Sequence[float], factors: Sequence[Array]) -> None:
        self._loss = loss
        self.point = np.concatenate([factor.ravel() for factor in factors])
        shapes = [factor.shape for factor in factors]
        self.layers = views(self.point, shapes)
        self._gradient = np.empty_like(self.point)
        self.blocks = views(self._gradient, shapes)
        stack, inputs = shapes[0][:-2], shapes[0][-1]
        # np.dot is called faster, but knows no stacks.
        self._product = np.matmul if stack else np.dot
        forward = [self.layers[0]]
        self._up = []
        for layer in self.layers[1:]:
            forward.append(np.empty((*stack, layer.shape[-2], inputs)))
            self._up.append((layer, forward[-2], forward[-1]))
        self._end_to_end = forward[-1]
        # The first block is what arrives there, since B_1 is the identity.
        back = [self.blocks[0]]
        back += [np.empty((*stack, layer.shape[-2], inputs)) for layer in self.layers[1:-1]]
        arrived = [None, *back[:0:-1]]  # None is the loss's own gradient
        self._down = [
            (self.layers[l].mT, arrived[-l], back[l - 1], forward[l - 1].mT, self.blocks[l])
            for l in range(len(self.layers) - 1, 0, -1)
        ]
        sizes = [layer.size for layer in self.layers]
        self._weights = np.repeat(2 * np.array(reg), sizes) if any(reg) else None

    def __call__(self) -> Array:
        """Gradient at the present layers (N,), in the order of `point`; overwritten by the next call."""
        product = self._product
        for layer, below, out in self._up:
            product(layer, below, out)
        slope = self._loss.gradient(self._end_to_end)
        if not self._down:
            self.blocks[0][...] = slope
        for layer, arrived, before, below, block in self._down:
            back = slope if arrived is None else arrived
            product(back, below, block)
            product(layer, back, before)
        if self._weights is not None:
            self._gradient += self._weights * self.point
        return self._gradient


def views(vector: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Views of a vector as arrays of these shapes, one after the other."""
    ends = list(accumulate(map(prod, shapes), initial=0))
    return [
        vector[start:end].reshape(shape)
        for start, end, shape in zip(ends, ends[1:], shapes, strict=False)
    ]
