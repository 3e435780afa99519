"""Gradient descent against a loop of plain steps, gradient flow against closed forms and small steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import EPS, real_case, widths

import dmfbook as dmf


class Distance:
    """``½ ‖U − T‖²`` for one array, whose flow is ``T + e^{−t} (U_0 − T)``."""

    def __init__(self, target):
        self.target = np.asarray(target, dtype=float)

    def loss(self, factors):
        return float(np.sum((factors[0] - self.target) ** 2) / 2)

    def gradient(self, factors):
        return [factors[0] - self.target]


class Runaway:
    """``−u³ / 3``: from a positive start both methods go to infinity, the flow in finite time."""

    def loss(self, factors):
        return float(-np.sum(factors[0] ** 3) / 3)

    def gradient(self, factors):
        return [-(factors[0] ** 2)]


class Plain:
    """A problem behind the two methods that any objective has."""

    def __init__(self, problem):
        self.loss, self.gradient = problem.loss, problem.gradient


def descend(problem, factors, step, steps):
    """Plain gradient descent."""
    for _ in range(steps):
        slopes = problem.gradient(factors)
        factors = [w - step * g for w, g in zip(factors, slopes, strict=True)]
    return factors


@given(widths(max_depth=6), st.integers(0, 2**32 - 1), st.booleans())
def test_descent_takes_plain_steps(shape, seed, penalized):
    problem, factors = real_case(shape, seed)
    if not penalized:
        problem = dmf.Problem(problem.target, problem.hidden_widths)
    run = dmf.gradient_descent(problem, factors, 1e-3, 20)
    assert run.status == "finished" and run.steps == 20
    # The same products in another order: a few roundings a step, which small steps do not amplify.
    scale = 1 + np.linalg.norm(dmf.flatten(factors))
    for found, expected in zip(run.factors, descend(problem, factors, 1e-3, 20), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e3 * EPS * scale)
    assert run.loss == problem.loss(run.factors)


@pytest.mark.parametrize("shape", [(2, 5, 3, 4), (1, 3, 1), (4, 1, 3)], ids=str)
def test_any_objective_will_do(shape):
    problem, factors = real_case(shape, seed=1)
    fast = dmf.gradient_descent(problem, factors, 0.01, 50)
    plain = dmf.gradient_descent(Plain(problem), factors, 0.01, 50)
    for found, expected in zip(fast.factors, plain.factors, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def test_one_array_of_any_shape_will_do():
    target = np.arange(6.0).reshape(1, 2, 3)
    run = dmf.gradient_descent(Distance(target), [np.zeros((1, 2, 3))], 0.5, 100)
    np.testing.assert_allclose(run.factors[0], target, atol=1e-12)


def test_loss_falls_by_the_squared_gradient_to_first_order():
    problem, factors = real_case((3, 4, 2, 5), seed=2)
    square = sum(np.sum(slope**2) for slope in problem.gradient(factors))

    def remainder(step):
        return abs(
            problem.loss(factors)
            - dmf.gradient_descent(problem, factors, step, 1).loss
            - step * square
        )

    slope = np.log2(remainder(2e-4) / remainder(1e-4))
    assert slope == pytest.approx(2, abs=0.05)


def test_records():
    problem, factors = real_case((2, 3, 2), seed=3)
    watch = {"loss": problem.loss, "product": dmf.end_to_end, "kept": lambda w: w[0]}
    run = dmf.gradient_descent(problem, factors, 0.01, 25, record=watch, every=10)
    np.testing.assert_allclose(run.times, [0, 0.1, 0.2, 0.25])
    assert {name: values.shape for name, values in run.records.items()} == {
        "loss": (4,),
        "product": (4, 2, 2),
        "kept": (4, 3, 2),
    }
    # What a recorder keeps is its own, and the start is left alone.
    np.testing.assert_array_equal(run.records["kept"][0], factors[0])
    assert not np.array_equal(run.records["kept"][1], factors[0])
    for time, loss in zip(run.times, run.records["loss"], strict=True):
        count = round(time / 0.01)
        assert loss == dmf.gradient_descent(problem, factors, 0.01, count).loss
    assert run.records["loss"][-1] == run.loss


def test_no_steps():
    problem, factors = real_case((2, 3, 2), seed=4)
    run = dmf.gradient_descent(problem, factors, 0.1, 0, record={"loss": problem.loss})
    assert run.steps == 0 and run.status == "finished" and run.times.tolist() == [0]
    assert run.records["loss"][0] == run.loss == problem.loss(factors)


def test_convergence_ends_a_run():
    run = dmf.gradient_descent(Distance([8.0]), [np.zeros(1)], 0.5, 100, tolerance=1.0)
    # 8, 4, 2, 1: the gradient is within the tolerance after three steps.
    assert run.status == "converged" and run.steps == 3
    assert run.factors[0].tolist() == [7.0] and run.loss == 0.5
    assert run.times.tolist() == [0, 0.5, 1, 1.5]


@pytest.mark.parametrize("step", [1.0, 100.0])
def test_divergence_ends_a_run(step):
    problem, factors = dmf.Problem([[1.0]], (1, 1)), [[[2.0]], [[3.0]], [[-1.0]]]
    run = dmf.gradient_descent(problem, factors, step, 1000, record={"loss": problem.loss})
    assert run.status == "diverged" and run.steps < 100
    assert all(np.isfinite(factor).all() for factor in run.factors)
    assert np.isfinite(run.records["loss"]).all() and len(run.times) == run.steps


def test_divergence_of_any_objective():
    run = dmf.gradient_descent(Runaway(), [np.ones(1)], 1.0, 1000)
    assert run.status == "diverged"


def test_long_runs_of_deep_networks_settle():
    factors = dmf.zero_loss_factors([[1.0]], (3,) * 14, np.random.default_rng(0), condition=2.0)
    problem = dmf.Problem([[1.0]], (3,) * 14)
    start = [w + 1e-3 for w in factors]
    step = 1 / dmf.sharpness(factors)
    run = dmf.gradient_descent(problem, start, step, 20_000, tolerance=1e-13)
    assert run.status == "converged" and run.loss < 1e-24


def test_flow_of_a_quadratic():
    start, target = np.array([[1.0, -2.0]]), np.array([[3.0, 0.5]])
    run = dmf.gradient_flow(Distance(target), [start], 2.0, record={"u": lambda w: w[0]})
    exact = target + np.exp(-run.times)[:, None, None] * (start - target)
    np.testing.assert_allclose(run.records["u"], exact, atol=1e-9)
    assert run.status == "finished" and run.times[-1] == 2 and run.steps == len(run.times) - 1


def test_flow_is_the_limit_of_small_steps():
    problem, factors = real_case((3, 4, 2, 3), seed=5)
    end = dmf.flatten(dmf.gradient_flow(problem, factors, 1.0, accuracy=1e-12).factors)

    def error(steps):
        run = dmf.gradient_descent(problem, factors, 1 / steps, steps)
        return np.linalg.norm(dmf.flatten(run.factors) - end)

    slope = np.log2(error(4000) / error(8000))
    assert slope == pytest.approx(1, abs=0.02)


@given(widths(max_depth=5), st.integers(0, 2**32 - 1))
def test_flow_conserves_differences_of_gram_matrices(shape, seed):
    problem, factors = real_case(shape, seed)
    problem = dmf.Problem(problem.target, problem.hidden_widths)
    ends = dmf.gradient_flow(problem, factors, 1.0).factors
    for l in range(len(factors) - 1):
        before = factors[l + 1].T @ factors[l + 1] - factors[l] @ factors[l].T
        after = ends[l + 1].T @ ends[l + 1] - ends[l] @ ends[l].T
        np.testing.assert_allclose(after, before, atol=1e-8)


def test_flow_ends_when_it_has_converged():
    run = dmf.gradient_flow(Distance([8.0]), [np.zeros(1)], 100.0, tolerance=1e-3)
    assert run.status == "converged" and run.times[-1] < 20 and run.loss <= 1e-6


def test_flow_into_a_singularity_is_an_error():
    with pytest.raises(FloatingPointError, match="integrator failed at time"):
        dmf.gradient_flow(Runaway(), [np.ones(1)], 2.0)


PROBLEM, START = dmf.Problem([[1.0]], (2,)), [np.ones((2, 1)), np.ones((1, 2))]
BAD = [
    (lambda: dmf.gradient_descent(PROBLEM, START, 0.0, 1), ValueError, "step must be positive"),
    (lambda: dmf.gradient_descent(PROBLEM, START, -1.0, 1), ValueError, "step must be positive"),
    (lambda: dmf.gradient_descent(PROBLEM, START, np.nan, 1), ValueError, "step must be finite"),
    (lambda: dmf.gradient_descent(PROBLEM, START, 0.1, -1), ValueError, "steps must be at least 0"),
    (lambda: dmf.gradient_descent(PROBLEM, START, 0.1, 1.5), TypeError, "steps must be an integer"),
    (lambda: dmf.gradient_descent(PROBLEM, START, 0.1, 1, every=0), ValueError, "every must be"),
    (
        lambda: dmf.gradient_descent(PROBLEM, START, 0.1, 1, tolerance=-1.0),
        ValueError,
        "tolerance must not be negative",
    ),
    (
        lambda: dmf.gradient_descent(PROBLEM, START[::-1], 0.1, 1),
        ValueError,
        r"factors\[1\] must have 1 columns|must have shape",
    ),
    (lambda: dmf.gradient_descent(Distance([1.0]), [], 0.1, 1), ValueError, "at least 1 array"),
    (lambda: dmf.gradient_flow(PROBLEM, START, 0.0), ValueError, "time must be positive"),
    (
        lambda: dmf.gradient_flow(PROBLEM, START, 1.0, accuracy=0.0),
        ValueError,
        "accuracy must be positive",
    ),
    (
        lambda: dmf.gradient_flow(PROBLEM, START, 1.0, tolerance=np.nan),
        ValueError,
        "tolerance must not be negative",
    ),
]


@pytest.mark.parametrize("call, error, message", BAD)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
