"""Second moments of samples, ``S = X Xᵀ``, and their factor ``Q`` with ``S = Q Qᵀ``: all that a linear network sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import binary_exponent, divided, normalized
from dmfbook._validation import Array, matrix, real_array

# Samples are read in blocks of about this many numbers (32 MB).
BLOCK_ENTRIES = 2**22


@dataclass(frozen=True)
class InputFactor:
    """``Q = 2**exponent · vectors · diag(roots)`` with ``S = Q Qᵀ``.

    Parameters
    ----------
    vectors : array (d_0, rank S)
        Orthonormal directions of the inputs, strongest first.
    roots : array (rank S,)
        Square roots of the moments along them, of order one.
    exponent : int
        What was taken out of the roots.
    """

    vectors: Array
    roots: Array
    exponent: int


def moment_factor(moment: Array) -> InputFactor:
    """Factor of a second moment.

    A direction whose moment is below ``d_0 ε`` times the largest counts as absent: a Gram matrix does not resolve it.
    """
    half = binary_exponent(moment) // 2
    values, vectors = np.linalg.eigh(divided(moment, 2 * half))
    floor = max(len(values) * np.finfo(float).eps * values[-1], 0.0)
    kept = np.flatnonzero(values > floor)[::-1]
    return InputFactor(vectors[:, kept], np.sqrt(values[kept]), half)


def input_factor(inputs: ArrayLike, size: int) -> InputFactor:
    """Factor of the second moment of samples, the columns of `inputs`, which must have `size` rows."""
    moment, exponent = _second_moment(_checked_samples(inputs, size))
    factor = moment_factor(moment)
    return InputFactor(factor.vectors, factor.roots, factor.exponent + exponent)


def input_root(inputs: ArrayLike, size: int) -> tuple[Array, int]:
    """Some Q of order one, and the exponent e, for which ``X Xᵀ = 4**e Q Qᵀ``; array (size, rank or more).

    Few samples are such a matrix themselves; of many, Cholesky's factor takes a small part of the time of eigenvectors.
    """
    samples = _checked_samples(inputs, size)
    if samples.shape[1] <= size:
        return normalized(matrix("inputs", samples))
    moment, exponent = _second_moment(samples)
    try:
        return np.asarray(np.linalg.cholesky(moment), dtype=np.float64), exponent
    except np.linalg.LinAlgError:  # the samples do not span the space
        factor = moment_factor(moment)
        return factor.vectors * factor.roots, factor.exponent + exponent


def _checked_samples(inputs: ArrayLike, size: int) -> Any:
    samples = sample_matrix("inputs", inputs)
    if len(samples) != size:
        raise ValueError(
            f"inputs must have {size} rows, one sample a column, got shape {samples.shape}"
        )
    return samples


def _second_moment(samples: Any) -> tuple[Array, int]:
    """``S`` over ``4**e``, and e.

    Any number of samples costs two readings, ``n d_0²`` flops and the memory of a block of them.
    """
    exponent = max(binary_exponent(block) for (block,) in sample_blocks(inputs=samples))
    moment = np.zeros((len(samples), len(samples)))
    for (block,) in sample_blocks(inputs=samples):
        scaled = divided(block, exponent)
        moment += scaled @ scaled.T
    return moment, exponent


def sample_matrix(name: str, value: ArrayLike) -> Any:
    """A matrix with one sample a column, whose entries are looked at later, block by block."""
    array = value if isinstance(value, np.ndarray) else real_array(name, value)
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: fill or drop its masked entries first")
    if array.ndim != 2:
        raise ValueError(f"{name} must be a matrix, got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    return array


def sample_blocks(**samples: Any) -> Iterator[tuple[Array, ...]]:
    """Blocks of columns of matrices with equally many, checked under their names and in float64."""
    columns = max(1, BLOCK_ENTRIES // sum(map(len, samples.values())))
    length = next(iter(samples.values())).shape[1]
    for start in range(0, length, columns):
        some = slice(start, start + columns)
        yield tuple(matrix(name, values[:, some]) for name, values in samples.items())
