"""Fits of data with weight decay: their certificates, closed forms where there are some, and what is not known."""

import pickle

import numpy as np
import pytest
from critical_cases import haar
from strategies import EPS

import dmfbook as dmf
from dmfbook.regularized.reduced_regression import ReducedRegression
from dmfbook.regularized.regression_fit import _best


def correlated(seed: int, outputs: int, inputs: int, samples: int) -> dmf.Regression:
    """Data whose inputs are far from white."""
    rng = np.random.default_rng(seed)
    spread = haar(inputs, rng) @ np.diag(np.geomspace(1, 0.05, inputs))
    x = spread @ rng.standard_normal((inputs, samples))
    return dmf.Regression(x, rng.standard_normal((outputs, samples)), scale=1 / samples)


def problem_at(loss: dmf.Regression, hidden: tuple[int, ...], share: float) -> dmf.Problem:
    """Unequal weights with a share of the critical weight as their mean."""
    weights = np.linspace(0.5, 1.5, len(hidden) + 1)
    critical = dmf.critical_reg_of(dmf.Problem(loss, hidden))
    return dmf.Problem(loss, hidden, share * critical * weights / np.exp(np.log(weights).mean()))


def slope(problem: dmf.Problem, fit: dmf.RegressionFit) -> float:
    return float(np.linalg.norm(dmf.flatten(problem.gradient(fit.factors))))


@pytest.mark.parametrize("share", [0.9, 0.3, 0.03])
@pytest.mark.parametrize(
    ("outputs", "inputs", "samples"), [(3, 4, 9), (4, 2, 9), (2, 5, 2), (1, 3, 7)]
)
def test_two_layers_meet_the_conditions_of_the_convex_problem(outputs, inputs, samples, share):
    loss = correlated(1, outputs, inputs, samples)
    problem = problem_at(loss, (5,), share)
    fit = dmf.regression_fit(problem)
    assert fit.proof in ("duality", "white inputs")
    assert 0 <= fit.loss - fit.lower_bound <= 1e-9 * loss.value(np.zeros(loss.shape))
    mean, X = np.sqrt(np.prod(problem.reg)), fit.end_to_end
    pull = loss.cross_moment - X @ loss.second_moment
    # −½∇ℓ is λ̄ times a subgradient of the nuclear norm.
    assert np.linalg.norm(pull, 2) == pytest.approx(mean, rel=1e-8)
    assert np.vdot(pull, X) == pytest.approx(mean * np.linalg.norm(X, "nuc"), rel=1e-8)
    assert slope(problem, fit) < 1e-8 * mean


@pytest.mark.parametrize("hidden", [(4,), (2, 4), (3, 3, 3)])
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_white_inputs_have_the_closed_form(hidden, share):
    target = np.random.default_rng(2).standard_normal((4, 3))
    data = problem_at(dmf.Regression(np.eye(3), target), hidden, share)
    fit = dmf.regression_fit(data)
    expected = dmf.global_minimizer(dmf.Problem(target, hidden, data.reg))
    assert fit.proof == "white inputs" and fit.is_global
    assert fit.loss == pytest.approx(expected.loss, rel=100 * EPS)
    np.testing.assert_allclose(fit.end_to_end, expected.end_to_end, atol=1e-13)


@pytest.mark.parametrize("hidden", [(2, 2), (3, 1, 2)])
def test_a_single_sample_is_solved_at_every_depth(hidden):
    problem = problem_at(correlated(3, 2, 3, 1), hidden, 0.4)
    fit = dmf.regression_fit(problem)
    assert fit.proof == "white inputs" and fit.rank == 1
    assert slope(problem, fit) < 1e-12 * max(problem.reg)


@pytest.mark.parametrize("hidden", [(2,), (2, 2), (1, 3, 2)])
def test_zero_is_the_minimizer_from_the_critical_weight_on(hidden):
    loss = correlated(4, 3, 3, 6)
    for share, zero in ((1 - 1e-6, False), (1 + 1e-6, True)):
        fit = dmf.regression_fit(problem_at(loss, hidden, share))
        assert (fit.rank == 0) is zero
        assert (fit.proof == "critical weight") is zero
    assert (
        dmf.regression_fit(dmf.Problem(dmf.Regression(np.eye(2), 0 * np.eye(2)), (2,), 1.0)).rank
        == 0
    )


