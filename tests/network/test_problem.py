"""The objective and its gradient against plain sums, automatic differentiation and Taylor's theorem."""

import copy
import dataclasses
import pickle

import autograd
import numpy as np
import pytest
from hypothesis import given
from strategies import (
    WIDTHS,
    absolute,
    exact_cases,
    np_abs,
    objective,
    real_case,
    real_cases,
    rounding,
)

import dmfbook as dmf


@given(exact_cases())
def test_a_problem_knows_its_numbers(case):
    problem, factors = case
    assert problem.depth == len(factors) == len(problem.reg) == len(problem.hidden_widths) + 1
    assert problem.size == sum(factor.size for factor in factors)
    assert problem.widths[1:] == tuple(len(factor) for factor in factors)
    assert problem.widths[:-1] == tuple(factor.shape[1] for factor in factors)


def test_one_weight_serves_all_layers_and_none_is_the_default():
    assert dmf.Problem([[1.0]], (2, 3), reg=0.5).reg == (0.5, 0.5, 0.5)
    assert dmf.Problem([[1.0]], (2, 3), reg=(1, 0, 2)).reg == (1.0, 0.0, 2.0)
    assert dmf.Problem([[1.0]], [2, 3]).reg == (0.0, 0.0, 0.0)
    assert dmf.Problem([[1.0]], np.array([2, 3])).hidden_widths == (2, 3)


def test_a_problem_says_one_weight_or_all():
    assert repr(dmf.Problem([[1.0]], (2, 3), reg=0.5)).endswith("hidden_widths=(2, 3), reg=0.5)")
    assert repr(dmf.Problem([[1.0]], (2, 3), reg=(1, 0, 1))).endswith("reg=(1.0, 0.0, 1.0))")


def test_a_problem_is_frozen_and_keeps_its_own_target():
    target = np.ones((2, 3))
    problem = dmf.Problem(target, (4,))
    target[:] = 7
    assert np.all(problem.target == 1)
    with pytest.raises(ValueError, match="read-only"):
        problem.target[0, 0] = 7
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.reg = (1.0, 1.0)
    assert problem != copy.copy(problem) and problem in {problem}
    assert dataclasses.replace(problem, reg=2).reg == (2.0, 2.0)


LOSSES = {
    "factorization": dmf.Factorization(np.arange(6.0).reshape(2, 3)),
    "regression": dmf.Regression(np.arange(12.0).reshape(3, 4), np.ones((2, 4)), scale=0.25),
    "huge data": dmf.Regression(1e200 * np.arange(12.0).reshape(3, 4), 1e-200 * np.ones((2, 4))),
}


@pytest.mark.parametrize("copies", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_copies_are_the_same_and_read_only(loss, copies):
    problem = dmf.Problem(loss, (4,), reg=(0.5, 1.0))
    again, same = copies([problem, problem])
    assert again is same and repr(again) == repr(problem)
    factors = [np.ones((4, 3)), np.ones((2, 4))]
    if np.isfinite(problem.loss(factors)):
        assert again.loss(factors) == problem.loss(factors)
    names = (
        ("target",) if isinstance(loss, dmf.Factorization) else ("whitened_target", "input_factor")
    )
    for name in names:
        found, kept = getattr(again.end_to_end_loss, name), getattr(loss, name)
        np.testing.assert_array_equal(found, kept)
        for array in (found, kept):
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0] = 7
    if isinstance(loss, dmf.Factorization):
        assert again.target is again.end_to_end_loss.target


@pytest.mark.parametrize("name", LOSSES)
def test_a_problem_has_one_hash_before_and_after_use(name):
    joblib = pytest.importorskip("joblib")
    problem = dmf.Problem(LOSSES[name], (4,))
    fresh = pickle.loads(pickle.dumps(problem))
    before = joblib.hash(fresh)
    fresh.loss([np.ones((4, 3)), np.ones((2, 4))])
    fresh.end_to_end_loss.units(0)
    assert joblib.hash(fresh) == joblib.hash(problem) == before


@given(exact_cases())
def test_loss_and_gradient_are_exact_on_integers(case):
    problem, factors = case
    vector = dmf.flatten(factors)
    loss = problem.loss(factors)
    assert isinstance(loss, float) and loss == objective(problem)(vector)
    gradient = problem.gradient(factors)
    np.testing.assert_array_equal(dmf.flatten(gradient), autograd.grad(objective(problem))(vector))
    assert [g.shape for g in gradient] == [factor.shape for factor in factors]


@given(real_cases())
def test_loss_and_gradient_are_accurate_at_any_depth(case):
    problem, factors = case
    vector = dmf.flatten(factors)
    scale = objective(absolute(problem))
    magnitude = dmf.flatten(np_abs(factors))
    assert abs(problem.loss(factors) - objective(problem)(vector)) <= (
        rounding(problem) * scale(magnitude)
    )
    error = dmf.flatten(problem.gradient(factors)) - autograd.grad(objective(problem))(vector)
    assert np.all(abs(error) <= rounding(problem) * autograd.grad(scale)(magnitude))


@pytest.mark.parametrize("shape", WIDTHS, ids=str)
def test_gradient_remainder_falls_with_slope_two(shape):
    problem, factors = real_case(shape, seed=1)
    gradient = dmf.flatten(problem.gradient(factors))
    point = dmf.flatten(factors)
    directions = np.random.default_rng(2).standard_normal((20, problem.size))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    def remainder(t):
        # The mean square over directions is nowhere near zero, as a single remainder can be.
        return np.linalg.norm(
            [
                problem.loss(dmf.unflatten(point + t * move, problem.widths))
                - problem.loss(factors)
                - t * (gradient @ move)
                for move in directions
            ]
        )

    # The term of third order bends the slope by O(t); rounding is ε/t² ≈ 1e-9 of the remainder.
    t = 2.0**-11
    slope = np.log2(remainder(2 * t) / remainder(t))
    assert slope == pytest.approx(2, abs=32 * t)
