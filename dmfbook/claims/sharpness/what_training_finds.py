"""Claims of the chapter *What training finds*; the flow is integrated, Hessians are dense."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.points import Point, entry_rounding
from dmfbook.claims.cases.sharpness import starts
from dmfbook.claims.cases.sharpness.starts import Start
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles.differentiation import squared_error
from dmfbook.claims.statements.imbalance import differences, predicted_sharpness
from dmfbook.network.factors import flatten
from dmfbook.network.hessian import hessian_trace
from dmfbook.training.descent import gradient_descent
from dmfbook.training.flow import gradient_flow
from dmfbook.zero_loss.sharpness import flat_sharpness, sharpness
from dmfbook.zero_loss.trace import flattest_trace

EPS = float(np.finfo(float).eps)


def compare_conserved(case: Start, rate: float = 4.0, sign: float = -1.0) -> Evidence:
    """Integrate; compare each difference of Gram matrices with ``e^{−4λt}`` times the first."""
    decay = np.exp(-rate * float(np.mean(case.problem.reg)) * case.run.times[-1])
    pairs = zip(differences(case.run.factors, sign), differences(case.factors, sign), strict=True)
    error = max(float(np.linalg.norm(after - decay * before)) for after, before in pairs)
    return Evidence(error, case.deviation)


@claim(
    "thm-conservation",
    "What gradient flow conserves",
    source="du2018balanced",
    status="paper's claim",
    cases={
        "depth 2": starts.anywhere(starts.two_layers),
        "depth 3 to 5, a weight": starts.anywhere(starts.several_layers, weight=True),
        "one hidden unit, a weight": starts.anywhere(starts.one_hidden_unit, weight=True),
        "numbers, a weight": starts.anywhere(starts.one_everywhere, weight=True),
        "a layer of zeros": starts.with_a_layer_of_zeros(starts.anywhere(starts.several_layers)),
    },
    controls={
        "equal weights": starts.with_unequal_weights,
        "the flow": starts.by_large_steps,
    },
    not_needed={"λ ≥ 0": "1000 starts with a negative weight, by hand; the proof has no sign"},
    rivals={
        "conserved with weight decay, too": partial(compare_conserved, rate=0.0),
        "the rate is 2λ": partial(compare_conserved, rate=2.0),
        "the rate is 8λ": partial(compare_conserved, rate=8.0),
        "the sum in place of the difference": partial(compare_conserved, sign=1.0),
    },
)
def conserved(case: Start) -> Evidence:
    """Integrate the flow; compare the differences of Gram matrices with ``e^{−4λt}`` times the first."""
    return compare_conserved(case)


def compare_drift(
    case: Start, power: float = 2.0, factor: float = 1.0, sign: float = -1.0
) -> Evidence:
    """Take one step with the differentiated gradient; compare the change with its formula."""
    slope, step = case.slope, case.step
    moved = [factor - step * g for factor, g in zip(case.factors, slope, strict=True)]
    formula = [factor * step**power * change for change in differences(slope, sign)]
    rows = zip(differences(moved), differences(case.factors), formula, strict=True)
    error = max(float(np.linalg.norm(after - before - change)) for after, before, change in rows)
    point = Point(case.problem, case.factors, squared_error(case.problem), flatten(case.factors))
    pairs = zip(case.factors, slope, strict=True)
    size = max(float(np.linalg.norm(w)) + step * float(np.linalg.norm(g)) for w, g in pairs)
    widest = max(case.problem.widths)
    # Products of the moved factors, and the terms of first order, which cancel up to the gradient's rounding.
    rounding = 8 * widest * EPS * size**2
    return Evidence(error, rounding + 4 * step * size * widest * entry_rounding(point))


@claim(
    "prop-drift",
    "What a step changes",
    source="du2018balanced",
    status="derived",
    cases={
        "depth 2, a small step": starts.with_a_step(starts.anywhere(starts.two_layers), -3, -2),
        "depth 3 to 5": starts.with_a_step(starts.anywhere(starts.several_layers), -2, -1),
        "one hidden unit": starts.with_a_step(starts.anywhere(starts.one_hidden_unit), -2, -1),
        "numbers, a large step": starts.with_a_step(starts.anywhere(starts.one_everywhere), 0, 1),
        "a layer of zeros": starts.with_a_step(
            starts.with_a_layer_of_zeros(starts.anywhere(starts.several_layers)), -2, -1
        ),
    },
    controls={
        "no regularization": starts.with_a_step(
            starts.anywhere(starts.several_layers, weight=True), -2, -1
        ),
        "the step follows the gradient": starts.by_signs(
            starts.with_a_step(starts.anywhere(starts.several_layers), -2, -1)
        ),
    },
    rivals={
        "nothing changes": partial(compare_drift, factor=0.0),
        "of first order in the step": partial(compare_drift, power=1.0),
        "half as much": partial(compare_drift, factor=0.5),
        "with the other sign": partial(compare_drift, factor=-1.0),
        "the sum in place of the difference": partial(compare_drift, sign=1.0),
    },
)
def drift(case: Start) -> Evidence:
    """Take one step with the differentiated gradient; compare the change with its formula."""
    return compare_drift(case)


def compare_end(case: Start, predicted: float, error: float) -> Evidence:
    """Compare the dense sharpness at zero loss with a prediction, of which an error is known."""
    target = float(np.linalg.norm(case.problem.target))
    near = 1e-6 * (target or 1.0)
    if case.run.status != "converged" or not case.misfit <= near:
        return Evidence(np.inf, 1.0)  # no zero loss
    rounding = 8 * case.problem.size * EPS * case.end_sharpness
    return Evidence(abs(case.end_sharpness - predicted), error + rounding)


def compare_flat(case: Start, formula: Callable[[Array, int], float] = flat_sharpness) -> Evidence:
    """Compare the sharpness at the end of the run with the least one, or with a rival's value."""
    target, depth = case.problem.target, case.problem.depth
    norm = float(np.linalg.norm(target, 2))
    # The least sharpness of the end's product, and what imbalance within the integrator's error adds.
    relative = 2 * case.misfit / norm + depth**2 * case.deviation / norm ** (2 / depth)
    return compare_end(case, formula(target, depth), relative * flat_sharpness(target, depth))


