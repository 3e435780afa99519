"""Scaled gradient descent: its formula, its invariance, and a rate that no condition number slows down."""

import numpy as np
import pytest
from runs import Distance

import dmfbook as dmf

RNG = np.random.default_rng(0)
SHAPES = [(3, 5), (4, 3)]
START = [RNG.normal(size=shape) for shape in SHAPES]
OPERATOR = dmf.gaussian_sensing((4, 5), 15, RNG)
PROBLEM = dmf.Problem(dmf.Sensing(OPERATOR, RNG.normal(size=15)), (3,), reg=0.1)


def ill_conditioned(rows, cols, rank, condition, rng):
    """A matrix with singular values from 1 to 1 / condition, and balanced factors of it."""
    u, v = (np.linalg.qr(rng.normal(size=(side, rank)))[0] for side in (rows, cols))
    root = np.sqrt(np.linspace(1, 1 / condition, rank))
    return (u * root**2) @ v.T, [root[:, None] * v.T, u * root]


@pytest.mark.parametrize("damping", [0.0, 0.3])
def test_steps_are_those_of_the_formula(damping):
    run = dmf.gradient_descent(PROBLEM, START, 0.05, 4, scaling=damping)
    first, second = START
    for _ in range(4):
        by_first, by_second = PROBLEM.gradient([first, second])
        left = np.linalg.inv(second.T @ second + damping * np.eye(3))
        right = np.linalg.inv(first @ first.T + damping * np.eye(3))
        first, second = first - 0.05 * left @ by_first, second - 0.05 * by_second @ right
    for found, expected in zip(run.factors, (first, second), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_one_factor_is_scaled_by_its_own_gram_matrix():
    operator = dmf.symmetric_gaussian_sensing(4, 9, np.random.default_rng(1))
    problem = dmf.SymmetricSensingProblem(operator, operator.forward(np.eye(4)))
    start = np.random.default_rng(2).normal(size=(4, 2))
    run = dmf.gradient_descent(problem, [start], 0.1, 1, scaling=0.2)
    (slope,) = problem.gradient([start])
    expected = start - 0.1 * slope @ np.linalg.inv(start.T @ start + 0.2 * np.eye(2))
    np.testing.assert_allclose(run.factors[0], expected, rtol=1e-13)


def test_products_do_not_depend_on_the_basis_of_the_hidden_layer():
    """With no damping ``(Q W_1, W_2 Q⁻¹)`` moves to ``(Q W_1⁺, W_2⁺ Q⁻¹)``, for any invertible Q."""
    problem = dmf.Problem(PROBLEM.target, (3,))
    Q = np.random.default_rng(3).normal(size=(3, 3)) + 2 * np.eye(3)
    other = [Q @ START[0], START[1] @ np.linalg.inv(Q)]
    watch = {"product": dmf.end_to_end}
    runs = [
        dmf.gradient_descent(problem, start, 0.05, 10, scaling=0.0, record=watch)
        for start in (START, other)
    ]
    np.testing.assert_allclose(
        runs[0].records["product"], runs[1].records["product"], rtol=0, atol=1e-9
    )
    plain = [dmf.gradient_descent(problem, start, 0.01, 1).factors for start in (START, other)]
    assert np.abs(dmf.end_to_end(plain[0]) - dmf.end_to_end(plain[1])).max() > 0.1


def test_the_condition_number_does_not_slow_it_down():
    """Plain descent takes the more steps the worse the target is conditioned, scaled descent as many."""
    steps = {"plain": [], "scaled": []}
    for condition in (2.0, 20.0):
        rng = np.random.default_rng(4)
        target, factors = ill_conditioned(12, 10, 3, condition, rng)
        problem = dmf.Problem(target, (3,))
        # As far from each singular value as it is large itself.
        start = [factors[0] * 1.2, factors[1] + 0.1 * factors[1] @ rng.normal(size=(3, 3))]
        done = {"record": {"loss": problem.loss}}
        for name, step, options in (("plain", 0.2, {}), ("scaled", 0.25, {"scaling": 0.0})):
            run = dmf.gradient_descent(problem, start, step, 3000, **options, **done)
            error = np.sqrt(run.records["loss"]) * condition
            steps[name].append(int(np.argmax(error < 1e-8)))
    assert 0 < steps["scaled"][1] <= steps["scaled"][0] + 5 < 40
    assert steps["plain"][1] > 5 * steps["plain"][0]


def test_damping_lets_spare_columns_start_small():
    rng = np.random.default_rng(5)
    target, _ = ill_conditioned(12, 10, 2, 20.0, rng)
    problem = dmf.Problem(target, (6,))
    start = [1e-4 * rng.normal(size=(6, 10)), 1e-4 * rng.normal(size=(12, 6))]
    run = dmf.gradient_descent(problem, start, 0.2, 300, scaling=1e-3)
    assert np.sqrt(run.loss) < 1e-6  # the least singular value is 0.05
    plain = dmf.gradient_descent(problem, start, 0.2, 300)
    assert np.sqrt(plain.loss) > 0.01


def test_runs_of_a_stack_are_scaled_alone():
    stack = [np.stack([w, 2 * w, -w / 3]) for w in START]
    run = dmf.gradient_descent(PROBLEM, stack, 0.02, 5, scaling=0.1, momentum=0.5)
    for i in range(3):
        alone = dmf.gradient_descent(
            PROBLEM, [w[i] for w in stack], 0.02, 5, scaling=0.1, momentum=0.5
        )
        for found, expected in zip(run.factors, alone.factors, strict=True):
            np.testing.assert_allclose(found[i], expected, rtol=0, atol=1e-11)
    nested = [w[:, None] for w in stack]
    again = dmf.gradient_descent(PROBLEM, nested, 0.02, 5, scaling=0.1, momentum=0.5)
    for found, expected in zip(again.factors, run.factors, strict=True):
        np.testing.assert_allclose(found[:, 0], expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("s", [2.0**-120, 2.0**120])
def test_steps_are_pure_numbers(s):
    """Factors times s, the target times s², the damping times s², and the same step."""
    target = np.random.default_rng(6).normal(size=(4, 5))
    run = dmf.gradient_descent(dmf.Problem(target, (3,)), START, 0.1, 20, scaling=0.5)
    other = dmf.gradient_descent(
        dmf.Problem(s * s * target, (3,)), [s * w for w in START], 0.1, 20, scaling=0.5 * s * s
    )
    for found, expected in zip(other.factors, run.factors, strict=True):
        np.testing.assert_allclose(found, s * expected, rtol=1e-10)


def test_singular_factors_need_a_damping():
    start = [np.zeros((3, 5)), np.ones((4, 3))]
    with pytest.raises(ValueError, match="full rank or a damping"):
        dmf.gradient_descent(PROBLEM, start, 0.1, 5, scaling=0.0)
    assert dmf.gradient_descent(PROBLEM, start, 0.1, 5, scaling=1.0).status == "finished"


class Still:
    """A loss that is constant, of factors of any shapes."""

    def loss(self, factors):
        return 0.0

    def gradient(self, factors):
        return [np.ones_like(factor) for factor in factors]


DEEP = dmf.Problem([[1.0]], (2, 2))
BAD = {
    "negative": (PROBLEM, START, -1.0, ValueError, "scaling must be finite and not negative"),
    "list": (PROBLEM, START, [0.1], TypeError, "scaling must be a number"),
    "flag": (PROBLEM, START, True, TypeError, "scaling must be a number"),
    "deep": (
        DEEP,
        [np.ones((2, 1)), np.eye(2), np.ones((1, 2))],
        0.1,
        ValueError,
        "for one factor",
    ),
    "vector": (Distance(np.ones(2)), [np.ones(2)], 0.1, ValueError, r"got shapes \[\(2,\)\]"),
    "vector and matrix": (
        Still(),
        [np.ones(2), np.ones((3, 2))],
        0.1,
        ValueError,
        "two that follow",
    ),
    "one stack": (
        Still(),
        [np.ones((2, 3, 5)), np.ones((4, 3))],
        0.1,
        ValueError,
        "two that follow",
    ),
    "apart": (
        Still(),
        [np.ones((2, 2)), np.ones((2, 3))],
        0.1,
        ValueError,
        "two that follow",
    ),
}


@pytest.mark.parametrize(("problem", "start", "scaling", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(problem, start, scaling, error, message):
    with pytest.raises(error, match=message):
        dmf.gradient_descent(problem, start, 0.1, 1, scaling=scaling)
