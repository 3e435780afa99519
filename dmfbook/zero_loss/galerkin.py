"""Leading eigenpair of wide layers: a Galerkin method on growing spaces of matrices of low rank.

The eigenvector is sought as ``Z = U S Vᵀ`` with few columns in ``U`` and ``V``: the factors meet thin matrices
only, and Davidson's method small ones.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from dmfbook._validation import Array
from dmfbook.zero_loss.chain import Chain
from dmfbook.zero_loss.davidson import Enough, davidson
from dmfbook.zero_loss.spectral_norm import LeadingPair

# Deeper networks have eigenvectors of higher rank; these two are multiplied by the depth.
ENRICH = 6  # columns of the first bases, and directions that they gain in an iteration
GROWTH = 0.3  # the same in units of the eigenvector's rank, if that is more
COLUMNS = 32  # columns from which on a basis is compressed to what the eigenvector needs

SECOND = 0.1  # weight of the second eigenvector in a compression, which keeps the convergence fast
DOUBT = 0.9  # part of the gap below the largest eigenvalue that may be missing beyond the bases
INNER = 0.03  # what is negligible in a compressed problem, in units of the last residual
ITERATIONS = 400


def galerkin(chain: Chain, settled: Enough) -> LeadingPair:
    """Leading eigenpair by a Galerkin method on growing bases.

    Each iteration solves the problem on ``span U ⊗ span V``, drops from the solution what is negligible, and adds
    to both bases the leading singular directions of what remains of ``Φ(Z) − θ Z`` outside of them.
    """
    depth, weights = len(chain.layers), chain.weights
    if chain.root is None:
        # K_1 and G_L are identities, which stay so: the weights are in their partners.
        left = _Side(chain.layers, [weights[0]] + [1.0] * (depth - 1), ENRICH * depth)
        scales = [*weights[:0:-1], 1.0]
    else:
        left = _Side(chain.layers, [1.0] * depth, ENRICH * depth)
        scales = [*weights[::-1]]
    mirrored = [layer.T for layer in chain.layers[::-1]]
    right = _Side(mirrored, scales, ENRICH * depth, chain.root)
    ritz, norm = np.zeros((0, left.columns, right.columns)), np.inf
    for _ in range(ITERATIONS):
        # The mirrored layers give K_l in reverse order.
        inner, outer = left.compressed, right.compressed[::-1]
        values, ritz = davidson(inner, outer, ritz, partial(_negligible, beyond=norm))
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


class _Side:
    """Orthonormal basis of one side, and its images under all Gram matrices ``A_l A_lᵀ``, times a scale each.

    With `root`, the last of them is ``Qᵀ Q`` instead of the identity.
    """

    def __init__(
        self, layers: list[Array], scales: list[float], columns: int, root: Array | None = None
    ) -> None:
        self._layers, self._root = layers, root
        self._scales = np.array(scales)[:, None, None]
        size = len(layers[-1])
        # A part of each Gram matrix's range: no invariant subspace of Φ is missed.
        random = np.random.default_rng(0).standard_normal((size, min(columns, size)))
        probes = self._images(random)
        norms = np.linalg.norm(probes, axis=(1, 2), keepdims=True)
        mixed = (probes / np.where(norms > 0, norms, 1)).sum(axis=0)
        self.basis = np.linalg.qr(mixed)[0]
        self.images = self._images(self.basis)

    def _images(self, block: Array) -> Array:
        """Products of all Gram matrices with a thin block; shape (L, d_L, columns)."""
        images = _gram_products(self._layers, block)
        if self._root is not None:
            images[-1] = self._root.T @ (self._root @ block)
        images *= self._scales
        return images

    @property
    def columns(self) -> int:
        return int(self.basis.shape[1])

    @property
    def moving(self) -> Array:
        """The images but that under the identity."""
        return self.images[:-1] if self._root is None else self.images

    @property
    def compressed(self) -> Array:
        """The Gram matrices but the identity, on the basis; shape (L - 1 or L, columns, columns)."""
        return np.asarray(self.basis.T @ self.moving)

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
        self.images = np.concatenate([self.images, self._images(new)], axis=2)


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
    both. With the stacks ``P = [G_l U X]`` and ``Q = [K_l V Y]``, ``Φ(Z) = P Qᵀ``. Nothing of ``θ Z`` and of the image
    under an identity is outside of a basis. Of the other side's stack its triangular factor is enough.
    """
    stacks = np.hstack(list(left.images @ core[0])), np.hstack(list(right.images[::-1] @ core[1]))
    within = (left.basis.T @ stacks[0]) @ (right.basis.T @ stacks[1]).T
    compressed = core[0] @ core[1].T
    value = float(np.vdot(compressed, within))
    # G_L is the identity, and K_1 unless there are inputs.
    columns = core[0].shape[1]
    some = slice(0, -columns), slice((len(right.images) - len(right.moving)) * columns, None)
    outside = [
        side.outside(stack[:, part]) @ _triangular(other[:, part]).T
        for side, stack, other, part in zip((left, right), stacks, stacks[::-1], some, strict=True)
    ]
    return value, [*outside, within - value * compressed]


def _triangular(stack: Array) -> Array:
    """``R`` with ``Rᵀ R = Cᵀ C``, of at most as many rows."""
    return np.asarray(np.linalg.qr(stack, mode="r")) if len(stack) > stack.shape[1] else stack


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
