"""Linear measurements of a matrix, ``y_k = ⟨S_k, X⟩``, as an operator on matrices and on vectors."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from dmfbook._validation import Array, real_array


class SensingOperator(LinearOperator):
    """Linear map ``𝒜`` from matrices to measurements, ``𝒜(X)_k = ⟨S_k, X⟩``.

    As a SciPy linear operator of shape ``(n, d_L d_0)`` it acts on ``vec X``, which stacks columns.
    Made by :func:`gaussian_sensing`, :func:`symmetric_gaussian_sensing`, :func:`entry_sampling` and
    :func:`dense_sensing`.

    Attributes
    ----------
    matrix_shape : (int, int)
        Shape ``(d_L, d_0)`` of the measured matrices.
    """

    def __init__(self, measurements: int, matrix_shape: tuple[int, int]) -> None:
        super().__init__(np.float64, (measurements, matrix_shape[0] * matrix_shape[1]))
        self.matrix_shape = matrix_shape

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
        return self._measure(checked)

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
        return self._back(checked_measurements(self, measurements))

    @abstractmethod
    def _measure(self, matrices: Array) -> Array:
        """``𝒜(X)`` of a stack of matrices."""

    @abstractmethod
    def _back(self, measurements: Array) -> Array:
        """``𝒜*(y)`` of a stack of measurements."""

    @abstractmethod
    def _spread(self, gram: Array) -> Array:
        """``Σ_k S_k Q S_kᵀ`` for a symmetric ``Q`` (d_0, d_0)."""

    @abstractmethod
    def _spread_back(self, gram: Array) -> Array:
        """``Σ_k S_kᵀ P S_k`` for a symmetric ``P`` (d_L, d_L): the adjoint of :meth:`_spread`."""

    @abstractmethod
    def _right_slices(self, basis: Array) -> Array:
        """``S_k V`` for ``V`` (d_0, r), of shape (n, d_L, r)."""

    @abstractmethod
    def _left_slices(self, basis: Array) -> Array:
        """``S_kᵀ U`` for ``U`` (d_L, r), of shape (n, d_0, r)."""

    @abstractmethod
    def _orthonormal(self, measurements: Array) -> tuple[SensingOperator, Array]:
        """Return an operator with orthonormal ``S_k`` and values that the same matrices fit best."""

    def _matvec(self, vector: Array) -> Array:
        return self._matmat(np.reshape(vector, (-1, 1)))[:, 0]

    def _rmatvec(self, vector: Array) -> Array:
        return self._rmatmat(np.reshape(vector, (-1, 1)))[:, 0]

    def _matmat(self, columns: Array) -> Array:
        rows, cols = self.matrix_shape
        return self._measure(np.asarray(columns).T.reshape(-1, cols, rows).mT).T

    def _rmatmat(self, columns: Array) -> Array:
        return self._back(np.asarray(columns).T).mT.reshape(columns.shape[1], -1).T


def checked_operator(operator: object) -> SensingOperator:
    """Return `operator` if it is one."""
    if not isinstance(operator, SensingOperator):
        raise TypeError(f"operator must be a SensingOperator, got {type(operator).__name__}")
    return operator


def checked_measurements(operator: SensingOperator, measurements: ArrayLike) -> Array:
    """Return measurements (n,), or a stack (…, n) of them, as a read-only float64 copy."""
    checked_operator(operator)
    values = real_array("measurements", measurements).copy()
    if values.shape[-1:] != (operator.shape[0],):
        raise ValueError(
            f"measurements must have shape ({operator.shape[0]},), or be a stack of such, "
            f"got {values.shape}"
        )
    values.flags.writeable = False
    return values
