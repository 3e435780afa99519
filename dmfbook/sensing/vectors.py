"""Measurements given as a linear operator on vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from dmfbook._validation import Array, matrix
from dmfbook.sensing.checks import try_out
from dmfbook.sensing.operator import DenseSensing, SensingOperator, checked_sides


def sensing_operator(
    operator: LinearOperator | ArrayLike, matrix_shape: tuple[int, int]
) -> SensingOperator:
    """Sensing operator made of a linear operator on vectors, with its rows as measurements.

    Parameters
    ----------
    operator : scipy.sparse.linalg.LinearOperator, sparse matrix, or array, shape (n, d_L d_0)
        Acts on ``vec X``, which stacks columns. A linear operator needs its adjoint (``rmatvec`` or ``rmatmat``).
    matrix_shape : (int, int)
        Shape ``(d_L, d_0)`` of the measured matrices.

    Returns
    -------
    SensingOperator
        Of the same shape as `operator`; nothing is scaled. An array is copied, others are kept. What an operator
        computes in single precision stays as accurate as that.

    Raises
    ------
    ValueError, TypeError
        If the shapes do not agree, the operator is not real, its results have wrong shapes, or its adjoint is missing
        or is not its adjoint.

    Notes
    -----
    A measurement costs a product with the operator, ``2 n d_L d_0`` flops for an array. Four products to check it.

    Examples
    --------
    Differences of neighbours in a column, by a sparse matrix:

    >>> import dmfbook as dmf
    >>> from scipy.sparse import csr_array
    >>> rows = csr_array([[-1.0, 1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.0]])
    >>> dmf.sensing_operator(rows, (2, 2)).forward([[1.0, 2.0], [4.0, 8.0]])
    array([3., 6.])
    """
    sides = checked_sides(matrix_shape)
    is_array = not (isinstance(operator, LinearOperator) or issparse(operator))
    given: Any = matrix("operator", operator) if is_array else operator
    size = sides[0] * sides[1]
    if len(given.shape) != 2 or given.shape[1] != size or given.shape[0] == 0:
        raise ValueError(
            f"operator must have shape (n, {size}) for matrices of shape {sides}, got {given.shape}"
        )
    if given.dtype is not None and np.dtype(given.dtype).kind not in "fiub":
        raise TypeError(f"operator must be real, got dtype {given.dtype}")
    if is_array:
        return DenseSensing(given.reshape(-1, sides[1], sides[0]).mT)
    linear = aslinearoperator(given)
    try:
        linear.rmatmat(np.zeros((given.shape[0], 1)))
    except (NotImplementedError, TypeError):  # SciPy calls the missing function
        raise TypeError("operator must have an adjoint: give it its rmatvec or rmatmat") from None
    made = VectorSensing(linear, sides)
    is_float = np.issubdtype(given.dtype, np.floating)
    try_out(made, float(np.finfo(given.dtype if is_float else float).eps))
    return made


class VectorSensing(SensingOperator):
    """Measurements by a linear operator on ``vec X``.

    Parameters
    ----------
    operator : LinearOperator (n, d_L d_0)
        What measures; kept.
    matrix_shape : (int, int)
        Shape ``(d_L, d_0)`` of the measured matrices.
    """

    _is_proven = True  # by sensing_operator

    def __init__(self, operator: LinearOperator, matrix_shape: tuple[int, int]) -> None:
        super().__init__(operator.shape[0], matrix_shape)
        self._operator = operator

    def measure(self, matrices: Array) -> Array:
        """``𝒜(X)`` of a stack of matrices: a product with all of them."""
        vectors = matrices.mT.reshape(-1, self.shape[1])
        return _apply(self._operator.matmat, vectors, matrices.shape[:-2])

    def back(self, measurements: Array) -> Array:
        """``𝒜*(y)`` of a stack of measurements: a product with the adjoint."""
        stack, (rows, cols) = measurements.shape[:-1], self.matrix_shape
        vectors = _apply(self._operator.rmatmat, measurements.reshape(-1, self.shape[0]), stack)
        return vectors.reshape(*stack, cols, rows).mT

    def __reduce__(self) -> tuple[Any, ...]:
        return VectorSensing, (self._operator, self.matrix_shape)


def _apply(product: Any, vectors: Array, stack: tuple[int, ...]) -> Array:
    """A product with vectors (k, …), which are rows here and columns there, as a stack of its results."""
    results = np.asarray(product(vectors.T), dtype=np.float64).T
    return results.reshape(*stack, results.shape[1])
