"""Claims of the chapter *From a matrix to a network*; the oracles see the samples, one by one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks import two_inputs
from dmfbook.claims.cases.linear_networks.networks import (
    NETWORKS,
    WITHOUT_DECAY,
    NetworkCase,
    other_misfit,
    rectified,
    with_decay,
    with_dependent_inputs,
)
from dmfbook.claims.cases.linear_networks.training_loops import (
    LoopCase,
    decoupled,
    in_batches,
    loop,
    with_biases,
)
from dmfbook.claims.cases.linear_networks.two_inputs import TwoInputsCase
from dmfbook.claims.cases.linear_networks.whitened import correlated, white
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles.training_loop import REDUCTIONS
from dmfbook.claims.statements.linear_networks.moments import Moments, moments_of
from dmfbook.claims.statements.linear_networks.white import COMPARED, WhitenedCase
from dmfbook.network.factors import flatten, partial_products
from dmfbook.network.hessian import hessian, hessian_trace
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem
from dmfbook.training.descent import gradient_descent

EPS = float(np.finfo(float).eps)


def size_of(case: NetworkCase) -> float:
    """Size of what is added up: products of the layers' norms, the samples, and the weights."""
    norms = [max(1.0, float(np.linalg.norm(factor))) for factor in case.factors]
    reach = float(np.prod(norms)) * float(np.linalg.norm(case.data.inputs))
    fit = reach * (reach + float(np.linalg.norm(case.data.outputs)))
    return fit + float(np.linalg.norm(case.data.outputs)) ** 2 + 2 * max(case.data.reg) * max(norms)


def rounding(case: NetworkCase) -> float:
    """Bound on rounding errors, with those of ``M̃``, which a pseudo-inverse magnifies by a condition number."""
    values = np.linalg.svd(case.data.inputs, compute_uv=False)
    condition = values[0] / values[values > 1e-9 * values[0]][-1]
    return 16 * case.data.problem.size * EPS * float(condition) * size_of(case)


def compare_samples(case: NetworkCase, constant: bool = True, **changed: bool) -> Evidence:
    """Compare the loss on all samples with that on the columns of Q, with outputs ``M̃``, and a constant."""
    data = case.data
    moments = moments_of(data.inputs, data.outputs, data.rng, **changed)
    few = case.misfit_on(moments.root, moments.target)
    every = case.misfit_on(data.inputs, data.outputs)
    return Evidence(abs(float(few + constant * moments.rest - every)), rounding(case))


@claim(
    "thm-second-moments",
    "Second moments are all that matters",
    source="this book",
    status="derived",
    cases=NETWORKS,
    controls={"the squared error": other_misfit, "a linear network": rectified},
    rivals={
        "no constant": partial(compare_samples, constant=False),
        "covariances: the means are taken off": partial(compare_samples, centred=True),
        "the outputs of the few samples are the cross moments": partial(
            compare_samples, crossed=True
        ),
        "S in place of its root": partial(compare_samples, squared=True),
    },
)
def second_moments(case: NetworkCase) -> Evidence:
    """Compare the loss on all samples with that on as many as S has ranks, and with the package's."""
    data, factors = case.data, case.factors
    package = data.loss.value(np.linalg.multi_dot([*factors[::-1], np.eye(len(data.inputs))]))
    every = case.misfit_on(data.inputs, data.outputs)
    return worst([compare_samples(case), Evidence(abs(float(package - every)), rounding(case))])


def as_a_layer(
    case: NetworkCase, moments: Moments, penalty: float = 1.0
) -> tuple[Problem, list[Array]]:
    """The factorization problem of ``M̃``, one layer deeper, and its factors: Q and then those of the network."""
    weights = [0.0, *(penalty * reg for reg in case.data.reg)]
    problem = Problem(moments.target, case.data.problem.widths[:-1], weights)
    return problem, [moments.root, *case.factors]


def as_if_white(case: NetworkCase) -> Moments:
    """White inputs, with the matrix that fits best as the target."""
    moments = moments_of(case.data.inputs, case.data.outputs, case.data.rng)
    best = moments.target @ np.linalg.pinv(moments.root)
    return Moments(np.eye(len(moments.root)), best, moments.rest)


def compare_layer(
    case: NetworkCase, white: bool = False, penalty: float = 1.0, **changed: bool
) -> Evidence:
    """Compare gradient and Hessian of the deeper problem, without what belongs to Q, with the differentiated ones."""
    data = case.data
    moments = (
        as_if_white(case) if white else moments_of(data.inputs, data.outputs, data.rng, **changed)
    )
    problem, factors = as_a_layer(case, moments, penalty)
    first = factors[0].size
    slope = flatten(problem.gradient(factors))[first:]
    curvature = hessian(problem, factors)[first:, first:]
    gap = max(np.abs(slope - case.slope).max(), np.abs(curvature - case.curvature).max())
    return Evidence(float(gap), rounding(case))


