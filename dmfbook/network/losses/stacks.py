"""Stacks of matrices: their shapes, norms and traces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array, real_array


def matrices(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return matrices of this shape, or rows of them, in float64; unlike at other doors they may be infinite or NaN."""
    array = np.asarray(value)
    if array.dtype != np.float64:
        array = real_array(name, value)
    if array.shape[-len(shape) :] != shape or array.ndim < 2:
        expected = ", ".join(["…", *map(str, shape)])
        raise ValueError(f"{name} must have shape ({expected}), got {array.shape}")
    return array


def trace(matrices: Array) -> Any:
    """Trace of each matrix of a stack."""
    return np.trace(matrices, axis1=-2, axis2=-1)


def squared_norm(matrices: Array) -> Any:
    """Squared Frobenius norm of each matrix of a stack."""
    if matrices.ndim == 2:
        return np.vdot(matrices, matrices)
    return np.einsum("...ij,...ij->...", matrices, matrices)


def frozen(array: Any) -> Any:
    """A read-only array: `array` itself if nobody can write to it, else a copy."""
    # At width 16,384 a copy takes 2 GiB.
    if array.flags.writeable or not array.flags.owndata:
        array = array.copy()
        array.flags.writeable = False
    return array
