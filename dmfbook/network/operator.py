"""The Hessian as a linear operator: products with directions, without the matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from dmfbook._validation import Array
from dmfbook.network.factors import transposed_layers
from dmfbook.network.problem import Problem, checked_point

COLUMN_TILE = 8


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
    return _HessianOperator(problem, checked_point(problem, factors))


class _HessianOperator(LinearOperator):
    """Derivative of the gradient's two sweeps, applied to stacked directions."""

    def __init__(self, problem: Problem, factors: list[Array]) -> None:
        super().__init__(np.float64, (problem.size, problem.size))
        self._problem = problem
        self._factors = [factor.copy() for factor in factors]
        self._forward = [np.eye(problem.widths[0])]
        for factor in factors:
            self._forward.append(factor @ self._forward[-1])
        self._end_to_end = self._forward.pop()
        backward = [problem.end_to_end_loss.gradient(self._end_to_end)]
        for factor in reversed(factors[1:]):
            backward.append(factor.T @ backward[-1])
        self._backward = backward[::-1]

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
        # Derivatives of A_lᵀ G, from the last layer down; that of G itself is the loss's curvature.
        turn = self._problem.end_to_end_loss.curvature(self._end_to_end, forward_moves.pop())
        backward_moves = [turn]
        layers = zip(factors[:0:-1], moves[:0:-1], backward[:0:-1], strict=True)
        for factor, move, back in layers:
            backward_moves.append(factor.T @ backward_moves[-1] + move.mT @ back)
        out = np.empty_like(directions)
        slots = transposed_layers(out, self._problem.widths)
        for l, (slot, move) in enumerate(zip(slots, moves, strict=True)):
            product = forward[l] @ backward_moves[-1 - l].mT
            if l > 0:
                product += forward_moves[l - 1] @ backward[l].T
            slot[...] = 2 * self._problem.reg[l] * move.mT + product
        return out
