"""Two-cycles against the map itself, the Hessian, and runs."""

import numpy as np
import pytest

import dmfbook as dmf

EPS = np.finfo(float).eps
CASES = [(1.0, 0.51, 0.0), (1.0, 0.6, 0.0), (3.0, 0.2, 0.1), (0.7, 1.4, 0.05), (2.0, 0.9, 0.3)]


def problem(target, reg):
    return dmf.Problem([[target]], (1,), reg=reg)


def point(*values):
    return [np.array([[value]]) for value in values]


@pytest.mark.parametrize(("target", "step", "reg"), CASES)
def test_a_step_exchanges_the_two_values(target, step, reg):
    cycle = dmf.two_cycle(target, step, reg)
    assert 0 < cycle.low < cycle.high
    for start, end in ((cycle.low, cycle.high), (cycle.high, cycle.low)):
        run = dmf.gradient_descent(problem(target, reg), point(start, start), step, 1)
        # The sum a w − b w³ has terms of this size.
        size = (1 + 2 * step * target) * start + 2 * step * start**3
        for factor in run.factors:
            assert abs(factor[0, 0] - end) <= 8 * EPS * size


@pytest.mark.parametrize(("target", "step", "reg"), CASES)
def test_multipliers_are_those_of_two_steps(target, step, reg):
    """Eigenvalues of ``(I − η H(w_1)) (I − η H(w_0))``, from the Hessian of the problem."""
    cycle = dmf.two_cycle(target, step, reg)
    first, second = (
        np.eye(2) - step * dmf.hessian(problem(target, reg), point(w, w))
        for w in (cycle.low, cycle.high)
    )
    both, apart = np.ones(2) / np.sqrt(2), np.array([1.0, -1.0]) / np.sqrt(2)
    steps = second @ first
    size = np.linalg.norm(second) * np.linalg.norm(first)
    for direction, multiplier in ((both, cycle.multiplier), (apart, cycle.imbalance_multiplier)):
        np.testing.assert_allclose(
            steps @ direction, multiplier * direction, rtol=0, atol=20 * EPS * size
        )
    if reg == 0:
        assert cycle.imbalance_multiplier == pytest.approx(
            3 - 4 * step * target, abs=20 * EPS * size
        )


def test_there_is_a_cycle_beyond_the_edge_and_it_is_stable_for_a_while():
    target, reg = 1.5, 0.25
    edge, end = 1 / (2 * (target - reg)), (np.sqrt(5) - 1) / (2 * (target - reg))
    steps = np.array([0.5 * edge, edge * (1 - 1e-12), edge * (1 + 1e-9), end - 1e-9, end + 1e-9])
    cycle = dmf.two_cycle(target, steps, reg)
    for values in (cycle.low, cycle.high, cycle.multiplier, cycle.imbalance_multiplier):
        np.testing.assert_array_equal(np.isnan(values), [True, True, False, False, False])
    meeting = dmf.two_cycle(1.0, 0.5)  # where both values meet
    assert np.isnan([meeting.low, meeting.high, meeting.multiplier]).all()
    assert cycle.multiplier[2] < 1 and cycle.multiplier[3] > -1 > cycle.multiplier[4]
    # At the edge the step is 2 over the curvature of the minimizer, and both values meet there.
    minimizer = dmf.global_minimizer(problem(target, reg))
    assert edge == pytest.approx(2 / dmf.hessian_extremes(minimizer)[1], rel=1e-12)
    assert cycle.low[2] == pytest.approx(np.sqrt(target - reg), rel=1e-4)


@pytest.mark.parametrize("step", [0.52, 0.6])
def test_training_ends_on_a_stable_cycle_and_balances_on_it(step):
    cycle = dmf.two_cycle(1.0, step)
    start = [[[0.5]], [[0.9]]]
    watch = {"w": lambda w: [w[0][0, 0], w[1][0, 0]]}
    run = dmf.gradient_descent(problem(1.0, 0.0), start, step, 2000, record=watch)
    last = np.sort(run.records["w"][-2:], axis=0)
    np.testing.assert_allclose(last, np.outer([cycle.low, cycle.high], [1, 1]), atol=1e-9)


@pytest.mark.parametrize("step", [0.52, 0.6])
def test_imbalance_shrinks_by_its_multiplier(step):
    cycle, apart = dmf.two_cycle(1.0, step), 1e-5
    start = point(cycle.low + apart, cycle.low - apart)
    first, second = dmf.gradient_descent(problem(1.0, 0.0), start, step, 20).factors
    # Off by the square of the difference, and by rounding of the factors.
    expected = 2 * apart * cycle.imbalance_multiplier**10
    assert (first - second)[0, 0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("share", [0.51, 0.56, 0.61])
def test_imbalance_shrinks_up_to_a_product_of_step_and_weight_of_one_half(share):
    """Where a common change of both factors dies out, for weights on both sides of the border."""
    weights = np.array([0.0, 0.2, 0.499, 0.501, 2.0])  # times the step, which is one
    cycle = dmf.two_cycle(share + weights, 1.0, weights)
    assert np.all(np.abs(cycle.multiplier) < 1)
    np.testing.assert_array_equal(
        np.abs(cycle.imbalance_multiplier) < 1, [True, True, True, False, False]
    )
    for weight, low in zip(weights, cycle.low, strict=True):
        start = point(low + 1e-6, low - 1e-6)
        first, second = dmf.gradient_descent(problem(share + weight, weight), start, 1.0, 2).factors
        assert (abs((first - second)[0, 0]) < 2e-6) == (weight < 0.5)


def test_arguments_broadcast_and_scale():
    targets, steps = np.array([[1.0], [2.0], [4.0]]), np.array([0.3, 0.4])
    cycle = dmf.two_cycle(targets, steps)
    assert cycle.low.shape == cycle.multiplier.shape == (3, 2)
    for power in (-400, 400):  # in other units of the target, which is a square
        s = 2.0**power
        other = dmf.two_cycle(s * targets, steps / s)
        root = 2.0 ** (power // 2)
        np.testing.assert_array_equal(other.low, root * cycle.low)
        np.testing.assert_array_equal(other.high, root * cycle.high)
        np.testing.assert_array_equal(other.multiplier, cycle.multiplier)
        np.testing.assert_array_equal(other.imbalance_multiplier, cycle.imbalance_multiplier)


BAD = {
    "step": (lambda: dmf.two_cycle(1.0, 0.0), ValueError, "step must be positive"),
    "reg": (lambda: dmf.two_cycle(1.0, 0.6, -0.1), ValueError, "reg must not be negative"),
    "target": (lambda: dmf.two_cycle(np.nan, 0.6), ValueError, "target must be finite"),
    "complex": (lambda: dmf.two_cycle(1j, 0.6), TypeError, "target must hold real numbers"),
    "shapes": (lambda: dmf.two_cycle(np.ones(2), np.ones(3)), ValueError, "must broadcast"),
}


@pytest.mark.parametrize(("call", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
