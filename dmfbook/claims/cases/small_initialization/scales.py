"""Runs from starts of several scales, on the same measurements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.small_initialization.flows import FlowCase
from dmfbook.claims.cases.targets import low_rank
from dmfbook.sensing.ensembles import entry_sampling, symmetric_gaussian_sensing
from dmfbook.sensing.operator import SensingOperator
from dmfbook.training.descent import gradient_descent
from dmfbook.training.recovery import SymmetricSensingProblem


@dataclass(frozen=True)
class FloorCase:
    """Gradient flow under full observation from a small start, up to a time."""

    flow: FlowCase
    scale: float


def floor(rng: np.random.Generator, patience: float = 3.0, extra: int = 1) -> FloorCase:
    """Stopped at so many times the logarithm of 1/α over the least eigenvalue; a factor that is too wide by `extra`."""
    side, scale = int(rng.integers(3, 6)), 1e-3
    rank = int(rng.integers(1, side - 1))
    truth, basis = low_rank(rng, side, rng.uniform(0.8, 1.2, rank))
    start = rng.normal(size=(side, rank + extra))
    while np.linalg.svd(basis.T @ start, compute_uv=False)[-1] < 0.3:  # badly conditioned
        start = rng.normal(size=(side, rank + extra))
    time = patience * np.log(1 / scale) / np.linalg.eigvalsh(truth)[-rank]
    full = entry_sampling((side, side), side * side, rng)
    return FloorCase(FlowCase(full, truth, basis, scale * start, float(time)), scale)


def hasty(rng: np.random.Generator) -> FloorCase:
    """Stopped after half that logarithm, before the weakest direction has grown."""
    return floor(rng, patience=0.5)


def in_part(rng: np.random.Generator) -> FloorCase:
    """Gaussian measurements instead of all entries, fewer than determine a matrix of rank one."""
    case = floor(rng)
    side = len(case.flow.truth)
    operator = symmetric_gaussian_sensing(side, side - 1, rng)
    return replace(case, flow=replace(case.flow, operator=operator))


def blind(rng: np.random.Generator) -> FloorCase:
    """A start that is orthogonal to one direction of the signal."""
    case = floor(rng)
    lost = case.flow.basis[:, :1]
    start = case.flow.start - lost @ (lost.T @ case.flow.start)
    return replace(case, flow=replace(case.flow, start=start))


@dataclass(frozen=True)
class ScaleCase:
    """Runs that differ in the scale of their start, on the same measurements."""

    operator: SensingOperator
    truth: Array
    start: Array
    scales: tuple[float, ...]
    steps: int
    step: float = 0.25

    def errors(self, start: Array | None = None) -> Array:
        """Relative test error of each run at the end."""
        direction = self.start if start is None else start
        problem = SymmetricSensingProblem(self.operator, self.operator.forward(self.truth))
        stack = np.multiply.outer(np.array(self.scales), direction)
        factor = gradient_descent(problem, [stack], self.step, self.steps).factors[0]
        errors = np.linalg.norm(factor @ factor.mT - self.truth, axis=(-2, -1))
        return errors / np.linalg.norm(self.truth)

    @cached_property
    def slope(self) -> float:
        """Slope of the test error against the scale, both as logarithms."""
        return float(np.polyfit(np.log(self.scales), np.log(self.errors()), 1)[0])


def small(rng: np.random.Generator) -> ScaleCase:
    """Rank one, side 14, 84 measurements, and three scales for which the power law says 1e-10, 1e-9, 1e-8.

    The noise decays like ``1/t``, which counts once the error times the time does.
    """
    operator = symmetric_gaussian_sensing(14, 84, rng)
    truth, _ = low_rank(rng, 14, [1.0])
    start = rng.normal(size=(14, 14)) / np.sqrt(14)
    case = ScaleCase(operator, truth, start, (), 0)
    spectrum = np.linalg.eigvalsh(operator.adjoint(operator.forward(truth)))
    noise, signal = np.log1p(case.step * spectrum[-2:])
    scales = np.array([1e-10, 1e-9, 1e-8]) ** (1 / (2 - 2 * noise / signal))
    # The signal arrives, and settles at a rate of η (1 − √(14/84))² = 0.087 in its slowest direction; in the
    # worst of a million draws 0.045.
    steps = int(np.log(1 / scales[0]) / signal) + 600
    return replace(case, scales=tuple(scales), steps=steps)


def stopped_in_first_phase(rng: np.random.Generator) -> ScaleCase:
    """15 steps, in which no run has left the first phase."""
    return replace(small(rng), steps=15)


@dataclass(frozen=True)
class WidthCase:
    """Two widths of the factor, for the same measurements and scale."""

    runs: ScaleCase
    widths: tuple[int, int]

    @cached_property
    def decades(self) -> float:
        """Decades by which the error at the second width is larger, geometric means over the starts."""
        narrow, wide = (
            np.log10(self.runs.errors(self.runs.start[..., :width])).mean() for width in self.widths
        )
        return float(wide - narrow)


def wide(rng: np.random.Generator) -> WidthCase:
    """Width 6 and width 14 for a truth of rank one, from eight starts each."""
    starts = rng.normal(size=(8, 14, 14)) / np.sqrt(14)
    return WidthCase(replace(small(rng), start=starts, scales=(1e-4,), steps=600), (6, 14))


def exactly_parameterized(rng: np.random.Generator) -> WidthCase:
    """The smaller width is the rank of the truth."""
    return replace(wide(rng), widths=(1, 14))


def large(rng: np.random.Generator) -> ScaleCase:
    """Side 8 and 6 measurements, scales 4 and 8, a step as short as the scale demands."""
    operator = symmetric_gaussian_sensing(8, 6, rng)
    truth, _ = low_rank(rng, 8, [1.0])
    return ScaleCase(operator, truth, rng.normal(size=(8, 8)) / np.sqrt(8), (4.0, 8.0), 1500, 2e-4)


def many_measurements(rng: np.random.Generator) -> ScaleCase:
    """100 measurements, which determine a symmetric matrix of side 8."""
    case = large(rng)
    return replace(case, operator=symmetric_gaussian_sensing(8, 100, rng), steps=5000, step=1e-3)
