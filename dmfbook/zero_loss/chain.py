"""A product of factors without its scale: layers of order one, and powers of two kept apart.

At a zero-loss point all second derivatives are in ``Φ(Z) = Σ_l G_l Z K_l`` with ``G_l = A_l A_lᵀ`` and
``K_l = Qᵀ B_lᵀ B_l Q``, where the inputs have the second moment ``S = Q Qᵀ``; white inputs have ``Q = I``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dmfbook._scale import binary_exponent, divided, norm_exponent, normalized
from dmfbook._validation import Array

ORDINARY = 200  # binary digits up to which the square of Φ is far within the range of float64


@dataclass(frozen=True)
class Chain:
    """``Φ(Z) = 2**exponent Σ_l weights[l] A_l A_lᵀ Z K_l`` with the partial products of `layers`.

    Parameters
    ----------
    layers : list of L arrays
        The layers, over powers of two where their products might leave the range of float64: then the products neither
        grow nor fade. With inputs the first is ``W_1 Q``.
    weights : array (L,)
        Even powers of two, at most one; that of the largest term is one.
    exponent : int
        What was taken out of all terms, an even number.
    root : array (d_0, r), optional
        ``Q`` over a power of two, with ``K_1 = Qᵀ Q``; without it ``K_1`` is the identity.
    """

    layers: list[Array]
    weights: Array
    exponent: int
    root: Array | None = None

    @property
    def sides(self) -> tuple[int, int]:
        """Shape of ``Z``."""
        return len(self.layers[-1]), self.layers[0].shape[1]


def scaled_chain(factors: list[Array], inputs: tuple[Array, int] | None = None) -> Chain:
    """Chain of checked factors, for inputs with a root ``Q`` over a power of two, or white ones."""
    root, shift = (None, 0) if inputs is None else inputs
    ordinary = sum(map(_digits, factors if root is None else [root, *factors])) <= ORDINARY
    first, taken = (factors[0], 0) if ordinary else normalized(factors[0])
    layers = [first if root is None else first @ root, *factors[1:]]
    if ordinary:
        return Chain(layers, np.ones(len(layers)), 2 * shift, root)
    layers, exponents, reached = _levelled(layers)
    behind = _levelled([layer.T for layer in layers[::-1]])[2][::-1]
    exponents[0] += taken
    # Each term lacks one layer.
    sizes = [2 * (sum(exponents) - exponent) for exponent in exponents]
    present = [size for size, *parts in zip(sizes, reached, behind, strict=True) if all(parts)]
    top = max(present, default=0)
    weights = np.ldexp(1.0, np.minimum(np.array(sizes) - top, 0))
    return Chain(layers, weights, top + 2 * shift, root)


def _digits(layer: Array) -> int:
    """Most binary digits by which a product with the layer grows or shrinks what is not lost by cancellation."""
    return abs(norm_exponent(layer)) + max(layer.shape).bit_length()


def _levelled(layers: list[Array]) -> tuple[list[Array], list[int], list[bool]]:
    """Layers over powers of two for which ``B_l`` is of order one; the exponents; and whether ``B_l`` is not zero."""
    rng = np.random.default_rng(0)  # the same in every call
    probe: Array = rng.standard_normal((layers[0].shape[1],))
    levelled, exponents, reached = [], [], [True]
    for layer in layers:
        exponent = binary_exponent(layer)
        image, more = normalized(layer @ np.ldexp(probe, -exponent))
        alive = bool(image.any())
        probe = image if alive else rng.standard_normal(image.shape)
        exponents.append(exponent + more)
        levelled.append(divided(layer, exponents[-1]))
        reached.append(reached[-1] and alive)
    return levelled, exponents, reached[:-1]


def scaled_partial_products(
    factors: list[Array],
) -> tuple[list[tuple[Array, int]], list[tuple[Array, int]]]:
    """Partial products ``A_l`` and ``B_l`` of checked factors, ``B_{L+1}`` too, each over a power of two."""
    right = [(np.eye(factors[0].shape[1]), 0)]
    left = [(np.eye(len(factors[-1])), 0)]
    for factor in factors:
        right.append(_product(normalized(factor), right[-1]))
    for factor in factors[:0:-1]:
        left.append(_product(left[-1], normalized(factor)))
    return left[::-1], right


def _product(after: tuple[Array, int], before: tuple[Array, int]) -> tuple[Array, int]:
    product, more = normalized(after[0] @ before[0])
    return product, more + after[1] + before[1]


def pulled_back(
    factors: list[Array],
    left: list[Array],
    right: list[Array],
    by_left: list[Array],
    by_right: list[Array],
) -> list[Array]:
    """Derivative by each factor of a function whose derivatives by the partial products are known.

    The chain rule takes them through ``A_l = A_{l+1} W_{l+1}`` and ``B_{l+1} = W_l B_l`` in one sweep each.
    """
    gradient = [np.zeros(factor.shape) for factor in factors]
    swept = np.zeros(left[0].shape)
    for l in range(len(factors) - 1):
        swept = swept + by_left[l]
        gradient[l + 1] += left[l + 1].T @ swept
        swept = swept @ factors[l + 1].T
    swept = np.zeros(right[-1].shape)
    for l in range(len(factors) - 1, 0, -1):
        swept = swept + by_right[l]
        gradient[l - 1] += swept @ right[l - 1].T
        swept = factors[l - 1].T @ swept
    return gradient