@pytest.mark.parametrize(("hidden", "first_is_last"), [((4,), True), ((4, 4), False)], ids=str)
def test_a_descent_is_the_last_where_it_is_proved(hidden, first_is_last, monkeypatch):
    descend, calls = ReducedRegression.descend, []
    monkeypatch.setattr(
        ReducedRegression, "descend", lambda *given: calls.append(1) or descend(*given)
    )
    reduced = ReducedRegression(
        np.array([1.0, 0.6, 0.3]), np.diag([3.0, 2.0, 0.4]), len(hidden) + 1, 3, 0.1
    )
    best = _best(reduced, 2, np.random.default_rng(0))
    starts = len(reduced.starts(2, np.random.default_rng(0)))
    assert len(calls) == (1 if first_is_last else starts) and starts > 2
    assert reduced.value(best) < reduced.value(0 * best)


@pytest.mark.parametrize("hidden", [(3, 3), (2, 4, 3)])
@pytest.mark.parametrize("share", [0.7, 0.2])
def test_deeper_networks_get_a_local_minimizer_and_an_honest_bound(hidden, share):
    problem = problem_at(correlated(5, 3, 4, 9), hidden, share)
    fit = dmf.regression_fit(problem)
    assert fit.proof == "none" and not fit.is_global
    assert fit.lower_bound < fit.loss < problem.loss([0 * w for w in fit.factors])
    assert fit.loss == pytest.approx(problem.loss(fit.factors), rel=10 * EPS)
    assert slope(problem, fit) < 1e-8 * max(problem.reg)
    assert np.linalg.eigvalsh(dmf.hessian(problem, fit.factors)).min() > -1e-7
    assert "best found, none below" in repr(fit)


def test_behind_a_bottleneck_convexity_proves_what_it_lets_through():
    loss = correlated(6, 4, 4, 12)
    wide = dmf.regression_fit(problem_at(loss, (4,), 0.05))
    assert wide.rank > 1
    enough = dmf.regression_fit(problem_at(loss, (wide.rank,), 0.05))
    assert enough.loss == pytest.approx(wide.loss, rel=1e-9) and enough.proof == "duality"
    narrow = dmf.regression_fit(problem_at(loss, (1,), 0.05))
    assert narrow.proof == "none" and narrow.rank == 1
    assert narrow.lower_bound == pytest.approx(wide.loss, rel=1e-9) and narrow.loss > wide.loss


# Norms of inputs along axes, outputs along the same ones, weight, depth, and which axes are worth their price.
SEPARATE = {
    # The last mode is a local minimizer by itself, but zero is better.
    "one that does not pay": ((1.0, 0.9, 0.1), (1.0, 0.8, 0.62), 0.05, 3, [0, 1]),
    "weak inputs, large layers": ((1.0, 0.05), (1.0, 0.9), 1e-3, 3, [0, 1]),
    "four layers": ((1.0, 0.5), (1.0, 0.9), 0.01, 4, [0, 1]),
}


@pytest.mark.parametrize(
    ("norms", "values", "reg", "depth", "kept"), SEPARATE.values(), ids=SEPARATE
)
def test_modes_along_the_axes_of_the_inputs_shrink_each_by_itself(norms, values, reg, depth, kept):
    q, y = np.array(norms), np.array(values)
    # With t = q s a mode costs (y − t)² + L λ q^{−2/L} t^{2/L}.
    t = dmf.shrink(y, reg * q ** (-2 / depth), depth)
    expected = np.sum((y - t) ** 2 + depth * reg * (t / q) ** (2 / depth))
    loss = dmf.Regression(np.diag(q), np.diag(y))
    fit = dmf.regression_fit(dmf.Problem(loss, (len(q),) * (depth - 1), reg), starts=0)
    assert np.flatnonzero(t).tolist() == kept and fit.rank == len(kept)
    assert fit.loss == pytest.approx(expected, rel=1e-12) and fit.proof == "none"
    np.testing.assert_allclose(fit.end_to_end, np.diag(t / q), atol=1e-6 * (t / q).max())


def test_a_descent_drops_what_does_not_pay():
    q, y, reg = np.array([1.0, 0.9, 0.1]), np.array([1.0, 0.8, 0.62]), 0.05
    weights = reg * q ** (-2 / 3)
    everything = dmf.stationary_values(y, weights, 3)[1] ** 3 / q
    expected = dmf.shrink(y, weights, 3) / q
    assert everything[2] > 1 and expected[2] == 0
    reduced = ReducedRegression(q, np.diag(y), 3, 3, reg)
    found = reduced.descend(np.diag(everything), np.random.default_rng(0))
    np.testing.assert_allclose(found, np.diag(expected), atol=1e-9)


