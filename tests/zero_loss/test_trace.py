"""The trace of sensing losses against automatic differentiation, and its least value."""

from itertools import pairwise

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import dmfbook as dmf
from dmfbook.zero_loss.trace import trace_and_gradient

WIDTHS = [(3, 5, 4), (2, 3, 1, 4), (4, 2, 5, 3, 2), (1, 2, 1)]


def random_factors(rng, widths):
    return [rng.normal(size=(after, before)) / 2 for before, after in pairwise(widths)]


def random_operators(rng, shape):
    count = max(1, shape[0] * shape[1] - 1)
    return dmf.gaussian_sensing(shape, count, rng), dmf.entry_sampling(shape, count, rng)


def loss_of(operator, values, widths):
    rows = operator @ np.eye(operator.shape[1])

    def loss(vector):
        product, start = anp.eye(widths[0]), 0
        for before, after in pairwise(widths):
            entries = vector[start : start + before * after]
            product = anp.dot(anp.reshape(entries, (before, after)).T, product)
            start += before * after
        return anp.sum((anp.dot(rows, anp.reshape(product.T, -1)) - values) ** 2)

    return loss


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_trace_is_that_of_the_differentiated_hessian(widths):
    rng = np.random.default_rng(0)
    for operator in random_operators(rng, (widths[-1], widths[0])):
        factors = random_factors(rng, widths)
        loss = loss_of(operator, rng.normal(size=operator.shape[0]), widths)
        whole = autograd.hessian(loss)(dmf.flatten(factors))
        trace = dmf.sensing_hessian_trace(operator, factors)
        assert trace == pytest.approx(np.trace(whole), rel=1e-12)


def test_full_observation_is_factorization():
    rng = np.random.default_rng(1)
    factors = random_factors(rng, (3, 5, 2, 4))
    full = dmf.entry_sampling((4, 3), 12, rng)
    problem = dmf.Problem(rng.normal(size=(4, 3)), (5, 2))
    expected = dmf.hessian_trace(problem, factors)
    assert dmf.sensing_hessian_trace(full, factors) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_gradient_of_the_trace(widths):
    rng = np.random.default_rng(2)
    shapes = list(pairwise(widths))

    def trace(vector, rows):
        layers, start = [], 0
        for before, after in shapes:
            entries = vector[start : start + before * after]
            layers.append(anp.reshape(entries, (before, after)).T)
            start += before * after
        total = 0.0
        for l in range(len(layers)):
            left, right = anp.eye(widths[-1]), anp.eye(widths[0])
            for layer in layers[:l:-1]:
                left = anp.dot(left, layer)
            for layer in layers[:l]:
                right = anp.dot(layer, right)
            total = total + 2 * anp.sum(anp.dot(rows, anp.kron(right.T, left)) ** 2)
        return total

    for operator in random_operators(rng, (widths[-1], widths[0])):
        factors = random_factors(rng, widths)
        value, gradient = trace_and_gradient(operator, factors)
        rows = operator @ np.eye(operator.shape[1])
        vector = dmf.flatten(factors)
        assert value == pytest.approx(trace(vector, rows), rel=1e-12)
        expected = autograd.grad(trace)(vector, rows)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(dmf.flatten(gradient), expected, rtol=0, atol=1e-12 * scale)


@pytest.mark.parametrize("hidden", [(2,), (4,), (2, 3), (5, 2, 4)], ids=str)
@pytest.mark.parametrize("random_bases", [True, False])
def test_flattest_factors_attain_the_least_trace(hidden, random_bases):
    rng = np.random.default_rng(3)
    target = rng.normal(size=(4, 2)) @ rng.normal(size=(2, 3))
    factors = dmf.flattest_factors(target, hidden, rng if random_bases else None)
    assert [len(factor) for factor in factors] == [*hidden, 4]
    np.testing.assert_allclose(dmf.end_to_end(factors), target, rtol=0, atol=1e-13)
    full = dmf.entry_sampling((4, 3), 12, rng)
    least = dmf.flattest_trace(target, len(hidden) + 1)
    assert dmf.sensing_hessian_trace(full, factors) == pytest.approx(least, rel=1e-12)


def test_no_random_factorization_has_less_trace():
    rng = np.random.default_rng(4)
    full = dmf.entry_sampling((4, 3), 12, rng)
    for depth in (2, 3, 5):
        for _ in range(50):
            factors = random_factors(rng, (3, *rng.integers(3, 6, depth - 1), 4))
            trace = dmf.sensing_hessian_trace(full, factors)
            assert trace >= dmf.flattest_trace(dmf.end_to_end(factors), depth)


def test_flattest_trace_by_hand():
    assert dmf.flattest_trace(np.diag([3.0, 1.0]), 2) == pytest.approx(4 * 2 * 4)
    assert dmf.flattest_trace([[8.0]], 3) == pytest.approx(6 * 8 ** (4 / 3))
    assert dmf.flattest_trace(np.ones((2, 8)), 4) == pytest.approx(8 * 2 * 4**1.5)


def test_a_zero_target_has_zero_factors():
    factors = dmf.flattest_factors(np.zeros((2, 3)), (4, 1))
    assert [factor.shape for factor in factors] == [(4, 3), (1, 4), (2, 1)]
    assert not any(factor.any() for factor in factors)
    assert dmf.flattest_trace(np.zeros((2, 3)), 3) == 0


def test_bad_input_is_refused():
    rng = np.random.default_rng(0)
    operator = dmf.gaussian_sensing((4, 2), 9, rng)
    with pytest.raises(ValueError, match=r"product of shape \(4, 2\), .* got \(2, 4\)"):
        dmf.sensing_hessian_trace(operator, [np.ones((3, 4)), np.ones((2, 3))])
    with pytest.raises(ValueError, match="must hold at least 2 matrices"):
        dmf.sensing_hessian_trace(operator, [np.ones((4, 2))])
    with pytest.raises(ValueError, match="depth must be at least 2"):
        dmf.flattest_trace(np.ones((2, 2)), 1)
    with pytest.raises(TypeError, match="depth must be an integer"):
        dmf.flattest_trace(np.ones((2, 2)), 2.5)
    with pytest.raises(ValueError, match="target must be a matrix"):
        dmf.flattest_trace(np.ones(2), 2)
    with pytest.raises(ValueError, match=r"below the rank 2 of the target, got \(3, 1\)"):
        dmf.flattest_factors(np.eye(2), (3, 1))
    with pytest.raises(ValueError, match="at least 1 width"):
        dmf.flattest_factors(np.eye(2), ())


def test_terms_of_very_different_size_add_up():
    full = dmf.entry_sampling((1, 1), 1, np.random.default_rng(0))
    assert dmf.sensing_hessian_trace(full, [[[2.0**300]], [[2.0**-300]]]) == 2.0**601
