"""Sharpness of zero-loss points, exact, and its least value.

A zero-loss point of ``‖M − W_L ⋯ W_1‖_F²`` is a factorization of the target. Its Hessian is
``2 Jᵀ J``, where J has ``d_0 d_L`` rows however many parameters there are, and its largest eigenvalue, the
sharpness, is that of ``2 J Jᵀ = 2 Σ_l (B_lᵀ B_l) ⊗ (A_l A_lᵀ)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import restored, scaled_power
from dmfbook._validation import Array, factor_list, integer, matrix
from dmfbook.network.losses.moments import input_factor, input_root
from dmfbook.zero_loss.chain import Chain, scaled_chain, scaled_partial_products
from dmfbook.zero_loss.flattest import flattest_split
from dmfbook.zero_loss.leading import leading_pair
from dmfbook.zero_loss.spectral_norm import LeadingPair, leading_singular

TOLERANCE = 1e-12  # relative error of the sharpness
RESIDUAL = 1e-10  # relative residual of the sharpest direction


def sharpness(factors: Sequence[ArrayLike], inputs: ArrayLike | None = None) -> float:
    """Largest eigenvalue of the Hessian at a zero-loss point, exact.

    The target is taken to be the end-to-end matrix, and there is no regularization [1]_. (At any other
    point this is the largest eigenvalue of the Gauss–Newton part of the Hessian.)

    Parameters
    ----------
    factors : sequence of L >= 2 arrays, shapes (d_l, d_{l-1})
        The factors, first applied first.
    inputs : array (d_0, n), optional
        Samples of a linear network, one a column: the loss is ``‖Y − W_L ⋯ W_1 X‖_F²``, that of
        :class:`Regression` with scale 1, with outputs Y that the network fits. Any number of them; they need not span
        ``R^{d_0}``. Without them the inputs are white, ``X Xᵀ = I``, and the loss is ``‖M − W_L ⋯ W_1‖_F²``.

    Returns
    -------
    float
        ``λ_max(∇²F) = 2 λ_max(Σ_l (Qᵀ B_lᵀ B_l Q) ⊗ (A_l A_lᵀ))`` with ``X Xᵀ = Q Qᵀ``, with a relative error of
        about 1e-12 at most, whatever the scale of each layer and of the inputs.

    Raises
    ------
    ValueError, TypeError
        If the factors are not finite real matrices that can be multiplied, or the inputs not a finite real matrix
        with ``d_0`` rows.
    OverflowError
        If the result is beyond the range of float64.
    FloatingPointError
        If the eigenvalue iteration does not converge. That may happen where several leading eigenvalues nearly
        agree and ``d_0 d_L`` exceeds 2,000.

    Notes
    -----
    At depth 2 this is ``2 (‖W_1‖₂² + ‖W_2‖₂²)``, two spectral norms. For ``d_0 = d_L = 1`` it is a sum of
    L numbers, in ``O(N)``. Otherwise Davidson's method is applied: where outer widths d are at most about 100 L,
    to ``d × d`` matrices, some tens of steps of ``O(L d³)`` flops, with memory for about eleven times the
    factors (at depth 3; less at greater depth); at larger widths, to a growing space of matrices of low rank r,
    some tens of steps of ``O(N r)`` flops, with memory for ``L d r`` numbers beside the factors. More inputs than ``d_0``
    cost two readings, ``n d_0²`` flops and the memory of a block of them.

    References
    ----------
    .. [1] kamber2025sharpness, arXiv 2509.25783 (an exact expression; this form is derived in the book).

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.sharpness([[[3.0]], [[1.0]]])
    20.0
    >>> dmf.sharpness([[[3.0]], [[1.0]]], inputs=[[0.0, 2.0]])
    80.0
    """
    checked, chain = _network(factors, inputs)
    value = leading_pair(chain, TOLERANCE).value
    return restored("the sharpness", 2 * value, chain.exponent)


def sharpest_direction(
    factors: Sequence[ArrayLike], inputs: ArrayLike | None = None
) -> tuple[float, list[Array]]:
    """Sharpness of a zero-loss point and a unit eigenvector of the Hessian that belongs to it.

    Parameters
    ----------
    factors : sequence of L >= 2 arrays, shapes (d_l, d_{l-1})
        The factors, first applied first.
    inputs : array (d_0, n), optional
        Samples, as for :func:`sharpness`; white inputs without them.

    Returns
    -------
    value : float
        The sharpness, as :func:`sharpness` gives it.
    direction : list of L arrays, shapes (d_l, d_{l-1})
        ``Δ_l = A_lᵀ Z Qᵀ B_lᵀ / √(λ_max / 2)`` with Z the leading unit eigenvector of the small matrix; the
        sum of the squared entries of all layers is 1, and its sign is arbitrary. If the Hessian vanishes,
        any direction is as good: all entries are equal.

    Raises
    ------
    ValueError, TypeError
        As :func:`sharpness`.
    OverflowError
        If the sharpness is beyond the range of float64.
    FloatingPointError
        If the eigenvalue iteration does not converge.

    Notes
    -----
    The cost of :func:`sharpness` to a smaller residual, which bounds the angle to the eigenvector by
    ``1e-10 λ_max / gap``; memory of the output. Where the largest eigenvalue is repeated, one of its
    eigenvectors.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> value, direction = dmf.sharpest_direction([[[4.0]], [[3.0]]])
    >>> value, [abs(move).round(3).tolist() for move in direction]
    (50.0, [[[0.6]], [[0.8]]])
    """
    checked, chain = _network(factors, inputs)
    pair = leading_pair(chain, TOLERANCE, RESIDUAL)
    if pair.value == 0:
        size = sum(factor.size for factor in checked)
        return 0.0, [np.full(factor.shape, size**-0.5) for factor in checked]
    back = [pair.left]  # A_lᵀ Z and Z Qᵀ B_lᵀ, each without the other factor of Z
    for layer in chain.layers[:0:-1]:
        back.append(layer.T @ back[-1])
    front = [pair.right]
    for layer in chain.layers[:-1]:
        front.append(layer @ front[-1])
    if chain.root is not None:
        front[0] = chain.root @ pair.right
    scales = np.sqrt(chain.weights / pair.value)
    moves = [scale * (a @ b.T) for scale, a, b in zip(scales, back[::-1], front, strict=True)]
    return restored("the sharpness", 2 * pair.value, chain.exponent), moves


def flat_sharpness(target: ArrayLike, depth: int, inputs: ArrayLike | None = None) -> float:
    """Least sharpness of all factorizations of a target, ``2 L σ_1^{2−2/L}`` for white inputs.

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
        The sharpness of the flat minima, ``2 L max_{‖v‖=1} ‖M Q v‖^{2−2/L} ‖Q v‖^{2/L}`` with ``X Xᵀ = Q Qᵀ``. It is
        attained if no hidden width is below the rank of ``M X``; otherwise there is no factorization.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix, the depth is no integer or below 2, or the inputs are not a finite
        real matrix with ``d_0`` rows.
    OverflowError
        If the result is beyond the range of float64.

    Notes
    -----
    One spectral norm; with inputs ``2 min_{p>0} λ_max((L−1) Qᵀ Mᵀ M Q / p + p^{L−1} QᵀQ)``, whose logarithm in p is the
    unknown of a convex problem: some ten eigenvalue problems of the size of the inputs' rank, up to fifty where the
    largest eigenvalue is repeated at the minimum.
    A direction of the inputs with a moment below ``d_0 ε`` times the largest counts as absent.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.flat_sharpness([[8.0, 0.0], [0.0, 1.0]], depth=2)
    32.0
    >>> dmf.flat_sharpness([[8.0, 0.0], [0.0, 1.0]], depth=2, inputs=[[3.0, 0.0], [0.0, 1.0]])
    288.0
    """
    checked, order = matrix("target", target), integer("depth", depth, 2)
    if inputs is not None:
        found = flattest_split(checked, order, input_factor(inputs, checked.shape[1]))
        return restored("the least sharpness", 2 * found.value, found.exponent)
    norm = leading_singular(checked)
    value, exponent = scaled_power(norm.value, norm.exponent, (2 * order - 2, order))
    return restored("the least sharpness", 2 * order * value, exponent)


def spectral_products(factors: Sequence[ArrayLike]) -> Array:
    """Products ``‖A_l‖₂ ‖B_l‖₂`` of the spectral norms of the partial products around each layer.

    If all are ``σ_1^{1−1/L}``, with ``σ_1`` the spectral norm of the end-to-end matrix, the point is a flat
    minimum [1]_. Twice the sum of their squares is an upper bound for the sharpness.

    Parameters
    ----------
    factors : sequence of L >= 2 arrays, shapes (d_l, d_{l-1})
        The factors, first applied first.

    Returns
    -------
    array (L,)
        The products, l = 1, …, L.

    Raises
    ------
    ValueError, TypeError
        If the factors are not finite real matrices that can be multiplied.
    OverflowError
        If a product is beyond the range of float64.

    Notes
    -----
    ``O(L d³)`` flops for widths ``d``, memory for the partial products.

    References
    ----------
    .. [1] kamber2025sharpness, arXiv 2509.25783 (the constant is made explicit in the book).

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.spectral_products([[[4.0]], [[1.0]], [[2.0]]])
    array([2., 8., 4.])
    """
    products, _ = _spectral_products(factor_list(factors))
    return np.array([restored("a product", value, exponent) for value, exponent in products])


def spectral_imbalance(factors: Sequence[ArrayLike]) -> float:
    """Violation of the flatness condition, ``max_l |‖A_l‖₂ ‖B_l‖₂ / σ_1^{1−1/L} − 1|``.

    Zero means that the factors are a flat minimum for their end-to-end matrix. The converse holds at depth 2
    and for ``d_0 = d_L = 1`` [1]_, not in general.

    Parameters
    ----------
    factors : sequence of L >= 2 arrays, shapes (d_l, d_{l-1})
        The factors, first applied first.

    Returns
    -------
    float
        Dimensionless. Infinite if the end-to-end matrix is zero and some product is not; zero if all are.

    Raises
    ------
    ValueError, TypeError
        If the factors are not finite real matrices that can be multiplied.
    OverflowError
        If the result is beyond the range of float64.

    Notes
    -----
    The cost of :func:`spectral_products`.

    References
    ----------
    .. [1] kamber2025sharpness, arXiv 2509.25783.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.spectral_imbalance([[[2.0]], [[2.0]]]), dmf.spectral_imbalance([[[8.0]], [[0.5]]])
    (0.0, 3.0)
    """
    checked = factor_list(factors)
    products, whole = _spectral_products(checked)
    if whole.value == 0:
        return np.inf if any(value for value, _ in products) else 0.0
    depth = len(checked)
    flat, shift = scaled_power(whole.value, whole.exponent, (depth - 1, depth))
    ratios = [
        restored("the imbalance", value / flat, exponent - shift) for value, exponent in products
    ]
    return float(np.abs(np.array(ratios) - 1).max())


def _network(factors: Sequence[ArrayLike], inputs: ArrayLike | None) -> tuple[list[Array], Chain]:
    """Checked factors, and their chain on the inputs."""
    checked = factor_list(factors)
    root = None if inputs is None else input_root(inputs, checked[0].shape[1])
    return checked, scaled_chain(checked, root)


def _spectral_products(factors: list[Array]) -> tuple[list[tuple[float, int]], LeadingPair]:
    """``‖A_l‖₂ ‖B_l‖₂`` for all l, each over a power of two, and the spectral norm of the end-to-end matrix."""
    left, right = (
        [(leading_singular(product), exponent) for product, exponent in side]
        for side in scaled_partial_products(factors)
    )
    products = [
        (a.value * b.value, before + after)
        for (a, before), (b, after) in zip(left, right, strict=False)
    ]
    whole, exponent = right[-1]
    return products, replace(whole, exponent=whole.exponent + exponent)
