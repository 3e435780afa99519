"""Losses of the end-to-end matrix: each against automatic differentiation of its definition, written again."""

import copy
import pickle

import autograd
import numpy as np
import pytest
from loss_cases import INPUTS, LOSSES, OPERATOR, OUTPUTS, SEEN, TARGET, WIDTHS, LogCosh
from strategies import EPS, stacked_objective

import dmfbook as dmf
from dmfbook.network.gradient import Gradient
from dmfbook.network.losses.curvature import curvature_trace
from dmfbook.network.losses.moments import input_factor, input_root, moment_factor

every_loss = pytest.mark.parametrize(("loss", "definition"), LOSSES.values(), ids=LOSSES)


@every_loss
def test_a_loss_agrees_with_its_definition(loss, definition):
    X, Z = np.random.default_rng(1).standard_normal((2, 2, 4))
    assert loss.shape == (2, 4)
    assert float(loss.value(X)) == pytest.approx(definition(X), rel=200 * EPS)
    np.testing.assert_allclose(loss.gradient(X), autograd.grad(definition)(X), atol=1e3 * EPS)
    expected = autograd.hessian_vector_product(definition)(X, Z)
    np.testing.assert_allclose(loss.curvature(X, Z), expected, atol=1e3 * EPS)


@every_loss
def test_a_loss_takes_stacks(loss, definition):
    X, Z = np.random.default_rng(2).standard_normal((2, 3, 5, 2, 4))
    for name, arguments in (("value", [X]), ("gradient", [X]), ("curvature", [X, Z])):
        found = getattr(loss, name)(*arguments)
        for i in np.ndindex(3, 5):
            alone = getattr(loss, name)(*(argument[i] for argument in arguments))
            np.testing.assert_allclose(found[i], alone, rtol=0, atol=1e3 * EPS)
    # One point, many directions: leading axes broadcast.
    np.testing.assert_allclose(
        loss.curvature(X[0, 0], Z)[2, 3], loss.curvature(X[0, 0], Z[2, 3]), rtol=0, atol=1e3 * EPS
    )


@every_loss
def test_all_derivatives_of_the_objective(loss, definition):
    problem = dmf.Problem(loss, WIDTHS[1:-1], reg=(0.1, 0.2, 0.3, 0.4))
    rng = np.random.default_rng(3)
    factors = [rng.standard_normal(s) / 1.5 for s in zip(WIDTHS[1:], WIDTHS, strict=False)]
    vector, objective = dmf.flatten(factors), stacked_objective(problem, definition)
    assert problem.loss(factors) == pytest.approx(objective(vector), rel=1e3 * EPS)
    gradient = dmf.flatten(problem.gradient(factors))
    np.testing.assert_allclose(gradient, autograd.grad(objective)(vector), atol=1e4 * EPS)
    hessian = dmf.hessian(problem, factors)
    np.testing.assert_array_equal(hessian, hessian.T)
    np.testing.assert_allclose(hessian, autograd.hessian(objective)(vector), atol=1e5 * EPS)
    operator = dmf.hessian_operator(problem, factors)
    np.testing.assert_allclose(operator @ np.eye(problem.size), hessian, atol=1e5 * EPS)
    assert dmf.hessian_trace(problem, factors) == pytest.approx(np.trace(hessian), rel=1e4 * EPS)


@every_loss
@pytest.mark.parametrize("stack", [(), (3,)], ids=str)
def test_one_layer_is_the_matrix_itself(loss, definition, stack):
    X = np.random.default_rng(5).standard_normal((*stack, 2, 4))
    slope = Gradient(loss, [0.25], [X])
    slope()
    np.testing.assert_allclose(slope.blocks, [loss.gradient(X) + X / 2], rtol=0, atol=1e3 * EPS)


@every_loss
def test_runs_of_a_stack_are_independent(loss, definition):
    problem = dmf.Problem(loss, WIDTHS[1:-1], reg=0.1)
    rng = np.random.default_rng(4)
    factors = [rng.standard_normal((2, 3, *s)) / 2 for s in zip(WIDTHS[1:], WIDTHS, strict=False)]
    losses, traces = problem.losses(factors), dmf.hessian_trace(problem, factors)
    gradient = problem.gradient(factors)
    assert problem.loss(factors) == pytest.approx(losses.sum())
    for i in np.ndindex(2, 3):
        alone = [factor[i] for factor in factors]
        assert losses[i] == pytest.approx(problem.loss(alone), rel=1e3 * EPS)
        assert traces[i] == pytest.approx(dmf.hessian_trace(problem, alone), rel=1e3 * EPS)
        for block, expected in zip(gradient, problem.gradient(alone), strict=True):
            np.testing.assert_allclose(block[i], expected, rtol=0, atol=1e4 * EPS)
    run = dmf.gradient_descent(problem, factors, 1e-3, 5)
    alone = dmf.gradient_descent(problem, [factor[1, 2] for factor in factors], 1e-3, 5)
    for stacked, single in zip(run.factors, alone.factors, strict=True):
        np.testing.assert_allclose(stacked[1, 2], single, rtol=0, atol=1e4 * EPS)


