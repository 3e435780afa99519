"""Claims of the chapter *What training finds*; the flow is integrated, Hessians are dense."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import autograd
import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.points import random_factors
from dmfbook.claims.cases.targets import random_target
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles.differentiation import squared_error
from dmfbook.claims.oracles.spectra import dense_sharpness
from dmfbook.network.factors import flatten, unflatten
from dmfbook.network.problem import Problem
from dmfbook.training.descent import gradient_descent
from dmfbook.training.flow import gradient_flow
from dmfbook.zero_loss.factorizations import flat_factors, zero_loss_factors
from dmfbook.zero_loss.sharpness import flat_sharpness, sharpness

EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Start:
    """A case: a problem, where to start, and for how long to run."""

    problem: Problem
    factors: list[Array]
    time: float = 1.0
    step: float = 0.0  # of gradient descent; zero for the flow


def differences(factors: list[Array]) -> list[Array]:
    """What the flow conserves: ``W_{l+1}ᵀ W_{l+1} − W_l W_lᵀ``, l = 1, …, L − 1."""
    return [after.T @ after - before @ before.T for before, after in pairwise(factors)]


def random_start(rng: np.random.Generator) -> Start:
    """Unequal widths up to 4, depth 2 to 5, one regularization weight, which may be zero."""
    widths = tuple(int(width) for width in rng.integers(1, 5, size=rng.integers(3, 7)))
    target = rng.normal(size=(widths[-1], widths[0]))
    reg = float(rng.choice([0.0, rng.uniform(0.1, 0.5)]))
    return Start(Problem(target, widths[1:-1], reg), random_factors(rng, widths))


def unequal_weights(rng: np.random.Generator) -> Start:
    """Control: each layer has a regularization weight of its own."""
    case = random_start(rng)
    reg = rng.uniform(0.2, 1, size=case.problem.depth)
    reg[0] += 1
    problem = Problem(case.problem.target, case.problem.hidden_widths, reg)
    return replace(case, problem=problem)


def one_step(rng: np.random.Generator) -> Start:
    """No regularization, a step of random length."""
    case = random_start(rng)
    problem = Problem(case.problem.target, case.problem.hidden_widths)
    return replace(case, problem=problem, step=float(10 ** rng.uniform(-3, -1)))


def one_penalized_step(rng: np.random.Generator) -> Start:
    """Control: with regularization."""
    case = one_step(rng)
    problem = Problem(case.problem.target, case.problem.hidden_widths, rng.uniform(0.1, 1))
    return replace(case, problem=problem)


def balanced_start(rng: np.random.Generator) -> Start:
    """Balanced factors of a matrix that is nearer to the target than any matrix of lower rank."""
    target, nearby, hidden = _target_and_neighbour(rng)
    return Start(Problem(target, hidden), flat_factors(nearby, hidden, rng), time=1e4)


def unbalanced_start(rng: np.random.Generator) -> Start:
    """Control: unbalanced factors of such a matrix."""
    target, nearby, hidden = _target_and_neighbour(rng)
    factors = zero_loss_factors(nearby, hidden, rng, condition=4.0)
    return Start(Problem(target, hidden), factors, time=1e4)


def _target_and_neighbour(rng: np.random.Generator) -> tuple[Array, Array, list[int]]:
    outer = rng.integers(1, 4, size=2)
    hidden = rng.integers(max(2, outer.min()), 5, size=rng.integers(1, 4)).tolist()
    target = random_target(rng, (outer[1], outer[0]))
    shift = rng.standard_normal(target.shape)
    least = np.linalg.svd(target, compute_uv=False)[-1]
    return target, target + 0.5 * least * shift / np.linalg.norm(shift), hidden


def two_vectors(rng: np.random.Generator) -> Start:
    """A positive number factored to depth 2, hidden width up to 5, random start with positive product."""
    width = int(rng.integers(1, 6))
    first, second = rng.standard_normal((width, 1)), rng.standard_normal((1, width))
    if (second @ first)[0, 0] < 0:
        second = -second
    return Start(Problem([[rng.uniform(0.5, 2)]], [width]), [first, second], time=1e4)


def large_step(rng: np.random.Generator) -> Start:
    """Control: gradient descent with a step well beyond the continuous limit, far from balance and from the target."""
    case = two_vectors(rng)
    first, second = (
        length * w / np.linalg.norm(w) for length, w in zip((2.0, 0.5), case.factors, strict=True)
    )
    target = second @ first + rng.uniform(1, 2)
    return replace(case, problem=Problem(target, [len(first)]), factors=[first, second], step=0.05)


@claim(
    "thm-conservation",
    "What gradient flow conserves",
    source="du2018balanced",
    status="paper's claim",
    cases={"depth 2 to 5, a weight that may be zero": random_start},
    controls={"equal weights": unequal_weights},
)
def conserved(case: Start) -> Evidence:
    """Integrate the flow; compare the differences of Gram matrices with ``e^{−4λt}`` times the first."""
    run = gradient_flow(case.problem, case.factors, case.time)
    decay = np.exp(-4 * case.problem.reg[0] * case.time)
    pairs = zip(differences(run.factors), differences(case.factors), strict=True)
    error = max(float(np.linalg.norm(after - decay * before)) for after, before in pairs)
    # Local errors of 1e-10 a step, some hundred steps; the factors stay of order one.
    return Evidence(error, 1e-7)


@claim(
    "prop-drift",
    "What a step changes",
    source="du2018balanced",
    status="derived",
    cases={"no regularization, a step of random length": one_step},
    controls={"no regularization": one_penalized_step},
)
def drift(case: Start) -> Evidence:
    """Take one step with the differentiated gradient; compare the change with its formula."""
    problem = case.problem
    slope = unflatten(autograd.grad(squared_error(problem))(flatten(case.factors)), problem.widths)
    moved = [factor - case.step * g for factor, g in zip(case.factors, slope, strict=True)]
    formula = [case.step**2 * change for change in differences(slope)]
    rows = zip(differences(moved), differences(case.factors), formula, strict=True)
    error = max(float(np.linalg.norm(after - before - change)) for after, before, change in rows)
    sizes = [
        float(np.linalg.norm(w)) + case.step * float(np.linalg.norm(g))
        for w, g in zip(case.factors, slope, strict=True)
    ]
    return Evidence(error, 100 * max(problem.widths) * EPS * max(sizes) ** 2)


@claim(
    "cor-balanced-start",
    "From a balanced start to a flat minimum",
    source="mulayoff2020unique",
    status="derived",
    cases={"balanced factors near the target": balanced_start},
    controls={"the start is balanced": unbalanced_start},
)
def flat_from_balance(case: Start) -> Evidence:
    """Integrate the flow to zero loss; compare the dense Hessian there with the least sharpness."""
    run = gradient_flow(case.problem, case.factors, case.time, tolerance=1e-7)
    flat = flat_sharpness(case.problem.target, case.problem.depth)
    reached = run.status == "converged" and run.loss < 1e-12
    error = abs(dense_sharpness(run.factors) / flat - 1) if reached else np.inf
    return Evidence(error, 1e-6)


@claim(
    "thm-two-vectors",
    "The sharpness that the flow finds for a factored number",
    source="kreisler2023gradient",
    status="derived",
    cases={"depth 2, positive product": two_vectors},
    controls={"the step is small": large_step},
)
def predicted_sharpness(case: Start) -> Evidence:
    """Integrate the flow to zero loss; compare the dense Hessian there with the start's prediction."""
    if case.step:
        run = gradient_descent(case.problem, case.factors, case.step, 100_000, tolerance=1e-7)
    else:
        run = gradient_flow(case.problem, case.factors, case.time, tolerance=1e-7)
    reached = run.status == "converged" and run.loss < 1e-12
    prediction = sharpness_from_start(case.factors, case.problem.target)
    error = abs(dense_sharpness(run.factors) / prediction - 1) if reached else np.inf
    return Evidence(error, 1e-6)


