"""Claims of the chapter *Flat interpolators recover*; the oracle is a convex solver."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import random_truth
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles.convex import nuclear_norm_minimizer
from dmfbook.claims.oracles.measurements import dense_rows, rank_one_extreme, square_root
from dmfbook.network.factors import end_to_end, flatten, partial_products, unflatten
from dmfbook.sensing.ensembles import dense_sensing, gaussian_sensing
from dmfbook.sensing.operator import SensingOperator
from dmfbook.training.descent import gradient_descent
from dmfbook.training.label_noise import NoisyLabels
from dmfbook.training.recovery import SensingProblem
from dmfbook.zero_loss.interpolation import flattest_interpolator
from dmfbook.zero_loss.trace import sensing_hessian_trace, trace_and_gradient


@dataclass(frozen=True)
class InterpolationCase:
    """Measurements of a matrix, and the depth at which the flattest interpolator is sought."""

    operator: SensingOperator
    truth: Array
    depth: int
    shift: float = 0.0

    def interpolator(self) -> Array:
        """End-to-end matrix of the flattest interpolator, moved along the kernel by `shift`."""
        widths = (max(self.truth.shape),) * (self.depth - 1)
        values = self.operator.forward(self.truth)
        found = flattest_interpolator(self.operator, values, widths, tolerance=1e-7)
        kernel = np.linalg.svd(dense_rows(self.operator))[2][-1]
        product = end_to_end(found.factors)
        return product + self.shift * kernel.reshape(product.shape[::-1]).T


def few_missing(rng: np.random.Generator) -> InterpolationCase:
    """Orthonormal measurements of matrices with two columns, one or two short of all.

    Operators that all but vanish on a matrix of rank one are left out: there the bound says nothing.
    """
    rows = int(rng.integers(3, 6))
    ratio = np.inf
    while ratio > 5:
        matrices = np.linalg.qr(rng.normal(size=(2 * rows, 2 * rows)))[0].reshape(-1, rows, 2)
        operator = dense_sensing(matrices[: -int(rng.integers(1, 3))])
        ratio = rank_one_extreme(operator, +1)[0] / rank_one_extreme(operator, -1)[0]
    return InterpolationCase(operator, rng.normal(size=(rows, 2)), int(rng.integers(2, 5)))


def not_flattest(rng: np.random.Generator) -> InterpolationCase:
    """Control: an interpolator that is not the flattest one."""
    return replace(few_missing(rng), shift=100.0)


@claim(
    "cor-nuclear-norm",
    "The nuclear norm of the flattest interpolator",
    source="gatmiry2023flatness",
    status="paper's claim",
    cases={"two columns, a few measurements short": few_missing},
    controls={"the interpolator is the flattest": not_flattest},
)
def nuclear_norm_excess(case: InterpolationCase) -> Evidence:
    """Compare its nuclear norm with the least one, from a convex solver, and the excess allowed."""
    values = case.operator.forward(case.truth)
    least = np.linalg.norm(nuclear_norm_minimizer(case.operator, values), "nuc")
    smallest, largest = (rank_one_extreme(case.operator, sign)[0] for sign in (-1, 1))
    allowed = (largest / smallest) ** (case.depth / (2 * case.depth - 2)) - 1
    excess = np.linalg.norm(case.interpolator(), "nuc") / least - 1
    # Both solvers are good to 1e-7; the excess may be negative by as much.
    return Evidence(max(float(excess), 0.0), float(allowed) + 1e-6)


def shallow_interpolation(rng: np.random.Generator) -> InterpolationCase:
    """Gaussian measurements of a matrix of full rank, up to half as many as entries; depth 2."""
    rows, cols = (int(side) for side in rng.integers(3, 6, size=2))
    count = int(rng.integers(max(rows, cols), rows * cols // 2 + 2))
    operator = gaussian_sensing((rows, cols), count, rng)
    return InterpolationCase(operator, random_truth(rng, (rows, cols), min(rows, cols)), 2)


def another_interpolator(rng: np.random.Generator) -> InterpolationCase:
    """Control: an interpolator that is not the flattest one, if not far from it."""
    return replace(shallow_interpolation(rng), shift=0.1)


@claim(
    "cor-convex-at-depth-two",
    "A convex problem at depth two",
    source="ding2024flat",
    status="paper's claim",
    cases={"depth 2, Gaussian measurements": shallow_interpolation},
    controls={"the interpolator is the flattest": another_interpolator},
)
def convex_at_depth_two(case: InterpolationCase) -> Evidence:
    """Compare the weighted nuclear norm of the interpolator with the least, from a convex solver."""
    shape, values = case.truth.shape, case.operator.forward(case.truth)
    matrices = dense_rows(case.operator).reshape(-1, *shape[::-1]).mT
    left = square_root((matrices @ matrices.mT).sum(axis=0))
    right = square_root((matrices.mT @ matrices).sum(axis=0))
    # In the unknown P^{1/2} X Q^{1/2} the problem is one of plain nuclear norm.
    whitened = dense_sensing(np.linalg.inv(left) @ matrices @ np.linalg.inv(right))
    least = np.linalg.norm(nuclear_norm_minimizer(whitened, values), "nuc")
    found = np.linalg.norm(left @ case.interpolator() @ right, "nuc")
    return Evidence(float(abs(found / least - 1)), 2e-6)


def enough_measurements(rng: np.random.Generator) -> InterpolationCase:
    """Rank one, sides 6, and 30 of 36 measurements, nearly three times the degrees of freedom."""
    truth = random_truth(rng, (6, 6), 1)
    return InterpolationCase(gaussian_sensing((6, 6), 30, rng), truth, int(rng.integers(2, 5)))


def too_few_measurements(rng: np.random.Generator) -> InterpolationCase:
    """Control: 9 measurements, fewer than the 11 degrees of freedom."""
    return replace(enough_measurements(rng), operator=gaussian_sensing((6, 6), 9, rng))


@claim(
    "obs-flat-recovery",
    "Flat interpolators recover",
    source="gatmiry2023flatness",
    status="empirical",
    cases={"rank one, 30 of 36 measurements": enough_measurements},
    controls={"enough measurements": too_few_measurements},
)
def flat_recovery(case: InterpolationCase) -> Evidence:
    """Relative test error of the flattest interpolator."""
    return Evidence(float(np.linalg.norm(case.interpolator() - case.truth)), 1e-3)


@dataclass(frozen=True)
class LabelNoiseCase:
    """Runs from one zero-loss point, the noise they see, and the noise the prediction is made for."""

    problem: SensingProblem
    factors: list[Array]
    noise: float
    assumed: float
    step: float
    steps: int = 3000
    runs: int = 32


def slow_flow(
    problem: SensingProblem, factors: list[Array], time: float, pieces: int
) -> list[Array]:
    """Gradient flow of the trace along the factors with zero loss, from such factors.

    Explicit steps of equal length in the tangent space, each followed by one Gauss–Newton step back.
    """
    widths = (factors[0].shape[1], *map(len, factors))
    point = flatten(factors)
    for _ in range(pieces):
        slope = flatten(trace_and_gradient(problem.operator, factors)[1])
        jacobian = misfit_jacobian(problem, factors)
        slope = slope - np.linalg.pinv(jacobian) @ (jacobian @ slope)
        factors = unflatten(point - time / pieces * slope, widths)
        misfit = problem.operator.forward(end_to_end(factors)) - problem.measurements
        point = flatten(factors) - np.linalg.pinv(misfit_jacobian(problem, factors)) @ misfit
        factors = unflatten(point, widths)
    return factors


def misfit_jacobian(problem: SensingProblem, factors: list[Array]) -> Array:
    """Derivatives (n, N) of the measurements by the entries of the factors, in the order of `flatten`."""
    left, right = partial_products(factors)
    matrices = dense_rows(problem.operator).reshape(-1, *problem.operator.matrix_shape[::-1]).mT
    parts = [(a.T @ matrices @ b.T) for a, b in zip(left, right, strict=True)]
    return np.concatenate([part.mT.reshape(len(matrices), -1) for part in parts], axis=1)


def label_noise(rng: np.random.Generator) -> LabelNoiseCase:
    """Random factors of depth 2 or 3 that fit their own measurements."""
    side, depth = 4, int(rng.integers(2, 4))
    operator = gaussian_sensing((side, side), 8, rng)
    factors = [rng.normal(size=(side, side)) / np.sqrt(2) for _ in range(depth)]
    problem = SensingProblem(operator, operator.forward(end_to_end(factors)))
    sharpness = 2 * float(np.linalg.norm(misfit_jacobian(problem, factors), 2)) ** 2
    return LabelNoiseCase(problem, factors, 0.5, 0.5, step=0.25 / sharpness)


def silence(rng: np.random.Generator) -> LabelNoiseCase:
    """Control: no noise, held against the prediction for noise."""
    return replace(label_noise(rng), noise=0.0)


@claim(
    "obs-label-noise",
    "Label noise follows the slow flow",
    source="blanc2020implicit",
    status="empirical",
    cases={"depth 2 or 3, random interpolators": label_noise},
    controls={"the labels are noisy": silence},
)
def label_noise_drift(case: LabelNoiseCase) -> Evidence:
    """Compare the fall of the trace, averaged over runs, with that along the slow flow."""
    noisy = NoisyLabels(case.problem, case.noise, np.random.default_rng(0))
    start = [np.broadcast_to(factor, (case.runs, *factor.shape)) for factor in case.factors]
    end = gradient_descent(noisy, start, case.step, case.steps).factors
    operator, time = case.problem.operator, case.step**2 * case.assumed**2 / 2 * case.steps
    slow = slow_flow(case.problem, case.factors, time, pieces=40)
    before, predicted = (sensing_hessian_trace(operator, each) for each in (case.factors, slow))
    runs = [[factor[run] for factor in end] for run in range(case.runs)]
    after = np.mean([sensing_hessian_trace(operator, factors) for factors in runs])
    return Evidence(float(abs((before - after) / (before - predicted) - 1)), 0.3)
