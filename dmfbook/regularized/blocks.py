"""Eigenvalues of the Hessian at a critical point, block by block, most of them in closed form.

In the singular bases of the layers the Hessian is a direct sum of blocks, one for each pair of modes
i <= j, on the entries (i, j) and (j, i) of all layers. Let all weights be λ. An active mode has a
value ``w_i`` with ``s_i = s(w_i)`` and ``σ_i = σ(w_i)``, where ``s(w) = w^L`` and
``σ(w) = w^L + λ w^{2−L}``. With ``f[a, b] = (f(a) − f(b)) / (a − b)`` the eigenvalues are

- for two active modes 0 and 4λ, each L − 1 times, ``μ⁺ = 2 (σ_i + σ_j) s[w_i, w_j] / (w_i + w_j)``
  and ``μ⁻ = 2 (s_i + s_j) σ[w_i, w_j] / (w_i + w_j)``;
- for one active mode alone 4λ, L − 1 times, and ``μ⁻`` with ``f[w, w] = f'(w)``;
- for an active mode i and an inactive j, 0 and 4λ once for each hidden layer wide enough for j, and
  ``2 (σ_i ± σ_j) w_i^{L−2}``; one of these two, with ``σ_j = 0``, if only one side of the target has j;
- for inactive modes 2λ; at depth 2 instead ``2λ ± 2σ_j``, and 2λ where only one side of the target has j.

Unequal weights turn the Hessian H of the problem with their geometric mean ``λ̄`` into ``S H S``,
``S² = λ_l / λ̄`` in layer l. Then only blocks of active modes, alone and in pairs, lose their closed form; their zeros stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmfbook._validation import Array

if TYPE_CHECKING:
    from dmfbook.regularized.point import CriticalPoint

Positions = NDArray[np.intp]
T = TypeVar("T")
Result = TypeVar("Result")

# Entries of the largest array that a tile of pairs needs; some ten of them are alive at a time.
TILE_ENTRIES = 2**17


def repeated_eigenvalues(point: CriticalPoint) -> tuple[Array, Array]:
    """Eigenvalues with known multiplicities, in units of the modes, and the multiplicities; ``O(d)`` of them."""
    problem, k, reg = point.problem, point.rank, point._modes.reg
    inactive = np.array(problem.widths) - k
    values = point._modes.values[point.roots == 0]
    # Opposite changes of basis before and after a hidden layer cancel (0); equal ones do not.
    found: list[tuple[Array, ArrayLike]] = [
        (np.zeros(1), [point.orbit_dimension]),
        (2 * (reg[1:] + reg[:-1]), k * inactive[1:-1]),
    ]
    if point.has_equal_weights:
        found.append((4 * reg[:1], [(problem.depth - 1) * k * (k + 1) // 2]))
    # Entries that join an active mode with one that only the longer side of the target has.
    longer = reg[0] if inactive[0] > inactive[-1] else reg[-1]
    found.append((2 * longer * stiffness(point), np.full(k, abs(inactive[0] - inactive[-1]))))
    if problem.depth > 2:
        found.append((2 * reg, inactive[1:] * inactive[:-1]))
    else:
        # Inactive mode j couples entry (j, e) of W_2 with (e, j) of W_1, for each inactive e.
        spread, count = np.hypot(reg[1] - reg[0], 2 * values), np.full(len(values), inactive[1])
        stiff, mean = reg.sum() + spread, point._modes.mean_reg
        # Their product is 4 (λ̄² − σ²): the difference would cancel.
        found += [(stiff, count), (4 * (mean - values) * (mean + values) / stiff, count)]
        found.append((2 * reg, inactive[1] * (inactive[[0, 2]] - len(values))))
    eigenvalues, counts = zip(*found, strict=True)
    return np.concatenate(eigenvalues), np.concatenate(counts)


class ActiveBlocks:
    """Blocks of the active modes, without the eigenvalues of :func:`repeated_eigenvalues`; in units of the modes.

    Tables of ``O(L k)`` entries, from which tiles of pairs are computed.
    """

    def __init__(self, point: CriticalPoint) -> None:
        active, modes = point.roots > 0, point._modes
        depth = point.problem.depth
        self._has_equal_weights = point.has_equal_weights
        self._reg, self._mean_reg = modes.reg, modes.mean_reg
        self._values = point._values[active]
        self._target = modes.values[active]
        self._inactive = modes.values[~active]
        self._stiffness = stiffness(point)
        # Divided differences of powers are sums of products of powers: exact where values meet.
        self._powers = np.vander(self._values, depth)
        self._inverses = np.vander(1 / self._values, depth - 1)[:, :-1]

    def tiles(self) -> Iterator[tuple[int, int, int]]:
        """Runs of leading modes as ``(start, stop, size)``, size the number of eigenvalues."""
        k, others, depth = len(self._values), len(self._inactive), len(self._reg)
        if self._has_equal_weights:
            alone, pair, entries = 1, 2, 1
        else:
            alone, pair, entries = depth, depth + 1, 2 * depth * (depth + 1)
        start = 0
        while start < k:
            step = max(1, TILE_ENTRIES // (entries * (k - start + others)))
            stop = min(k, start + step)
            pairs = (stop - start) * (2 * k - start - stop - 1) // 2
            yield start, stop, (stop - start) * (alone + 2 * others) + pairs * pair
            start = stop

    def eigenvalues(self, start: int, stop: int) -> Array:
        """Eigenvalues of leading modes alone, with later active modes, and with inactive modes."""
        plus, minus = self._pair_eigenvalues(start, stop)
        later = np.arange(plus.shape[1]) > np.arange(plus.shape[0])[:, None]
        curved = plus[later], minus[later]
        if self._has_equal_weights:
            found = [np.diagonal(minus), *curved]
        else:
            leading = self._values[start:stop]
            ratio = (self._values[start:] / leading[:, None])[later]
            found = [self._weighted_alone(leading), self._weighted_pairs(ratio, *curved)]
        return np.concatenate([part.ravel() for part in (*found, *self._mixed(start, stop))])

    def pairs(self, start: int, stop: int) -> tuple[Positions, Positions]:
        """Positions of the modes that each of :meth:`eigenvalues` belongs to: active ones first."""
        k, depth = len(self._values), len(self._reg)
        alone = np.arange(start, stop)
        first, second = np.nonzero(np.arange(start, k) > alone[:, None])
        active: tuple[Positions, Positions] = first + start, second + start
        mixed = (
            np.repeat(alone, len(self._inactive)),
            np.tile(np.arange(k, k + len(self._inactive)), stop - start),
        )
        if self._has_equal_weights:
            parts = [(alone, alone), active, active, mixed, mixed]
        else:
            own = np.repeat(alone, depth)
            several = np.repeat(active[0], depth + 1), np.repeat(active[1], depth + 1)
            parts = [(own, own), several, mixed, mixed]
        firsts, seconds = zip(*parts, strict=True)
        return np.concatenate(firsts), np.concatenate(seconds)

    def _pair_eigenvalues(self, start: int, stop: int) -> tuple[Array, Array]:
        """``μ⁺`` and ``μ⁻`` for equal weights, of modes start to stop with modes from start on."""
        rows, columns = slice(start, stop), slice(start, None)
        end_to_end = self._values ** len(self._reg)
        slope = self._powers[rows] @ self._powers[columns, ::-1].T
        twice_mean = self._values[rows, None] + self._values[columns]
        plus = 2 * (self._target[rows, None] + self._target[columns]) * slope / twice_mean
        slope -= self._mean_reg * (self._inverses[rows] @ self._inverses[columns, ::-1].T)
        minus = 2 * (end_to_end[rows, None] + end_to_end[columns]) * slope / twice_mean
        return plus, minus

    def _mixed(self, start: int, stop: int) -> tuple[Array, Array]:
        """Entries (i, j) of the first and (j, i) of the last layer, i active and j inactive."""
        first, last = self._reg[[0, -1]]
        stiffness = self._stiffness[start:stop, None]
        target = self._target[start:stop, None]
        ratio = self._inactive / target
        spread = np.hypot(first - last, 2 * np.sqrt(first * last) * ratio)
        stiff = stiffness * (first + last + spread)
        # Their product is 4 λ_1 λ_L (1 − ratio²): the difference would cancel, and hide ties.
        gap = (target - self._inactive) / target
        soft = stiffness * 4 * first * last * (1 + ratio) * gap / (first + last + spread)
        return stiff, soft

    def _weighted_alone(self, values: Array) -> Any:
        """All L eigenvalues of single modes: a diagonal plus a matrix of rank one."""
        root = np.sqrt(self._reg)
        excess = values ** (2 * len(root) - 2) / self._mean_reg - 1
        blocks = np.diag(4 * self._reg) + 2 * excess[:, None, None] * np.outer(root, root)
        return np.linalg.eigvalsh(blocks)

    def _weighted_pairs(self, ratio: Array, plus: Array, minus: Array) -> Any:
        """The L + 1 eigenvalues of pairs beside the zeros, given ``w_j / w_i`` and ``μ±``.

        For equal weights the block is ``H = E D Eᵀ`` with orthonormal E. The non-zero eigenvalues
        of ``S H S`` are those of ``D Eᵀ S² E``, hence of ``R D Rᵀ`` with ``S E = Q R``.
        """
        basis = _pair_basis(ratio, len(self._reg))
        scales = np.tile(np.sqrt(self._reg / self._mean_reg), 2)[:, None]
        factor = np.asarray(np.linalg.qr(scales * basis, mode="r"))
        diagonal = np.full((len(ratio), len(self._reg) + 1, 1), 4 * self._mean_reg)
        diagonal[:, -2:, 0] = np.stack([plus, minus], axis=1)
        return np.linalg.eigvalsh((factor * diagonal.mT) @ factor.mT)


def spectrum_ends(point: CriticalPoint) -> tuple[float, float, float]:
    """The smallest, the least positive and the largest eigenvalue, in units of the modes.

    Exact zeros, those along the orbit and along ties, are no positive numbers. The flops of all eigenvalues, the
    memory of a few tiles.
    """
    values, counts = repeated_eigenvalues(point)
    blocks = ActiveBlocks(point)

    def ends(values: Array) -> tuple[float, float, float]:
        least = np.min(values, initial=np.inf, where=values > 0)
        # Neutral where no multiplicity is known: a number in layers of width one, with unequal weights.
        return values.min(initial=np.inf), least, values.max(initial=-np.inf)

    found = [ends(values[counts > 0])]
    found += in_threads(
        lambda start, stop, _: ends(blocks.eigenvalues(start, stop)), blocks.tiles()
    )
    smallest, least, largest = zip(*found, strict=True)
    return float(min(smallest)), float(min(least)), float(max(largest))


def in_threads(
    work: Callable[[int, int, T], Result], tiles: Iterable[tuple[int, int, T]]
) -> Iterator[Result]:
    """Results of `work` on tiles, in their order; NumPy computes outside the interpreter's lock."""
    with ThreadPoolExecutor() as pool:
        yield from pool.map(lambda tile: work(*tile), tiles)


