"""Gradient descent on symmetric measurements from small starts, and the power method beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import low_rank
from dmfbook.claims.oracles.measurements import operator_norm
from dmfbook.sensing.ensembles import gaussian_sensing, symmetric_gaussian_sensing
from dmfbook.sensing.operator import SensingOperator
from dmfbook.training.descent import gradient_descent
from dmfbook.training.recovery import SymmetricSensingProblem


def power_iterates(back: Array, start: Array, step: float, times: ArrayLike) -> Array:
    """Iterates ``(I + η Y)^t U_0`` of the power method, one for each t."""
    values, vectors = np.linalg.eigh(back)
    growth = (1 + step * values) ** np.asarray(times)[..., None]
    return (vectors * growth[..., None, :]) @ (vectors.T @ start)


@dataclass(frozen=True)
class SpectralCase:
    """Gradient descent from a start, for so many steps; `share` is the ε of the theorem."""

    operator: SensingOperator
    truth: Array
    start: Array
    step: float
    steps: int
    share: float

    @property
    def back(self) -> Array:
        """The back-projected data ``Y = 𝒜*(y)``."""
        return np.asarray(self.operator.adjoint(self.operator.forward(self.truth)))

    @property
    def leading(self) -> float:
        """Largest eigenvalue of the back-projected data."""
        return float(np.linalg.eigvalsh(self.back)[-1])

    @property
    def growth(self) -> float:
        """Largest growth ``(1 + η λ_1(Y))^t`` of a power iterate."""
        return float((1 + self.step * self.leading) ** self.steps)

    def as_large_as_allowed(self, power: int = 2) -> SpectralCase:
        """The start scaled to what the condition allows, in which the growth has a power of 2."""
        ceiling = self.leading / (4 * operator_norm(self.operator) ** 2)
        scale = np.sqrt(self.share * ceiling / self.growth**power) / np.linalg.norm(self.start)
        return replace(self, start=scale * self.start)

    @cached_property
    def end(self) -> Array:
        """The factor after the last step of gradient descent."""
        problem = SymmetricSensingProblem(self.operator, self.operator.forward(self.truth))
        return gradient_descent(problem, [self.start], self.step, self.steps).factors[0]


def start(rng: np.random.Generator, steps: tuple[int, int], rank: int = 0) -> SpectralCase:
    """A start that is as large as the theorem allows for the number of steps; rank 1 or 2 unless given."""
    side, rank = int(rng.integers(5, 9)), rank or int(rng.integers(1, 3))
    operator = symmetric_gaussian_sensing(side, int(rng.integers(8, 30)), rng)
    truth, _ = low_rank(rng, side, rng.uniform(0.7, 1, rank))
    factor = rng.normal(size=(side, int(rng.integers(rank, side + 1))))
    case = SpectralCase(operator, truth, factor, 0.1, int(rng.integers(*steps)), 0.001)
    # ⟨Y, X⟩ = ‖𝒜(X)‖² > 0 for the truth X ⪰ 0, so the largest eigenvalue is positive.
    return case.as_large_as_allowed()


def long_start(rng: np.random.Generator) -> SpectralCase:
    """The same for 80 to 110 steps, in which the leading direction grows more than a thousandfold."""
    while True:
        case = start(rng, (80, 110))
        if case.growth > 1000:
            return case


def late(rng: np.random.Generator) -> SpectralCase:
    """Ten times as many steps, in which the iterates saturate."""
    case = start(rng, (30, 80))
    return replace(case, steps=10 * case.steps)


def lopsided(rng: np.random.Generator) -> SpectralCase:
    """Measurement matrices that are not symmetric."""
    case = start(rng, (30, 80))
    operator = gaussian_sensing((len(case.truth),) * 2, 12, rng)
    return replace(case, operator=operator).as_large_as_allowed()


@dataclass(frozen=True)
class AlignmentCase:
    """Gradient descent from a small start, and the subspace that it is held against."""

    run: SpectralCase
    basis: Array

    @property
    def growths(self) -> Array:
        """The powers ``q_i^t``, descending."""
        values = np.abs(1 + self.run.step * np.linalg.eigvalsh(self.run.back))
        return np.sort(values)[::-1] ** self.run.steps

    @cached_property
    def bound(self) -> float:
        """The bound on the sine, infinite where its denominator is not positive."""
        run, rank = self.run, self.basis.shape[1]
        iterate = power_iterates(run.back, run.start, run.step, run.steps)
        off = float(np.linalg.norm(run.end - iterate, 2))
        inside = self.basis.T @ run.start
        outside = run.start - self.basis @ inside
        rest = self.growths[rank] * np.linalg.norm(outside, 2) + off
        kept = self.growths[rank - 1] * np.linalg.svd(inside, compute_uv=False)[-1] - off
        return float(rest / kept) if kept > 0 else np.inf


def eigenspace(rng: np.random.Generator, rank: int) -> AlignmentCase:
    """As many leading eigenvectors of the data as the truth has rank, and a tiny start, for which the bound is small.

    The start lies well to the eigenvectors, so that the sine is not far below the bound.
    """
    while True:
        run = replace(start(rng, (20, 80), rank), steps=200)
        small = 1e-4 / (run.growth * np.linalg.norm(run.start))
        run = replace(run, start=small * run.start)
        case = AlignmentCase(run, np.linalg.eigh(run.back)[1][:, ::-1][:, :rank])
        inside = case.basis.T @ run.start
        outside = np.linalg.norm(run.start - case.basis @ inside, 2)
        clear = np.linalg.svd(inside)[1][-1] > 0.4 * outside
        if (
            clear
            and 1e-6 < case.bound < 3e-3
            and case.growths[rank] > 1e-5 * case.growths[rank - 1]
        ):
            return case


def range_of_truth(rng: np.random.Generator) -> AlignmentCase:
    """The range of the truth, which the data miss by a sine of a fifth or more."""
    while True:
        rank = int(rng.integers(1, 3))
        case = eigenspace(rng, rank)
        truth = np.linalg.eigh(case.run.truth)[1][:, ::-1][:, :rank]
        turned = replace(case, basis=truth)
        away = np.linalg.norm(case.basis - truth @ (truth.T @ case.basis), 2)
        if away > 0.2 and turned.bound < 0.05:
            return turned
