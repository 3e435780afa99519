"""Random factorizations against what defines them: their product, and how flat they are."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from strategies import EPS, widths

import dmfbook as dmf

ACCURACY = 1e-11  # ten times what the sharpness asks of itself


@given(widths(max_depth=5), st.integers(0, 2**32 - 1), st.floats(1, 100))
def test_zero_loss_factors_factor_the_target(shape, seed, condition):
    rng = np.random.default_rng(seed)
    modes = min(shape)
    target = rng.standard_normal((shape[-1], modes)) @ rng.standard_normal((modes, shape[0]))
    factors = dmf.zero_loss_factors(target, shape[1:-1], rng, condition)
    assert [factor.shape for factor in factors] == [(b, a) for a, b in pairwise(shape)]
    error = np.linalg.norm(dmf.end_to_end(factors) - target)
    tolerance = 100 * EPS * condition * len(factors) * max(shape)
    assert error <= tolerance * np.linalg.norm(target)
    # The least sharpness is a lower bound.
    flat = dmf.flat_sharpness(target, len(factors))
    assert dmf.sharpness(factors) >= flat * (1 - tolerance - ACCURACY)


@given(widths(max_depth=5), st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1e6))
def test_flat_factors_are_flat(shape, seed, spread, spare):
    rng = np.random.default_rng(seed)
    modes = min(shape)
    target = rng.standard_normal((shape[-1], modes)) @ rng.standard_normal((modes, shape[0]))
    factors = dmf.flat_factors(target, shape[1:-1], rng, spread, spare)
    assert [factor.shape for factor in factors] == [(b, a) for a, b in pairwise(shape)]
    tolerance = 100 * EPS * max(shape) * len(factors)
    error = np.linalg.norm(dmf.end_to_end(factors) - target)
    assert error <= tolerance * np.linalg.norm(target)
    flat = dmf.flat_sharpness(target, len(factors))
    assert dmf.sharpness(factors) == pytest.approx(flat, rel=tolerance + ACCURACY)
    assert dmf.spectral_imbalance(factors) <= tolerance


@pytest.mark.parametrize("shape", [(2, 5, 4), (4, 3, 2), (5, 3, 4)])
@pytest.mark.parametrize("make", [dmf.zero_loss_factors, dmf.flat_factors])
def test_two_layers_between_any_sides(make, shape):
    rng = np.random.default_rng(0)
    target = np.outer(rng.standard_normal(shape[-1]), rng.standard_normal(shape[0]))
    factors = make(target, shape[1:-1], rng)
    np.testing.assert_allclose(dmf.end_to_end(factors), target, rtol=0, atol=1e-13)


def test_size_of_the_entries_to_spare():
    # The modes give each middle layer the size ‖M‖^{1/L}; entries of variance size² / width add to it, width by width.
    target, hidden, rng = 8 * np.eye(2, 3), (62, 52, 82), np.random.default_rng(0)
    root = 8**0.25
    for spare in (0.01, 1.0, 30.0):
        for layer in dmf.flat_factors(target, hidden, rng, spare=spare)[1:-1]:
            rooms = layer.shape[0] - 2, layer.shape[1] - 2
            expected = 2 * root**2 + (spare * root) ** 2 * min(rooms)
            # A sum of at least 3,000 squares.
            assert np.linalg.norm(layer) ** 2 == pytest.approx(expected, rel=0.1)
            assert np.count_nonzero(layer) == rooms[0] * rooms[1] + 4
    for layer in dmf.zero_loss_factors(target, hidden, rng, condition=1.0)[1:-1]:
        expected = 2 * root**2 + root**2 * (min(layer.shape) - 2)
        assert np.linalg.norm(layer) ** 2 == pytest.approx(expected, rel=0.1)
        assert np.count_nonzero(layer) == layer.size
    for layer in dmf.flat_factors(target, hidden, rng)[1:-1]:
        assert np.linalg.norm(layer) ** 2 == pytest.approx(2 * root**2)
        assert np.count_nonzero(layer) == layer.size


def test_a_single_entry_to_spare_has_the_same_size():
    # One square a layer, over two hundred of them; the two modes have the size 1.
    target, hidden, rng = np.eye(2), (3,) * 200, np.random.default_rng(0)
    for factors in (
        dmf.flat_factors(target, hidden, rng, spare=1.0),
        dmf.zero_loss_factors(target, hidden, rng, condition=1.0),
    ):
        squares = [np.linalg.norm(layer) ** 2 - 2 for layer in factors[1:-1]]
        assert np.mean(squares) == pytest.approx(1, rel=0.3)


@pytest.mark.parametrize("size", [1.0, 8.0, 1e-9])
def test_size_of_the_entries_to_spare_on_data(size):
    rng = np.random.default_rng(0)
    target, inputs = size * rng.standard_normal((2, 3)), rng.standard_normal((3, 5))
    factors = dmf.flat_factors(target, (62, 52, 82), rng, spare=10.0, inputs=inputs)
    root = np.linalg.norm(factors[-1], 2)  # √p, as of every layer behind the first
    for layer in factors[1:-1]:
        expected = 2 * root**2 + (10 * root) ** 2 * (min(layer.shape) - 2)
        assert np.linalg.norm(layer) ** 2 == pytest.approx(expected, rel=0.1)


def test_what_rounding_may_have_made_of_a_mode_is_none():
    target, rng = np.zeros((300, 2)), np.random.default_rng(0)
    target[0, 0], target[1, 1] = 1.0, 1e-14
    assert np.linalg.matrix_rank(target) == 1
    for make in (dmf.zero_loss_factors, dmf.flat_factors):
        np.testing.assert_allclose(
            dmf.end_to_end(make(target, (1,), rng)), target, rtol=0, atol=2e-14
        )


def test_defaults():
    def same(one, other):
        return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))

    target, hidden = np.diag([2.0, 1.0]), (4, 5)
    made = [
        dmf.zero_loss_factors(target, hidden, np.random.default_rng(0), *more)
        for more in ((), (10.0,))
    ]
    assert same(*made)
    made = [
        dmf.flat_factors(target, hidden, np.random.default_rng(0), *more) for more in ((), (0, 0))
    ]
    assert same(*made)


@pytest.mark.parametrize("depth", [3, 21, 40])
@pytest.mark.parametrize("spare", [10.0, 1e6])
@pytest.mark.parametrize("data", [False, True], ids=["white", "data"])
def test_what_is_to_spare_stays_apart_at_any_depth(depth, spare, data):
    # Were a rounding error to link them, spare**depth would multiply it.
    rng = np.random.default_rng(depth)
    target, hidden = rng.standard_normal((3, 4)), rng.integers(5, 9, depth - 1)
    inputs = rng.standard_normal((4, 6)) if data else None
    factors = dmf.flat_factors(target, hidden, rng, spare=spare, inputs=inputs)
    flat = dmf.flat_sharpness(target, depth, inputs)
    assert dmf.sharpness(factors, inputs) == pytest.approx(flat, rel=100 * EPS * depth + ACCURACY)
    np.testing.assert_allclose(dmf.end_to_end(factors), target, rtol=0, atol=1e-15 * 40 * depth)
    sizes = [np.linalg.norm(factor, 2) for factor in factors[1:-1]]
    assert min(sizes) > spare / 10


def test_flat_factors_are_balanced_unless_asked_otherwise():
    target, rng = np.diag([2.0, 1.0, 0.1]), np.random.default_rng(0)
    assert dmf.imbalance(dmf.flat_factors(target, (4, 3), rng)) < 1e-13
    assert dmf.imbalance(dmf.flat_factors(target, (4, 3), rng, spread=1.0)) > 1
    assert dmf.imbalance(dmf.flat_factors(target, (5, 5), rng, spare=100.0)) > 1e3


def test_condition_one_is_balanced_without_room_to_spare():
    target, rng = np.diag([2.0, 1.0]), np.random.default_rng(0)
    assert dmf.imbalance(dmf.zero_loss_factors(target, (2, 2), rng, condition=1.0)) < 1e-13
    assert dmf.imbalance(dmf.zero_loss_factors(target, (2, 2), rng, condition=9.0)) > 1
    # Two modes stretched by up to √9 in both bases, one after the other.
    factors = dmf.zero_loss_factors(np.eye(2), (2,), rng, condition=9.0)
    assert np.linalg.norm(factors[0], 2) == pytest.approx(3)
    assert np.linalg.norm(factors[1], 2) == pytest.approx(3)


@pytest.mark.parametrize("make", [dmf.zero_loss_factors, dmf.flat_factors])
def test_random_factors_follow_the_generator(make):
    one, same, other = (make(np.eye(3), (4, 3), np.random.default_rng(s)) for s in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize("make", [dmf.zero_loss_factors, dmf.flat_factors])
def test_zero_target(make):
    factors = make(np.zeros((3, 2)), (4, 5), np.random.default_rng(0))
    assert not dmf.end_to_end(factors).any()
    assert dmf.sharpness(factors) == dmf.flat_sharpness(np.zeros((3, 2)), 3) == 0


RNG = np.random.default_rng(0)
BAD = [
    (lambda: dmf.zero_loss_factors(np.eye(2), (), RNG), ValueError, "at least 1 width"),
    (lambda: dmf.zero_loss_factors(np.eye(3), (4, 2), RNG), ValueError, "below the rank 3"),
    (lambda: dmf.zero_loss_factors(np.eye(3), (3,), RNG, 0.5), ValueError, "from 1 on, got 0.5"),
    (lambda: dmf.zero_loss_factors(np.eye(3), (3,), RNG, np.nan), ValueError, "condition"),
    (lambda: dmf.flat_factors(np.eye(3), (2,), RNG), ValueError, "below the rank 3"),
    (lambda: dmf.flat_factors(np.eye(3), (3,), RNG, 1.5), ValueError, "between 0 and 1, got 1.5"),
    (lambda: dmf.flat_factors(np.eye(3), (3,), RNG, 0, -1), ValueError, "not negative, got -1"),
    (
        lambda: dmf.flat_factors(np.eye(3), (3,), RNG, 0.5, inputs=np.eye(3)),
        ValueError,
        "spread must",
    ),
    (lambda: dmf.flat_factors(np.eye(3), (3,), RNG, inputs=np.eye(2)), ValueError, "3 rows"),
    (lambda: dmf.flat_factors(np.eye(3), (3,), RNG, "much"), TypeError, "spread must be a number"),
    (lambda: dmf.flat_factors(np.eye(3), (3,), RNG, spare=np.inf), ValueError, "must be finite"),
    (lambda: dmf.flat_factors(np.eye(3), (3,), None), TypeError, "rng must be a numpy.random.Gen"),
    (lambda: dmf.flat_factors(np.eye(3), (3,), 0), TypeError, "rng must be a numpy.random.Gen"),
    (
        lambda: dmf.zero_loss_factors(np.eye(3), (3,), 0),
        TypeError,
        "rng must be a numpy.random.Gen",
    ),
    (lambda: dmf.zero_loss_factors(np.eye(3), (3,), RNG, [2.0]), TypeError, "condition must be"),
    (lambda: dmf.zero_loss_factors(np.eye(3), 3, RNG), TypeError, "sequence of integers, got 3"),
    (lambda: dmf.flat_factors(csr_array(np.eye(3)), (3,), RNG), TypeError, "dense array"),
]


@pytest.mark.parametrize("call, error, message", BAD)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
