"""Linear measurements of a matrix, ``y_k = ⟨S_k, X⟩``, as an operator on matrices and on vectors."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from dmfbook._scale import in_range
from dmfbook._validation import Array, integer, real_array, widths_of

# Measurement matrices that nobody keeps are formed in blocks of about this many numbers (32 MB).
BLOCK_ENTRIES = 2**22


class SensingOperator(LinearOperator, metaclass=ABCMeta):
    """Linear map ``𝒜`` from matrices to measurements, ``𝒜(X)_k = ⟨S_k, X⟩``.

    As a SciPy linear operator of shape ``(n, d_L d_0)`` it acts on ``vec X``, which stacks columns; vectors must be
    real. Made by :func:`gaussian_sensing`, :func:`symmetric_gaussian_sensing`, :func:`entry_sampling`,
    :func:`dense_sensing` and :func:`sensing_operator`, or by a class of your own with two methods, :meth:`measure` and
    :meth:`back`; see the example.

    Parameters
    ----------
    measurements : int, >= 1
        Their number n.
    matrix_shape : (int, int)
        Shape ``(d_L, d_0)`` of the measured matrices.

    Attributes
    ----------
    matrix_shape : (int, int)
        Shape ``(d_L, d_0)`` of the measured matrices.

    Raises
    ------
    ValueError, TypeError
        If a number is not a positive integer, or the class lacks one of the two methods.

    Notes
    -----
    What takes an operator (:class:`Sensing`, :class:`SensingProblem`, :func:`isometry_lower_bound`, …) first tries a
    class of your own: wrong shapes, a ``back`` that is not the adjoint of ``measure``, and arguments that are written to
    raise a ValueError.

    Examples
    --------
    Sums of rows and of columns. Both methods take stacks: axes in front are runs side by side.

    >>> import numpy as np
    >>> import dmfbook as dmf
    >>> class Margins(dmf.SensingOperator):
    ...     def __init__(self, rows, cols):
    ...         super().__init__(rows + cols, (rows, cols))
    ...     def measure(self, matrices):
    ...         return np.concatenate([matrices.sum(axis=-1), matrices.sum(axis=-2)], axis=-1)
    ...     def back(self, measurements):
    ...         rows = self.matrix_shape[0]
    ...         return measurements[..., :rows, None] + measurements[..., None, rows:]
    >>> margins = Margins(2, 3)
    >>> margins.forward([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    array([ 6., 15.,  5.,  7.,  9.])
    >>> problem = dmf.Problem(dmf.Sensing(margins, [6.0, 15.0, 5.0, 7.0, 9.0]), hidden_widths=(2,))
    """

    # Whether `measure` and `back` are known to be adjoint; those of a user's own class are tried before use.
    _is_proven = False

    def __init__(self, measurements: int, matrix_shape: tuple[int, int]) -> None:
        count, sides = integer("measurements", measurements, 1), checked_sides(matrix_shape)
        super().__init__(np.float64, (count, sides[0] * sides[1]))
        self.matrix_shape = sides

    @abstractmethod
    def measure(self, matrices: Array) -> Array:
        """``𝒜(X)``, to be written by a class of your own; :meth:`forward` checks its argument first.

        Parameters
        ----------
        matrices : array (…, d_L, d_0)
            A matrix or a stack of them, in float64.

        Returns
        -------
        array (…, n)
            ``⟨S_k, X⟩`` for k = 1, …, n.
        """

    @abstractmethod
    def back(self, measurements: Array) -> Array:
        """``𝒜*(y)``, to be written by a class of your own; :meth:`adjoint` checks its argument first.

        Parameters
        ----------
        measurements : array (…, n)
            One set of measurements or a stack, in float64.

        Returns
        -------
        array (…, d_L, d_0)
            ``Σ_k y_k S_k``.
        """

    def forward(self, matrices: ArrayLike) -> Array:
        """Measure a matrix.

        Parameters
        ----------
        matrices : array (d_L, d_0) or (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        array (n,) or (…, n)
            ``⟨S_k, X⟩`` for k = 1, …, n.

        Raises
        ------
        ValueError, TypeError
            If the matrices are not finite and real, or have another shape.
        OverflowError
            If a measurement is beyond the range of float64.

        Notes
        -----
        ``2 n d_L d_0`` flops for dense measurements, ``n`` for entries.

        Examples
        --------
        >>> import dmfbook as dmf
        >>> dmf.dense_sensing([[[1.0, 0.0], [0.0, 1.0]]]).forward([[1.0, 2.0], [3.0, 4.0]])
        array([5.])
        """
        checked = real_array("matrices", matrices)
        if checked.shape[-2:] != self.matrix_shape:
            raise ValueError(
                f"matrices must have shape {self.matrix_shape}, or be a stack of such, "
                f"got {checked.shape}"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            return in_range("a measurement", self.measure(checked))

    def adjoint(self, measurements: ArrayLike | None = None) -> Any:
        """Take measurements back to a matrix, ``𝒜*(y) = Σ_k y_k S_k``.

        Parameters
        ----------
        measurements : array (n,) or (…, n), optional
            One set of measurements or a stack. Without it the adjoint is returned as a SciPy linear
            operator, as by every linear operator.

        Returns
        -------
        array (d_L, d_0) or (…, d_L, d_0), or LinearOperator
            The matrix for which ``⟨𝒜*(y), X⟩ = ⟨y, 𝒜(X)⟩`` whatever X is.

        Raises
        ------
        ValueError, TypeError
            If the measurements are not finite and real, or their number is not n.
        OverflowError
            If an entry of the matrix is beyond the range of float64.

        Notes
        -----
        The flops of :meth:`forward`; memory is the output.

        Examples
        --------
        >>> import dmfbook as dmf
        >>> dmf.dense_sensing([[[1.0, 0.0], [0.0, 1.0]]]).adjoint([2.0])
        array([[2., 0.],
               [0., 2.]])
        """
        if measurements is None:
            return super().adjoint()
        checked = measurements_of(self, measurements)
        with np.errstate(over="ignore", invalid="ignore"):
            return in_range("a matrix of measurements", self.back(checked))

    def __repr__(self) -> str:
        rows, cols = self.matrix_shape
        return f"{type(self).__name__}({self.shape[0]} measurements of {rows} × {cols} matrices)"

    # What follows holds for every operator; some have a faster way.

    def _spread(self, gram: Array) -> Array:
        """``Σ_k S_k Q S_kᵀ`` for a symmetric ``Q`` (d_0, d_0)."""
        terms = (np.tensordot(s @ gram, s, axes=([0, 2], [0, 2])) for s in self._blocks())
        return reduce(np.add, terms)

    def _spread_back(self, gram: Array) -> Array:
        """``Σ_k S_kᵀ P S_k`` for a symmetric ``P`` (d_L, d_L): the adjoint of :meth:`_spread`."""
        terms = (np.tensordot(s.mT @ gram, s, axes=([0, 2], [0, 1])) for s in self._blocks())
        return reduce(np.add, terms)

    def _right_gram(self, basis: Array) -> Array:
        """Matrix of ``‖𝒜(U Vᵀ)‖²`` as a form in row-major ``U`` (d_L, r), for ``V`` (d_0, r)."""
        return reduce(np.add, (_gram(s @ basis) for s in self._blocks()))

    def _left_gram(self, basis: Array) -> Array:
        """Matrix of ``‖𝒜(U Vᵀ)‖²`` as a form in row-major ``V`` (d_0, r), for ``U`` (d_L, r)."""
        return reduce(np.add, (_gram(s.mT @ basis) for s in self._blocks()))

    def _orthonormal(self, measurements: Array) -> tuple[SensingOperator, Array]:
        """Return an operator with orthonormal ``S_k`` and values that the same matrices fit best."""
        dense = DenseSensing(np.concatenate(list(self._blocks())))
        return dense._orthonormal(measurements)

    def _blocks(self) -> Iterator[Array]:
        """The measurement matrices, a few at a time."""
        count, size = self.shape
        tile = max(1, BLOCK_ENTRIES // (size + count))
        for start in range(0, count, tile):
            yield self.back(np.eye(min(tile, count - start), count, start))

    def _matvec(self, vector: Array) -> Array:
        return self._matmat(np.reshape(vector, (-1, 1)))[:, 0]

    def _rmatvec(self, vector: Array) -> Array:
        return self._rmatmat(np.reshape(vector, (-1, 1)))[:, 0]

    def _matmat(self, columns: Array) -> Array:
        rows, cols = self.matrix_shape
        vectors = _real_rows(columns)
        return self.measure(vectors.reshape(len(vectors), cols, rows).mT).T

    def _rmatmat(self, columns: Array) -> Array:
        vectors = _real_rows(columns)
        return self.back(vectors).mT.reshape(len(vectors), self.shape[1]).T


class DenseSensing(SensingOperator):
    """Measurement matrices kept in full, each transposed, so that a row is ``vec S_k``.

    Parameters
    ----------
    matrices : array (n, d_L, d_0)
        The matrices ``S_k``; copied.
    """

    _is_proven = True

    def __init__(self, matrices: Array) -> None:
        super().__init__(len(matrices), (matrices.shape[1], matrices.shape[2]))
        self._transposed = np.array(matrices.mT, order="C")
        self._transposed.flags.writeable = False
        self._rows = self._transposed.reshape(self.shape)

    def measure(self, matrices: Array) -> Array:
        """``𝒜(X)`` of a stack of matrices: one product."""
        return matrices.mT.reshape(*matrices.shape[:-2], self.shape[1]) @ self._rows.T

    def back(self, measurements: Array) -> Array:
        """``𝒜*(y)`` of a stack of measurements: one product."""
        rows, cols = self.matrix_shape
        return (measurements @ self._rows).reshape(*measurements.shape[:-1], cols, rows).mT

    def _spread(self, gram: Array) -> Array:
        tall = self._transposed.reshape(-1, self.matrix_shape[0])
        return tall.T @ (gram @ self._transposed).reshape(tall.shape)

    def _spread_back(self, gram: Array) -> Array:
        return np.tensordot(self._transposed @ gram, self._transposed, axes=([0, 2], [0, 2]))

    def _orthonormal(self, measurements: Array) -> tuple[SensingOperator, Array]:
        u, s, vt = np.linalg.svd(self._rows, full_matrices=False)
        rank = int((s > max(self.shape) * np.finfo(float).eps * s[0]).sum())
        if rank == 0:
            raise ValueError("operator must not vanish")
        matrices = vt[:rank].reshape(rank, *self.matrix_shape[::-1]).mT
        return DenseSensing(matrices), (u[:, :rank].T @ measurements) / s[:rank]

    def _blocks(self) -> Iterator[Array]:
        yield self._transposed.mT

    def __reduce__(self) -> tuple[Any, ...]:
        return DenseSensing, (self._transposed.mT,)


def checked_sides(shape: tuple[int, int]) -> tuple[int, int]:
    """Return the shape of a matrix as a pair of positive ints."""
    sides = widths_of("shape", shape)
    if len(sides) != 2:
        raise ValueError(f"shape must be a pair (d_L, d_0), got {shape!r}")
    return sides[0], sides[1]


def measurements_of(operator: SensingOperator, measurements: ArrayLike) -> Array:
    """Return measurements (n,), or a stack (…, n) of them, in float64."""
    values = real_array("measurements", measurements)
    if values.shape[-1:] != (operator.shape[0],):
        raise ValueError(
            f"measurements must have shape ({operator.shape[0]},), or be a stack of such, "
            f"got {values.shape}"
        )
    return values


def _real_rows(columns: Any) -> Array:
    """Columns of a block as float64 rows."""
    array = np.asarray(columns)
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"a sensing operator acts on real vectors, got dtype {array.dtype}: "
            "apply it to real and imaginary part"
        )
    return array.T.astype(np.float64, copy=False)


def _gram(slices: Array) -> Array:
    """Gram matrix of the entries of slices (n, d, r), of side d r."""
    flat = slices.reshape(len(slices), -1)
    return flat.T @ flat
