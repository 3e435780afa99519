"""Claims of the chapter *Collapse*; the oracle optimizes factors and knows the loss alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from dmfbook._validation import Array
from dmfbook.claims.cases.problems import (
    MatrixCase,
    at_collapse,
    bottleneck,
    mean_reg,
    random_case,
    with_mean,
)
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.descent import descend, nudged
from dmfbook.claims.oracles.search import STARTS
from dmfbook.network.factors import end_to_end, flatten, partial_products, unflatten
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.scalar import critical_reg, fold_threshold, stationary_values


def sweep(
    problem: Problem, means: Iterable[float], factors: list[Array], rng: np.random.Generator
) -> list[search.Found]:
    """Minimizers below `factors` while the mean weight changes, each from near the one before."""
    found = []
    for mean in means:
        found.append(descend(with_mean(problem, mean), nudged(factors, rng)))
        factors = found[-1].factors
    return found


def zeros(problem: Problem) -> list[Array]:
    """Factors that are all zero."""
    shapes = zip(problem.widths[1:], problem.widths[:-1], strict=True)
    return [np.zeros(shape) for shape in shapes]


@dataclass(frozen=True)
class EntriesCase:
    """A problem, the factor by which each entry of the residual counts, and a seed."""

    problem: Problem
    entries: Array
    seed: int


def alike(rng: np.random.Generator) -> EntriesCase:
    """Depth 2 to 6, unequal widths and weights, half of them with a bottleneck; entries count alike."""
    case = random_case(rng) if rng.random() < 0.5 else bottleneck(rng)
    return EntriesCase(case.problem, np.ones_like(case.problem.target), case.seed)


def unlike(rng: np.random.Generator) -> EntriesCase:
    """Control: the loss is no squared Frobenius norm, since entries of the residual count unequally."""
    return _unlike(alike(rng), rng)


def _unlike(case: EntriesCase, rng: np.random.Generator) -> EntriesCase:
    return replace(case, entries=rng.uniform(0.3, 0.8, case.problem.target.shape))


@claim(
    "thm-collapse-matrix",
    "The critical regularization of a matrix",
    source="kamber2026landscape",
    status="paper's claim",
    cases={"with or without a bottleneck": alike},
    controls={"the loss counts all entries alike": unlike},
)
def critical_weight(case: EntriesCase) -> Evidence:
    """Compare with the largest mean weight at which some factors have a smaller loss than zero.

    Along a ray ``t W`` the best weight is ``max_t (2 a t^L − b t^{2L}) / (c t²)`` with ``a = ⟨M, X⟩``,
    ``b = ‖X‖²`` and ``c = Σ_l (λ_l / λ̄) ‖W_l‖²``; over the rays it is maximized by optimization.
    """
    problem, depth = case.problem, case.problem.depth
    fit, shares = case.entries**2, np.array(problem.reg) / mean_reg(problem)

    def minus_log_weight(vector: Array) -> tuple[float, Array]:
        factors = unflatten(vector, problem.widths)
        product = end_to_end(factors)
        a = np.sum(fit * problem.target * product)
        b, c = np.sum(fit * product**2), shares @ [np.sum(w**2) for w in factors]
        slope = (2 - 2 / depth) / a * fit * problem.target - (2 - 4 / depth) / b * fit * product
        gradient = [
            left.T @ slope @ right.T - 2 * share / c * factor
            for left, right, share, factor in zip(
                *partial_products(factors), shares, factors, strict=True
            )
        ]
        value = (1 - 1 / depth) * np.log(a**2) - (1 - 2 / depth) * np.log(b) - np.log(c)
        return -float(value), -flatten(gradient)

    rng = np.random.default_rng(case.seed)
    best = min(
        minimize(
            minus_log_weight,
            rng.normal(size=problem.size),
            jac=True,
            method="BFGS",
            options={"gtol": 1e-7},
        ).fun
        for _ in range(STARTS)
    )
    # t^L = a (L−2) / (b (L−1)) is best; at depth 2 that is zero, and 0⁰ = 1.
    scale = depth / (depth - 1) * ((depth - 2) / (depth - 1)) ** (1 - 2 / depth)
    formula = float(critical_reg(np.linalg.norm(problem.target, 2), depth))
    # Near its maximum the logarithm is quadratic: a gradient of 1e-6 leaves an error of order 1e-11.
    return Evidence(abs(scale * np.exp(-best) - formula), 1e-9 * formula)


def any_width(rng: np.random.Generator) -> MatrixCase:
    """With or without a bottleneck, off the exceptional set."""
    return random_case(rng) if rng.random() < 0.5 else bottleneck(rng)


@claim(
    "thm-staircase",
    "The rank of the minimizer",
    source="this book",
    status="derived",
    cases={"with or without a bottleneck": any_width},
    controls={"off the exceptional set": at_collapse},
)
def staircase(case: MatrixCase) -> Evidence:
    """Compare the rank of all products found with the least loss with the number of steps above."""
    problem = case.problem
    values = np.linalg.svd(problem.target, compute_uv=False)
    above = np.count_nonzero(critical_reg(values, problem.depth) > mean_reg(problem))
    predicted = min(int(above), min(problem.widths))
    ranks = [
        np.count_nonzero(
            np.linalg.svd(found.end_to_end, compute_uv=False)
            > 10 * found.end_to_end_uncertainty + search.EPS
        )
        for found in _best(problem, case.seed)
    ]
    return Evidence(float(max(abs(rank - predicted) for rank in ranks)), 0.5)


@dataclass(frozen=True)
class StepCase:
    """A problem with its mean weight at a step, the height that is expected, and a seed."""

    problem: Problem
    height: float
    seed: int


def at_step(rng: np.random.Generator) -> StepCase:
    """Depth 2 to 6, two different singular values, one of them at its critical weight."""
    depth = int(rng.integers(2, 7))
    values = rng.uniform(1, 2) * np.array([1.0, rng.uniform(0.5, 0.8)])
    value = float(rng.choice(values))
    target = with_values(rng, values, (3, 2))
    problem = Problem(target, rng.integers(2, 4, depth - 1).tolist(), rng.uniform(0.5, 2, depth))
    height = value * (depth - 2) / (depth - 1)
    step = with_mean(problem, float(critical_reg(value, depth)))
    return StepCase(step, height, int(rng.integers(2**32)))


def between_steps(rng: np.random.Generator) -> StepCase:
    """Control: a weight a tenth below the step, at depth 3 or more."""
    case = at_step(rng)
    while case.problem.depth == 2:
        case = at_step(rng)
    return replace(case, problem=with_mean(case.problem, 0.9 * mean_reg(case.problem)))


@claim(
    "cor-steps",
    "The height of the steps",
    source="this book",
    status="derived",
    cases={"depth 2 to 6, at either of two steps": at_step},
    controls={"the weight is at a step": between_steps},
)
def step_height(case: StepCase) -> Evidence:
    """Compare the nuclear norm of the jump between the best products just below and just above."""
    change, mean = 1e-5, mean_reg(case.problem)
    below, above = (
        _best(with_mean(case.problem, mean * (1 + sign * change)), case.seed)[0] for sign in (-1, 1)
    )
    jump = np.linalg.norm(below.end_to_end - above.end_to_end, "nuc")
    # |λ ds/dλ| ≤ L σ / (L−1)² ≤ 2σ above the collapse threshold.
    drift = 4 * change * np.linalg.norm(case.problem.target, "nuc")
    error = below.end_to_end_uncertainty + above.end_to_end_uncertainty
    return Evidence(abs(float(jump) - case.height), float(drift) + 4 * error)


@dataclass(frozen=True)
class PointCase:
    """A problem and factors at which to look at the Hessian."""

    problem: Problem
    factors: list[Array]


def at_zero(rng: np.random.Generator) -> PointCase:
    """Depth 2 to 6, any widths, at zero."""
    problem = any_width(rng).problem
    return PointCase(problem, zeros(problem))


def off_zero(rng: np.random.Generator) -> PointCase:
    """Control: a step away from zero."""
    case = at_zero(rng)
    return replace(case, factors=[rng.normal(size=factor.shape) for factor in case.factors])


@claim(
    "prop-zero-local-minimizer",
    "The Hessian at zero",
    source="this book",
    status="derived",
    cases={"depth 2 to 6, any widths": at_zero},
    controls={"at zero": off_zero},
)
def hessian_at_zero(case: PointCase) -> Evidence:
    """Compare all eigenvalues of the dense Hessian with the formula."""
    problem, reg = case.problem, np.array(case.problem.reg)
    sizes = [factor.size for factor in case.factors]
    predicted = np.repeat(2 * reg, sizes)
    if problem.depth == 2:
        values, hidden = np.linalg.svd(problem.target, compute_uv=False), problem.widths[1]
        spread = np.hypot(reg[1] - reg[0], 2 * values)
        pairs = np.repeat([reg.sum() + spread, reg.sum() - spread], hidden)
        alone = np.array(sizes) - len(values) * hidden
        predicted = np.concatenate([pairs, np.repeat(2 * reg, alone)])
    dense = np.linalg.eigvalsh(hessian(problem, case.factors))
    error = float(np.abs(dense - np.sort(predicted)).max())
    rounding = 8 * problem.size * search.EPS * float(np.abs(predicted).max())
    return Evidence(error, rounding)


def above_fold(rng: np.random.Generator) -> EntriesCase:
    """Depth 3 to 6, the largest singular value 1.1 to 2 times the fold; entries count alike."""
    case = alike(rng)
    while case.problem.depth == 2:
        case = alike(rng)
    problem = case.problem
    fold = float(fold_threshold(mean_reg(problem), problem.depth))
    scale = fold * rng.uniform(1.1, 2) / np.linalg.norm(problem.target, 2)
    return replace(case, problem=replace(problem, target=scale * problem.target))


def above_fold_unlike(rng: np.random.Generator) -> EntriesCase:
    """Control: the same with entries that count unequally."""
    return _unlike(above_fold(rng), rng)


@claim(
    "thm-barrier",
    "The barrier around zero",
    source="this book",
    status="new",
    cases={"depth 3 to 6, above the fold": above_fold},
    controls={"the loss counts all entries alike": above_fold_unlike},
)
def barrier(case: EntriesCase) -> Evidence:
    """Compare with the least loss among factors whose product has spectral norm ``s_−``, minimized."""
    problem, reg = case.problem, np.array(case.problem.reg)
    mean, depth, fit = mean_reg(problem), problem.depth, case.entries**2
    root = stationary_values(np.linalg.norm(problem.target, 2), mean, depth)[0]
    norm = root**depth

    def rise(vector: Array) -> tuple[float, Array]:
        """Loss above that of zero, and its gradient."""
        factors = unflatten(vector, problem.widths)
        product = end_to_end(factors)
        penalty = reg @ [np.sum(factor**2) for factor in factors]
        value = np.sum(fit * product * (product - 2 * problem.target)) + penalty
        slopes = _pulled_back(factors, 2 * fit * (product - problem.target))
        layers = zip(slopes, reg, factors, strict=True)
        return float(value), flatten([s + 2 * lam * w for s, lam, w in layers])

    def excess(vector: Array) -> float:
        return float(np.linalg.norm(end_to_end(unflatten(vector, problem.widths)), 2) - norm)

    def excess_gradient(vector: Array) -> Array:
        factors = unflatten(vector, problem.widths)
        left, _, right = np.linalg.svd(end_to_end(factors))
        return flatten(_pulled_back(factors, np.outer(left[:, 0], right[0])))

    rng = np.random.default_rng(case.seed)
    surface = {"type": "eq", "fun": excess, "jac": excess_gradient}
    # Deep random products seldom end in the lowest pass; one start is near a product of rank one.
    starts = list(root * rng.normal(size=(STARTS, problem.size)))
    size = np.linalg.norm(problem.target, 2) ** (1 / depth)
    starts.append(root / size * search.truncations(problem, rng)[1])
    results = [
        minimize(
            rise,
            start,
            jac=True,
            method="SLSQP",
            constraints=surface,
            options={"ftol": 1e-12, "maxiter": 200},
        )
        for start in starts
    ]
    least = min(result.fun for result in results if abs(excess(result.x)) < 1e-9 * norm)
    height = (depth - 2) * mean * root**2 - root ** (2 * depth)
    # Terms of the loss that nearly cancel, each good to the accuracy of the optimizer.
    return Evidence(abs(least - height), 1e-8 * depth * mean * root**2)


@dataclass(frozen=True)
class SweepCase:
    """A problem whose mean weight is swept, the means of both sweeps as they ascend, and a seed."""

    problem: Problem
    means: Array
    seed: int


def sweeps(rng: np.random.Generator) -> SweepCase:
    """Depth 3 to 6, two different singular values; no weight within 3 % of a fold."""
    return _sweeps(rng, int(rng.integers(3, 7)))


def shallow_sweeps(rng: np.random.Generator) -> SweepCase:
    """Control: depth 2, where zero does not stay a minimizer."""
    return _sweeps(rng, 2)


def _sweeps(rng: np.random.Generator, depth: int) -> SweepCase:
    values = rng.uniform(1, 2) * np.array([1.0, rng.uniform(0.5, 0.8)])
    problem = Problem(
        with_values(rng, values, (2, 3)),
        rng.integers(2, 4, depth - 1).tolist(),
        rng.uniform(0.5, 2, depth),
    )
    folds = critical_reg(values, depth) * depth * 4 ** (1 / depth - 1)
    means = np.sort(np.outer(folds, [0.3, 0.9, 0.97, 1.03, 1.1]).ravel())
    clear = np.abs(means[:, None] / folds - 1).min(axis=1) > 0.0299
    return SweepCase(problem, means[clear], int(rng.integers(2**32)))


@claim(
    "cor-hysteresis",
    "Hysteresis",
    source="this book",
    status="new",
    cases={"depth 3 to 6, two different values": sweeps},
    controls={"at least three layers": shallow_sweeps},
)
def hysteresis(case: SweepCase) -> Evidence:
    """Follow minimizers up from the best one and down from zero; compare both with their branches."""
    problem, depth = case.problem, case.problem.depth
    rng = np.random.default_rng(case.seed)
    best = _best(with_mean(problem, case.means[0]), case.seed)[0]
    up = sweep(problem, case.means, best.factors, rng)
    down = sweep(problem, case.means[::-1], zeros(problem), rng)
    values = np.linalg.svd(problem.target, compute_uv=False)
    roots = np.nan_to_num(stationary_values(values, case.means[:, None], depth)[1])
    errors = [
        (np.abs(np.linalg.svd(point.end_to_end, compute_uv=False) - branch).max(), point)
        for branch, point in [*zip(roots**depth, up, strict=True), *((0.0, p) for p in down)]
    ]
    # At zero the products of layers vanish, and the bound with them: rounding remains.
    evidence = [(float(gap), point.end_to_end_uncertainty + search.EPS) for gap, point in errors]
    return Evidence(*max(evidence, key=lambda pair: pair[0] / pair[1]))


def _best(problem: Problem, seed: int) -> list[search.Found]:
    """Found minimizers whose loss is the least up to rounding."""
    found = search.minimizers(problem, np.random.default_rng(seed), 2 * STARTS)
    rounding = 1e-11 * (1 + float(np.linalg.norm(problem.target) ** 2))
    return [each for each in found if each.loss <= found[0].loss + rounding]


def _pulled_back(factors: list[Array], slope: Array) -> list[Array]:
    """Gradient by the factors of a function of the product with the gradient `slope`."""
    left, right = partial_products(factors)
    return [a.T @ slope @ b.T for a, b in zip(left, right, strict=True)]
