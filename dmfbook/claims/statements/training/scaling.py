"""The formulas of *Unbalanced and ill-conditioned* as the page states them."""

from __future__ import annotations

import numpy as np

from dmfbook._validation import Array


def product_step(
    product: Array,
    slope: Array,
    step: float,
    rank: int,
    *,
    share: float = 1.0,
    overlap: float = 0.0,
    square: float = 1.0,
) -> Array:
    """``X − η (P G + G Q) + η² G X⁺ G``, with other numbers for rivals."""
    u, values, vt = np.linalg.svd(product)
    u, values, v = u[:, :rank], values[:rank], vt[:rank].T
    left, right, inverse = u @ u.T, v @ v.T, v / values @ u.T
    along = left @ slope + slope @ right - overlap * left @ slope @ right
    return product - share * step * along + square * step**2 * slope @ inverse @ slope


def step_bound(before: float, rate: float, step: float, square: float = 1.0) -> float:
    """``ϱ e + (1 + 4 η² / (1 − e)) e²``, for distances in units of the least singular value; infinite from one on."""
    if before >= 1:
        return np.inf
    return rate * before + square * (1 + 4 * step**2 / (1 - before)) * before**2


def multipliers(
    rank: int, shape: tuple[int, int], step: float, across: float = 2.0, within: float = 4.0
) -> Array:
    """``1``, ``1 − 2η`` and ``1 − 4η`` as often as they occur, descending; with other numbers for rivals."""
    counts = [rank**2, rank * (sum(shape) - 2 * rank), rank**2]
    values = [1.0, 1 - across * step, 1 - within * step]
    return np.sort(np.repeat(values, counts))[::-1]


def subspace_multipliers(
    operator: Array, left: Array, right: Array, step: float, overlap: float = 0.0
) -> Array:
    """Eigenvalues of ``E ↦ E − 2η (P A*A(E) + A*A(E) Q)`` on the tangent space, and a one for each change of basis.

    The operator takes ``vec E``, column by column; `left` and `right` are bases of columns and rows. Descending.
    """
    rank, rows, cols = left.shape[1], len(left), len(right)
    p, q = left @ left.T, right @ right.T
    normal = np.kron(np.eye(cols) - q, np.eye(rows) - p)
    values, vectors = np.linalg.eigh(normal)
    tangent = vectors[:, values < 0.5]
    scale = np.kron(np.eye(cols), p) + np.kron(q, np.eye(rows)) - overlap * np.kron(q, p)
    inner = np.linalg.eigvals(tangent.T @ scale @ operator.T @ operator @ tangent).real
    return np.sort(np.concatenate([np.ones(rank**2), 1 - 2 * step * inner]))[::-1]


def damped_path(
    w: Array, sigma: Array, steps: int, step: float, damping: float, power: float = 1.0
) -> Array:
    """Values after each step (t, n) of ``w − 2η (w² − σ) w / (w² + ε)``; a rival divides by another power."""
    path = [w]
    for _ in range(steps):
        w = w - 2 * step * (w**2 - sigma) * w / (w**2 + damping) ** power
        path.append(w)
    return np.array(path)


def heron(w: Array, sigma: Array, steps: int, squares: bool = True, root: bool = True) -> Array:
    """Values after each step (t, n), from ``z_t = z_0^(2^t)`` with ``z = (w − √σ) / (w + √σ)``."""
    limit = np.sqrt(sigma) if root else sigma
    count = np.arange(steps + 1)[:, None]
    first = (w - limit) / (w + limit)
    z = first ** (2.0**count) if squares else first / 2.0**count
    z[0] = first
    return np.asarray(limit * (1 + z) / (1 - z))


def damped_steps(w: Array, sigma: Array, damping: float, close: float, grows: bool = True) -> Array:
    """Bound on the steps after which ``|w / √σ − 1|`` stays below a number; a rival forgets those of growth."""
    growth = np.log(np.sqrt(sigma / 2) / w) / np.log(7 / 6) if grows else np.zeros_like(w)
    overshoot = np.maximum(1.0, w / np.sqrt(sigma)) + np.sqrt(sigma / damping) / 4
    shrinking = np.log(overshoot / close) / np.log(5 / 3)
    return np.asarray(np.ceil(np.maximum(growth, 0)) + np.ceil(shrinking))
