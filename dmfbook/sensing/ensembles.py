"""Measurements to be had: Gaussian, symmetric Gaussian, single entries, or given matrices.

Every random ensemble is scaled such that ``E ‖𝒜(X)‖² = ‖X‖_F²`` for a fixed matrix X, so the loss
``‖𝒜(X) − y‖²`` is that of full observation on average.
"""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import generator, integer, real_array
from dmfbook.sensing.entries import EntrySampling, checked_entries
from dmfbook.sensing.operator import DenseSensing, SensingOperator, checked_sides


def dense_sensing(matrices: ArrayLike) -> SensingOperator:
    """Sensing operator with given measurement matrices.

    Parameters
    ----------
    matrices : array (n, d_L, d_0)
        The matrices ``S_k``; copied.

    Returns
    -------
    SensingOperator
        Of shape ``(n, d_L d_0)``.

    Raises
    ------
    ValueError, TypeError
        If `matrices` is not a finite real array with three axes.

    Notes
    -----
    Memory for a copy.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.dense_sensing([[[1.0, 0.0, 2.0]]]).shape
    (1, 3)
    """
    stack = real_array("matrices", matrices)
    if stack.ndim != 3:
        raise ValueError(f"matrices must have shape (n, d_L, d_0), got {stack.shape}")
    return DenseSensing(stack)


def gaussian_sensing(
    shape: tuple[int, int], measurements: int, rng: np.random.Generator
) -> SensingOperator:
    """Gaussian measurements: all entries of all ``S_k`` are independent, of variance 1/n.

    Parameters
    ----------
    shape : (int, int)
        Shape ``(d_L, d_0)`` of the measured matrices.
    measurements : int, >= 1
        Their number n.
    rng : numpy.random.Generator
        Source of the entries.

    Returns
    -------
    SensingOperator
        With ``E ‖𝒜(X)‖² = ‖X‖_F²``.

    Raises
    ------
    ValueError, TypeError
        If a side or the number of measurements is not a positive integer, or `rng` no generator.

    Notes
    -----
    Memory for ``n d_L d_0`` numbers, twice while they are drawn.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.gaussian_sensing((3, 2), 5, np.random.default_rng(0)).shape
    (5, 6)
    """
    sides = checked_sides(shape)
    count = integer("measurements", measurements, 1)
    draws = generator("rng", rng).normal(size=(count, *sides))
    return DenseSensing(draws / np.sqrt(count))


def symmetric_gaussian_sensing(
    side: int, measurements: int, rng: np.random.Generator
) -> SensingOperator:
    """Symmetric Gaussian measurements of symmetric matrices, ``S_k = (G_k + G_kᵀ) / 2``.

    The entries of ``G_k`` are independent, of variance 1/n.

    Parameters
    ----------
    side : int, >= 1
        Side d of the measured matrices.
    measurements : int, >= 1
        Their number n.
    rng : numpy.random.Generator
        Source of the entries.

    Returns
    -------
    SensingOperator
        With ``E ‖𝒜(X)‖² = ‖X‖_F²`` for symmetric X; on antisymmetric X it vanishes.

    Raises
    ------
    ValueError, TypeError
        If the side or the number of measurements is not a positive integer, or `rng` no generator.

    Notes
    -----
    Memory for ``n d²`` numbers.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> operator = dmf.symmetric_gaussian_sensing(2, 5, np.random.default_rng(0))
    >>> operator.forward([[0.0, 1.0], [-1.0, 0.0]])
    array([0., 0., 0., 0., 0.])
    """
    d, count = integer("side", side, 1), integer("measurements", measurements, 1)
    square = generator("rng", rng).normal(size=(count, d, d)) / np.sqrt(count)
    return DenseSensing((square + square.mT) / 2)


@overload
def entry_sampling(
    shape: tuple[int, int], measurements: int, rng: np.random.Generator
) -> EntrySampling: ...
@overload
def entry_sampling(shape: tuple[int, int], *, entries: Any) -> EntrySampling: ...
def entry_sampling(
    shape: tuple[int, int],
    measurements: int | None = None,
    rng: np.random.Generator | None = None,
    *,
    entries: Any = None,
) -> EntrySampling:
    """Distinct entries of a matrix, chosen uniformly at random or by the caller: matrix completion.

    Parameters
    ----------
    shape : (int, int)
        Shape ``(d_L, d_0)`` of the measured matrices.
    measurements : int, from 1 to d_L d_0
        Number n of entries seen; with all of them the operator is an isometry.
    rng : numpy.random.Generator
        Source of the choice.
    entries : (rows, cols), or a boolean array (d_L, d_0)
        Instead of `measurements` and `rng`: the entries seen, as two arrays of n indices from 0 on, whose order is that
        of the measurements; or a mask, whose true places are taken row by row.

    Returns
    -------
    SensingOperator
        With ``E ‖𝒜(X)‖² = ‖X‖_F²`` for random entries. However they were chosen, entries are multiplied by
        ``√(d_L d_0 / n)``, its attribute ``scale``, so measurements y of a known entry x are ``scale * x``; its
        attribute ``entries`` holds rows and columns, read-only.

    Raises
    ------
    ValueError, TypeError
        If a side or the number of measurements is not a positive integer, there are not so many entries, given ones are
        out of range (negative ones too), repeated or none, a mask has another shape or is not boolean, or both
        a number and entries are given.

    Notes
    -----
    Memory for 2 n indices; no measurement matrix is formed.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> full = dmf.entry_sampling((2, 2), 4, np.random.default_rng(0))
    >>> full.adjoint(full.forward([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 2.],
           [3., 4.]])

    Completion from known numbers, zero elsewhere:

    >>> seen = dmf.entry_sampling((2, 2), entries=([0, 1], [1, 1]))
    >>> loss = dmf.Sensing(seen, seen.scale * np.array([2.0, 4.0]))
    >>> float(loss.value([[9.0, 2.0], [7.0, 4.0]]))
    0.0
    >>> dmf.entry_sampling((2, 2), entries=np.array([[False, True], [False, True]])).entries
    (array([0, 1]), array([1, 1]))
    """
    sides = checked_sides(shape)
    total = sides[0] * sides[1]
    if entries is not None:
        if measurements is not None or rng is not None:
            raise TypeError("either measurements and rng or entries must be given, got both")
        places = checked_entries(entries, sides)
        return EntrySampling(sides, places, float(np.sqrt(total / len(places[0]))))
    if measurements is None:
        raise TypeError("measurements and rng, or entries, must be given, got neither")
    count = integer("measurements", measurements, 1)
    if count > total:
        raise ValueError(
            f"measurements must be at most {total}, the number of entries, got {count}"
        )
    chosen = generator("rng", rng).choice(total, count, replace=False)
    rows, cols = np.divmod(np.sort(chosen), sides[1])
    return EntrySampling(sides, (rows, cols), float(np.sqrt(total / count)))
