"""How a factor lies to the subspace of a signal: angle, singular values inside, noise outside."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array, matrix, real_array


def misalignment(matrices: ArrayLike, basis: ArrayLike) -> Array:
    """Sine of the largest angle between a subspace and the leading left singular vectors.

    Parameters
    ----------
    matrices : array (…, d, r)
        A factor ``U`` or an end-to-end matrix, or a stack of them.
    basis : array (d, k), with orthonormal columns and k <= r
        Basis V of the subspace.

    Returns
    -------
    array (…,)
        0 where the k leading left singular vectors span the same subspace, 1 where one of them is
        orthogonal to it; small values are as accurate as large ones.

    Raises
    ------
    ValueError, TypeError
        If the arrays are not finite and real, or their shapes do not agree.

    Notes
    -----
    A singular value decomposition a matrix.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> float(dmf.misalignment([[2.0, 0.0], [0.0, 1.0]], [[1.0], [0.0]]))
    0.0
    """
    stack, frame = _stack_and_basis(matrices, basis)
    leading: Array = np.linalg.svd(stack, full_matrices=False)[0][..., : frame.shape[1]]
    return np.linalg.norm(leading - frame @ (frame.T @ leading), 2, axis=(-2, -1))


def signal_values(matrices: ArrayLike, basis: ArrayLike) -> Array:
    """Singular values of the part of a matrix inside a subspace, ``Vᵀ U``.

    Parameters
    ----------
    matrices : array (…, d, r)
        A factor ``U`` or an end-to-end matrix, or a stack of them.
    basis : array (d, k), with orthonormal columns and k <= r
        Basis V of the subspace.

    Returns
    -------
    array (…, k)
        Descending.

    Raises
    ------
    ValueError, TypeError
        If the arrays are not finite and real, or their shapes do not agree.

    Notes
    -----
    ``O(d k r)`` flops a matrix.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.signal_values([[2.0, 0.0], [0.0, 1.0]], [[1.0], [0.0]])
    array([2.])
    """
    stack, frame = _stack_and_basis(matrices, basis)
    return np.asarray(np.linalg.svd(frame.T @ stack, compute_uv=False), dtype=np.float64)


def noise_norm(matrices: ArrayLike, basis: ArrayLike) -> Array:
    """Spectral norm of the part of a matrix outside a subspace, ``(I − V Vᵀ) U``.

    Parameters
    ----------
    matrices : array (…, d, r)
        A factor ``U`` or an end-to-end matrix, or a stack of them.
    basis : array (d, k), with orthonormal columns and k <= r
        Basis V of the subspace.

    Returns
    -------
    array (…,)
        In units of the matrices.

    Raises
    ------
    ValueError, TypeError
        If the arrays are not finite and real, or their shapes do not agree.

    Notes
    -----
    ``O(d k r + d r²)`` flops a matrix.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> float(dmf.noise_norm([[2.0, 0.0], [0.0, 1.0]], [[1.0], [0.0]]))
    1.0
    """
    stack, frame = _stack_and_basis(matrices, basis)
    return np.linalg.norm(stack - frame @ (frame.T @ stack), 2, axis=(-2, -1))


def _stack_and_basis(matrices: ArrayLike, basis: ArrayLike) -> tuple[Array, Array]:
    stack, frame = real_array("matrices", matrices), matrix("basis", basis)
    if stack.ndim < 2 or stack.shape[-2] != len(frame) or stack.shape[-1] < frame.shape[1]:
        raise ValueError(
            f"matrices must have {len(frame)} rows and at least {frame.shape[1]} columns, as the "
            f"basis asks for, got shape {stack.shape}"
        )
    return stack, frame
