"""Trace of the Hessian as a measure of flatness: of sensing losses, and its least value.

For the loss ``F(W) = ‖𝒜(W_L ⋯ W_1) − y‖²`` with ``𝒜(X)_k = ⟨S_k, X⟩`` the trace is
``2 Σ_l Σ_k ‖A_lᵀ S_k B_lᵀ‖_F²`` at any factors, whatever y is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array, factor_list, integer, matrix, widths_of
from dmfbook.network.factors import partial_products_of
from dmfbook.network.frames import orthonormal_frame
from dmfbook.sensing.operator import SensingOperator


def sensing_hessian_trace(operator: SensingOperator, factors: Sequence[ArrayLike]) -> float:
    """Trace of the Hessian of ``‖𝒜(W_L ⋯ W_1) − y‖²``, exact, without the Hessian.

    Exact at any factors and for any y, not only at zero loss: the end-to-end matrix is linear in each
    layer, so the residual part of the Hessian has no diagonal blocks, and the trace does not see y.

    Parameters
    ----------
    operator : SensingOperator
        The measurements ``𝒜``.
    factors : sequence of L >= 2 arrays, shapes (d_l, d_{l-1})
        The point, first applied first.

    Returns
    -------
    float
        ``2 Σ_l Σ_k ‖A_lᵀ S_k B_lᵀ‖_F²``.

    Raises
    ------
    ValueError, TypeError
        If the factors cannot be multiplied, or their product has another shape than the operator
        measures.

    Notes
    -----
    ``O(L n d³)`` flops for n dense measurements of matrices with sides d, ``O(L d³)`` for entries;
    memory for the partial products and one set of measurement matrices.

    Examples
    --------
    With all entries seen this is the trace of the factorization problem.

    >>> import dmfbook as dmf
    >>> full = dmf.entry_sampling((1, 1), 1, np.random.default_rng(0))
    >>> dmf.sensing_hessian_trace(full, [[[1.0]], [[3.0]]])
    20.0
    """
    checked = _measured_factors(operator, factors)
    left, right = partial_products_of(checked)
    terms = (np.vdot(a @ a.T, operator._spread(b.T @ b)) for a, b in zip(left, right, strict=True))
    return float(2 * sum(terms))


def trace_and_gradient(
    operator: SensingOperator, factors: list[Array]
) -> tuple[float, list[Array]]:
    """Trace at checked factors, and its derivative by each of them.

    With ``P_l = A_l A_lᵀ``, ``Q_l = B_lᵀ B_l`` and ``Φ(Q) = Σ_k S_k Q S_kᵀ`` the trace is
    ``2 Σ_l ⟨P_l, Φ(Q_l)⟩``. Its derivatives by the partial products are ``4 Φ(Q_l) A_l`` and
    ``4 B_l Φ*(P_l)``, and the chain rule takes them through ``A_l = A_{l+1} W_{l+1}`` and
    ``B_{l+1} = W_l B_l`` in one sweep each.
    """
    left, right = partial_products_of(factors)
    spread = [operator._spread(b.T @ b) for b in right]
    trace = 2 * sum(np.vdot(a @ a.T, s) for a, s in zip(left, spread, strict=True))
    gradient = [np.zeros(factor.shape) for factor in factors]
    by_left = np.zeros(left[0].shape)
    for l in range(len(factors) - 1):
        by_left += 4 * spread[l] @ left[l]
        gradient[l + 1] += left[l + 1].T @ by_left
        by_left = by_left @ factors[l + 1].T
    by_right = np.zeros(right[-1].shape)
    for l in range(len(factors) - 1, 0, -1):
        by_right += 4 * right[l] @ operator._spread_back(left[l] @ left[l].T)
        gradient[l - 1] += by_right @ right[l - 1].T
        by_right = factors[l - 1].T @ by_right
    return float(trace), gradient


def flattest_trace(target: ArrayLike, depth: int) -> float:
    """Least trace of the Hessian of ``‖M − W_L ⋯ W_1‖_F²`` over all factorizations of the target.

    It is attained as soon as no hidden width is below the rank of the target, and depends on the
    target through its nuclear norm alone.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M``.
    depth : int, >= 2
        Number of factors L.

    Returns
    -------
    float
        ``2 L (d_0 d_L)^{1/L} ‖M‖_*^{2 − 2/L}``.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix or `depth` is not an integer from 2 on.

    Notes
    -----
    One singular value decomposition.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.flattest_trace([[3.0]], depth=2)
    12.0
    """
    checked, depth = matrix("target", target), integer("depth", depth, 2)
    nuclear = float(np.linalg.norm(checked, "nuc"))
    return float(2 * depth * checked.size ** (1 / depth) * nuclear ** (2 - 2 / depth))


def flattest_factors(
    target: ArrayLike, hidden_widths: Sequence[int], rng: np.random.Generator | None = None
) -> list[Array]:
    """Factors of the target at which the trace of the Hessian is least.

    The outer layers share the square root of the singular values; the inner ones are multiples of
    partial isometries.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M``.
    hidden_widths : sequence of L - 1 >= 1 ints, at least the rank of the target
        ``(d_1, …, d_{L-1})``; their number sets the depth.
    rng : numpy.random.Generator, optional
        With a generator, the bases of the hidden layers are random; without, coordinate axes.

    Returns
    -------
    list of L arrays, shapes (d_l, d_{l-1})
        Factors with product `target` and trace :func:`flattest_trace`; all zero for a zero target.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix, or a width is below its rank.

    Notes
    -----
    One singular value decomposition and ``O(L d² r)`` flops for widths d and rank r; with a generator
    a QR decomposition a layer.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.flattest_factors([[4.0]], (1,))
    [array([[2.]]), array([[2.]])]
    """
    checked = matrix("target", target)
    widths = widths_of("hidden_widths", hidden_widths)
    if not widths:
        raise ValueError("hidden_widths must hold at least 1 width (depth 2), got none")
    rank = int(np.linalg.matrix_rank(checked))
    if min(widths) < rank:
        raise ValueError(
            f"hidden_widths must be at least {rank}, the rank of the target, got {widths}"
        )
    depth, sides = len(widths) + 1, checked.shape
    if rank == 0:
        shapes = zip([*widths, sides[0]], [sides[1], *widths], strict=True)
        return [np.zeros(shape) for shape in shapes]
    u, s, vt = np.linalg.svd(checked, full_matrices=False)
    root, nuclear = np.sqrt(s[:rank]), float(s[:rank].sum())
    # All L terms of the trace are equal to `term`: that fixes the size of every layer.
    term = checked.size ** (1 / depth) * nuclear ** (2 - 2 / depth)
    first, inner, last = np.sqrt(
        [nuclear * sides[1] / term, nuclear**2 / term, nuclear * sides[0] / term]
    )
    bases = [orthonormal_frame(width, rank, rng) for width in widths]
    return [
        bases[0] * (first * root) @ vt[:rank],
        *[inner * after @ before.T for before, after in pairwise(bases)],
        u[:, :rank] * (last * root) @ bases[-1].T,
    ]


def _measured_factors(operator: SensingOperator, factors: Sequence[ArrayLike]) -> list[Array]:
    """Return factors as float64 matrices whose product the operator can measure."""
    checked = factor_list(factors)
    shape = (len(checked[-1]), checked[0].shape[1])
    if shape != operator.matrix_shape:
        raise ValueError(
            f"factors must have a product of shape {operator.matrix_shape}, which the operator "
            f"measures, got {shape}"
        )
    return checked
