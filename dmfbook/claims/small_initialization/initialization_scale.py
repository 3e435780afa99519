"""Claims of the chapter *The scale of initialization*: one limit, and three measurements."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.flows import FlowCase
from dmfbook.claims.cases.targets import low_rank
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.sensing.ensembles import entry_sampling, symmetric_gaussian_sensing
from dmfbook.sensing.operator import SensingOperator
from dmfbook.training.descent import gradient_descent
from dmfbook.training.recovery import SymmetricSensingProblem


@dataclass(frozen=True)
class FloorCase:
    """Gradient flow under full observation from a small start, up to a time."""

    flow: FlowCase
    scale: float


def patient_flow(rng: np.random.Generator) -> FloorCase:
    """Stopped at three times the logarithm of 1/α over the least eigenvalue."""
    return _floor_case(rng, patience=3.0)


def hasty_flow(rng: np.random.Generator) -> FloorCase:
    """Control: stopped after half that logarithm, before the weakest direction has grown."""
    return _floor_case(rng, patience=0.5)


def _floor_case(rng: np.random.Generator, patience: float) -> FloorCase:
    side, scale = int(rng.integers(3, 6)), 1e-3
    rank = int(rng.integers(1, side - 1))
    truth, basis = low_rank(rng, side, rng.uniform(0.8, 1.2, rank))
    start = rng.normal(size=(side, int(rng.integers(rank + 1, side + 2))))
    time = patience * np.log(1 / scale) / np.linalg.eigvalsh(truth)[-rank]
    full = entry_sampling((side, side), side * side, rng)
    return FloorCase(FlowCase(full, truth, basis, scale * start, float(time)), scale)


@claim(
    "thm-error-floor",
    "The error floor under full observation",
    source="this book",
    status="derived",
    cases={"full observation, patient": patient_flow},
    controls={"the flow has run long enough": hasty_flow},
)
def error_floor(case: FloorCase) -> Evidence:
    """Compare the error of the integrated flow, over α², with the limit."""
    flow, v = case.flow, case.flow.basis
    start = flow.start / case.scale
    inside, outside = v.T @ start, start - v @ (v.T @ start)
    hidden = np.eye(start.shape[1]) - np.linalg.pinv(inside) @ inside
    limit = np.linalg.norm(outside @ hidden @ outside.T)
    error = np.linalg.norm(flow.integrate() - flow.truth) / case.scale**2
    # Next order: noise decays like 1/t, and what is left of the signal's error, both from the proof.
    size = np.linalg.norm(outside, 2) ** 2
    slack = 2 * flow.time * case.scale**2 * size + case.scale * np.linalg.cond(inside) ** 2 * size
    return Evidence(float(abs(error - limit)), float(slack * (limit + size)) + 1e-4)


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

    def slope(self) -> float:
        """Slope of the test error against the scale, both as logarithms."""
        return float(np.polyfit(np.log(self.scales), np.log(self.errors()), 1)[0])


def predicted_slope(operator: SensingOperator, truth: Array, rank: int, step: float) -> float:
    """Exponent of the test error in α, from power methods in turn.

    While the first modes of the truth have been found and the others not, the residual drives the factor
    by ``Y = 𝒜*𝒜(rest)``. Its leading eigenvalues belong to the modes to come, the next one to the noise. A
    stage ends when its first mode has grown from a power of α to order one; the noise is left with
    another power, and enters the end-to-end matrix squared.
    """
    values, vectors = np.linalg.eigh(truth)
    values, vectors = values[::-1][:rank], vectors[:, ::-1][:, :rank]
    powers, noise = np.ones(rank), 1.0
    for found in range(rank):
        rest = vectors[:, found:] * values[found:] @ vectors[:, found:].T
        spectrum = np.linalg.eigvalsh(operator.adjoint(operator.forward(rest)))[::-1]
        growth = np.log1p(step * np.maximum(spectrum[: rank - found + 1], 0))
        duration = powers[found] / growth[0]
        powers[found:] -= duration * growth[:-1]
        noise -= duration * growth[-1]
    return float(2 * noise)


def small_scales(rng: np.random.Generator) -> ScaleCase:
    """Rank one, side 14, 84 measurements, three scales from 1e-6 to 1e-4, 600 steps."""
    operator = symmetric_gaussian_sensing(14, 84, rng)
    truth, _ = low_rank(rng, 14, [1.0])
    start = rng.normal(size=(14, 14)) / np.sqrt(14)
    return ScaleCase(operator, truth, start, (1e-6, 1e-5, 1e-4), 600)


def stopped_in_first_phase(rng: np.random.Generator) -> ScaleCase:
    """Control: 15 steps, in which no run has left the first phase."""
    return replace(small_scales(rng), steps=15)


@claim(
    "obs-power-law",
    "A power law, with its exponent",
    source="this book",
    status="empirical",
    cases={"rank one, 84 measurements, scales 1e-6 to 1e-4": small_scales},
    controls={"the first phase is over": stopped_in_first_phase},
)
def power_law(case: ScaleCase) -> Evidence:
    """Distance of the measured exponent from the one that the back-projected data predict."""
    predicted = predicted_slope(case.operator, case.truth, 1, case.step)
    return Evidence(abs(case.slope() - predicted), 0.3)


@dataclass(frozen=True)
class WidthCase:
    """Two widths of the factor, for the same measurements and scale."""

    runs: ScaleCase
    widths: tuple[int, int]


def over_parameterized(rng: np.random.Generator) -> WidthCase:
    """Width 6 and width 14 for a truth of rank one, from eight starts each."""
    starts = rng.normal(size=(8, 14, 14)) / np.sqrt(14)
    return WidthCase(replace(small_scales(rng), start=starts, scales=(1e-4,)), (6, 14))


def exactly_parameterized(rng: np.random.Generator) -> WidthCase:
    """Control: the smaller width is the rank of the truth."""
    return replace(over_parameterized(rng), widths=(1, 14))


@claim(
    "obs-width",
    "Over-parameterization costs a floor, not more",
    source="stoger2021small",
    status="empirical",
    cases={"rank one, widths 6 and 14": over_parameterized},
    controls={"both widths are over-parameterized": exactly_parameterized},
)
def width_matters_little(case: WidthCase) -> Evidence:
    """Decades between the test errors at both widths, geometric means over the starts."""
    narrow, wide = (
        np.log10(case.runs.errors(case.runs.start[..., :width])).mean() for width in case.widths
    )
    return Evidence(float(abs(wide - narrow)), 1.0)


def large_scales(rng: np.random.Generator) -> ScaleCase:
    """Side 8 and 6 measurements, scales 4 and 8, a step as short as the scale demands."""
    operator = symmetric_gaussian_sensing(8, 6, rng)
    truth, _ = low_rank(rng, 8, [1.0])
    return ScaleCase(operator, truth, rng.normal(size=(8, 8)) / np.sqrt(8), (4.0, 8.0), 1500, 2e-4)


def many_measurements(rng: np.random.Generator) -> ScaleCase:
    """Control: 100 measurements, which determine a symmetric matrix of side 8."""
    case = large_scales(rng)
    return replace(case, operator=symmetric_gaussian_sensing(8, 100, rng), steps=5000, step=1e-3)


@claim(
    "obs-large-start",
    "Large starts keep what is not measured",
    source="this book",
    status="empirical",
    cases={"side 8, 6 measurements, scales 4 and 8": large_scales},
    controls={"few measurements": many_measurements},
)
def large_starts(case: ScaleCase) -> Evidence:
    """Distance of the measured exponent from 2."""
    return Evidence(abs(case.slope() - 2), 0.4)
