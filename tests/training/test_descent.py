"""Gradient descent against a loop of plain steps; schedules, momentum, records, and what ends a run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import Distance, Runaway
from runs import descend as short_run
from strategies import EPS, real_case, widths

import dmfbook as dmf


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


def test_recorders_keep_what_they_returned():
    buffer = np.zeros(2)

    def reuse(factors):
        buffer[:] = factors[0]
        return buffer

    run = dmf.gradient_descent(Distance([8.0, 4.0]), [np.zeros(2)], 0.5, 2, record={"w": reuse})
    assert run.records["w"].tolist() == [[0, 0], [4, 2], [6, 3]]


def test_a_trajectory_prints_what_one_would_ask():
    problem, factors = real_case((2, 3, 2), seed=3)
    run = dmf.gradient_descent(problem, factors, 0.01, 25, record={"w": lambda w: w[0]}, every=10)
    assert repr(run) == f"Trajectory(finished, steps 25, loss {run.loss:.3g}, 4 records of w)"
    bare = dmf.gradient_descent(problem, factors, 0.01, 25)
    assert repr(bare).endswith("26 records of nothing)")


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9])
def test_a_schedule_and_momentum(momentum):
    problem, factors = real_case((2, 4, 3, 3), seed=6)
    asked = []

    def schedule(count):
        asked.append(count)
        return 1e-2 / (1 + count)

    watch = {"loss": problem.loss}
    run = dmf.gradient_descent(problem, factors, schedule, 30, momentum=momentum, record=watch)
    assert asked == list(range(30))
    sizes = [1e-2 / (1 + count) for count in range(30)]
    np.testing.assert_allclose(run.times, [sum(sizes[:count]) for count in range(31)], rtol=1e-14)
    before, now = factors, factors
    for size in sizes:
        slopes = problem.gradient(now)
        layers = zip(now, before, slopes, strict=True)
        after = [w - size * slope + momentum * (w - old) for w, old, slope in layers]
        before, now = now, after
    for found, expected in zip(run.factors, now, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_momentum_attains_the_rate_of_a_quadratic():
    """On ``½ Σ h_i u_i²`` with the best step and momentum each step shrinks by ``(√κ − 1) / (√κ + 1)``."""
    curvatures = np.array([1.0, 100.0])

    class Bowl:
        def loss(self, factors):
            return float(curvatures @ factors[0] ** 2 / 2)

        def gradient(self, factors):
            return [curvatures * factors[0]]

    rate = (10 - 1) / (10 + 1)
    step = (2 / (10 + 1)) ** 2
    run = dmf.gradient_descent(
        Bowl(),
        [np.ones(2)],
        step,
        400,
        momentum=rate**2,
        record={"u": lambda u: np.abs(u[0]).max()},
    )
    # Both eigenvalues of the recursion agree there, so a factor linear in the step remains.
    measured = (run.records["u"][400] / run.records["u"][200]) ** (1 / 200)
    assert measured == pytest.approx(rate, rel=2 * np.log(2) / 200)


def test_times_are_sums_of_steps_without_loss():
    run = dmf.gradient_descent(Distance([1.0]), [np.zeros(1)], 0.1, 10_000, every=10_000)
    assert run.times.tolist() == [0, 1000]  # a plain sum of 0.1 is off by 1e-10
    # Steps too small to move the clock are steps.
    watch = {"w": lambda w: w[0]}
    run = dmf.gradient_descent(
        Distance([1.0]), [np.zeros(1)], lambda t: 1e-20 if t else 0.5, 3, record=watch
    )
    assert run.times.tolist() == [0, 0.5, 0.5, 0.5] and len(run.records["w"]) == 4


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


@pytest.mark.parametrize("step", [1.0, 100.0])
def test_an_overflow_error_is_divergence(step):
    """An objective of the package, in a class of the reader's, says so; the run ends as without it."""
    problem, factors = dmf.Problem([[2.0**900]], (1, 1)), [[[2.0**300]]] * 2 + [[[-(2.0**300)]]]
    for each in (problem, Plain(problem)):
        run = dmf.gradient_descent(each, factors, step * 2.0**-1000, 1000)
        assert run.status == "diverged" and run.loss == np.inf
        assert all(np.isfinite(factor).all() for factor in run.factors)


def test_large_targets_are_no_divergence():
    problem = dmf.Problem([[1e9]], (1,))
    # Rounding of the residual, 1e9 ε, times a factor of 3e4: below 0.02.
    run = dmf.gradient_descent(problem, [[[1.0]], [[1.0]]], 2e-10, 1000, tolerance=0.1)
    assert run.status == "converged"
    assert dmf.end_to_end(run.factors) == pytest.approx(1e9, rel=1e-12)


def test_a_long_first_step_is_no_divergence():
    for start in (0.0, 1e-30):
        run = dmf.gradient_descent(Distance([1e9]), [np.full(1, start)], 0.5, 200, tolerance=1e-3)
        assert run.status == "converged"


def test_a_long_step_that_leads_down_is_no_divergence():
    """After small first steps, one over the whole distance."""
    run = dmf.gradient_descent(
        Distance([1e9, -1e9]), [np.full(2, 1e-30)], lambda t: 0.5 if t > 1 else 1e-50, 3
    )
    assert run.status == "finished"
    np.testing.assert_allclose(run.factors[0], [5e8, -5e8])


def test_a_second_step_may_be_too_long():
    """Up, and far beyond all digits of the point: it is not taken."""
    run = dmf.gradient_descent(Distance([0.0]), [np.ones(1)], lambda t: 1e20 if t else 0.5, 9)
    assert run.status == "diverged" and run.steps == 1
    assert run.factors[0].tolist() == [0.5]


