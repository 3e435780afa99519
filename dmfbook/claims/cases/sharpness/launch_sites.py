"""Points to launch gradient descent from: minimizers of every kind, and what is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import with_values
from dmfbook.network.factors import end_to_end
from dmfbook.network.problem import Problem
from dmfbook.regularized.critical import critical_point, global_minimizer
from dmfbook.regularized.scalar import critical_reg
from dmfbook.zero_loss.factorizations import flat_factors, zero_loss_factors
from dmfbook.zero_loss.sharpness import sharpness

Site = tuple[Problem, list[Array]]
Place = Callable[[np.random.Generator], Site]


def number(rng: np.random.Generator) -> Site:
    """A number in unbalanced factors, depth 2 to 4."""
    hidden = rng.integers(1, 4, rng.integers(1, 4)).tolist()
    return interpolating([[rng.uniform(0.5, 2)]], hidden, rng, 3.0)


def interpolating(
    target: ArrayLike, hidden: list[int], rng: np.random.Generator, condition: float
) -> Site:
    """An unbalanced factorization, and the problem whose residual there is zero to the last digit."""
    factors = zero_loss_factors(target, hidden, rng, condition)
    return Problem(end_to_end(factors), hidden), factors


def matrix(rng: np.random.Generator) -> Site:
    """A matrix of rank two in unbalanced factors, depth 2 or 3."""
    hidden = rng.integers(2, 4, rng.integers(1, 3)).tolist()
    return interpolating(two_modes(rng), hidden, rng, 2.0)


def two_modes(rng: np.random.Generator) -> Array:
    """A target with two rows or columns; the second singular value is 0.6 to 0.8 of the first."""
    values = rng.uniform(2, 3) * np.array([1, rng.uniform(0.6, 0.8)])
    return with_values(rng, values, (2, 3) if rng.integers(2) else (3, 2))


def behind_bottleneck(rng: np.random.Generator) -> Site:
    """The best that one hidden unit can do for a matrix of rank two; its loss is positive."""
    target = two_modes(rng)
    hidden = [1] if rng.integers(2) else [1, 2]
    return Problem(target, hidden), zero_loss_factors(modes(target, 0), hidden, rng, 2.0)


def modes(target: Array, *kept: int) -> Array:
    """The target with these of its modes alone."""
    u, values, vt = np.linalg.svd(target, full_matrices=False)
    keep = list(kept)
    return np.asarray(u[:, keep] * values[keep] @ vt[keep])


def decayed(rng: np.random.Generator) -> Site:
    """A global minimizer under unequal weights, both modes active, depth 2 to 4."""
    target, depth = two_modes(rng), int(rng.integers(2, 5))
    reg = rng.uniform(0.2, 0.5) * critical_reg(np.linalg.norm(target, -2), depth)
    problem = Problem(target, [2] * (depth - 1), reg * np.exp(_centred(rng.normal(size=depth)) / 2))
    return problem, global_minimizer(problem).factors(rng)


def _centred(values: Array) -> Array:
    return np.asarray(values - values.mean())


def at_zero(rng: np.random.Generator) -> Site:
    """Zero, a local minimizer that is not global, depth 3 or 4, unequal weights."""
    target, depth = two_modes(rng), int(rng.integers(3, 5))
    reg = 0.1 * critical_reg(np.linalg.norm(target, 2), depth) * rng.uniform(0.5, 1, depth)
    problem = Problem(target, [2] * (depth - 1), reg)
    return problem, zeros(problem)


def zeros(problem: Problem) -> list[Array]:
    """Factors that vanish."""
    return [np.zeros(shape) for shape in zip(problem.widths[1:], problem.widths[:-1], strict=True)]


def strict_saddle(rng: np.random.Generator) -> Site:
    """The second mode without the first, at depth 2; or the smaller root of a number, at depth 3 or 4."""
    if rng.integers(2):
        target = two_modes(rng)
        return Problem(target, [2]), zero_loss_factors(modes(target, 1), [2], rng, 1.0)
    return smaller_root(rng, int(rng.integers(3, 5)), 2)


def smaller_root(rng: np.random.Generator, depth: int, width: int) -> Site:
    """The saddle between zero and the global minimizer of a number, equal weights."""
    target = float(rng.uniform(1, 2))
    reg = float(rng.uniform(0.3, 0.6) * critical_reg(target, depth))
    problem = Problem([[target]], [width] * (depth - 1), reg)
    return problem, critical_point(problem, [1]).factors(rng)


def not_critical(rng: np.random.Generator) -> Site:
    """A factorization of another target, a tenth smaller."""
    problem, factors = matrix(rng)
    return Problem(1.1 * problem.target, problem.hidden_widths), factors


def stretched(place: Place) -> Place:
    """The same point with a factor of three between its ends, to the sharper side: there are flatter ones."""

    def placed(rng: np.random.Generator) -> Site:
        problem, (first, *middle, last) = place(rng)
        candidates = [[first * c, *middle, last / c] for c in (3, 1 / 3)]
        factors = max(candidates, key=sharpness)
        return Problem(end_to_end(factors), problem.hidden_widths), factors

    return placed


def deep_number(rng: np.random.Generator, depth: int) -> Site:
    """A number in unbalanced factors of this depth."""
    return interpolating([[rng.uniform(0.5, 2)]], [int(rng.integers(1, 4))] * (depth - 1), rng, 4.0)


def flat_number(rng: np.random.Generator) -> Site:
    """A flat minimum of a number, depth 2 to 4."""
    hidden = rng.integers(1, 4, rng.integers(1, 4)).tolist()
    return flattest([[rng.uniform(2, 3)]], hidden, rng)


def flat_matrix(rng: np.random.Generator) -> Site:
    """A flat minimum of a matrix of rank two, depth 2 or 3."""
    return flattest(two_modes(rng), rng.integers(2, 4, rng.integers(1, 3)).tolist(), rng)


def flattest(target: ArrayLike, hidden: list[int], rng: np.random.Generator) -> Site:
    """A flat minimum, and the problem whose residual there is zero to the last digit."""
    factors = flat_factors(target, hidden, rng)
    return Problem(end_to_end(factors), hidden), factors


def flat_but_decayed(rng: np.random.Generator) -> Site:
    """The same factors where the weights are positive."""
    problem, factors = flat_matrix(rng)
    return Problem(problem.target, problem.hidden_widths, 0.1), factors


def decayed_number(rng: np.random.Generator) -> Site:
    """A global minimizer of a number under equal weights, depth 2 to 4."""
    target, depth = float(rng.uniform(1, 2)), int(rng.integers(2, 5))
    reg = float(rng.uniform(0.2, 0.5) * critical_reg(target, depth))
    problem = Problem([[target]], [int(rng.integers(1, 4))] * (depth - 1), reg)
    return problem, global_minimizer(problem).factors(rng)


def zero_of_two(rng: np.random.Generator) -> Site:
    """Zero, a strict saddle of two factors."""
    problem = Problem(two_modes(rng), [int(rng.integers(2, 4))])
    return problem, zeros(problem)


def singular_two(rng: np.random.Generator) -> Site:
    """Zero of two factors of a row, a saddle; ``λ_1 > λ_2``, so that the minimizer bears ``η = 1/(2 λ_1)``.

    With ``λ_1 = 4 λ_2`` it bears exactly that step where ``√(λ_1 λ_2)`` is half the singular value.
    """
    target = rng.normal(size=(1, 3))
    target *= rng.uniform(1, 2) / np.linalg.norm(target)
    mean = float(rng.uniform(0.55, 0.8) * np.linalg.norm(target))
    problem = Problem(target, [3], mean * np.array([2.0, 0.5]))
    return problem, zeros(problem)


def tied(rng: np.random.Generator) -> Site:
    """The positive one of two global minimizers of a number, the other being zero, depth 3."""
    target = float(rng.uniform(1, 2))
    problem = Problem([[target]], [2, 2], float(critical_reg(target, 3)))
    return problem, critical_point(problem, [2]).factors(rng)


def collapsed(rng: np.random.Generator) -> Site:
    """Zero, the global minimizer above collapse, depth 2."""
    target = two_modes(rng)
    reg = 1.5 * np.linalg.norm(target, 2) * rng.uniform(1, 1.5, 2)
    problem = Problem(target, [2], reg)
    return problem, zeros(problem)
