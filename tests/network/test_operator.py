"""The Hessian's operator against the dense Hessian, which is tested against automatic differentiation."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from loss_cases import LOSSES, loss_case
from strategies import (
    EPS,
    WIDTHS,
    absolute,
    exact_case,
    exact_cases,
    np_abs,
    real_case,
    real_cases,
    rounding,
)

import dmfbook as dmf
from dmfbook.network import operator as operators

every_loss = pytest.mark.parametrize("loss", [loss for loss, _ in LOSSES.values()], ids=LOSSES)


@given(exact_cases(), st.integers(0, 2**32 - 1))
def test_operator_is_exact_on_integers(case, seed):
    problem, factors = case
    hessian = dmf.hessian(problem, factors)
    operator = dmf.hessian_operator(problem, factors)
    assert operator.shape == hessian.shape and operator.dtype == np.float64
    columns = np.random.default_rng(seed).integers(-2, 3, (problem.size, 3))
    np.testing.assert_array_equal(operator @ columns[:, 0], hessian @ columns[:, 0])
    np.testing.assert_array_equal(operator @ columns[:, :1], hessian @ columns[:, :1])
    np.testing.assert_array_equal(operator @ columns, hessian @ columns)
    np.testing.assert_array_equal(operator @ np.asfortranarray(columns * 1.0), hessian @ columns)
    np.testing.assert_array_equal(operator.T @ columns, hessian @ columns)
    np.testing.assert_array_equal(operator.H @ columns[:, 0], hessian @ columns[:, 0])
    np.testing.assert_array_equal(operator @ np.eye(problem.size), hessian)


@given(real_cases())
def test_operator_is_accurate_and_symmetric_at_any_depth(case):
    problem, factors = case
    hessian, operator = dmf.hessian(problem, factors), dmf.hessian_operator(problem, factors)
    u, v = np.random.default_rng(8).standard_normal((2, problem.size))
    scale = dmf.hessian(absolute(problem), np_abs(factors))
    tolerance = rounding(problem) + problem.size * EPS
    assert np.all(abs(operator @ v - hessian @ v) <= tolerance * (scale @ abs(v)))
    assert abs(u @ (operator @ v) - v @ (operator @ u)) <= (
        2 * tolerance * (abs(u) @ scale @ abs(v))
    )


@pytest.mark.parametrize("shape", WIDTHS, ids=str)
def test_operator_remainder_falls_with_slope_three(shape):
    problem, factors = real_case(shape, seed=9)
    gradient = dmf.flatten(problem.gradient(factors))
    operator = dmf.hessian_operator(problem, factors)
    point = dmf.flatten(factors)
    directions = np.random.default_rng(10).standard_normal((20, problem.size))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    def remainder(t):
        # The mean square over directions is nowhere near zero, as a single remainder can be.
        return np.linalg.norm(
            [
                problem.loss(dmf.unflatten(point + t * move, problem.widths))
                - problem.loss(factors)
                - t * (gradient @ move)
                - t**2 / 2 * (move @ (operator @ move))
                for move in directions
            ]
        )

    # The term of fourth order bends the slope by O(t); rounding is ε/t³ ≈ 1e-8 of the remainder.
    t = 2.0**-8
    slope = np.log2(remainder(2 * t) / remainder(t))
    assert slope == pytest.approx(3, abs=16 * t)


def test_operator_keeps_a_copy_of_the_factors():
    problem, factors = exact_case((3, 4, 2), seed=11)
    operator = dmf.hessian_operator(problem, factors)
    direction = np.arange(float(problem.size))
    before = operator @ direction
    for factor in factors:
        factor[:] = 7
    np.testing.assert_array_equal(operator @ direction, before)
    np.testing.assert_array_equal(direction, np.arange(problem.size))


@every_loss
@pytest.mark.parametrize("tile, copied", [(1, 7), (100, 1), (2**18, 2**10)])
def test_blocks_of_columns(loss, tile, copied, monkeypatch):
    monkeypatch.setattr(operators, "TILE_ENTRIES", tile)
    monkeypatch.setattr(operators, "COPIED_ENTRIES", copied)
    problem, factors = loss_case(loss)
    operator, hessian = dmf.hessian_operator(problem, factors), dmf.hessian(problem, factors)
    wide = np.random.default_rng(3).standard_normal((problem.size, 74))
    wide.flags.writeable = False
    for columns in (wide[:, :0], wide[:, :1], wide[:, :7], wide[:, ::2], wide[:, 40::-1], wide):
        for block in (columns, np.asfortranarray(columns), np.ascontiguousarray(columns)):
            found = operator @ block
            assert found.shape == block.shape and found.dtype == np.float64
            np.testing.assert_allclose(found, hessian @ block, rtol=0, atol=1e5 * EPS)
    strided, row = np.repeat(wide[:, 0], 3)[::3], wide[:, 0]
    for vector in (strided, row, row[::-1][::-1], row[:, None]):
        np.testing.assert_allclose(operator @ vector, hessian @ vector, rtol=0, atol=1e5 * EPS)
    single = row.astype(np.float32)
    np.testing.assert_allclose(operator @ single, hessian @ single, rtol=0, atol=1e5 * EPS)
    np.testing.assert_array_equal(operator @ (row > 0), operator @ (1.0 * (row > 0)))


def test_products_do_not_remember():
    problem, factors = real_case((4, 6, 3, 5), seed=4)
    operator = dmf.hessian_operator(problem, factors)
    columns = np.random.default_rng(5).standard_normal((problem.size, 20))
    alone, block = operator @ columns[:, 0], operator @ columns
    kept = alone.copy(), block.copy()
    for columns_now in (
        columns[:, 1],
        columns[:, :9],
        np.full(problem.size, np.nan),
        columns * 1e300,
    ):
        with np.errstate(all="ignore"):
            operator @ columns_now
    np.testing.assert_array_equal(alone, kept[0])
    np.testing.assert_array_equal(block, kept[1])
    alone[:], block[:] = 7, 7  # results are the caller's
    np.testing.assert_array_equal(operator @ columns[:, 0], kept[0])
    np.testing.assert_array_equal(operator @ columns, kept[1])


def test_threads_may_share_an_operator():
    problem, factors = real_case((30, 40, 35, 20), seed=6)
    operator = dmf.hessian_operator(problem, factors)
    columns = np.random.default_rng(7).standard_normal((problem.size, 24))
    expected = [operator @ column for column in columns.T], operator @ columns
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            products = list(pool.map(operator.matvec, columns.T))
            blocks = list(pool.map(operator.matmat, [columns] * 4))
            np.testing.assert_array_equal(products, expected[0])
            np.testing.assert_array_equal(blocks, [expected[1]] * 4)


def test_scipy_may_do_with_it_what_it_does_with_operators():
    problem, factors = exact_case((3, 4, 2), seed=8)
    operator, hessian = dmf.hessian_operator(problem, factors), dmf.hessian(problem, factors)
    columns = np.random.default_rng(9).integers(-2, 3, (problem.size, 5)) * 1.0
    np.testing.assert_array_equal(operator.rmatvec(columns[:, 0]), hessian @ columns[:, 0])
    np.testing.assert_array_equal(operator.rmatmat(columns), hessian @ columns)
    np.testing.assert_array_equal(operator.H @ columns, hessian @ columns)
    np.testing.assert_array_equal((2 * operator + operator) @ columns, 3 * hessian @ columns)
    np.testing.assert_array_equal((operator @ operator) @ columns, hessian @ (hessian @ columns))
    np.testing.assert_array_equal((operator**2) @ columns, hessian @ (hessian @ columns))
    for twin in (
        copy.copy(operator),
        copy.deepcopy(operator),
        pickle.loads(pickle.dumps(operator)),
    ):
        np.testing.assert_array_equal(twin @ columns, hessian @ columns)
        np.testing.assert_array_equal(operator @ columns, hessian @ columns)


@pytest.mark.parametrize(
    ("direction", "error", "message"),
    [
        (1j * np.ones(20), TypeError, "must hold real numbers, got dtype complex128"),
        (1j * np.ones((20, 3)), TypeError, "must hold real numbers, got dtype complex128"),
        (np.array(["a"] * 20), TypeError, "must hold real numbers"),
        (scipy.sparse.eye_array(20), TypeError, "with a sparse matrix"),
        (np.ones(19), ValueError, "dimension mismatch"),
        (np.ones((19, 2)), ValueError, "dimension mismatch"),
        (np.ones((1, 20)), ValueError, "dimension mismatch"),
        (np.ones((20, 2, 2)), ValueError, "expected 1-d or 2-d"),
    ],
)
def test_what_is_no_direction_is_refused(direction, error, message):
    problem, factors = exact_case((3, 4, 2), seed=10)
    with pytest.raises(error, match=message):
        dmf.hessian_operator(problem, factors) @ direction


def test_products_of_very_unequal_layers():
    # F of one-by-one factors with Π w = 1 = M and λ_l = 1 / w_l²: ∂²F/∂w_k∂w_l is 2 / (w_k w_l), on the diagonal twice.
    sizes = np.ldexp(1.0, [300, -500, 200])
    problem = dmf.Problem([[1.0]], (1, 1), reg=sizes**-2)
    operator = dmf.hessian_operator(problem, [np.array([[size]]) for size in sizes])
    columns = np.array([[1.0, 2.0], [3.0, -1.0], [5.0, 4.0]])
    expected = (2 * columns.sum(axis=0) + 2 * columns) / sizes[:, None]
    np.testing.assert_array_equal(operator @ (columns * sizes[:, None]), expected)
    np.testing.assert_array_equal(operator @ (columns[:, 0] * sizes), expected[:, 0])


def test_a_product_beyond_float64_is_an_error():
    problem, factors = exact_case((3, 4, 2), seed=11)
    operator = dmf.hessian_operator(problem, [factor * 2.0**510 for factor in factors])
    small = operator @ np.full(problem.size, 2.0**-100)
    assert np.isfinite(small).all() and small.any()
    with pytest.raises(OverflowError, match="product is beyond the range"):
        operator @ np.ones(problem.size)
