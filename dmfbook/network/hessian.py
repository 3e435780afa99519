"""Second derivatives at any factors: the dense Hessian by Kronecker formulas, and its exact trace.

With ``A_l``, ``B_l`` the partial products on both sides of layer l, ``G = ∇ℓ(X)`` and ``∇²ℓ[Z] = 2 Z S``, the
block of layers k > l is the sum of a Gauss–Newton part ``2 (B_k S B_lᵀ) ⊗ (A_kᵀ A_l)`` and a residual part with
entries ``(A_kᵀ G B_lᵀ)[a, e] (W_{k-1} ⋯ W_{l+1})[b, c]``. All blocks together are products of entries
of three small matrices, see :class:`_Interactions`. A loss with another second derivative keeps the residual part;
its Gauss–Newton part ``Jᵀ ∇²ℓ J`` is assembled, see :class:`_GaussNewton`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import in_range, times_power
from dmfbook._validation import Array
from dmfbook.network.factors import partial_products_of
from dmfbook.network.losses.curvature import (
    curvature_matrix,
    curvature_trace,
    has_kronecker_structure,
)
from dmfbook.network.losses.loss import Loss
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem, checked_point, checked_points
from dmfbook.network.units import units_of

# Rows are filled in tiles of about this many entries, and mirrored while these are in cache.
TILE_ENTRIES = 2**18


def hessian(problem: Problem, factors: Sequence[ArrayLike]) -> Array:
    """Dense Hessian of the objective at any factors, exact and symmetric to the last bit.

    Parameters
    ----------
    problem : Problem
        The objective.
    factors : sequence of L arrays, shapes (d_l, d_{l-1})
        The point; it need not be critical.

    Returns
    -------
    array (N, N)
        ``∇²F`` in the order of :func:`dmfbook.flatten`.

    Raises
    ------
    ValueError, TypeError
        If the factors do not have the problem's shapes or are not finite.
    OverflowError
        If an entry is beyond the range of float64.

    Notes
    -----
    ``3 N²`` flops beside ``O(L² d³)``; memory is the output. A loss without Kronecker structure is asked for its
    second derivative in all ``d_0 d_L`` directions, which takes ``O(N² d_0)`` flops and ``N d_0 d_L`` more numbers.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.hessian(dmf.Problem([[2.0]], (1,)), [[[1.0]], [[1.0]]])
    array([[2., 0.],
           [0., 2.]])
    """
    checked = checked_point(problem, factors)
    units = units_of(problem.end_to_end_loss, checked)
    out = _curvature_of_fit(units.loss, units.factors)
    sizes = [factor.size for factor in checked]
    if not units.are_plain:
        for rows, unit in zip(_slices(sizes), units.layers, strict=True):
            exponents = units.value - unit - np.repeat(units.layers, sizes)
            out[rows] = in_range("the Hessian", times_power(out[rows], exponents))
    penalty = [2 * reg for reg in problem.reg]
    out.ravel()[:: problem.size + 1] += np.repeat(penalty, sizes)
    return out


def _curvature_of_fit(loss: Loss, factors: list[Array]) -> Array:
    """Hessian of ``ℓ(W_L ⋯ W_1)``: its lower half, in tiles of rows, each with its mirror image."""
    interactions = _Interactions(loss, factors)
    rest = None if has_kronecker_structure(loss) else _GaussNewton(loss, factors)
    panels = _slices(factor.size for factor in factors)
    out = np.empty((panels[-1].stop,) * 2)
    for k, panel in enumerate(panels):
        height, units = factors[k].shape
        step = max(1, TILE_ENTRIES // (height * panel.stop))
        if rest:
            rest.turn_to(k)
        for start in range(0, units, step):
            some = slice(start, min(start + step, units))
            rows = slice(panel.start + height * some.start, panel.start + height * some.stop)
            tile = out[rows, : panel.stop]
            interactions.fill(tile, k, some)
            if rest:
                tile += rest.rows(some)
            out[: panel.start, rows] = tile[:, : panel.start].T
        if rest:
            block = out[panel, panel]
            block[...] = (block + block.T) / 2
    return out


class _Interactions:
    """Three small matrices, products of whose entries the Hessian is made of.

    P is indexed by pairs of input units (l, e), Q by pairs of output units (l, c), and X by an output
    and an input unit. The Hessian's entry for weights (k, a, b) and (l, c, e) is
    ``P[kb, le] Q[ka, lc] + X[ka, le] X[lc, kb]``. Without Kronecker structure P is zero.
    """

    def __init__(self, loss: Loss, factors: list[Array]) -> None:
        left, right = partial_products_of(factors)
        slope = np.asarray(loss.gradient(factors[-1] @ right[-1]))
        inputs, outputs = np.concatenate(right), np.concatenate(left, axis=1)
        self._inputs = _slices(factor.shape[1] for factor in factors)
        self._outputs = _slices(factor.shape[0] for factor in factors)
        links = outputs.T @ slope @ inputs.T
        for l, row in enumerate(self._outputs):
            links[row, self._inputs[l]] = 0.0
            middle = np.eye(len(factors[l]))
            for k in range(l + 1, len(factors)):
                links[row, self._inputs[k]] = middle.T  # W_{k-1} ⋯ W_{l+1}
                middle = factors[k] @ middle
        if isinstance(loss, Regression):
            inputs = inputs @ loss.input_factor
        elif not has_kronecker_structure(loss):
            inputs = np.zeros_like(inputs)
        self._by_input, self._by_output = inputs @ inputs.T, 2 * (outputs.T @ outputs)
        self._links = links

    def fill(self, tile: Array, k: int, some: slice) -> None:
        """Write rows (b, a) of layer k, for some of its input units b, up to the layer's own columns.

        With the columns of layer l as a matrix (e, c), a row is ``P_b Q_aᵀ + X_a X_bᵀ``.
        """
        inputs, outputs = self._inputs[k], self._outputs[k]
        units = slice(inputs.start + some.start, inputs.start + some.stop)
        shape = (some.stop - some.start, outputs.stop - outputs.start, 2)
        heads, tails = np.empty((*shape, inputs.stop)), np.empty((*shape, outputs.stop))
        heads[:, :, 0] = self._by_input[units, None, : inputs.stop]
        heads[:, :, 1] = self._links[outputs, : inputs.stop]
        tails[:, :, 0] = self._by_output[outputs, : outputs.stop]
        tails[:, :, 1] = self._links.T[units, None, : outputs.stop]
        heads, tails = heads.reshape(len(tile), 2, -1).mT, tails.reshape(len(tile), 2, -1)
        start = 0
        for e, c in zip(self._inputs[: k + 1], self._outputs[: k + 1], strict=True):
            block = heads[:, e], tails[:, :, c]
            stop = start + block[0].shape[1] * block[1].shape[2]
            # A view: rows of the tile are cut, not moved.
            columns = tile[:, start:stop].reshape(len(tile), block[0].shape[1], -1)
            np.matmul(*block, out=columns)
            start = stop


class _GaussNewton:
    """Rows of ``Jᵀ ∇²ℓ J`` for a loss without Kronecker structure, layer by layer.

    The column of J for weight (l, c, e) is the outer product of column c of ``A_l`` and row e of ``B_l``.
    """

    def __init__(self, loss: Loss, factors: list[Array]) -> None:
        self._left, self._right = partial_products_of(factors)
        rows, cols = loss.shape
        curvature = curvature_matrix(loss, factors[-1] @ self._right[-1])
        curvature = curvature.reshape(cols, rows, cols, rows)
        images = [b @ (curvature @ a) for a, b in zip(self._left, self._right, strict=True)]
        # ∇²ℓ J, indexed by the column and row of the end-to-end matrix, and by weights.
        self._images = np.concatenate([image.reshape(cols, rows, -1) for image in images], axis=2)
        self._ends = np.cumsum([factor.size for factor in factors])

    def turn_to(self, k: int) -> None:
        """Prepare the rows of layer k."""
        images = self._left[k].T @ self._images[:, :, : self._ends[k]]
        self._inputs, self._seen = self._right[k], images.reshape(len(images), -1)
        self._stop = self._ends[k]

    def rows(self, some: slice) -> Array:
        """Rows (b, a) of the layer for some of its input units b, up to the layer's own columns."""
        return (self._inputs[some] @ self._seen).reshape(-1, self._stop)


