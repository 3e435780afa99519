"""Products, partial products, stacking and balance; exact where the entries are integers."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group
from strategies import EPS, exact_cases, real_cases, widths

import dmfbook as dmf
from dmfbook.network.factors import partial_products_of, transposed_layers


@given(exact_cases())
def test_end_to_end_is_the_product_in_the_order_of_application(case):
    problem, factors = case
    x = np.eye(problem.widths[0])
    np.testing.assert_array_equal(
        dmf.end_to_end(factors), np.column_stack([apply(factors, e) for e in x])
    )


def apply(factors, vector):
    """The factors applied to one vector, first factor first, in plain sums."""
    for factor in factors:
        vector = np.array([sum(row * vector) for row in factor])
    return vector


@given(exact_cases())
def test_each_layer_lies_between_its_partial_products(case):
    problem, factors = case
    left, right = dmf.partial_products(factors)
    widths = problem.widths
    assert [a.shape for a in left] == [(widths[-1], after) for after in widths[1:]]
    assert [b.shape for b in right] == [(before, widths[0]) for before in widths[:-1]]
    np.testing.assert_array_equal(left[-1], np.eye(widths[-1]))
    np.testing.assert_array_equal(right[0], np.eye(widths[0]))
    for a, factor, b in zip(left, factors, right, strict=True):
        np.testing.assert_array_equal(a @ factor @ b, dmf.end_to_end(factors))


@given(exact_cases())
def test_partial_products_grow_by_one_factor(case):
    _, factors = case
    left, right = dmf.partial_products(factors)
    for l in range(len(factors) - 1):
        np.testing.assert_array_equal(left[l], left[l + 1] @ factors[l + 1])
        np.testing.assert_array_equal(right[l + 1], factors[l] @ right[l])


@pytest.mark.parametrize("stack", [(), (3,), (2, 3)], ids=str)
@pytest.mark.parametrize("shape", [(2, 3, 1), (2, 4, 3, 5, 1)], ids=str)
def test_partial_products_of_a_stack_are_those_of_its_points(shape, stack):
    rng = np.random.default_rng(0)
    factors = [
        rng.integers(-2, 3, (*stack, after, before)) * 1.0 for before, after in pairwise(shape)
    ]
    found = partial_products_of(factors)
    for index in np.ndindex(stack):
        expected = dmf.partial_products([factor[index] for factor in factors])
        for products, alone in zip(found, expected, strict=True):
            for product, one in zip(products, alone, strict=True):
                # The identities serve all points.
                np.testing.assert_array_equal(product[index] if product.ndim > 2 else product, one)


@given(real_cases())
def test_flatten_and_unflatten_undo_each_other(case):
    problem, factors = case
    vector = dmf.flatten(factors)
    assert vector.shape == (problem.size,)
    again = dmf.unflatten(vector, problem.widths)
    for factor, copy in zip(factors, again, strict=True):
        np.testing.assert_array_equal(factor, copy)
    np.testing.assert_array_equal(dmf.flatten(again), vector)


@given(widths())
def test_stacking_goes_column_by_column_and_layer_by_layer(shape):
    sizes = [before * after for before, after in pairwise(shape)]
    vector = np.arange(float(sum(sizes)))
    start = 0
    for size, factor in zip(sizes, dmf.unflatten(vector, shape), strict=True):
        height = len(factor)
        for (row, column), value in np.ndenumerate(factor):
            assert value == start + column * height + row
        start += size


@given(widths())
def test_many_vectors_are_cut_like_one(shape):
    size = sum(before * after for before, after in pairwise(shape))
    vectors = np.arange(6.0 * size).reshape(2, 3, size)
    stacks = transposed_layers(vectors, shape)
    for index in np.ndindex(2, 3):
        for stack, factor in zip(stacks, dmf.unflatten(vectors[index], shape), strict=True):
            np.testing.assert_array_equal(stack[index].T, factor)


def test_flatten_and_unflatten_copy():
    factors = [np.ones((2, 1)), np.ones((1, 2))]
    dmf.flatten(factors)[:] = 7
    vector = np.ones(4)
    for factor in dmf.unflatten(vector, (1, 2, 1)):
        assert factor.flags.c_contiguous and factor.flags.writeable
        factor[:] = 7
    assert np.all(vector == 1) and all(np.all(factor == 1) for factor in factors)


@given(exact_cases())
def test_imbalance_is_what_the_gradient_leaves_of_it(case):
    # W_{l+1}ᵀ G_{l+1} − G_l W_lᵀ = 2 (λ_{l+1} W_{l+1}ᵀ W_{l+1} − λ_l W_l W_lᵀ): the residual cancels.
    base, factors = case
    problem = dmf.Problem(base.target, base.hidden_widths, reg=np.array(base.reg) + 0.5)
    gradient = problem.gradient(factors)
    differences = [
        after.T @ gradient_after - gradient_before @ before.T
        for (before, gradient_before), (after, gradient_after) in pairwise(
            zip(factors, gradient, strict=True)
        )
    ]
    largest = max(np.sqrt(np.sum(difference**2)) for difference in differences) / 2
    # Exact up to the square root of a sum of squares.
    assert dmf.imbalance(factors, problem.reg) == pytest.approx(largest, rel=4 * EPS)


def test_plain_imbalance_weighs_all_layers_alike():
    factors = [[[3.0], [0.0]], [[1.0, 2.0]]]
    assert dmf.imbalance(factors) == dmf.imbalance(factors, 1.0) == np.sqrt(64 + 4 + 4 + 16)


@given(widths(), st.integers(0, 2**32 - 1))
def test_balanced_factors_have_no_imbalance(shape, seed):
    # Modes of equal weight, bases permuted, λ_l a power of 4: nothing is rounded.
    rng = np.random.default_rng(seed)
    modes = min(shape)
    bases = [np.eye(width)[:, rng.permutation(width)[:modes]] for width in shape]
    values = rng.integers(1, 9, modes)
    reg = 4.0 ** rng.integers(-3, 4, len(shape) - 1)
    factors = [
        after @ np.diag(values / np.sqrt(weight)) @ before.T
        for (before, after), weight in zip(pairwise(bases), reg, strict=True)
    ]
    assert dmf.imbalance(factors, reg) == 0.0
    factors[0][0, 0] += 1.0
    assert dmf.imbalance(factors, reg) > 0.0


@given(real_cases(max_depth=8), st.integers(0, 2**32 - 1))
def test_imbalance_does_not_see_the_basis_of_hidden_layers(case, seed):
    problem, factors = case
    rng = np.random.default_rng(seed)
    bases = [rotation(width, rng) for width in problem.widths]
    bases[0], bases[-1] = np.eye(problem.widths[0]), np.eye(problem.widths[-1])
    turned = [
        after @ factor @ before.T
        for factor, (before, after) in zip(factors, pairwise(bases), strict=True)
    ]
    reg = 1 + np.array(problem.reg)
    # Two rotations and a Gram matrix: three inner products of the largest width, twice.
    scale = max(reg) * max(np.sum(factor**2) for factor in factors)
    tolerance = 12 * (max(problem.widths) + 1) * EPS * scale
    assert dmf.imbalance(turned, reg) == pytest.approx(
        dmf.imbalance(factors, reg), rel=0, abs=tolerance
    )


def rotation(width, rng):
    """A Haar-random orthogonal matrix; a sign at width 1, which SciPy does not cover."""
    if width == 1:
        return np.array([[rng.choice([-1.0, 1.0])]])
    return ortho_group.rvs(width, random_state=rng)
