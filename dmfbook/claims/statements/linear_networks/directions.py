"""The critical weight for any data as its page states it, maximized over directions of the inputs from scratch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize

from dmfbook._validation import Array
from dmfbook.network.losses.regression import Regression

Direction = Callable[[Regression, int], Array]


def constant(depth: int, first: float = 2.0, second: float = 2.0) -> float:
    """``κ_L = (L−2)^{1−2/L} (L−1)^{2/L−2}``; rivals have other numbers in the exponents."""
    return float(max(depth - 2, 1) ** (1 - first / depth) * (depth - 1) ** (second / depth - 2))


def strongest(loss: Regression, fit: float, size: float) -> Array:
    """Unit vector with the largest ``‖C v‖^fit ‖Qᵀ v‖^size``, searched for from singular vectors of both kinds.

    Maximizers lie in the range of the inputs, where ``v = directions · w``.
    """
    basis, cross = loss.input_directions, loss.cross_moment
    of_fit, of_size = basis.T @ cross.T @ cross @ basis, basis.T @ loss.second_moment @ basis
    power = fit + size  # in which the vector's own norm counts

    def minus_log(w: Array) -> tuple[float, Array]:
        terms = [(fit, of_fit @ w), (size, of_size @ w), (-power, w)]
        squares = [float(w @ image) for _, image in terms]
        value = sum(p * np.log(x) / 2 for (p, _), x in zip(terms, squares, strict=True))
        slope = sum(p * image / x for (p, image), x in zip(terms, squares, strict=True))
        return -float(value), -np.asarray(slope)

    starts = np.vstack([np.linalg.svd(cross @ basis)[2], whitened_directions(loss)])
    ends = [
        minimize(
            minus_log, start + 0.1 / len(start), jac=True, method="BFGS", options={"gtol": 1e-9}
        )
        for start in starts
    ]
    w = min(ends, key=lambda end: float(end.fun)).x
    return np.asarray(basis @ w / np.linalg.norm(w))


def whitened_directions(loss: Regression) -> Array:
    """Generalized right singular vectors in the basis of the inputs' directions, rows, strongest first."""
    roots = np.linalg.norm(loss.input_factor, axis=0)
    rows = np.linalg.svd(loss.whitened_target)[2] / roots
    return np.asarray(rows / np.linalg.norm(rows, axis=1)[:, None])


def of_maximum(loss: Regression, depth: int) -> Array:
    """The direction of the statement."""
    return strongest(loss, 2 - 2 / depth, 4 / depth - 2)


def of_cross_moment(loss: Regression, depth: int) -> Array:
    """Leading right singular vector of C."""
    return np.asarray(np.linalg.svd(loss.cross_moment)[2][0])


def of_whitened(loss: Regression, depth: int) -> Array:
    """Leading generalized direction, of ``(CᵀC, S)``."""
    return np.asarray(loss.input_directions @ whitened_directions(loss)[0])


def fit_and_size(loss: Regression, v: Array) -> tuple[float, float]:
    """``‖C v‖`` and ``‖Qᵀ v‖``."""
    return float(np.linalg.norm(loss.cross_moment @ v)), float(
        np.linalg.norm(loss.input_factor.T @ v)
    )


def weight(
    loss: Regression,
    depth: int,
    fit: float = 2.0,
    size: float = 4.0,
    direction: Direction | None = None,
    **changed: Any,
) -> float:
    """``κ_L ‖C v‖^{2−2/L} ‖Qᵀ v‖^{4/L−2}`` at its maximum, or at a direction that a rival takes."""
    powers = 2 - fit / depth, size / depth - 2
    v = strongest(loss, *powers) if direction is None else direction(loss, depth)
    c, q = fit_and_size(loss, v)
    return constant(depth, **changed) * c ** powers[0] * q ** powers[1]