def _slices(lengths: Iterable[int]) -> list[slice]:
    """Consecutive slices of the given lengths."""
    return [slice(*bounds) for bounds in pairwise(accumulate(lengths, initial=0))]


def hessian_trace(problem: Problem, factors: Sequence[ArrayLike]) -> Any:
    """Trace of the Hessian at any factors, exact, without the Hessian.

    ``tr ∇²F = 2 Σ_l ‖A_l‖_F² ‖B_l Q‖_F² + 2 Σ_l λ_l d_l d_{l-1}`` where ``∇²ℓ[Z] = 2 Z Q Qᵀ``: the residual
    part has no trace, since the end-to-end matrix is linear in each layer.

    Parameters
    ----------
    problem : Problem
        The objective.
    factors : sequence of L arrays, shapes (…, d_l, d_{l-1})
        The point; it need not be critical. Leading axes are independent runs.

    Returns
    -------
    float or array (…,)
        The trace, the sum of all N eigenvalues; one for each run. Infinite where it is beyond the range of
        float64.

    Raises
    ------
    ValueError, TypeError
        If the factors do not have the problem's shapes or are not finite.

    Notes
    -----
    ``O(L d³)`` flops for widths ``d``, memory for the partial products. A loss without Kronecker structure, and without
    a `curvature_trace` of its own, is asked for its second derivative in all ``d_0 d_L`` directions.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.hessian_trace(dmf.Problem([[2.0]], (1,)), [[[1.0]], [[3.0]]])
    20.0
    """
    checked = checked_points(problem, factors)
    units = units_of(problem.end_to_end_loss, checked)
    if units.single_runs:
        traces = [hessian_trace(problem, run) for run in units.single_runs]
        return np.reshape(traces, checked[0].shape[:-2])
    left, right = partial_products_of(units.factors)
    product = units.factors[-1] @ right[-1]
    sizes = np.multiply(problem.widths[1:], problem.widths[:-1])
    total = 2 * np.dot(problem.reg, sizes)
    with np.errstate(over="ignore"):
        for a, b, unit in zip(left, right, units.layers, strict=True):
            part = curvature_trace(units.loss, product, a @ a.mT, b.mT @ b)
            total = total + times_power(part, units.value - 2 * unit)
    return total if np.ndim(total) else float(total)
