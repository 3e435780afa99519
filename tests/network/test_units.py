"""Products, losses and derivatives where a product on the way leaves the range of float64 but the result does not."""

import numpy as np
import pytest

import dmfbook as dmf
from dmfbook.network.units import units_of


def layers(*exponents):
    """One-by-one factors that are powers of two."""
    return [np.array([[np.ldexp(1.0, exponent)]]) for exponent in exponents]


def power(exponent):
    """A power of two, infinite beyond the range."""
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(1.0, exponent)


def test_products_may_leave_the_range_on_the_way():
    assert dmf.end_to_end(layers(500, 600, -900)) == power(200)
    assert dmf.end_to_end(layers(-600, -600, 1000)) == power(-200)
    left, right = dmf.partial_products(layers(-600, -600, 600, 5))
    assert [a.item() for a in left] == [power(5), power(605), power(5), 1.0]
    # The third is below the range, the fourth is not lost with it.
    assert [b.item() for b in right] == [1.0, power(-600), 0.0, power(-600)]
    with pytest.raises(OverflowError, match="the product of the factors is beyond the range"):
        dmf.end_to_end(layers(600, 600))
    with pytest.raises(OverflowError, match="a partial product is beyond the range of float64"):
        dmf.partial_products(layers(500, 600, -900))


def test_losses_and_derivatives_do_too():
    # F = (1 − w_3 w_2 w_1)²: with a product of 2^k the slope in layer l is 2 (2^k − 1) 2^k / w_l.
    exponents = (500, 600, -900)
    problem = dmf.Problem([[power(200)]], (1, 1), reg=(0.0, 0.0, 3.0))
    factors = layers(*exponents)
    assert problem.loss(factors) == 0.0  # the penalty is 3 · 2^-1800
    factors[1] *= 2
    assert problem.loss(factors) == power(400)
    exponents = (500, -600, 300)
    problem, factors = dmf.Problem([[1.0]], (1, 1)), layers(*exponents)
    product = 200
    expected = [power(1 + 2 * product - e) - power(1 + product - e) for e in exponents]
    assert [slope.item() for slope in problem.gradient(factors)] == expected
    assert problem.loss(factors) == (power(product) - 1) ** 2


def test_penalties_do_too():
    assert dmf.Problem([[0.0]], (1,), reg=(3.0, 5.0)).loss(layers(1, 0)) == 4 + 3 * 4 + 5
    problem = dmf.Problem([[0.0]], (1,), reg=(power(-900), 0.0))
    assert problem.loss(layers(600, -1000)) == power(300)
    assert dmf.imbalance(layers(600, -600), reg=(power(-700), 1.0)) == power(500)


def test_dense_hessian_of_very_unequal_layers():
    # ∂²F/∂w_k∂w_l of (1 − Π w)²: 2 p² / w_l² on the diagonal, (4 p² − 2 p) / (w_k w_l) beside it.
    exponents = (300, -500, 199)
    problem, factors = dmf.Problem([[1.0]], (1, 1)), layers(*exponents)
    found, p = dmf.hessian(problem, factors), power(-1)
    for k, one in enumerate(exponents):
        for l, other in enumerate(exponents):
            entry = 2 * p**2 if k == l else 4 * p**2 - 2 * p
            assert found[k, l] == entry * power(-one - other)
    assert dmf.hessian_trace(problem, factors) == np.trace(found)
    with pytest.raises(OverflowError, match="the Hessian is beyond the range of float64"):
        dmf.hessian(problem, layers(600, -600, 0))


def test_what_is_too_large_is_infinite_or_said():
    problem, factors = dmf.Problem([[1.0]], (1,)), layers(600, 600)
    assert problem.loss(factors) == np.inf
    assert dmf.hessian_trace(problem, factors) == np.inf
    with pytest.raises(OverflowError, match="the gradient is beyond the range of float64"):
        problem.gradient(factors)
    runs = [np.stack([one[0], [[1.0]]]) for one in ([factors[0]], [factors[1]])]
    np.testing.assert_array_equal(problem.losses(runs), [np.inf, 0.0])
    np.testing.assert_array_equal(dmf.hessian_trace(problem, runs), [np.inf, 4.0])


def test_runs_of_different_sizes_do_not_see_each_other():
    problem = dmf.Problem([[1.0]], (1, 1), reg=0.5)
    points = [layers(500, 500, -999), layers(0, 1, 0), layers(-400, -300, -600)]
    runs = [np.stack(run) for run in zip(*points, strict=True)]
    np.testing.assert_array_equal(problem.losses(runs), [problem.loss(point) for point in points])
    small = [np.stack(run[1:]) for run in zip(*points, strict=True)]
    for stacked, *single in zip(
        problem.gradient(small), *[problem.gradient(point) for point in points[1:]], strict=True
    ):
        np.testing.assert_array_equal(stacked, single)


class Quartic:
    """``Σ (X − 1)⁴``: not homogeneous, and without units."""

    shape = (1, 1)

    def value(self, X):
        return ((X - 1) ** 4).sum(axis=(-2, -1))

    def gradient(self, X):
        return 4 * (X - 1) ** 3

    def curvature(self, X, Z):
        return 12 * (X - 1) ** 2 * Z


def test_a_loss_of_ones_own_sees_the_product_alone():
    problem = dmf.Problem(Quartic(), (1, 1))
    for exponents in ((600, 500, -1099), (-700, -300, 1001)):
        factors = layers(*exponents)
        assert problem.loss(factors) == 1.0
        expected = [4 * power(1 - e) for e in exponents]
        if np.isfinite(expected).all():
            assert [slope.item() for slope in problem.gradient(factors)] == expected


def test_data_of_any_size():
    inputs, outputs = np.array([[1.0, 2.0]]), np.array([[3.0, 1.0]])
    plain = dmf.Problem(dmf.Regression(inputs, outputs), (1,))
    for of_inputs, of_outputs, scale in ((-600, 0, 0), (600, 0, 0), (-700, 600, 0), (0, 0, 1000)):
        loss = dmf.Regression(power(of_inputs) * inputs, power(of_outputs) * outputs, power(scale))
        # W_1 takes the change of the inputs back, W_2 that of the outputs.
        shifts = (-of_inputs, of_outputs)
        factors = [shift * w for shift, w in zip(map(power, shifts), layers(1, 0), strict=True)]
        problem = dmf.Problem(loss, (1,))
        whole = 2 * of_outputs + scale
        if whole < 1000:
            assert problem.loss(factors) == plain.loss(layers(1, 0)) * power(whole)
        slopes = plain.gradient(layers(1, 0))
        for found, slope, shift in zip(problem.gradient(factors), slopes, shifts, strict=True):
            np.testing.assert_array_equal(found, np.ldexp(slope, whole - shift))


def test_deep_networks_of_ordinary_layers_need_no_units():
    # Products of thirty layers of norm below 4, and of as many of width 100, are far within the range.
    rng = np.random.default_rng(0)
    for width in (12, 100):
        factors = [rng.standard_normal((width, width)) / np.sqrt(width) for _ in range(30)]
        assert units_of(
            dmf.Problem(np.eye(width), (width,) * 29).end_to_end_loss, factors
        ).are_plain
    assert not units_of(dmf.Problem([[1.0]], (1,)).end_to_end_loss, layers(300, -100)).are_plain
