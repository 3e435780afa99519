"""Long runs of gradient descent, and the phases that they fall into."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array
from dmfbook.claims.cases.small_initialization.spectral_phases import power_iterates
from dmfbook.claims.cases.targets import low_rank
from dmfbook.sensing.ensembles import symmetric_gaussian_sensing
from dmfbook.sensing.operator import SensingOperator
from dmfbook.training.alignment import signal_values
from dmfbook.training.descent import gradient_descent
from dmfbook.training.recovery import SymmetricSensingProblem


@dataclass(frozen=True)
class Phases:
    """Steps at which the first two phases and the third one end."""

    departure: int
    escape: int
    settling: int


def phases(steps: ArrayLike, factors: Array, linear: Array, truth: Array, basis: Array) -> Phases:
    """Find the ends of the three phases in recorded factors (steps, d, r), by fixed rules.

    *Departure* is the first record that differs by more than a tenth from the power iterate `linear`.
    *Escape* is the first at which the least singular value inside the range of the truth has reached,
    squared, half the truth's least non-zero eigenvalue. *Settling* is the first from which on the test
    error stays below twice its last value.
    """
    off = np.linalg.norm(factors - linear, axis=(1, 2)) > 0.1 * np.linalg.norm(linear, axis=(1, 2))
    weakest = np.linalg.eigvalsh(basis.T @ truth @ basis)[0]
    escaped = signal_values(factors, basis)[:, -1] ** 2 >= weakest / 2
    errors = np.linalg.norm(factors @ factors.mT - truth, axis=(1, 2))
    unsettled = np.flatnonzero(errors > 2 * errors[-1])
    last = len(factors) - 1
    places = [
        int(off.argmax()) if off.any() else last,
        int(escaped.argmax()) if escaped.any() else last,
        min(int(unsettled[-1]) + 1, last) if len(unsettled) else 0,
    ]
    return Phases(*(int(np.asarray(steps)[place]) for place in places))


@dataclass(frozen=True)
class PhaseCase:
    """Gradient descent on Gaussian measurements of a truth of rank two, from a start of some scale."""

    operator: SensingOperator
    truth: Array
    basis: Array
    start: Array

    @property
    def back(self) -> Array:
        """The back-projected data."""
        return np.asarray(self.operator.adjoint(self.operator.forward(self.truth)))

    @cached_property
    def factors(self) -> Array:
        """The factor after each step."""
        problem = SymmetricSensingProblem(self.operator, self.operator.forward(self.truth))
        watch = {"factor": lambda factors: factors[0]}
        run = gradient_descent(problem, [self.start], 0.25, 600, record=watch)
        return np.asarray(run.records["factor"])

    @cached_property
    def phases(self) -> Phases:
        """The ends of its phases."""
        steps = np.arange(len(self.factors))
        linear = power_iterates(self.back, self.start, 0.25, steps)
        return phases(steps, self.factors, linear, self.truth, self.basis)


def tiny_start(rng: np.random.Generator) -> PhaseCase:
    """Side 16, 110 measurements, eigenvalues 1 and 0.6, scale 1e-8."""
    truth, basis = low_rank(rng, 16, [1.0, 0.6])
    start = 1e-8 * rng.normal(size=(16, 16)) / 4
    return PhaseCase(symmetric_gaussian_sensing(16, 110, rng), truth, basis, start)


def large_start(rng: np.random.Generator) -> PhaseCase:
    """Scale 1."""
    case = tiny_start(rng)
    return replace(case, start=1e8 * case.start)
