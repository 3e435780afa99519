"""All eigenvalues of a network of aligned modes, with multiplicities: one small block for each pair of positions.

Positions that nothing tells apart make a class, and a pair of classes needs one block, however many members they have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from dmfbook._validation import Array
from dmfbook.yardstick.modes import AlignedModes, pair_blocks

Positions = NDArray[np.intp]
Counts = NDArray[np.int64]

# Entries of all blocks of a tile.
TILE_ENTRIES = 2**20


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of classes of positions whose blocks have the same shape.

    Attributes
    ----------
    first, second : arrays of ints (n,)
        One member of each class.
    counts : array of ints (n,)
        How many pairs of members there are, each with the same block.
    classes : array of ints (P,)
        The first member of each position's class; −1 for positions that are in no pair.
    """

    first: Positions
    second: Positions
    counts: Counts
    classes: Positions

    def some(self, places: Positions) -> Pairs:
        """Those at some places."""
        parts = (self.first[places], self.second[places], self.counts[places])
        return Pairs(*parts, self.classes)

    def members(self, place: int) -> Iterator[tuple[int, int]]:
        """All pairs of positions that share the block of one pair of classes."""
        one, other = int(self.first[place]), int(self.second[place])
        some = np.flatnonzero(self.classes == self.classes[one]).tolist()
        if one == other:
            return zip(some, some, strict=True)
        if self.classes[one] == self.classes[other]:
            return combinations(some, 2)
        return product(some, np.flatnonzero(self.classes == self.classes[other]).tolist())


def eigenvalues_of(modes: AlignedModes) -> tuple[Array, Counts]:
    """All eigenvalues of the Hessian, ascending, and their multiplicities."""
    found, counts = [], []
    for pairs in _tiles(modes):
        values = _eigenvalues(modes, pairs)
        found.append(values.ravel())
        counts.append(np.repeat(pairs.counts, values.shape[1]))
    values, places = np.unique(np.concatenate(found), return_inverse=True)
    total = np.zeros(len(values), np.int64)
    np.add.at(total, places, np.concatenate(counts))
    return values, total


def end_of(
    modes: AlignedModes, sign: int, k: int
) -> tuple[Array, list[tuple[tuple[int, int], Array]]]:
    """The k largest (sign 1) or smallest (−1) eigenvalues, and for each its pair of positions and its vector there."""
    candidates: list[tuple[float, Pairs, int, int]] = []
    for pairs in _tiles(modes):
        values = _eigenvalues(modes, pairs)
        for place in np.argsort(-sign * values, axis=None, kind="stable")[:k].tolist():
            block, column = divmod(place, values.shape[1])
            candidates.append((float(values[block, column]), pairs, block, column))
    candidates.sort(key=lambda candidate: -sign * candidate[0])
    found, vectors = [], []
    for value, pairs, block, column in candidates[:k]:
        for p, q in pairs.members(block):
            place = np.array([p]), np.array([q])
            columns = np.linalg.eigh(pair_blocks(modes.places, modes.reg, *place)[0])[1]
            found.append(value)
            vectors.append(((p, q), columns[:, column]))
            if len(found) == k:
                return np.array(found), vectors
    return np.array(found), vectors


def _eigenvalues(modes: AlignedModes, pairs: Pairs) -> Array:
    """Eigenvalues of each block, those made zero that are so up to its rounding: what symmetries leave."""
    blocks = pair_blocks(modes.places, modes.reg, pairs.first, pairs.second)
    values = np.asarray(np.linalg.eigvalsh(blocks), np.float64)
    # A pair may join no parameters at all: units of layers too far apart.
    size = np.abs(values).max(axis=1, initial=0.0)
    return np.where(np.abs(values) <= resolution(modes.depth) * size[:, None], 0.0, values)


def resolution(depth: int) -> float:
    """What rounding may move an eigenvalue of a block by, over the block's largest in size."""
    return float(16 * depth * np.finfo(float).eps)


def _tiles(modes: AlignedModes) -> Iterator[Pairs]:
    """All pairs of classes, in runs of blocks of one shape and of bounded size."""
    there = modes.places.there
    step = max(1, TILE_ENTRIES // (2 * modes.depth) ** 2)
    for pairs in (_pairs_with_mode(modes), _pairs_beyond(modes)):
        # Pairs of equal positions have smaller blocks.
        shape = np.c_[there[pairs.first], there[pairs.second], pairs.first == pairs.second]
        sorts = np.unique(shape, axis=0, return_inverse=True)[1].ravel()
        for sort in range(sorts.max(initial=-1) + 1):
            same = np.flatnonzero(sorts == sort)
            for start in range(0, len(same), step):
                yield pairs.some(same[start : start + step])


def _pairs_with_mode(modes: AlignedModes) -> Pairs:
    """Pairs of which at least one member has a value that is not zero in some layer."""
    places = modes.places
    everywhere = np.arange(len(places.slope))
    signature = np.c_[places.layers, places.slope, places.inputs, places.there]
    classes = _classes(everywhere, signature, len(everywhere))
    members = np.unique(classes)
    has_mode = np.asarray(places.layers.any(axis=1))
    modes_alone = members[has_mode[members]]
    first = np.repeat(modes_alone, len(members))
    second = np.tile(members, len(modes_alone))
    once = ~has_mode[second] | (first <= second)
    return _pairs(classes, first[once], second[once])


def _pairs_beyond(modes: AlignedModes) -> Pairs:
    """Pairs of positions where every layer vanishes: there the inputs are seen in the gradient alone."""
    places = modes.places
    beyond = np.flatnonzero(~places.layers.any(axis=1))
    classes = _classes(beyond, np.c_[places.slope, places.there][beyond], len(places.slope))
    members = np.unique(classes[beyond])
    first, second = np.triu_indices(len(members))
    return _pairs(classes, members[first], members[second])


def _classes(positions: Positions, signature: Array, size: int) -> Positions:
    """For each of all positions the first one of the same signature; −1 for those that have none."""
    _, firsts, own = np.unique(signature, axis=0, return_index=True, return_inverse=True)
    classes = np.full(size, -1)
    classes[positions] = positions[firsts][own.ravel()]
    return classes


def _pairs(classes: Positions, first: Positions, second: Positions) -> Pairs:
    """Pairs of classes; a class with itself is one of equal members, and one of two different members if it has them."""
    sizes = np.bincount(classes[classes >= 0], minlength=len(classes))
    last = np.zeros_like(classes)
    np.maximum.at(last, classes[classes >= 0], np.flatnonzero(classes >= 0))
    same = first == second
    counts = np.where(same, sizes[first], sizes[first] * sizes[second])
    twice = first[same & (sizes[first] > 1)]
    return Pairs(
        np.r_[first, twice],
        np.r_[second, last[twice]],
        np.r_[counts, sizes[twice] * (sizes[twice] - 1) // 2],
        classes,
    )
