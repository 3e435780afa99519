"""Zero-loss points: exact sharpness, flat minima, and random points of either kind.

A zero-loss point of ``‖M − W_L ⋯ W_1‖_F²`` is a factorization of the target. Its Hessian is
``2 Jᵀ J``, where J has ``d_0 d_L`` rows however many parameters there are, and its largest eigenvalue, the
sharpness, is that of ``2 J Jᵀ = 2 Σ_l (B_lᵀ B_l) ⊗ (A_l A_lᵀ)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array, factor_list, integer, matrix, widths_of
from dmfbook.network.factors import end_to_end, partial_products_of
from dmfbook.network.frames import orthonormal_frame
from dmfbook.zero_loss.leading import LeadingPair, leading_pair, leading_singular

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


def zero_loss_factors(
    target: ArrayLike,
    hidden_widths: Sequence[int],
    rng: np.random.Generator,
    condition: float = 10.0,
) -> list[Array]:
    """Random factorization of a target, unbalanced.

    Balanced factors of the target's non-zero modes, with Gaussian entries where those leave room,
    are seen through a random change of basis in each hidden layer.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M``.
    hidden_widths : sequence of L - 1 >= 1 ints
        ``(d_1, …, d_{L-1})``, none below the rank of `target`.
    rng : numpy.random.Generator
        Source of randomness.
    condition : float, >= 1
        Condition number of each change of basis. At 1 they are orthogonal, and the modes are balanced.

    Returns
    -------
    list of L arrays, shapes (d_l, d_{l-1})
        Factors with end-to-end matrix `target`, up to a relative error of about `condition` ``L ε``.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix, a hidden width is too small, or `condition` is below 1.

    Notes
    -----
    ``O(Σ d_l³)`` flops, memory for a few hidden matrices.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> factors = dmf.zero_loss_factors([[2.0, 1.0]], (3, 4), np.random.default_rng(0))
    >>> dmf.end_to_end(factors).round(12)
    array([[2., 1.]])
    """
    if not 1 <= condition < np.inf:
        raise ValueError(f"condition must be a number from 1 on, got {condition}")
    modes = _Modes(target, hidden_widths)
    values = np.tile(modes.ratios ** (1 / modes.depth), (modes.depth, 1))
    layers = modes.embed(values)
    modes.fill_spare(layers[1:-1], 1.0, rng)
    spread = condition**0.5
    for l in range(modes.depth - 1):
        width = len(layers[l])
        stretch = np.geomspace(1 / spread, spread, width)
        first, second = (orthonormal_frame(width, width, rng) for _ in range(2))
        layers[l] = first @ (stretch[:, None] * (second @ layers[l]))
        layers[l + 1] = ((layers[l + 1] @ second.T) / stretch) @ first.T
    return modes.rotate(layers)


def flat_factors(
    target: ArrayLike,
    hidden_widths: Sequence[int],
    rng: np.random.Generator,
    spread: float = 0.0,
    spare: float = 0.0,
) -> list[Array]:
    """Random flat minimum: a factorization of least sharpness.

    The leading mode is shared equally by the layers. Each other mode may be shared unequally, as long as no
    layer has more than ``σ_1^{1/L}`` of it; then ``‖A_l‖₂ ‖B_l‖₂ = σ_1^{1−1/L}`` for all l.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M``.
    hidden_widths : sequence of L - 1 >= 1 ints
        ``(d_1, …, d_{L-1})``, none below the rank of `target`.
    rng : numpy.random.Generator
        Source of randomness: bases of the hidden layers, and which layer gets how much of a mode.
    spread : float, from 0 to 1
        At 0 the factors are balanced; at 1 each mode but the leading one has its smallness in a single
        layer, as unequal as the condition allows.
    spare : float, >= 0
        Size, in units of ``σ_1^{1/L}``, of Gaussian entries of the middle layers that no input reaches and no
        output sees. They exist for depth 3 and more and hidden widths above the rank, and may be as
        large as you like: the point stays flat, however far from Frobenius balance it gets.

    Returns
    -------
    list of L arrays, shapes (d_l, d_{l-1})
        Factors with end-to-end matrix `target` up to rounding.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix, a hidden width is too small, `spread` is not within
        0 and 1, or `spare` is negative or not finite.

    Notes
    -----
    ``O(Σ d_l³)`` flops, memory for a few hidden matrices.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> target = [[4.0, 0.0], [0.0, 1.0]]
    >>> factors = dmf.flat_factors(target, (3,), np.random.default_rng(0), spread=1.0)
    >>> round(dmf.sharpness(factors) / dmf.flat_sharpness(target, 2), 12), dmf.imbalance(factors) > 1
    (1.0, True)
    """
    if not 0 <= spread <= 1:
        raise ValueError(f"spread must lie between 0 and 1, got {spread}")
    if not 0 <= spare < np.inf:
        raise ValueError(f"spare must be a number from 0 on, got {spare}")
    modes = _Modes(target, hidden_widths)
    burdened = rng.integers(modes.depth, size=modes.rank)
    # Shares of log(σ_1/σ_i) that the layers take; a layer that takes none has the leading value.
    shares = np.full((modes.depth, modes.rank), (1 - spread) / modes.depth)
    shares[burdened, np.arange(modes.rank)] += spread
    layers = modes.embed(modes.ratios**shares)
    modes.fill_spare(layers[1:-1], spare, rng)
    for l in range(modes.depth - 1):
        width = len(layers[l])
        turn = orthonormal_frame(width, width, rng)
        layers[l], layers[l + 1] = turn @ layers[l], layers[l + 1] @ turn.T
    return modes.rotate(layers)


class _Modes:
    """Non-zero modes of a target, and layers in which each of them is one entry."""

    def __init__(self, target: ArrayLike, hidden_widths: Sequence[int]) -> None:
        checked = matrix("target", target)
        hidden = widths_of("hidden_widths", hidden_widths)
        if not hidden:
            raise ValueError("hidden_widths must hold at least 1 width (depth 2), got none")
        self._left, values, self._right = np.linalg.svd(checked, full_matrices=False)
        resolution = max(checked.shape) * np.finfo(float).eps * values[0]
        self.rank = int(np.count_nonzero(values > resolution))
        if min(hidden) < self.rank:
            raise ValueError(
                f"hidden_widths must not be below the rank {self.rank} of the target, got {hidden}"
            )
        self.depth = len(hidden) + 1
        self._widths = (self.rank, *hidden, self.rank)
        self.ratios = values[: self.rank] / values[0] if self.rank else np.ones(0)
        self.scale = float(values[0] ** (1 / self.depth))

    def embed(self, values: Array) -> list[Array]:
        """Layers with the given values (L, rank), times ``σ_1^{1/L}``, at the head of their diagonals."""
        layers = [np.zeros((after, before)) for before, after in pairwise(self._widths)]
        place = np.arange(self.rank)
        for layer, row in zip(layers, values, strict=True):
            layer[place, place] = self.scale * row
        return layers

    def fill_spare(self, layers: list[Array], size: float, rng: np.random.Generator) -> None:
        """Fill what the modes leave free in middle layers; the outer ones have no room to link it."""
        for layer in layers:
            room = layer[self.rank :, self.rank :]
            scale = size * self.scale / max(1, *room.shape) ** 0.5
            room[:] = scale * rng.standard_normal(room.shape)

    def rotate(self, layers: list[Array]) -> list[Array]:
        """The layers with the outer bases of the target."""
        first, *middle, last = layers
        return [
            first @ self._right[: self.rank],
            *middle,
            self._left[:, : self.rank] @ last,
        ]


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
