"""Leading eigenpair of ``Σ_l (B_lᵀ B_l) ⊗ (A_l A_lᵀ)``, the small matrix behind the sharpness.

The matrix acts on ``Z ∈ R^{d_L × d_0}`` by ``Φ(Z) = Σ_l G_l Z K_l`` with the Gram matrices
``G_l = A_l A_lᵀ`` and ``K_l = B_lᵀ B_l``. Where these are cheap to form, Davidson's method finds its leading
eigenvector. Where they are not, that eigenvector has low rank in practice and is sought as ``Z = U S Vᵀ`` with
few columns in ``U`` and ``V``: the factors then meet thin matrices only, and Davidson's method small ones.

The iterations leave dense algebra to NumPy alone: SciPy brings threads of its own, and threads of the two
that take turns wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from dmfbook._validation import Array

# Gram matrices are formed where a product with them costs at most as much as this many columns.
DIRECT = 100
# Deeper networks have eigenvectors of higher rank; these two are multiplied by the depth.
ENRICH = 6  # columns of the first bases, and directions that they gain in an iteration
GROWTH = 0.3  # the same in units of the eigenvector's rank, if that is more
COLUMNS = 32  # columns from which on a basis is compressed to what the eigenvector needs

SECOND = 0.1  # weight of the second eigenvector in a compression, which keeps the convergence fast
DOUBT = 0.9  # part of the gap below the largest eigenvalue that may be missing beyond the bases
SUBSPACE = 6, 3  # vectors that Davidson's method holds at most, and after a restart
DENSE = 2000  # size up to which a matrix that defeats it is decomposed
SHIFT = 1.05  # what its preconditioner takes for the eigenvalue, in units of the estimate
DECOMPOSED = 100  # smaller side up to which a matrix's spectral norm comes from its decomposition
INNER = 0.03  # what is negligible in a compressed problem, in units of the last residual
ITERATIONS = 400

Enough = Callable[[Array, Array], bool]


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
        return _galerkin(layers, mirrored, settled)
    inner, outer = _gram_matrices(layers), _gram_matrices(mirrored)[::-1]
    values, ritz = _davidson(inner, outer, np.zeros((0, *sides)), settled)
    return LeadingPair(float(values[0]), ritz[0], np.eye(sides[1]))


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
    start = np.random.default_rng(0).standard_normal(len(block))
    try:
        left = eigsh(operator, k=1, which="LA", v0=start, tol=1e-13, ncv=16)[1]
    except ArpackNoConvergence as error:
        raise FloatingPointError(f"no convergence to the spectral norm: {error}") from None
    right = block.T @ left
    value = float(np.linalg.norm(right))
    return LeadingPair(value, left, right / value)


def _gram_matrices(layers: list[Array]) -> Array:
    """The matrices ``A_l A_lᵀ`` but the last, the identity; shape (L - 1, d_L, d_L)."""
    size = len(layers[-1])
    grams = np.empty((len(layers) - 1, size, size))
    product = layers[-1]
    for gram, layer in zip(grams[::-1], layers[-2::-1], strict=True):
        np.matmul(product, product.T, out=gram)
        product = product @ layer
    return grams


def _davidson(inner: Array, outer: Array, guess: Array, enough: Enough) -> tuple[Array, Array]:
    """Two leading eigenvalues, or one if there are no more, and eigenvectors of ``S ↦ Σ_l G_l S K_l``.

    Davidson's method: in the eigenbases of the sums of all ``G_l`` and of all ``K_l``, weighted with the norms of
    their partners, the map is close to its diagonal, which serves as preconditioner.

    Parameters
    ----------
    inner, outer : arrays (L - 1, m, m) and (L - 1, n, n)
        The matrices ``G_1`` to ``G_{L−1}`` and ``K_2`` to ``K_L``; ``G_L`` and ``K_1`` are identities. Both are
        overwritten.
    guess : array (k, m, n)
        Approximations of the leading eigenvectors, as many as there are.
    enough : function
        Says of the eigenvalues and of the norms of their residuals whether to stop.
    """
    norms = np.linalg.norm(inner, axis=(1, 2)), np.linalg.norm(outer, axis=(1, 2))
    if not np.isfinite(norms).all():
        raise FloatingPointError("the factors are too large: their Gram matrices overflow")
    left = _diagonalize(inner, weights=[outer.shape[1] ** 0.5, *norms[1][:-1]])
    right = _diagonalize(outer, weights=[*norms[0][1:], inner.shape[1] ** 0.5])
    diagonal = np.diagonal(inner[0])[:, None] + np.diagonal(outer[-1])
    diagonal = diagonal + np.einsum("laa,lbb->ab", inner[1:], outer[:-1])
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
    """``G_1 S + Σ G_l S K_l + S K_L`` without the identities: G_1 to G_{L−1}, and K_2 to K_L."""
    image = inner[0] @ core + core @ outer[-1]
    for gram, partner in zip(inner[1:], outer[:-1], strict=True):
        image += gram @ core @ partner
    return np.asarray(image)


class _Side:
    """Orthonormal basis of one side, and its images under all Gram matrices ``A_l A_lᵀ``."""

    def __init__(self, layers: list[Array], columns: int) -> None:
        self._layers = layers
        size = len(layers[-1])
        # A part of each Gram matrix's range: no invariant subspace of Φ is missed.
        random = np.random.default_rng(0).standard_normal((size, min(columns, size)))
        probes = _gram_products(layers, random)
        norms = np.linalg.norm(probes, axis=(1, 2), keepdims=True)
        mixed = (probes / np.where(norms > 0, norms, 1)).sum(axis=0)
        self.basis = np.linalg.qr(mixed)[0]
        self.images = _gram_products(layers, self.basis)

    @property
    def columns(self) -> int:
        return int(self.basis.shape[1])

    @property
    def compressed(self) -> Array:
        """The Gram matrices but the last, the identity, on the basis; shape (L - 1, columns, columns)."""
        return np.asarray(self.basis.T @ self.images[:-1])

    def outside(self, block: Array) -> Array:
        """Part of `block` that is orthogonal to the basis."""
        return np.asarray(block - self.basis @ (self.basis.T @ block))

    def rotate(self, rotation: Array) -> None:
        """Replace the basis by combinations of its vectors."""
        self.basis, self.images = self.basis @ rotation, self.images @ rotation

    def enrich(self, rest: Array, most: int) -> None:
        """Add the leading left singular directions of `rest`, roughly, and `most` of them at most."""
        count = min(most, len(rest) - self.columns, rest.shape[1])
        if count == 0 or not rest.any():
            return
        # One step of subspace iteration on random directions.
        random = np.random.default_rng(self.columns).standard_normal((rest.shape[1], count))
        new = np.linalg.qr(rest @ (rest.T @ (rest @ random)))[0]
        new = self.outside(new)
        # What is rounding error of `rest` lies within the basis.
        new = new[:, np.linalg.norm(new, axis=0) > 0.5]
        new = np.linalg.qr(self.outside(np.linalg.qr(new)[0]))[0]
        self.basis = np.hstack([self.basis, new])
        self.images = np.concatenate([self.images, _gram_products(self._layers, new)], axis=2)


def _galerkin(layers: list[Array], mirrored: list[Array], settled: Enough) -> LeadingPair:
    """Leading eigenpair by a Galerkin method on growing bases.

    Each iteration solves the problem on ``span U ⊗ span V``, drops from the solution what is negligible, and adds
    to both bases the leading singular directions of what remains of ``Φ(Z) − θ Z`` outside of them.
    """
    depth = len(layers)
    left, right = _Side(layers, ENRICH * depth), _Side(mirrored, ENRICH * depth)
    ritz, norm = np.zeros((0, left.columns, right.columns)), np.inf
    for _ in range(ITERATIONS):
        # K_l comes from the mirrored layers in reverse order.
        inner, outer = left.compressed, right.compressed[::-1]
        values, ritz = _davidson(inner, outer, ritz, partial(_negligible, beyond=norm))
        core = _truncated(ritz[0], INNER * min(norm / values[0], 1) if values[0] > 0 else 0)
        values[0], rests = _rests(left, right, core)
        norm = float(np.linalg.norm([np.linalg.norm(rest) for rest in rests]))
        if settled(values, np.array([norm, DOUBT * (values[0] - values[-1])])):
            return LeadingPair(float(values[0]), left.basis @ core[0], right.basis @ core[1])
        if max(left.columns, right.columns) >= COLUMNS * depth:
            turns = _leading_directions(ritz, negligible=INNER * norm / values[0])
            left.rotate(turns[0])
            right.rotate(turns[1])
            ritz = turns[0].T @ ritz @ turns[1]
        before = left.columns, right.columns
        for side, rest in zip((left, right), rests, strict=False):
            side.enrich(rest, max(ENRICH * depth, int(GROWTH * core[0].shape[1])))
        more = left.columns - before[0], right.columns - before[1]
        ritz = np.pad(ritz, [(0, 0), (0, more[0]), (0, more[1])])
    raise FloatingPointError(
        f"no convergence to the largest eigenvalue in {ITERATIONS} iterations: "
        f"residual {norm:g} at value {values[0]:g}"
    )


def _negligible(values: Array, norms: Array, beyond: float) -> bool:
    """Whether a residual is negligible beside the eigenvalue and the residual `beyond` the bases."""
    return bool(norms[0] <= INNER * min(beyond, values[0]))


def _truncated(core: Array, negligible: float) -> tuple[Array, Array]:
    """Factors ``X``, ``Y`` of ``core ≈ X Yᵀ`` without singular values whose norm is negligible."""
    left, weights, right = np.linalg.svd(core, full_matrices=False)
    tails = np.sqrt(np.cumsum(weights[::-1] ** 2)[::-1])
    rank = max(int(np.count_nonzero(tails > negligible)), 1)
    return left[:, :rank] * (weights[:rank] / np.linalg.norm(weights[:rank])), right[:rank].T


def _rests(left: _Side, right: _Side, core: tuple[Array, Array]) -> tuple[float, list[Array]]:
    """Rayleigh quotient ``θ`` of ``Z = U X (V Y)ᵀ``, and the parts of ``Φ(Z) − θ Z``.

    The parts are that outside of the left basis, that outside of the right basis, transposed, and that within
    both. With the stacks ``P = [G_l U X]`` and ``Q = [K_l V Y]``, ``Φ(Z) = P Qᵀ``, and ``θ Z`` is θ times the last
    block of P, where ``G_L = I``, times the first of ``Qᵀ``, where ``K_1 = I``. Of the other side's stack its
    triangular factor is enough.
    """
    stacks = np.hstack(list(left.images @ core[0])), np.hstack(list(right.images[::-1] @ core[1]))
    within = (left.basis.T @ stacks[0]) @ (right.basis.T @ stacks[1]).T
    compressed = core[0] @ core[1].T
    value = float(np.vdot(compressed, within))
    first, last = (
        np.asarray(np.linalg.qr(stack, mode="r") if len(stack) > stack.shape[1] else stack.copy()).T
        for stack in stacks
    )
    columns = core[0].shape[1]
    head, tail = last[:columns].copy(), first[-columns:].copy()
    last[-columns:] -= value * head
    first[:columns] -= value * tail
    outside = [left.outside(stacks[0]) @ last, right.outside(stacks[1]) @ first]
    return value, [*outside, within - value * compressed]


def _leading_directions(ritz: Array, negligible: float) -> tuple[Array, Array]:
    """Directions that the compressed eigenvectors need, on both sides."""
    weighted = [ritz[0], *(SECOND * ritz[1:])]
    left, left_values, _ = np.linalg.svd(np.hstack(weighted), full_matrices=False)
    _, right_values, right = np.linalg.svd(np.vstack(weighted), full_matrices=False)
    return left[:, left_values > negligible], right[right_values > negligible].T


def _gram_products(layers: list[Array], block: Array) -> Array:
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
