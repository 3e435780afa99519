"""How cases are drawn: clear of the borders at which their statements say nothing."""

import numpy as np

from dmfbook.claims.cases.linear_networks import data, last_products
from dmfbook.claims.cases.sharpness.launch_sites import singular_two
from dmfbook.claims.cases.training.small_starts import spread_frame
from dmfbook.claims.flatness.trace_and_nuclear_norm import compare_moments, second_moments
from dmfbook.claims.training.how_fast import heavy_ball
from dmfbook.claims.training.unbalanced_and_ill_conditioned import scaled_rate
from dmfbook.network.hessian import hessian
from dmfbook.regularized.critical import global_minimizer


def test_a_step_that_is_singular_everywhere_is_borne_with_room():
    for seed in range(100):
        rng = np.random.default_rng(seed)
        problem, _ = singular_two(rng)
        values = np.linalg.eigvalsh(hessian(problem, global_minimizer(problem).factors(rng)))
        assert values[-1] / (4 * problem.reg[0]) < 0.92


def test_no_row_of_a_spread_frame_has_twice_its_share():
    for seed in range(100):
        frame = spread_frame(70, 2, np.random.default_rng(seed))
        np.testing.assert_allclose(frame.T @ frame, np.eye(2), atol=1e-14)
        assert np.sum(frame**2, axis=1).max() < 2 * 2 / 70


def test_no_run_of_scaled_descent_with_a_little_weight_decay_runs_away():
    for number in range(100, 200):
        case = scaled_rate.example(number, 2798264341, without="no weight decay")
        least = np.linalg.svd(case.problem.target)[1][case.problem.hidden_widths[0] - 1]
        assert np.linalg.norm(case.products - case.problem.target, axis=(1, 2)).max() < least


def test_outputs_of_a_control_never_count_nearly_alike():
    for seed in range(100):
        case = last_products.unlike(data.many_samples)(np.random.default_rng(seed))
        assert np.max(case.outputs) > 2 * np.min(case.outputs)


def test_every_case_tells_the_power_of_the_second_moments():
    for seed in range(20):
        for number in (0, 1):
            case = second_moments.example(number, seed)
            assert not compare_moments(case, outer=-1.0).holds and compare_moments(case).holds


def test_the_largest_eigenvalue_decides_the_rate_of_a_long_step():
    least = heavy_ball.rivals["the least eigenvalue decides"]
    long = list(heavy_ball.cases).index("a long step")
    for seed in range(10):
        assert least(heavy_ball.example(long, seed)).margin < 0.2
