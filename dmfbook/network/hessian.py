"""Second derivatives at any factors: dense Hessian by Kronecker formulas, operator, exact trace.

With ``A_l``, ``B_l`` the partial products on both sides of layer l and ``R = M − W_L ⋯ W_1``, the block
of layers k > l is the sum of a Gauss–Newton part ``2 (B_k B_lᵀ) ⊗ (A_kᵀ A_l)`` and a residual part with
entries ``−2 (A_kᵀ R B_lᵀ)[a, e] (W_{k-1} ⋯ W_{l+1})[b, c]``. All blocks together are products of entries
of three small matrices, see :func:`_interactions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from dmfbook._validation import Array, factors_of_widths
from dmfbook.network.factors import partial_products_of, transposed_layers
from dmfbook.network.problem import Problem, sweeps

# Rows are filled in tiles whose scratch copy stays in a core's second-level cache.
TILE_ENTRIES = 32_768
COLUMN_TILE = 8
# Below this size the threads cost more than they save.
THREADED_ENTRIES = 1_000_000


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

    Notes
    -----
    ``4 N²`` flops beside ``O(L² d³)``; memory is the output and, for widths d, tables of ``4 d N``
    entries a thread.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.hessian(dmf.Problem([[2.0]], (1,)), [[[1.0]], [[1.0]]])
    array([[2., 0.],
           [0., 2.]])
    """
    checked = factors_of_widths(factors, problem.widths)
    inputs, outputs, links = _interactions(problem.target, checked)
    layer_inputs = _slices(factor.shape[1] for factor in checked)
    layer_outputs = _slices(factor.shape[0] for factor in checked)
    panels = _slices(factor.size for factor in checked)
    # Column-major entry (c, e) of layer l joins output unit (l, c) with input unit (l, e).
    output_of = np.concatenate(
        [
            np.tile(np.r_[c], factor.shape[1])
            for c, factor in zip(layer_outputs, checked, strict=True)
        ]
    )
    input_of = np.repeat(np.arange(len(inputs)), np.repeat(problem.widths[1:], problem.widths[:-1]))
    out = np.empty((problem.size, problem.size))

    def fill(k: int) -> None:
        b, a = layer_inputs[k], layer_outputs[k]
        _fill_rows(
            out[panels[k]],
            (inputs[b].take(input_of, axis=1), links.T[b].take(output_of, axis=1)),
            (outputs[a].take(output_of, axis=1), links[a].take(input_of, axis=1)),
        )

    if out.size < THREADED_ENTRIES:
        for k in range(problem.depth):
            fill(k)
    else:
        with ThreadPoolExecutor() as pool:
            list(pool.map(fill, range(problem.depth)))
    penalty = [2 * reg for reg in problem.reg]
    out.ravel()[:: problem.size + 1] += np.repeat(penalty, [factor.size for factor in checked])
    return out


def _interactions(target: Array, factors: list[Array]) -> tuple[Array, Array, Array]:
    """The matrices P, Q, X that the Hessian is made of.

    P is indexed by pairs of input units (l, e), Q by pairs of output units (l, c), and X by an output
    and an input unit. The Hessian's entry for weights (k, a, b) and (l, c, e) is
    ``P[kb, le] Q[ka, lc] + X[ka, le] X[lc, kb]``.
    """
    left, right = partial_products_of(factors)
    residual = target - factors[-1] @ right[-1]
    all_inputs, all_outputs = np.concatenate(right), np.concatenate(left, axis=1)
    links = -2 * (all_outputs.T @ residual @ all_inputs.T)
    columns = _slices(factor.shape[1] for factor in factors)
    rows = _slices(factor.shape[0] for factor in factors)
    for l, row in enumerate(rows):
        links[row, columns[l]] = 0.0
        middle = np.eye(len(factors[l]))
        for k in range(l + 1, len(factors)):
            links[row, columns[k]] = middle.T  # C_kl = W_{k-1} ⋯ W_{l+1}
            middle = factors[k] @ middle
    return all_inputs @ all_inputs.T, 2 * (all_outputs.T @ all_outputs), links


def _slices(lengths: Iterable[int]) -> list[slice]:
    """Consecutive slices of the given lengths."""
    return [slice(*bounds) for bounds in pairwise(accumulate(lengths, initial=0))]


