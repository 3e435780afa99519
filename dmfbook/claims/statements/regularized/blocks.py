"""The blocks of the Hessian at a critical point, as `thm-blocks` states them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dmfbook._validation import Array

Entry = tuple[int, int, int]  # layer, row, column


def pairs_of_entries(widths: tuple[int, ...]) -> dict[tuple[int, int], list[Entry]]:
    """Entries of all layers by pair of modes, each as layer (from 0), row and column."""
    pairs: dict[tuple[int, int], list[Entry]] = {}
    for layer, (before, after) in enumerate(pairwise(widths)):
        for row in range(after):
            for column in range(before):
                pair = min(row, column), max(row, column)
                pairs.setdefault(pair, []).append((layer, row, column))
    return dict(sorted(pairs.items()))


def order_by_pairs(widths: tuple[int, ...]) -> NDArray[np.int64]:
    """Places in the parameter vector, the entries of each pair of modes side by side."""
    shapes = list(pairwise(widths))
    starts = np.cumsum([0, *(before * after for before, after in shapes)])
    entries = [entry for pair in pairs_of_entries(widths).values() for entry in pair]
    return np.array([starts[l] + row + column * shapes[l][1] for l, row, column in entries])


@dataclass(frozen=True)
class Blocks:
    """The formula of the theorem.

    `values` (L, n) are the layer values by mode, zero where a mode is inactive or does not exist; `target`
    (n,) the singular values of the target, zero beyond its last, n being the largest width.
    """

    widths: tuple[int, ...]
    reg: tuple[float, ...]
    values: Array
    target: Array

    def eigenvalues(self) -> Array:
        """Eigenvalues of all blocks, ascending."""
        pairs = pairs_of_entries(self.widths).values()
        return np.sort(np.concatenate([np.linalg.eigvalsh(self.block(each)) for each in pairs]))

    def block(self, entries: list[Entry]) -> Array:
        """Block on the entries of one pair of modes."""
        result = np.diag([self.decay(l) for l, _, _ in entries])
        for i, (k, a, b) in enumerate(entries):
            for j, (l, c, e) in enumerate(entries):
                if (a, b) == (c, e):
                    result[i, j] += self.fit(k, l, a, b)
                if (a, b) == (e, c) and k != l:
                    result[i, j] += self.bend(l, k, a, b) if l < k else self.bend(k, l, c, e)
        return result

    def decay(self, l: int) -> float:
        """``2 λ_l``, on the diagonal."""
        return 2 * self.reg[l]

    def fit(self, k: int, l: int, a: int, b: int) -> float:
        """Between the entries (a, b) of layers k and l, equal ones included."""
        return 2 * self.reach(k, a, b) * self.reach(l, a, b)

    def reach(self, l: int, a: int, b: int) -> float:
        """``p_l(a, b)``, how much the entry (a, b) of layer l changes the product."""
        return float(self.values[l + 1 :, a].prod() * self.values[:l, b].prod())

    def bend(self, l: int, k: int, c: int, e: int) -> float:
        """Between the entry (c, e) of layer k and the entry (e, c) of layer l < k."""
        around = self.values[k + 1 :, c].prod() * self.values[:l, c].prod()
        return float(-2 * self.residual(c) * around * self.values[l + 1 : k, e].prod())

    def residual(self, c: int) -> float:
        """``r_c``."""
        return float(self.target[c] - self.values[:, c].prod())
