"""Least value of a measure of flatness over changes of basis of the hidden layers, by descent; knows no minimizer.

The measure is a sum over the positive eigenvalues of the dense Hessian. ``W_l → T_l W_l T_{l−1}⁻¹`` with invertible
``T_l``, ``T_0 = I`` and ``T_L = I``, leaves the product as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from dmfbook._validation import Array
from dmfbook.network.factors import end_to_end
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.zero_loss.measures import Measure, measure_gradient

POSITIVE = 1e-10  # share of the largest eigenvalue from which on one counts as positive


@dataclass(frozen=True)
class OrbitSearch:
    """Where a descent of a measure ended."""

    factors: list[Array]
    value: float


def descend_measure(factors: list[Array], measure: Measure, steps: int = 400) -> OrbitSearch:
    """Minimize a measure over changes of basis, from given factors."""
    problem = Problem(end_to_end(factors), [len(factor) for factor in factors[:-1]])

    def value_and_gradient(vector: Array) -> tuple[float, Array]:
        turns = _turns(vector, factors)
        layers = _turned(factors, turns)
        eigenvalues = np.linalg.eigvalsh(hessian(problem, layers))
        positive = eigenvalues[eigenvalues > POSITIVE * eigenvalues[-1]]
        value = float(measure.at(np.log(positive))[0].sum())
        if not np.isfinite(value):
            return np.inf, np.zeros_like(vector)
        slopes = measure_gradient(layers, measure)
        blocks = [
            (slopes[l] @ layers[l].T - layers[l + 1].T @ slopes[l + 1]) @ np.linalg.inv(turn).T
            for l, turn in enumerate(turns)
        ]
        return value, np.concatenate([block.ravel() for block in blocks])

    start = np.concatenate([np.eye(len(factor)).ravel() for factor in factors[:-1]])
    unit = max(abs(value_and_gradient(start)[0]), 1.0)

    def scaled(vector: Array) -> tuple[float, Array]:
        value, gradient = value_and_gradient(vector)
        return value / unit, gradient / unit

    end = minimize(scaled, start, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": steps})
    return OrbitSearch(_turned(factors, _turns(end.x, factors)), unit * float(end.fun))


def _turns(vector: Array, factors: list[Array]) -> list[Array]:
    turns, start = [], 0
    for factor in factors[:-1]:
        side = len(factor)
        turns.append(vector[start : start + side**2].reshape(side, side))
        start += side**2
    return turns


def _turned(factors: list[Array], turns: list[Array]) -> list[Array]:
    layers = list(factors)
    for l, turn in enumerate(turns):
        layers[l] = turn @ layers[l]
        layers[l + 1] = layers[l + 1] @ np.linalg.inv(turn)
    return layers
