"""Random factorizations of a target: any, or of least sharpness."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array, matrix, widths_of
from dmfbook.network.frames import orthonormal_frame


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
