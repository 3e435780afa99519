"""How a factor lies to the subspace of a signal: angle, singular values inside, noise outside."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmfbook._validation import Array, matrix, real_array

# Rounding of inner products of orthonormal columns, for each entry of the basis.
ROUNDING = 10 * float(np.finfo(float).eps)


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
        orthogonal to it; small values are as accurate as large ones. Some choice is made where the k-th singular value
        is 0 or equals the next.

    Raises
    ------
    ValueError, TypeError
        If the arrays are not finite and real, their shapes do not agree, or the columns of the basis are not
        orthonormal up to rounding, entries of ``VᵀV − I`` within ``10 d k ε``.

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
    scaled, _ = _scaled(stack)
    leading: Array = np.linalg.svd(scaled, full_matrices=False)[0][..., : frame.shape[1]]
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
        If the arrays are not finite and real, their shapes do not agree, or the columns of the basis are not
        orthonormal up to rounding, entries of ``VᵀV − I`` within ``10 d k ε``.

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
    inside, exponents = _scaled(frame.T @ stack)
    return np.ldexp(np.linalg.svd(inside, compute_uv=False), exponents[..., None])


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
        If the arrays are not finite and real, their shapes do not agree, or the columns of the basis are not
        orthonormal up to rounding, entries of ``VᵀV − I`` within ``10 d k ε``.

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
    outside, exponents = _scaled(stack - frame @ (frame.T @ stack))
    return np.ldexp(np.linalg.norm(outside, 2, axis=(-2, -1)), exponents)


def _stack_and_basis(matrices: ArrayLike, basis: ArrayLike) -> tuple[Array, Array]:
    stack, frame = real_array("matrices", matrices), matrix("basis", basis)
    if stack.ndim < 2 or stack.shape[-2] != len(frame) or stack.shape[-1] < frame.shape[1]:
        raise ValueError(
            f"matrices must have {len(frame)} rows and at least {frame.shape[1]} columns, as the "
            f"basis asks for, got shape {stack.shape}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        gap = float(np.abs(frame.T @ frame - np.eye(frame.shape[1])).max())
    if not gap <= ROUNDING * frame.size:
        raise ValueError(
            f"basis must have orthonormal columns, got one with VᵀV − I up to {gap:.2g}: "
            "numpy.linalg.qr makes them so"
        )
    return stack, frame


def _scaled(stack: Array) -> tuple[Array, NDArray[np.intc]]:
    """Each matrix divided by a power of two, so that its entries are below 1, and the exponents."""
    exponents = np.frexp(np.abs(stack).max(axis=(-2, -1)))[1]
    return np.ldexp(stack, -exponents[..., None, None]), exponents
