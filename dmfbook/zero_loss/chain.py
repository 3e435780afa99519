"""A product of factors without its scale: layers of order one, and powers of two kept apart.

At a zero-loss point all second derivatives are in ``Φ(Z) = Σ_l G_l Z K_l`` with ``G_l = A_l A_lᵀ`` and
``K_l = Qᵀ B_lᵀ B_l Q``, where the inputs have the second moment ``S = Q Qᵀ``; white inputs have ``Q = I``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dmfbook._scale import binary_exponent, divided, normalized
from dmfbook._validation import Array

ORDINARY = 200  # binary digits up to which the square of Φ is far within the range of float64


@dataclass(frozen=True)
class Chain:
    """``Φ(Z) = 2**exponent Σ_l weights[l] A_l A_lᵀ Z K_l`` with the partial products of `layers`.

    Parameters
    ----------
    layers : list of L arrays
        The layers divided by powers of two such that their products neither grow nor fade. With inputs the first is
        ``W_1 Q``.
    weights : array (L,)
        Even powers of two: no term is much larger than one, and the largest is of order one. A term that vanishes
        has weight 0.
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
    exponents[0] += taken
    # Each term lacks one layer: log2 of its size, or None where it vanishes.
    sizes = [
        2 * (sum(exponents) - exponent + behind) if behind is not None and before else None
        for exponent, before, behind in zip(exponents, reached, _sizes_behind(layers), strict=True)
    ]
    top = max((size for size in sizes if size is not None), default=0)
    weights = [
        0.0 if size is None else np.ldexp(1.0, 2 * (sum(exponents) - exponent) - top)
        for size, exponent in zip(sizes, exponents, strict=True)
    ]
    return Chain(layers, np.array(weights), top + 2 * shift, root)


def _digits(layer: Array) -> int:
    """Most binary digits by which a product with the layer grows or shrinks what is not lost by cancellation."""
    return abs(binary_exponent(layer)) + max(layer.shape).bit_length()


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


def _sizes_behind(layers: list[Array]) -> list[int | None]:
    """Binary exponents of ``A_1`` to ``A_L``, roughly, by a random row; None for zero."""
    probe: Array = np.random.default_rng(0).standard_normal((len(layers[-1]),))
    sizes: list[int | None] = [0]
    for layer in layers[:0:-1]:
        probe, more = normalized(probe @ layer)
        before = sizes[-1]
        sizes.append(before + more if before is not None and probe.any() else None)
    return sizes[::-1]


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
