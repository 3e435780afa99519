"""Second derivatives at any factors: the dense Hessian by Kronecker formulas, and its exact trace.

With ``A_l``, ``B_l`` the partial products on both sides of layer l, ``G = ∇ℓ(X)`` and ``∇²ℓ[Z] = 2 Z S``, the
block of layers k > l is the sum of a Gauss–Newton part ``2 (B_k S B_lᵀ) ⊗ (A_kᵀ A_l)`` and a residual part with
entries ``(A_kᵀ G B_lᵀ)[a, e] (W_{k-1} ⋯ W_{l+1})[b, c]``. All blocks together are products of entries
of three small matrices, see :func:`_interactions`. A loss with another second derivative keeps the residual part;
its Gauss–Newton part ``Jᵀ ∇²ℓ J`` is assembled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import in_range, times_power
from dmfbook._validation import Array
from dmfbook.network.curvature import (
    curvature_matrix,
    curvature_trace,
    has_kronecker_structure,
)
from dmfbook.network.factors import partial_products_of
from dmfbook.network.losses import Loss
from dmfbook.network.problem import Problem, checked_point, checked_points
from dmfbook.network.regression import Regression
from dmfbook.network.units import units_of

# Rows are filled in tiles whose scratch copy stays in a core's second-level cache.
TILE_ENTRIES = 32_768
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
    OverflowError
        If an entry is beyond the range of float64.

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
    checked = checked_point(problem, factors)
    units = units_of(problem.end_to_end_loss, checked)
    out = _curvature_of_fit(problem, units.loss, units.factors)
    sizes = [factor.size for factor in checked]
    if not units.are_plain:
        for rows, unit in zip(_slices(sizes), units.layers, strict=True):
            exponents = units.value - unit - np.repeat(units.layers, sizes)
            out[rows] = in_range("the Hessian", times_power(out[rows], exponents))
    penalty = [2 * reg for reg in problem.reg]
    out.ravel()[:: problem.size + 1] += np.repeat(penalty, sizes)
    return out


def _curvature_of_fit(problem: Problem, loss: Loss, checked: list[Array]) -> Array:
    """Hessian of ``ℓ(W_L ⋯ W_1)``."""
    inputs, outputs, links = _interactions(loss, checked)
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
    if not has_kronecker_structure(loss):
        _add_gauss_newton(out, loss, checked)
    return out


def _interactions(loss: Loss, factors: list[Array]) -> tuple[Array, Array, Array]:
    """The matrices P, Q, X that the Hessian is made of.

    P is indexed by pairs of input units (l, e), Q by pairs of output units (l, c), and X by an output
    and an input unit. The Hessian's entry for weights (k, a, b) and (l, c, e) is
    ``P[kb, le] Q[ka, lc] + X[ka, le] X[lc, kb]``. Without Kronecker structure P is zero.
    """
    left, right = partial_products_of(factors)
    slope = loss.gradient(factors[-1] @ right[-1])
    all_inputs, all_outputs = np.concatenate(right), np.concatenate(left, axis=1)
    links = all_outputs.T @ slope @ all_inputs.T
    columns = _slices(factor.shape[1] for factor in factors)
    rows = _slices(factor.shape[0] for factor in factors)
    for l, row in enumerate(rows):
        links[row, columns[l]] = 0.0
        middle = np.eye(len(factors[l]))
        for k in range(l + 1, len(factors)):
            links[row, columns[k]] = middle.T  # C_kl = W_{k-1} ⋯ W_{l+1}
            middle = factors[k] @ middle
    grams = 2 * (all_outputs.T @ all_outputs)
    if not has_kronecker_structure(loss):
        return np.zeros((len(all_inputs), len(all_inputs))), grams, links
    if isinstance(loss, Regression):
        all_inputs = all_inputs @ loss.input_factor
    return all_inputs @ all_inputs.T, grams, links


def _add_gauss_newton(out: Array, loss: Loss, factors: list[Array]) -> None:
    """Add ``Jᵀ ∇²ℓ J`` for a loss whose second derivative has no Kronecker structure."""
    left, right = partial_products_of(factors)
    # vec(A Δ B) = (Bᵀ ⊗ A) vec Δ, columns stacked.
    jacobian = np.hstack([np.kron(b.T, a) for a, b in zip(left, right, strict=True)])
    half = curvature_matrix(loss, factors[-1] @ right[-1]) @ jacobian
    part = jacobian.T @ half
    out += (part + part.T) / 2


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