def _fill_rows(panel: Array, by_input: tuple[Array, Array], by_output: tuple[Array, Array]) -> None:
    """Write row (b, a) of a panel as ``P_b ∘ Q_a + X_b ∘ X_a``, given P, X by b and Q, X by a.

    Products and their sum commute, so mirrored entries are equal to the last bit.
    """
    height, width = by_output[0].shape
    step = max(1, TILE_ENTRIES // width)
    for b, (p_row, x_row) in enumerate(zip(*by_input, strict=True)):
        for start in range(0, height, step):
            some = slice(start, min(start + step, height))
            tile = panel[b * height + some.start : b * height + some.stop]
            np.multiply(by_output[0][some], p_row, out=tile)
            tile += by_output[1][some] * x_row


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
        Symmetric, with ``matvec`` and ``matmat``; exact, no automatic differentiation.

    Raises
    ------
    ValueError, TypeError
        If the factors do not have the problem's shapes or are not finite.

    Notes
    -----
    A product costs ``O(L d³)`` flops for widths ``d`` (6 L matrix products, as many as two
    evaluations of loss and gradient); memory for the partial products.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> operator = dmf.hessian_operator(dmf.Problem([[2.0]], (1,)), [[[1.0]], [[1.0]]])
    >>> operator @ [1.0, 2.0]
    array([2., 4.])
    """
    return _HessianOperator(problem, factors_of_widths(factors, problem.widths))


class _HessianOperator(LinearOperator):
    """Derivative of the gradient's two sweeps, applied to stacked directions."""

    def __init__(self, problem: Problem, factors: list[Array]) -> None:
        super().__init__(np.float64, (problem.size, problem.size))
        self._problem = problem
        self._factors = [factor.copy() for factor in factors]
        self._forward, self._backward = sweeps(problem.target, factors)

    def _matvec(self, vector: Array) -> Array:
        return self._apply(np.asarray(vector).ravel())

    def _matmat(self, columns: Array) -> Array:
        rows = np.asarray(columns).T
        # A few at a time, so that their sweeps stay in cache.
        tiles = [rows[i : i + COLUMN_TILE] for i in range(0, len(rows), COLUMN_TILE)]
        return np.concatenate([self._apply(tile) for tile in tiles]).T

    def _adjoint(self) -> LinearOperator:
        return self

    def _apply(self, directions: Array) -> Array:
        """Products with the directions ``(…, N)``, all swept through the layers together."""
        if np.iscomplexobj(directions):
            raise TypeError(f"directions must hold real numbers, got dtype {directions.dtype}")
        directions = np.ascontiguousarray(directions, dtype=np.float64)
        factors, forward, backward = self._factors, self._forward, self._backward
        moves = [move.mT for move in transposed_layers(directions, self._problem.widths)]
        # Derivatives of the partial products B_l; that of B_1 = I is zero.
        forward_moves = [moves[0]]
        for factor, move, front in zip(factors[1:], moves[1:], forward[1:], strict=True):
            forward_moves.append(factor @ forward_moves[-1] + move @ front)
        # Derivatives of A_lᵀ R, from the last layer down; that of R itself is −dX.
        backward_moves = [-forward_moves.pop()]
        layers = zip(factors[:0:-1], moves[:0:-1], backward[:0:-1], strict=True)
        for factor, move, back in layers:
            backward_moves.append(factor.T @ backward_moves[-1] + move.mT @ back)
        out = np.empty_like(directions)
        slots = transposed_layers(out, self._problem.widths)
        for l, (slot, move) in enumerate(zip(slots, moves, strict=True)):
            product = forward[l] @ backward_moves[-1 - l].mT
            if l > 0:
                product += forward_moves[l - 1] @ backward[l].T
            slot[...] = 2 * (self._problem.reg[l] * move.mT - product)
        return out


def hessian_trace(problem: Problem, factors: Sequence[ArrayLike]) -> float:
    """Trace of the Hessian at any factors, exact, without the Hessian.

    ``tr ∇²F = 2 Σ_l ‖A_l‖_F² ‖B_l‖_F² + 2 Σ_l λ_l d_l d_{l-1}``: the residual part has no trace,
    since the end-to-end matrix is linear in each layer.

    Parameters
    ----------
    problem : Problem
        The objective.
    factors : sequence of L arrays, shapes (d_l, d_{l-1})
        The point; it need not be critical.

    Returns
    -------
    float
        The trace, the sum of all N eigenvalues.

    Raises
    ------
    ValueError, TypeError
        If the factors do not have the problem's shapes or are not finite.

    Notes
    -----
    ``O(L d³)`` flops for widths ``d``, memory for the partial products.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.hessian_trace(dmf.Problem([[2.0]], (1,)), [[[1.0]], [[3.0]]])
    20.0
    """
    checked = factors_of_widths(factors, problem.widths)
    left, right = partial_products_of(checked)
    fit = sum(np.vdot(a, a) * np.vdot(b, b) for a, b in zip(left, right, strict=True))
    penalty = sum(reg * factor.size for reg, factor in zip(problem.reg, checked, strict=True))
    return float(2 * (fit + penalty))