@pytest.mark.parametrize("start", [0.0, 1e-30])
def test_a_first_step_that_is_too_long_is_no_divergence(start):
    """On ``ln cosh(u − 1)``, whose slope is below 1, every run stays near the minimum."""

    class Bounded:
        def loss(self, factors):
            return float(np.log(np.cosh(factors[0][0] - 1)))

        def gradient(self, factors):
            return [np.tanh(factors[0] - 1)]

    loss = Bounded().loss
    run = dmf.gradient_descent(Bounded(), [np.full(1, start)], 4.0, 50, record={"loss": loss})
    assert run.records["loss"][1] > 2 * run.records["loss"][0]
    assert run.status == "finished" and abs(run.factors[0][0]) < 5


def test_a_run_that_only_grows_is_finished():
    """Exponential growth, from a step beyond 2 over the curvature, until it overflows."""
    run = dmf.gradient_descent(Distance([0.0]), [np.ones(1)], 12.0, 200)
    assert run.status == "finished" and abs(run.factors[0][0]) == pytest.approx(11.0**200)
    run = dmf.gradient_descent(Distance([0.0]), [np.ones(1)], 12.0, 1000)
    assert run.status == "diverged" and np.isfinite(run.factors[0]).all()


@pytest.mark.parametrize("shape", [(2, 3, 2), (3, 4, 2, 3), (1, 2, 3, 2, 1)], ids=str)
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_descent_in_other_units_is_the_same_to_the_last_bit(shape, sign, momentum):
    """Factors times s: the target grows as s^L, the loss as s^{2L}; steps and weights as s^{2−2L} and s^{2L−2}."""
    problem, factors = real_case(shape, seed=7)
    depth = len(factors)
    s = 2.0 ** (sign * (500 // depth // 2))  # the loss up to 2^500, gradients within float64
    scaled = dmf.Problem(
        s**depth * problem.target,
        problem.hidden_widths,
        reg=np.multiply(problem.reg, s ** (2 * depth - 2)),
    )
    options = {"momentum": momentum, "record": {"w": lambda w: w[-1]}}
    step, start = 0.05, [s * factor for factor in factors]
    tolerance = 0.02 * np.linalg.norm(dmf.flatten(problem.gradient(factors)))
    run = dmf.gradient_descent(problem, factors, step, 300, tolerance=tolerance, **options)
    other = dmf.gradient_descent(
        scaled,
        start,
        step * s ** (2 - 2 * depth),
        300,
        tolerance=tolerance * s ** (2 * depth - 1),
        **options,
    )
    assert (other.status, other.steps) == (run.status, run.steps)
    np.testing.assert_array_equal(other.records["w"], s * run.records["w"])
    np.testing.assert_array_equal(other.times, run.times * s ** (2 - 2 * depth))
    assert other.loss == s ** (2 * depth) * run.loss


def test_divergence_in_other_units_is_the_same():
    for s in (2.0**-170, 2.0**-100, 2.0**100, 2.0**170):  # also where losses are 0 or infinite
        for step in (0.9, 1.0, 100.0):
            runs = [
                dmf.gradient_descent(
                    dmf.Problem([[c**3]], (1, 1)),
                    [[[2.0 * c]], [[3.0 * c]], [[-c]]],
                    step * c**-4,
                    1000,
                )
                for c in (1.0, s)
            ]
            assert runs[0].status == runs[1].status == "diverged"
            assert runs[0].steps == runs[1].steps
            assert runs[1].factors[0] == s * runs[0].factors[0]


def test_long_runs_of_deep_networks_settle():
    factors = dmf.zero_loss_factors([[1.0]], (3,) * 14, np.random.default_rng(0), condition=2.0)
    problem = dmf.Problem([[1.0]], (3,) * 14)
    start = [w + 1e-3 for w in factors]
    step = 1 / dmf.sharpness(factors)
    run = dmf.gradient_descent(problem, start, step, 20_000, tolerance=1e-13)
    assert run.status == "converged" and run.loss < 1e-24


BAD = {
    "zero": ({"step": 0.0}, ValueError, "step must be positive"),
    "uphill": ({"step": -1.0}, ValueError, "step must be positive"),
    "NaN": ({"step": np.nan}, ValueError, "step must be positive and finite"),
    "list": ({"step": [0.1]}, TypeError, "step must be a number"),
    "array": ({"step": np.array([0.1])}, TypeError, "step must be a number"),
    "None": ({"step": None}, TypeError, "step must be a real number"),
    "text": ({"step": "0.1"}, TypeError, "step must be a number"),
    "silent": ({"step": lambda t: None}, TypeError, r"step\(0\) must be a real number"),
    "backward": ({"step": lambda t: -0.1}, ValueError, r"step\(0\) must be positive"),
    "count": ({"steps": -1}, ValueError, "steps must be at least 0"),
    "half": ({"steps": 1.5}, TypeError, "steps must be an integer"),
    "every": ({"every": 0}, ValueError, "every must be at least 1"),
    "momentum": ({"momentum": 1.0}, ValueError, "momentum must be below 1, got 1"),
    "friction": ({"momentum": -0.1}, ValueError, "momentum must be finite and not negative"),
    "momenta": ({"momentum": [0.1]}, TypeError, "momentum must be a number"),
}


@pytest.mark.parametrize(("options", "error", "message"), BAD.values(), ids=BAD)
def test_bad_options_of_descent_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        short_run(**options)
