"""What all critical points look like, as `thm-all-critical-points` states it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles.search import EPS, Found
from dmfbook.claims.statements.modes import mean_of, positive_roots
from dmfbook.network.problem import Problem

SAME = 1e-9  # relative distance of singular values of the target that count as equal


class Form:
    """The form of the theorem for one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.mean = self.mean_weight()

    def mean_weight(self) -> float:
        """``λ̄``."""
        return mean_of(self.problem.reg)

    def scales(self) -> Array:
        """``√(λ̄ / λ_l)``; one for each layer where there is no weight decay."""
        return np.sqrt(self.mean / np.array(self.problem.reg)) if self.mean else self._ones

    def values(self, sigma: float) -> Array:
        """What ``w`` can be for a mode: zero, and the positive roots of ``w^{2L−2} − σ w^{L−2} + λ̄``."""
        return np.append(0.0, positive_roots(self.problem.depth, sigma, self.mean))

    def allows(self, sigma: Array, w: Array) -> bool:
        """Whether these modes may be active together."""
        return bool(np.count_nonzero(w) <= min(self.problem.widths))

    def loss(self, sigma: Array, w: Array) -> float:
        """``Σ (σ_i − w_i^L)² + L λ̄ w_i²``."""
        return float(np.sum((sigma - w**self.problem.depth) ** 2) + self.penalty(w))

    def penalty(self, w: Array) -> float:
        """``L λ̄ Σ w_i²``."""
        return float(self.problem.depth * self.mean * (w @ w))

    def distances(self, found: Found) -> Iterator[Evidence]:
        """How far a critical point is from the nearest of this form: product, layers, loss."""
        sigma, w, nearest = self._nearest(found.end_to_end)
        if not self.allows(sigma, w):
            yield Evidence(np.inf, EPS)
        gap = np.linalg.norm(found.end_to_end - nearest)
        rounding = 64 * self.problem.size * EPS * (1 + float(sigma.max()))
        yield Evidence(float(gap), found.end_to_end_uncertainty + rounding)
        for scale, factor in zip(self.scales(), found.factors, strict=True):
            expected = scale * np.sort(w)[::-1]
            layer = np.zeros(max(len(expected), *factor.shape))
            layer[: min(factor.shape)] = np.linalg.svd(factor, compute_uv=False)
            layer[: len(expected)] -= expected
            yield Evidence(float(np.abs(layer).max()), found.uncertainty + rounding)
        error = abs(found.loss - self.loss(sigma, w))
        yield Evidence(error, (found.uncertainty + rounding) * (1 + float(sigma @ sigma)))

    def _nearest(self, product: Array) -> tuple[Array, Array, Array]:
        """Singular values of the target, the values ``w`` nearest to a product, and their product.

        Equal singular values of the target leave a choice of singular vectors: the product's own.
        """
        left, sigma, right = np.linalg.svd(self.problem.target, full_matrices=False)
        starts = [0, *(np.flatnonzero(sigma[:-1] - sigma[1:] > SAME * sigma[0]) + 1), len(sigma)]
        w, nearest = np.zeros(len(sigma)), np.zeros_like(product)
        for first, last in zip(starts[:-1], starts[1:], strict=True):
            u, v = left[:, first:last], right[first:last].T
            inner = u.T @ product @ v
            s, basis = np.linalg.eigh((inner + inner.T) / 2)
            allowed = self.values(sigma[first])
            gaps = np.abs(s[:, None] - allowed**self.problem.depth)
            chosen = allowed[gaps.argmin(axis=1)]
            w[first:last] = np.sort(chosen)[::-1]
            nearest += (u @ basis * chosen**self.problem.depth) @ (v @ basis).T
        return sigma, w, nearest

    @property
    def _ones(self) -> Array:
        return np.ones(self.problem.depth)
