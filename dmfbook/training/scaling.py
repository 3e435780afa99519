"""Scaled gradient descent: gradients divided by Gram matrices of the factors."""

from __future__ import annotations

import numpy as np

from dmfbook._validation import Array, nonnegative_number


class Scaling:
    """Turns gradients of two factors, or of one, into the directions of scaled gradient descent.

    For two factors ``(W_2ᵀ W_2 + ε I)⁻¹ ∇_1`` and ``∇_2 (W_1 W_1ᵀ + ε I)⁻¹``; for one factor U of ``U Uᵀ``
    ``∇ (Uᵀ U + ε I)⁻¹``.

    Parameters
    ----------
    damping : float, >= 0
        The ε, in units of a squared factor.
    layers, blocks : lists of one or two arrays
        The factors and their gradients, which change in place.
    """

    def __init__(self, damping: object, layers: list[Array], blocks: list[Array]) -> None:
        self._damping = nonnegative_number("scaling", damping)
        self._layers, self._blocks = layers, blocks
        shapes = [layer.shape for layer in layers]
        is_one = len(shapes) == 1 and len(shapes[0]) >= 2
        is_pair = (
            len(shapes) == 2
            and min(map(len, shapes)) >= 2
            and shapes[1][-1] == shapes[0][-2]
            and shapes[1][:-2] == shapes[0][:-2]
        )
        if not (is_one or is_pair):
            raise ValueError(
                f"scaling is for one factor or for two that follow, got shapes {shapes}"
            )

    def __call__(self) -> None:
        """Scale the gradients in place."""
        try:
            if len(self._layers) == 1:
                (factor,), (block,) = self._layers, self._blocks
                block[...] = np.linalg.solve(self._damped(factor.mT @ factor), block.mT).mT
            else:
                (first, second), (by_first, by_second) = self._layers, self._blocks
                by_first[...] = np.linalg.solve(self._damped(second.mT @ second), by_first)
                by_second[...] = np.linalg.solve(self._damped(first @ first.mT), by_second.mT).mT
        except np.linalg.LinAlgError:
            raise ValueError(
                "scaling needs factors of full rank or a damping: a Gram matrix of theirs is singular"
            ) from None

    def _damped(self, gram: Array) -> Array:
        return gram + self._damping * np.eye(gram.shape[-1])
