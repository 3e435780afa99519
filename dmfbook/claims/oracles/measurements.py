"""Plain computations with the matrices of measurements."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from dmfbook._validation import Array
from dmfbook.sensing.operator import SensingOperator


def operator_norm(operator: SensingOperator) -> float:
    """Largest ``‖𝒜(X)‖`` for X of Frobenius norm one."""
    return float(np.linalg.norm(operator @ np.eye(operator.shape[1]), 2))


def dense_rows(operator: SensingOperator) -> Array:
    """The operator as a matrix with rows ``vec S_k``."""
    return operator @ np.eye(operator.shape[1])


def dense_matrices(operator: SensingOperator) -> Array:
    """The matrices ``S_k`` (n, d_L, d_0)."""
    return dense_rows(operator).reshape(-1, *operator.matrix_shape[::-1]).mT


def rank_one_extreme(operator: SensingOperator, sign: int) -> tuple[float, Array, Array]:
    """Extreme of ``‖𝒜(uvᵀ)‖²`` over unit u and v in the plane, from all directions of v."""

    def extreme(angle: float) -> tuple[float, Array, Array]:
        v = np.array([np.cos(angle), np.sin(angle)])
        maps = dense_rows(operator) @ np.kron(v[:, None], np.eye(operator.matrix_shape[0]))
        values, vectors = np.linalg.eigh(maps.T @ maps)
        place = -1 if sign > 0 else 0
        return float(values[place]), vectors[:, place], v

    grid = np.linspace(0, np.pi, 181)
    best = grid[np.argmax([sign * extreme(angle)[0] for angle in grid])]
    bounds = (best - np.pi / 180, best + np.pi / 180)
    result = minimize_scalar(
        lambda angle: -sign * extreme(angle)[0],
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-10},
    )
    return extreme(float(result.x))


def square_root(gram: Array) -> Array:
    """Symmetric square root of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(gram)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