@pytest.mark.parametrize("entries", [13, 1])  # two columns at a time, or one as the least
def test_regression_reads_samples_in_blocks(entries, monkeypatch):
    whole = dmf.Regression(INPUTS, OUTPUTS)
    monkeypatch.setattr("dmfbook.network.losses.moments.BLOCK_ENTRIES", entries)
    parts = dmf.Regression(INPUTS.astype(np.float32).astype(float), OUTPUTS)
    np.testing.assert_allclose(parts.second_moment, whole.second_moment, rtol=1e-6)
    np.testing.assert_allclose(
        dmf.Regression(INPUTS, OUTPUTS).cross_moment, whole.cross_moment, atol=100 * EPS
    )
    bad = INPUTS.copy()
    bad[1, 7] = np.nan
    with pytest.raises(ValueError, match="inputs must be finite"):
        dmf.Regression(bad, OUTPUTS)


def test_blocks_of_very_unequal_samples(monkeypatch):
    monkeypatch.setattr("dmfbook.network.losses.moments.BLOCK_ENTRIES", 1)
    factor = input_factor([[2.0**-600, 1.0, 0.0], [0.0, 0.0, 2.0**10]], 2)
    np.testing.assert_array_equal(abs(factor.vectors), [[0, 1], [1, 0]])
    np.testing.assert_array_equal(np.ldexp(factor.roots, factor.exponent), [2.0**10, 1.0])


