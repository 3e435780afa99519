"""Orthonormal frames: random bases of layers."""

from __future__ import annotations

import numpy as np

from dmfbook._validation import Array


def orthonormal_frame(width: int, columns: int, rng: np.random.Generator | None) -> Array:
    """Orthonormal columns (width, columns): Haar-distributed, or those of the identity without a generator."""
    if rng is None:
        return np.eye(width, columns)
    frame, triangle = np.linalg.qr(rng.standard_normal((width, columns)))
    # With a positive diagonal of R the decomposition is unique, and Q inherits the invariance.
    return np.asarray(frame * np.sign(np.diagonal(triangle)))
