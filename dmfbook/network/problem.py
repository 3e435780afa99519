"""The deep matrix factorization problem: target, widths and regularization; loss and gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array, factors_of_widths, matrix, nonnegative, widths_of


@dataclass(frozen=True, eq=False)
class Problem:
    """Regularized deep matrix factorization, ``F(W) = ‖M − W_L ⋯ W_1‖_F² + Σ_l λ_l ‖W_l‖_F²``.

    There is no ½ in the objective. Problems compare by identity.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M`` to factor. Kept read-only: copied, unless it owns its data and is read-only.
    hidden_widths : sequence of L - 1 >= 1 ints
        ``(d_1, …, d_{L-1})``; their number sets the depth L.
    reg : float or L floats, non-negative
        Regularization weights ``λ_l``; one number serves all layers. Kept as a tuple of L floats.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix, a width is below 1, there is no hidden width, or a
        weight is negative or not finite.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> problem = dmf.Problem([[2.0, 0.0]], hidden_widths=(3, 4), reg=0.5)
    >>> problem.depth, problem.widths, problem.size, problem.reg
    (3, (2, 3, 4, 1), 22, (0.5, 0.5, 0.5))
    """

    target: Array
    hidden_widths: tuple[int, ...]
    reg: tuple[float, ...]

    def __init__(
        self, target: ArrayLike, hidden_widths: Sequence[int], reg: ArrayLike = 0.0
    ) -> None:
        frozen_target = matrix("target", target)
        # An array that nobody can write to is shared: at width 16,384 a copy takes 2 GiB.
        if frozen_target.flags.writeable or not frozen_target.flags.owndata:
            frozen_target = frozen_target.copy()
            frozen_target.flags.writeable = False
        widths = widths_of("hidden_widths", hidden_widths)
        if not widths:
            raise ValueError("hidden_widths must hold at least 1 width (depth 2), got none")
        depth = len(widths) + 1
        weights = nonnegative("reg", reg)
        if weights.shape not in ((), (depth,)):
            raise ValueError(
                f"reg must be a number or {depth} numbers, one a layer, got shape {weights.shape}"
            )
        object.__setattr__(self, "target", frozen_target)
        object.__setattr__(self, "hidden_widths", widths)
        object.__setattr__(self, "reg", tuple(np.broadcast_to(weights, depth).tolist()))

    @property
    def depth(self) -> int:
        """Number of factors L."""
        return len(self.hidden_widths) + 1

    @property
    def widths(self) -> tuple[int, ...]:
        """All widths ``(d_0, …, d_L)``."""
        return (self.target.shape[1], *self.hidden_widths, self.target.shape[0])

    @property
    def size(self) -> int:
        """Number of parameters ``N = Σ d_l d_{l-1}``."""
        return sum(before * after for before, after in pairwise(self.widths))

    def loss(self, factors: Sequence[ArrayLike]) -> float:
        """Objective ``F`` at `factors`.

        Parameters
        ----------
        factors : sequence of L arrays, shapes (d_l, d_{l-1})
            The point.

        Returns
        -------
        float
            ``‖M − X‖_F² + Σ_l λ_l ‖W_l‖_F²``.

        Raises
        ------
        ValueError, TypeError
            If the factors do not have the problem's shapes or are not finite.

        Notes
        -----
        ``O(Σ d_l d_{l-1} d_0)`` flops, and memory for two partial products.

        Examples
        --------
        >>> import dmfbook as dmf
        >>> dmf.Problem([[2.0]], (1,), reg=0.5).loss([[[1.0]], [[1.0]]])
        2.0
        """
        checked = factors_of_widths(factors, self.widths)
        product = checked[0]
        for factor in checked[1:]:
            product = factor @ product
        penalty = sum(reg * np.vdot(w, w) for reg, w in zip(self.reg, checked, strict=True))
        residual = self.target - product
        return float(np.vdot(residual, residual) + penalty)

    def gradient(self, factors: Sequence[ArrayLike]) -> list[Array]:
        """Gradient of ``F`` at `factors`, ``∂F/∂W_l = −2 A_lᵀ R B_lᵀ + 2 λ_l W_l``.

        Parameters
        ----------
        factors : sequence of L arrays, shapes (d_l, d_{l-1})
            The point.

        Returns
        -------
        list of L arrays, shapes (d_l, d_{l-1})
            One block a layer.

        Raises
        ------
        ValueError, TypeError
            If the factors do not have the problem's shapes or are not finite.

        Notes
        -----
        ``O(L d³)`` flops for widths ``d``, in two sweeps through the layers; memory for the partial
        products.

        Examples
        --------
        >>> import dmfbook as dmf
        >>> dmf.Problem([[2.0]], (1,), reg=0.5).gradient([[[1.0]], [[1.0]]])
        [array([[-1.]]), array([[-1.]])]
        """
        checked = factors_of_widths(factors, self.widths)
        forward, backward = sweeps(self.target, checked)
        return [
            2 * (reg * factor - back @ front.T)
            for reg, factor, front, back in zip(self.reg, checked, forward, backward, strict=True)
        ]


def sweeps(target: Array, factors: list[Array]) -> tuple[list[Array], list[Array]]:
    """Partial products ``B_l`` and back-propagated residuals ``A_lᵀ R``, l = 1, …, L.

    The gradient and the Hessian's product both live on them; neither forms an ``A_l``.
    """
    forward = [np.eye(factors[0].shape[1])]
    for factor in factors[:-1]:
        forward.append(factor @ forward[-1])
    backward = [target - factors[-1] @ forward[-1]]
    for factor in reversed(factors[1:]):
        backward.append(factor.T @ backward[-1])
    return forward, backward[::-1]
