"""Measurements to be had: Gaussian, symmetric Gaussian, single entries, or given matrices.

Every random ensemble is scaled such that ``E ‖𝒜(X)‖² = ‖X‖_F²`` for a fixed matrix X, so the loss
``‖𝒜(X) − y‖²`` is that of full observation on average.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmfbook._validation import Array, integer, real_array, widths_of
from dmfbook.sensing.operator import SensingOperator


def dense_sensing(matrices: ArrayLike) -> SensingOperator:
    """Sensing operator with given measurement matrices.

    Parameters
    ----------
    matrices : array (n, d_L, d_0)
        The matrices ``S_k``; copied.

    Returns
    -------
    SensingOperator
        Of shape ``(n, d_L d_0)``.

    Raises
    ------
    ValueError, TypeError
        If `matrices` is not a finite real array with three axes.

    Notes
    -----
    Memory for a copy.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.dense_sensing([[[1.0, 0.0, 2.0]]]).shape
    (1, 3)
    """
    stack = real_array("matrices", matrices)
    if stack.ndim != 3:
        raise ValueError(f"matrices must have shape (n, d_L, d_0), got {stack.shape}")
    return _DenseSensing(stack)


def gaussian_sensing(
    shape: tuple[int, int], measurements: int, rng: np.random.Generator
) -> SensingOperator:
    """Gaussian measurements: all entries of all ``S_k`` are independent, of variance 1/n.

    Parameters
    ----------
    shape : (int, int)
        Shape ``(d_L, d_0)`` of the measured matrices.
    measurements : int, >= 1
        Their number n.
    rng : numpy.random.Generator
        Source of the entries.

    Returns
    -------
    SensingOperator
        With ``E ‖𝒜(X)‖² = ‖X‖_F²``.

    Raises
    ------
    ValueError, TypeError
        If a side or the number of measurements is not a positive integer.

    Notes
    -----
    Memory for ``n d_L d_0`` numbers.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.gaussian_sensing((3, 2), 5, np.random.default_rng(0)).shape
    (5, 6)
    """
    sides = _sides(shape)
    count = integer("measurements", measurements, 1)
    return _DenseSensing(rng.normal(size=(count, *sides)) / np.sqrt(count))


def symmetric_gaussian_sensing(
    side: int, measurements: int, rng: np.random.Generator
) -> SensingOperator:
    """Symmetric Gaussian measurements of symmetric matrices, ``S_k = (G_k + G_kᵀ) / 2``.

    The entries of ``G_k`` are independent, of variance 1/n.

    Parameters
    ----------
    side : int, >= 1
        Side d of the measured matrices.
    measurements : int, >= 1
        Their number n.
    rng : numpy.random.Generator
        Source of the entries.

    Returns
    -------
    SensingOperator
        With ``E ‖𝒜(X)‖² = ‖X‖_F²`` for symmetric X; on antisymmetric X it vanishes.

    Raises
    ------
    ValueError, TypeError
        If the side or the number of measurements is not a positive integer.

    Notes
    -----
    Memory for ``n d²`` numbers.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> operator = dmf.symmetric_gaussian_sensing(2, 5, np.random.default_rng(0))
    >>> operator.forward([[0.0, 1.0], [-1.0, 0.0]])
    array([0., 0., 0., 0., 0.])
    """
    d, count = integer("side", side, 1), integer("measurements", measurements, 1)
    square = rng.normal(size=(count, d, d)) / np.sqrt(count)
    return _DenseSensing((square + square.mT) / 2)


def entry_sampling(
    shape: tuple[int, int], measurements: int, rng: np.random.Generator
) -> SensingOperator:
    """Distinct entries of a matrix, chosen uniformly at random: matrix completion.

    Parameters
    ----------
    shape : (int, int)
        Shape ``(d_L, d_0)`` of the measured matrices.
    measurements : int, from 1 to d_L d_0
        Number n of entries seen; with all of them the operator is an isometry.
    rng : numpy.random.Generator
        Source of the choice.

    Returns
    -------
    SensingOperator
        With ``E ‖𝒜(X)‖² = ‖X‖_F²``: entries are multiplied by ``√(d_L d_0 / n)``.

    Raises
    ------
    ValueError, TypeError
        If a side or the number of measurements is not a positive integer, or there are not so many
        entries.

    Notes
    -----
    Memory for 2 n indices; no measurement matrix is formed.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> full = dmf.entry_sampling((2, 2), 4, np.random.default_rng(0))
    >>> full.adjoint(full.forward([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 2.],
           [3., 4.]])
    """
    sides = _sides(shape)
    total, count = sides[0] * sides[1], integer("measurements", measurements, 1)
    if count > total:
        raise ValueError(
            f"measurements must be at most {total}, the number of entries, got {count}"
        )
    entries = np.divmod(np.sort(rng.choice(total, count, replace=False)), sides[1])
    return _EntrySampling(sides, entries, float(np.sqrt(total / count)))


def _sides(shape: tuple[int, int]) -> tuple[int, int]:
    sides = widths_of("shape", shape)
    if len(sides) != 2:
        raise ValueError(f"shape must be a pair (d_L, d_0), got {shape!r}")
    return sides[0], sides[1]


class _DenseSensing(SensingOperator):
    """Measurement matrices kept in full, each transposed, so that a row is ``vec S_k``."""

    def __init__(self, matrices: Array) -> None:
        super().__init__(len(matrices), (matrices.shape[1], matrices.shape[2]))
        self._transposed = np.ascontiguousarray(matrices.mT)
        self._rows = self._transposed.reshape(self.shape)

    def _measure(self, matrices: Array) -> Array:
        return matrices.mT.reshape(*matrices.shape[:-2], -1) @ self._rows.T

    def _back(self, measurements: Array) -> Array:
        rows, cols = self.matrix_shape
        return (measurements @ self._rows).reshape(*measurements.shape[:-1], cols, rows).mT

    def _spread(self, gram: Array) -> Array:
        tall = self._transposed.reshape(-1, self.matrix_shape[0])
        return tall.T @ (gram @ self._transposed).reshape(tall.shape)

    def _spread_back(self, gram: Array) -> Array:
        return np.tensordot(self._transposed @ gram, self._transposed, axes=([0, 2], [0, 2]))

    def _right_slices(self, basis: Array) -> Array:
        return self._transposed.mT @ basis

    def _left_slices(self, basis: Array) -> Array:
        return self._transposed @ basis

    def _orthonormal(self, measurements: Array) -> tuple[SensingOperator, Array]:
        u, s, vt = np.linalg.svd(self._rows, full_matrices=False)
        rank = int((s > max(self.shape) * np.finfo(float).eps * s[0]).sum())
        matrices = vt[:rank].reshape(rank, *self.matrix_shape[::-1]).mT
        return _DenseSensing(matrices), (u[:, :rank].T @ measurements) / s[:rank]


class _EntrySampling(SensingOperator):
    """Measurement matrices ``c e_a e_bᵀ``, kept as the indices of distinct entries (a, b)."""

    def __init__(
        self,
        matrix_shape: tuple[int, int],
        entries: tuple[NDArray[np.intp], NDArray[np.intp]],
        scale: float,
    ) -> None:
        super().__init__(len(entries[0]), matrix_shape)
        self._a, self._b = entries
        self._scale = scale

    def _measure(self, matrices: Array) -> Array:
        return self._scale * matrices[..., self._a, self._b]

    def _back(self, measurements: Array) -> Array:
        out = np.zeros((*measurements.shape[:-1], *self.matrix_shape))
        out[..., self._a, self._b] = self._scale * measurements
        return out

    def _spread(self, gram: Array) -> Array:
        weights = self._scale**2 * np.diag(gram)[self._b]
        return np.diag(np.bincount(self._a, weights, self.matrix_shape[0]))

    def _spread_back(self, gram: Array) -> Array:
        weights = self._scale**2 * np.diag(gram)[self._a]
        return np.diag(np.bincount(self._b, weights, self.matrix_shape[1]))

    def _right_slices(self, basis: Array) -> Array:
        out = np.zeros((len(self._a), self.matrix_shape[0], basis.shape[1]))
        out[np.arange(len(self._a)), self._a] = self._scale * basis[self._b]
        return out

    def _left_slices(self, basis: Array) -> Array:
        out = np.zeros((len(self._b), self.matrix_shape[1], basis.shape[1]))
        out[np.arange(len(self._b)), self._b] = self._scale * basis[self._a]
        return out

    def _orthonormal(self, measurements: Array) -> tuple[SensingOperator, Array]:
        entries = (self._a, self._b)
        return _EntrySampling(self.matrix_shape, entries, 1.0), measurements / self._scale