def _pair_basis(ratio: Array, depth: int) -> Array:
    """Eigenvectors for ``4λ`` (L − 1 of them), ``μ⁺`` and ``μ⁻`` of pairs, ``w_j / w_i = ratio``.

    Coordinates are the entries (i, j) of layers 1 to L, then the entries (j, i). The first ones, equal
    changes of basis before and after a hidden layer, have a tridiagonal Toeplitz Gram matrix, which
    sines diagonalize.
    """
    q = ratio[:, None, None]
    angle = np.pi * np.arange(1, depth) / depth
    sines = np.sin(np.arange(depth + 1)[:, None] * angle)
    here, before = sines[1:], sines[:-1]
    stiff = np.concatenate([q * here - before, here - q * before], axis=1)
    stiff /= np.sqrt(depth * (1 + q**2 - 2 * q * np.cos(angle)))
    geometric = ratio[:, None] ** np.arange(depth)
    geometric /= np.sqrt(2) * np.linalg.norm(geometric, axis=1, keepdims=True)
    upper = np.stack([geometric, geometric], axis=-1)
    lower = np.stack([-geometric[:, ::-1], geometric[:, ::-1]], axis=-1)
    return np.concatenate([stiff, np.concatenate([upper, lower], axis=1)], axis=2)


def stiffness(point: CriticalPoint) -> Array:
    """``σ_i w_i^{L−2} / λ̄`` of the active modes."""
    active = point.roots > 0
    powers = point._values[active] ** (point.problem.depth - 2)
    return point._modes.values[active] * powers / point._modes.mean_reg
