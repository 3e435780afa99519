"""Claims of the chapter *Three phases*; the oracles run gradient descent, or integrate its flow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array
from dmfbook.claims.cases.flows import FlowCase, flow_in_full, flow_in_part, flow_with_hidden_signal
from dmfbook.claims.cases.targets import low_rank
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles.measurements import operator_norm
from dmfbook.sensing.ensembles import symmetric_gaussian_sensing
from dmfbook.sensing.operator import SensingOperator
from dmfbook.training.alignment import misalignment, signal_values
from dmfbook.training.descent import gradient_descent
from dmfbook.training.recovery import SymmetricSensingProblem


def power_iterates(back: Array, start: Array, step: float, times: ArrayLike) -> Array:
    """Iterates ``(I + η Y)^t U_0`` of the power method, one for each t."""
    values, vectors = np.linalg.eigh(back)
    growth = (1 + step * values) ** np.asarray(times)[..., None]
    return (vectors * growth[..., None, :]) @ (vectors.T @ start)


@dataclass(frozen=True)
class SpectralCase:
    """Gradient descent from a start, for so many steps."""

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
    def growth(self) -> float:
        """Largest growth ``(1 + η λ_1(Y))^t`` of a power iterate."""
        return float((1 + self.step * np.linalg.eigvalsh(self.back)[-1]) ** self.steps)

    def descend(self) -> Array:
        """The factor after the last step of gradient descent."""
        problem = SymmetricSensingProblem(self.operator, self.operator.forward(self.truth))
        return gradient_descent(problem, [self.start], self.step, self.steps).factors[0]


def small_start(rng: np.random.Generator) -> SpectralCase:
    """A start that is as large as the theorem allows for the number of steps."""
    side, rank = int(rng.integers(5, 9)), int(rng.integers(1, 3))
    operator = symmetric_gaussian_sensing(side, int(rng.integers(8, 30)), rng)
    truth, _ = low_rank(rng, side, rng.uniform(0.5, 1, rank))
    start = rng.normal(size=(side, int(rng.integers(rank, side + 1))))
    case = SpectralCase(operator, truth, start, 0.1, int(rng.integers(20, 80)), 0.001)
    # ⟨Y, X⟩ = ‖𝒜(X)‖² > 0 for the truth X ⪰ 0, so the largest eigenvalue is positive.
    ceiling = np.linalg.eigvalsh(case.back)[-1] / (4 * operator_norm(operator) ** 2)
    scale = np.sqrt(case.share * ceiling) / (case.growth * np.linalg.norm(start))
    return replace(case, start=scale * start)


def late(rng: np.random.Generator) -> SpectralCase:
    """Control: ten times as many steps, in which the iterates saturate."""
    case = small_start(rng)
    return replace(case, steps=10 * case.steps)


@claim(
    "thm-spectral-phase",
    "The first phase is the power method",
    source="stoger2021small",
    status="paper's claim",
    cases={"as large as the theorem allows": small_start},
    controls={"few steps": late},
)
def follows_power_method(case: SpectralCase) -> Evidence:
    """Compare gradient descent with the power method, in units of the largest power iterate."""
    iterate = power_iterates(case.back, case.start, case.step, case.steps)
    distance = np.linalg.norm(case.descend() - iterate)
    return Evidence(float(distance / (case.growth * np.linalg.norm(case.start))), case.share)


@dataclass(frozen=True)
class AlignmentCase:
    """Gradient descent from a small start, and the subspace that it is held against."""

    run: SpectralCase
    basis: Array


def eigenspace(rng: np.random.Generator) -> AlignmentCase:
    """A tiny start, and as many leading eigenvectors of the back-projected data as the truth has."""
    while True:
        run = replace(small_start(rng), steps=150)
        rank = int(np.linalg.matrix_rank(run.truth))
        values, vectors = np.linalg.eigh(run.back)
        weaker, weakest_kept = np.sort(np.abs(1 + run.step * values))[::-1][[rank, rank - 1]]
        if (weaker / weakest_kept) ** run.steps < 0.02:
            scale = 1e-4 / (run.growth * np.linalg.norm(run.start))
            return AlignmentCase(replace(run, start=scale * run.start), vectors[:, ::-1][:, :rank])


def range_of_truth(rng: np.random.Generator) -> AlignmentCase:
    """Control: the range of the truth, with which the data agree only roughly."""
    case = eigenspace(rng)
    vectors = np.linalg.eigh(case.run.truth)[1][:, ::-1]
    return replace(case, basis=vectors[:, : case.basis.shape[1]])


@claim(
    "cor-alignment",
    "Alignment",
    source="stoger2021small",
    status="paper's claim",
    cases={"leading eigenvectors of the data": eigenspace},
    controls={"the subspace is that of the data": range_of_truth},
)
def alignment(case: AlignmentCase) -> Evidence:
    """Compare the angle to the eigenvectors, from a decomposition of the iterate, with its bound."""
    run, rank = case.run, case.basis.shape[1]
    values = np.sort(np.abs(1 + run.step * np.linalg.eigvalsh(run.back)))[::-1] ** run.steps
    factor = run.descend()
    off = np.linalg.norm(factor - power_iterates(run.back, run.start, run.step, run.steps), 2)
    inside = case.basis.T @ run.start
    outside = run.start - case.basis @ inside
    rest = values[rank] * np.linalg.norm(outside, 2) + off
    kept = values[rank - 1] * np.linalg.svd(inside, compute_uv=False)[-1] - off
    bound = rest / kept if kept > 0 else np.inf
    return Evidence(float(misalignment(factor, case.basis)), float(bound) * (1 + 1e-9))


def full_flow(case: FlowCase) -> Array:
    """The closed form of ``U Uᵀ`` under full observation."""
    values, vectors = np.linalg.eigh(case.truth)
    # ∫ 2 exp(2 s σ) ds = (exp(2 t σ) − 1)/σ, which is 2 t where σ = 0.
    small = np.abs(values) < 1e-9
    integral = np.where(
        small, 2 * case.time, np.expm1(2 * case.time * values) / np.where(small, 1, values)
    )
    grown = vectors * np.exp(case.time * values) @ vectors.T @ case.start
    gram = (
        np.eye(case.start.shape[1]) + case.start.T @ (vectors * integral @ vectors.T) @ case.start
    )
    return grown @ np.linalg.solve(gram, grown.T)


@claim(
    "thm-full-flow",
    "Gradient flow under full observation",
    source="this book",
    status="derived",
    cases={"full observation, any start": flow_in_full},
    controls={"the target is seen in full": flow_in_part},
)
def flow_in_closed_form(case: FlowCase) -> Evidence:
    """Compare the closed form with numerical integration."""
    error = np.linalg.norm(full_flow(case) - case.integrate())
    return Evidence(float(error), 1e-7 * float(np.linalg.norm(case.truth)))


@claim(
    "prop-signal-and-noise",
    "Signal and noise",
    source="this book",
    status="derived",
    cases={"full observation, any start": flow_in_full},
    controls={"the signal subspace holds the whole signal": flow_with_hidden_signal},
)
def signal_and_noise(case: FlowCase) -> Evidence:
    """Compare both diagonal blocks with numerical integration."""
    found, v = case.integrate(), case.basis
    rest = np.linalg.qr(np.column_stack([v, np.eye(len(v))]))[0][:, v.shape[1] :]
    a, b, t = v.T @ case.start, rest.T @ case.start, case.time
    values, axes = np.linalg.eigh(v.T @ case.truth @ v)
    noise_gram = np.eye(a.shape[1]) + 2 * t * b.T @ b
    excess = np.linalg.inv(a @ np.linalg.solve(noise_gram, a.T)) - axes / values @ axes.T
    decay = axes * np.exp(-t * values) @ axes.T
    signal = np.linalg.inv(axes / values @ axes.T + decay @ excess @ decay)
    gram = noise_gram + a.T @ (axes * (np.expm1(2 * t * values) / values) @ axes.T) @ a
    noise = b @ np.linalg.solve(gram, b.T)
    errors = (
        np.linalg.norm(formula - frame.T @ found @ frame) / np.linalg.norm(formula)
        for formula, frame in ((signal, v), (noise, rest))
    )
    # Inverting the Gram matrix of the start loses as many digits as it is ill-conditioned.
    return Evidence(float(max(errors)), 1e-7 + 1e-10 * float(np.linalg.cond(a)) ** 2)


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


def tiny_start(rng: np.random.Generator) -> PhaseCase:
    """Side 16, 110 measurements, eigenvalues 1 and 0.6, scale 1e-8."""
    truth, basis = low_rank(rng, 16, [1.0, 0.6])
    start = 1e-8 * rng.normal(size=(16, 16)) / 4
    return PhaseCase(symmetric_gaussian_sensing(16, 110, rng), truth, basis, start)


def large_phase_start(rng: np.random.Generator) -> PhaseCase:
    """Control: scale 1."""
    case = tiny_start(rng)
    return replace(case, start=1e8 * case.start)


@claim(
    "obs-three-phases",
    "Three phases, in this order",
    source="stoger2021small",
    status="empirical",
    cases={"two eigenvalues, scale 1e-8": tiny_start},
    controls={"the start is small": large_phase_start},
)
def three_phases_in_order(case: PhaseCase) -> Evidence:
    """Angle to the leading eigenvector of the data at departure, if the phases come in order."""
    problem = SymmetricSensingProblem(case.operator, case.operator.forward(case.truth))
    watch = {"factor": lambda factors: factors[0]}
    factors = gradient_descent(problem, [case.start], 0.25, 600, record=watch).records["factor"]
    back = np.asarray(case.operator.adjoint(problem.measurements))
    steps = np.arange(len(factors))
    linear = power_iterates(back, case.start, 0.25, steps)
    found = phases(steps, factors, linear, case.truth, case.basis)
    if not 0 < found.departure < found.escape < found.settling:
        return Evidence(np.inf, 0.3)
    leading = np.linalg.eigh(back)[1][:, -1:]
    return Evidence(float(misalignment(factors[found.departure], leading)), 0.3)
