"""Second derivatives against automatic differentiation, Taylor's theorem and each other."""

from itertools import pairwise

import autograd
import numpy as np
import pytest
from hypothesis import given
from loss_cases import LOSSES, loss_case
from strategies import (
    EPS,
    WIDTHS,
    absolute,
    exact_case,
    exact_cases,
    np_abs,
    objective,
    real_case,
    real_cases,
    rounding,
    stacked_objective,
)

import dmfbook as dmf

# The rows of a layer are filled in more than one tile.
LARGE = [(9, 40, 17, 12), (1, 34, 33, 1), (20, 11, 1, 14, 15, 40), (21, 50, 3)]
LARGE_AND_DEEP = [(20, 11, 13, 12, 1, 14, 15, 10, 16, 11, 18), (7, *(6, 5, 8) * 10, 3)]

every_loss = pytest.mark.parametrize(("loss", "definition"), LOSSES.values(), ids=LOSSES)


@given(exact_cases())
def test_hessian_is_exact_on_integers(case):
    problem, factors = case
    expected = autograd.hessian(objective(problem))(dmf.flatten(factors))
    np.testing.assert_array_equal(dmf.hessian(problem, factors), expected)


@pytest.mark.parametrize("shape", WIDTHS, ids=str)
def test_hessian_is_accurate_at_any_depth(shape):
    problem, factors = real_case(shape, seed=3)
    scale = autograd.hessian(objective(absolute(problem)))(dmf.flatten(np_abs(factors)))
    error = dmf.hessian(problem, factors) - autograd.hessian(objective(problem))(
        dmf.flatten(factors)
    )
    assert np.all(abs(error) <= rounding(problem) * scale)


@given(real_cases())
def test_hessian_is_symmetric_to_the_last_bit(case):
    hessian = dmf.hessian(*case)
    assert np.array_equal(hessian, hessian.T)


@every_loss
@pytest.mark.parametrize("tile", [1, 300, 2**30])
def test_tiles_of_any_size_give_the_hessian_of_every_loss(loss, definition, tile, monkeypatch):
    problem, factors = loss_case(loss)
    expected = autograd.hessian(stacked_objective(problem, definition))(dmf.flatten(factors))
    monkeypatch.setattr("dmfbook.network.hessian.TILE_ENTRIES", tile)
    found = dmf.hessian(problem, factors)
    assert np.array_equal(found, found.T)
    # Entries are of order 10 at most, sums of fewer than 1,000 terms.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e4 * EPS)
    assert dmf.hessian_trace(problem, factors) == pytest.approx(np.trace(expected), rel=1e4 * EPS)


@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_large_hessian_is_symmetric_and_exact_on_integers(shape):
    problem, factors = exact_case(shape, seed=4)
    assert problem.size > 1000
    hessian = dmf.hessian(problem, factors)
    assert np.array_equal(hessian, hessian.T)
    directions = np.random.default_rng(5).integers(-1, 2, (problem.size, 3)) * 1.0
    product = autograd.hessian_vector_product(objective(problem))
    for direction in directions.T:
        expected = product(dmf.flatten(factors), direction)
        np.testing.assert_array_equal(hessian @ direction, expected)
    np.testing.assert_array_equal(
        dmf.hessian_operator(problem, factors) @ directions, hessian @ directions
    )


@pytest.mark.parametrize("shape", LARGE + LARGE_AND_DEEP, ids=str)
def test_large_hessian_agrees_with_the_operator(shape):
    problem, factors = real_case(shape, seed=6)
    assert problem.size > 1000
    hessian = dmf.hessian(problem, factors)
    assert np.array_equal(hessian, hessian.T)
    directions = np.random.default_rng(7).standard_normal((problem.size, 4))
    error = dmf.hessian_operator(problem, factors) @ directions - hessian @ directions
    # Rounding of the entries, then an inner product of N terms.
    scale = dmf.hessian(absolute(problem), np_abs(factors)) @ abs(directions)
    assert np.all(abs(error) <= (rounding(problem) + problem.size * EPS) * scale)


@given(exact_cases())
def test_trace_is_the_sum_of_the_diagonal(case):
    trace = dmf.hessian_trace(*case)
    assert isinstance(trace, float) and trace == np.trace(dmf.hessian(*case))


@given(real_cases(max_depth=12))
def test_trace_is_the_sum_of_the_eigenvalues(case):
    problem, factors = case
    eigenvalues = np.linalg.eigvalsh(dmf.hessian(problem, factors))
    # A backward stable solver moves each eigenvalue by at most N ε ‖H‖; there are N of them.
    tolerance = problem.size**2 * EPS * np.max(abs(eigenvalues))
    trace = dmf.hessian_trace(problem, factors)
    scale = dmf.hessian_trace(absolute(problem), np_abs(factors))
    assert abs(trace - eigenvalues.sum()) <= tolerance + rounding(problem) * scale


FORMS = {
    "lists": lambda factors: [factor.tolist() for factor in factors],
    "integers": lambda factors: [factor.astype(np.int64) for factor in factors],
    "single precision": lambda factors: tuple(factor.astype(np.float32) for factor in factors),
    "column-major": lambda factors: [np.asfortranarray(factor) for factor in factors],
    "strided": lambda factors: [np.repeat(factor, 2, axis=1)[:, ::2] for factor in factors],
    "reversed": lambda factors: [factor[::-1, ::-1].copy()[::-1, ::-1] for factor in factors],
    "read-only": lambda factors: [frozen(factor) for factor in factors],
}


def frozen(factor):
    copy = factor.copy()
    copy.flags.writeable = False
    return copy


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(2, 5, 3, 4), (4, 1, 3)], ids=str)
def test_factors_come_in_any_form_and_stay_as_they_are(form, shape):
    problem, factors = exact_case(shape, seed=12)
    given_factors = FORMS[form](factors)
    # Integers: the results are exact, whatever path the entries take through BLAS.
    for compute in (
        dmf.end_to_end,
        dmf.flatten,
        dmf.imbalance,
        problem.loss,
        lambda factors: dmf.flatten(problem.gradient(factors)),
        lambda factors: np.concatenate([a.ravel() for a in dmf.partial_products(factors)[0]]),
        lambda factors: dmf.hessian(problem, factors),
        lambda factors: dmf.hessian_operator(problem, factors) @ np.eye(problem.size),
        lambda factors: dmf.hessian_trace(problem, factors),
    ):
        result = compute(given_factors)
        np.testing.assert_array_equal(result, compute(factors))
        assert np.asarray(result).dtype == np.float64
    for now, before in zip(given_factors, factors, strict=True):
        np.testing.assert_array_equal(now, before)


def test_diagonal_blocks_have_no_residual_part():
    problem, factors = exact_case((3, 4, 2), seed=13)
    other = dmf.Problem(problem.target + 5, problem.hidden_widths, problem.reg)
    difference = dmf.hessian(other, factors) - dmf.hessian(problem, factors)
    ends = np.cumsum([0, *(factor.size for factor in factors)])
    for start, end in pairwise(ends):
        assert not difference[start:end, start:end].any()
    assert difference.any()
