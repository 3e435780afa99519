"""Claims of the chapter *Depth and implicit bias*; the oracles differentiate and integrate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array
from dmfbook.claims.cases.measurements import random_operator
from dmfbook.claims.cases.points import random_factors
from dmfbook.claims.cases.targets import random_truth
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles.convex import nuclear_norm_minimizer
from dmfbook.network.factors import partial_products_of
from dmfbook.sensing.ensembles import gaussian_sensing
from dmfbook.sensing.operator import SensingOperator
from dmfbook.training.descent import gradient_descent
from dmfbook.training.flow import gradient_flow
from dmfbook.training.recovery import SensingProblem
from dmfbook.zero_loss.interpolation import balanced_factors


@dataclass(frozen=True)
class RateCase:
    """A sensing problem and factors at which the singular values' velocities are taken."""

    problem: SensingProblem
    factors: list[Array]


def balanced_point(rng: np.random.Generator) -> RateCase:
    """Balanced factors, depth 1 to 5, of a matrix with separated singular values."""
    rows, cols = (int(side) for side in rng.integers(2, 5, size=2))
    rank, depth = min(rows, cols), int(rng.integers(1, 6))
    u, _, vt = np.linalg.svd(rng.normal(size=(rows, cols)), full_matrices=False)
    values = np.cumsum(rng.uniform(0.3, 0.6, rank))[::-1]
    operator = random_operator(rng, (rows, cols))
    problem = SensingProblem(operator, rng.normal(size=operator.shape[0]))
    hidden = [int(rank + extra) for extra in rng.integers(0, 3, size=depth - 1)]
    return RateCase(problem, balanced_factors(u * values @ vt, (cols, *hidden, rows), rng))


def unbalanced_point(rng: np.random.Generator) -> RateCase:
    """Control: factors of depth 2 to 4 that are not balanced."""
    widths = tuple(int(width) for width in rng.integers(2, 5, size=rng.integers(3, 6)))
    operator = random_operator(rng, (widths[-1], widths[0]))
    problem = SensingProblem(operator, rng.normal(size=operator.shape[0]))
    return RateCase(problem, random_factors(rng, widths))


def predicted_rates(problem: SensingProblem, product: Array, depth: int) -> Array:
    """Velocities ``−2 L s_i^{2−2/L} ⟨𝒜*(𝒜(X) − y), u_i v_iᵀ⟩`` of the singular values under gradient flow."""
    u, s, vt = np.linalg.svd(product, full_matrices=False)
    back = problem.operator.adjoint(problem.operator.forward(product) - problem.measurements)
    drive = -2 * np.einsum("ai,ab,ib->i", u, back, vt)
    return np.asarray(depth * s ** (2 - 2 / depth) * drive, dtype=np.float64)


@claim(
    "thm-depth-rates",
    "The rates of singular values",
    source="arora2019implicit",
    status="paper's claim",
    cases={"depth 1 to 5, separated values": balanced_point},
    controls={"the factors are balanced": unbalanced_point},
)
def depth_rates(case: RateCase) -> Evidence:
    """Compare the rates with differences of singular values along the negative gradient."""
    gradient = case.problem.gradient(case.factors)
    # The singular values are smooth here; step 1e-5 balances h² against rounding over h.
    step = 1e-5 / max(1.0, max(float(np.abs(part).max()) for part in gradient))

    def values(t: float) -> Array:
        moved = [w - t * g for w, g in zip(case.factors, gradient, strict=True)]
        product = case.problem.end_to_end(moved)
        return np.asarray(np.linalg.svd(product, compute_uv=False), dtype=np.float64)

    measured = (values(step) - values(-step)) / (2 * step)
    product = case.problem.end_to_end(case.factors)
    predicted = predicted_rates(case.problem, product, len(case.factors))
    scale = max(1.0, float(np.abs(predicted).max()))
    # Rounding over h is some 1e-11 over 1e-5, times the gradient where that has shortened h.
    return Evidence(float(np.abs(measured - predicted).max()), 1e-7 * scale * (1e-5 / step))


@dataclass(frozen=True)
class RaceCase:
    """Gradient flow of ``−⟨Γ, W_L ⋯ W_1⟩`` with two positive drives, from equal singular values."""

    drives: tuple[float, float]
    factors: list[Array]
    start: float


def aligned_race(rng: np.random.Generator) -> RaceCase:
    """Balanced and aligned with the drive; depth 1 to 4."""
    depth, start = int(rng.integers(1, 5)), float(10 ** rng.uniform(-3, -1))
    drives = (1.0, float(rng.uniform(0.3, 0.8)))
    factors = balanced_factors(start * np.eye(2), [2] * (depth + 1), rng)
    return RaceCase(drives, factors, start)