@pytest.mark.parametrize("power", [-900, 0, 900])
def test_roots_of_a_moment_are_of_order_one(power):
    factor = moment_factor(np.ldexp(np.diag([1.0, 4.0]), power))
    assert 0.5 <= factor.roots[0] <= 2.0
    expected = np.ldexp([2.0, 1.0], power // 2)
    np.testing.assert_array_equal(np.ldexp(factor.roots, factor.exponent), expected)


@pytest.mark.parametrize("samples", [1, 4])
def test_no_more_samples_than_inputs_are_a_root_themselves(samples):
    root, exponent = input_root(1e10 * INPUTS[:, :samples], 4)
    np.testing.assert_array_equal(np.ldexp(root, exponent), 1e10 * INPUTS[:, :samples])


def test_regression_is_factorization_of_whitened_data():
    loss = dmf.Regression(INPUTS, OUTPUTS, scale=0.5)
    Q, M = loss.input_factor, loss.whitened_target
    np.testing.assert_allclose(Q @ Q.T, 0.5 * INPUTS @ INPUTS.T, atol=100 * EPS)
    np.testing.assert_allclose(M @ Q.T, 0.5 * OUTPUTS @ INPUTS.T, atol=100 * EPS)
    best = np.linalg.lstsq(INPUTS.T, OUTPUTS.T)[0].T
    assert loss.least == pytest.approx(0.5 * np.sum((OUTPUTS - best @ INPUTS) ** 2))
    assert float(loss.value(best)) == pytest.approx(loss.least)


@pytest.mark.parametrize("powers", [(0, 0), (30, -30), (450, -400)], ids=str)
def test_parts_of_whitened_data(powers):
    loss = dmf.Regression(np.ldexp(INPUTS, powers[0]), np.ldexp(OUTPUTS, powers[1]))
    Q = loss.input_factor
    roots, target, (p, q) = loss.whitened_parts()
    for part in (roots, target):
        assert 0.5 <= abs(part).max() < 1
    np.testing.assert_allclose(np.ldexp(loss.input_directions * roots, p), Q, rtol=10 * EPS)
    np.testing.assert_array_equal(np.ldexp(target, q), loss.whitened_target)
    gram = loss.input_directions.T @ loss.input_directions
    np.testing.assert_allclose(gram, np.eye(4), atol=100 * EPS)


@pytest.mark.parametrize(
    ("inputs", "outputs", "size", "expected"),
    [
        (0, 10, 0, (10, 12)),
        (0, 10, 20, (20, 22)),
        (0, None, 0, (0, 2)),
        (0, None, 20, (20, 22)),
        (600, 500, -50, (-50, 552)),
        (600, 500, -150, (-100, 502)),
    ],
)
def test_units_of_a_regression_are_the_larger_size(inputs, outputs, size, expected):
    # Norms of the samples in [2^(e-1), 2^e) have unit e; here e is 2 and the exponent.
    answers = 0.0 if outputs is None else np.ldexp(3.0, outputs)
    loss = dmf.Regression([[np.ldexp(3.0, inputs)]], [[answers]])
    assert loss.units(size) == expected


@pytest.mark.parametrize("powers", [(0, 0), (3, -5), (600, 500)], ids=str)
def test_a_regression_in_units(powers):
    p, q = powers
    plain = dmf.Regression(INPUTS, OUTPUTS)
    x, c = 7 - p, 11 + q
    scaled = dmf.Regression(np.ldexp(INPUTS, p), np.ldexp(OUTPUTS, q)).in_units(x + q, c)
    of_inputs, of_outputs = p + x + q - c, q - c
    for name, power in (
        ("second_moment", 2 * of_inputs),
        ("cross_moment", of_inputs + of_outputs),
        ("least", 2 * of_outputs),
    ):
        expected = np.ldexp(getattr(plain, name), power)
        np.testing.assert_allclose(getattr(scaled, name), expected, rtol=1e3 * EPS)


def test_a_regression_on_blocks_of_very_unequal_samples(monkeypatch):
    inputs = np.ldexp([[1.0, -2.0, 3.0], [2.0, 1.0, 1.0]], [-300, 0, 200])
    outputs = np.ldexp([[3.0, 1.0, -1.0]], [250, -250, 0])
    whole = inputs @ inputs.T, outputs @ inputs.T, np.sum(outputs**2)
    monkeypatch.setattr("dmfbook.network.losses.moments.BLOCK_ENTRIES", 1)
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        loss = dmf.Regression(inputs[:, order], outputs[:, order])
        np.testing.assert_allclose(loss.second_moment, whole[0], rtol=10 * EPS)
        np.testing.assert_allclose(loss.cross_moment, whole[1], rtol=10 * EPS)
        assert loss.least == pytest.approx(whole[2])


@pytest.mark.parametrize("power", [600, -600])
def test_samples_far_apart_do_not_see_each_others_units(power, monkeypatch):
    monkeypatch.setattr("dmfbook.network.losses.moments.BLOCK_ENTRIES", 1)
    inputs, outputs = np.ldexp([[3.0, 1.0]], [power, -power]), np.array([[1.0, 2.0]])
    seen = 0 if power > 0 else 1
    for order in ([0, 1], [1, 0]):
        loss = dmf.Regression(inputs[:, order], outputs[:, order])
        assert abs(loss.input_factor.item()) == pytest.approx(inputs[0, seen])
        assert abs(loss.whitened_target.item()) == pytest.approx(outputs[0, seen])
        assert loss.least == pytest.approx(outputs[0, 1 - seen] ** 2)


def test_outputs_that_vanish_are_fitted():
    loss = dmf.Regression(INPUTS, np.zeros((2, 9)))
    assert loss.least == 0.0 and float(loss.value(np.zeros((2, 4)))) == 0.0


@pytest.mark.parametrize("power", [-400, -100, 100, 400])
def test_a_regression_scales(power):
    X = np.random.default_rng(5).standard_normal((2, 4))
    loss, s = dmf.Regression(INPUTS, OUTPUTS), 2.0**power
    scaled = dmf.Regression(s * INPUTS, s * OUTPUTS)
    assert float(scaled.value(X)) == float(loss.value(X)) * s * s
    np.testing.assert_array_equal(scaled.gradient(X), loss.gradient(X) * s * s)


def test_constant_inputs_and_a_single_sample_are_data_too():
    for inputs in (np.zeros((4, 9)), np.ones((4, 9)), INPUTS[:, :1]):
        outputs = OUTPUTS[:, : inputs.shape[1]]
        loss = dmf.Regression(inputs, outputs)
        best = outputs @ np.linalg.pinv(inputs)
        assert loss.least == pytest.approx(np.sum((outputs - best @ inputs) ** 2), abs=1e-12)
        assert loss.input_factor.shape == (4, np.linalg.matrix_rank(inputs))


@every_loss
def test_losses_survive_pickle_and_stay_read_only(loss, definition):
    if isinstance(loss, LogCosh):
        return  # what a reader's own class does is the reader's
    X = np.random.default_rng(6).standard_normal((2, 4))
    for other in (pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss)):
        np.testing.assert_array_equal(other.gradient(X), loss.gradient(X))
        for name in ("target", "second_moment", "cross_moment", "input_factor", "measurements"):
            if hasattr(other, name):
                assert not getattr(other, name).flags.writeable