def compare_trace(case: NetworkCase) -> Evidence:
    """Compare the trace's formula with the trace of the differentiated Hessian."""
    moments = moments_of(case.data.inputs, case.data.outputs, case.data.rng)
    left, right = partial_products(case.factors)
    terms = [
        np.linalg.norm(a) ** 2 * np.linalg.norm(b @ moments.root) ** 2 + reg * w.size
        for a, b, reg, w in zip(left, right, case.data.reg, case.factors, strict=True)
    ]
    return Evidence(
        abs(float(2 * sum(terms) - np.trace(case.curvature))), case.vector.size * rounding(case)
    )


@claim(
    "thm-input-layer",
    "The inputs are one more layer, which does not learn",
    source="this book",
    status="derived",
    cases=NETWORKS,
    controls={"the squared error": other_misfit, "a linear network": rectified},
    rivals={
        "white inputs, and the matrix that fits best as target": partial(compare_layer, white=True),
        "S in place of its root": partial(compare_layer, squared=True),
        "the target is the cross moment": partial(compare_layer, crossed=True),
        "the penalty counts twice": partial(compare_layer, penalty=2.0),
    },
)
def input_layer(case: NetworkCase) -> Evidence:
    """Compare the deeper problem's derivatives, the trace and the package's with differentiation of the samples."""
    problem = case.data.problem
    package = max(
        np.abs(flatten(problem.gradient(case.factors)) - case.slope).max(),
        np.abs(hessian(problem, case.factors) - case.curvature).max(),
        abs(hessian_trace(problem, case.factors) - np.trace(case.curvature)) / problem.size,
    )
    return worst(
        [compare_layer(case), compare_trace(case), Evidence(float(package), rounding(case))]
    )


def symmetric_root(moment: Array) -> Array:
    """The root of a second moment that is symmetric itself, not of full rank unless the moment is."""
    values, vectors = np.linalg.eigh(moment)
    kept = np.sqrt(np.where(values > 1e-12 * values[-1], values, 0.0))
    return np.asarray((vectors * kept) @ vectors.T)


def compare_whitened(
    case: NetworkCase, low: bool = True, high: bool = True, rigid: bool = False
) -> Evidence:
    """Compare slopes, signs and sizes of the eigenvalues with those of the problem on white inputs.

    Rivals leave the 1 out of one of the bounds, or have no bounds at all.
    """
    data, factors = case.data, case.factors
    root = symmetric_root(data.inputs @ data.inputs.T)
    moments = np.linalg.eigvalsh(root) ** 2
    target = data.outputs @ data.inputs.T @ np.linalg.pinv(root)
    white = Problem(target, data.hidden_widths)
    moved = [factors[0] @ root, *factors[1:]]
    first, *others = white.gradient(moved)
    slope = np.abs(flatten([first @ root, *others]) - case.slope).max()
    there = np.asarray(np.linalg.eigvalsh(hessian(white, moved)), dtype=np.float64)
    here = np.asarray(np.linalg.eigvalsh(case.curvature), dtype=np.float64)
    bounds = sorted(
        [min(moments[0], 1.0 if low else np.inf), max(moments[-1], 1.0 if high else 0.0)]
    )
    if rigid:
        bounds = [1.0, 1.0]
    ends = np.sort([bound * there for bound in bounds], axis=0)
    beyond = float(np.maximum(ends[0] - here, here - ends[1]).max())
    return worst(
        [
            Evidence(float(slope), rounding(case)),
            Evidence(max(beyond, 0.0), len(here) * rounding(case)),
            Evidence(float(np.abs(signs(here) - signs(there)).sum()), 0.5),
        ]
    )


def signs(values: Array) -> Array:
    """Numbers of negative, vanishing and positive eigenvalues."""
    rounded = np.where(np.abs(values) < 1e-10 * np.abs(values).max(), 0.0, values)
    return np.array([np.sum(np.sign(rounded) == sign) for sign in (-1, 0, 1)])


@claim(
    "prop-whitening",
    "White inputs keep what is critical, and its kind",
    source="this book",
    status="derived",
    cases=WITHOUT_DECAY,
    controls={"no weight decay": with_decay, "independent inputs": with_dependent_inputs},
    rivals={
        "all eigenvalues stay": partial(compare_whitened, rigid=True),
        "none grows by less than the least moment": partial(compare_whitened, low=False),
        "none grows by more than the largest moment": partial(compare_whitened, high=False),
    },
)
def whitening(case: NetworkCase) -> Evidence:
    """Compare slopes, signs and sizes of the eigenvalues with those of the problem on white inputs."""
    return compare_whitened(case)


