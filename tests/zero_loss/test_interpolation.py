"""The flattest interpolator against closed forms and against a convex solver."""

import numpy as np
import pytest

import dmfbook as dmf
from dmfbook.claims.cases.targets import random_truth
from dmfbook.claims.oracles.convex import nuclear_norm_minimizer
from dmfbook.claims.oracles.measurements import dense_rows, square_root


@pytest.mark.parametrize("hidden", [(3,), (4, 3), (3, 5, 3)], ids=str)
def test_determined_problems_end_at_the_flattest_factors(hidden):
    rng = np.random.default_rng(0)
    target = rng.normal(size=(4, 3))
    full = dmf.entry_sampling((4, 3), 12, rng)
    result = dmf.flattest_interpolator(full, full.forward(target), hidden)
    assert result.converged and result.misfit <= 1e-6 and result.stationarity <= 1e-4
    np.testing.assert_allclose(dmf.end_to_end(result.factors), target, atol=1e-5)
    # At a stationary point the trace is off by the misfit times a multiplier of the trace's order.
    least = dmf.flattest_trace(target, len(hidden) + 1)
    assert result.trace == pytest.approx(least, rel=1e-5)
    assert result.trace == pytest.approx(dmf.sensing_hessian_trace(full, result.factors))
    assert result.evaluations > 0


def test_more_measurements_than_entries_do_no_harm():
    rng = np.random.default_rng(1)
    operator = dmf.gaussian_sensing((3, 2), 20, rng)
    target = rng.normal(size=(3, 2))
    result = dmf.flattest_interpolator(operator, operator.forward(target), (2,))
    assert result.converged
    np.testing.assert_allclose(dmf.end_to_end(result.factors), target, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_depth_two_solves_the_convex_problem(seed):
    rng = np.random.default_rng(seed)
    operator = dmf.gaussian_sensing((5, 4), 12, rng)
    values = operator.forward(random_truth(rng, (5, 4), 4))
    matrices = dense_rows(operator).reshape(-1, 4, 5).mT
    left = square_root((matrices @ matrices.mT).sum(axis=0))
    right = square_root((matrices.mT @ matrices).sum(axis=0))
    whitened = dmf.dense_sensing(np.linalg.inv(left) @ matrices @ np.linalg.inv(right))
    least = 4 * np.linalg.norm(nuclear_norm_minimizer(whitened, values), "nuc")
    result = dmf.flattest_interpolator(operator, values, (5,), tolerance=1e-7)
    assert result.trace == pytest.approx(least, rel=1e-6)


@pytest.mark.parametrize("depth", [2, 3])
def test_rank_one_is_recovered_from_a_random_start(depth):
    rng = np.random.default_rng(3)
    truth = random_truth(rng, (6, 5), 1)
    operator = dmf.gaussian_sensing((6, 5), 26, rng)
    widths = (5, *(6,) * (depth - 1), 6)
    start = [rng.normal(size=(b, a)) / 3 for a, b in zip(widths, widths[1:], strict=False)]
    before = [factor.copy() for factor in start]
    values = operator.forward(truth)
    result = dmf.flattest_interpolator(operator, values, widths[1:-1], start=start)
    assert result.converged
    assert np.linalg.norm(dmf.end_to_end(result.factors) - truth) < 1e-4
    for factor, copy in zip(start, before, strict=True):
        np.testing.assert_array_equal(factor, copy)


def test_a_bottleneck_limits_the_rank():
    rng = np.random.default_rng(4)
    truth = random_truth(rng, (5, 4), 1)
    operator = dmf.gaussian_sensing((5, 4), 16, rng)
    result = dmf.flattest_interpolator(operator, operator.forward(truth), (1,))
    assert result.converged
    np.testing.assert_allclose(dmf.end_to_end(result.factors), truth, atol=1e-4)


OPERATOR = dmf.gaussian_sensing((3, 2), 4, np.random.default_rng(0))
VALUES = np.array([1.0, 2.0, 3.0, 4.0])
LONG = dmf.gaussian_sensing((3, 2), 9, np.random.default_rng(0))
BAD = {
    "too short": ((OPERATOR, VALUES[:3], (2,)), ValueError, r"must have shape \(4,\)"),
    "a stack": ((OPERATOR, VALUES[None], (2,)), ValueError, "must be one set"),
    "NaN": ((OPERATOR, VALUES * np.nan, (2,)), ValueError, "measurements must be finite"),
    "zero": ((OPERATOR, 0 * VALUES, (2,)), ValueError, "must not all be zero"),
    "no width": ((OPERATOR, VALUES, ()), ValueError, "at least 1 width"),
    "width zero": ((OPERATOR, VALUES, (0,)), ValueError, "must be at least 1"),
    "unfit": ((LONG, np.arange(9.0), (2,)), ValueError, "must be those of some matrix"),
    "start": ((OPERATOR, VALUES, (2,), [np.eye(2)] * 2), ValueError, r"factors\[1\] must have"),
    "zero start": (
        (OPERATOR, VALUES, (2,), [np.zeros((2, 2)), np.zeros((3, 2))]),
        ValueError,
        "positive trace",
    ),
    "tolerance": ((OPERATOR, VALUES, (2,), None, 0.0), ValueError, "tolerance must be positive"),
}


@pytest.mark.parametrize("arguments, error, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        dmf.flattest_interpolator(*arguments)
