"""Descent from near a critical point to the local minimizer below it; knows the loss and its derivatives."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from dmfbook._validation import Array
from dmfbook.claims.oracles import search
from dmfbook.network.factors import flatten, unflatten
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem

NUDGE = 1e-3  # size of the random step off a critical point, before a descent


def descend(problem: Problem, factors: list[Array]) -> search.Found:
    """The local minimizer below some factors: Newton's method in small steps that all descend."""
    value_and_gradient = search.objective(problem)

    def curvature(vector: Array) -> Array:
        return hessian(problem, search.layers_of(vector, problem))

    # Steps that are short beside the distance between critical points pass over no barrier.
    short = 0.05 * search.layer_unit(problem)
    end = minimize(
        value_and_gradient,
        flatten(factors),
        jac=True,
        hess=curvature,
        method="trust-exact",
        options={"gtol": 1e-10, "initial_trust_radius": short / 4, "max_trust_radius": short},
    ).x
    values = np.linalg.eigvalsh(curvature(end))
    rounding = 8 * search.EPS * problem.size * values[-1] * (1 + np.abs(end).max())
    loss, gradient = value_and_gradient(end)
    flattest = values[values > search.NULL * values[-1]].min()
    error = 2 * float((np.linalg.norm(gradient) + rounding) / flattest)
    return search.Found(unflatten(end, problem.widths), loss, error)


def nudged(factors: list[Array], rng: np.random.Generator) -> list[Array]:
    """Factors a small random step away."""
    return [factor + NUDGE * rng.normal(size=factor.shape) for factor in factors]


def drop(problem: Problem, factors: list[Array], rng: np.random.Generator, enough: float) -> float:
    """How far descents from nearby get below some factors, relative to the size of the loss.

    They start from small random steps to both sides, some in all directions and some in those only
    in which the Hessian does not curve upwards: there quadratic terms hide no cubic one. The first that
    gets below by more than `enough` is the last.
    """
    values, vectors = np.linalg.eigh(hessian(problem, factors))
    soft = values <= search.NULL * np.abs(values).max()
    start, unit = problem.loss(factors), search.loss_unit(problem)
    gain = 0.0
    for directions in (np.ones_like(soft), soft, soft, soft):
        step = vectors @ (NUDGE * rng.normal(size=problem.size) * directions)
        for sign in (-1, 1):
            nearby = unflatten(flatten(factors) + sign * step, problem.widths)
            gain = max(gain, (start - descend(problem, nearby).loss) / unit)
            if gain > enough:
                return gain
    return gain


def negative_eigenvalues(problem: Problem, factors: list[Array]) -> int:
    """Number of eigenvalues of the dense Hessian below zero, beyond rounding."""
    values = np.linalg.eigvalsh(hessian(problem, factors))
    return int(np.sum(values < -64 * problem.size * search.EPS * np.abs(values).max()))
