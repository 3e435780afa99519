"""Networks whose layers, inputs and target share singular bases: what is left of them is a few numbers a mode.

In those bases everything is diagonal. A position p is a place on these diagonals: the modes come first, then the
units of each layer that no mode reaches. A layer has as many positions as its width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dmfbook._validation import Array


@dataclass(frozen=True, eq=False)
class AlignedModes:
    """Diagonals of the layers, of the inputs and of what the network lacks.

    Attributes
    ----------
    widths : tuple of L + 1 ints
        ``(d_0, …, d_L)``.
    layers : array (L, n)
        Singular values ``w_{l,p}`` of the layers, for the n leading positions; all others are zero.
    residuals : array (m,)
        What the network lacks of its target, ``m_p − q_p Π_l w_{l,p}``, for the m leading positions; exactly zero
        where it lacks nothing, and at all other positions.
    inputs : array (d_0,)
        Singular values ``q_p`` of the inputs; ones if they are white.
    reg : float
        Weight ``λ`` of all layers.
    """

    widths: tuple[int, ...]
    layers: Array
    residuals: Array
    inputs: Array
    reg: float = 0.0

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return len(self.layers)

    @property
    def target(self) -> Array:
        """Singular values ``m_p`` of what the network should return; array (m,)."""
        target, n = self.residuals.copy(), self.layers.shape[1]
        target[:n] += self.inputs[:n] * np.prod(self.layers, axis=0)
        return target

    def scaled(self, factor: float) -> AlignedModes:
        """The network all of whose Hessian's eigenvalues are `factor` times as large; its inputs are the same."""
        power = 1 / (2 * self.depth - 2)
        return replace(
            self,
            layers=self.layers * factor**power,
            residuals=self.residuals * factor ** (self.depth * power),
            reg=self.reg * factor,
        )

    @cached_property
    def places(self) -> Places:
        """All positions, as many as the widest layer has."""
        most = max(self.widths)
        w, slope, q = np.zeros((most, self.depth)), np.zeros(most), np.zeros(most)
        w[: self.layers.shape[1]] = self.layers.T
        q[: len(self.inputs)] = self.inputs
        slope[: len(self.residuals)] = -2 * self.residuals
        ones = np.ones((most, 1))
        left = np.hstack([np.cumprod(w[:, :0:-1], axis=1)[:, ::-1], ones])
        right = np.hstack([ones, np.cumprod(w[:, :-1], axis=1)])
        between = np.zeros((most, self.depth, self.depth))
        for l in range(self.depth - 1):
            between[:, l + 1 :, l] = np.hstack([ones, np.cumprod(w[:, l + 1 : -1], axis=1)])
        there = np.arange(most)[:, None] < np.array(self.widths)
        return Places(w, left, right, q, between, slope * q, there)


@dataclass(frozen=True, eq=False)
class Places:
    """Diagonal entries of the layers' partial products at P positions.

    Attributes
    ----------
    layers : array (P, L)
        Those of ``W_l``.
    left, right : arrays (P, L)
        Those of ``A_l = W_L ⋯ W_{l+1}`` and ``B_l = W_{l−1} ⋯ W_1``.
    inputs : array (P,)
        Those of the inputs, Q.
    between : array (P, L, L)
        Those of ``W_{k−1} ⋯ W_{l+1}``, for k > l.
    slope : array (P,)
        Those of the gradient by the end-to-end matrix.
    there : array of bools (P, L + 1)
        Which layers of units have the position.
    """

    layers: Array
    left: Array
    right: Array
    inputs: Array
    between: Array
    slope: Array
    there: NDArray[np.bool_]

    def names(self, p: int, q: int) -> list[tuple[int, int, int]]:
        """Parameters that the pair joins, as (layer, row, column), in the order of :func:`pair_blocks`."""
        entries = []
        for row, column in [(p, q), (q, p)][: 1 + (p != q)]:
            for l, (before, after) in enumerate(pairwise(range(self.there.shape[1]))):
                if self.there[row, after] and self.there[column, before]:
                    entries.append((l, row, column))
        return entries


def pair_blocks(
    places: Places, reg: float, first: NDArray[np.intp], second: NDArray[np.intp]
) -> Array:
    """Blocks of the Hessian on the entries (p, q) and (q, p) of all layers, for pairs of one sort.

    Parameters
    ----------
    places : Places
        All positions.
    reg : float
        Weight of the layers.
    first, second : arrays of ints (n,)
        The pairs; either all of equal members or none, and all in the same layers.

    Returns
    -------
    array (n, size, size)
        The blocks. Written down from the quadratic form of the Hessian: entry (p, q) of layer l adds
        ``A_l[p] B_l[q]`` to that of the end-to-end matrix, and ``⟨A_kᵀ G B_lᵀ, Δ_k W_{k−1} ⋯ W_{l+1} Δ_l⟩`` joins it
        with entries (q, p).
    """
    depth = places.left.shape[1]
    blocks = np.zeros((len(first), 2, depth, 2, depth))
    for side, (one, other) in enumerate([(first, second), (second, first)]):
        move = places.left[one] * places.right[other] * places.inputs[other, None]
        blocks[:, side, :, side] += 2 * move[:, :, None] * move[:, None]
        blocks[:, side, :, side] += 2 * reg * np.eye(depth)
        link = places.left[one, :, None] * places.right[one, None] * places.between[other]
        link *= places.slope[one, None, None]
        blocks[:, side, :, 1 - side] += link
        blocks[:, 1 - side, :, side] += link.mT
    p, q = first[0], second[0]
    if p == q:  # both names are of one entry
        blocks = blocks[:, :1, :, :1] + blocks[:, :1, :, 1:]
    there = (places.there[p, 1:] & places.there[q, :-1], places.there[q, 1:] & places.there[p, :-1])
    kept = np.concatenate(there[: 1 + (p != q)])
    return blocks.reshape(len(first), len(kept), len(kept))[:, kept][:, :, kept]
