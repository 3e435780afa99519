"""Critical points found by brute force: an oracle that knows the loss and its derivatives, no theorem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.optimize import least_squares, minimize

from dmfbook._validation import Array
from dmfbook.network.factors import (
    end_to_end,
    flatten,
    partial_products,
    partial_products_of,
    transposed_layers,
    unflatten,
)
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.hessian import hessian
from dmfbook.network.losses.factorization import Factorization
from dmfbook.network.problem import Problem

EPS = float(np.finfo(float).eps)
STARTS = 4  # random starts of a search
ESCAPES = 5  # saddles that a search leaves before it gives up
NULL = 1e-6  # eigenvalues below this share of the largest count as directions along an orbit
SEEN = 1e-10  # above this share, far above what rounding leaves of an orbit, the loss may bend: there slopes bound distances


@dataclass(frozen=True)
class Found:
    """A critical point that was found, and how far the true one can be."""

    factors: list[Array]
    loss: float
    uncertainty: float
    planted: bool = False  # the search started near a truncation of what the loss aims at

    @cached_property
    def end_to_end(self) -> Array:
        """End-to-end matrix."""
        return end_to_end(self.factors)

    @cached_property
    def end_to_end_uncertainty(self) -> float:
        """Bound on the error of the end-to-end matrix: to first order ``Σ_l ‖A_l‖₂ ‖B_l‖₂`` times it."""
        left, right = partial_products(self.factors)
        gain = sum(
            np.linalg.norm(a, 2) * np.linalg.norm(b, 2) for a, b in zip(left, right, strict=True)
        )
        return float(2 * gain * self.uncertainty)

    def agrees(self, other: Found) -> bool:
        """Whether another point has the same end-to-end matrix, as far as both are certain."""
        gap = np.linalg.norm(self.end_to_end - other.end_to_end)
        return bool(gap <= 1e-12 + self.end_to_end_uncertainty + other.end_to_end_uncertainty)


def minimizers(
    problem: Problem, rng: np.random.Generator, starts: int, planted: bool = True
) -> list[Found]:
    """Local minimizers that Newton's method finds, best first.

    It starts from random factors of all sizes and, unless `planted` is false, near what the loss aims at, cut to
    each rank and split evenly among the layers: deep products of random factors seldom come near to full rank.
    """
    begins = [(start, False) for start in _starts(problem, rng, starts)]
    if planted:
        # Twice: a large disturbance may throw a run out of the basin, a small one may leave it on a saddle.
        nearby = [start for size in (0.05, 0.01) for start in truncations(problem, rng, size)]
        begins += [(start, True) for start in nearby]
    found = [replace(_minimizer_from(problem, start), planted=near) for start, near in begins]
    return sorted(found, key=lambda each: each.loss)


def minimizers_from(problem: Problem, starts: list[Array]) -> list[Found]:
    """Local minimizers that the same search finds from given vectors, best first."""
    found = [_minimizer_from(problem, start) for start in starts]
    return sorted(found, key=lambda each: each.loss)


def _minimizer_from(problem: Problem, start: Array) -> Found:
    """The minimizer that Newton's method comes to; saddles on its way are left along their steepest way down."""
    value_and_gradient = objective(problem)

    def curvature(vector: Array) -> Array:
        return hessian(problem, layers_of(vector, problem))

    for escape in range(ESCAPES):
        # From large factors, where BFGS takes thousands of steps, trust regions take some forty.
        # Near a threshold the way down is so flat that a gradient can be that small on it.
        end = minimize(
            value_and_gradient,
            start,
            jac=True,
            hess=curvature,
            method="trust-ncg",
            options={"gtol": 1e-7 / 10**escape},
        ).x
        values, vectors = np.linalg.eigh(curvature(end))
        if values[0] >= -NULL * np.abs(values).max():
            return _polish(problem, np.asarray(end))
        start = end + 0.1 * float(np.linalg.norm(end) or 1) * vectors[:, 0]
    raise ArithmeticError(f"the search ended at a saddle {ESCAPES} times")


