"""The second derivative of a loss: its Kronecker structure, its matrix, its traces."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.losses.factorization import Factorization
from dmfbook.network.losses.loss import Loss
from dmfbook.network.losses.regression import Regression


def has_kronecker_structure(loss: Any) -> TypeGuard[Factorization | Regression]:
    """Whether ``∇²ℓ[Z] = 2 Z Q Qᵀ`` for a matrix Q, whatever X is."""
    return isinstance(loss, (Factorization, Regression))


def curvature(loss: Loss, X: Array, Z: Array) -> Array:
    """Second derivative ``∇²ℓ(X)[Z]`` in a stack of directions, after a look at its shape."""
    images = np.asarray(loss.curvature(X, Z))
    if images.shape != Z.shape:
        raise ValueError(
            f"the loss's curvature must have shape {Z.shape} for directions of that shape, "
            f"got {images.shape}"
        )
    return images


def curvature_matrix(loss: Loss, X: Array) -> Array:
    """Second derivative as a matrix on column-major ``vec Z``, exactly symmetric if the loss is; (d_0 d_L)²."""
    rows, cols = loss.shape
    units = np.eye(rows * cols).reshape(-1, cols, rows).mT
    images = curvature(loss, X, units)
    return images.mT.reshape(rows * cols, -1).T


def curvature_trace(loss: Any, X: Array, left: Array, right: Array) -> Any:
    """``Σ_ij ⟨∇²ℓ(X)[E_ij], left E_ij right⟩`` for symmetric `left` (…, d_L, d_L), `right` (…, d_0, d_0)."""
    if hasattr(loss, "curvature_trace"):
        return loss.curvature_trace(X, left, right)
    rows, cols = loss.shape
    total = np.zeros(X.shape[:-2])
    for i in range(rows):  # one row of units at a time
        units = np.zeros((cols, *[1] * (X.ndim - 2), rows, cols))
        units[range(cols), ..., i, range(cols)] = 1.0
        images = np.asarray(loss.curvature(X, units))
        total += np.einsum("j...ab,...a,...jb->...", images, left[..., i, :], right)
    return total[()]