@pytest.mark.parametrize("depth", [3, 4, 7])
@pytest.mark.parametrize("reg", [0.01, 10.0])
def test_a_descent_stays_at_a_minimizer(depth, reg):
    # Little above the collapse threshold the way to zero is not far.
    target = 1.02 * dmf.collapse_threshold(reg, depth)
    kept = np.array([[0.0, dmf.shrink(target, reg, depth)]])
    reduced = ReducedRegression(np.ones(2), np.array([[0.0, target]]), depth, 1, reg)
    found = reduced.descend(kept, np.random.default_rng(0))
    np.testing.assert_allclose(found, kept, atol=1e-9 * kept.max())


def test_every_matrix_has_a_bound_and_the_minimizer_the_best():
    q, y, reg = np.array([1.0, 0.9, 0.2]), np.array([0.5, 0.3, 0.4]), 0.05
    reduced = ReducedRegression(q, np.diag(y), 2, 3, reg)
    best = np.diag(np.maximum(y - reg / q, 0) / q)
    least = reduced.value(best)
    for share in (0.0, 0.5, 1.0, 3.0):
        assert 0 <= reduced.dual_bound(share * np.diag(y / q)) <= least
    assert reduced.dual_bound(best) == pytest.approx(least, rel=1e-14)


@pytest.mark.parametrize("hidden", [(3, 3), (2, 4, 3)])
@pytest.mark.parametrize("share", [0.7, 0.02])
def test_the_bound_without_proof_is_that_of_a_convex_problem(hidden, share):
    loss, depth = correlated(5, 3, 4, 9), len(hidden) + 1
    fit = dmf.regression_fit(problem := problem_at(loss, hidden, share))
    mean = np.exp(np.log(problem.reg).mean())
    # No singular value is above B, and below it s^{2/L} ≥ s B^{2/L−1}.
    largest = ((fit.loss - loss.least) / (depth * mean)) ** (depth / 2)
    reg = depth * mean * largest ** (2 / depth - 1) / 2
    convex = dmf.regression_fit(dmf.Problem(loss, (3,), reg))
    assert convex.is_global
    assert fit.lower_bound == pytest.approx(convex.loss, rel=1e-8)


@pytest.mark.parametrize("hidden", [(2,), (3, 2)])
def test_at_the_critical_weight_itself_all_layers_are_zero(hidden):
    loss = correlated(4, 2, 4, 6)
    problem = dmf.Problem(loss, hidden, dmf.critical_reg_of(dmf.Problem(loss, hidden)))
    fit = dmf.regression_fit(problem)
    assert (fit.proof, fit.rank) == ("critical weight", 0)
    widths = problem.widths
    assert [w.shape for w in fit.factors] == list(zip(widths[1:], widths[:-1], strict=True))
    assert fit.loss == fit.lower_bound == loss.value(np.zeros(loss.shape))


def test_inputs_and_outputs_may_be_of_any_size():
    rng, size = np.random.default_rng(8), 2.0**400
    x, y = np.diag([1.0, 0.3]) @ rng.standard_normal((2, 6)), rng.standard_normal((3, 6))
    fit = dmf.regression_fit(dmf.Problem(dmf.Regression(x, y), (2,), 0.1))
    far = dmf.regression_fit(dmf.Problem(dmf.Regression(x / size, size * y), (2,), 0.1))
    assert far.proof == fit.proof == "duality"
    assert far.loss == pytest.approx(size**2 * fit.loss, rel=1e-12)
    np.testing.assert_allclose(far.end_to_end / size**2, fit.end_to_end, rtol=1e-7)


def test_results_repeat_and_survive_pickle():
    problem = problem_at(correlated(7, 2, 3, 6), (2, 2), 0.5)
    first, second = dmf.regression_fit(problem), dmf.regression_fit(problem)
    np.testing.assert_array_equal(first.end_to_end, second.end_to_end)
    again = pickle.loads(pickle.dumps(first))
    assert repr(again) == repr(first)


def test_what_is_no_regression_with_weights_is_refused():
    data = dmf.Regression(np.eye(2), np.eye(2))
    with pytest.raises(
        TypeError, match="needs a problem of regression, got one with Factorization"
    ):
        dmf.regression_fit(dmf.Problem(np.eye(2), (2,), 1.0))
    with pytest.raises(TypeError, match="problem must be a dmfbook.Problem, got Regression"):
        dmf.regression_fit(data)
    with pytest.raises(ValueError, match="weights must be positive, got reg"):
        dmf.regression_fit(dmf.Problem(data, (2,), (0.0, 1.0)))
    problem = dmf.Problem(data, (2,), 0.1)
    with pytest.raises(ValueError, match="starts must be at least 0, got -1"):
        dmf.regression_fit(problem, starts=-1)
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got 3"):
        dmf.regression_fit(problem, rng=3)
