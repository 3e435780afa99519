"""Spectral norm of a matrix, with its singular vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from dmfbook._validation import Array

DECOMPOSED = 100  # smaller side up to which a matrix's spectral norm comes from its decomposition


@dataclass(frozen=True)
class LeadingPair:
    """Leading eigenvalue, and a unit eigenvector ``Z = left @ right.T``.

    Parameters
    ----------
    value : float
        Largest eigenvalue of ``Φ``.
    left, right : arrays (d_L, r) and (d_0, r)
        Factors of the eigenvector.
    """

    value: float
    left: Array
    right: Array


def leading_singular(block: Array) -> LeadingPair:
    """Spectral norm of a matrix with its singular vectors, as columns.

    Small matrices are decomposed; for others the Lanczos method is applied to ``BᵀB`` or ``BBᵀ``.

    Parameters
    ----------
    block : array (m, n)
        The matrix.

    Returns
    -------
    LeadingPair
        Largest singular value, left vector (m, 1) and right vector (n, 1).

    Raises
    ------
    FloatingPointError
        If the iteration does not converge.
    """
    if min(block.shape) <= DECOMPOSED or not block.any():
        left, values, right = np.linalg.svd(block, full_matrices=False)
        return LeadingPair(float(values[0]), left[:, :1], right[:1].T)
    if len(block) > block.shape[1]:
        mirrored = leading_singular(block.T)
        return LeadingPair(mirrored.value, mirrored.right, mirrored.left)
    operator = LinearOperator((len(block),) * 2, lambda u: block @ (block.T @ u))
    start = np.random.default_rng(0).standard_normal(len(block))
    try:
        left = eigsh(operator, k=1, which="LA", v0=start, tol=1e-13, ncv=16)[1]
    except ArpackNoConvergence as error:
        raise FloatingPointError(f"no convergence to the spectral norm: {error}") from None
    right = block.T @ left
    value = float(np.linalg.norm(right))
    return LeadingPair(value, left, right / value)
