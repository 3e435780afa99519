"""Spectral norm of a matrix, with its singular vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from dmfbook._scale import binary_exponent, divided
from dmfbook._validation import Array

DECOMPOSED = 100  # smaller side up to which a matrix's spectral norm comes from its decomposition
ORDINARY = 8  # binary exponents up to which a matrix needs no scaling for the Lanczos method


@dataclass(frozen=True)
class LeadingPair:
    """Leading eigen- or singular value ``value · 2**exponent`` and its vectors.

    Parameters
    ----------
    value : float
        Of order one, or zero.
    left, right : arrays (m, r) and (n, r)
        The singular vectors, r = 1; or factors of a unit eigenvector ``Z = left @ right.T``.
    exponent : int
        What was taken out.
    """

    value: float
    left: Array
    right: Array
    exponent: int = 0


def leading_singular(matrix: Array) -> LeadingPair:
    """Spectral norm of a matrix with its singular vectors, as columns.

    Small matrices are decomposed; for others the Lanczos method is applied to ``BᵀB`` or ``BBᵀ``. Where it fails, they
    are decomposed as well.
    """
    if len(matrix) > matrix.shape[1]:
        mirrored = leading_singular(matrix.T)
        return LeadingPair(mirrored.value, mirrored.right, mirrored.left, mirrored.exponent)
    exponent = binary_exponent(matrix)
    if abs(exponent) <= ORDINARY:
        exponent = 0  # no copy
    block = divided(matrix, exponent)
    if len(block) > DECOMPOSED and block.any():
        operator = LinearOperator((len(block),) * 2, lambda u: block @ (block.T @ u))
        start = np.random.default_rng(0).standard_normal(len(block))
        try:
            left = eigsh(operator, k=1, which="LA", v0=start, tol=1e-13, ncv=16)[1]
        except ArpackError:
            pass
        else:
            right = block.T @ left
            value = float(np.linalg.norm(right))
            return LeadingPair(value, left, right / value, exponent)
    left, values, right = np.linalg.svd(block, full_matrices=False)
    return LeadingPair(float(values[0]), left[:, :1], right[:1].T, exponent)
