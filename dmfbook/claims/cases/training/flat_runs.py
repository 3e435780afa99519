"""Runs that drift along zero loss: sharpness-aware steps, and label noise at a finite step.

The targets have one column or one row, so that a factorization is given by the norms of its layers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import with_values
from dmfbook.network.problem import Problem
from dmfbook.sensing.ensembles import dense_sensing
from dmfbook.training.descent import gradient_descent
from dmfbook.training.label_noise import NoisyLabels
from dmfbook.training.recovery import SensingProblem
from dmfbook.training.sharpness_aware import SharpnessAware
from dmfbook.zero_loss.factorizations import zero_loss_factors


def layer_norms(factors: list[Array]) -> Array:
    """Frobenius norms of the layers (L,), averaged over stacked runs."""
    return np.array([np.linalg.norm(factor, axis=(-2, -1)).mean() for factor in factors])


@dataclass(frozen=True)
class DriftCase:
    """A vector in hidden widths one, and a run from one of its factorizations.

    Parameters
    ----------
    target : array (d_L, 1) or (1, d_0)
        The vector, of norm one.
    start : list of arrays
        Layers that multiply to it.
    step, steps : float, int
        Step size and number.
    level : float
        Radius of the steps uphill, or standard deviation of the noise.
    seed : int
        Of what the run draws.
    """

    target: Array
    start: list[Array]
    step: float
    steps: int
    level: float
    seed: int

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.start)

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """All one."""
        return (1,) * (self.depth - 1)


@dataclass(frozen=True)
class AwareRun(DriftCase):
    """Sharpness-aware steps, with the gradient of all entries, or of one entry at a time."""

    single: bool = False

    @cached_property
    def norms(self) -> Array:
        """Norms of the layers, averaged over the second half of the run, over their geometric mean."""
        whole = Problem(self.target, self.hidden_widths)
        parts = one_entry_each(self.target) if self.single else [whole]
        aware = SharpnessAware(parts, self.level, np.random.default_rng(self.seed))
        record = {"norms": layer_norms}
        run = gradient_descent(aware, self.start, self.step, self.steps, record=record, every=20)
        norms = run.records["norms"][len(run.records["norms"]) // 2 :].mean(axis=0)
        return np.asarray(norms / np.prod(norms) ** (1 / self.depth))


@dataclass(frozen=True)
class NoisyRun(DriftCase):
    """Gradient descent with label noise on all entries, in runs side by side."""

    runs: int = 48

    @cached_property
    def norms(self) -> Array:
        """Norms of the layers, averaged over runs and the second half of the steps."""
        whole = np.eye(self.target.size).reshape(-1, *self.target.shape)
        operator = dense_sensing(whole)
        problem = SensingProblem(operator, operator.forward(self.target))
        noisy = NoisyLabels(problem, self.level, np.random.default_rng(self.seed))
        start = [np.broadcast_to(factor, (self.runs, *factor.shape)) for factor in self.start]
        record = {"norms": layer_norms}
        run = gradient_descent(noisy, start, self.step, self.steps, record=record, every=50)
        return np.asarray(run.records["norms"][len(run.records["norms"]) // 2 :].mean(axis=0))


def one_entry_each(target: Array) -> list[SensingProblem]:
    """The loss as a sum over entries, a problem each."""
    entries = np.eye(target.size).reshape(-1, 1, *target.shape)
    return [
        SensingProblem(dense_sensing(entry), value)
        for entry, value in zip(entries, target.reshape(-1, 1), strict=True)
    ]


def _unit_vector(rng: np.random.Generator) -> Array:
    """Four to six numbers, as a row or a column."""
    length = int(rng.integers(4, 7))
    shape = (length, 1) if rng.integers(2) else (1, length)
    return with_values(rng, np.ones(1), shape)


def aware(
    rng: np.random.Generator, depth: int, single: bool = False, radius: float = 0.1
) -> AwareRun:
    """A start whose first layer has half as much again, or up to twice, of what balance gives it."""
    target = _unit_vector(rng)
    start = zero_loss_factors(target, (1,) * (depth - 1), rng, condition=1.0)
    ratio = float(rng.uniform(1.5, 1.8))
    start[0], start[1] = start[0] * ratio, start[1] / ratio
    start = [factor + 1e-3 * rng.normal(size=factor.shape) for factor in start]
    # With one entry at a time the end is off in proportion to the step; half of it, and the pace ρ² η of the drift stays.
    step, steps, level = (0.05, 6_000, 1.4 * radius) if single else (0.1, 1_500, radius)
    return AwareRun(target, start, step, steps, level, int(rng.integers(2**31)), single)


def noisy_labels(rng: np.random.Generator, depth: int, level: float = 0.03) -> NoisyRun:
    """A balanced start, and a step of three quarters of the largest that it bears."""
    target = _unit_vector(rng)
    start = zero_loss_factors(target, (1,) * (depth - 1), rng, condition=1.0)
    return NoisyRun(target, start, 0.75 / depth, 5_000, level, int(rng.integers(2**31)))


def silent(rng: np.random.Generator) -> NoisyRun:
    """No noise, and nothing moves."""
    return replace(noisy_labels(rng, int(rng.integers(2, 4))), level=0.0)
