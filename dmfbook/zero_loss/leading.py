"""Leading eigenpair of ``Σ_l K_l ⊗ G_l``, the small matrix behind the sharpness.

The matrix acts on ``Z ∈ R^{d_L × d_0}`` by ``Φ(Z) = Σ_l G_l Z K_l`` with the Gram matrices
``G_l = A_l A_lᵀ`` and ``K_l = Qᵀ B_lᵀ B_l Q``. Where these are cheap to form, Davidson's method finds its leading
eigenvector. Where they are not, that eigenvector has low rank in practice and is sought as ``Z = U S Vᵀ`` with
few columns in ``U`` and ``V``: the factors then meet thin matrices only, and Davidson's method small ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.factors import partial_products_of
from dmfbook.zero_loss.chain import Chain
from dmfbook.zero_loss.davidson import davidson
from dmfbook.zero_loss.galerkin import galerkin
from dmfbook.zero_loss.spectral_norm import LeadingPair, leading_singular

Method = Literal["one number", "two spectral norms", "Gram matrices", "growing bases"]

# Gram matrices are formed where a product with them costs at most as much as this many columns.
DIRECT = 100


def method_for(chain: Chain) -> Method:
    """How :func:`leading_pair` finds the eigenpair of a chain; its widths decide."""
    if chain.sides == (1, 1):
        return "one number"
    if len(chain.layers) == 2:
        return "two spectral norms"
    shapes = [[*layer.shape] for layer in chain.layers]
    for side, (slimmed, shape) in enumerate(
        zip(_tall(chain), (shapes[-1], shapes[0]), strict=True)
    ):
        if slimmed:
            shape[side] = shape[1 - side]
    wide = max(shapes[-1][0], shapes[0][1]) ** 3 > DIRECT * sum(m * n for m, n in shapes)
    return "growing bases" if wide else "Gram matrices"


def leading_pair(chain: Chain, tolerance: float, residual: float = 1.0) -> LeadingPair:
    """Leading eigenpair of ``Φ``, in closed form for numbers and at depth 2.

    By Kato and Temple the error of a Rayleigh quotient ``θ`` of ``Z`` is at most ``‖Φ(Z) − θ Z‖² / gap``, and at
    most ``‖Φ(Z) − θ Z‖``. The gap is that to the second approximate eigenvalue, less the latter's own residual.

    Parameters
    ----------
    chain : Chain
        The factors, and the inputs.
    tolerance : float
        Relative error of the eigenvalue at which to stop.
    residual : float
        Further condition: ``‖Φ(Z) − θ Z‖ / θ``, which bounds the error of the eigenvector; 1 is none.

    Returns
    -------
    LeadingPair
        The eigenpair, without the chain's own exponent.

    Raises
    ------
    FloatingPointError
        If the iteration does not converge.
    """
    if chain.sides[1] == 0:  # no input ever differs from zero
        return LeadingPair(0.0, np.zeros((chain.sides[0], 0)), np.zeros((0, 0)))
    method = method_for(chain)
    if method == "one number":
        return _of_numbers(chain)
    if method == "two spectral norms":
        return _at_depth_two(chain)

    def settled(values: Array, norms: Array) -> bool:
        gap = values[0] - values[-1] - norms[-1]
        error = min(norms[0], norms[0] ** 2 / gap) if gap > 0 else norms[0]
        return bool(error <= tolerance * values[0] and norms[0] <= residual * values[0])

    layers, bases, tall = list(chain.layers), [np.eye(1), np.eye(1)], _tall(chain)
    if tall[0]:
        bases[0], layers[-1] = np.linalg.qr(layers[-1])
    if tall[1]:
        bases[1], slim = np.linalg.qr(layers[0].T)
        layers[0] = slim.T
    slim_chain = replace(chain, layers=layers)
    if method == "growing bases":
        pair = galerkin(slim_chain, settled)
    else:
        guess = np.zeros((0, *slim_chain.sides))
        values, ritz = davidson(*_gram_matrices(slim_chain), guess, settled)
        pair = LeadingPair(float(values[0]), ritz[0], np.eye(slim_chain.sides[1]))
    left, right = (
        basis @ side if slimmed else side
        for basis, side, slimmed in zip(bases, (pair.left, pair.right), tall, strict=True)
    )
    return LeadingPair(pair.value, left, right)


def _tall(chain: Chain) -> tuple[bool, bool]:
    """Whether the last layer, and the first one transposed, have more rows than columns.

    An eigenvector lies in the ranges of the outer factors, which tall ones span by fewer vectors. (With inputs that
    are not white K_1 leads out of the range of the first.)
    """
    first, last = chain.layers[0], chain.layers[-1]
    return len(last) > last.shape[1], chain.root is None and first.shape[1] > len(first)


def _of_numbers(chain: Chain) -> LeadingPair:
    """The one entry of the small matrix."""
    left, right = partial_products_of(chain.layers)
    terms = np.array([np.vdot(a, a) * np.vdot(b, b) for a, b in zip(left, right, strict=True)])
    if chain.root is not None:
        terms[0] *= np.vdot(chain.root, chain.root)
    return LeadingPair(float(chain.weights @ terms), np.ones((1, 1)), np.ones((1, 1)))


def _at_depth_two(chain: Chain) -> LeadingPair:
    """Leading eigenpair of ``w_1 K_1 ⊗ (W_2 W_2ᵀ) + w_2 (W_1ᵀ W_1) ⊗ I``: eigenvectors multiply."""
    first, last = chain.layers
    roots = np.sqrt(chain.weights)
    outer = leading_singular(last)
    gain = roots[0] * outer.value * 2.0**outer.exponent
    if chain.root is None:
        inner = leading_singular(first)
        other = roots[1] * inner.value * 2.0**inner.exponent
        return LeadingPair(float(gain**2 + other**2), outer.left, inner.right)
    stack = np.concatenate([gain * chain.root, roots[1] * first])
    inner = leading_singular(stack)
    value = inner.value * 2.0**inner.exponent
    return LeadingPair(float(value**2), outer.left, inner.right)


def _gram_matrices(chain: Chain) -> tuple[Array, Array]:
    """The matrices ``G_1`` to ``G_{L−1}`` and ``K_l`` but those that are the identity, with the weights in them."""
    inner = _grams_behind(chain.layers)
    outer = _grams_behind([layer.T for layer in chain.layers[::-1]])[::-1]
    outer *= chain.weights[1:, None, None]
    if chain.root is None:
        inner[0] *= chain.weights[0]
        return inner, outer
    first = chain.weights[0] * (chain.root.T @ chain.root)
    return inner, np.concatenate([first[None], outer])


def _grams_behind(layers: list[Array]) -> Array:
    """The matrices ``A_l A_lᵀ`` but the last, the identity; shape (L - 1, d_L, d_L)."""
    size = len(layers[-1])
    grams = np.empty((len(layers) - 1, size, size))
    product = layers[-1]
    for gram, layer in zip(grams[::-1], layers[-2::-1], strict=True):
        np.matmul(product, product.T, out=gram)
        product = product @ layer
    return grams
