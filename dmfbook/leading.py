"""Leading eigenpair of ``Σ_l (B_lᵀ B_l) ⊗ (A_l A_lᵀ)``, the small matrix behind the sharpness.

The matrix acts on ``Z ∈ R^{d_L × d_0}`` by ``Φ(Z) = Σ_l G_l Z K_l`` with the Gram matrices
``G_l = A_l A_lᵀ`` and ``K_l = B_lᵀ B_l``. Its leading eigenvector has low rank in practice (rank one at
depth 2 and at many flat minima), so it is sought as ``Z = U S Vᵀ`` with few columns in ``U`` and ``V``: the
factors meet thin matrices only. Where the outer widths are small, ``U`` and ``V`` are complete bases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from dmfbook._validation import Array

# Gram matrices are formed where a product with them costs at most as much as this many columns.
DIRECT = 60
# Deeper networks have eigenvectors of higher rank; these two are multiplied by the depth.
ENRICH = 6  # columns of the first bases, and directions that they gain in an iteration
COLUMNS = 32  # columns from which on a basis is compressed to what the eigenvector needs

SECOND = 0.1  # weight of the second eigenvector in a compression, which keeps the convergence fast
FIRST = 1e-7  # relative residual to which the first compressed problem is solved
DENSE = 200  # size up to which the compressed problem is solved densely
DECOMPOSED = 250  # smaller side up to which a matrix's spectral norm comes from its decomposition
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
    depth, sides = len(layers), (len(layers[-1]), len(mirrored[-1]))
    parameters = sum(layer.size for layer in layers)
    direct = max(sides) ** 3 <= DIRECT * parameters
    start = max(sides) if direct else ENRICH * depth
    rng = np.random.default_rng(0)  # the same start in every call
    left, right = _Side(layers, start, rng), _Side(mirrored, start, rng)
    ritz, accuracy = np.zeros((1, 0, 0)), FIRST
    for _ in range(ITERATIONS):
        # K_l comes from the mirrored layers in reverse order.
        inner, outer = left.compressed, right.compressed[::-1]
        guess = _start_vector(ritz, inner, outer, rng)
        values, ritz = _compressed_pairs(inner, outer, guess, accuracy)
        value, core = float(values[0]), ritz[0]
        if not np.isfinite(value):
            raise FloatingPointError("the factors are too large: their Gram matrices overflow")
        if value <= 0:  # Φ = 0
            return LeadingPair(0.0, left.basis[:, :1], right.basis[:, :1])
        rests = [_apply(inner, outer, core) - value * core]
        if not (left.complete and right.complete):
            rests += _rests_outside(left, right, core, value)
        norm = float(np.linalg.norm([np.linalg.norm(rest) for rest in rests]))
        gap = value - float(values[1]) if len(values) > 1 else 0.0
        error = min(norm, norm**2 / gap) if gap > 0 else norm
        if error <= tolerance * value and norm <= residual * value:
            return LeadingPair(value, left.basis @ core, right.basis)
        accuracy = 1e-2 * norm / value
        if max(left.columns, right.columns) >= COLUMNS * depth:
            turns = _leading_directions(ritz, negligible=0.1 * min(tolerance**0.5, residual))
            if 2 * max(turn.shape[1] for turn in turns) <= max(left.columns, right.columns):
                left.rotate(turns[0])
                right.rotate(turns[1])
                ritz = turns[0].T @ ritz @ turns[1]
        for side, rest in zip((left, right), rests[1:], strict=False):
            side.enrich(rest, ENRICH * depth)
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
    if min(block.shape) <= DECOMPOSED or not block.any():
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
            products = [self.basis]
            for layer in layers[:0:-1]:
                products.append(products[-1] @ layer)
            self.images = np.stack([product @ product.T for product in products[::-1]])
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

    def enrich(self, rest: Array, most: int) -> None:
        """Add the leading left singular directions of `rest`, `most` of them if there are so many."""
        count = min(most, len(rest) - self.columns, rest.shape[1])
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


def _rests_outside(left: _Side, right: _Side, core: Array, value: float) -> list[Array]:
    """What remains of ``Φ(Z) − θ Z`` outside of the left basis, and of its transpose outside of the right.

    ``Φ(Z) − θ Z = P M Qᵀ`` with the stacks ``P = [G_l U S]`` and ``Q = [K_l V]``, where M is the identity but
    for ``−θ`` between ``G_L = I`` and ``K_1 = I``. Of the other side's stack its triangular factor is enough.
    """
    stacks = np.hstack(list(left.images @ core)), np.hstack(list(right.images[::-1]))
    columns = core.shape[1]
    link = np.eye(stacks[1].shape[1])
    link[-columns:, :columns] -= value * np.eye(columns)
    return [
        left.outside(stacks[0]) @ (link @ _triangle(stacks[1]).T),
        right.outside(stacks[1]) @ (link.T @ _triangle(stacks[0]).T),
    ]


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
    inner: Array, outer: Array, guess: Array, tolerance: float
) -> tuple[Array, Array]:
    """Two leading eigenvalues, or one if there are no more, and eigenvectors of ``S ↦ Σ_l G_l S K_l`` for small ``G_l``, ``K_l``."""
    shape = inner.shape[1], outer.shape[1]
    size = shape[0] * shape[1]
    if size <= DENSE:
        # Entry (a, b), (c, e) of the matrix, with rows of S following each other.
        dense = np.einsum("lac,lbe->abce", inner, outer, optimize=True).reshape(size, size)
        if not np.isfinite(dense).all():
            return np.array([np.nan]), np.zeros((1, *shape))
        first = max(size - 2, 0)
        values, vectors = eigh(dense, subset_by_index=[first, size - 1])
    elif not _apply(inner, outer, guess.reshape(shape)).any():
        return np.zeros(1), np.zeros((1, *shape))
    else:
        operator = LinearOperator(
            (size, size), lambda s: _apply(inner, outer, s.reshape(shape)).ravel()
        )
        values, vectors = _lanczos(operator, 2, guess, tolerance)
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