def turned_race(rng: np.random.Generator) -> RaceCase:
    """Control: the start is turned against the drive by 60 degrees."""
    case = aligned_race(rng)
    turn = np.array([[0.5, -np.sqrt(0.75)], [np.sqrt(0.75), 0.5]])
    return replace(case, factors=[*case.factors[:-1], turn @ case.factors[-1]])


@dataclass(frozen=True)
class LinearLoss:
    """The loss ``−⟨Γ, W_L ⋯ W_1⟩``, whose gradient in the end-to-end matrix is constant."""

    drive: Array

    def loss(self, factors: Sequence[ArrayLike]) -> float:
        """Value at factors."""
        _, right = partial_products_of([np.asarray(factor) for factor in factors])
        return -float(np.vdot(self.drive, np.asarray(factors[-1]) @ right[-1]))

    def gradient(self, factors: Sequence[ArrayLike]) -> list[Array]:
        """Gradient ``−A_lᵀ Γ B_lᵀ`` at factors."""
        left, right = partial_products_of([np.asarray(factor) for factor in factors])
        return [-a.T @ self.drive @ b.T for a, b in zip(left, right, strict=True)]


def race_time(start: float, depth: int) -> float:
    """Time at which a mode with unit drive reaches 1."""
    if depth == 2:
        return float(np.log(1 / start) / 2)
    return float((start ** (2 / depth - 1) - 1) / (depth - 2)) if depth > 2 else 1 - start


def runner_up(ratio: float, start: float, depth: int) -> float:
    """Second singular value when the first one has reached 1."""
    if depth == 2:
        return float(start ** (1 - ratio))
    power = 2 / depth - 1
    return float(((1 - ratio) * start**power + ratio) ** (1 / power))


@claim(
    "prop-race",
    "The race of two modes",
    source="this book",
    status="derived",
    cases={"depth 1 to 4, aligned with the drive": aligned_race},
    controls={"the start is aligned with the drive": turned_race},
)
def race(case: RaceCase) -> Evidence:
    """Compare both singular values with those of the integrated factors when the first should be 1."""
    depth = len(case.factors)
    time = race_time(case.start, depth)
    flow = gradient_flow(LinearLoss(np.diag(case.drives)), case.factors, time, accuracy=1e-11)
    values = np.linalg.svd(_product(flow.factors), compute_uv=False)
    predicted = np.array([1.0, runner_up(case.drives[1] / case.drives[0], case.start, depth)])
    # From depth 3 on the first mode runs off to infinity soon after, and errors grow on the way.
    return Evidence(float(np.abs(values / predicted - 1).max()), 1e-6)


def _product(factors: list[Array]) -> Array:
    return factors[-1] @ partial_products_of(factors)[1][-1]


@dataclass(frozen=True)
class DepthCase:
    """Gradient descent at depth three, one run for each of several truths with the same measurements."""

    operator: SensingOperator
    truths: Array
    convex: Array
    factors: list[Array]
    steps: int = 3000


def data_poor(rng: np.random.Generator) -> DepthCase:
    """Five truths of rank one, sides 8, whose 26 measurements are too few for the nuclear norm.

    The start is ``1e-6`` times an orthogonal matrix.
    """
    return _depth_case(rng, 1e-6)


def large_start(rng: np.random.Generator) -> DepthCase:
    """Control: the start is as large as the truth."""
    return _depth_case(rng, 1.0)


def _depth_case(rng: np.random.Generator, scale: float) -> DepthCase:
    operator = gaussian_sensing((8, 8), 26, rng)
    pairs: list[tuple[Array, Array]] = []
    while len(pairs) < 5:
        truth = random_truth(rng, (8, 8), 1)
        convex = nuclear_norm_minimizer(operator, operator.forward(truth))
        if np.linalg.norm(convex - truth) > 0.1:
            pairs.append((truth, convex))
    truths, minimizers = (np.array(each) for each in zip(*pairs, strict=True))
    frames = np.linalg.qr(rng.normal(size=(3, 5, 8, 8)))[0]
    return DepthCase(operator, truths, minimizers, list(scale ** (1 / 3) * frames))


@claim(
    "obs-depth",
    "Depth three against the nuclear norm",
    source="arora2019implicit",
    status="empirical",
    cases={"five truths of rank one, 26 measurements": data_poor},
    controls={"the start is small": large_start},
)
def depth_beats_nuclear_norm(case: DepthCase) -> Evidence:
    """Test error at depth three over that of the nuclear-norm minimizer, the median over truths."""
    problem = SensingProblem(case.operator, case.operator.forward(case.truths))
    factors = gradient_descent(problem, case.factors, 0.1, case.steps).factors
    ours = np.linalg.norm(problem.end_to_end(factors) - case.truths, axis=(1, 2))
    theirs = np.linalg.norm(case.convex - case.truths, axis=(1, 2))
    return Evidence(float(np.median(ours / theirs)), 0.5)
