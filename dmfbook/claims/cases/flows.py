"""Starts of gradient flow."""

from __future__ import annotations

from dataclasses import dataclass, replace

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

    def integrate(self) -> Array:
        """End-to-end matrix ``U Uᵀ`` at the end, from an integrator of high order."""
        problem = SymmetricSensingProblem(self.operator, self.operator.forward(self.truth))
        factor = gradient_flow(problem, [self.start], self.time, accuracy=1e-11).factors[0]
        return factor @ factor.T


def flow_in_full(rng: np.random.Generator) -> FlowCase:
    """Full observation; any start, time, and over-parameterization."""
    side = int(rng.integers(3, 6))
    rank = int(rng.integers(1, side))
    truth, basis = low_rank(rng, side, rng.uniform(0.3, 1.5, rank))
    start = 10 ** rng.uniform(-2, 0) * rng.normal(size=(side, int(rng.integers(rank, side + 2))))
    full = entry_sampling((side, side), side * side, rng)
    return FlowCase(full, truth, basis, start, float(rng.uniform(2, 5)))


def flow_in_part(rng: np.random.Generator) -> FlowCase:
    """Control: Gaussian measurements instead of all entries."""
    case = flow_in_full(rng)
    side = len(case.truth)
    return replace(case, operator=symmetric_gaussian_sensing(side, 2 * side, rng))


def flow_with_hidden_signal(rng: np.random.Generator) -> FlowCase:
    """Control: the target has a further eigenvalue outside the subspace that counts as signal."""
    case = flow_in_full(rng)
    rest = np.linalg.qr(np.column_stack([case.basis, rng.normal(size=(len(case.basis), 1))]))[0]
    return replace(case, truth=case.truth + 0.5 * np.outer(rest[:, -1], rest[:, -1]))
