"""Eigenvectors of the Hessian at a critical point, from its blocks.

In the singular bases of the layers the Hessian couples entry (p, q) of a layer only with the entries (p, q) and (q, p)
of all layers. A position p counts active modes first, then the inactive modes of the target and the hidden units
without a mode; a layer has as many positions as its width. The closed form of the eigenvalues tells which pairs of
positions matter; their blocks, of at most 2L entries, are small enough to be decomposed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, combinations, combinations_with_replacement, islice, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmfbook._scale import times_power
from dmfbook._validation import Array, integer
from dmfbook.regularized.blocks import ActiveBlocks, stiffness
from dmfbook.regularized.point import CriticalPoint, checked_critical_point

Pair = tuple[int, int]
Direction = list[Array]
Entries = list[tuple[int, int, int]]

ENDS = ("largest", "smallest", "both")


def hessian_eigenpairs(
    point: CriticalPoint, which: str = "largest", k: int = 1
) -> tuple[Array, list[Direction]]:
    """Eigenvalues at the ends of the Hessian's spectrum at a critical point, and their eigenvectors.

    They belong to the member ``point.factors()`` of the orbit.

    Parameters
    ----------
    point : CriticalPoint
        A critical point of a regularized problem.
    which : {"largest", "smallest", "both"}
        The largest eigenvalues, in descending order; the smallest, in ascending order; or k largest, then k smallest,
        as in :func:`leading_eigenpairs`.
    k : int, from 1
        Number of eigenvalues, repeated ones counted as often as they occur. At most N; N / 2 from both ends.

    Returns
    -------
    values : array (k,), or (2 k,) from both ends
        The eigenvalues; infinite beyond the range of float64.
    directions : list of as many lists of L arrays, shapes (d_l, d_{l-1})
        Orthonormal eigenvectors, one block a layer: ``flatten(directions[i])`` is one of ``hessian(problem, factors)``.
        Where eigenvalues coincide they are some basis of the eigenspace.

    Raises
    ------
    ValueError, TypeError
        If `point` is no critical point, `which` is none of the three or k is no integer from 1 to N or N / 2.

    Notes
    -----
    The flops of :func:`hessian_extremes`, beside ``O(k L³)`` for the blocks and the memory of the directions, ``k N``.
    No matrix of the size of the parameters is formed. Residuals are a small multiple of ``L ε`` times the largest
    eigenvalue of a block, and what the singular vectors of the target bring.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> point = dmf.global_minimizer(dmf.Problem([[3.0]], (1,), reg=1.0))
    >>> values, directions = dmf.hessian_eigenpairs(point, which="largest", k=2)
    >>> values.round(12), abs(dmf.flatten(directions[0])).round(6)
    (array([8., 4.]), array([0.707107, 0.707107]))
    """
    checked_critical_point(point)
    if not isinstance(which, str) or which not in ENDS:
        raise ValueError(f"which must be 'largest', 'smallest' or 'both', got {which!r}")
    count, most = integer("k", k, 1), point.problem.size // (2 if which == "both" else 1)
    if count > most:
        raise ValueError(f"k must be at most {most} of N = {point.problem.size}, got {count}")
    found = _end(point, 1, 0 if which == "smallest" else count)
    if which != "largest":
        # Where all are equal both ends offer the same ones.
        lower = _end(point, -1, len(found) + count).items()
        found |= dict([(name, pair) for name, pair in lower if name not in found][:count])
    eigenpairs = found.values()
    bases = _Bases(point)
    values = times_power([pair.value for pair in eigenpairs], point._modes.eigenvalue_unit)
    return values, [bases.direction(pair) for pair in eigenpairs]


class _Eigenpair(NamedTuple):
    value: float
    entries: Entries
    vector: Array


def _end(point: CriticalPoint, sign: int, count: int) -> dict[tuple[Pair, int], _Eigenpair]:
    """The `count` largest (sign 1) or smallest (−1) eigenvalues in their order, by pair and place in its block."""
    found = {}
    for pair in _leading_pairs(point, sign, count):
        block, entries = _block(point, *pair)
        values, vectors = np.linalg.eigh(block)
        for i, value in enumerate(values):
            found[pair, i] = _Eigenpair(float(value), entries, vectors[:, i])
    ordered = sorted(found.items(), key=lambda item: -sign * item[1].value)
    return dict(ordered[:count])


def _leading_pairs(point: CriticalPoint, sign: int, count: int) -> list[Pair]:
    """Pairs whose blocks have the `count` largest or smallest eigenvalues among theirs.

    Of each family of equal eigenvalues it is enough to look at one a block: if they are many, `count` blocks have
    enough of them.
    """
    candidates: list[tuple[float, Pair]] = []
    for value, pairs in _families(point):
        candidates += [(value, pair) for pair in islice(pairs, count)]
    blocks = ActiveBlocks(point)
    for start, stop, _ in blocks.tiles():
        values = blocks.eigenvalues(start, stop)
        some = np.argsort(-sign * values)[:count]
        first, second = (positions[some].tolist() for positions in blocks.pairs(start, stop))
        candidates += zip(values[some].tolist(), zip(first, second, strict=True), strict=True)
    candidates.sort(key=lambda candidate: -sign * candidate[0])
    return list(dict.fromkeys(pair for _, pair in candidates[:count]))


def _families(point: CriticalPoint) -> Iterator[tuple[float, Iterable[Pair]]]:
    """The values of :func:`repeated_eigenvalues`, each with the pairs whose blocks have it."""
    k, reg, widths = point.rank, point._modes.reg, point.problem.widths
    inactive = point._modes.values[point.roots == 0]
    modes = k + len(inactive)
    hidden = widths[1:-1]
    yield 0.0, chain(combinations(range(k), 2), product(range(k), range(k, max(hidden))))
    for l, width in enumerate(hidden):
        yield 2 * (reg[l] + reg[l + 1]), product(range(k), range(k, width))
    if point.has_equal_weights:
        yield 4 * reg[0], combinations_with_replacement(range(k), 2)
    longer = max(widths[0], widths[-1])
    of_longer = reg[0] if widths[0] > widths[-1] else reg[-1]
    for i, stiff in enumerate(stiffness(point)):
        yield 2 * of_longer * stiff, ((i, j) for j in range(modes, longer))
    if len(reg) == 2:
        spread = np.hypot(reg[1] - reg[0], 2 * inactive)
        for j, width in enumerate(spread, start=k):
            for value in (reg.sum() + width, reg.sum() - width):
                yield value, (_ordered(j, unit) for unit in range(k, hidden[0]))
        for l, width in enumerate((widths[0], widths[2])):
            yield (
                2 * reg[l],
                (_ordered(j, unit) for j in range(modes, width) for unit in range(k, hidden[0])),
            )
        return
    for l, weight in enumerate(reg):
        rows, columns = range(k, widths[l + 1]), range(k, widths[l])
        yield 2 * weight, (_ordered(row, column) for row, column in product(rows, columns))


def _ordered(p: int, q: int) -> Pair:
    return min(p, q), max(p, q)


def _block(point: CriticalPoint, p: int, q: int) -> tuple[Array, Entries]:
    """Hessian on the entries (p, q) and (q, p) of all layers, and these as (layer, row, column).

    Written down from the quadratic form of the Hessian, with ``A_l``, ``B_l``, ``C_kl`` and G diagonal in the
    singular bases; not from the closed form of its eigenvalues.
    """
    depth, widths = point.problem.depth, point.problem.widths
    block = np.zeros((2, depth, 2, depth))
    places = [_Place(point, p), _Place(point, q)]
    for side, (one, other) in enumerate((places, places[::-1])):
        # Entry (one, other) of layer l adds A_l[one] B_l[other] to that of the end-to-end matrix.
        move = one.left * other.right
        block[side, :, side] += 2 * np.outer(move, move)
        block[side, :, side] += np.diag(2 * point._modes.reg)
        # ⟨A_kᵀ G B_lᵀ, Δ_k C_kl Δ_l⟩ joins entry (one, other) of layer k with (other, one) of layer l < k.
        link = one.slope * np.outer(one.left, one.right) * other.between
        block[side, :, 1 - side] += link
        block[1 - side, :, side] += link.T
    names = [(p, q), (q, p)]
    if p == q:  # both names are of one entry
        block = block[:1, :, :1] + block[:1, :, 1:]
        names = names[:1]
    entries = [(l, row, column) for row, column in names for l in range(depth)]
    there = [row < widths[l + 1] and column < widths[l] for l, row, column in entries]
    square = block.reshape(len(entries), len(entries))[np.ix_(there, there)]
    return square, [entry for entry, is_there in zip(entries, there, strict=True) if is_there]


class _Place:
    """Diagonal entries of the partial products at one position, in units of the modes.

    Attributes
    ----------
    left, right : arrays (L,)
        Those of ``A_l`` and ``B_l``.
    between : array (L, L)
        Those of ``C_kl = W_{k−1} ⋯ W_{l+1}``, for k > l.
    slope : float
        That of G.
    """

    def __init__(self, point: CriticalPoint, position: int) -> None:
        order, depth = _order(point), point.problem.depth
        mode = order[position] if position < len(order) else None
        w = np.zeros(depth) if mode is None else point._layer_values[:, mode]
        self.left = np.append(np.cumprod(w[:0:-1])[::-1], 1.0)
        self.right = np.append(1.0, np.cumprod(w[:-1]))
        self.between = np.zeros((depth, depth))
        for l in range(depth - 1):
            self.between[l + 1 :, l] = np.append(1.0, np.cumprod(w[l + 1 : -1]))
        self.slope = 0.0 if mode is None else -2 * point._residuals[mode]


class _Bases:
    """Bases of the layers at ``point.factors()``, column by column, by position."""

    def __init__(self, point: CriticalPoint) -> None:
        self._widths = point.problem.widths
        left, right = point._modes.triples.vectors(_order(point))
        self._outer = {0: right, point.problem.depth: left}

    def direction(self, pair: _Eigenpair) -> Direction:
        """The eigenvector in the coordinates of the layers."""
        blocks = [np.zeros(shape) for shape in zip(self._widths[1:], self._widths, strict=False)]
        for (l, row, column), value in zip(pair.entries, pair.vector, strict=True):
            blocks[l] += np.outer(value * self._column(l + 1, row), self._column(l, column))
        return blocks

    def _column(self, layer: int, position: int) -> Array:
        if layer not in self._outer:
            unit = np.zeros(self._widths[layer])
            unit[position] = 1.0
            return unit
        basis = self._outer[layer]
        if position >= basis.shape[1]:  # beyond the modes: any complement will do
            beyond = np.linalg.qr(basis, mode="complete")[0][:, basis.shape[1] :]
            basis = self._outer[layer] = np.hstack([basis, beyond])
        return basis[:, position]


def _order(point: CriticalPoint) -> NDArray[np.intp]:
    """Modes by position: the active ones first."""
    return np.argsort(point.roots == 0, kind="stable")
