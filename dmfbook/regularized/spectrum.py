"""Spectrum of the Hessian at a critical point: all eigenvalues, their extremes, their density.

The eigenvalues come from :mod:`dmfbook.regularized.blocks`; no matrix of the size of the parameters is formed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmfbook._scale import in_range, times_power
from dmfbook._validation import Array, integer, real_array
from dmfbook.network.losses.stacks import frozen
from dmfbook.regularized.blocks import (
    ActiveBlocks,
    in_threads,
    repeated_eigenvalues,
    spectrum_ends,
)
from dmfbook.regularized.point import CriticalPoint, checked_critical_point

# Narrower bins, relative to the largest eigenvalue, would resolve rounding errors.
SMALLEST_BIN = 1e-14


def hessian_spectrum(point: CriticalPoint) -> Array:
    """All eigenvalues of the Hessian at a critical point.

    They are the same for all factors with this end-to-end matrix.

    Parameters
    ----------
    point : CriticalPoint
        A critical point of a regularized problem.

    Returns
    -------
    array (N,)
        Eigenvalues of ``∇²F``, ascending; infinite beyond the range of float64.

    Raises
    ------
    TypeError
        If `point` is no critical point.

    Notes
    -----
    With k active modes of d and equal weights, ``O(L k d)`` flops for ``k (2d − k)`` eigenvalues in
    closed form; the others are known with their multiplicities, and sorting all takes most of the
    time. Unequal weights cost ``O(L³ k²)`` flops. Memory is the output and a few tiles. The error is
    a small multiple of ``L ε`` times the largest eigenvalue, and what the singular values of the
    target bring.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.hessian_spectrum(dmf.global_minimizer(dmf.Problem([[2.0]], (2,), reg=1.0)))
    array([0., 4., 4., 4.])
    """
    checked_critical_point(point)
    out = np.empty(point.problem.size)
    filled = 0
    for value, count in zip(*repeated_eigenvalues(point), strict=True):
        out[filled : filled + count] = value
        filled += count
    blocks = ActiveBlocks(point)

    def fill(start: int, stop: int, place: slice) -> None:
        out[place] = blocks.eigenvalues(start, stop)

    def places() -> Iterator[tuple[int, int, slice]]:
        end = filled
        for start, stop, size in blocks.tiles():
            yield start, stop, slice(end, end + size)
            end += size

    for _ in in_threads(fill, places()):
        pass
    out.sort()
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(out, point._modes.eigenvalue_unit, out=out)


def hessian_extremes(point: CriticalPoint) -> tuple[float, float]:
    """Smallest and largest eigenvalue of the Hessian at a critical point.

    Parameters
    ----------
    point : CriticalPoint
        A critical point of a regularized problem.

    Returns
    -------
    smallest, largest : float
        The largest is the sharpness; infinite beyond the range of float64.

    Raises
    ------
    TypeError
        If `point` is no critical point.

    Notes
    -----
    The flops of :func:`hessian_spectrum` without sorting; memory for a few tiles.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.hessian_extremes(dmf.global_minimizer(dmf.Problem([[2.0]], (2,), reg=1.0)))
    (0.0, 4.0)
    """
    checked_critical_point(point)
    smallest, _, largest = spectrum_ends(point)
    smallest, largest = times_power([smallest, largest], point._modes.eigenvalue_unit)
    return float(smallest), float(largest)


@dataclass(frozen=True, eq=False, repr=False)
class SpectralDensity:
    """Number of eigenvalues in each bin; densities compare by identity.

    Attributes
    ----------
    edges : array (bins + 1,)
        Ends of the bins, ascending, read-only. The last bin holds its upper end, the others do not.
    counts : array of ints (bins,)
        Eigenvalues in each bin, with their multiplicities, read-only.
    """

    edges: Array
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        edges, counts = real_array("edges", self.edges), np.asarray(self.counts)
        if counts.dtype.kind not in "iu" or (len(counts),) != (len(edges) - 1,):
            raise TypeError(
                f"counts must be integers, one for each of {len(edges) - 1} bins, got {counts!r}"
            )
        object.__setattr__(self, "edges", frozen(edges))
        object.__setattr__(self, "counts", frozen(counts))

    def __reduce__(self) -> tuple[Any, ...]:
        return SpectralDensity, (self.edges, self.counts)

    def __repr__(self) -> str:
        return (
            f"SpectralDensity({self.counts.sum()} eigenvalues in {len(self.counts)} bins "
            f"from {self.edges[0]:.3g} to {self.edges[-1]:.3g})"
        )


def spectral_density(
    point: CriticalPoint, bins: int | ArrayLike = 200, progress: bool = False
) -> SpectralDensity:
    """Count the eigenvalues of the Hessian at a critical point in bins, in bounded memory.

    Parameters
    ----------
    point : CriticalPoint
        A critical point of a regularized problem.
    bins : int or array (bins + 1,), ascending
        Number of equal bins from the smallest to the largest eigenvalue, or the edges of the bins;
        eigenvalues outside the edges are not counted.
    progress : bool
        Show a progress bar, which counts eigenvalues; needs tqdm.

    Returns
    -------
    SpectralDensity
        Edges and counts; with a number of bins the counts add up to N.

    Raises
    ------
    ValueError, TypeError
        If `point` is no critical point, `bins` neither a positive number nor ascending edges, or `progress` no bool.
    OverflowError
        If an end of the spectrum is beyond the range of float64 and `bins` is a number.

    Notes
    -----
    The flops of :func:`hessian_spectrum`, twice those for a number of bins; memory for a few tiles,
    whatever N.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> point = dmf.global_minimizer(dmf.Problem([[2.0]], (2,), reg=1.0))
    >>> density = dmf.spectral_density(point, bins=2)
    >>> density
    SpectralDensity(4 eigenvalues in 2 bins from 0 to 4)
    >>> density.counts
    array([1, 3])
    """
    checked_critical_point(point)
    if not isinstance(progress, (bool, np.bool_)):
        raise TypeError(f"progress must be True or False, got {progress!r}")
    edges, limits = _bins(point, bins)
    values, repeats = repeated_eigenvalues(point)
    unit = point._modes.eigenvalue_unit
    counts = np.histogram(times_power(values, unit), limits, weights=repeats)[0].astype(np.int64)
    blocks = ActiveBlocks(point)
    tiles = list(blocks.tiles())

    def count(start: int, stop: int, _: int) -> NDArray[np.int64]:
        return np.histogram(times_power(blocks.eigenvalues(start, stop), unit), limits)[0]

    results = in_threads(count, tiles)
    if progress:
        from tqdm import tqdm  # an extra: only those who want a bar need it

        results = tqdm(results, total=len(tiles), unit="tile")
    for found in results:
        counts += found
    return SpectralDensity(edges, counts)


def _bins(point: CriticalPoint, bins: int | ArrayLike) -> tuple[Array, Array]:
    """Edges to report, and edges to count with, which open the outer bins to rounding errors."""
    if np.ndim(bins) == 0:
        number = integer("bins", bins, 1)
        low, high = in_range("the spectrum", np.array(hessian_extremes(point)))
        if high - low < number * SMALLEST_BIN * high:
            low, high = low / 2, high * 1.5  # all are equal, and positive since the trace is
        edges = np.linspace(low, high, number + 1)
        return edges, np.r_[-np.inf, edges[1:-1], np.inf]
    edges = real_array("bins", bins)
    if edges.ndim != 1 or len(edges) < 2 or (edges[1:] <= edges[:-1]).any():
        raise ValueError(f"bins must be a number or at least 2 ascending edges, got {bins!r}")
    return edges, edges
