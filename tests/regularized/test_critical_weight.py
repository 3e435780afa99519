"""The critical weight for any data against searches over factors, scans over directions and known cases."""

import numpy as np
import pytest
from critical_cases import haar, rotated
from scipy.optimize import minimize
from strategies import EPS

import dmfbook as dmf


def lowest(problem: dmf.Problem, rng: np.random.Generator, starts: int) -> float:
    """Least loss that searches over the factors find."""

    def objective(vector):
        factors = dmf.unflatten(vector, problem.widths)
        return problem.loss(factors), dmf.flatten(problem.gradient(factors))

    options = {"gtol": 1e-10, "ftol": 0, "maxiter": 3000}
    found = []
    for _ in range(starts):
        start = rng.standard_normal(problem.size) * rng.choice([0.5, 1.0, 2.0])
        found.append(minimize(objective, start, jac=True, method="L-BFGS-B", options=options).fun)
    return min(found)


def correlated(rng: np.random.Generator, outputs: int, inputs: int, samples: int) -> dmf.Regression:
    """Data whose inputs are far from white."""
    spread = haar(inputs, rng) @ np.diag(np.geomspace(1, 0.2, inputs))
    x = spread @ rng.standard_normal((inputs, samples))
    return dmf.Regression(x, rng.standard_normal((outputs, samples)), scale=1 / samples)


@pytest.mark.parametrize(
    ("widths", "seed"),
    [((3, 2, 2), 1), ((2, 1, 3), 2), ((3, 2, 2, 2), 3), ((2, 1, 2, 3), 4), ((2, 2, 2, 2, 2), 5)],
    ids=str,
)
def test_searches_over_factors_beat_zero_below_it_and_only_there(widths, seed):
    rng = np.random.default_rng(seed)
    loss = correlated(rng, widths[-1], widths[0], 8)
    critical = dmf.critical_reg_of(dmf.Problem(loss, widths[1:-1]))
    weights = np.linspace(0.5, 1.5, len(widths) - 1)
    weights /= np.exp(np.log(weights).mean())
    zero = loss.value(np.zeros(loss.shape))
    # Near the threshold the gain is first order in the distance for depth 3 and more, second at depth 2.
    below = lowest(dmf.Problem(loss, widths[1:-1], 0.97 * critical * weights), rng, 30)
    above = lowest(dmf.Problem(loss, widths[1:-1], 1.03 * critical * weights), rng, 30)
    assert below < zero * (1 - 1e-6)
    assert above >= zero * (1 - 1e-12)


@pytest.mark.parametrize("depth", [2, 3, 4, 9])
@pytest.mark.parametrize("seed", range(4))
def test_no_direction_and_no_size_does_better(depth, seed):
    # All end-to-end matrices of rank one are s u vᵀ; the best u is along C v. Two inputs: v is an angle.
    rng = np.random.default_rng(seed)
    loss = correlated(rng, 3, 2, 7)
    critical = dmf.critical_reg_of(dmf.Problem(loss, (2,) * (depth - 1)))
    angle = np.linspace(0, np.pi, 4001)
    v = np.array([np.cos(angle), np.sin(angle)])
    fit = np.linalg.norm(loss.cross_moment @ v, axis=0)
    square = np.einsum("ij,ij->j", v, loss.second_moment @ v)
    s = np.geomspace(1e-9, 10, 4001)[:, None]
    gains = (2 * s * fit - s**2 * square) / (depth * s ** (2 / depth))
    # A grid misses the maximum by the square of its step.
    assert gains.max() <= critical * (1 + 1e-12)
    assert gains.max() == pytest.approx(critical, rel=1e-5 if depth > 2 else 1e-7)


@pytest.mark.parametrize("depth", [2, 3, 5, 40])
def test_white_data_have_the_weight_of_their_largest_singular_value(depth):
    rng = np.random.default_rng(1)
    target = rng.standard_normal((4, 3))
    expected = dmf.critical_reg(np.linalg.norm(target, 2), depth)
    loss = dmf.Regression(np.eye(3), target)
    hidden = (1,) * (depth - 1)
    tolerance = 100 * depth * EPS
    for problem in (dmf.Problem(target, hidden), dmf.Problem(loss, hidden, reg=0.3)):
        assert dmf.critical_reg_of(problem) == pytest.approx(expected, rel=tolerance)
    # Orthonormal inputs that do not span the space.
    few = dmf.Regression(np.eye(5)[:, :3], target)
    assert dmf.critical_reg_of(dmf.Problem(few, hidden)) == pytest.approx(expected, rel=tolerance)


def test_two_layers_need_the_norm_of_the_cross_moment_however_inputs_are_correlated():
    rng = np.random.default_rng(2)
    loss = correlated(rng, 4, 6, 30)
    critical = dmf.critical_reg_of(dmf.Problem(loss, (3,)))
    assert critical == pytest.approx(np.linalg.norm(loss.cross_moment, 2), rel=1e-13)


def test_many_layers_approach_the_largest_generalized_eigenvalue():
    rng = np.random.default_rng(3)
    loss = correlated(rng, 4, 5, 40)
    limit = np.linalg.norm(loss.whitened_target, 2) ** 2
    errors = []
    for depth in (100, 1000):
        weight = dmf.critical_reg_of(dmf.Problem(loss, (4,) * (depth - 1)))
        # κ_L falls like 1 / (e L), powers of numbers of order one differ from one by 1 / L.
        errors.append(abs(weight * (depth - 1) / limit - 1))
    assert errors[1] < 0.05 and errors[1] < errors[0] / 4


