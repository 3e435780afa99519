"""The Hessian as a linear operator: products with directions, without the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from dmfbook._scale import binary_exponent, in_range, times_power
from dmfbook._validation import Array
from dmfbook.network.problem import Problem, checked_point
from dmfbook.network.ring import Ring, Sweeps
from dmfbook.network.units import Units, units_of

# Columns of a block are swept side by side as long as they have no more entries than this.
TILE_ENTRIES = 2**17
LARGEST_TILE = 16
# Columns become rows by as many entries of each at a time, which a cache holds.
COPIED_ENTRIES = 2**10


def hessian_operator(problem: Problem, factors: Sequence[ArrayLike]) -> LinearOperator:
    """Hessian of the objective as a matrix-free linear operator.

    Parameters
    ----------
    problem : Problem
        The objective.
    factors : sequence of L arrays, shapes (d_l, d_{l-1})
        The point; it need not be critical. Copied, so that later writes to it do no harm.

    Returns
    -------
    scipy.sparse.linalg.LinearOperator (N, N)
        Symmetric, with ``matvec`` and ``matmat``; exact, no automatic differentiation. It may be used from several
        threads at once.

    Raises
    ------
    ValueError, TypeError
        If the factors do not have the problem's shapes or are not finite.
    OverflowError
        By a product, if it is beyond the range of float64.

    Notes
    -----
    A product costs at most ``6 c (N + d_0 d_L)`` multiplications, where c is the narrowest of the widths, and one
    second derivative of the loss. Memory: two copies of the factors, and for widths d buffers of ``N + 4 c L d``
    numbers for each column that is swept at once.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> operator = dmf.hessian_operator(dmf.Problem([[2.0]], (1,)), [[[1.0]], [[1.0]]])
    >>> operator @ [1.0, 2.0]
    array([2., 4.])
    """
    return _HessianOperator(problem, checked_point(problem, factors))


class _HessianOperator(LinearOperator):
    """Sweeps around the ring of layers, in buffers that wait for the next product."""

    def __init__(self, problem: Problem, factors: list[Array]) -> None:
        super().__init__(np.float64, (problem.size, problem.size))
        units = units_of(problem.end_to_end_loss, factors)
        self._ring, self._reg = Ring(units.loss, units.factors), problem.reg
        self._units = None if units.are_plain else units
        self._idle: dict[int, list[Sweeps]] = {}

    def _matvec(self, vector: Array) -> Array:
        direction = _real(vector).ravel()
        out = np.empty_like(direction)
        self._apply(direction, out)
        return out

    def _matmat(self, columns: Array) -> Array:
        directions = _real(columns).T
        out = np.empty(directions.shape)
        if not directions.flags.c_contiguous:
            for start in range(0, len(columns), COPIED_ENTRIES):
                part = slice(start, start + COPIED_ENTRIES)
                out[:, part] = directions[:, part]
            directions = out  # each tile of which is replaced by its products
        # Powers of two, so that few buffers serve blocks of any number of columns.
        tile, start = LARGEST_TILE, 0
        while start < len(directions):
            while tile > min(len(directions) - start, max(1, TILE_ENTRIES // self.shape[0])):
                tile //= 2
            some = slice(start, start + tile) if tile > 1 else start
            self._apply(directions[some], out[some])
            start += tile
        return out.T

    def _adjoint(self) -> LinearOperator:
        return self

    def _apply(self, directions: Array, out: Array) -> None:
        """Write the products with directions, one (N,) or several (count, N), perhaps over them."""
        if self._units:
            self._apply_in_units(self._units, directions, out)
        else:
            self._sweep(directions, out, self._reg)

    def _apply_in_units(self, units: Units, directions: Array, out: Array) -> None:
        """The same, with what has no units, the weight decay, added last."""
        sizes = [factor.size for factor in units.factors]
        layers, own = np.repeat(units.layers, sizes), binary_exponent(directions)
        scaled = times_power(times_power(directions, -own), -layers)
        self._sweep(scaled, scaled, (0.0,) * len(sizes))
        with np.errstate(over="ignore", invalid="ignore"):
            decay = np.repeat(np.multiply(2, self._reg), sizes) * directions
            np.add(times_power(scaled, units.value + own - layers), decay, out)
        in_range("the Hessian's product", out)

    def _sweep(self, directions: Array, out: Array, reg: Sequence[float]) -> None:
        count = 1 if directions.ndim == 1 else len(directions)
        idle = self._idle.setdefault(count, [])
        try:
            sweeps = idle.pop()  # nobody else has them now
        except IndexError:
            sweeps = Sweeps(self._ring, reg, count)
        sweeps.apply(directions, out)
        idle.append(sweeps)

    def __getstate__(self) -> dict[str, Any]:
        # Buffers are views of one another, which copies would not be.
        return self.__dict__ | {"_idle": {}}


def _real(directions: Array) -> Array:
    """Directions in float64, unless they are complex or no numbers."""
    array = np.asarray(directions)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"directions must hold real numbers, got dtype {array.dtype}")
    return array.astype(np.float64, copy=False)