def saddle_without_largest(problem: Problem, rng: np.random.Generator) -> Found:
    """A critical point that root finding reaches from near what the loss aims at, without its largest singular value.

    The layers have random bases, so that what is found from different starts lies far apart.
    """
    left, values, right = np.linalg.svd(aim(problem), full_matrices=False)
    values[0] = 0.0
    frames = [
        right.T,
        *(orthonormal_frame(width, width, rng) for width in problem.hidden_widths),
        left,
    ]
    rank = min(len(values), *problem.hidden_widths)
    layers = [
        (after[:, :rank] * values[:rank] ** (1 / problem.depth)) @ before[:, :rank].T
        for before, after in pairwise(frames)
    ]
    start = flatten(layers) + 0.02 * rng.normal(size=problem.size)
    return roots_from(problem, [start])[0]


def quartic_minimizer(problem: Problem, rng: np.random.Generator) -> Found:
    """A minimizer where the penalty is ``Σ λ_l Σ w^4`` instead of ``Σ λ_l Σ w²``."""
    plain = Problem(problem.target, problem.hidden_widths)

    def value_and_gradient(vector: Array) -> tuple[float, Array]:
        factors = unflatten(vector, problem.widths)
        gradient = plain.gradient(factors)
        value = plain.loss(factors)
        for reg, factor, block in zip(problem.reg, factors, gradient, strict=True):
            value += reg * float(np.sum(factor**4))
            block += 4 * reg * factor**3
        return value, flatten(gradient)

    start = truncations(problem, rng)[-1]
    end = minimize(value_and_gradient, start, jac=True, method="BFGS", options={"gtol": 1e-8})
    return Found(unflatten(end.x, problem.widths), float(end.fun), 1e-6)


def short_descent(problem: Problem, rng: np.random.Generator) -> float:
    """Least loss within 200 steps of BFGS from a random start; for problems that have no minimizer."""
    start, options = rng.normal(size=problem.size), {"maxiter": 200}
    run = minimize(objective(problem), start, jac=True, method="BFGS", options=options)
    return float(run.fun)


def objective(problem: Problem) -> Callable[[Array], tuple[float, Array]]:
    """Value and gradient at a vector of all weights, without checks: with small layers these take most of the time."""
    loss, reg = problem.end_to_end_loss, problem.reg
    weights = np.repeat(reg, [b * a for b, a in pairwise(problem.widths)])

    def value_and_gradient(vector: Array) -> tuple[float, Array]:
        factors = layers_of(vector, problem)
        left, right = partial_products_of(factors)
        product = factors[-1] @ right[-1]
        slope = loss.gradient(product)
        blocks = [(b @ slope.T @ a).ravel() for a, b in zip(left, right, strict=True)]
        weighted = weights * vector
        return float(loss.value(product) + weighted @ vector), np.concatenate(blocks) + 2 * weighted

    return value_and_gradient


def layers_of(vector: Array, problem: Problem) -> list[Array]:
    """Views of the layers in a vector of all weights."""
    return [layer.T for layer in transposed_layers(vector, problem.widths)]


def best(found: list[Found], problem: Problem) -> list[Found]:
    """Those whose loss is the least up to rounding; `found` comes best first."""
    if not found:
        raise ValueError("nothing was found")
    rounding = 1e-11 * loss_unit(problem)
    return [each for each in found if each.loss <= found[0].loss + rounding]


def critical_points(problem: Problem, rng: np.random.Generator, starts: int) -> list[Found]:
    """Critical points of every kind that root finding on the gradient reaches from random factors, best first."""
    return roots_from(problem, _starts(problem, rng, starts))


