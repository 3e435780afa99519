"""Sharpness of zero-loss points, exact, and its least value.

A zero-loss point of ``‖M − W_L ⋯ W_1‖_F²`` is a factorization of the target. Its Hessian is
``2 Jᵀ J``, where J has ``d_0 d_L`` rows however many parameters there are, and its largest eigenvalue, the
sharpness, is that of ``2 J Jᵀ = 2 Σ_l (B_lᵀ B_l) ⊗ (A_l A_lᵀ)``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array, factor_list, integer, matrix
from dmfbook.network.factors import end_to_end, partial_products_of
from dmfbook.zero_loss.leading import leading_pair
from dmfbook.zero_loss.spectral_norm import LeadingPair, leading_singular

TOLERANCE = 1e-12  # relative error of the sharpness
RESIDUAL = 1e-10  # relative residual of the sharpest direction


def sharpness(factors: Sequence[ArrayLike]) -> float:
    """Largest eigenvalue of the Hessian at a zero-loss point, exact.

    The target is taken to be the end-to-end matrix, and there is no regularization [1]_. (At any other
    point this is the largest eigenvalue of the Gauss–Newton part of the Hessian.)

    Parameters
    ----------
    factors : sequence of L >= 2 arrays, shapes (d_l, d_{l-1})
        The factors, first applied first.

    Returns
    -------
    float
        ``λ_max(∇²F) = 2 λ_max(Σ_l (B_lᵀ B_l) ⊗ (A_l A_lᵀ))`` for ``F = ‖M − W_L ⋯ W_1‖_F²``, with a
        relative error of about 1e-12 at most.

    Raises
    ------
    ValueError, TypeError
        If the factors are not finite real matrices that can be multiplied.
    FloatingPointError
        If the eigenvalue iteration does not converge, or the result overflows. It may fail to converge where
        several leading eigenvalues nearly agree and ``d_0 d_L`` exceeds 2,000.

    Notes
    -----
    At depth 2 this is ``2 (‖W_1‖₂² + ‖W_2‖₂²)``, two spectral norms. For ``d_0 = d_L = 1`` it is a sum of
    L numbers, in ``O(N)``. Otherwise Davidson's method is applied: where outer widths d are at most about 100 L,
    to ``d × d`` matrices, some tens of steps of ``O(L d³)`` flops, with memory for about ten times the
    factors (at depth 3; less at greater depth); at larger widths, to a growing space of matrices of low rank r,
    some tens of steps of ``O(N r)`` flops, with memory for ``L d r`` numbers beside the factors.

    References
    ----------
    .. [1] kamber2025sharpness, arXiv 2509.25783 (an exact expression; this form is derived in the book).

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.sharpness([[[3.0]], [[1.0]]])
    20.0
    """
    return 2 * _leading(factor_list(factors), residual=1.0).value


def sharpest_direction(factors: Sequence[ArrayLike]) -> tuple[float, list[Array]]:
    """Sharpness of a zero-loss point and a unit eigenvector of the Hessian that belongs to it.

    Parameters
    ----------
    factors : sequence of L >= 2 arrays, shapes (d_l, d_{l-1})
        The factors, first applied first.

    Returns
    -------
    value : float
        The sharpness, as :func:`sharpness` gives it.
    direction : list of L arrays, shapes (d_l, d_{l-1})
        ``Δ_l = A_lᵀ Z B_lᵀ / √(λ_max / 2)`` with Z the leading unit eigenvector of the small matrix; the
        sum of the squared entries of all layers is 1, and its sign is arbitrary. If the Hessian vanishes,
        any direction is as good: all entries are equal.

    Raises
    ------
    ValueError, TypeError
        If the factors are not finite real matrices that can be multiplied.
    FloatingPointError
        If the eigenvalue iteration does not converge or the result overflows.

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
    checked = factor_list(factors)
    pair = _leading(checked, residual=RESIDUAL)
    if pair.value == 0:
        size = sum(factor.size for factor in checked)
        return 0.0, [np.full(factor.shape, size**-0.5) for factor in checked]
    back = [pair.left]  # A_lᵀ Z and Z B_lᵀ, each without the other factor of Z
    for factor in checked[:0:-1]:
        back.append(factor.T @ back[-1])
    front = [pair.right]
    for factor in checked[:-1]:
        front.append(factor @ front[-1])
    scale = pair.value**-0.5
    return 2 * pair.value, [scale * (a @ b.T) for a, b in zip(back[::-1], front, strict=True)]


def flat_sharpness(target: ArrayLike, depth: int) -> float:
    """Least sharpness of all factorizations of a target, ``2 L σ_1^{2−2/L}``.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M``; ``σ_1`` is its spectral norm.
    depth : int, >= 2
        Number of factors L.

    Returns
    -------
    float
        The sharpness of the flat minima. It is attained if no hidden width is below the rank of `target`;
        otherwise there is no factorization.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix, or the depth is no integer or below 2.

    Notes
    -----
    One spectral norm.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.flat_sharpness([[8.0, 0.0], [0.0, 1.0]], depth=2)
    32.0
    """
    order = integer("depth", depth, 2)
    norm = leading_singular(matrix("target", target)).value
    return float(2 * order * norm ** (2 - 2 / order))


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
    left, right = partial_products_of(factor_list(factors))
    pairs = zip(left, right, strict=True)
    return np.array([leading_singular(a).value * leading_singular(b).value for a, b in pairs])


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
    products = spectral_products(factors)
    flat = leading_singular(end_to_end(factors)).value ** (1 - 1 / len(products))
    if flat == 0:
        return np.inf if products.any() else 0.0
    return float(np.abs(products / flat - 1).max())


def _leading(factors: list[Array], residual: float) -> LeadingPair:
    """Leading eigenpair of the small matrix, in closed form for numbers and at depth 2."""
    if len(factors[-1]) == factors[0].shape[1] == 1:
        pairs = zip(*partial_products_of(factors), strict=True)
        value = float(sum(np.vdot(a, a) * np.vdot(b, b) for a, b in pairs))
        pair = LeadingPair(value, np.ones((1, 1)), np.ones((1, 1)))
    elif len(factors) == 2:
        # (W_1ᵀW_1) ⊗ I + I ⊗ (W_2W_2ᵀ): eigenvalues add, eigenvectors multiply.
        first, second = (leading_singular(factor) for factor in factors)
        pair = LeadingPair(first.value**2 + second.value**2, second.left, first.right)
    else:
        pair = leading_pair(factors, TOLERANCE, residual)
    if not np.isfinite(pair.value):
        raise FloatingPointError("the factors are too large: the sharpness overflows")
    return pair
