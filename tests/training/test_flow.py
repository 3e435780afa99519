"""Gradient flow against closed forms, conserved quantities and small steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import Distance, Runaway, flow
from strategies import real_case, widths

import dmfbook as dmf


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


def test_flow_keeps_what_it_had_before_a_singularity():
    watch = {"u": lambda u: u[0]}
    with pytest.raises(FloatingPointError) as caught:
        dmf.gradient_flow(Runaway(), [np.ones(1)], 2.0, record=watch)
    run = caught.value.trajectory
    assert run.status == "interrupted" and len(run.times) == run.steps + 1
    # u = 1 / (1 − t), whose relative error grows as u itself.
    early = run.times < 1 - 1e-4
    exact = 1 / (1 - run.times[early])
    assert early.sum() > 10
    np.testing.assert_allclose(run.records["u"][early, 0], exact, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 3, 2), (3, 4, 2, 3), (1, 2, 3, 2, 1)], ids=str)
@pytest.mark.parametrize("sign", [-1, 1])
def test_flow_in_other_units_is_the_same_to_the_last_bit(shape, sign):
    """Factors times s: the target grows as s^L, times as s^{2−2L}, weights as s^{2L−2}."""
    problem, factors = real_case(shape, seed=7)
    depth = len(factors)
    s = 2.0 ** (sign * (500 // depth // 2))
    weights = np.multiply(problem.reg, s ** (2 * depth - 2))
    scaled = dmf.Problem(s**depth * problem.target, problem.hidden_widths, reg=weights)
    watch = {"w": lambda w: w[-1]}
    run = dmf.gradient_flow(problem, factors, 2.0, record=watch)
    start = [s * factor for factor in factors]
    other = dmf.gradient_flow(scaled, start, 2.0 * s ** (2 - 2 * depth), record=watch)
    assert (other.status, other.steps) == (run.status, run.steps)
    np.testing.assert_array_equal(other.records["w"], s * run.records["w"])
    np.testing.assert_array_equal(other.times, run.times * s ** (2 - 2 * depth))
    assert other.loss == s ** (2 * depth) * run.loss


@pytest.mark.parametrize("scale", [1e-100, 1e-20, 1e20, 1e100])
def test_flow_of_a_quadratic_at_any_scale(scale):
    for start in ([1.0, -2.0], [0.0, 0.0], [1e-9, 0.0]):
        start, target = scale * np.array(start), scale * np.array([3.0, 0.5])
        run = dmf.gradient_flow(Distance(target), [start], 2.0, record={"u": lambda w: w[0]})
        exact = target + np.exp(-run.times)[:, None] * (start - target)
        # A step errs by 1e-10 relatively, and the flow contracts.
        np.testing.assert_allclose(run.records["u"], exact, rtol=0, atol=1e-9 * scale)


def test_small_entries_are_as_accurate_as_promised():
    """A small entry beside a large one decays much faster, and one stays zero: three modes of a quadratic."""
    rates, start = np.array([0.1, 100.0, 1.0]), np.array([1.0, 1e-7, 0.0])

    class Bowl:
        def loss(self, factors):
            return float(rates @ factors[0] ** 2 / 2)

        def gradient(self, factors):
            return [rates * factors[0]]

    watch = {"u": lambda u: u[0]}
    run = dmf.gradient_flow(Bowl(), [start], 1e9, tolerance=0.095, record=watch)
    exact = start * np.exp(-run.times[:, None] * rates)
    # A step errs by 1e-13 of the largest entry.
    np.testing.assert_allclose(run.records["u"], exact, rtol=1e-9, atol=1e-12)
    usual = dmf.gradient_flow(Bowl(), [start], 1e9, tolerance=0.095, accuracy=1e-10)
    np.testing.assert_array_equal(run.times, usual.times)


@pytest.mark.parametrize("power", [-300, 300])
def test_flow_from_zero_knows_its_own_time(power):
    class Steep(Distance):
        def __init__(self, curvature):
            super().__init__([3.0, 0.5])
            self.curvature = curvature

        def gradient(self, factors):
            return [self.curvature * block for block in super().gradient(factors)]

    runs = [dmf.gradient_flow(Steep(h), [np.zeros(2)], 2 / h) for h in (1.0, 2.0**power)]
    np.testing.assert_array_equal(runs[1].factors[0], runs[0].factors[0])
    assert runs[1].steps == runs[0].steps
    np.testing.assert_allclose(runs[0].factors[0], (1 - np.exp(-2)) * np.array([3.0, 0.5]))


def test_a_minimum_does_not_flow():
    for tolerance in (0.0, 1e-3):
        run = dmf.gradient_flow(Distance([8.0]), [np.full(1, 8.0)], 100.0, tolerance=tolerance)
        assert run.status == "converged" and run.steps == 0 and run.times.tolist() == [0.0]


def test_flow_from_a_small_start_grows_as_it_should():
    """One mode of a scalar problem with equal factors: the logistic curve of ``w²``, from 1e-30 on."""
    problem, w = dmf.Problem([[1.0]], (1,)), 1e-15
    # x = w²: ẋ = 4 x (1 − x).
    time = np.log((1 - w**2) / w**2) / 4  # where x is one half
    run = dmf.gradient_flow(problem, [[[w]], [[w]]], float(time), accuracy=1e-12)
    assert dmf.end_to_end(run.factors)[0, 0] == pytest.approx(0.5, rel=1e-8)


BAD = {
    "time": ({"time": 0.0}, ValueError, "time must be positive"),
    "times": ({"time": [1.0]}, TypeError, "time must be a number"),
    "exact": ({"accuracy": 0.0}, ValueError, "accuracy must be positive"),
    "too exact": ({"accuracy": 1e-16}, ValueError, "accuracy must be at least 2.2e-14"),
    "None": ({"accuracy": None}, TypeError, "accuracy must be a real number"),
}


@pytest.mark.parametrize(("options", "error", "message"), BAD.values(), ids=BAD)
def test_bad_options_of_flow_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        flow(**options)