def roots_from(problem: Problem, starts: list[Array]) -> list[Found]:
    """Critical points that root finding on the gradient reaches from given vectors, best first."""
    value_and_gradient = objective(problem)

    def gradient(vector: Array) -> Array:
        return value_and_gradient(vector)[1]

    def jacobian(vector: Array) -> Array:
        return hessian(problem, layers_of(vector, problem))

    results = [
        least_squares(gradient, start, jacobian, method="trf", gtol=1e-14, xtol=1e-14, ftol=1e-14)
        for start in starts
    ]
    # A search can end where the gradient is smallest without vanishing.
    ends = [result.x for result in results if np.linalg.norm(result.fun) < 1e-6]
    return sorted((_polish(problem, end) for end in ends), key=lambda found: found.loss)


def aim(problem: Problem) -> Array:
    """What the loss aims at: its target, or its minimizer under a penalty that keeps it finite."""
    loss = problem.end_to_end_loss
    if isinstance(loss, Factorization):
        return loss.target
    ridge = float(np.mean(problem.reg))

    def value_and_gradient(vector: Array) -> tuple[float, Array]:
        X = vector.reshape(loss.shape)
        value = loss.value(X) + ridge * np.vdot(X, X)
        return float(value), np.ravel(loss.gradient(X) + 2 * ridge * X)

    start = np.zeros(loss.shape[0] * loss.shape[1])
    end = minimize(value_and_gradient, start, jac=True, method="BFGS", options={"maxiter": 50}).x
    return np.asarray(end.reshape(loss.shape))


def layer_unit(problem: Problem) -> float:
    """Size of a layer when what the loss aims at is split evenly."""
    return max(1e-3, float(np.linalg.norm(aim(problem), 2))) ** (1 / problem.depth)


def loss_unit(problem: Problem) -> float:
    """One more than the loss of the zero matrix, for a target its squared norm: the unit of rounding errors."""
    return 1 + float(problem.end_to_end_loss.value(np.zeros(problem.end_to_end_loss.shape)))


def _starts(problem: Problem, rng: np.random.Generator, starts: int) -> list[Array]:
    """Gaussian vectors whose end-to-end matrices range from tiny to the size of what the loss aims at, and beyond."""
    unit = layer_unit(problem)
    sizes = unit * np.geomspace(0.1, 1.5, starts)
    return [size * rng.normal(size=problem.size) for size in sizes]


def truncations(problem: Problem, rng: np.random.Generator, size: float = 0.05) -> list[Array]:
    """Even splits of what the loss aims at, cut to rank 0, 1, …, slightly disturbed."""
    left, values, right = np.linalg.svd(aim(problem))
    starts = []
    for rank in range(min(problem.widths) + 1):
        layers = [np.zeros((after, before)) for before, after in pairwise(problem.widths)]
        for layer in layers:
            np.fill_diagonal(layer[:rank, :rank], values[:rank] ** (1 / problem.depth))
        layers[0], layers[-1] = layers[0] @ right, left @ layers[-1]
        disturbed = flatten(layers)
        starts.append(disturbed + size * rng.normal(size=problem.size))
    return starts


def _polish(problem: Problem, vector: Array) -> Found:
    """Newton steps across the orbit, then a bound on the error from gradient and curvature."""
    for _ in range(4):
        factors = unflatten(vector, problem.widths)
        values, vectors = np.linalg.eigh(hessian(problem, factors))
        across = np.abs(values) > NULL * np.abs(values).max()
        slopes = vectors.T @ flatten(problem.gradient(factors))
        step = vectors[:, across] @ (slopes[across] / values[across])
        vector = vector - step
        if np.linalg.norm(step) <= 1e-12 * np.linalg.norm(vector):
            break  # the next is its square, and the spectrum is that of the point up to as much
    factors = unflatten(vector, problem.widths)
    gradient = float(np.linalg.norm(flatten(problem.gradient(factors))))
    rounding = 8 * EPS * problem.size * np.abs(values).max() * (1 + np.abs(vector).max())
    sizes = np.abs(values)
    flattest = sizes[sizes > SEEN * sizes.max()].min()
    return Found(factors, problem.loss(factors), 2 * float((gradient + rounding) / flattest))
