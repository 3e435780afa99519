"""Claims of the chapter *Three phases*; the oracles run gradient descent, or integrate its flow."""

from __future__ import annotations

from functools import partial

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.small_initialization import flows, phases, spectral_phases
from dmfbook.claims.cases.small_initialization.flows import FlowCase
from dmfbook.claims.cases.small_initialization.phases import PhaseCase
from dmfbook.claims.cases.small_initialization.spectral_phases import (
    AlignmentCase,
    SpectralCase,
    power_iterates,
)
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.training.alignment import misalignment


def compare_power_method(case: SpectralCase, power: int = 2, twist: float = 1.0) -> Evidence:
    """Compare gradient descent with the power method, in units of the largest power iterate.

    Rivals allow a larger start, or iterate another matrix than ``I + η Y``.
    """
    run = case.as_large_as_allowed(power) if power != 2 else case
    iterate = power_iterates(run.back, run.start, twist * run.step, run.steps)
    distance = np.linalg.norm(run.end - iterate)
    return Evidence(float(distance / (run.growth * np.linalg.norm(run.start))), run.share)


@claim(
    "thm-spectral-phase",
    "The first phase is the power method",
    source="stoger2021small",
    status="paper's claim",
    cases={
        "growth by 1000 or more": spectral_phases.long_start,
        "20 to 40 steps": lambda rng: spectral_phases.start(rng, (20, 40)),
    },
    controls={
        "few steps": spectral_phases.late,
        "symmetric measurement matrices": spectral_phases.lopsided,
    },
    not_needed={"a positive semidefinite truth": "it only ensures that ζ_1 is positive"},
    rivals={
        "the growth enters the condition once": partial(compare_power_method, power=1),
        "the condition needs no growth": partial(compare_power_method, power=0),
        "half the step in the power method": partial(compare_power_method, twist=0.5),
    },
)
def follows_power_method(case: SpectralCase) -> Evidence:
    """Compare gradient descent with the power method, in units of the largest power iterate."""
    return compare_power_method(case)


def compare_angle(case: AlignmentCase, power: int = 1) -> Evidence:
    """Compare the angle to the eigenvectors, from a decomposition of the iterate, with its bound."""
    sine = float(misalignment(case.run.end, case.basis))
    return Evidence(sine, case.bound**power * (1 + 1e-9))


@claim(
    "cor-alignment",
    "Alignment",
    source="stoger2021small",
    status="paper's claim",
    cases={
        "one direction": partial(spectral_phases.eigenspace, rank=1),
        "two directions": partial(spectral_phases.eigenspace, rank=2),
    },
    controls={"the subspace is that of the data": spectral_phases.range_of_truth},
    rivals={
        "the square of the bound": partial(compare_angle, power=2),
    },
)
def alignment(case: AlignmentCase) -> Evidence:
    """Compare the angle to the eigenvectors, from a decomposition of the iterate, with its bound."""
    return compare_angle(case)


def full_flow(case: FlowCase, factor: float = 2.0, rate: float = 2.0) -> Array:
    """The closed form of ``U Uᵀ`` under full observation, with the numbers in ``D(t)``."""
    values, vectors = np.linalg.eigh(case.truth)
    # ∫ 2 exp(2 s σ) ds = (exp(2 t σ) − 1)/σ, which is 2 t where σ = 0.
    small = np.abs(values) < 1e-9
    grown_by = np.expm1(rate * case.time * values) / np.where(small, 1, rate * values)
    integral = factor * np.where(small, case.time, grown_by)
    grown = vectors * np.exp(case.time * values) @ vectors.T @ case.start
    gram = np.eye(case.start.shape[1])
    gram = gram + case.start.T @ (vectors * integral @ vectors.T) @ case.start
    return grown @ np.linalg.solve(gram, grown.T)


def compare_flow(case: FlowCase, factor: float = 2.0, rate: float = 2.0) -> Evidence:
    """Compare the closed form with numerical integration."""
    error = np.linalg.norm(full_flow(case, factor, rate) - case.integrated)
    return Evidence(float(error), 1e-7 * float(np.linalg.norm(case.truth)))


@claim(
    "thm-full-flow",
    "Gradient flow under full observation",
    source="yan1994global",
    status="derived",
    cases={
        "more columns than the rank": flows.flow_in_full,
        "an indefinite target": flows.indefinite_flow,
        "fewer columns than the rank": flows.narrow_flow,
    },
    controls={
        "the target is seen in full": flows.flow_in_part,
        "a symmetric target": flows.lopsided_flow,
    },
    rivals={
        "D without its factor 2": partial(compare_flow, factor=1.0),
        "D grows half as fast": partial(compare_flow, rate=1.0),
        "the power method, not normalized": partial(compare_flow, factor=0.0),
    },
)
def flow_in_closed_form(case: FlowCase) -> Evidence:
    """Compare the closed form with numerical integration."""
    return compare_flow(case)


