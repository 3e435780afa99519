"""Factors, critical or not, at which a lower bound on the trace is tested, some where it is tight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.critical_points import critical, spread
from dmfbook.network.factors import end_to_end
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.modes import LARGER


def nuclear_norm(factors: list[Array]) -> float:
    """Nuclear norm of the end-to-end matrix."""
    return float(np.linalg.norm(end_to_end(factors), "nuc"))


TWO_MODES = ((2.2, LARGER), (1.7, LARGER))


@dataclass(frozen=True)
class BoundCase:
    """A problem, and factors; whether they are critical, where that is asked for."""

    problem: Problem
    factors: list[Array]
    is_critical: bool = False

    @cached_property
    def trace(self) -> float:
        """Trace of the dense Hessian."""
        return float(np.trace(hessian(self.problem, self.factors)))

    @cached_property
    def nuclear(self) -> float:
        """Nuclear norm of the end-to-end matrix."""
        return nuclear_norm(self.factors)


def scaled_identities(rng: np.random.Generator) -> BoundCase:
    """Multiples of the identity, all the same: the bound is tight."""
    depth = int(rng.integers(2, 6))
    problem = Problem(np.eye(3), [3] * (depth - 1), rng.uniform(0, 1, depth))
    return BoundCase(problem, [float(rng.uniform(1.2, 2)) * np.eye(3)] * depth)


def flattest(rng: np.random.Generator) -> BoundCase:
    """Factors of a rectangular matrix whose terms ``‖A_l‖_F ‖B_l‖_F`` agree: the bound is tight.

    Outer layers carry the roots of the singular values 3 and 1, inner ones none.
    """
    depth, ends, s = int(rng.integers(2, 6)), rng.permutation([2, 5]), np.array([3.0, 1.0])
    widths = [int(ends[0]), *rng.integers(2, 4, depth - 1).tolist(), int(ends[1])]
    term = (widths[0] * widths[-1] * s.sum() ** (2 * depth - 2)) ** (1 / depth)
    values = [np.sqrt(s * s.sum() * widths[0] / term), np.sqrt(s * s.sum() * widths[-1] / term)]
    values[1:1] = [np.full(2, s.sum() / np.sqrt(term))] * (depth - 2)
    frames = [np.linalg.qr(rng.normal(size=(width, 2)))[0] for width in widths]
    factors = [
        (after * value) @ before.T
        for before, after, value in zip(frames[:-1], frames[1:], values, strict=True)
    ]
    problem = Problem(end_to_end(factors), widths[1:-1], rng.uniform(0, 1, depth))
    return BoundCase(problem, factors)


def two_layers_disturbed(rng: np.random.Generator) -> BoundCase:
    """Control: the first of two layers is changed to twice its size, and the second to half of it."""
    first, second = (case := two_layers(rng)).factors
    return replace(case, factors=[2 * first, second / 2])


def two_layers_without_decay(rng: np.random.Generator) -> BoundCase:
    """Control: no weight decay, and a target that two layers of different size fit exactly."""
    case = two_layers_disturbed(rng)
    problem = Problem(end_to_end(case.factors), case.problem.hidden_widths)
    return replace(case, problem=problem)


def two_layers_at_zero(rng: np.random.Generator) -> BoundCase:
    """Control: zero, where trace and bound agree whatever the weights are."""
    case = two_square_layers(rng)
    return replace(case, factors=[0 * factor for factor in case.factors])


def random_factors(rng: np.random.Generator) -> BoundCase:
    """Gaussian factors of any widths, far from tight."""
    depth = int(rng.integers(2, 6))
    widths = rng.integers(1, 5, depth + 1).tolist()
    problem = Problem(
        rng.normal(size=(widths[-1], widths[0])), widths[1:-1], rng.uniform(0, 1, depth)
    )
    shapes = zip(widths[1:], widths[:-1], strict=True)
    return BoundCase(problem, [rng.normal(size=shape) for shape in shapes])


def two_layers(rng: np.random.Generator) -> BoundCase:
    """A critical point of two layers with ``d_0 λ_1 = d_2 λ_2``, d_0 being 4 and d_2 2: the bound is tight."""
    ratio = np.array([1 / 4, 1 / 2])
    maker = critical(
        (2, 2), TWO_MODES, ends=(2, 0), weights=lambda rng, _: rng.uniform(0.5, 1.5) * ratio
    )
    case = maker(rng)
    return BoundCase(case.problem, case.factors, is_critical=True)


def two_square_layers(rng: np.random.Generator) -> BoundCase:
    """A critical point of two layers with ``d_0 = d_2`` and unequal weights."""
    case = critical((2, 2), TWO_MODES, ends=(0, 0), weights=spread)(rng)
    return BoundCase(case.problem, case.factors, is_critical=True)


class Unseen:
    """Squared error of the entries off the diagonal alone: not the loss of this book."""

    shape = (3, 3)
    seen = 1 - np.eye(3)

    def value(self, X: Array) -> Array:
        """Loss."""
        return np.sum(self.seen * (X - 1) ** 2, axis=(-2, -1))

    def gradient(self, X: Array) -> Array:
        """Gradient."""
        return 2 * self.seen * (X - 1)

    def curvature(self, X: Array, Z: Array) -> Array:
        """Second derivative."""
        return 2 * self.seen * Z


def other_loss(rng: np.random.Generator) -> BoundCase:
    """Control: some entries of the residual do not count."""
    case = scaled_identities(rng)
    problem = Problem(Unseen(), case.problem.hidden_widths, case.problem.reg)
    return BoundCase(problem, case.factors)
