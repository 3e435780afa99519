"""Condition number, rates of convergence and escape against dense Hessians, closed forms and gradient descent."""

import numpy as np
import pytest
from critical_cases import accuracy, all_points, regularized_problems, rotated
from hypothesis import given
from strategies import EPS, absolute, np_abs

import dmfbook as dmf


@given(regularized_problems(max_depth=4))
def test_condition_number_is_that_of_the_dense_hessian_across_the_zeros(problem):
    for point in [dmf.global_minimizer(problem), *dmf.local_minimizers(problem)]:
        if point.is_degenerate:
            assert point.condition_number == np.inf
            continue
        factors = point.factors()
        eigenvalues = np.linalg.eigvalsh(dmf.hessian(problem, factors))[point.nullity :]
        scale = np.linalg.norm(dmf.hessian(absolute(problem), np_abs(factors)), 2)
        error = (accuracy(problem) + problem.size * EPS) * scale / eigenvalues[0]
        assert point.condition_number == pytest.approx(eigenvalues[-1] / eigenvalues[0], rel=error)


def least_positive(problem: dmf.Problem) -> float:
    """Least positive eigenvalue at the global minimizer, equal weights, distinct values off the thresholds.

    Derived by hand from the blocks; unlike these it is a minimum of five numbers.
    """
    reg, depth, widths = problem.reg[0], problem.depth, problem.widths
    sigma = np.linalg.svd(problem.target, compute_uv=False)
    w = dmf.shrink(sigma, reg, depth) ** (1 / depth)
    w[min(widths) :] = 0
    k = np.count_nonzero(w)
    beyond = sigma[k] if k < len(sigma) else 0.0
    found = []
    if k:
        last = w[k - 1]
        found += [4 * reg, 2 * depth * last ** (2 * depth - 2) - 2 * (depth - 2) * reg]
        if max(widths[0], widths[-1]) > k:
            found.append(2 * (sigma[k - 1] - beyond) * last ** (depth - 2))
        if any(width > k for width in widths[1:-1]):
            found.append(4 * reg)
    if depth == 2 and widths[1] > k:
        if k < len(sigma):
            found.append(2 * reg - 2 * beyond)
        elif widths[0] != widths[-1]:
            found.append(2 * reg)
    if depth > 2 and any(a > k and b > k for a, b in zip(widths, widths[1:], strict=False)):
        found.append(2 * reg)
    return min(found)


@pytest.mark.parametrize("widths", [(3, 4, 2), (2, 2, 2), (3, 1, 4), (3, 4, 2, 5), (2, 3, 1, 3, 2)])
@pytest.mark.parametrize("reg", [0.05, 0.7, 1.5])
def test_condition_number_has_a_closed_form(widths, reg):
    rng = np.random.default_rng(1)
    for _ in range(5):
        values = rng.uniform(0.1, 3, min(widths[0], widths[-1]))
        problem = rotated(widths, values, reg, rng)
        point = dmf.global_minimizer(problem)
        largest = dmf.hessian_extremes(point)[1]
        # The least is a difference of numbers up to the largest.
        error = 8 * accuracy(problem) * point.condition_number
        expected = largest / least_positive(problem)
        assert point.condition_number == pytest.approx(expected, rel=error)


def descend(problem, factors, step, steps):
    """Factors after each step of gradient descent."""
    for _ in range(steps):
        slopes = problem.gradient(factors)
        factors = [w - step * slope for w, slope in zip(factors, slopes, strict=True)]
        yield factors


