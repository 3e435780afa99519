"""Claims of the chapter *The scale of initialization*: one limit, and three measurements."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.small_initialization import scales
from dmfbook.claims.cases.small_initialization.scales import FloorCase, ScaleCase, WidthCase
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.sensing.operator import SensingOperator


def compare_floor(case: FloorCase, hidden_only: bool = True, factor: float = 1.0) -> Evidence:
    """Compare the error of the integrated flow, over α², with the limit."""
    flow, v = case.flow, case.flow.basis
    start = flow.start / case.scale
    inside, outside = v.T @ start, start - v @ (v.T @ start)
    hidden = np.eye(start.shape[1]) - np.linalg.pinv(inside) @ inside * hidden_only
    limit = factor * float(np.linalg.norm(outside @ hidden @ outside.T))
    error = np.linalg.norm(flow.integrated - flow.truth) / case.scale**2
    # Next order, from the proof: noise decays like 1/t, and between the blocks e^{−tσ} = α³ meets ‖G_⊥‖ ‖(VᵀG)⁺‖.
    size = float(np.linalg.norm(outside, 2) ** 2)
    inverse = min(float(np.linalg.norm(np.linalg.pinv(inside), 2)), 4.0)  # the starts are no worse
    noise = 2 * flow.time * case.scale**2 * size * (limit + size)
    between = 4 * case.scale * (1 + inverse * np.sqrt(size))
    return Evidence(float(abs(error - limit)), float(noise + between + 1e-4))


@claim(
    "thm-error-floor",
    "The error floor under full observation",
    source="this book",
    status="derived",
    cases={
        "two columns too many": partial(scales.floor, extra=2),
        "one column too many": scales.floor,
        "no column too many": partial(scales.floor, extra=0),
    },
    controls={
        "the flow has run long enough": scales.hasty,
        "the target is seen in full": scales.in_part,
        "the start reaches all of the signal": scales.blind,
    },
    rivals={
        "all of the start remains": partial(compare_floor, hidden_only=False),
        "half of it": partial(compare_floor, factor=0.5),
        "no floor": partial(compare_floor, factor=0.0),
    },
)
def error_floor(case: FloorCase) -> Evidence:
    """Compare the error of the integrated flow, over α², with the limit."""
    return compare_floor(case)


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


def compare_slope(
    case: ScaleCase, exponent: Callable[[float], float] = lambda noise: 2 * noise
) -> Evidence:
    """Distance of the measured exponent from one that is made of ``1 − ρ``."""
    noise = predicted_slope(case.operator, case.truth, 1, case.step) / 2
    return Evidence(abs(case.slope - exponent(noise)), 0.12)


@claim(
    "obs-power-law",
    "A power law, with its exponent",
    source="this book",
    status="empirical",
    cases={"rank one, 84 measurements, errors 1e-10 to 1e-8": scales.small},
    controls={"the first phase is over": scales.stopped_in_first_phase},
    rivals={
        "the exponent of full observation": partial(compare_slope, exponent=lambda noise: 2.0),
        "the noise is not squared": partial(compare_slope, exponent=lambda noise: noise),
        "2−ρ": partial(compare_slope, exponent=lambda noise: 1 + noise),
    },
)
def power_law(case: ScaleCase) -> Evidence:
    """Distance of the measured exponent from the one that the back-projected data predict."""
    return compare_slope(case)


def compare_widths(case: WidthCase, factor: float = 5.0, falls: bool = False) -> Evidence:
    """Decades between the test errors at both widths, geometric means over the starts."""
    decades = max(case.decades, 0.0) if falls else abs(case.decades)
    return Evidence(decades, 0.0 if falls else float(np.log10(factor)))


@claim(
    "obs-width",
    "Over-parameterization costs a floor, not more",
    source="stoger2021small",
    status="empirical",
    cases={"rank one, widths 6 and 14": scales.wide},
    controls={"both widths are over-parameterized": scales.exactly_parameterized},
    rivals={
        "the errors agree within a tenth": partial(compare_widths, factor=1.1),
        "more columns do not raise the error": partial(compare_widths, falls=True),
    },
)
def width_matters_little(case: WidthCase) -> Evidence:
    """Decades between the test errors at both widths, geometric means over the starts."""
    return compare_widths(case)


def compare_large(case: ScaleCase, exponent: float = 2.0) -> Evidence:
    """Distance of the measured exponent from a number."""
    return Evidence(abs(case.slope - exponent), 0.1)


@claim(
    "obs-large-start",
    "Large starts keep what is not measured",
    source="this book",
    status="empirical",
    cases={"side 8, 6 measurements, scales 4 and 8": scales.large},
    controls={"few measurements": scales.many_measurements},
    rivals={
        "the exponent is 1": partial(compare_large, exponent=1.0),
        "the exponent is 4": partial(compare_large, exponent=4.0),
        "the error does not grow": partial(compare_large, exponent=0.0),
    },
)
def large_starts(case: ScaleCase) -> Evidence:
    """Distance of the measured exponent from 2."""
    return compare_large(case)