def unchanged(case: Start) -> Evidence:
    """The rival that the start has the sharpness of the end."""
    start = Start(case.problem, case.factors)
    least = flat_sharpness(start.problem.target, start.problem.depth)
    return compare_end(case, sharpness(case.factors), 1e-9 * least)


def compare_trace(case: Start) -> Evidence:
    """The rival that the end has the least trace of the Hessian, too."""
    least = flattest_trace(case.problem.target, case.problem.depth)
    found = float(hessian_trace(case.problem, case.run.factors))
    return Evidence(abs(found - least), 1e-6 * least)


def in_frobenius_norm(target: Array, depth: int) -> float:
    """``2 L ‖M‖_F^{2−2/L}``."""
    return 2 * depth * float(np.linalg.norm(target)) ** (2 - 2 / depth)


def changed_power(target: Array, depth: int) -> float:
    """``2 L σ_1^{2−1/L}``."""
    return 2 * depth * float(np.linalg.norm(target, 2)) ** (2 - 1 / depth)


@claim(
    "cor-balanced-start",
    "From a balanced start to a flat minimum",
    source="mulayoff2020unique",
    status="derived",
    cases={
        "depth 2": starts.balanced(2),
        "depth 3": starts.balanced(3),
        "depth 4": starts.balanced(4),
        "two equal singular values": starts.balanced_repeated,
        "a target of low rank, a narrow layer": starts.balanced_of_low_rank,
        "from the identity": starts.from_identity,
    },
    controls={
        "the start is balanced": starts.unbalanced,
        "no regularization": starts.balanced_penalized,
        "the flow": starts.balanced_by_large_steps,
        "it reaches zero loss": partial(starts.from_identity, sign=-1.0),
    },
    not_needed={"M ≠ 0": "balanced factors of zero all vanish, and the Hessian with them"},
    rivals={
        "the sharpness is that of the start": unchanged,
        "the Frobenius norm of the target": partial(compare_flat, formula=in_frobenius_norm),
        "the target has the power 2−1/L": partial(compare_flat, formula=changed_power),
        "half the least sharpness": partial(
            compare_flat, formula=lambda target, depth: flat_sharpness(target, depth) / 2
        ),
        "the least trace, too": compare_trace,
    },
)
def flat_from_balance(case: Start) -> Evidence:
    """Integrate the flow to zero loss; compare the dense Hessian there with the least sharpness."""
    return compare_flat(case)


def compare_vectors(
    case: Start, predict: Callable[[list[Array], float], float] = predicted_sharpness
) -> Evidence:
    """Compare the dense sharpness at zero loss with what the start predicts."""
    number = float(np.linalg.norm(case.problem.target, 2))
    size = np.linalg.norm(differences(case.factors)[0])
    # 4 (2 ‖D‖² − (tr D)² + 4 m²) is the square of the sharpness, tr D at most √2 ‖D‖, and the difference of two
    # roots that of the squares over the roots' sum, which is at least one of them.
    slack = 4 * (8 * size * case.deviation + 8 * (number + case.misfit) * case.misfit)
    return compare_end(case, predict(case.factors, number), float(slack) / case.end_sharpness)


@claim(
    "thm-two-vectors",
    "The sharpness that the flow finds for a factored number",
    source="kreisler2023gradient",
    status="derived",
    cases={
        "two numbers": partial(starts.two_vectors, width=1),
        "two vectors": starts.two_vectors,
        "a product of the other sign": partial(starts.two_vectors, sign=-1.0),
        "the number is zero": starts.two_vectors_to_zero,
    },
    controls={
        "two layers": partial(starts.with_sides, depth=3, inputs=1, outputs=1),
        "one input": partial(starts.with_sides, depth=2, inputs=3, outputs=1),
        "one output": partial(starts.with_sides, depth=2, inputs=1, outputs=3),
        "no regularization": starts.two_vectors_penalized,
        "the flow": starts.two_vectors_by_large_steps,
        "it reaches zero loss": starts.two_opposite_vectors,
    },
    rivals={
        "without the trace, the norm once": partial(
            compare_vectors, predict=partial(predicted_sharpness, square=1.0, trace=0.0)
        ),
        "the trace alone": partial(
            compare_vectors, predict=partial(predicted_sharpness, square=0.0, trace=-1.0)
        ),
        "without the trace": partial(
            compare_vectors, predict=partial(predicted_sharpness, trace=0.0)
        ),
        "2m² in place of 4m²": partial(
            compare_vectors, predict=partial(predicted_sharpness, target=2.0)
        ),
        "half of it": partial(compare_vectors, predict=lambda w, m: predicted_sharpness(w, m) / 2),
        "the least sharpness, always": partial(compare_vectors, predict=lambda w, m: 4 * m),
    },
)
def sharpness_of_the_end(case: Start) -> Evidence:
    """Integrate the flow to zero loss; compare the dense Hessian there with the start's prediction."""
    return compare_vectors(case)


def relative_prediction(case: Start) -> float:
    """Sharpness that the start predicts, over the least sharpness of the target."""
    target = case.problem.target
    return predicted_sharpness(case.factors, target[0, 0]) / flat_sharpness(target, 2)


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
