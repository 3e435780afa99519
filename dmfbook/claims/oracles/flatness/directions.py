"""Extremes over one direction or one number, from values: what two quadratic forms can be at once."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from dmfbook._validation import Array

# Random directions that are looked at, and how many of the best are improved: there may be several summits.
LOOKS, STARTS = 2000, 4


def best_direction(
    target: Array, factor: Array, powers: tuple[float, float], rng: np.random.Generator
) -> tuple[float, Array]:
    """Largest ``‖M̃ v‖^α ‖Q v‖^β`` over unit vectors v, from the best of many random ones, and its v."""
    parts = [(target, powers[0]), (factor, powers[1]), (np.eye(factor.shape[1]), -sum(powers))]

    def loss(v: Array) -> tuple[float, Array]:
        value, slope = 0.0, np.zeros(len(v))
        for matrix, power in parts:
            image = matrix @ v
            value -= power / 2 * float(np.log(image @ image))
            slope -= power * matrix.T @ image / (image @ image)
        return value, slope

    looks = rng.standard_normal((factor.shape[1], LOOKS))
    heights = np.sum([p * np.log(np.linalg.norm(m @ looks, axis=0)) for m, p in parts], axis=0)
    starts = looks.T[np.argsort(-heights)[:STARTS]]
    runs = [
        minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9}) for start in starts
    ]
    best = min(runs, key=lambda run: float(run.fun))
    return float(np.exp(-best.fun)), best.x / np.linalg.norm(best.x)


def best_split(gram: Array, moments: Array, weight: float, power: float) -> float:
    """Least ``λ_max(weight · T / p + p^power · Σ)`` over ``p > 0``, from values."""

    def height(x: float, around: float) -> float:
        y = around + x
        both = weight * np.exp(-y) * gram + np.exp(power * y) * moments
        return float(np.linalg.eigvalsh(both)[-1])

    middle = float(np.log(np.trace(gram) / np.trace(moments))) / (power + 1)
    # The method resolves its unknown to half of the digits; what is left is resolved the second time.
    for reach in (10.0, 1e-6):
        middle += minimize_scalar(
            height,
            args=(middle,),
            bounds=(-reach, reach),
            method="bounded",
            options={"xatol": 1e-13},
        ).x
    return height(0.0, middle)