def compare_blocks(
    case: FlowCase, spread: float = 2.0, decay: float = 1.0, still: bool = False, share: float = 1.0
) -> Evidence:
    """Compare both diagonal blocks with numerical integration, and the noise with that of the start."""
    found, v = case.integrated, case.basis
    rest = np.linalg.qr(np.column_stack([v, np.eye(len(v))]))[0][:, v.shape[1] :]
    a, b, t = v.T @ case.start, rest.T @ case.start, case.time
    if a.shape[1] < a.shape[0]:
        return Evidence(np.inf, 1.0)  # the signal block has no inverse
    values, axes = np.linalg.eigh(v.T @ case.truth @ v)
    noise_gram = np.eye(a.shape[1]) + spread * t * b.T @ b
    excess = np.linalg.inv(a @ np.linalg.solve(noise_gram, a.T)) - axes / values @ axes.T
    faded = axes * np.exp(-decay * t * values) @ axes.T
    signal = np.linalg.inv(axes / values @ axes.T + faded @ excess @ faded)
    gram = noise_gram + a.T @ (axes * (np.expm1(2 * t * values) / values) @ axes.T) @ a
    noise = b @ b.T if still else b @ np.linalg.solve(gram, b.T)
    # Inverting the Gram matrix of the start loses as many digits as it is ill-conditioned.
    tolerance = 1e-7 + 1e-10 * float(np.linalg.cond(a)) ** 2
    least = float(np.linalg.eigvalsh(share * b @ b.T - rest.T @ found @ rest)[0])
    return worst(
        [
            *(
                Evidence(float(np.linalg.norm(f - q.T @ found @ q) / np.linalg.norm(f)), tolerance)
                for f, q in ((signal, v), (noise, rest))
            ),
            Evidence(max(-least, 0.0), tolerance * float(np.linalg.norm(b) ** 2)),
        ]
    )


@claim(
    "prop-signal-and-noise",
    "Signal and noise",
    source="tarmoun2021understanding",
    status="derived",
    cases={
        "more columns than the rank": flows.flow_in_full,
        "as many columns as the rank": flows.exact_flow,
    },
    controls={
        "the signal subspace holds the whole signal": flows.flow_with_hidden_signal,
        "the target is seen in full": flows.flow_in_part,
        "the start reaches all of the signal": flows.narrow_flow,
    },
    rivals={
        "Θ is the identity": partial(compare_blocks, spread=0.0),
        "the signal settles twice as fast": partial(compare_blocks, decay=2.0),
        "the noise stays as it was": partial(compare_blocks, still=True),
        "the noise falls to a hundredth": partial(compare_blocks, share=0.01),
    },
)
def signal_and_noise(case: FlowCase) -> Evidence:
    """Compare both diagonal blocks with numerical integration, and the noise with that of the start."""
    return compare_blocks(case)


def compare_order(
    case: PhaseCase, order: tuple[str, ...] = ("departure", "escape", "settling"), place: int = 1
) -> Evidence:
    """Angle to an eigenvector of the data at departure, if the phases come in order."""
    ends = [0, *(getattr(case.phases, name) for name in order)]
    if any(after <= before for before, after in zip(ends, ends[1:], strict=False)):
        return Evidence(np.inf, 0.3)
    vector = np.linalg.eigh(case.back)[1][:, -place][:, None]
    return Evidence(float(misalignment(case.factors[case.phases.departure], vector)), 0.3)


@claim(
    "obs-three-phases",
    "Three phases, in this order",
    source="stoger2021small",
    status="empirical",
    cases={"two eigenvalues, scale 1e-8": phases.tiny_start},
    controls={"the start is small": phases.large_start},
    rivals={
        "escape comes before departure": partial(
            compare_order, order=("escape", "departure", "settling")
        ),
        "settling comes before escape": partial(
            compare_order, order=("departure", "settling", "escape")
        ),
        "aligned with the second eigenvector": partial(compare_order, place=2),
    },
)
def three_phases_in_order(case: PhaseCase) -> Evidence:
    """Angle to the leading eigenvector of the data at departure, if the phases come in order."""
    return compare_order(case)