def compare_valleys(
    case: TwoInputsCase, prices: float = 1.0, moments: bool = True, one: bool = False
) -> Evidence:
    """Compare the losses of all minimizers found with those of both directions, or with the least of them."""
    gains = (np.array(case.crosses) - prices * case.mean_reg) ** 2
    gains[1] /= case.second if moments else 1.0
    formula = case.at_zero - np.sort(gains)[::-1][: 1 if one else 2]
    if len(formula) != len(case.losses):
        return Evidence(np.inf, 1e-9)
    gap = float(np.abs(formula - case.losses).max())
    return Evidence(gap, 1e-9 * case.at_zero)


@claim(
    "prop-spurious",
    "Unequal moments make minimizers that are not global",
    source="this book",
    status="new",
    cases={"unequal weights": two_inputs.between},
    controls={
        "weight decay": two_inputs.without_decay,
        "unequal moments": two_inputs.white,
        "a bottleneck": two_inputs.two_units,
        "the lower bound on the second cross moment": two_inputs.below,
        "the upper bound on the second cross moment": two_inputs.above,
    },
    rivals={
        "every local minimizer is global": partial(compare_valleys, one=True),
        "weight decay is paid twice": partial(compare_valleys, prices=2.0),
        "the second moment does not enter the loss": partial(compare_valleys, moments=False),
    },
)
def spurious_minimizers(case: TwoInputsCase) -> Evidence:
    """Compare the losses of all minimizers found with those of both directions."""
    return compare_valleys(case)


def compare_white(
    case: WhitenedCase, weight: bool = True, moment: bool = True, hessian: bool = True
) -> Evidence:
    """Compare what a theorem says of the factorization problem with the network.

    Rivals leave the weight as it is, take the cross moment for the target, or do not scale the Hessian.
    """
    white = case.white
    if not weight:
        white = replace(white, reg=case.reg)
    if not moment:
        white = replace(white, target=white.target * white.scale)
    if not hessian:
        white = replace(white, scale=1.0)
    return COMPARED[case.statement](case, white)


def any_statement(rng: np.random.Generator) -> WhitenedCase:
    """Correlated inputs, on which one of the statements is compared."""
    return correlated(rng, str(rng.choice(list(COMPARED))))


@claim(
    "cor-white-inputs",
    "On white inputs a network is a factorization",
    source="this book",
    status="derived",
    cases={f"{label}": partial(white, statement=label) for label in COMPARED},
    controls={"white inputs": any_statement},
    rivals={
        "the weights stay as they are": partial(compare_white, weight=False),
        "the target is the cross moment": partial(compare_white, moment=False),
        "the Hessian stays as it is": partial(compare_white, hessian=False),
    },
)
def white_inputs(case: WhitenedCase) -> Evidence:
    """Compare what five theorems say of the factorization problem with the network."""
    return compare_white(case)


def translated(
    case: LoopCase, decay: float = 0.5, rate: bool = True, divided: bool = True
) -> Array:
    """Where the book's objective goes by the dictionary, row-major; rivals change an entry of it."""
    settings, a = case.settings, case.factor
    weight = decay * settings.weight_decay / (a if divided else 1.0)
    loss = Regression(case.inputs.T, case.outputs.T)
    problem = Problem(loss, [len(layer) for layer in case.start[:-1]], weight)
    step = settings.learning_rate * (a if rate else 1.0)
    run = gradient_descent(problem, case.start, step, settings.steps, momentum=settings.momentum)
    return flatten(run.factors, order="C")


def compare_loops(case: LoopCase, rows: bool = True, **changed: Any) -> Evidence:
    """Compare the parameters after training, in the order of the library's memory, with the book's descent."""
    there = np.concatenate([layer.ravel() if rows else layer.T.ravel() for layer in case.trained])
    gap = float(np.abs(translated(case, **changed) - there).max())
    # No step is long enough for rounding errors to grow much.
    return Evidence(gap, 16 * case.settings.steps * EPS * float(np.abs(there).max()))


@claim(
    "prop-dictionary",
    "From a library's settings to the book's symbols",
    source="this book",
    status="derived",
    cases={reduction: partial(loop, reduction=reduction) for reduction in REDUCTIONS},
    controls={
        "no biases": with_biases,
        "all samples in each step": in_batches,
        "weight decay is part of the gradient": decoupled,
    },
    rivals={
        "λ = μ / a": partial(compare_loops, decay=1.0),
        "λ = μ / 2": partial(compare_loops, divided=False),
        "the step stays as it is": partial(compare_loops, rate=False),
        "column by column": partial(compare_loops, rows=False),
    },
)
def dictionary(case: LoopCase) -> Evidence:
    """Compare the parameters after a library's training loop with the book's gradient descent."""
    return compare_loops(case)
