"""Losses of sensing problems against automatic differentiation; runs in stacks; noise."""

import copy
import pickle
from itertools import pairwise

import autograd
import autograd.numpy as anp
import joblib
import numpy as np
import pytest

import dmfbook as dmf

RNG = np.random.default_rng(0)
OPERATOR = dmf.gaussian_sensing((4, 3), 7, RNG)
ENTRIES = dmf.entry_sampling((4, 3), 7, RNG)
SQUARE = dmf.gaussian_sensing((4, 4), 9, RNG)  # its measurement matrices are not symmetric
VALUES = RNG.normal(size=7)


@pytest.mark.parametrize("widths", [(3, 4), (3, 5, 4), (3, 2, 5, 4)], ids=str)
@pytest.mark.parametrize("operator", [OPERATOR, ENTRIES], ids=["gaussian", "entries"])
def test_deep_loss_and_gradient(operator, widths):
    rng = np.random.default_rng(1)
    rows = operator @ np.eye(12)

    def loss(*layers):
        product = layers[0]
        for layer in layers[1:]:
            product = anp.dot(layer, product)
        return anp.sum((anp.dot(rows, anp.reshape(product.T, -1)) - VALUES) ** 2)

    factors = [rng.normal(size=(after, before)) for before, after in pairwise(widths)]
    problem = dmf.SensingProblem(operator, VALUES)
    assert problem.loss(factors) == pytest.approx(loss(*factors), rel=1e-12)
    for l, block in enumerate(problem.gradient(factors)):
        expected = autograd.grad(loss, l)(*factors)
        np.testing.assert_allclose(block, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_symmetric_loss_and_gradient():
    rng = np.random.default_rng(2)
    rows, values = SQUARE @ np.eye(16), rng.normal(size=9)

    def loss(factor):
        product = anp.dot(factor, factor.T)
        return anp.sum((anp.dot(rows, anp.reshape(product.T, -1)) - values) ** 2) / 4

    factor = rng.normal(size=(4, 6))
    problem = dmf.SymmetricSensingProblem(SQUARE, values)
    assert problem.loss([factor]) == pytest.approx(loss(factor), rel=1e-12)
    (gradient,) = problem.gradient([factor])
    expected = autograd.grad(loss)(factor)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("own_values", [True, False])
def test_runs_of_a_stack_are_independent(own_values):
    rng = np.random.default_rng(3)
    factors = [rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 4, 5))]
    values = rng.normal(size=(2, 7)) if own_values else VALUES
    problem = dmf.SensingProblem(OPERATOR, values)
    alone = [
        dmf.SensingProblem(OPERATOR, values[run] if own_values else values) for run in range(2)
    ]
    single = [[factor[run] for factor in factors] for run in range(2)]
    losses = [one.loss(point) for one, point in zip(alone, single, strict=True)]
    assert problem.loss(factors) == pytest.approx(sum(losses))
    gradient = problem.gradient(factors)
    for run in range(2):
        for block, expected in zip(gradient, alone[run].gradient(single[run]), strict=True):
            np.testing.assert_allclose(block[run], expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(problem.end_to_end(factors)[1], single[1][1] @ single[1][0])


def test_runs_of_a_symmetric_stack_are_independent():
    factors = np.random.default_rng(4).normal(size=(3, 4, 2))
    problem = dmf.SymmetricSensingProblem(SQUARE, np.arange(9.0))
    (gradient,) = problem.gradient([factors])
    for run in range(3):
        np.testing.assert_allclose(
            gradient[run], problem.gradient([factors[run]])[0], rtol=0, atol=1e-12
        )
    assert problem.loss([factors]) == pytest.approx(sum(problem.loss([f]) for f in factors))


def test_gradient_descent_recovers_a_matrix_from_a_small_start():
    rng = np.random.default_rng(5)
    basis = np.linalg.qr(rng.normal(size=(8, 1)))[0]
    operator = dmf.symmetric_gaussian_sensing(8, 30, rng)
    problem = dmf.SymmetricSensingProblem(operator, operator.forward(basis @ basis.T))
    start = 1e-4 * rng.normal(size=(2, 8, 8))
    run = dmf.gradient_descent(problem, [start], 0.2, 400)
    products = run.factors[0] @ run.factors[0].mT
    assert np.linalg.norm(products - basis @ basis.T, axis=(1, 2)).max() < 1e-2
    assert run.loss == pytest.approx(problem.loss(run.factors))


def test_losses_beyond_float64_are_infinite():
    huge = 2.0**600
    assert PROBLEM.loss([np.full((5, 3), huge), np.full((4, 5), huge)]) == np.inf
    assert SYMMETRIC.loss([np.full((4, 2), huge)]) == np.inf
    for call in (
        lambda: PROBLEM.end_to_end([np.full((5, 3), huge), np.full((4, 5), huge)]),
        lambda: PROBLEM.gradient([np.full((5, 3), huge), np.full((4, 5), huge)]),
        lambda: SYMMETRIC.gradient([np.full((4, 2), huge)]),
    ):
        with pytest.raises(OverflowError, match="beyond the range of float64"):
            call()


def test_problems_survive_pickle_and_stay_read_only():
    problem = dmf.SensingProblem(OPERATOR, VALUES)
    factors = {problem: [np.ones((4, 3))], SYMMETRIC: [np.ones((4, 2))]}
    for one, point in factors.items():
        before, slope = joblib.hash(one), one.gradient(point)[0]
        one.loss(point)
        for other in (one, pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            np.testing.assert_array_equal(other.gradient(point)[0], slope)
            assert joblib.hash(other) == before and not other.measurements.flags.writeable
    assert repr(SYMMETRIC) == "SymmetricSensingProblem(9 measurements of 4 × 4 matrices)"


def test_measurements_are_copied_and_frozen():
    values = VALUES.copy()
    problem = dmf.SensingProblem(OPERATOR, values)
    values[:] = 7
    np.testing.assert_array_equal(problem.measurements, VALUES)
    with pytest.raises(ValueError, match="read-only"):
        problem.measurements[0] = 7


PROBLEM = dmf.SensingProblem(OPERATOR, VALUES)
STACKED = dmf.SensingProblem(OPERATOR, np.ones((2, 7)))
SYMMETRIC = dmf.SymmetricSensingProblem(SQUARE, np.ones(9))
BAD = {
    "short": (lambda: dmf.SensingProblem(OPERATOR, VALUES[1:]), r"must have shape \(7,\)"),
    "NaN": (lambda: dmf.SensingProblem(OPERATOR, VALUES * np.nan), "measurements must be finite"),
    "rectangle": (lambda: dmf.SymmetricSensingProblem(OPERATOR, VALUES), "must measure square"),
    "none": (lambda: PROBLEM.loss([]), "at least 1 matrix"),
    "product": (lambda: PROBLEM.loss([np.ones((3, 4))]), r"product of shape \(4, 3\)"),
    "chain": (lambda: PROBLEM.gradient([np.ones((5, 3)), np.ones((4, 6))]), "with a product"),
    "vector": (lambda: PROBLEM.loss([np.ones(3)]), "factors must be matrices"),
    "runs": (lambda: PROBLEM.loss([np.ones((2, 5, 3)), np.ones((3, 4, 5))]), "equally long"),
    "run": (lambda: STACKED.loss([np.ones((3, 4, 3))]), r"leading axes \(2,\), one run"),
    "entries": (lambda: PROBLEM.loss([np.full((4, 3), np.inf)]), r"factors\[0\] must be finite"),
    "two": (lambda: SYMMETRIC.loss([np.ones((4, 2))] * 2), "must hold 1 matrix, got 2"),
    "rows": (lambda: SYMMETRIC.loss([np.ones((3, 2))]), "must have 4 rows"),
}


@pytest.mark.parametrize("call, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


WRONG = {
    "array": (lambda: dmf.SensingProblem(np.ones((7, 12)), VALUES), "operator must be a Sensing"),
    "scipy": (
        lambda: dmf.SensingProblem(OPERATOR.H, VALUES),
        "operator must be a SensingOperator, got _Adjoint.*dmfbook.sensing_operator",
    ),
    "square array": (lambda: dmf.SymmetricSensingProblem(np.eye(4), VALUES), "operator must be a"),
    "no list": (lambda: PROBLEM.loss(5), "factors must be a sequence"),
    "one number": (lambda: SYMMETRIC.gradient(5), "factors must be a sequence"),
    "hessian": (lambda: dmf.hessian(PROBLEM, [np.ones((4, 3))]), "problem must be a dmfbook.Prob"),
    "minimizer": (lambda: dmf.global_minimizer(PROBLEM), "problem must be a dmfbook.Problem"),
}


@pytest.mark.parametrize("call, message", WRONG.values(), ids=WRONG)
def test_arguments_of_the_wrong_kind_are_refused(call, message):
    with pytest.raises(TypeError, match=message):
        call()
