"""Random targets with given or separated singular values."""

from __future__ import annotations

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.frames import orthonormal_frame


def with_values(rng: np.random.Generator, values: Array, shape: tuple[int, int]) -> Array:
    """A matrix with the given singular values and random singular vectors."""
    left, right = (orthonormal_frame(side, len(values), rng) for side in shape)
    return (left * values) @ right.T


def random_target(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """A target whose singular values lie well apart, the first between 1 and 3."""
    rank = min(shape)
    left, right = (orthonormal_frame(side, rank, rng) for side in shape)
    values = rng.uniform(1, 3) * np.cumprod([1, *rng.uniform(0.3, 0.8, rank - 1)])
    return left * values @ right.T


def low_rank(
    rng: np.random.Generator, side: int, values: Array | list[float]
) -> tuple[Array, Array]:
    """Random positive semidefinite matrix with these non-zero eigenvalues, and a basis of its range."""
    basis = orthonormal_frame(side, len(values), rng)
    return basis * np.asarray(values) @ basis.T, basis


def random_truth(rng: np.random.Generator, shape: tuple[int, int], rank: int) -> Array:
    """Random matrix of the given rank and of Frobenius norm one."""
    product = rng.normal(size=(shape[0], rank)) @ rng.normal(size=(rank, shape[1]))
    return product / np.linalg.norm(product)
