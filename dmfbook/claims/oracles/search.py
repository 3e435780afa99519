"""Critical points found by brute force: an oracle that knows the loss and its derivatives, no theorem."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import least_squares, minimize

from dmfbook._validation import Array
from dmfbook.network.factors import end_to_end, flatten, partial_products, unflatten
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem

EPS = float(np.finfo(float).eps)
STARTS = 4  # random starts of a search
NULL = 1e-6  # eigenvalues below this share of the largest count as directions along an orbit


@dataclass(frozen=True)
class Found:
    """A critical point that was found, and how far the true one can be."""

    factors: list[Array]
    loss: float
    uncertainty: float

    @property
    def end_to_end(self) -> Array:
        """End-to-end matrix."""
        return end_to_end(self.factors)

    @property
    def end_to_end_uncertainty(self) -> float:
        """Bound on the error of the end-to-end matrix: to first order ``Σ_l ‖A_l‖₂ ‖B_l‖₂`` times it."""
        left, right = partial_products(self.factors)
        gain = sum(
            np.linalg.norm(a, 2) * np.linalg.norm(b, 2) for a, b in zip(left, right, strict=True)
        )
        return float(2 * gain * self.uncertainty)


def minimizers(problem: Problem, rng: np.random.Generator, starts: int) -> list[Found]:
    """Local minimizers that BFGS finds, best first.

    It starts from random factors of all sizes, and near the target cut to each rank and split evenly
    among the layers: deep products of random factors seldom come near to full rank.
    """

    def value_and_gradient(vector: Array) -> tuple[float, Array]:
        factors = unflatten(vector, problem.widths)
        return problem.loss(factors), flatten(problem.gradient(factors))

    ends = [
        minimize(value_and_gradient, start, jac=True, method="BFGS", options={"gtol": 1e-7}).x
        for start in _starts(problem, rng, starts) + truncations(problem, rng)
    ]
    return _sorted(problem, ends)


def critical_points(problem: Problem, rng: np.random.Generator, starts: int) -> list[Found]:
    """Critical points of every kind that root finding on the gradient reaches from random factors, best first."""
    return roots_from(problem, _starts(problem, rng, starts))


def roots_from(problem: Problem, starts: list[Array]) -> list[Found]:
    """Critical points that root finding on the gradient reaches from given vectors, best first."""

    def gradient(vector: Array) -> Array:
        return flatten(problem.gradient(unflatten(vector, problem.widths)))

    def jacobian(vector: Array) -> Array:
        return hessian(problem, unflatten(vector, problem.widths))

    results = [
        least_squares(gradient, start, jacobian, method="trf", gtol=1e-14, xtol=1e-14, ftol=1e-14)
        for start in starts
    ]
    # A search can end where the gradient is smallest without vanishing.
    ends = [result.x for result in results if np.linalg.norm(result.fun) < 1e-6]
    return _sorted(problem, ends)


def _starts(problem: Problem, rng: np.random.Generator, starts: int) -> list[Array]:
    """Gaussian vectors whose end-to-end matrices range from tiny to the target's size and beyond."""
    unit = max(1e-3, float(np.linalg.norm(problem.target, 2))) ** (1 / problem.depth)
    sizes = unit * np.geomspace(0.1, 1.5, starts)
    return [size * rng.normal(size=problem.size) for size in sizes]


def truncations(problem: Problem, rng: np.random.Generator) -> list[Array]:
    """Even splits of the target cut to rank 0, 1, …, slightly disturbed."""
    left, values, right = np.linalg.svd(problem.target)
    starts = []
    for rank in range(min(problem.widths) + 1):
        layers = [np.zeros((after, before)) for before, after in pairwise(problem.widths)]
        for layer in layers:
            np.fill_diagonal(layer[:rank, :rank], values[:rank] ** (1 / problem.depth))
        layers[0], layers[-1] = layers[0] @ right, left @ layers[-1]
        disturbed = flatten(layers)
        starts.append(disturbed + 0.05 * rng.normal(size=problem.size))
    return starts


def _sorted(problem: Problem, ends: list[Array]) -> list[Found]:
    return sorted((_polish(problem, end) for end in ends), key=lambda found: found.loss)


def _polish(problem: Problem, vector: Array) -> Found:
    """Newton steps across the orbit, then a bound on the error from gradient and curvature."""
    for _ in range(4):
        factors = unflatten(vector, problem.widths)
        values, vectors = np.linalg.eigh(hessian(problem, factors))
        across = np.abs(values) > NULL * np.abs(values).max()
        slopes = vectors.T @ flatten(problem.gradient(factors))
        vector = vector - vectors[:, across] @ (slopes[across] / values[across])
    factors = unflatten(vector, problem.widths)
    gradient = float(np.linalg.norm(flatten(problem.gradient(factors))))
    rounding = 8 * EPS * problem.size * np.abs(values).max() * (1 + np.abs(vector).max())
    flattest = np.abs(values[across]).min()
    return Found(factors, problem.loss(factors), 2 * float((gradient + rounding) / flattest))