def sharpness_from_start(factors: list[Array], target: Array) -> float:
    """Sharpness at the end of the flow, ``2 √(2 ‖D‖_F² − (tr D)² + 4 m²)``, for depth 2 and a number."""
    difference = differences(factors)[0]
    square = 2 * np.vdot(difference, difference) - np.trace(difference) ** 2
    return 2 * float(np.sqrt(square + 4 * target[0, 0] ** 2))


def relative_prediction(case: Start) -> float:
    """Sharpness that the start predicts, over the least sharpness of the target."""
    prediction = sharpness_from_start(case.factors, case.problem.target)
    return prediction / flat_sharpness(case.problem.target, 2)


def relative_sharpness(case: Start, ratio: float) -> float:
    """Sharpness where a run ends, over the least one; not a number where it does not reach zero loss.

    `ratio` is the step in units of two over the least sharpness; zero stands for the flow.
    """
    problem, flat = case.problem, flat_sharpness(case.problem.target, case.problem.depth)
    if ratio:
        run = gradient_descent(problem, case.factors, 2 * ratio / flat, 20_000, tolerance=1e-6)
    else:
        run = gradient_flow(problem, case.factors, 1e5, tolerance=1e-6, accuracy=1e-8)
    reached = run.status != "diverged" and run.loss < 1e-6
    return sharpness(run.factors) / flat if reached else np.nan
