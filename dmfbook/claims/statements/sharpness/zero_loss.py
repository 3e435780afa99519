"""The formulas of *The exact sharpness* as the page states them, to be evaluated and to be changed."""

from __future__ import annotations

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.factors import partial_products

EQUAL = 1e-8  # relative distance up to which eigenvalues count as one


def terms(factors: list[Array]) -> list[Array]:
    """The matrices ``(B_lᵀ B_l) ⊗ (A_l A_lᵀ)``."""
    pairs = zip(*partial_products(factors), strict=True)
    return [np.asarray(np.kron(b.T @ b, a @ a.T)) for a, b in pairs]


def small_matrix(factors: list[Array]) -> Array:
    """``2 Σ_l (B_lᵀ B_l) ⊗ (A_l A_lᵀ)``."""
    return np.asarray(2 * np.sum(terms(factors), axis=0))


def moves(factors: list[Array], change: Array) -> list[Array]:
    """``Δ_l = A_lᵀ Z B_lᵀ``."""
    pairs = zip(*partial_products(factors), strict=True)
    return [a.T @ change @ b.T for a, b in pairs]


def largest_gain(factors: list[Array]) -> float:
    """``2 max Σ_l ‖A_lᵀ Z B_lᵀ‖_F²`` over Z of norm 1: the spectral norm of ``Z ↦ (Δ_l)``, squared."""
    shape = len(factors[-1]), factors[0].shape[1]
    units = np.eye(shape[0] * shape[1]).reshape(-1, *shape)
    images = [np.concatenate([m.ravel() for m in moves(factors, unit)]) for unit in units]
    return 2 * float(np.linalg.norm(images, 2)) ** 2


def maximizers(factors: list[Array]) -> Array:
    """Orthonormal columns ``vec Z`` that span what attains the maximum."""
    values, vectors = np.linalg.eigh(small_matrix(factors))
    return np.asarray(vectors[:, values >= (1 - EQUAL) * values[-1]])


def norm_products(factors: list[Array]) -> Array:
    """``‖A_l‖_2 ‖B_l‖_2`` for all l."""
    pairs = zip(*partial_products(factors), strict=True)
    return np.array([np.linalg.norm(a, 2) * np.linalg.norm(b, 2) for a, b in pairs])


def products_of_norms(factors: list[Array]) -> Array:
    """``Π_{q≠l} ‖W_q‖_2`` for all l."""
    norms = spectral_norms(factors)
    return np.array([np.prod(np.delete(norms, l)) for l in range(len(norms))])


def spectral_norms(factors: list[Array]) -> Array:
    """The layers' spectral norms."""
    return np.array([np.linalg.norm(factor, 2) for factor in factors])


def sum_of_terms(factors: list[Array]) -> float:
    """``2 Σ_l ‖A_l‖_2² ‖B_l‖_2²``."""
    return 2 * float(np.sum(norm_products(factors) ** 2))


def sum_of_products(factors: list[Array]) -> float:
    """``2 Σ_l Π_{q≠l} ‖W_q‖_2²``."""
    return 2 * float(np.sum(products_of_norms(factors) ** 2))


def agreement(matrices: list[Array]) -> float:
    """How nearly one unit vector attains all spectral norms: 1 exactly if it does.

    The largest eigenvalue of the mean of the projections on the vectors that attain one each.
    """
    projections = [_attaining(matrix) for matrix in matrices]
    return float(np.linalg.eigvalsh(np.mean(projections, axis=0))[-1])


def agreements(factors: list[Array]) -> tuple[float, float]:
    """How nearly one x attains all ``‖A_lᵀ‖_2``, and one y all ``‖B_l‖_2``."""
    left, right = partial_products(factors)
    return agreement([a.T for a in left]), agreement(right)


def path_share(factors: list[Array]) -> float:
    """``‖W_L ⋯ W_1‖_2 / Π_l ‖W_l‖_2``: 1 exactly if unit vectors ``e_l`` lead through all layers."""
    product = np.eye(factors[0].shape[1])
    for factor in factors:
        product = factor / (np.linalg.norm(factor, 2) or 1) @ product
    return float(np.linalg.norm(product, 2))


def shares(factors: list[Array], sides: tuple[int, ...] = (0, 1)) -> bool:
    """Whether one x attains all ``‖A_lᵀ‖_2`` and one y all ``‖B_l‖_2``; rivals ask for one of them."""
    found = agreements(factors)
    return all(found[side] > 1 - EQUAL for side in sides)


def has_path(factors: list[Array]) -> bool:
    """Whether unit vectors lead through all layers, each on to the next."""
    return path_share(factors) > 1 - EQUAL


def is_number(factors: list[Array]) -> bool:
    """Whether the product has one entry."""
    return len(factors[-1]) == factors[0].shape[1] == 1


def _attaining(matrix: Array) -> Array:
    """Projection on the vectors that attain the spectral norm."""
    values, vectors = np.linalg.eigh(matrix.T @ matrix)
    space = vectors[:, values >= (1 - EQUAL) * values[-1]]
    return np.asarray(space @ space.T)
