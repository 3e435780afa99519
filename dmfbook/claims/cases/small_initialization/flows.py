"""Starts of gradient flow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import low_rank
from dmfbook.sensing.ensembles import entry_sampling, symmetric_gaussian_sensing
from dmfbook.sensing.operator import SensingOperator
from dmfbook.training.flow import gradient_flow
from dmfbook.training.recovery import SymmetricSensingProblem


@dataclass(frozen=True)
class FlowCase:
    """Gradient flow of ``¼ ‖𝒜(U Uᵀ) − 𝒜(X)‖²`` up to a time, and a basis of what counts as signal."""

    operator: SensingOperator
    truth: Array
    basis: Array
    start: Array
    time: float

    @cached_property
    def integrated(self) -> Array:
        """End-to-end matrix ``U Uᵀ`` at the end, from an integrator of high order."""
        problem = SymmetricSensingProblem(self.operator, self.operator.forward(self.truth))
        factor = gradient_flow(problem, [self.start], self.time, accuracy=1e-11).factors[0]
        return factor @ factor.T


def flow_in_full(rng: np.random.Generator, extra: int = 1) -> FlowCase:
    """Full observation; a factor with `extra` columns beyond the rank of the truth."""
    side = int(rng.integers(3, 6))
    rank = int(rng.integers(1, side - 1))
    truth, basis = low_rank(rng, side, rng.uniform(0.5, 1.5, rank))
    start = 10 ** rng.uniform(-1, 0) * rng.normal(size=(side, rank + extra))
    full = entry_sampling((side, side), side * side, rng)
    return FlowCase(full, truth, basis, start, float(rng.uniform(0.5, 2)))


def exact_flow(rng: np.random.Generator) -> FlowCase:
    """As many columns as the truth has rank."""
    return flow_in_full(rng, extra=0)


def narrow_flow(rng: np.random.Generator) -> FlowCase:
    """One column less than the rank of the truth, which is two or more."""
    while True:
        case = flow_in_full(rng, extra=-1)
        if case.start.shape[1] > 0:
            return case


def indefinite_flow(rng: np.random.Generator) -> FlowCase:
    """A symmetric target with a negative eigenvalue."""
    case = flow_in_full(rng)
    rest = np.linalg.qr(np.column_stack([case.basis, rng.normal(size=(len(case.basis), 1))]))[0]
    return replace(case, truth=case.truth - 0.7 * np.outer(rest[:, -1], rest[:, -1]))


def lopsided_flow(rng: np.random.Generator) -> FlowCase:
    """A target that is not symmetric."""
    case = flow_in_full(rng)
    skew = rng.normal(size=case.truth.shape)
    return replace(case, truth=case.truth + (skew - skew.T) / 2)


def flow_in_part(rng: np.random.Generator) -> FlowCase:
    """Gaussian measurements instead of all entries."""
    case = flow_in_full(rng)
    side = len(case.truth)
    return replace(case, operator=symmetric_gaussian_sensing(side, 2 * side, rng))


def flow_with_hidden_signal(rng: np.random.Generator) -> FlowCase:
    """The target has a further eigenvalue outside the subspace that counts as signal."""
    case = flow_in_full(rng)
    rest = np.linalg.qr(np.column_stack([case.basis, rng.normal(size=(len(case.basis), 1))]))[0]
    return replace(case, truth=case.truth + 0.5 * np.outer(rest[:, -1], rest[:, -1]))
