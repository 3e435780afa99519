"""Trace of the Hessian as a measure of flatness: of sensing losses, and its least value.

For the loss ``F(W) = ‖𝒜(W_L ⋯ W_1) − y‖²`` with ``𝒜(X)_k = ⟨S_k, X⟩`` the trace is
``2 Σ_l Σ_k ‖A_lᵀ S_k B_lᵀ‖_F²`` at any factors, whatever y is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import restored, scaled_power, times_power
from dmfbook._validation import Array, factor_list, generator, integer, matrix
from dmfbook.network.factors import partial_products_of
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.losses.moments import InputFactor, input_factor
from dmfbook.sensing.checks import checked_operator
from dmfbook.sensing.operator import SensingOperator
from dmfbook.zero_loss.chain import pulled_back, scaled_partial_products
from dmfbook.zero_loss.modes import (
    SeenTarget,
    hidden_widths_above,
    in_bases,
    modes_of,
    seen_target,
)


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
        If the operator is none, the factors cannot be multiplied, or their product has another shape than the
        operator measures.
    OverflowError
        If the result is beyond the range of float64.

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
    terms = [
        (float(np.vdot(a @ a.T, operator._spread(b.T @ b))), 2 * (before + after))
        for (a, before), (b, after) in zip(*scaled_partial_products(checked), strict=False)
    ]
    top = max((exponent for term, exponent in terms if term), default=0)
    total = sum(float(times_power(term, exponent - top)) for term, exponent in terms if term)
    return restored("the trace", 2 * total, top)


def trace_and_gradient(
    operator: SensingOperator, factors: list[Array]
) -> tuple[float, list[Array]]:
    """Trace at checked factors, and its derivative by each of them.

    With ``P_l = A_l A_lᵀ``, ``Q_l = B_lᵀ B_l`` and ``Φ(Q) = Σ_k S_k Q S_kᵀ`` the trace is ``2 Σ_l ⟨P_l, Φ(Q_l)⟩``. Its
    derivatives by the partial products are ``4 Φ(Q_l) A_l`` and ``4 B_l Φ*(P_l)``.
    """
    left, right = partial_products_of(factors)
    spread = [operator._spread(b.T @ b) for b in right]
    trace = 2 * sum(np.vdot(a @ a.T, s) for a, s in zip(left, spread, strict=True))
    by_left = [4 * s @ a for a, s in zip(left, spread, strict=True)]
    by_right = [4 * b @ operator._spread_back(a @ a.T) for a, b in zip(left, right, strict=True)]
    return float(trace), pulled_back(factors, left, right, by_left, by_right)


def flattest_trace(target: ArrayLike, depth: int, inputs: ArrayLike | None = None) -> float:
    """Least trace of the Hessian of ``‖M − W_L ⋯ W_1‖_F²`` over all factorizations of the target.

    It is attained as soon as no hidden width is below the rank of the target, and depends on the
    target through its nuclear norm alone. With inputs the loss is that of a linear network,
    ``‖M X − W_L ⋯ W_1 X‖_F²``.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M``, what the network is to be: its outputs are ``M X``. Only its values on the inputs matter.
    depth : int, >= 2
        Number of factors L.
    inputs : array (d_0, n), optional
        Samples, as for :func:`sharpness`; white inputs without them.

    Returns
    -------
    float
        ``2 L (d_L ‖Q‖_F²)^{1/L} ‖M Q‖_*^{2 − 2/L}`` with ``X Xᵀ = Q Qᵀ``; for white inputs
        ``2 L (d_0 d_L)^{1/L} ‖M‖_*^{2 − 2/L}``.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix, `depth` is not an integer from 2 on, or the inputs are not a finite
        real matrix with ``d_0`` rows.
    OverflowError
        If the result is beyond the range of float64.

    Notes
    -----
    One singular value decomposition. Directions of the inputs with a moment below ``d_0 ε`` times the largest count as
    absent.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.flattest_trace([[3.0]], depth=2)
    12.0
    >>> dmf.flattest_trace([[3.0]], depth=2, inputs=[[1.0, 1.0, 1.0, 1.0]])
    48.0
    """
    checked, order = matrix("target", target), integer("depth", depth, 2)
    seen = seen_target(checked, _moments(inputs, checked))
    nuclear = float(np.linalg.svd(seen.image, compute_uv=False).sum())
    whole, exponent = scaled_power(1.0, seen.exponent, (2 * order - 2, order))
    value = 2 * order * _flattest_term(seen, len(checked), nuclear, order) * whole
    return restored("the least trace", value, exponent + 2 * seen.input_exponent)


def flattest_factors(
    target: ArrayLike,
    hidden_widths: Sequence[int],
    rng: np.random.Generator | None = None,
    inputs: ArrayLike | None = None,
) -> list[Array]:
    """Factors of the target at which the trace of the Hessian is least.

    The outer layers share the square root of the singular values; the inner ones are multiples of
    partial isometries.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M``, what the network is to be: its outputs are ``M X``.
    hidden_widths : sequence of L - 1 >= 1 ints, at least the rank of the target
        ``(d_1, …, d_{L-1})``; their number sets the depth. With inputs the rank is that of ``M X``.
    rng : numpy.random.Generator, optional
        With a generator, the bases of the hidden layers are random; without, coordinate axes.
    inputs : array (d_0, n), optional
        Samples, as for :func:`sharpness`; white inputs without them.

    Returns
    -------
    list of L arrays, shapes (d_l, d_{l-1})
        Factors with product `target` and trace :func:`flattest_trace`; all zero for a zero target. With inputs that do
        not span ``R^{d_0}`` the product equals the target on their span and vanishes beyond it.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix, a width is below its rank, the inputs are not a finite real matrix
        with ``d_0`` rows, or `rng` is neither None nor a generator.
    OverflowError
        If a factor is beyond the range of float64.

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
    random = None if rng is None else generator("rng", rng)
    seen = seen_target(checked, _moments(inputs, checked))
    modes = modes_of(seen.image)
    hidden = hidden_widths_above(hidden_widths, modes.rank)
    depth = len(hidden) + 1
    bases = [orthonormal_frame(width, modes.rank, random) for width in hidden]
    values = times_power(modes.leading * modes.ratios, modes.exponent)
    root, nuclear = np.sqrt(values), float(values.sum())
    # All L terms of the trace are equal to `term`: that fixes the size of every layer.
    term = _flattest_term(seen, len(checked), nuclear, depth) or 1.0
    whole, exponent = scaled_power(1.0, seen.exponent, (1, depth))
    first, inner, last = whole * np.sqrt(
        [nuclear * seen.power / term, nuclear**2 / term, nuclear * len(checked) / term]
    )
    # Uᵀ M holds the right singular vectors times the values of M Q, without its Q.
    heads = first * (modes.left.T @ seen.projected) / root[:, None]
    cores = [heads, *[inner * np.eye(modes.rank)] * (depth - 2), last * modes.left * root]
    return in_bases(cores, bases, exponent)


def _moments(inputs: ArrayLike | None, target: Array) -> InputFactor | None:
    return None if inputs is None else input_factor(inputs, target.shape[1])


def _flattest_term(seen: SeenTarget, outputs: int, nuclear: float, depth: int) -> float:
    """Each of the L equal terms of half the least trace, ``(d_L ‖Q‖_F²)^{1/L} ‖M Q‖_*^{2−2/L}``."""
    return float((outputs * seen.power) ** (1 / depth) * nuclear ** (2 - 2 / depth))


def _measured_factors(operator: SensingOperator, factors: Sequence[ArrayLike]) -> list[Array]:
    """Return factors as float64 matrices whose product the operator can measure."""
    checked_operator(operator)
    checked = factor_list(factors)
    shape = (len(checked[-1]), checked[0].shape[1])
    if shape != operator.matrix_shape:
        raise ValueError(
            f"factors must have a product of shape {operator.matrix_shape}, which the operator "
            f"measures, got {shape}"
        )
    return checked