@pytest.mark.parametrize("reg", [0.3, (0.2, 0.4, 0.3)])
def test_gradient_descent_converges_at_the_rate(reg):
    rng = np.random.default_rng(2)
    problem = rotated((3, 2, 4, 3), (3.0, 2.0, 0.3), reg, rng)
    point = dmf.global_minimizer(problem)
    largest = dmf.hessian_extremes(point)[1]
    step = 2 / (largest + largest / point.condition_number)
    kappa = point.condition_number
    assert point.convergence_rate(step) == pytest.approx((kappa - 1) / (kappa + 1), rel=1e-12)
    for length in (0.5 * step, step, 1.02 * step):
        start = [w + 1e-3 * rng.standard_normal(w.shape) for w in point.factors(rng)]
        norms = [
            np.linalg.norm(dmf.flatten(problem.gradient(factors)))
            for factors in descend(problem, start, length, 1500)
        ]
        # Faster components die first, rounding comes last.
        first, last = np.argmax(np.array(norms) < 1e-6), np.argmax(np.array(norms) < 1e-10)
        rate = (norms[last] / norms[first]) ** (1 / (last - first))
        assert rate == pytest.approx(point.convergence_rate(length), abs=2e-3)


def test_gradient_descent_leaves_a_saddle_at_the_rate():
    rng = np.random.default_rng(3)
    problem = rotated((3, 3, 3, 3), (3.0, 2.5, 2.2), 0.4, rng)
    for roots in ([1, 0, 0], [2, 1, 0], [0, 2, 0]):
        point = dmf.critical_point(problem, roots)
        base, step = point.factors(), 0.02
        start = [w + 1e-9 * rng.standard_normal(w.shape) for w in base]
        distances = np.array(
            [
                np.linalg.norm(dmf.flatten(problem.gradient(factors)))
                for factors in descend(problem, start, step, 2000)
            ]
        )
        # Where the steepest way has taken over and the loss is still quadratic.
        first, last = np.argmax(distances > 1e-6), np.argmax(distances > 1e-5)
        rate = (distances[last] / distances[first]) ** (1 / (last - first))
        assert rate == pytest.approx(point.escape_rate(step), abs=2e-3)


@given(regularized_problems(max_depth=4))
def test_escape_rate_is_that_of_the_least_eigenvalue(problem):
    for point in all_points(problem):
        smallest = dmf.hessian_extremes(point)[0]
        expected = 1 + 0.5 * abs(smallest) if point.kind == "strict saddle" else 1.0
        assert point.escape_rate(0.5) == expected


def test_degenerate_minimizers_converge_at_no_linear_rate():
    # At depth 2 with a singular value at the weight the loss is of fourth order across the orbit.
    point = dmf.global_minimizer(dmf.Problem(np.diag([2.0, 0.5]), (2,), reg=0.5))
    assert point.kind == "global minimizer" and point.is_degenerate
    assert point.condition_number == np.inf
    assert point.convergence_rate(0.01) == 1.0


def test_ties_behind_a_bottleneck_do_not_count():
    # The minimizers are a circle of end-to-end matrices.
    point = dmf.global_minimizer(dmf.Problem(np.diag([2.0, 2.0]), (1,), reg=0.5))
    assert not point.is_degenerate and point.nullity == 1
    eigenvalues = np.linalg.eigvalsh(dmf.hessian(point.problem, point.factors()))
    assert point.condition_number == pytest.approx(eigenvalues[-1] / eigenvalues[1])


def test_rates_need_minimizers_and_steps():
    problem = dmf.Problem([[3.0]], (2, 2), reg=1.0)
    saddle = dmf.critical_point(problem, [1])
    with pytest.raises(
        ValueError, match="condition number needs a minimizer, got CriticalPoint.*saddle"
    ):
        saddle.condition_number  # noqa: B018
    with pytest.raises(ValueError, match="rate of convergence needs a minimizer"):
        saddle.convergence_rate(0.1)
    fold = dmf.critical_point(dmf.Problem([[dmf.fold_threshold(1.0, 3)]], (1, 1), 1.0), [2])
    with pytest.raises(ValueError, match="needs a minimizer, got CriticalPoint.*degenerate"):
        fold.condition_number  # noqa: B018
    point = dmf.global_minimizer(problem)
    for function in (point.convergence_rate, point.escape_rate):
        for step, error in (
            (0.0, ValueError),
            (-1, ValueError),
            (np.inf, ValueError),
            ([0.1], TypeError),
            (None, TypeError),
        ):
            with pytest.raises(error, match="step must be"):
                function(step)