def test_depth_changes_which_direction_survives_longest():
    # Direction 1 has strong inputs and outputs that follow weakly, direction 2 the reverse.
    loss = dmf.Regression(np.diag([4.0, 0.25]), np.diag([1.0, 3.0]))
    strengths = []
    for depth in (2, 8):
        ways = np.array([4.0, 0.75]), np.array([4.0, 0.25])
        kappa = dmf.critical_reg(1.0, depth)
        alone = kappa * ways[0] ** (2 - 2 / depth) * ways[1] ** (4 / depth - 2)
        assert dmf.critical_reg_of(dmf.Problem(loss, (2,) * (depth - 1))) >= alone.max() * (
            1 - 1e-14
        )
        strengths.append(int(np.argmax(alone)))
    assert strengths == [0, 1]


@pytest.mark.parametrize("depth", [2, 3, 5, 12])
@pytest.mark.parametrize("place", range(4))
def test_outputs_that_follow_one_of_several_inputs_have_its_weight(depth, place):
    strengths = np.array([3.0, 1.3, 0.4, 0.17])
    loss = dmf.Regression(np.diag(strengths), 2 * np.eye(4)[[place]])
    problem, q = dmf.Problem(loss, (1,) * (depth - 1)), strengths[place]
    # ‖C v‖ and ‖Qᵀ v‖ of that direction are 2 q and q.
    expected = dmf.critical_reg(1.0, depth) * (2 * q) ** (2 - 2 / depth) * q ** (4 / depth - 2)
    assert dmf.critical_reg_of(problem) == pytest.approx(expected, rel=20 * EPS)
    np.testing.assert_allclose(dmf.critical_direction_of(problem), np.eye(4)[place], atol=20 * EPS)


@pytest.mark.parametrize("depth", [2, 3, 4, 9, 60])
@pytest.mark.parametrize("seed", range(4))
def test_the_direction_attains_the_weight_and_is_stationary(depth, seed):
    rng = np.random.default_rng(seed)
    loss = correlated(rng, 3, 4, (7, 7, 2, 1)[seed])
    problem = dmf.Problem(loss, (2,) * (depth - 1), reg=0.1)
    v, C, S = dmf.critical_direction_of(problem), loss.cross_moment, loss.second_moment
    assert np.linalg.norm(v) == pytest.approx(1, rel=10 * EPS)
    fit, square = np.linalg.norm(C @ v), v @ S @ v
    attained = dmf.critical_reg(1.0, depth) * fit ** (2 - 2 / depth) * square ** (2 / depth - 1)
    assert attained == pytest.approx(dmf.critical_reg_of(problem), rel=200 * EPS)
    slope = (1 - 1 / depth) * C.T @ C @ v / fit**2 - (1 - 2 / depth) * S @ v / square
    assert np.linalg.norm(slope - v / depth) < 1e-12


@pytest.mark.parametrize("depth", [2, 5])
def test_the_direction_of_a_target_is_its_leading_singular_vector(depth):
    target = np.random.default_rng(5).standard_normal((4, 3))
    leading = np.linalg.svd(target)[2][0]
    for loss in (target, dmf.Regression(2 * np.eye(3), target)):
        found = dmf.critical_direction_of(dmf.Problem(loss, (1,) * (depth - 1)))
        assert abs(found @ leading) == pytest.approx(1, rel=10 * EPS)
        assert np.abs(found).max() == found.max()


def test_the_best_products_just_below_the_weight_see_the_direction():
    rng = np.random.default_rng(6)
    loss = correlated(rng, 2, 3, 8)
    plain = dmf.Problem(loss, (1, 1))
    fit = dmf.regression_fit(dmf.Problem(loss, (1, 1), (1 - 1e-6) * dmf.critical_reg_of(plain)))
    right = np.linalg.svd(fit.end_to_end)[2][0]
    assert fit.rank == 1
    assert abs(right @ dmf.critical_direction_of(plain)) == pytest.approx(1, abs=1e-8)


def test_no_direction_without_correlation():
    data = dmf.Regression(np.eye(2), np.zeros((3, 2)))
    for loss in (np.zeros((2, 3)), data):
        with pytest.raises(ValueError, match="must be correlated with inputs, got a cross moment"):
            dmf.critical_direction_of(dmf.Problem(loss, (2,)))


def test_nothing_to_fit_needs_no_weight():
    assert dmf.critical_reg_of(dmf.Problem(np.zeros((2, 3)), (2,))) == 0.0
    assert (
        dmf.critical_reg_of(dmf.Problem(dmf.Regression(np.eye(2), np.zeros((3, 2))), (2, 2))) == 0.0
    )
    assert (
        dmf.critical_reg_of(dmf.Problem(dmf.Regression(np.zeros((2, 2)), np.eye(2)), (2,))) == 0.0
    )


@pytest.mark.parametrize("depth", [2, 3, 7])
def test_the_weight_of_a_target_is_where_its_minimizer_collapses(depth):
    problem = rotated((3, *[2] * (depth - 1), 4), (2.0, 1.0, 0.5), 1.0, np.random.default_rng(4))
    critical = dmf.critical_reg_of(problem)
    for factor, rank in ((1 - 1e-9, 1), (1 + 1e-9, 0)):
        there = dmf.Problem(problem.target, problem.hidden_widths, factor * critical)
        assert dmf.global_minimizer(there).rank == rank


def test_other_losses_are_refused():
    sensing = dmf.Sensing(dmf.dense_sensing([[[1.0, 1.0]]]), [2.0])
    for function in (dmf.critical_reg_of, dmf.critical_direction_of):
        with pytest.raises(TypeError, match="needs a problem of factorization or regression, got"):
            function(dmf.Problem(sensing, (2,)))
        with pytest.raises(TypeError, match="problem must be a dmfbook.Problem, got ndarray"):
            function(np.eye(2))
