"""Leading eigenpair of ``Σ_l (B_lᵀ B_l) ⊗ (A_l A_lᵀ)``, the small matrix behind the sharpness.

The matrix acts on ``Z ∈ R^{d_L × d_0}`` by ``Φ(Z) = Σ_l G_l Z K_l`` with the Gram matrices
``G_l = A_l A_lᵀ`` and ``K_l = B_lᵀ B_l``. Where these are cheap to form, Davidson's method finds its leading
eigenvector. Where they are not, that eigenvector has low rank in practice and is sought as ``Z = U S Vᵀ`` with
few columns in ``U`` and ``V``: the factors then meet thin matrices only, and Davidson's method small ones.
"""

from __future__ import annotations

import numpy as np

from dmfbook._validation import Array
from dmfbook.zero_loss.davidson import davidson
from dmfbook.zero_loss.galerkin import galerkin
from dmfbook.zero_loss.spectral_norm import LeadingPair

# Gram matrices are formed where a product with them costs at most as much as this many columns.
DIRECT = 100


def leading_pair(layers: list[Array], tolerance: float, residual: float = 1.0) -> LeadingPair:
    """Leading eigenpair of ``Φ``.

    By Kato and Temple the error of a Rayleigh quotient ``θ`` of ``Z`` is at most ``‖Φ(Z) − θ Z‖² / gap``, and at
    most ``‖Φ(Z) − θ Z‖``. The gap is that to the second approximate eigenvalue, less the latter's own residual.

    Parameters
    ----------
    layers : list of L arrays, shapes (d_l, d_{l-1})
        The factors, at least two.
    tolerance : float
        Relative error of the eigenvalue at which to stop.
    residual : float
        Further condition: ``‖Φ(Z) − θ Z‖ / θ``, which bounds the error of the eigenvector; 1 is none.

    Returns
    -------
    LeadingPair
        The eigenpair.

    Raises
    ------
    FloatingPointError
        If the numbers overflow or the iteration does not converge.
    """
    # An eigenvector lies in the ranges of the outer factors, which tall ones span by fewer vectors.
    if len(layers[-1]) > layers[-1].shape[1]:
        basis, slim = np.linalg.qr(layers[-1])
        pair = leading_pair([*layers[:-1], slim], tolerance, residual)
        return LeadingPair(pair.value, basis @ pair.left, pair.right)
    mirrored = [layer.T for layer in layers[::-1]]
    if len(mirrored[-1]) > mirrored[-1].shape[1]:
        pair = leading_pair(mirrored, tolerance, residual)
        return LeadingPair(pair.value, pair.right, pair.left)

    def settled(values: Array, norms: Array) -> bool:
        gap = values[0] - values[-1] - norms[-1]
        error = min(norms[0], norms[0] ** 2 / gap) if gap > 0 else norms[0]
        return bool(error <= tolerance * values[0] and norms[0] <= residual * values[0])

    sides, parameters = (len(layers[-1]), len(mirrored[-1])), sum(layer.size for layer in layers)
    if max(sides) ** 3 > DIRECT * parameters:
        return galerkin(layers, mirrored, settled)
    inner, outer = _gram_matrices(layers), _gram_matrices(mirrored)[::-1]
    values, ritz = davidson(inner, outer, np.zeros((0, *sides)), settled)
    return LeadingPair(float(values[0]), ritz[0], np.eye(sides[1]))


def _gram_matrices(layers: list[Array]) -> Array:
    """The matrices ``A_l A_lᵀ`` but the last, the identity; shape (L - 1, d_L, d_L)."""
    size = len(layers[-1])
    grams = np.empty((len(layers) - 1, size, size))
    product = layers[-1]
    for gram, layer in zip(grams[::-1], layers[-2::-1], strict=True):
        np.matmul(product, product.T, out=gram)
        product = product @ layer
    return grams
