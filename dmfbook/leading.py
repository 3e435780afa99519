"""Leading eigenpair of ``Σ_l (B_lᵀ B_l) ⊗ (A_l A_lᵀ)``, the small matrix behind the sharpness.

The matrix acts on ``Z ∈ R^{d_L × d_0}`` by ``Φ(Z) = Σ_l G_l Z K_l`` with the Gram matrices
``G_l = A_l A_lᵀ`` and ``K_l = B_lᵀ B_l``. Its leading eigenvector has low rank in practice (rank one at
depth 2 and at flat minima), so it is sought as ``Z = U S Vᵀ`` with few columns in ``U`` and ``V``: no Gram
matrix is formed, the factors only ever meet thin matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from dmfbook._validation import Array

DIRECT = (
    240  # up to this width of both sides their full bases are used, and the Gram matrices formed
)
START = 16  # columns of the first bases otherwise
ENRICH = 16  # directions that each basis gains in an iteration
COLUMNS = 96  # columns from which on a basis is compressed to what the eigenvector needs
SECOND = 0.1  # weight of the second eigenvector in a compression, which keeps the convergence fast
DENSE = 200  # size up to which the compressed problem is solved densely
ITERATIONS = 400


@dataclass(frozen=True)
class LeadingPair:
    """Leading eigenvalue, and a unit eigenvector ``Z = left @ right.T``.

    Parameters
    ----------
    value : float
        Largest eigenvalue of ``Φ``.
    left, right : arrays (d_L, r) and (d_0, r)
        Factors of the eigenvector.
    """

    value: float
    left: Array
    right: Array


def leading_pair(layers: list[Array], tolerance: float, residual: float = np.inf) -> LeadingPair:
    """Leading eigenpair by a Galerkin method on growing bases.

    Each iteration solves the problem on ``span U ⊗ span V`` and adds to both bases the leading singular
    directions of what remains of ``Φ(Z) − θ Z`` outside of them. By Kato and Temple the error of ``θ`` is
    at most ``‖Φ(Z) − θ Z‖² / gap``, and at most ``‖Φ(Z) − θ Z‖``.

    Parameters
    ----------
    layers : list of L arrays, shapes (d_l, d_{l-1})
        The factors.
    tolerance : float
        Relative error of the eigenvalue at which to stop.
    residual : float
        Further condition: ``‖Φ(Z) − θ Z‖ / θ``, which bounds the error of the eigenvector.

    Returns
    -------
    LeadingPair
        The eigenpair.

    Raises
    ------
    FloatingPointError
        If the numbers overflow or the iteration does not converge.
    """
    mirrored = [layer.T for layer in layers[::-1]]
    rng = np.random.default_rng(0)  # the same start in every call
    start = DIRECT if max(len(layers[-1]), len(mirrored[-1])) <= DIRECT else START
    left = _Side(layers, start, rng)
    right = _Side(mirrored, start, rng)
    pairs = 1 if left.complete and right.complete else 2
    ritz = np.zeros((1, 0, 0))
    norm, value = 0.0, 1.0
    for _ in range(ITERATIONS):
        # K_l comes from the mirrored layers in reverse order.
        inner, outer = left.compressed, right.compressed[::-1]
        guess = _start_vector(ritz, inner, outer, rng)
        values, ritz = _compressed_pairs(inner, outer, pairs, guess, 1e-2 * norm / value)
        value, core = float(values[0]), ritz[0]
        if not np.isfinite(value):
            raise FloatingPointError("the factors are too large: their Gram matrices overflow")
        if value <= 0:  # Φ = 0
            return LeadingPair(0.0, left.basis[:, :1], right.basis[:, :1])
        # Φ(Z) − θ Z = P M Qᵀ with stacks P = [G_l U S], Q = [K_l V], L − 1 blocks of which have G_l or K_l.
        stacked = np.hstack(list(left.images @ core)), np.hstack(list(right.images[::-1]))
        link = np.eye(stacked[1].shape[1])
        link[-core.shape[1] :, : core.shape[1]] -= value * np.eye(core.shape[1])
        rest_left = left.outside(stacked[0]) @ (link @ _triangle(stacked[1]).T)
        rest_right = right.outside(stacked[1]) @ (link.T @ _triangle(stacked[0]).T)
        rest_inside = _apply(inner, outer, core) - value * core
        rests = rest_inside, rest_left, rest_right
        norm = float(np.linalg.norm([np.linalg.norm(rest) for rest in rests]))
        gap = value - float(values[1]) if len(values) > 1 else 0.0
        error = min(norm, norm**2 / gap) if gap > 0 else norm
        if error <= tolerance * value and norm <= residual * value:
            return LeadingPair(value, left.basis @ core, right.basis)
        if max(left.columns, right.columns) >= COLUMNS:
            negligible = 0.1 * min(tolerance**0.5, residual)
            turns = _leading_directions(ritz, negligible)
            if 2 * max(turn.shape[1] for turn in turns) <= max(left.columns, right.columns):
                left.rotate(turns[0])
                right.rotate(turns[1])
                ritz = turns[0].T @ ritz @ turns[1]
        left.enrich(rest_left)
        right.enrich(rest_right)
    raise FloatingPointError(
        f"no convergence to the largest eigenvalue in {ITERATIONS} iterations: "
        f"residual {norm:g} at value {value:g}"
    )


def leading_singular(block: Array) -> LeadingPair:
    """Spectral norm of a matrix with its singular vectors, as columns.

    Small matrices are decomposed; for others the Lanczos method is applied to ``BᵀB`` or ``BBᵀ``.

    Parameters
    ----------
    block : array (m, n)
        The matrix.

    Returns
    -------
    LeadingPair
        Largest singular value, left vector (m, 1) and right vector (n, 1).

    Raises
    ------
    FloatingPointError
        If the iteration does not converge.
    """
    if min(block.shape) <= DIRECT or not block.any():
        left, values, right = np.linalg.svd(block, full_matrices=False)
        return LeadingPair(float(values[0]), left[:, :1], right[:1].T)
    if len(block) > block.shape[1]:
        mirrored = leading_singular(block.T)
        return LeadingPair(mirrored.value, mirrored.right, mirrored.left)
    operator = LinearOperator((len(block),) * 2, lambda u: block @ (block.T @ u))
    left = _lanczos(operator, 1, np.random.default_rng(0).standard_normal(len(block)), 1e-13)[1]
    right = block.T @ left
    value = float(np.linalg.norm(right))
    return LeadingPair(value, left, right / value)


class _Side:
    """Orthonormal basis of one side, and its images under all Gram matrices ``A_l A_lᵀ``."""

    def __init__(self, layers: list[Array], start: int, rng: np.random.Generator) -> None:
        self._layers = layers
        size = len(layers[-1])
        if size <= start:
            self.basis = np.eye(size)
        else:
            # A part of each Gram matrix's range: no invariant subspace of Φ is missed.
            probes = gram_products(layers, rng.standard_normal((size, start)))
            norms = np.linalg.norm(probes, axis=(1, 2), keepdims=True)
            mixed = (probes / np.where(norms > 0, norms, 1)).sum(axis=0)
            self.basis = np.linalg.qr(mixed)[0]
        self.images = gram_products(layers, self.basis)

    @property
    def columns(self) -> int:
        return int(self.basis.shape[1])

    @property
    def complete(self) -> bool:
        return self.columns == len(self.basis)

    @property
    def compressed(self) -> Array:
        """The Gram matrices on the basis, shape (L, columns, columns)."""
        return np.asarray(self.basis.T @ self.images)

    def outside(self, block: Array) -> Array:
        """Part of `block` that is orthogonal to the basis."""
        return np.asarray(block - self.basis @ (self.basis.T @ block))

    def rotate(self, rotation: Array) -> None:
        """Replace the basis by combinations of its vectors."""
        self.basis, self.images = self.basis @ rotation, self.images @ rotation

    def enrich(self, rest: Array) -> None:
        """Add the leading left singular directions of `rest`."""
        count = min(ENRICH, len(rest) - self.columns, rest.shape[1])
        if count == 0:
            return
        gram = rest.T @ rest
        last = len(gram) - 1
        weights, turns = eigh(gram, subset_by_index=[last - count + 1, last])
        new = rest @ turns[:, weights > 0]
        new = self.outside(new / np.linalg.norm(new, axis=0))
        # What is rounding error of `rest` lies within the basis.
        new = new[:, np.linalg.norm(new, axis=0) > 0.5]
        new = np.linalg.qr(self.outside(np.linalg.qr(new)[0]))[0]
        self.basis = np.hstack([self.basis, new])
        self.images = np.concatenate([self.images, gram_products(self._layers, new)], axis=2)


def gram_products(layers: list[Array], block: Array) -> Array:
    """Products ``A_l A_lᵀ C`` with a thin block ``C``, for all l; shape (L, d_L, columns).

    One sweep down gives all ``A_lᵀ C``; one sweep up lifts them together, each from where it is.
    """
    down = [block]
    for layer in layers[:0:-1]:
        down.append(layer.T @ down[-1])
    lifted = down.pop()
    for layer in layers[1:]:
        lifted = np.hstack([layer @ lifted, down.pop()])
    return lifted.reshape(len(lifted), len(layers), -1).transpose(1, 0, 2)


def _triangle(block: Array) -> Array:
    """Triangular factor R of a QR decomposition: ``R x`` is as long as ``block x``."""
    return np.asarray(np.linalg.qr(block, mode="r"))


def _leading_directions(ritz: Array, negligible: float) -> tuple[Array, Array]:
    """Directions that the compressed eigenvectors need, on both sides."""
    weighted = [ritz[0], *(SECOND * ritz[1:])]
    left, left_values, _ = np.linalg.svd(np.hstack(weighted), full_matrices=False)
    _, right_values, right = np.linalg.svd(np.vstack(weighted), full_matrices=False)
    return (
        left[:, left_values > negligible * left_values[0]],
        right[right_values > negligible * right_values[0]].T,
    )


def _start_vector(ritz: Array, inner: Array, outer: Array, rng: np.random.Generator) -> Array:
    """The last eigenvectors, embedded, and a little of everything else."""
    start = rng.standard_normal((inner.shape[1], outer.shape[1]))
    if ritz.size:
        start *= 1e-6
        start[: ritz.shape[1], : ritz.shape[2]] += ritz.sum(axis=0)
    return start.ravel()


def _compressed_pairs(
    inner: Array, outer: Array, pairs: int, guess: Array, tolerance: float
) -> tuple[Array, Array]:
    """Leading eigenvalues, at most `pairs`, and eigenvectors of ``S ↦ Σ_l G_l S K_l`` for small ``G_l``, ``K_l``."""
    shape = inner.shape[1], outer.shape[1]
    size = shape[0] * shape[1]
    if size <= DENSE:
        # Entry (a, b), (c, e) of the matrix, with rows of S following each other.
        dense = np.einsum("lac,lbe->abce", inner, outer, optimize=True).reshape(size, size)
        if not np.isfinite(dense).all():
            return np.array([np.nan]), np.zeros((1, *shape))
        first = max(size - pairs, 0)
        values, vectors = eigh(dense, subset_by_index=[first, size - 1])
    elif not _apply(inner, outer, guess.reshape(shape)).any():
        return np.zeros(1), np.zeros((1, *shape))
    else:
        operator = LinearOperator(
            (size, size), lambda s: _apply(inner, outer, s.reshape(shape)).ravel()
        )
        values, vectors = _lanczos(operator, pairs, guess, tolerance)
    order = np.argsort(-values)
    return values[order], vectors[:, order].T.reshape(-1, *shape)


def _apply(inner: Array, outer: Array, core: Array) -> Array:
    """The map ``S ↦ Σ_l G_l S K_l`` on orthonormal bases, where ``G_L`` and ``K_1`` are identities."""
    middle = (inner[1:-1] @ core @ outer[1:-1]).sum(axis=0)
    return np.asarray(inner[0] @ core + core @ outer[-1] + middle)


def _lanczos(
    operator: LinearOperator, pairs: int, guess: Array, tolerance: float
) -> tuple[Array, Array]:
    """Largest eigenvalues and eigenvectors of a symmetric operator, or an error."""
    try:
        values, vectors = eigsh(
            operator, k=pairs, which="LA", v0=guess, tol=max(tolerance, 1e-13), ncv=16
        )
    except ArpackNoConvergence as error:
        raise FloatingPointError(f"no convergence to the largest eigenvalue: {error}") from None
    return values, vectors
