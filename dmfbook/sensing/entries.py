"""Measurements that are single entries of a matrix: nothing but their indices is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmfbook._validation import Array
from dmfbook.sensing.operator import SensingOperator

Indices = NDArray[np.intp]


class EntrySampling(SensingOperator):
    """Measurement matrices ``c e_a e_bᵀ`` of distinct entries (a, b).

    Parameters
    ----------
    matrix_shape : (int, int)
        Shape ``(d_L, d_0)`` of the measured matrices.
    entries : two arrays of ints (n,)
        Rows a and columns b, distinct pairs; checked by :func:`checked_entries`.
    scale : float
        The factor c.
    """

    _is_proven = True

    def __init__(
        self, matrix_shape: tuple[int, int], entries: tuple[Indices, Indices], scale: float
    ) -> None:
        super().__init__(len(entries[0]), matrix_shape)
        self._a, self._b = (np.array(indices, dtype=np.intp) for indices in entries)
        self._a.flags.writeable = self._b.flags.writeable = False
        self._scale = scale

    @property
    def entries(self) -> tuple[Indices, Indices]:
        """Rows and columns of the entries, read-only and in the order of the measurements."""
        return self._a, self._b

    @property
    def scale(self) -> float:
        """What each entry is multiplied by, ``√(d_L d_0 / n)``."""
        return self._scale

    def measure(self, matrices: Array) -> Array:
        """The entries of a stack of matrices, times the scale."""
        return self._scale * matrices[..., self._a, self._b]

    def back(self, measurements: Array) -> Array:
        """A stack of matrices that vanish elsewhere."""
        out = np.zeros((*measurements.shape[:-1], *self.matrix_shape))
        out[..., self._a, self._b] = self._scale * measurements
        return out

    def _spread(self, gram: Array) -> Array:
        weights = self._scale**2 * np.diag(gram)[self._b]
        return np.diag(np.bincount(self._a, weights, self.matrix_shape[0]))

    def _spread_back(self, gram: Array) -> Array:
        weights = self._scale**2 * np.diag(gram)[self._a]
        return np.diag(np.bincount(self._b, weights, self.matrix_shape[1]))

    def _right_gram(self, basis: Array) -> Array:
        return _block_gram(self._a, self._scale * basis, self._b, self.matrix_shape[0])

    def _left_gram(self, basis: Array) -> Array:
        return _block_gram(self._b, self._scale * basis, self._a, self.matrix_shape[1])

    def _orthonormal(self, measurements: Array) -> tuple[SensingOperator, Array]:
        unscaled = EntrySampling(self.matrix_shape, self.entries, 1.0)
        return unscaled, measurements / self._scale

    def __reduce__(self) -> tuple[Any, ...]:
        return EntrySampling, (self.matrix_shape, self.entries, self._scale)


def checked_entries(entries: Any, shape: tuple[int, int]) -> tuple[Indices, Indices]:
    """Return distinct entries of a matrix as rows and columns; a mask becomes those of its true places."""
    if hasattr(entries, "toarray"):
        raise TypeError("entries must be a dense mask or two arrays, got a sparse one: .toarray()")
    if isinstance(entries, np.ma.MaskedArray):
        raise TypeError("entries must not be a masked array: hand over ~entries.mask")
    whole = None if isinstance(entries, tuple) else _rectangle(entries)
    if whole is not None and whole.dtype == np.bool_:
        return _true_places(whole, shape)
    if whole is not None and whole.shape in (shape, (2, 2)):
        raise TypeError(
            f"entries of shape {whole.shape} may be rows and columns, a mask or two entries: hand over "
            "a tuple (rows, cols), or a mask of dtype bool"
        )
    try:
        first, second = entries
    except (TypeError, ValueError):
        raise TypeError(
            "entries must be a boolean mask or a pair (rows, cols) of integer arrays, "
            f"got {type(entries).__name__}"
        ) from None
    rows, cols = _indices("rows", first, shape[0]), _indices("columns", second, shape[1])
    if rows.shape != cols.shape:
        raise ValueError(
            f"rows and columns of entries must be equally many, got {len(rows)} and {len(cols)}"
        )
    places, counts = np.unique(rows * shape[1] + cols, return_counts=True)
    if len(places) < len(rows):
        row, col = divmod(int(places[counts > 1][0]), shape[1])
        raise ValueError(f"entries must be distinct, got ({row}, {col}) more than once")
    return rows, cols


def _rectangle(entries: Any) -> NDArray[Any] | None:
    """Entries as one array, or None if they are none."""
    try:
        return np.asarray(entries)
    except ValueError:  # rows and columns of different lengths
        return None


def _true_places(mask: NDArray[np.bool_], shape: tuple[int, int]) -> tuple[Indices, Indices]:
    """Rows and columns where a mask is true, row by row."""
    if mask.shape != shape:
        raise ValueError(f"a mask of entries must have shape {shape}, got {mask.shape}")
    if not mask.any():
        raise ValueError("a mask of entries must be true somewhere, got all false")
    rows, cols = np.nonzero(mask)
    return rows, cols


def _indices(name: str, value: ArrayLike, side: int) -> Indices:
    """Return the row or column numbers of entries as an array of ints."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} of entries must be an array of integers: {error}") from None
    whole = array.dtype.kind in "iu" or (array.dtype.kind == "f" and bool((array % 1 == 0).all()))
    if not whole or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} of entries must be integers, got dtype {array.dtype}")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} of entries must be a vector, not empty, got shape {array.shape}")
    if array.min() < 0 or array.max() >= side:
        raise ValueError(
            f"{name} of entries must lie from 0 to {side - 1}, got {array.min()} to {array.max()}"
        )
    return array.astype(np.intp)


def _block_gram(places: Indices, basis: Array, others: Indices, side: int) -> Array:
    """Block-diagonal matrix of side ``side·r``: block a is the sum of ``v vᵀ`` over its entries' basis rows v."""
    rank = basis.shape[1]
    blocks = np.zeros((side, rank, side, rank))
    for i in range(rank):
        for j in range(rank):
            weights = basis[others, i] * basis[others, j]
            blocks[range(side), i, range(side), j] = np.bincount(places, weights, side)
    return blocks.reshape(side * rank, side * rank)