BAD = {
    "columns": (lambda: dmf.Regression(INPUTS, OUTPUTS[:, :8]), ValueError, "equally many columns"),
    "vector": (lambda: dmf.Regression(INPUTS[0], OUTPUTS), ValueError, "inputs must be a matrix"),
    "complex": (lambda: dmf.Regression(INPUTS * 1j, OUTPUTS), TypeError, "inputs must hold real"),
    "scale": (lambda: dmf.Regression(INPUTS, OUTPUTS, 0.0), ValueError, "scale must be positive"),
    "no scale": (lambda: dmf.Regression(INPUTS, OUTPUTS, None), TypeError, "scale must be a"),
    "too large": (
        lambda: dmf.Regression(INPUTS * 1e200, OUTPUTS).second_moment,
        OverflowError,
        "the second moment is beyond the range of float64",
    ),
    "no operator": (lambda: dmf.Sensing(np.eye(4), [1.0]), TypeError, "operator must be a Sensing"),
    "half a loss": (lambda: dmf.Problem(Half(), (3,)), TypeError, "without value, curvature"),
    "wrong shape": (lambda: dmf.Problem(Crooked(), (3,)), ValueError, "gradient must have shape"),
    "not a problem": (
        lambda: dmf.hessian(dmf.SensingProblem(OPERATOR, SEEN), [TARGET, TARGET]),
        TypeError,
        "problem must be a dmfbook.Problem, got SensingProblem",
    ),
    "no closed form": (
        lambda: dmf.global_minimizer(dmf.Problem(dmf.Regression(INPUTS, OUTPUTS), (3,), 0.1)),
        TypeError,
        "needs a factorization problem",
    ),
}


@every_loss
def test_traces_of_a_stack_are_those_of_its_points(loss, definition):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((3, 5, 2, 4))
    left, right = (a + a.mT for a in (rng.standard_normal((3, 5, d, d)) for d in (2, 4)))
    found = curvature_trace(loss, X, left, right)
    assert found.shape == (3, 5)
    for i in np.ndindex(3, 5):
        alone = curvature_trace(loss, X[i], left[i], right[i])
        assert np.shape(alone) == () and found[i] == pytest.approx(alone, rel=1e3 * EPS, abs=1e-12)


def test_units_of_a_factorization_are_the_larger_size():
    loss, none = dmf.Factorization([[8.0, -1.0]]), dmf.Factorization([[0.0, 0.0]])
    assert [loss.units(2), loss.units(7), none.units(2)] == [(4, 4), (7, 7), (2, 2)]
    np.testing.assert_array_equal(loss.in_units(4, 4).target, [[0.5, -0.0625]])


class Square:
    value = gradient = curvature = staticmethod(lambda X, Z=None: 2 * (X if Z is None else Z))

    def __init__(self, shape):
        self.shape = shape


def test_a_loss_may_have_one_row_and_one_column_but_not_none():
    assert dmf.Problem(Square((1, 1)), (3,)).widths == (1, 3, 1)
    for shape in ((0, 2), (2, 0)):
        with pytest.raises(ValueError, match="must be at least 1, got 0"):
            dmf.Problem(Square(shape), (3,))


class Half:
    shape = (2, 4)

    def gradient(self, X):
        return X


class Crooked(LogCosh):
    def gradient(self, X):
        return np.asarray(X).T


BAD_MATRICES = {
    "transposed": (np.ones((4, 2)), ValueError, r"must have shape \(…, 2, 4\), got \(4, 2\)"),
    "a row": (np.ones(4), ValueError, r"must have shape \(…, 2, 4\), got \(4,\)"),
    "a number": (1.0, ValueError, r"must have shape \(…, 2, 4\), got \(\)"),
    "wrong stack": (np.ones((2, 4, 3)), ValueError, r"must have shape \(…, 2, 4\)"),
    "complex": (1j * np.ones((2, 4)), TypeError, "must hold real numbers, got dtype complex128"),
    "words": ([["a"] * 4] * 2, TypeError, "must hold real numbers"),
    "nothing": (None, TypeError, "must hold real numbers"),
}


@pytest.mark.parametrize(
    "loss", [dmf.Factorization(np.ones((2, 4))), dmf.Regression(np.eye(4), np.ones((2, 4)))]
)
@pytest.mark.parametrize(("value", "error", "message"), BAD_MATRICES.values(), ids=BAD_MATRICES)
def test_bad_matrices_are_refused(loss, value, error, message):
    for call in (loss.value, loss.gradient):
        with pytest.raises(error, match=message):
            call(value)
    # A second derivative takes rows of directions, too.
    with pytest.raises(error, match=message.replace("2, 4", "4")):
        loss.curvature(np.ones((2, 4)), value)


@pytest.mark.parametrize(("call", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
