"""Davidson's method for the leading eigenpair of ``S ↦ Σ_l G_l S K_l`` with small symmetric matrices.

Dense algebra is left to NumPy alone: SciPy brings threads of its own, and threads of the two that take turns
wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dmfbook._validation import Array

SUBSPACE = 6, 3  # vectors held at most, and after a restart
DENSE = 2000  # size up to which a matrix that defeats the iteration is decomposed
SHIFT = 1.05  # what the preconditioner takes for the eigenvalue, in units of the estimate
ITERATIONS = 400

Enough = Callable[[Array, Array], bool]


def davidson(inner: Array, outer: Array, guess: Array, enough: Enough) -> tuple[Array, Array]:
    """Two leading eigenvalues, or one if there are no more, and eigenvectors of ``S ↦ Σ_l G_l S K_l``.

    Davidson's method: in the eigenbases of the sums of all ``G_l`` and of all ``K_l``, weighted with the norms of
    their partners, the map is close to its diagonal, which serves as preconditioner.

    Parameters
    ----------
    inner, outer : arrays (L - 1, m, m), and (L - 1, n, n) or (L, n, n)
        The matrices ``G_1`` to ``G_{L−1}``, and ``K_2`` to ``K_L`` or ``K_1`` to ``K_L``; what is not given is the
        identity. Both are overwritten.
    guess : array (k, m, n)
        Approximations of the leading eigenvectors, as many as there are.
    enough : function
        Says of the eigenvalues and of the norms of their residuals whether to stop.
    """
    lone = _lone(inner, outer)
    norms = np.linalg.norm(inner, axis=(1, 2)), np.linalg.norm(outer, axis=(1, 2))
    left = _diagonalize(inner, [outer.shape[1] ** 0.5] * lone + [*norms[1][:-1]])
    right = _diagonalize(outer, [*norms[0][lone:], inner.shape[1] ** 0.5])
    diagonal = np.einsum("laa,lbb->ab", inner[lone:], outer[:-1])
    diagonal += np.einsum("laa->a", inner[:lone])[:, None] + np.diagonal(outer[-1])
    shape, top = diagonal.shape, diagonal.max()

    def apply(vector: Array) -> Array:
        return _apply(inner, outer, vector.reshape(shape)).ravel()

    starts = _starts(diagonal, left.T @ guess @ right)
    held = len(starts)
    basis, images = np.empty((2, max(SUBSPACE[0], held), diagonal.size))
    basis[:held] = starts
    images[:held] = [apply(vector) for vector in starts]
    del starts
    for _ in range(ITERATIONS):
        values, turn = np.linalg.eigh(basis[:held] @ images[:held].T)
        values, turn = values[::-1], turn[:, ::-1]
        pair = turn[:, :2].T
        rests = pair @ images[:held] - values[:2, None] * (pair @ basis[:held])
        norms = np.linalg.norm(rests, axis=1)
        if enough(values[:2], norms) or held == diagonal.size:
            vectors = (pair @ basis[:held]).reshape(-1, *shape)
            return values[:2], left @ vectors @ right.T
        if held + 2 > len(basis):
            kept = turn[:, : SUBSPACE[1]].T
            for block in (basis, images):
                block[: len(kept)] = kept @ block[:held]
            held = len(kept)
        # The second is followed until the gap between the two is known.
        wanted = 2 if 2 * norms[1] > values[0] - values[1] else 1
        for rest in rests[: min(wanted, diagonal.size - held)]:
            new = rest / (SHIFT * max(values[0], top) - diagonal.ravel())
            basis[held] = _orthonormalized(new, basis[:held])
            images[held] = apply(basis[held])
            held += 1
    if diagonal.size > DENSE:
        raise FloatingPointError(
            f"no convergence to the largest eigenvalue in {ITERATIONS} iterations: "
            f"residual {norms[0]:g} at value {values[0]:g}"
        )
    # Many eigenvalues that nearly agree hold the iteration up.
    values, turn = np.linalg.eigh(np.array([apply(unit) for unit in np.eye(diagonal.size)]))
    return values[:-3:-1], left @ turn.T[:-3:-1].reshape(-1, *shape) @ right.T


def _orthonormalized(vector: Array, basis: Array) -> Array:
    """Unit vector along the part of a vector that is orthogonal to the rows of a basis."""
    for _ in range(2):  # twice, for what rounding left of them
        vector = vector / np.linalg.norm(vector)
        vector = vector - (basis @ vector) @ basis
    return np.asarray(vector / np.linalg.norm(vector))


def _starts(diagonal: Array, guess: Array) -> Array:
    """Orthonormal rows that span the guess and two vectors with a part in every eigenspace.

    Most of that is where the diagonal is large. They are two, so that a second eigenvalue close to the first is seen.
    """
    rng = np.random.default_rng(0)  # the same in every call
    random = rng.standard_normal((2, *diagonal.shape))
    random *= 1e-3 + (diagonal / (diagonal.max() or 1)) ** 4
    starts = np.concatenate([guess, random]).reshape(-1, diagonal.size)
    return np.asarray(np.linalg.qr(starts[: diagonal.size].T)[0].T)


def _diagonalize(matrices: Array, weights: list[float]) -> Array:
    """Eigenvectors of the weighted sum of symmetric matrices, which are turned to that basis in place."""
    turn = np.linalg.eigh(np.tensordot(weights, matrices, axes=1))[1]
    for matrix in matrices:
        matrix[...] = turn.T @ matrix @ turn
    return np.asarray(turn)


def _apply(inner: Array, outer: Array, core: Array) -> Array:
    """``Σ_l G_l S K_l`` without products with identities."""
    lone = _lone(inner, outer)
    image = core @ outer[-1]
    for gram in inner[:lone]:
        image += gram @ core
    for gram, partner in zip(inner[lone:], outer[:-1], strict=True):
        image += gram @ core @ partner
    return np.asarray(image)


def _lone(inner: Array, outer: Array) -> int:
    """How many ``G_l`` have the identity for a partner: one if ``K_1`` is the identity, or none."""
    return 1 + len(inner) - len(outer)
